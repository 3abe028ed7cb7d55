"""The operations of lists of an organization with their very fields, as one key may use them: for its own document."""

import re
from types import SimpleNamespace

from domain.lists.listing import granted
from domain.lists.programs import asking, batches, offered
from views.machines import schemas
from views.machines.operations import Described
from views.machines.schemas import BOOLEAN, INTEGER, STRING, Named, obj


def operations(rules, by, organization, listing, pin):
    """(where it is, what it is called, what it does) of each operation of a list that they may use."""
    whole, can = rules.listing, offered.of(rules, by)
    at, called = f"/api/v1/{organization}/{listing}", "_".join(listing.split("-"))
    if whole.parent is not None:
        at, called = f"/api/v1/{organization}/events/<id:parent>/{listing}", f"events_{called}"
    name = _camel(called)
    thing, row = f"a row of {whole.heading}", schemas.row(whole, f"{name}Row")

    def one(method, path, word, *about, **more):
        facts = {"tag": listing, "is_keyed": True, "pin": pin} | more
        where = SimpleNamespace(rule=at + path, endpoint=f"{word}_{called}", methods={method})
        return where, Described(*about, **facts)

    page = schemas.page(whole, f"{name}Row")
    yield one("GET", "", "list", f"Rows of {whole.heading}", page, query=tuple(schemas.query(whole)))
    yield one("GET", "/<id:id>", "show", f"Show {thing}", row, versioned=True)
    asked = f"Rows of {whole.heading} by conditions"
    yield one("POST", "/query", "query", asked, page, body=_question(name), reads=True)
    if "follow" in can:
        followed = f"What changed in {whole.heading}"
        yield one("GET", "/changes", "follow", followed, _changes(name, row), query=SINCE, errors=(410,))
    for word, field in _cells(whole) if "cells" in can else ():
        yield one("GET", f"/<id:id>/{word}", f"list_{word}_of", f"{field.label} of {thing}", CELL, query=PAGED)
    if "files" in can and "files" not in dict(_cells(whole)):
        yield one("GET", "/<id:id>/files", "list_files_of", f"Files on {thing}", CELL, query=PAGED)
    made, changed = (make(whole, f"{name}Row", rules.may_fill) for make in (schemas.new, schemas.changes))
    if "create" in can:
        yield one("POST", "", "create", f"Make {thing}", row, 201, body=made, versioned=True)
    if "change" in can:
        yield one("PATCH", "/<id:id>", "change", f"Change fields of {thing}", row, body=changed, versioned=True)
    if "remove" in can:
        yield one("DELETE", "/<id:id>", "remove", f"Remove {thing}; it goes to the trash", None, 204, versioned=True)
    if "restore" in can:
        yield one("POST", "/<id:id>/restore", "restore", f"Put {thing} back", row, versioned=True)
    if "batch" in can:
        done = f"Several rows of {whole.heading} at once"
        yield one("POST", "/batch", "batch", done, _batched(name, row), body=_batch(name))
    for act in offered.acts(rules, by):
        if granted(by, act.capability):
            word, done = re.sub(r"\W", "_", act.key), f"{act.label}: {thing}"
            sent = VALUE if act.asks else None
            yield one(
                "POST",
                f"/<id:id>/{act.key}",
                f"{word}_of",
                done,
                _acted(name, row),
                body=sent,
                versioned=True,
                matches=True,
            )
    for own, _ in whole.once if "put" in can else ():
        field = whole.by_name[own]
        if not field.kind.pointing and not field.acted:
            word = asking.called(whole, field)
            put = f"Change {thing} by its {field.label}, or make it"
            yield one("PUT", f"/by/{word}/<value>", f"put_by_{word}_in", put, row, body=changed, versioned=True)


def _cells(listing):
    """(name for programs, field) of what holds several things that are read a page at a time."""
    return [(asking.called(listing, f), f) for f in listing.fields if f.kind.pointing or f.kind.holds_files]


def _camel(word):
    return "".join(part.capitalize() for part in word.split("_"))


def _question(name):
    return Named(f"{name}Question", question)


def _changes(name, row):
    return Named(f"{name}Changes", lambda: changes(row))


def _acted(name, row):
    return Named(f"{name}Acted", lambda: acted(row))


def _batched(name, row):
    return Named(f"{name}Batched", lambda: batched(row))


def _batch(name):
    return Named(f"{name}Batch", batch)


# --- what all lists have alike --------------------------------------------------------------------------------------

SINCE = (
    schemas.parameter("since", STRING, "Out of the answer before; without it, a place to begin at."),
    schemas.parameter("limit", {"type": "integer", "minimum": 1, "maximum": asking.MOST}, "Rows of one page."),
)
PAGED = (
    schemas.parameter("after", INTEGER | {"minimum": 1}, "Out of the `next` of the page before."),
    schemas.parameter("limit", {"type": "integer", "minimum": 1, "maximum": asking.MOST}, "Of one page."),
)
PART = Named("Part", lambda: obj({"id": INTEGER}, additionalProperties=True))
CELL = Named("PartPage", lambda: obj({"items": {"type": "array", "items": PART}, "next": schemas.or_null(STRING)}))
WORDS = {"type": ["string", "array"], "items": STRING}


ASKED = {"value": {"description": "What the act asks for, as a field of its kind has it; null is nothing."}}
VALUE = Named("ActValue", lambda: obj(ASKED, additionalProperties=False))


def acted(row):
    """What an act did."""
    there = {"anyOf": [row, {"type": "null"}], "description": "Null where it is gone."}
    return obj({"done": STRING | {"description": "A sentence for people."}, "row": there})


def question():
    """What is asked of a list as JSON."""
    where = {"type": "object", "description": "{“field”, “op”, “value”}, or those in “all” and “any”."}
    found = {"where": where, "sort": WORDS, "fields": WORDS, "count": BOOLEAN}
    found |= {"limit": {"type": "integer", "minimum": 1, "maximum": asking.MOST}}
    found |= {"after": STRING | {"description": "`next` of the page before."}} | dict.fromkeys(
        ("q", "tab", "zone"), STRING
    )
    return obj(found, ["where"], additionalProperties=False) | {"required": []}


def batch():
    """Several rows at once."""
    step = {
        "do": {"type": "string", "enum": list(batches.HAVE)},
        "id": INTEGER,
        "version": STRING | {"description": "The ETag of what was read."},
        "by": {"type": "object", "description": "To upsert: one unique field with its value."},
        "row": {"type": "object", "additionalProperties": True},
    }
    steps = {"type": "array", "items": obj(step, ["do"], additionalProperties=False), "minItems": 1}
    together = BOOLEAN | {"description": "All or none (so unless said), or each for itself."}
    return obj({"rows": steps | {"maxItems": batches.MOST}, "all": together}, ["rows"], additionalProperties=False)


def batched(row):
    """What became of them."""
    result = {"status": INTEGER, "row": row, "version": STRING, "problem": schemas.PROBLEM}
    return obj({"results": {"type": "array", "items": obj(result, ["status"])}})


def changes(row):
    """What changed since."""
    items = {"type": "array", "items": obj({"id": INTEGER, "deleted": BOOLEAN, "row": row}, ["id", "deleted"])}
    return obj(
        {
            "items": items,
            "since": STRING | {"description": "What to ask for next."},
            "more": BOOLEAN | {"description": "Whether to ask at once."},
            "reread": BOOLEAN | {"description": "Rows changed that aren't named: read the whole list again."},
        }
    )
