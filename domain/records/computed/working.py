"""Working out what formulas of a row give: those of its table in order of dependence, with the rows it is linked with.

What they give stands in the document like what is typed; an error stands there as words left over.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from domain.fields.formulas import grammar, meaning
from domain.fields.formulas.types import Failed, Mistake
from domain.fields.kinds import whole
from domain.records import shapes
from domain.records.computed import scopes
from models import Collection, Record, RecordField, RecordLink

RESTS = "rests: "


@dataclass(frozen=True)
class Step:
    """One thing to work out: where it is put, and how."""

    place: Any  # a shapes.Cell or Filling
    run: Any  # (meaning.Row) → a value, or None; raises Failed
    slots: tuple = ()  # of its own table, that it goes by
    is_back: bool = False  # it goes by rows that link to this one, of which there may be very many

    def rests(self, before, document):
        """Whether a change of this row alone leaves what it gives; told of those for which it is worth asking."""
        return self.is_back and before is not None and not any(differs(slot, before, document) for slot in self.slots)

    @property
    def is_searched(self):
        return self.place.kind.name == "text"

    def put(self, document, row):
        """Write what it gives into the document."""
        key = self.place.stored
        left = f"~{key}"
        document.pop(key, None)
        document.pop(left, None)
        try:
            value = self.run(row)
        except Failed as failed:
            document[left] = str(failed)
            return
        if value is not None:
            document[key] = self.place.kind.stored(value)


@dataclass(frozen=True)
class Along:
    """A way that some formula goes: by the `place` of the link's cells, here or there, to rows of `table`."""

    key: tuple
    is_back: bool
    place: Any  # the cell of the link; of a way back its slot there
    table: int


@dataclass(frozen=True)
class Plan:
    """All that is worked out for a row of one shape, and what has to be read for it."""

    steps: tuple[Step, ...] = ()
    ways: tuple[Along, ...] = ()


@lru_cache(maxsize=500)
def plan(shape):
    """The Plan of a shape. What a formula can't mean any more gives an error that says why."""
    cells = {cell.id: cell for cell in shape.computed}
    if not cells and not any(other.formula for cell in shape.cells for other in cell.filling):
        return Plan()
    scope, steps, used, done = scopes.of(shape), [], set(), set()

    def add(cell):
        if cell.id in done:
            return
        done.add(cell.id)
        for id in sorted(scopes.needs(cell.formula["tree"])):
            if id in cells:
                add(cells[id])
        steps.append(_step(cell, scope, used, shape.by_name))

    for cell in shape.computed:
        add(cell)
    for cell in shape.cells:
        for other in cell.filling:
            if other.formula and not other.is_kept:
                steps.append(_step(other, scope, used, shape.by_name))
    return Plan(tuple(steps), tuple(filter(None, (_along(shape, key) for key in sorted(used)))))


def _step(cell, scope, used, by_name):
    try:
        tree = grammar.of_json(cell.formula["tree"])
        typed = meaning.meant(tree, scope)
        if typed.type.name != cell.formula["gives"] or typed.type.currency != cell.formula.get("currency", ""):
            raise Mistake(f"it would be {typed.type.said} now; save it anew.")
    except Mistake as mistake:
        return Step(cell, _failing(f"{RESTS}{mistake}"))
    used |= {name[:2] for name in grammar.names(tree) if name[0] != "field"}
    here = {f"f{name[1]}" for name in grammar.names(tree) if name[0] != "back"}
    slots = tuple(one.slot for name, one in by_name.items() if name in here)
    is_back = any(name[0] == "back" for name in grammar.names(tree))
    return Step(cell, lambda row: meaning.result(typed, row), slots, is_back)


def differs(slot, before, after):
    """Whether two documents have something else in a slot."""
    key = f"s{slot}"
    return before.get(key) != after.get(key) or before.get(f"~{key}") != after.get(f"~{key}")


def _failing(words):
    def run(row):
        raise Failed(words)

    return run


def _along(shape, key):
    if key[0] == "link":
        cell = shape.by_name[f"f{key[1]}"]
        return Along(key, False, cell, cell.kind.table)
    field: Any = RecordField.get_by_id(key[1])
    return Along(key, True, field.slot_id, field.collection_id)


def work_out(shape, document, id=None, before=None):
    """Put what formulas give into the document of a row; of one that isn't there yet `id` is None. Returns it.

    `before` is the row's document, where that was worked out by the same formulas and only its cells changed since:
    rows that link to it are read by those alone that go by one of these cells.
    """
    made = plan(shape)
    if made.steps:
        put(made, document, Beside(made, id, document) if made.ways else {}, before)
    return document


def put(made, document, beside, before=None):
    """The same with a Plan and the documents `beside` that were read for it."""
    row = meaning.Row(document, beside)
    for step in made.steps:
        if not step.rests(before, document):
            step.put(document, row)


class Beside(dict):
    """way → the documents of the rows that a row is linked with, each read when something asks for it."""

    def __init__(self, made, id, document):
        self._ways, self._row = {way.key: way for way in made.ways}, (id, document)

    def get(self, key, otherwise=None):
        if key not in self and key in self._ways:
            self |= linked(Plan(ways=(self._ways[key],)), [self._row])[self._row[0]]
        return super().get(key, otherwise)


def linked(made, rows):
    """id → {way: the documents of the rows it is linked with}, of rows (id, document)."""
    found: dict = {id: {} for id, _ in rows}
    for way in made.ways:
        pairs = _pairs(way, rows)
        others = documents(way.table, {to for tos in pairs.values() for to in tos})
        for id, tos in pairs.items():
            found[id][way.key] = [others[to] for to in tos if to in others]
    return found


def _pairs(way, rows):
    """id → the rows that it is linked with along a way."""
    if not way.is_back:
        return {id: _ids(way.place.value(document)) for id, document in rows}
    pairs: dict = {id: [] for id, _ in rows}
    ids = [id for id in pairs if id is not None]
    query = RecordLink.select(RecordLink.to_record, RecordLink.from_record).where(
        RecordLink.slot == way.place, RecordLink.to_record.in_(ids)
    )
    for to, one in sorted(query.tuples()) if ids else ():
        pairs[to].append(one)
    return pairs


def _ids(value):
    return value if isinstance(value, tuple) else ()


def are_many_beside(table, ids, most):
    """Whether more than so many rows link to these rows of a table by what its formulas go by."""
    back = [way.place for way in plan(shapes.read(Collection.get_by_id(table))).ways if way.is_back]
    query = RecordLink.select(RecordLink.to_record).where(RecordLink.slot.in_(back), RecordLink.to_record.in_(ids))
    return bool(back) and len(query.limit(most + 1)) > most


def documents(table, ids):
    """id → document of rows of a table that are there and aren't in the trash."""
    found: dict = {}
    ids = sorted(ids)
    for start in range(0, len(ids), 900):
        some = ids[start : start + 900]
        rows = Record.select(Record.id, Record.cells).where(
            Record.id.in_(some), Record.collection == table, Record.archived_at.is_null()
        )
        found |= {id: json.loads(cells) for id, cells in rows.tuples()}
    return found


def newest(shape, many):
    """(id, document) of the newest rows of a table."""
    live = Record.collection == shape.collection, Record.archived_at.is_null()
    rows = Record.select(Record.id, Record.cells).where(*live).order_by(Record.id.desc()).limit(many)
    return [(id, json.loads(cells)) for id, cells in rows.tuples()]


def linked_for(shape, tree, rows):
    """`linked` for one formula that isn't a field's yet."""
    keys = {name[:2] for name in grammar.names(tree) if name[0] != "field"}
    return linked(Plan(ways=tuple(_along(shape, key) for key in sorted(keys))), rows)


def filler(shape, place, rows):
    """A function (id, document) that works one cell out, for rows (id, document, version) of a batch."""
    step = next(one for one in plan(shape).steps if one.place is place)
    ways = plan(shape).ways
    beside = linked(Plan(ways=ways), [(id, document) for id, document, _ in rows]) if ways else {}
    return lambda id, document: step.put(document, meaning.Row(document, beside.get(id)))


# --- who goes by a table ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """What of another table goes by fields of this one: rows of `table`, along the link with `slot`, by `slots` here.

    Of a way back the link is this table's: `cell` is its cell, and the rows are those that it points to.
    """

    table: int
    slot: int
    cell: Any
    slots: frozenset


@lru_cache(maxsize=500)
def watches(shape):
    """The Watches of other tables' formulas, and of its own along links, on a table of this shape."""
    found: dict[tuple, set] = {}
    for field, tree in scopes.computed():
        for word, link, beyond in (name for name in grammar.names(tree) if name[0] != "field"):
            found.setdefault((field.collection_id, word, link), set()).add(beyond)
    made = []
    for (table, word, link), fields in sorted(found.items()):
        of: Any = RecordField.get_or_none(RecordField.id == link)
        if of is None or of.archived_at is not None or of.kind not in scopes.LINKS:
            continue
        there = whole(of.options.get("table")) if word == "link" else of.collection_id
        other = of.collection_id if word == "link" else whole(of.options.get("table"))
        if there != shape.collection or table != other:
            continue
        slots = frozenset(shape.by_name[f"f{id}"].slot for id in fields if f"f{id}" in shape.by_name)
        cell = shape.by_name.get(f"f{link}") if word == "back" else None
        made.append(Watch(table, of.slot_id, cell, slots))
    return tuple(made)


def tables_beside(shape):
    """The tables whose rows tell what stands in this one's."""
    return {way.table for way in plan(shape).ways}


def tables_after(shape):
    """The tables whose rows may be worked out anew when one of this table changes, through any number of links."""
    found: set = set()
    waiting = [shape]
    while waiting:
        for watch in watches(waiting.pop()):
            if watch.table not in found and (other := Collection.one(Collection.id == watch.table)):
                found.add(watch.table)
                waiting.append(shapes.read(other))
    return found
