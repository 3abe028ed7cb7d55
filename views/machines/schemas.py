"""JSON Schemas out of what the house knows: the rows of a list by its fields, and what forms of programs hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domain.lists.programs import asking
from views.machines.operations import Described


@dataclass(frozen=True, eq=False)
class Named:
    """A schema with a name, which stands once in the document."""

    name: str
    make: Callable[[], dict]


def obj(properties, required=None, **more):
    """A schema of an object, all of whose properties are there unless said."""
    return {"type": "object", "properties": properties, "required": list(required or properties)} | more


STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
MOMENT = {"type": "string", "format": "date-time"}


def or_null(schema):
    """The same, or null."""
    if isinstance(schema.get("type"), str) and schema["type"] != "object":
        more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return schema | {"type": [schema["type"], "null"]} | more
    return {"anyOf": [schema, {"type": "null"}]}


PROBLEM = Named(
    "Problem",
    lambda: obj(
        {
            "title": STRING,
            "status": INTEGER,
            "detail": STRING | {"description": "A sentence for people."},
            "code": STRING | {"description": "A word for programs."},
            "request_id": or_null(STRING),
            "errors": {
                "type": "array",
                "items": obj({"field": STRING, "code": STRING, "message": STRING}),
                "description": "All that is wrong, by field.",
            },
            "retry_after": INTEGER | {"description": "Seconds."},
            "present": {"type": "object", "description": "The row that stands there instead."},
        },
        ["title", "status", "detail", "code"],
    ),
)


def row(listing, name):
    """A row of a list as programs read it."""
    return Named(name, lambda: _row(listing))


def _row(listing):
    found: dict[str, Any] = {"id": INTEGER}
    for field in asking.shown(listing):
        schema = field.kind.schema() | {"title": field.label}
        always = field.kind.several or (not listing.source and not listing.column(field.name).may_be_empty)
        found[asking.called(listing, field)] = schema if always else or_null(schema)
    left_over = {"type": "object", "additionalProperties": STRING}
    return obj(found, found) | {"properties": found | ({"_left_over": left_over} if listing.source else {})}


def page(listing, name):
    """A page of such rows."""
    items = {"type": "array", "items": row(listing, name)}
    return Named(f"{name}Page", lambda: pages_of(items))


def pages_of(items):
    found = {"items": items, "next": or_null(STRING), "partial": BOOLEAN}
    counted = {"count": INTEGER | {"description": "With `count=true`: up to 500."}, "more": BOOLEAN}
    return obj(found | counted, found)


def new(listing, name, may_fill=lambda name: True):
    """What a row is made of."""
    written = [f for f in listing.written if may_fill(f.name)]
    needed = [f.name for f in written if f.required and f.default is None and f.begins is None]
    return Named(f"New{name}", lambda: _sent(listing, written, needed))


def changes(listing, name, may_fill=lambda name: True):
    """What a row is changed to: any of its fields."""
    return Named(f"{name}Changes", lambda: _sent(listing, [f for f in listing.written if may_fill(f.name)], []))


def _sent(listing, written, needed):
    found, must = {}, []
    for field in written:
        about = {"title": field.label} | ({"description": field.help} if field.help else {})
        schema = field.kind.schema(writes=True) | about
        if is_needed := field.name in needed:
            must.append(asking.called(listing, field))
        found[asking.called(listing, field)] = schema if is_needed else or_null(schema)
    return {"type": "object", "properties": found, "required": must, "additionalProperties": False}


# --- operations of a list -------------------------------------------------------------------------------------------


def listed(listing, name, things):
    """GET of a list: whatever it can be asked is a parameter."""
    return Described(f"{things}, a page at a time", page(listing, name), query=tuple(query(listing)))


def query(listing):
    """All that a list can be asked, as parameters."""
    yield parameter("limit", {"type": "integer", "minimum": 1, "maximum": asking.MOST}, "Rows of one page.")
    yield parameter("after", STRING, "Where to go on from: out of the `next` of the page before.")
    yield parameter("fields", STRING, "Only these fields, by commas; of links also fields of the other row.")
    yield parameter("count", BOOLEAN, "Also say how many there are, up to 500.")
    yield parameter("zone", STRING, "Whose days: Europe/Berlin. What moves with today needs it.")
    orders = asking.orders(listing)
    yield parameter("sort", {"type": "string", "enum": orders}, "In which order.")
    if listing.search:
        yield parameter("q", STRING, "Words to look for.")
    if len(listing.readings) > 1:
        tabs = [tab.key for tab in listing.readings]
        yield parameter("tab", {"type": "string", "enum": tabs}, "Whose rows; all that there are, unless said.")
    for name, kind, sentence in asking.parameters(listing):
        schema = STRING if kind is None or kind.several else kind.schema(writes=True)
        yield parameter(name, schema, sentence)


def parameter(name, schema, sentence):
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": sentence}


def shown(listing, name):
    return Described(f"One {listing.thing}", row(listing, name), versioned=True)


def made(listing, name):
    return Described(f"Make a {listing.thing}", row(listing, name), 201, body=new(listing, name), versioned=True)


def changed(listing, name):
    sent = changes(listing, name)
    return Described(f"Change fields of a {listing.thing}", row(listing, name), body=sent, versioned=True)


def removed(listing):
    return Described(f"Remove a {listing.thing}; it goes to the trash", None, 204, versioned=True)
