"""Numbers that rows are given: each once, whatever becomes of the row. A job numbers rows that were there before."""

import json
from typing import Any

from peewee import fn

from database.locks import lock
from database.transactions import writes
from domain import Refused
from domain.base import long_jobs
from domain.records import collections, documents, shapes
from domain.records.computed import dependents
from models import Collection, Record, RecordField, RecordKey, RecordSlot

BATCH = 500


def given(shape, values):
    """The values of a new row with its numbers, in the transaction that makes it."""
    return values | {cell.name: following(cell.slot) for cell in shape.cells if cell.kind.counts}


def following(slot):
    """The next number of a slot, which nobody is given again."""
    row: Any = RecordSlot.get_by_id(slot)
    field = row.field_id  # whichever of its slots is the live one after an undo goes on from it
    number = RecordSlot.select(fn.MAX(RecordSlot.counted)).where(RecordSlot.field == field).scalar() + 1
    RecordSlot.update(counted=number).where(RecordSlot.field == field).execute()
    return number


@long_jobs.worker(collections.NUMBERS)
@writes
def work(job):
    """Number one batch of rows that have none; how many were looked at."""
    slot = RecordSlot.one(RecordSlot.id == int(job.subject))
    field = slot and RecordField.one(RecordField.id == slot.field_id, RecordField.slot_id == slot.id)
    if field is None:
        raise Refused("It isn't a number any more.")
    lock("records", field.collection_id)
    shape = shapes.read(Collection.get_by_id(field.collection_id))
    cell = shape.by_name.get(f"f{field.id}")
    after, upto = job.facts["after"], job.facts.get("upto")
    if upto is None:
        upto = _begun(slot, field)
    where = Record.collection == field.collection_id, Record.id > after, Record.id <= upto
    batch = [id for (id,) in Record.select(Record.id).where(*where).order_by(Record.id).limit(BATCH).tuples()]
    if cell is None or not batch:
        return long_jobs.finish(job)
    long_jobs.progress(job, job.done + len(batch), lasting=True, after=batch[-1], upto=upto)
    for id in batch:
        row = Record.get_by_id(id)  # as it is by now: it may have followed from the number of one before it
        before = json.loads(row.cells)
        if cell.value(before) is None:
            _write(shape, row, before, {cell.name: following(slot.id)})
    return len(batch)


def _begun(slot, field):
    """The last row that there is; the count goes on from the largest number of all."""
    last = RecordKey.select().where(RecordKey.slot == slot.id, RecordKey.key < shapes.EMPTY)
    largest = last.order_by(RecordKey.key.desc()).first()
    if largest is not None:
        most = max(slot.counted, int(largest.key[1:]))
        RecordSlot.update(counted=most).where(RecordSlot.id == slot.id).execute()
    newest = Record.select().where(Record.collection == field.collection_id).order_by(Record.id.desc()).first()
    return newest.id if newest else 0


def _write(shape, row, before, values):
    document = documents.put(shape, before, values, row.id)
    moved = {"cells": documents.dumped(shape, document), "version": row.version + 1}
    if row.archived_at is None:
        moved |= documents.words(shape, document)
    Record.update(**moved).where(Record.id == row.id).execute()
    if row.archived_at is None:  # after the row: along a link to its own table, what follows reads it
        dependents.place(shape, row.id, before, document)
