"""Lists of an organization for programs: the house's own by their names, and tables that people made by theirs.

What a program may read and write of one is what the key's scopes and its maker's rights say, field by field.
"""

import contextlib
import shutil
import tempfile
from functools import partial
from typing import Any

from flask import Blueprint, g, request
from werkzeug.http import http_date

from database.scope import inside
from database.transactions import GaveUp, WriterDown
from database.troubles import Unavailable
from domain import Forbidden, Invalid, NotFound
from domain.events import orders, tiers, vouchers
from domain.events.afterwards import attendees
from domain.events.door import checkpoints
from domain.events.programme import event_types, sessions, speakers
from domain.fields.forms import fingerprint
from domain.fields.kinds import clean, whole
from domain.lists import attachments, rows, trash
from domain.lists.listing import demand, granted
from domain.lists.programs import asking, batches, bounds, changes, offered, reading, uniques, writing
from domain.money import subscriptions
from domain.organizations import key_bounds, members, workspaces
from domain.records import collections, listings
from domain.records.programs import changes as table_changes
from domain.records.programs import old_names, pins
from domain.tasks import labels, tasks
from models import Event
from views.lists import files
from views.machines import problems, rest, schemas, tables
from views.machines.operations import WRITING, Answer, Described, once, operation, sent_object, versions
from views.machines.schemas import BOOLEAN, INTEGER, STRING, Named, obj

blueprint = Blueprint("listings", __name__)

# Lists of the house: name → (who asks) → its rules. Whatever else is a table of the organization's own.
HOUSE: dict[str, Any] = {
    "tasks": tasks.of,
    "labels": lambda by: labels.rules,
    "events": lambda by: event_types.typed(),
    "event-types": lambda by: event_types.rules,
    "members": lambda by: rows.Rules(members.listing),
    "workspaces": lambda by: rows.Rules(workspaces.listing),
    "subscriptions": lambda by: rows.Rules(subscriptions.own),
}
LATER = ("labels", "workspaces", "event-types", "subscriptions")  # a table may have had the name before
# Of an event, in whose currency amounts are: name → (currency) → its rules.
OF_EVENTS: dict[str, Any] = {
    "tiers": tiers.rules_in,
    "vouchers": vouchers.rules_in,
    "orders": lambda currency: orders.rules,
    "passes": lambda currency: attendees.rules,
    "checkpoints": lambda currency: checkpoints.rules,
    "sessions": lambda currency: sessions.rules,
    "speakers": lambda currency: speakers.rules,
}


def _lists_of(by):
    """The lists of the house that somebody sees, for the keys that they make."""
    made = {name: make(by) for name, make in HOUSE.items()} | {name: make("EUR") for name, make in OF_EVENTS.items()}
    for name, rules in made.items():
        if granted(by, rules.listing.reads):
            yield key_bounds.Table(name, rules.listing.heading, [], rules.listing)


key_bounds.offer_lists(_lists_of)
AT = "/api/v1/<organization>/<listing>"
BELOW = f"/api/v1/<organization>/events/<id:parent>/<any({', '.join(OF_EVENTS)}):listing>"
ROW = Named("Row", lambda: obj({"id": INTEGER}, additionalProperties=True))
PAGE = Named(
    "RowPage",
    lambda: schemas.pages_of({"type": "array", "items": ROW}),
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
            "number": INTEGER | {"description": "What a client is pinned to, as `Records-Shape`."},
        },
        ["listing", "fields", "asked", "sorts"],
    ),
)
QUERY = Named("RowQuery", tables.question)
BATCH, BATCHED = Named("Batch", tables.batch), Named("Batched", lambda: tables.batched(ROW))
FILE = Named("StoredFile", lambda: obj({"id": INTEGER, "name": STRING, "type": STRING, "size": INTEGER}))
ACT, ACTED = (
    Named("Act", lambda: obj(tables.ASKED, additionalProperties=False) | {"required": []}),
    Named("Acted", lambda: tables.acted(ROW)),
)
NAMED = (schemas.parameter("name", STRING, "What the file is called."),)
CHANGES = Named("RowChanges", lambda: tables.changes(ROW))


def every(by):
    """(name, rules, number of its shape) of each list that a program of theirs reads."""
    tables_of = [table.slug for table in collections.present(by)]
    asked = [(name, partial(found, name)) for name in dict.fromkeys((*HOUSE, *tables_of))]
    asked += [(name, partial(_of_event, name)) for name in OF_EVENTS]
    for name, find in asked:
        try:
            rules = find()
            yield name, rules, pins.number(rules) if rules.listing.source else 0
        except (NotFound, Forbidden):
            continue


def _rules(listing, parent=None, operation="list"):
    """The rules of a list as whoever asks has them, by the names of the shape that they are pinned to. Refuses with
    NotFound (also what the list has not) and Forbidden, and with what pins.py refuses."""
    rules = found(listing, parent)
    offered.need(rules, operation)
    if not rules.listing.source:
        return rules
    if text := request.headers.get(pins.HEADER, ""):
        rules = pins.of(rules, whole(text) or 0, g.by)
    g.old_names = pins.differing(rules) or old_names.used(rules.listing, _words)
    return rules


def _words():
    """All that is a field's name in what is asked or sent."""
    found = {part for name in request.args for part in (name, name.partition(".")[0], name.rpartition("_")[0])}
    found |= _names_in({name: request.args.get(name, "").split(",") for name in ("fields", "sort")})
    if request.method in ("POST", "PUT", "PATCH") and request.content_length and request.mimetype == "application/json":
        found |= _names_in(sent_object())
    return {word.partition(".")[0].removeprefix("-").removesuffix("-down") for word in found} | found


def _names_in(sent, depth=6):
    """The names of JSON: those of objects, and what stands where fields are named."""
    inner = sent if isinstance(sent, list) else list(sent.values()) if isinstance(sent, dict) else []
    found = {name for one in inner if depth for name in _names_in(one, depth - 1)}
    for name, value in sent.items() if isinstance(sent, dict) else ():
        named = (value if isinstance(value, list) else [value]) if name in ("field", "fields", "sort") else []
        found |= {name, *(one for one in named if isinstance(one, str))}
    return found


@blueprint.after_request
def _tell_of_old_names(response):
    """Count what was called by a name that is no more, once what was asked is done and over: within it, that would be
    locked out of turn. As RFC 9745 and RFC 8594 have it, the answer tells since when it is old, and when it ends."""
    if pairs := g.get("old_names"):
        with inside(g.by.organization):
            ends = old_names.until(pairs)
            with contextlib.suppress(WriterDown, GaveUp, Unavailable):  # what was asked is done all the same
                old_names.note(g.by.api_key, pairs)
        if ends:
            since, until = ends
            response.headers["Deprecation"] = f"@{int(since.timestamp())}"
            response.headers["Sunset"] = http_date(until)
    return response


def found(listing, parent=None):
    """The rules of a list as whoever asks has them. Refuses with NotFound and Forbidden."""
    if len(listing) > 80 or clean(listing) != listing:
        raise NotFound()
    if parent is not None:
        rules = _of_event(listing, parent)
        rules.listing.stands_in(parent, g.by)
        stand_in(parent)
        return rules
    is_ours = listing in HOUSE and not (listing in LATER and collections.is_called(listing))
    return _readable(listing, HOUSE[listing](g.by)) if is_ours else _readable("", listings.find(listing, g.by))


def _of_event(listing, id=None):
    event = Event.one(Event.id == id)
    return _readable(listing, OF_EVENTS[listing](event.currency if event else "EUR"))


def _readable(name, rules):
    demand(g.by, rules.listing.reads)
    return bounds.narrowed(rules, g.by.api_key.lists.get(name))


def stand_in(parent):
    """Refuses with NotFound an event that isn't the key's."""
    if bound := g.by.api_key.lists.get("events"):
        rows.get(bounds.narrowed(event_types.typed(), bound), parent, g.by)


def _route(method, path, described, **more):
    return operation(blueprint, method, AT + path, "", described, also=BELOW + path, first=_still_theirs, **more)


def _still_theirs(listing, parent=None, **_):
    """Refuses as any request to write, before a kept answer is told again; returns what of a row they still see."""
    rules = _rules(listing, parent)
    if (writes := rules.listing.writes) and request.method in WRITING:
        demand(g.by, writes)
    return _seen_names(rules)


def _seen_names(rules):
    return {"id", "_left_over", *asking.names((rules.told or rules).listing)}


@_route("GET", "", Described("Rows of a list, a page at a time", PAGE))
def list_rows(listing, parent=None):
    return rest.index(_rules(listing, parent), parent)


@_route("GET", "/shape", Described("The fields of a list, as the key sees them", SHAPE))
def show_shape(listing, parent=None):
    rules = _rules(listing, parent)
    can = offered.operations(rules) - rules.lacks
    written = {f.name for f in rules.listing.written if "change" in can}
    fields = [
        {
            "name": asking.called(rules.listing, field),
            "label": field.label,
            "required": field.required,
            "written": field.name in written and rules.may_fill(field.name),
            "schema": field.kind.schema(),
        }
        for field in asking.shown((rules.told or rules).listing)
    ]
    told = (rules.told or rules).listing
    asked = [name for name, *_ in asking.parameters(told)]
    shape = {"listing": listing, "fields": fields, "asked": asked, "sorts": asking.orders(told)}
    if rules.listing.source:
        shape["number"] = pins.number(rules)
    return Answer(shape, headers={"ETag": f'"{fingerprint(shape)}"'})


@_route("GET", "/<id:id>", Described("One row", ROW, versioned=True))
def show_row(listing, id, parent=None):
    return rest.show(_rules(listing, parent), id, parent)


@_route("POST", "", Described("Make a row", ROW, 201, body=SENT, versioned=True))
def create_row(listing, parent=None):
    return rest.create(_written(listing, parent, "create"), parent)


@_route("PATCH", "/<id:id>", Described("Change fields of a row", ROW, body=SENT, versioned=True))
def change_row(listing, id, parent=None):
    return rest.change(_written(listing, parent, "change"), id, parent)


@_route("DELETE", "/<id:id>", schemas.removed(tasks.listing))
def remove_row(listing, id, parent=None):
    return rest.remove(_written(listing, parent, "remove"), id, parent)


@_route("POST", "/<id:id>/restore", Described("Put a removed row back", ROW, versioned=True))
def restore_row(listing, id, parent=None):
    rules = _written(listing, parent, "restore")
    trash.restore_row(rules, id, by=g.by)
    return rest.show(rules, id)


@_route("POST", "/query", Described("Rows by groups of conditions", PAGE, body=QUERY, reads=True))
def query_rows(listing, parent=None):
    return rest.query(_rules(listing, parent), parent)


def _may_act(listing, id, act, parent=None):
    rules = _rules(listing, parent)
    demand(g.by, _chosen(rules, act).capability)
    return _seen_names(rules)


def _chosen(rules, act):
    return offered.need_act(rules, g.by, act)


def _act_route(path):
    about = Described("Do a named act to a row", ACTED, body=ACT, versioned=True, matches=True)
    return operation(blueprint, "POST", AT + path, "", about, also=BELOW + path, first=_may_act)


@_act_route("/<id:id>/<act>")
def act_on_row(listing, id, act, parent=None):
    rules, sent = _rules(listing, parent), sent_object() if request.content_length else {}
    chosen, about = _chosen(rules, act), {"by": g.by, "parent": parent, "versions": versions()}
    done, row = writing.act(rules, chosen, id, sent, **about)
    return Answer({"done": done, "row": row}, headers={"ETag": f'"{reading.version(row)}"'} if row else {})


@_route(
    "POST", "/<id:id>/buttons/<id:button>", Described("Press a button of a row", ACTED, versioned=True, matches=True)
)
def press_button(listing, id, button, parent=None):
    return act_on_row(listing, id, f"buttons/{button}", parent)


# --- several at once ------------------------------------------------------------------------------------------------


@_route("POST", "/batch", Described("Several rows at once: all or none, or each for itself", BATCHED, body=BATCH))
def batch_rows(listing, parent=None):
    rules = _written(listing, parent, "batch")
    steps, together = batches.read(sent_object())
    found = batches.do(rules, steps, together, by=g.by, parent=parent)
    return Answer({"results": [_result(step) for step in found]}, rows=len(found))


def _result(step):
    found = {"status": step.status}
    if step.refusal is not None:
        refusal = step.refusal
        return found | {"problem": problems.body(refusal.code, refusal.sentence, refusal.status, fields=refusal.fields)}
    return found | ({"row": step.row, "version": reading.version(step.row)} if step.row is not None else {})


@_route(
    "PUT",
    "/by/<field>/<path:value>",
    Described("Change the row with this value in a unique field, or make it", ROW, body=SENT, versioned=True),
)
def put_row(listing, field, value, parent=None):
    rules = _written(listing, parent, "put")
    about = {"by": g.by, "parent": parent, "versions": versions()}
    row, is_new = uniques.upsert(rules, field[:80], value, sent_object(), **about)
    return Answer(row, 201 if is_new else 200, {"ETag": f'"{reading.version(row)}"'})


# --- what a cell holds, and files -----------------------------------------------------------------------------------


@_route("GET", "/<id:id>/<field>", Described("What a cell of links or files holds", tables.CELL, query=tables.PAGED))
def list_cell(listing, id, field, parent=None):
    rules = _rules(listing, parent, "cells")
    return rest.part(reading.cell(rules, id, field[:80], g.by, parent))


@_route("GET", "/<id:id>/files", Described("Files on a row", tables.CELL, query=tables.PAGED))
def list_files(listing, id, parent=None):
    rules = _rules(listing, parent)
    if "files" in asking.names((rules.told or rules).listing):  # a field is called so
        return rest.part(reading.cell(rules, id, "files", g.by, parent))
    offered.need(rules, "files")
    row = rows.get(rules, id, g.by, parent)
    return rest.part([_file(one) for one in attachments.on(rules.listing, row.id)])


def _file(one):
    return {"id": one.id, "name": one.name, "type": one.type, "size": one.size}


@_route(
    *("POST", "/<id:id>/files"),
    Described("Put a file on a row: its bytes are the body", FILE, 201, query=NAMED, sent="application/octet-stream"),
    takes=attachments.MOST,
)
def attach_file(listing, id, parent=None):
    return _attached(_written(listing, parent, "attach"), id, "", parent)


@_route(
    *("POST", "/<id:id>/<field>/files"),
    Described(
        "Put a file into a cell: its bytes are the body", FILE, 201, query=NAMED, sent="application/octet-stream"
    ),
    takes=attachments.MOST,
)
def upload_file(listing, id, field, parent=None):
    rules = _written(listing, parent, "attach")
    own = asking.names(rules.listing).get(field[:80], "")
    if own not in {f.name for f in rules.listing.fields if f.kind.holds_files}:
        raise Invalid({field[:80]: asking.unknown(rules.listing, field[:80])})
    return _attached(rules, id, own, parent)


def _attached(rules, id, field, parent):
    name, which, where = rest.given(("name",)).get("name", ""), versions(), {"by": g.by, "parent": parent}
    writing.need_version(rules, g.by, which)
    with tempfile.SpooledTemporaryFile(1_000_000) as held:
        shutil.copyfileobj(request.stream, held)
        held.seek(0)
        facts = attachments.bring(rules, id, held, name, field=field, **where)

    def put():
        return Answer(_file(writing.attach(rules, id, facts, field=field, versions=which, **where)), 201)

    return once(put, facts["sha256"].encode())


@_route(
    "GET", "/<id:id>/files/<id:file>", Described("A file of a row, as a download", media="application/octet-stream")
)
def download_file(listing, id, file, parent=None):
    rules = _rules(listing, parent)
    return files.sent(attachments.get(rules, id, file, g.by, parent))


# --- what changed ---------------------------------------------------------------------------------------------------


@_route("GET", "/changes", Described("What changed since", CHANGES, query=tables.SINCE, errors=(410,)))
def list_changes(listing, parent=None):
    given, rules = rest.given(("since", "limit")), _rules(listing, parent, "follow")
    told = table_changes.Told(rules) if rules.listing.source else changes.Table(rules, g.by, parent)
    most = whole(given.get("limit", asking.MOST), asking.MOST)
    if most is None:
        raise Invalid({"limit": f"Write a number from 1 to {asking.MOST}."})
    if "since" not in given:
        return Answer({"items": [], "since": changes.start(told), "more": False, "reread": True})
    found = changes.since(told, given["since"], most)
    return Answer(found._asdict(), rows=len(found.items))


def _written(listing, parent, operation):
    rules = _rules(listing, parent, operation)
    demand(g.by, rules.listing.writes)
    if rules.fixed and request.content_length and request.mimetype == "application/json":
        pins.refuse_what_is_fixed(rules, _names_in(sent_object()))
    return rules
