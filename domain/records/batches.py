"""Many rows of a table at once, for imports: worked out outside the writer, then put there with few statements.

Nothing is decided in the writer but whether what was worked out still holds; if not, AsItIs refuses the whole batch,
and its rows go one by one.
"""

import time
from collections import Counter
from typing import Any, NamedTuple

from database.locks import lock
from database.statements import delete_values, insert_values, new_ids, update_values
from domain.lists.sources import AsItIs
from domain.records import documents
from domain.records.computed import working
from models import Collection, Record, RecordKey, RecordSlot, RecordUnique

PLACED = ("slot", "key", "record")
MADE = (
    *("id", "cells", "words", "words_more", "collection", "created_by", "changed_by"),
    *("created_at", "updated_at", "changed_at", "version"),
)
CHANGED = ("cells", "words", "words_more", "version", "changed_by", "changed_at")
REMOVED = ("words", "words_more", "archived_by", "archived_at")
ELSEWHERE = ("autonumber", "files", "link", "links")  # kinds whose cells aren't in the document alone


class Worked(NamedTuple):
    """What is to be written of one row; of a new one there is no `id` yet."""

    id: int | None
    version: int
    columns: tuple
    old_keys: set  # of (slot, key), as the uniques
    keys: set
    old_uniques: set
    uniques: set


def takes(shape):
    """Whether rows of this shape can be written in batches."""
    return not (shape.of_kind(*ELSEWHERE) or shape.pointing or working.plan(shape).ways or working.watches(shape))


def worked(shape, row, values):
    """What is to be written so that a row has these values; None is a new row, and no values remove one.

    Refuses with Invalid a document that is too large.
    """
    columns: tuple = ("", "")
    keys, uniques = set(), set()
    if values is not None:
        after = documents.put(shape, row.document if row else {}, values)
        known = {cell.name: row and row.value(cell.name) for cell in shape.cells} | values
        known |= documents.worked_values(shape, after)
        said = documents.words(shape, after, known)
        columns = (documents.dumped(shape, after), said["words"], said["words_more"])
        keys, uniques = documents.keys(shape, after, known), set(documents.uniques(shape, after, known).items())
    if row is None:
        return Worked(None, 0, columns, set(), keys, set(), uniques)
    had, once = documents.keys(shape, row.document), set(documents.uniques(shape, row.document).items())
    return Worked(row.id, row.version, columns, had - keys, keys - had, once - uniques, uniques - once)


def write(shape, rows, by, at):
    """Write rows (Worked), all new ones, changed ones or removed ones, within a write. Returns the ids of new ones.

    Refuses with AsItIs.
    """
    if not rows:
        return []
    lock("records", shape.collection)
    _check(shape, rows)
    ids = [row.id for row in rows]
    moment, who = Record.changed_at.db_value(at), by.user.id
    if rows[0].id is None:
        ids, rest = new_ids(Record, len(rows)), (shape.collection, who, who, moment, moment, moment, 1)
        insert_values(Record, MADE, [(id, *row.columns, *rest) for id, row in zip(ids, rows, strict=True)])
    elif len(rows[0].columns) == 3:
        update_values(Record, CHANGED, [(*row.columns, row.version + 1, who, moment, row.id) for row in rows])
    else:
        update_values(Record, REMOVED, [(*row.columns, who, moment, row.id) for row in rows])
    pairs = list(zip(ids, rows, strict=True))
    # In the order of the index, so that neighbours are written together.
    delete_values(RecordKey, PLACED, sorted((*key, id) for id, row in pairs for key in row.old_keys))
    insert_values(RecordKey, PLACED, sorted((*key, id) for id, row in pairs for key in row.keys))
    delete_values(RecordUnique, PLACED, [(*key, id) for id, row in pairs for key in row.old_uniques])
    insert_values(RecordUnique, PLACED, [(*key, id) for id, row in pairs for key in row.uniques])
    return ids


def _check(shape, rows):
    """Refuses with AsItIs where the shape moved, a row did, or a value would occur twice."""
    if Collection.get_by_id(shape.collection).shape != shape.number:
        raise AsItIs
    stood = {row.id: row.version for row in rows if row.id is not None}
    if stood:
        found = Record.select(Record.id, Record.version).where(
            Record.id.in_(list(stood)), Record.collection == shape.collection, Record.archived_at.is_null()
        )
        if dict(found.tuples()) != stood:
            raise AsItIs
    wanted = Counter(key for row in rows for key in row.uniques)
    by_slot: dict = {}
    for slot, key in wanted:
        by_slot.setdefault(slot, []).append(key)
    taken = any(
        RecordUnique.select().where(RecordUnique.slot == slot, RecordUnique.key.in_(keys)).exists()
        for slot, keys in by_slot.items()
    )
    if taken or wanted.total() > len(wanted):
        raise AsItIs


# --- another slot beside the cells: see domain/records/kind_changes.py -------------------------------------


class Filled(NamedTuple):
    """A row with its new cell: its document's text, and the value and whether words of it were left over."""

    text: str
    version: int
    id: int
    value: Any
    is_left: bool
    was: Any = None  # what a formula gave when the row was written, which may have been another


def filled(shape, rows, cell, other, span):
    """The first rows (id, document, version) with their new cells, as many as `span` seconds allow, at least one."""
    made, until = [], time.monotonic() + span
    work_out = working.filler(shape, other, rows) if other.formula else None
    for id, document, version in rows:
        was = other.value(document) if work_out else None
        if work_out:
            work_out(id, document)
        value, is_left = documents.fill(document, cell, other, cell.value(document))
        made.append(Filled(documents.as_text(document), version + 1, id, value, is_left, was))
        if time.monotonic() > until:
            break
    return made


def write_filled(made, slot, other, archived):
    """Write rows with their new cells, and what stands beside them; of those in the trash nothing does."""
    update_values(Record, ("cells", "version"), [one[:3] for one in made])
    if other.kind.counts:
        largest = max((one.value for one in made if isinstance(one.value, int)), default=0)
        RecordSlot.update(counted=max(slot.counted, largest)).where(RecordSlot.id == slot.id).execute()
    if archived:
        return
    if other.kind.pointing:
        for one in made:
            documents.place_links(one.id, set(), {(slot.id, to) for to in documents.numbers(one.value)}, True)
    if other.is_keyed:
        if other.formula:
            moved = [one for one in made if other.key(one.was) != other.key(one.value)]
            had = sorted((slot.id, other.key(one.was), one.id) for one in moved)
            delete_values(RecordKey, PLACED, had)
        keys = sorted((slot.id, other.key(one.value), one.id) for one in made)
        insert_values(RecordKey, PLACED, keys, or_leave=True)
