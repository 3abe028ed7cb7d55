"""Lists of an organization for programs: the house's own by their names, and tables that people made by theirs.

What a program may read and write of one is what the key's scopes and its maker's rights say, field by field.
"""

import contextlib
import shutil
import tempfile

from flask import Blueprint, g, request
from werkzeug.http import http_date

from database.scope import inside
from database.transactions import GaveUp, WriterDown
from database.troubles import Unavailable
from domain import Forbidden, Invalid, NotFound
from domain.events import events
from domain.fields.forms import fingerprint
from domain.fields.kinds import clean, whole
from domain.lists import attachments, trash
from domain.lists.listing import demand
from domain.lists.programs import asking, batches, reading, writing
from domain.lists.rows import Rules
from domain.organizations import members
from domain.records import collections, listings
from domain.records.programs import changes, old_names, pins, uniques
from domain.tasks import tasks
from views.lists import files
from views.machines import problems, rest, schemas, tables
from views.machines.operations import WRITING, Answer, Described, once, operation, sent_object, versions
from views.machines.schemas import BOOLEAN, INTEGER, STRING, Named, obj

blueprint = Blueprint("listings", __name__)
AT = "/api/v1/<organization>/<listing>"

# Lists of the house: name → (who asks) → its rules. Whatever else is a table of the organization's own.
HOUSE = {"tasks": tasks.of, "events": lambda by: events.rules, "members": lambda by: Rules(members.listing)}
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
NAMED = (schemas.parameter("name", STRING, "What the file is called."),)
CHANGES = Named("RowChanges", lambda: tables.changes(ROW))


def every(by):
    """(name, rules, number of its shape) of each list that a program of theirs reads."""
    for name in (*HOUSE, *(table.slug for table in collections.present(by))):
        try:
            rules = _unpinned(name)
            yield name, rules, pins.number(rules) if rules.listing.source else 0
        except (NotFound, Forbidden):
            continue


def _rules(listing):
    """The rules of a list as whoever asks has them, by the names of the shape that they are pinned to. Refuses with
    NotFound and Forbidden, and with what pins.py refuses."""
    rules = _unpinned(listing)
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


def _unpinned(listing):
    """The rules of a list as whoever asks has them. Refuses with NotFound and Forbidden."""
    if len(listing) > 80 or clean(listing) != listing:
        raise NotFound()
    rules = HOUSE[listing](g.by) if listing in HOUSE else listings.find(listing, g.by)
    demand(g.by, rules.listing.reads)
    return rules


def _route(method, path, described, **more):
    return operation(blueprint, method, AT + path, "", described, first=_still_theirs, **more)


def _still_theirs(listing, **_):
    """Refuses as any request to write, before a kept answer is told again."""
    if (writes := _rules(listing).listing.writes) and request.method in WRITING:
        demand(g.by, writes)


@_route("GET", "", Described("Rows of a list, a page at a time", PAGE))
def list_rows(listing):
    return rest.index(_rules(listing))


@_route("GET", "/shape", Described("The fields of a list, as the key sees them", SHAPE))
def show_shape(listing):
    rules = _rules(listing)
    written = {f.name for f in rules.listing.written if rules.listing.writes}
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


@_route("POST", "/<id:id>/restore", Described("Put a removed row back", ROW, versioned=True))
def restore_row(listing, id):
    rules = _written(listing)
    trash.restore_row(rules, id, by=g.by)
    return rest.show(rules, id)


@_route("POST", "/query", Described("Rows by groups of conditions", PAGE, body=QUERY, reads=True))
def query_rows(listing):
    return rest.query(_rules(listing))


# --- several at once ------------------------------------------------------------------------------------------------


@_route("POST", "/batch", Described("Several rows at once: all or none, or each for itself", BATCHED, body=BATCH))
def batch_rows(listing):
    rules = _written(listing)
    if not rules.listing.source:
        raise NotFound("Of this list one row is written at a time.")
    steps, together = batches.read(sent_object())
    found = batches.do(rules, steps, together, by=g.by, upsert=uniques.upsert)
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
def put_row(listing, field, value):
    rules, which = _written(listing), versions()
    row, is_new = uniques.upsert(rules, field[:80], value, sent_object(), by=g.by, versions=which)
    return Answer(row, 201 if is_new else 200, {"ETag": f'"{reading.version(row)}"'})


# --- files ----------------------------------------------------------------------------------------------------------


@_route(
    "POST",
    "/<id:id>/<field>/files",
    Described(
        "Put a file into a cell: its bytes are the body", FILE, 201, query=NAMED, sent="application/octet-stream"
    ),
    takes=attachments.MOST,
)
def upload_file(listing, id, field):
    rules, name = _written(listing), rest.given(("name",)).get("name", "")
    own = asking.names(rules.listing).get(field[:80], "")
    if not rules.listing.source or own not in {f.name for f in rules.listing.fields if f.kind.holds_files}:
        raise Invalid({field[:80]: asking.unknown(rules.listing, field[:80])})
    which = versions()
    writing.need_version(rules, g.by, which)
    with tempfile.SpooledTemporaryFile(1_000_000) as held:
        shutil.copyfileobj(request.stream, held)
        held.seek(0)
        facts = attachments.bring(rules, id, held, name, by=g.by, field=own)

    def put():
        made = writing.attach(rules, id, facts, by=g.by, field=own, versions=which)
        return Answer({"id": made.id, "name": made.name, "type": made.type, "size": made.size}, 201)

    return once(put, facts["sha256"].encode())


@_route(
    "GET", "/<id:id>/files/<id:file>", Described("A file of a row, as a download", media="application/octet-stream")
)
def download_file(listing, id, file):
    rules = _rules(listing)
    if not rules.listing.files:
        raise NotFound("This list has no files.")
    return files.sent(attachments.get(rules, id, file, g.by))


# --- what changed ---------------------------------------------------------------------------------------------------


@_route("GET", "/changes", Described("What changed since", CHANGES, query=tables.SINCE, errors=(410,)))
def list_changes(listing):
    given, rules = rest.given(("since", "limit")), _rules(listing)
    if not rules.listing.source:
        raise NotFound("Of this list no changes are told.")
    most = whole(given.get("limit", asking.MOST), asking.MOST)
    if most is None:
        raise Invalid({"limit": f"Write a number from 1 to {asking.MOST}."})
    if "since" not in given:
        return Answer({"items": [], "since": changes.start(rules), "more": False, "reread": True})
    found = changes.since(rules, given["since"], g.by, most)
    return Answer(found._asdict(), rows=len(found.items))


def _written(listing):
    rules = _rules(listing)
    if not rules.listing.writes:
        raise NotFound("This list is only read.")
    demand(g.by, rules.listing.writes)
    if rules.fixed and request.content_length and request.mimetype == "application/json":
        pins.refuse_what_is_fixed(rules, _names_in(sent_object()))
    return rules
