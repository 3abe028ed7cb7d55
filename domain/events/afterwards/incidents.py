"""What went wrong at an event, and what was done about it."""

from domain.events import events
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Listing, Sort, both
from models import Incident

STATE = Choice((("open", "Open", "warn"), ("settled", "Settled", "good")))
SEVERITY = Choice((("minor", "Minor", "quiet"), ("major", "Major", "warn"), ("grave", "Grave", "bad")))


def _after(incident, before, change, by):
    if before is None:
        Incident.update(by=by.user).where(Incident.id == incident.id).execute()


listing = Listing(
    *("incidents", "incident", "incidents", Incident),
    (
        Field("title", "What happened", Text(200), required=True),
        Field("state", "State", STATE, default="open"),
        Field("severity", "How bad", SEVERITY, default="minor"),
        Field("happened_at", "When", Moment(past=True)),
        Field("place", "Where", Text(120)),
        Field("about", "What was done", Text(10_000, long=True), listed=False),
    ),
    (
        *both("newest", "Oldest first", "Newest first", first="down", column="id"),
        Sort("state", "Open ones first", "state"),
    ),
    parent=Incident.event,
    stands_in=lambda id, by: events.one(id),
    has_pages=True,
    link=True,
    chips="state",
    board_by="state",
    reads="events.read",
    writes="events.write",
    icon="alert-triangle",
    empty=(("all", "Note what went wrong: an injury, a lost child, a queue that stood.", "Nothing went wrong."),),
)
_writes = lambda row, *rest: rest[-1].may("events.write")  # noqa: E731
rules = rows.Rules(listing, may_change=_writes, may_remove=_writes, after=_after)
