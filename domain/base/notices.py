"""Notifications: a row for each person and thing they should know, with its own read mark."""

from datetime import timedelta

from peewee import JOIN, fn

from database.clock import now
from database.compiled import Compiled
from database.parameters import parameter
from database.transactions import wake, writes
from domain import NotFound
from domain.base import outgoing, settings
from domain.base.outgoing import covered_news, sends
from models import Notification, Organization

SHOWN = 10
UNSEEN = "News of something that isn't yours to see any more"


@sends("notification", transactional=True)
def deliver(row):
    """Put an outgoing notification before its reader; its key keeps a repeat from showing twice."""
    values = row.payload if row.payload.get("in_bell", True) else row.payload | {"read_at": now()}
    Notification.insert(**values, dedupe_key=row.key).on_conflict_ignore().execute()
    wake("live")


# On every page: `list_1m_vs_jinja_page`.
_unread = Compiled(
    lambda: Notification.select(fn.count(Notification.id)).where(
        Notification.recipient == parameter("user"), Notification.read_at.is_null()
    )
)


def unread(user):
    """How many notifications the user hasn't read."""
    return _unread(user=user.id)[0][0]


def newest(user, limit=SHOWN, before=None):
    """The user's notifications, newest first; `before` is the id to go on from."""
    query = (
        Notification.select(Notification, Organization)
        .join(Organization, JOIN.LEFT_OUTER)
        .where(Notification.recipient == user, Notification.in_bell)
    )
    if before:
        query = query.where(Notification.id < before)
    return covered(user, query.order_by(Notification.id.desc()).limit(limit))


def covered(user, found):
    """The notifications as this person may read them: they name nothing that its reader lost the right to see."""
    found = [one if user.second_factor_at else _covered(one) for one in found]
    gone = outgoing.unread_by(user.id, [(one.organization_id, one.link) for one in found])
    for one in found:
        if (one.organization_id, one.link) in gone:
            one.title, one.body, one.link = UNSEEN, None, None
    return found


def _covered(notification):
    organization = notification.organization
    if organization and organization.asks_for_factor:
        notification.title, notification.body, notification.link = covered_news(organization)
    return notification


@writes
def mark_read(user, id):
    """Mark one as read; returns it. Refuses with NotFound for anybody else's."""
    notification = Notification.one(Notification.id == id, Notification.recipient == user)
    if notification is None:
        raise NotFound("That notification is gone.")
    Notification.update(read_at=now()).where(Notification.id == id, Notification.read_at.is_null()).execute()
    wake("live")
    return notification


@writes
def mark_all_read(user):
    """Mark all as read; returns how many were unread."""
    wake("live")
    return (
        Notification.update(read_at=now())
        .where(Notification.recipient == user, Notification.read_at.is_null())
        .execute()
    )


@writes
def prune(limit):
    """Remove what was read too long ago, counted from the reading; the unread stay for ever."""
    before = now() - timedelta(days=settings.get("notification_retention_days"))
    old = Notification.select(Notification.id).where(Notification.read_at < before, Notification.digest.is_null())
    old = old.limit(limit)
    return Notification.delete().where(Notification.id.in_(old)).execute()
