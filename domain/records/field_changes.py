"""What a builder does to fields and to the words of choices; every change can be taken back (shape_changes.py).

Cells are touched by none of it: they hold an option's number, and what is put away keeps its slot.
"""

from typing import NamedTuple

from database.clock import now
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.fields.kinds import Unfit, clean, comparable
from domain.fields.records import conversions, registry
from domain.fields.text import Text
from domain.records import collections, documents, kind_changes, links, rights, shape_changes, shapes
from models import Collection, RecordField, RecordOption

MOST = 50_000  # rows of a table that are counted
SHOWN = 25  # rows that are named
_HELP = Text(500)


@writes
def put_away(slug, id, *, by, shape=None):
    """Take a field out of lists, forms and exports; its cells stay. Refuses with NotFound, Stale, or for the last."""
    row, collection = _field(slug, id, by)
    others = [one for one in collections.fields(collection) if one.id != row.id]
    if all(one.kind in conversions.BESIDE for one in others):
        raise Refused("A table needs a field that people write. Add another one first.")
    diff = {"fields": {row.id: {"archived_at": now()}}}
    return shape_changes.make(collection, diff, f"{collection.name}: {row.label} was put away", by, shape)


def away(collection):
    """The fields that were put away, the last one first."""
    gone = RecordField.select().where(RecordField.collection == collection, RecordField.archived_at.is_null(False))
    return list(gone.order_by(RecordField.archived_at.desc(), RecordField.id.desc()))


@writes
def bring_back(slug, id, *, by, shape=None):
    """A field that was put away stands where it was. Refuses with NotFound or Stale."""
    collection = collections.to_build(slug, by)
    row = existing(next((one for one in away(collection) if one.id == id), None), "This field isn't here any more.")
    diff = {"fields": {row.id: {"archived_at": None}}}
    return shape_changes.make(collection, diff, f"{collection.name}: {row.label} is back", by, shape)


@writes
def move(slug, id, step, *, by, shape=None):
    """Move a field one place on (1) or back (-1). Refuses with NotFound or Stale."""
    row, collection = _field(slug, id, by)
    diff = {"fields": _moved(collections.fields(collection), row.id, step)}
    if diff["fields"]:
        shape_changes.make(collection, diff, f"{collection.name}: {row.label} was moved", by, shape)


def _moved(rows, id, step):
    """id → its place, of those whose place is another when one of them goes a step."""
    order = [row.id for row in rows]
    at = order.index(id)
    to = min(max(at + step, 0), len(order) - 1)
    order.insert(to, order.pop(at))
    stood = {row.id: row.place for row in rows}
    return {id: {"place": place} for place, id in enumerate(order) if stood[id] != place}


@writes
def rule(slug, id, *, by, is_required, is_unique, shape=None):
    """Say whether a field may be empty, and whether a value may occur twice. What stands there already stays.

    Returns the rows that have a value twice. Refuses with Invalid what a kind can't, NotFound or Stale.
    """
    row, collection = _with_cells(slug, id, by)
    if row.kind in registry.COMPUTED and (is_required or is_unique):
        raise Invalid({"is_unique": f"{row.label} is worked out: nobody writes it, so no rule holds for it."})
    diff = {"fields": {row.id: {"is_required": bool(is_required), "is_unique": bool(is_unique)}}}
    made = shape_changes.make(collection, diff, f"{collection.name}: {row.label} has rules", by, shape)
    return made.doubles


class Misfits(NamedTuple):
    """Rows that a rule would not have let in: (number, what it is called) of the first, and how many."""

    empty: list
    empty_count: int
    doubles: list
    doubles_count: int
    is_whole: bool  # whether all rows were looked at


def misfits(collection, row):
    """The Misfits among the first MOST rows: cells without a value, and values that a row before has."""
    shape = shapes.read(collection)
    cell, first = shape.by_name[f"f{row.id}"], shape.cells[0]
    seen, empty, doubles, looked = set(), [], [], 0
    for id, document, _ in kind_changes.rows_of(collection, False, 0, MOST):
        looked += 1
        value = cell.value(document)
        if documents.is_no_value(value):
            empty.append((id, document))
            continue
        key = cell.kind.unique_key(value) if cell.kind.tells_doubles else None
        if key is not None and key in seen:
            doubles.append((id, document))
        seen.add(key)
    some = [
        [(id, kind_changes.title_of(first, document) or f"#{id}") for id, document in found[:SHOWN]]
        for found in (empty, doubles)
    ]
    return Misfits(some[0], len(empty), some[1], len(doubles), looked < MOST)


@writes
def describe(slug, id, *, by, help, begins, shape=None):
    """Say what people are told beside a field, and what a new row has in it. Both are texts; empty is none.

    Refuses with Invalid what the field doesn't take, NotFound or Stale.
    """
    row, collection = _with_cells(slug, id, by)
    collections.check_linked(row.options, by)
    kind = shapes.read(collection).by_name[f"f{row.id}"].kind.for_all()
    try:
        text = _HELP.read(clean(help)) or None
        stays = clean(begins).strip() == begins_of(collection, row, by)  # also what they don't see of it
        value = kind.read(clean(begins)) if not stays and clean(begins).strip() else None
    except Unfit as unfit:
        raise Invalid({"begins": str(unfit)}) from None
    stored = row.begins if stays else None if value is None else kind.stored(value)
    diff = {"fields": {row.id: {"help": text, "begins": stored}}}
    shape_changes.make(collection, diff, f"{collection.name}: {row.label} is explained", by, shape)


def begins_of(collection, row, by):
    """What a new row has in a field, as a form carries it to this member: rows that they don't see have no name."""
    shape = shapes.read(collection)
    cell = shape.by_name[f"f{row.id}"]
    kind = links.kind_for(rights.of(collection, by, shape), cell, shape)
    return "" if cell.field.begins is None else kind.text(cell.field.begins)


# --- words of a choice --------------------------------------------------------------------------------------------


@writes
def rename_word(slug, id, option, label, *, by, shape=None):
    """Call a word something else; cells follow. Refuses with Invalid, NotFound or Stale."""
    row, collection = _field(slug, id, by)
    word, others = _word(row, option)
    label = collections.read_label(label)
    if any(comparable(one.label) == comparable(label) for one in others if one.merged_into_id is None):
        raise Invalid({"label": f"{row.label} has the word {label} already."})
    diff = {"options": {word.id: {"label": label}}}
    shape_changes.make(collection, diff, f"{collection.name}: {word.label} is called {label}", by, shape)


@writes
def move_word(slug, id, option, step, *, by, shape=None):
    """Move a word one place on (1) or back (-1): lists are ordered so at once. Refuses with NotFound or Stale."""
    row, collection = _field(slug, id, by)
    word, _ = _word(row, option)
    rows = [one for one in _words(row) if one.archived_at is None and one.merged_into_id is None]
    if word not in rows:
        raise Refused(f"{word.label} isn't offered any more.")
    if diff := _moved(rows, word.id, step):
        shape_changes.make(collection, {"options": diff}, f"{collection.name}: {word.label} was moved", by, shape)


@writes
def offer_word(slug, id, option, is_offered, *, by, shape=None):
    """Offer a word or no more; it stays in the cells that have it. Refuses with NotFound or Stale."""
    row, collection = _field(slug, id, by)
    word, _ = _word(row, option)
    diff = {"options": {word.id: {"archived_at": None if is_offered else now()}}}
    summary = f"{collection.name}: {word.label} is {'offered again' if is_offered else 'no longer offered'}"
    shape_changes.make(collection, diff, summary, by, shape)


@writes
def merge_words(slug, id, option, into, *, by, shape=None):
    """Let one word mean another; no cell is written. Refuses with Invalid, NotFound or Stale."""
    row, collection = _field(slug, id, by)
    word, others = _word(row, option)
    target = next((one for one in others if one.id == into and one.merged_into_id is None), None)
    if target is None:
        raise Invalid({"into": "Choose another word of this field."})
    diff = {"options": {one.id: {"merged_into_id": target.id} for one in [word, *_merged_into(others, word)]}}
    shape_changes.make(collection, diff, f"{collection.name}: {word.label} means {target.label}", by, shape)


def _merged_into(others, word):
    return [one for one in others if one.merged_into_id == word.id]


def _words(row):
    options = RecordOption.select().where(RecordOption.field == row)
    return list(options.order_by(RecordOption.place, RecordOption.id))


def _word(row, option):
    """(the word, the others of its field). Refuses with NotFound."""
    rows = _words(row)
    word = existing(next((one for one in rows if one.id == option), None), "This word isn't here any more.")
    return word, [one for one in rows if one.id != option]


def _field(slug, id, by):
    collection = collections.to_build(slug, by)
    return collections.field_of(collection, id), collection


def _with_cells(slug, id, by):
    row, collection = _field(slug, id, by)
    if row.kind == "button":
        raise Refused(f"{row.label} is a button: nothing stands in it.")
    return row, collection


# --- whole tables -------------------------------------------------------------------------------------------------


@writes
def put_table_away(slug, *, by, shape=None):
    """Take a table out of sight with all its rows. Refuses with NotFound or Stale."""
    by.require("records.build")
    collection = collections.found(slug)
    diff = {"collections": {collection.id: {"archived_at": now()}}}
    shape_changes.make(collection, diff, f"The table {collection.name} was put away", by, shape)


def tables_away():
    """The tables that were put away, the last one first."""
    gone = Collection.select().where(Collection.archived_at.is_null(False))
    return list(gone.order_by(Collection.archived_at.desc(), Collection.id.desc()))


@writes
def bring_table_back(slug, *, by):
    """A table that was put away is there again, with all its rows. Refuses with NotFound."""
    by.require("records.build")
    collection = next((one for one in tables_away() if one.slug == slug), None)
    if collection is None:
        raise NotFound("This table isn't here any more.")
    diff = {"collections": {collection.id: {"archived_at": None}}}
    shape_changes.make(collection, diff, f"The table {collection.name} is back", by)
    return collection
