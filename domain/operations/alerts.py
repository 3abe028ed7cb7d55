"""Alerts: a text to everybody for a day, with one high-water mark a person instead of read flags."""

from datetime import timedelta

from peewee import fn

from database.clock import now
from database.locks import lock
from database.transactions import wake, writes
from database.waking.table_caches import TableCache
from domain import Invalid, NotFound
from domain.base import audit
from domain.fields.kinds import clean
from models import Alert, User

ACTIVE = timedelta(hours=24)
MOST = 500  # characters
AGAIN = timedelta(minutes=1)  # a form that is sent twice


@writes
def broadcast(message, *, by):
    """Show a text to everybody signed in, for 24 hours; the same again within a minute is the same alert.
    Refuses with Invalid."""
    message = clean(message).strip()
    if not message:
        raise Invalid({"message": "Write what everybody should know."})
    if len(message) > MOST:
        raise Invalid({"message": f"Keep it to {MOST} characters; this has {len(message)}."})
    lock("alerts")
    now_again = (Alert.created_by == by) & (Alert.created_at > now() - AGAIN)
    if held := Alert.one(Alert.message == message, now_again, Alert.retracted_at.is_null()):
        return held
    alert = Alert.create(message=message, created_by=by)
    audit.record("alert.created", f"Alert: {message}", by=by, category="admin", target=alert)
    _redraw()
    return alert


@writes
def retract(id, *, by):
    """Take an alert back; the row stays for the log. Refuses with NotFound."""
    taken = (
        Alert.update(retracted_at=now())
        .where(Alert.id == id, Alert.retracted_at.is_null(), Alert.created_at > now() - ACTIVE)
        .execute()
    )
    if not taken:
        raise NotFound("That alert is over already.")
    audit.record("alert.retracted", "An alert was taken back", by=by, category="admin", target=("alert", id))
    _redraw()


def _redraw():
    wake("alerts")
    wake("live")


def active():
    """What is shown now, newest first. Expiry is this filter; no row is removed for it."""
    return list(
        Alert.select().where(Alert.created_at > now() - ACTIVE, Alert.retracted_at.is_null()).order_by(Alert.id.desc())
    )


# On every page: `list_1m_vs_jinja_page`.
_newest = TableCache(
    "alerts", lambda: Alert.select(fn.max(Alert.created_at)).where(Alert.retracted_at.is_null()).scalar()
)


def unread(user):
    """Whether there is an alert newer than a day and than the user's last look."""
    newest = _newest.rows()
    return newest is not None and newest > max(filter(None, (now() - ACTIVE, user.last_seen_alert_at)))


@writes
def see(user):
    """The user has looked: put the dot out (only when there is one)."""
    if unread(user):
        user.last_seen_alert_at = now()
        User.update(last_seen_alert_at=now()).where(User.id == user.id).execute()
        wake("live")
