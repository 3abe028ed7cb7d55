"""A row's cells as a document, and what stands beside it so that it is found: keys, unique values, words."""

import json

from database.statements import insert_rows, insert_values
from domain import Invalid
from domain.fields.records import conversions
from domain.fields.records.leftover import LeftOver
from domain.records import shapes
from domain.records.computed import working
from models import Record, RecordKey, RecordLink, RecordUnique

LARGEST = 64_000  # bytes of a document without its long texts
WORDS = 20_000  # signs of a row that are searched


_as_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: for `import_1m`


def loaded(text):
    """A row's cells out of their text."""
    return json.loads(text)


def as_text(document):
    """A document as it is stored, however large."""
    return _as_text(document)


def values(shape, document):
    """name → what stands in the cell."""
    return {cell.name: cell.value(document) for cell in shape.cells}


def put(shape, document, changed, id=None):
    """The document with some cells changed, and what is worked out of them; what it holds besides (kept slots, hidden
    fields) stays. `id` is the row's number, where it has one."""
    made, is_new = dict(document), not document
    for name, value in changed.items():
        cell = shape.by_name[name]
        if value is not None or not is_new:
            _put(made, cell.slot, cell.kind, value)
        for other in cell.filling:
            fill(made, cell, other, value)
    return worked_out(shape, made, id, document or None)


def worked_out(shape, document, id=None, before=None):
    """The document with what formulas give, also in other slots of their fields; see working.work_out."""
    working.work_out(shape, document, id, before)
    for cell in shape.computed:
        for other in cell.filling:
            if not other.formula and not other.is_kept:  # what was typed before, and is kept, nobody types now
                fill(document, cell, other, cell.value(document))
    return document


def fill(document, cell, other, value):
    """Write what a cell is in another slot of its field; returns (what stands there, whether words were left over).

    Of a formula nothing is: that is worked out.
    """
    if other.formula:
        stands = other.value(document)
        return stands, isinstance(stands, LeftOver)
    made = conversions.convert(cell.kind, other.kind, value, cell.form(other))
    _put(document, other.slot, other.kind, made.value, made.beside)
    return made.value, isinstance(made.value, LeftOver) or bool(made.beside)


def filled(shape, document, id=None):
    """The document of a row that comes back, with what is being filled beside its cells and what is worked out."""
    for cell in shape.cells:
        for other in cell.filling:
            if not other.is_kept:
                fill(document, cell, other, cell.value(document))
    return worked_out(shape, document, id)


def _put(document, slot, kind, value, beside=""):
    document.pop(f"s{slot}", None)
    document.pop(f"~s{slot}", None)
    if isinstance(value, LeftOver):
        document[f"~s{slot}"] = str(value)
    elif value is not None:
        document[f"s{slot}"] = kind.stored(value)
        if beside:
            document[f"~s{slot}"] = beside


def dumped(shape, document):
    """The document as text. Refuses with Invalid one that is too large."""
    text = as_text(document)
    if len(text) > LARGEST:
        long = {f"s{cell.slot}" for cell in shape.cells if cell.kind.long}
        short = json.dumps({k: v for k, v in document.items() if k.lstrip("~") not in long}, ensure_ascii=False)
        if len(short.encode()) > LARGEST:
            raise Invalid({"form": f"A row holds {LARGEST // 1000} kB besides long texts; this would be more."})
    return text


def words(shape, document, known=None):
    """What a search finds the row by: {words, words_more}, those of fields that all see, and the others.

    Here and below, `known` are the values of the cells (name → value) where they have been read already.
    """
    found: dict[str, list] = {"words": [], "words_more": []}
    known = values(shape, document) if known is None else known
    for cell in shape.cells:
        if cell.formula and cell.kind_name != "text":
            continue
        value = known[cell.name]
        if value is not None and not (cell.formula and isinstance(value, LeftOver)):
            said = str(value) if isinstance(value, LeftOver) else cell.kind.searched(value)
            found["words" if cell.is_open else "words_more"].append(said)
    return {name: " ".join(said)[:WORDS] for name, said in found.items()}


def keys(shape, document, known=None):
    """{(slot, key)} of the row: one for each keyed slot, also where it is empty."""
    if known is None:
        return {(place.slot, place.key(place.value(document))) for place in shape.places}
    beside = {(place.slot, place.key(place.value(document))) for place in shape.places[len(shape.keyed) :]}
    return {(cell.slot, cell.key(known[cell.name])) for cell in shape.keyed} | beside


def worked_values(shape, document):
    """name → value of all that is worked out in a document."""
    return {cell.name: cell.value(document) for cell in shape.computed}


def is_no_value(value):
    """Whether a cell is empty, or has words left over."""
    return value is None or isinstance(value, LeftOver)


def uniques(shape, document, known=None):
    """slot → what must not occur twice there."""
    found = {}
    for cell in shape.unique:
        value = known[cell.name] if known is not None and cell.name in known else cell.value(document)
        if value is not None and not isinstance(value, LeftOver):
            found[cell.slot] = cell.kind.unique_key(value)
    return {slot: key for slot, key in found.items() if key is not None}


def without_doubles(shape, document):
    """The document of a row that comes back: what another row has got meanwhile is left over."""
    for slot, key in uniques(shape, document).items():
        if RecordUnique.one(RecordUnique.slot == slot, RecordUnique.key == key):
            cell = next(one for one in shape.unique if one.slot == slot)
            value = cell.value(document)
            words = " ".join(f"#{to}" for to in numbers(value)) or cell.kind.plain(value)  # titles aren't everybody's
            _put(document, slot, cell.kind, LeftOver(words))
    return document


def links(shape, document):
    """{(slot, id of the row it points to)} of the row."""
    return {(place.slot, to) for place in shape.pointing for to in numbers(place.value(document))}


def numbers(value):
    """The rows that a link points to; none of an empty cell, or of words left over."""
    return value if isinstance(value, tuple) else ()


def place(shape, id, before, after, known=None):
    """Move what stands beside a row from one document to the other; None is a row that isn't there.

    `known` are the values of the cells after. Refuses with Invalid a value that must not occur twice.
    """
    old = set() if before is None else keys(shape, before)
    new = set() if after is None else keys(shape, after, known)
    for slot, key in old - new:
        RecordKey.delete().where(RecordKey.slot == slot, RecordKey.key == key, RecordKey.record == id).execute()
    insert_values(RecordKey, ("slot", "key", "record"), [(slot, key, id) for slot, key in new - old])
    if shape.pointing:
        place_links(id, *(links(shape, d) if d is not None else set() for d in (before, after)))
    _place_uniques(shape, id, before, after)


def place_links(id, old, new, or_leave=False):
    """Move the links of a row from one set of (slot, other row) to another; what is there already may stay."""
    for slot, to in old - new:
        RecordLink.delete().where(
            RecordLink.slot == slot, RecordLink.to_record == to, RecordLink.from_record == id
        ).execute()
    insert_rows(
        RecordLink, [{"slot": slot, "to_record": to, "from_record": id} for slot, to in new - old], or_leave=or_leave
    )


def _place_uniques(shape, id, before, after):
    if not shape.unique:
        return
    had, wants = (uniques(shape, d) if d is not None else {} for d in (before, after))
    for slot, key in had.items():
        if wants.get(slot) != key:
            RecordUnique.delete().where(
                RecordUnique.slot == slot, RecordUnique.key == key, RecordUnique.record == id
            ).execute()
    taken = {}
    for slot, key in wants.items():
        if had.get(slot) != key and RecordUnique.one(RecordUnique.slot == slot, RecordUnique.key == key):
            name = next(cell.name for cell in shape.unique if cell.slot == slot)
            taken[name] = "Another row has this already."
    if taken:
        raise Invalid(taken)
    new = [{"slot": slot, "key": key, "record": id} for slot, key in wants.items() if had.get(slot) != key]
    insert_rows(RecordUnique, new)


ORDERED_AT_ONCE = 20_000  # rows


def order_empty(collection, slot):
    """Have the rows that a table has stand in the order of a new slot, where all of them are empty; in the present
    transaction. Returns whether they do: not where they are more than ORDERED_AT_ONCE."""
    here = Record.select(Record.id).where(Record.collection == collection, Record.archived_at.is_null())
    ids = [id for (id,) in here.limit(ORDERED_AT_ONCE + 1).tuples()]
    if len(ids) > ORDERED_AT_ONCE:
        return False
    insert_rows(RecordKey, [{"slot": slot, "key": shapes.EMPTY, "record": id} for id in ids])
    return True
