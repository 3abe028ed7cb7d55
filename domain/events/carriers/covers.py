"""The picture of an event, at the head of its page: drawn anew from a photo, so that nothing of that but its looks is
in it, and small enough that the page stays light."""

import hashlib
import io

from database.clock import now
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound
from domain.base import audit, changes
from domain.events import events
from domain.files import gate
from domain.lists import attachments, rows
from domain.lists.listing import demand
from models import StoredFile

TABLE = "event"
SIZE = 1080, 540
MOST = 48_000  # bytes: with it, the first view of the page stays below 60 kB
QUALITIES = (75, 60, 45, 30, 15)  # of WebP, the best that is small enough
MIDDLE = {"x": 0.5, "y": 0.5, "zoom": 1, "turn": 0}
PAPER = "#ffffff"  # behind what is transparent


def of(event_id):
    """The StoredFile that is the picture of an event, or None."""
    return StoredFile.select().where(*_stands(event_id)).order_by(StoredFile.id.desc()).first()


def _stands(event_id):
    return StoredFile.table == TABLE, StoredFile.row_id == event_id, StoredFile.archived_at.is_null()


def content(event_id):
    """(the picture's hash, its bytes as WebP). Refuses with NotFound."""
    found = of(event_id)
    if found is None:
        raise NotFound("This event has no picture.")
    return found.sha256, b"".join(attachments.content(found))


def put(id, data, name, *, by):
    """Make a photo (bytes) the picture of an event, instead of the one it had: its middle, twice as wide as high.
    Refuses with NotFound or Forbidden, with Invalid (`photo`) what gate.check doesn't take, and as attachments.keep."""
    event = _changed(id, by)
    try:
        with gate.drawing:
            drawn = _drawn(data)
    except gate.NoPhoto as refusal:
        raise Invalid({"photo": refusal.sentence}) from None
    facts = {"sha256": hashlib.sha256(drawn).hexdigest(), "size": len(drawn), "type": "image/webp", "name": name}
    _note(event, facts, attachments.keep(TABLE, event.id, facts, io.BytesIO(drawn), by=by), by)


def _changed(id, by):
    event = rows.get(events.rules, id, by)
    demand(by, events.rules.listing.writes)
    if not events.rules.may_change(event, "cover_alt", by):
        raise Forbidden(rows.why_not(events.rules, event, by))
    return event


def _drawn(data):
    picture = gate.framed(data, SIZE, MIDDLE, PAPER)
    while True:  # what is noise all over is drawn smaller
        for quality in QUALITIES:
            out = io.BytesIO()
            picture.save(out, "WEBP", quality=quality)
            if out.tell() <= MOST:
                return out.getvalue()
        picture = picture.reduce(2)


@writes
def _note(event, facts, awaited, by):
    _put_away(event, by)
    values = facts | {"table": TABLE, "row_id": event.id, "by": by.user, "archived_at": None}
    if not StoredFile.update(**values).where(StoredFile.id == awaited).execute():  # the purge was faster
        StoredFile.create(**values)
    _note_change(event, "Chose a picture", by)


@writes
def remove(id, *, by):
    """Let go of an event's picture. Refuses with NotFound or Forbidden."""
    event = _changed(id, by)
    if not _put_away(event, by):
        raise NotFound("This event has no picture.")
    _note_change(event, "Removed the picture", by)


def _put_away(event, by):
    return StoredFile.update(archived_at=now(), archived_by=by.user).where(*_stands(event.id)).execute()


def _note_change(event, words, by):
    changes.record(by.organization, TABLE, event.id, "updated", by=by.user)
    summary = f"{words} of an event: {event.title}"
    audit.record("event.pictured", summary, by=by.user, organization=by.organization, target=event)
