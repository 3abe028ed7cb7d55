"""What must not occur twice in a field: found anew for all its rows where a rule or the place of its cells changes."""

import json
from typing import Any

from database.statements import insert_rows
from domain import Invalid, Refused
from domain.records import documents, shapes
from models import Collection, Record, RecordField, RecordSlot, RecordUnique

MOST = 50_000  # rows of a table whose doubles are looked for at once


def find_anew(id):
    """Keep the values of a field by its rule as it is now, in the present transaction.

    Returns the rows whose value another has; the first of each is the one that keeps it. Refuses with Invalid a kind
    that can't tell doubles, and beyond MOST rows.
    """
    row: Any = RecordField.get_by_id(id)
    slots = RecordSlot.select(RecordSlot.id).where(RecordSlot.field == row)
    RecordUnique.delete().where(RecordUnique.slot.in_(slots)).execute()
    if not row.is_unique:
        return []
    shape = shapes.read(Collection.get_by_id(row.collection_id))
    cell = next(one for one in (*shape.cells, *shape.away) if one.id == id)
    if not cell.kind.tells_doubles or cell.kind.long:
        raise Invalid({"is_unique": f"{row.label} can have doubles: its kind can't tell them."})
    if any(not other.is_kept for other in cell.filling):
        raise Refused(f"{row.label} is becoming another kind. Wait for it, or stop it.")
    live = Record.collection == row.collection_id, Record.archived_at.is_null()
    found = list(Record.select(Record.id, Record.cells).where(*live).order_by(Record.id).limit(MOST + 1).tuples())
    if len(found) > MOST:
        raise Refused(f"Doubles are looked for in tables of {MOST:,} rows at most.")
    seen, doubles = {}, []
    for record, text in found:
        value = cell.value(json.loads(text))
        key = None if documents.is_no_value(value) else cell.kind.unique_key(value)
        if key is not None and seen.setdefault(key, record) != record:
            doubles.append(record)
    insert_rows(RecordUnique, [{"slot": row.slot_id, "key": key, "record": record} for key, record in seen.items()])
    return doubles
