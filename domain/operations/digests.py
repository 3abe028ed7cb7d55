"""Digests: what somebody asked to be told together, once a day or a week, by their own clock.

What waits is a notification with its digest's name; the row of the digest that was sent keeps the same one from
going out twice, whenever the job died or was late.
"""

from peewee import JOIN, fn

from database.clock import now, written
from database.transactions import writes
from domain.base import configuration, notices, outgoing, preferences
from models import Digest, Notification, Organization, User

MOST = 50  # of one letter; the rest is counted


def send_due(limit=100):
    """Leave the letters of up to so many digests whose turn has come; returns how many."""
    moment, sent = now(), 0
    for user in _waiting():
        turn = preferences.latest_turn(user, user.period, moment)
        if sent < limit and Notification.created_at.python_value(user.since) < turn:
            sent += _send(user, user.period, turn)
    return sent


def _waiting():
    """For whom something waits, with the `period` of its digest and `since` when."""
    oldest = fn.MIN(Notification.created_at).coerce(False)
    return (
        User.select(User, Notification.digest.alias("period"), oldest.alias("since"))
        .join(Notification, on=Notification.recipient == User.id)
        .where(Notification.digest.is_null(False))
        .group_by(User.id, Notification.digest)
        .order_by(User.id)
        .objects()
        .iterator()
    )


@writes
def _send(user, period, turn):
    """One person's digest of what came before its turn; whether anything waited for it."""
    due = (Notification.recipient == user.id) & (Notification.digest == period) & (Notification.created_at < turn)
    found = list(
        Notification.select(Notification, Organization)
        .join(Organization, JOIN.LEFT_OUTER)
        .where(due)
        .order_by(Notification.id)
    )
    day = f"{turn:%Y-%m-%d}"
    if not found or Digest.one(Digest.user == user.id, Digest.period == period, Digest.day == day):
        return False
    Notification.update(digest=None).where(Notification.id.in_([one.id for one in found])).execute()
    told = [one for one in found if _is_news(user, one)]
    Digest.insert(user=user.id, period=period, day=day, entries=len(told)).execute()
    if told:
        outgoing.post_digest(user, period, day, _values(user, period, notices.covered(user, told)))
    return True


def _is_news(user, notification):
    """Whether it is still unread, still wanted, and still theirs to know."""
    if user.status != "active" or (notification.in_bell and notification.read_at):
        return False
    wanted = preferences.wanted(user.id, notification.type).letter
    about = user.id, notification.organization_id, notification.type
    return wanted != preferences.OFF and outgoing.has_a_reader(*about)


def _values(user, period, told):
    groups = {}
    for one in told[:MOST]:
        name = one.organization.name if one.organization_id else "You"
        entry = {
            "title": one.title,
            "body": (one.body or "")[:300],
            "at": written(one.created_at, user.timezone),
            "link": f"{configuration.active.site_url}{one.link or '/notifications'}",
        }
        groups.setdefault(name, {"name": name, "entries": []})["entries"].append(entry)
    return {
        "name": user.name,
        "period": period,
        "count": len(told),
        "more": max(0, len(told) - MOST),
        "groups": list(groups.values()),
        "link": f"{configuration.active.site_url}/notifications",
    }
