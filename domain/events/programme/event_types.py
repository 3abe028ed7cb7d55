"""What kinds of events an organization has, in its own words: chosen on an event, and the list is filtered by them."""

from dataclasses import replace
from functools import lru_cache

from database.compiled import Compiled
from domain import Invalid
from domain.events import events
from domain.fields.choice import TONES
from domain.fields.kinds import Field, comparable
from domain.fields.number import Number
from domain.fields.records.option import Option, Options
from domain.fields.switch import Switch
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Listing, Sort, both
from domain.organizations import workspaces
from models import Event, EventType

_all = Compiled(
    lambda: EventType.select(EventType.id, EventType.name, EventType.tone, EventType.place, EventType.is_offered)
)


def options():
    """All types of the organization one stands in, as they are ordered and then by their names, as a choice has
    them."""
    found = [(place, Option(id, name, tone, name, not is_offered)) for id, name, tone, place, is_offered in _all()]
    return tuple(one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].said, pair[1].id)))


def typed():
    """The rules of events with the types and workspaces of the organization one stands in, by which they are filtered
    too; workspaces once there is a second."""
    return _typed(options(), workspaces.options())


@lru_cache(maxsize=500)
def _typed(types, places):
    made: dict[str, dict] = {"event_type": {"kind": Options(made=types), "listed": bool(types), "filters": bool(types)}}
    made |= {"workspace": {"kind": Options(made=places), "filters": bool(places), "acted": not places}}
    fields = tuple(replace(f, **made.get(f.name, {})) for f in events.listing.fields)
    return replace(events.rules, listing=replace(events.listing, fields=fields, version=(types, places)))


def _once(row, values):
    said = comparable(values.get("name", ""))
    if said and any(one.said == said and one.id != (row and row.id) for one in options()):
        raise Invalid({"name": "There is a type with this name already."})
    return {}


def _why(row, by, verb, members):
    return f"Events are “{row.name}”. Choose another type for them first."


listing = Listing(
    *("event_types", "type", "types of events", EventType),
    (
        Field("name", "Name", Text(60), required=True),
        Field("tone", "Colour", TONES, default="quiet"),
        Field("place", "Place in the list", Number(0, 1000), default=0, listed=False),
        Field("is_offered", "Offered", Switch(), default=True, help="Off: who has it keeps it, and no other gets it."),
    ),
    (Sort("place", "As they are offered", "place"), *both("name", "By name", "By name, backwards")),
    reads="events.read",
    writes="events.write",
    followed=True,
    icon="tag",
    about="What kinds of events there are here. One is chosen on an event, and the list of events is filtered by it.",
    empty=(("all", "Concert, talk, market: make the first, and choose it on an event.", "No types yet."),),
)
rules = rows.Rules(
    listing,
    may_change=lambda row, field, by: by.may("events.write"),
    may_remove=lambda row, by: by.may("events.write") and not Event.one(Event.event_type == row),
    why=_why,
    derive=_once,
    lock="event types",
)
