"""The picture of an event, at the head of its page: small enough that the page stays light."""

from database.transactions import writes
from domain import Forbidden, NotFound, existing
from domain.base import audit, changes
from domain.events import events
from domain.files import gate
from domain.lists import attachments, rows
from domain.lists.listing import demand

TABLE = "event"
SIZE = 1080, 540
MOST = 48_000  # bytes: with it, the first view of the page stays below 60 kB
WIDEST, MOST_LARGE = 2160, 400_000  # of the same, kept for what is drawn of it, such as a flyer
LARGE = 1  # its place


def of(event_id):
    """The StoredFile that is the picture of an event, or None."""
    return attachments.picture(TABLE, event_id)


def content(event_id, large=False):
    """(the picture's hash, its bytes as WebP), with `large` as large as it is kept. Refuses with NotFound."""
    found = (large and attachments.picture(TABLE, event_id, LARGE)) or of(event_id)
    found = existing(found, "This event has no picture.")
    return found.sha256, b"".join(attachments.content(found))


def put(id, data, name, *, by):
    """Make a photo (bytes) the picture of an event, instead of the one it had: its middle, twice as wide as high.
    Refuses with NotFound or Forbidden, and as attachments.bring_picture."""
    event = _changed(id, by)
    sizes = [attachments.bring_picture(TABLE, event.id, data, name, SIZE, MOST, by=by)]
    photo = gate.check(data)
    width = min(photo.width, 2 * photo.height, WIDEST)
    if width > SIZE[0]:
        large = width, width // 2
        sizes.append(attachments.bring_picture(TABLE, event.id, data, name, large, MOST_LARGE, by=by))
    _note(event, sizes, by)


def _changed(id, by):
    event = rows.get(events.rules, id, by)
    demand(by, events.rules.listing.writes)
    if not events.rules.may_change(event, "cover_alt", by):
        raise Forbidden(rows.why_not(events.rules, event, by))
    return event


@writes
def _note(event, sizes, by):
    attachments.note_picture(TABLE, event.id, sizes, by)
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
