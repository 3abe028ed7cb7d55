"""The picture of an event, at the head of its page: small enough that the page stays light."""

from database.transactions import writes
from domain import Forbidden, NotFound, existing
from domain.base import audit, changes
from domain.events import events
from domain.lists import attachments, rows
from domain.lists.listing import demand

TABLE = "event"
SIZE = 1080, 540
MOST = 48_000  # bytes: with it, the first view of the page stays below 60 kB


def of(event_id):
    """The StoredFile that is the picture of an event, or None."""
    return attachments.picture(TABLE, event_id)


def content(event_id):
    """(the picture's hash, its bytes as WebP). Refuses with NotFound."""
    found = existing(of(event_id), "This event has no picture.")
    return found.sha256, b"".join(attachments.content(found))


def put(id, data, name, *, by):
    """Make a photo (bytes) the picture of an event, instead of the one it had: its middle, twice as wide as high.
    Refuses with NotFound or Forbidden, and as attachments.bring_picture."""
    event = _changed(id, by)
    _note(event, attachments.bring_picture(TABLE, event.id, data, name, SIZE, MOST, by=by), by)


def _changed(id, by):
    event = rows.get(events.rules, id, by)
    demand(by, events.rules.listing.writes)
    if not events.rules.may_change(event, "cover_alt", by):
        raise Forbidden(rows.why_not(events.rules, event, by))
    return event


@writes
def _note(event, facts, by):
    attachments.note_picture(TABLE, event.id, facts, by)
    _note_change(event, "Chose a picture", by)


@writes
def remove(id, *, by):
    """Let go of an event's picture. Refuses with NotFound or Forbidden."""
    event = _changed(id, by)
    if not attachments.put_picture_away(TABLE, event.id, by):
        raise NotFound("This event has no picture.")
    _note_change(event, "Removed the picture", by)


def _note_change(event, words, by):
    changes.record(by.organization, TABLE, event.id, "updated", by=by.user)
    summary = f"{words} of an event: {event.title}"
    audit.record("event.pictured", summary, by=by.user, organization=by.organization, target=event)
