"""Lists of an organization for programs: the house's own by their names, and tables that people made by theirs.

What a program may read and write of one is what the key's scopes and its maker's rights say, field by field.
"""

from flask import Blueprint, g

from domain import NotFound
from domain.events import events
from domain.fields.forms import fingerprint
from domain.lists.listing import demand
from domain.lists.programs import reading
from domain.lists.rows import Rules
from domain.organizations import members
from domain.records import listings
from domain.tasks import tasks
from views.machines import rest, schemas
from views.machines.operations import Answer, Described, operation
from views.machines.schemas import BOOLEAN, INTEGER, STRING, Named, obj, or_null

blueprint = Blueprint("listings", __name__)
AT = "/api/v1/<organization>/<listing>"

# Lists of the house: name → (who asks) → its rules. Whatever else is a table of the organization's own.
HOUSE = {"tasks": tasks.of, "events": lambda by: events.rules, "members": lambda by: Rules(members.listing)}
ROW = Named("Row", lambda: obj({"id": INTEGER}, additionalProperties=True))
PAGE = Named(
    "RowPage",
    lambda: obj({"items": {"type": "array", "items": ROW}, "next": or_null(STRING), "partial": BOOLEAN}),
)
SENT = {"type": "object", "additionalProperties": True, "description": "Fields by their names: see `shape`."}
FIELD = Named(
    "Field",
    lambda: obj(
        {
            "name": STRING,
            "label": STRING,
            "required": BOOLEAN,
            "written": BOOLEAN,
            "schema": {"type": "object", "description": "JSON Schema of what is read."},
        }
    ),
)
SHAPE = Named(
    "Shape",
    lambda: obj(
        {
            "listing": STRING,
            "fields": {"type": "array", "items": FIELD},
            "asked": {"type": "array", "items": STRING, "description": "What GET takes besides."},
            "sorts": {"type": "array", "items": STRING},
        }
    ),
)


def _rules(listing):
    """The rules of a list as whoever asks has them. Refuses with NotFound and Forbidden."""
    if len(listing) > 80:
        raise NotFound()
    rules = HOUSE[listing](g.by) if listing in HOUSE else listings.find(listing, g.by)
    demand(g.by, rules.listing.reads)
    return rules


def _route(method, path, described):
    return operation(blueprint, method, AT + path, "", described)


@_route("GET", "", Described("Rows of a list, a page at a time", PAGE))
def list_rows(listing):
    return rest.index(_rules(listing))


@_route("GET", "/shape", Described("The fields of a list, as the key sees them", SHAPE))
def show_shape(listing):
    rules = _rules(listing)
    written = {f.name for f in rules.listing.written if rules.listing.writes}
    fields = [
        {
            "name": reading.called(rules.listing, field),
            "label": field.label,
            "required": field.required,
            "written": field.name in written and rules.may_fill(field.name),
            "schema": field.kind.schema(),
        }
        for field in reading.shown(rules.listing)
    ]
    asked = [name for name, *_ in reading.parameters(rules.listing)]
    shape = {"listing": listing, "fields": fields, "asked": asked, "sorts": reading.orders(rules.listing)}
    return Answer(shape, headers={"ETag": f'"{fingerprint(shape)}"'})


@_route("GET", "/<id:id>", Described("One row", ROW, versioned=True))
def show_row(listing, id):
    return rest.show(_rules(listing), id)


@_route("POST", "", Described("Make a row", ROW, 201, body=SENT, versioned=True))
def create_row(listing):
    return rest.create(_written(listing))


@_route("PATCH", "/<id:id>", Described("Change fields of a row", ROW, body=SENT, versioned=True))
def change_row(listing, id):
    return rest.change(_written(listing), id)


@_route("DELETE", "/<id:id>", schemas.removed(tasks.listing))
def remove_row(listing, id):
    return rest.remove(_written(listing), id)


def _written(listing):
    rules = _rules(listing)
    if not rules.listing.writes:
        raise NotFound("This list is only read.")
    demand(g.by, rules.listing.writes)
    return rules
