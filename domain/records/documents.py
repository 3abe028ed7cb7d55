"""A row's cells as a document, and what stands beside it so that it is found: keys, unique values, words."""

import json

from database.statements import insert_rows
from domain import Invalid
from domain.fields.leftover import LeftOver
from models import RecordKey, RecordUnique

LARGEST = 64_000  # bytes of a document without its long texts
WORDS = 20_000  # signs of a row that are searched


def loaded(text):
    """A row's cells out of their text."""
    return json.loads(text)


def values(shape, document):
    """name → what stands in the cell."""
    return {cell.name: cell.value(document) for cell in shape.cells}


def put(shape, document, changed):
    """The document with some cells changed; what it holds besides (kept slots, hidden fields) stays."""
    made = dict(document)
    for name, value in changed.items():
        cell = shape.by_name[name]
        _put(made, cell.slot, cell.kind, value)
        for other in cell.filling:
            _put(made, other.slot, other.kind, registry_converted(cell, other, value))
    return made


def registry_converted(cell, other, value):
    """A value in another kind of the same field, or its words where it doesn't fit that."""
    if value is None or isinstance(value, LeftOver):
        text = value
    else:
        text = cell.kind.plain(value)
    if not text:
        return None
    try:
        return other.kind.read(text)
    except ValueError:
        return LeftOver(text)


def _put(document, slot, kind, value):
    document.pop(f"s{slot}", None)
    document.pop(f"~s{slot}", None)
    if isinstance(value, LeftOver):
        document[f"~s{slot}"] = str(value)
    elif value is not None:
        document[f"s{slot}"] = kind.stored(value)


def dumped(shape, document):
    """The document as text. Refuses with Invalid one that is too large."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    if len(text) > LARGEST:
        long = {f"s{cell.slot}" for cell in shape.cells if cell.kind.long}
        short = json.dumps({k: v for k, v in document.items() if k.lstrip("~") not in long}, ensure_ascii=False)
        if len(short.encode()) > LARGEST:
            raise Invalid({"form": f"A row holds {LARGEST // 1000} kB besides long texts; this would be more."})
    return text


def words(shape, document):
    """What a search finds the row by: {words, words_more}, those of fields that all see, and the others."""
    found: dict[str, list] = {"words": [], "words_more": []}
    for cell in shape.cells:
        value = cell.value(document)
        if value is not None:
            said = str(value) if isinstance(value, LeftOver) else cell.kind.searched(value)
            found["words" if cell.is_open else "words_more"].append(said)
    return {name: " ".join(said)[:WORDS] for name, said in found.items()}


def keys(shape, document):
    """{(slot, key)} of the row: one for each keyed field, also where it is empty."""
    return {(cell.slot, cell.key(cell.value(document))) for cell in shape.keyed}


def uniques(shape, document):
    """slot → what must not occur twice there."""
    found = {}
    for cell in shape.unique:
        value = cell.value(document)
        if value is not None and not isinstance(value, LeftOver):
            found[cell.slot] = cell.kind.unique_key(value)
    return {slot: key for slot, key in found.items() if key is not None}


def place(shape, id, before, after):
    """Move what stands beside a row from one document to the other; None is a row that isn't there.

    Refuses with Invalid a value that must not occur twice.
    """
    old, new = (keys(shape, d) if d is not None else set() for d in (before, after))
    for slot, key in old - new:
        RecordKey.delete().where(RecordKey.slot == slot, RecordKey.key == key, RecordKey.record == id).execute()
    insert_rows(RecordKey, [{"slot": slot, "key": key, "record": id} for slot, key in new - old])
    _place_uniques(shape, id, before, after)


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
