"""Who speaks or plays at an event."""

from domain import existing
from domain.events import events
from domain.fields.kinds import Field
from domain.fields.text import Name, Text
from domain.lists import rows
from domain.lists.listing import Listing, both
from models import Speaker


def one(id):
    """The speaker with this id. Refuses with NotFound."""
    return existing(Speaker.one(Speaker.id == id), "There is no such speaker.")


def of(event_id):
    """All of an event, in the order in which they were added."""
    return list(Speaker.select().where(Speaker.event == event_id).order_by(Speaker.id))


listing = Listing(
    *("speakers", "speaker", "speakers", Speaker),
    (
        Field("name", "Name", Name(120), required=True),
        Field("role", "Introduced as", Text(200)),
        Field("about", "Description", Text(5000, long=True), listed=False),
    ),
    both("newest", "Oldest first", "Newest first", column="id"),
    parent=Speaker.event,
    stands_in=lambda id, by: events.one(id),
    has_pages=True,
    link=True,
    reads="events.read",
    writes="events.write",
    icon="users",
    empty=(("all", "Add who speaks, plays or leads something.", "No speakers yet."),),
)
_writes = lambda row, *rest: rest[-1].may("events.write")  # noqa: E731
rules = rows.Rules(listing, may_change=_writes, may_remove=_writes)
