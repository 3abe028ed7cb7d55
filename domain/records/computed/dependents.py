"""Whatever goes by a row follows it: in the same write where that are few rows, else by a job, from a queue of marks.

A mark is a row that changed, and the link along which others go by it. It is made in the transaction of the change,
so a kill loses nothing; made again it begins anew. A table all of whose formulas have to be worked out is a long job.
"""

import json
import time

from database.locks import lock
from database.scope import everywhere, inside, scope
from database.statements import delete_values, insert_values, update_values
from database.transactions import present, wake, writes
from domain.base import changes, long_jobs
from domain.fields.kinds import whole
from domain.records import documents, shapes, stored_rows
from domain.records.computed import scopes, working
from models import Collection, Record, RecordField, RecordKey, RecordLink, RecordOption, RecordSlot, RecordStale

AT_ONCE = 50  # rows that are worked out in the write they follow from
BESIDE = 1000  # rows that are read for it there
BATCH = 200  # rows in one write: others wait for no more
ALONE = 500  # of those for which no other rows are read
SPAN = 0.5  # seconds that a table is gone on with before what else waits has its turn
WHOLE = "record formulas"  # the long job of one table
PLACED = ("slot", "key", "record")


def lock_all(shape):
    """Lock a table for a write, and those whose rows follow: always in the same order."""
    for one in sorted({shape.collection, *working.tables_after(shape)}):
        lock("records", one)


def place(shape, id, before, after, known=None):
    """documents.place, and what follows from it. Refuses as that does."""
    documents.place(shape, id, before, after, known)
    tell(shape, [(id, before, after)])


def tell(shape, moved, room=None):
    """Have what goes by rows follow: (id, document before, document after) of each, None where it isn't there.

    In the present transaction. Returns how many rows more could be worked out at once.
    """
    room = AT_ONCE if room is None else room
    for watch in working.watches(shape):
        rows = [one for one in moved if _matters(watch, *one[1:])]
        if rows:
            room = _follow(watch, rows, room)
    return room


def _matters(watch, before, after):
    if before is None or after is None or (watch.cell and working.differs(watch.cell.slot, before, after)):
        return True
    return any(working.differs(slot, before, after) for slot in watch.slots)


def _follow(watch, rows, room):
    is_locked = ("records", watch.table) in present().locks
    if watch.cell:
        targets = {to for _, *both in rows for one in both if one for to in documents.numbers(watch.cell.value(one))}
    else:
        ids = [id for id, _, _ in rows]
        query = RecordLink.select(RecordLink.from_record).where(
            RecordLink.slot == watch.slot, RecordLink.to_record.in_(ids)
        )
        targets = {id for (id,) in query.limit(room + 1).tuples()}
    if is_locked and len(targets) <= room and not working.are_many_beside(watch.table, targets, BESIDE):
        return renew(watch.table, sorted(targets), room - len(targets)) if targets else room
    for id in sorted(targets) if watch.cell else ids:
        mark(watch.table, 0 if watch.cell else watch.slot, id)
    return room


def mark(table, slot, record):
    """Note that rows of a table have to be worked out: this one, or with a `slot` those that link to it by that."""
    here = RecordStale.collection == table, RecordStale.slot == slot, RecordStale.record == record
    again = RecordStale.update(after=0, asked=RecordStale.asked + 1).where(*here)
    if not again.execute():
        RecordStale.insert(collection=table, slot=slot, record=record).on_conflict_ignore().execute()
    wake(WHOLE)


def renew(table, ids, room=0):
    """Work out rows of a table anew, and what follows; those in the trash wait until they are back."""
    shape = shapes.read(Collection.get_by_id(table))
    made = working.plan(shape)
    query = Record.select(Record.id, Record.cells, Record.version)
    live = Record.id.in_(ids), Record.collection == table, Record.archived_at.is_null()
    return renew_rows(shape, made, list(query.where(*live).tuples()), room, is_told=True)


def renew_rows(shape, made, rows, room, is_told=False):
    """The same of rows that were read, (id, cells as text, version), while the table is locked. Where all of a table is
    worked out anew nobody hears of it."""
    read = [(id, json.loads(cells), version) for id, cells, version in rows]
    beside = working.linked(made, [(id, document) for id, document, _ in read]) if made.ways else {}
    typed = [(cell, other) for cell in shape.computed for other in cell.filling if not (other.formula or other.is_kept)]
    keyed = [
        place for place in (*(step.place for step in made.steps), *(other for _, other in typed)) if place.is_keyed
    ]
    searched = [step.place.slot for step in made.steps if step.is_searched]
    moved, cells, said, old, new = [], [], [], [], []
    for id, before, version in read:
        after = dict(before)
        working.put(made, after, beside.get(id, {}))
        if after == before:
            continue
        for cell, other in typed:
            documents.fill(after, cell, other, cell.value(after))
        moved.append((id, before, after))
        cells.append((documents.as_text(after), version + 1, id))
        if any(working.differs(slot, before, after) for slot in searched):
            said.append((*documents.words(shape, after).values(), id))
        for place in keyed:
            if before.get(place.stored) != after.get(place.stored):
                gone, come = place.key_in(before), place.key_in(after)
                if gone != come:
                    old.append((place.slot, gone, id))
                    new.append((place.slot, come, id))
    update_values(Record, ("cells", "version"), cells)
    update_values(Record, ("words", "words_more"), said)
    if any(other.kind.pointing for _, other in typed):
        for id, before, after in moved:
            documents.place_links(id, documents.links(shape, before), documents.links(shape, after), True)
    delete_values(RecordKey, PLACED, sorted(old))
    insert_values(RecordKey, PLACED, sorted(new), or_leave=True)
    if moved and is_told:
        told = [(id, _moved_results(shape, *both)) for id, *both in moved]
        changes.happened(scope(), f"record:{shape.collection}", told)
    return tell(shape, moved, room) if moved else room


def _moved_results(shape, before, after):
    """What formulas give otherwise than before: name → [before, after]."""
    old, new = (stored_rows.results(shape, document) for document in (before, after))
    return {name: [old[name], value] for name, value in new.items() if old[name] != value}


# --- the queue --------------------------------------------------------------------------------------------------------


def is_due():
    """Whether any row has to be worked out."""
    return RecordStale.select().exists() or _some.is_due()


def work():
    """One batch of rows that have to be worked out; how many, 0 when there is nothing to do."""
    with everywhere("marks of all organizations are worked off"):
        one = RecordStale.select().order_by(RecordStale.id).first()
    if one is not None:
        with inside(one.organization_id):
            try:
                return _work_off(one)
            except Exception:
                _put_behind(one)  # it is told and tried again, and nobody waits for it
                raise
    return _some()


@long_jobs.worker(WHOLE)
def _some(job):
    done, until = 0, time.monotonic() + SPAN
    while job.is_open and time.monotonic() < until:
        done += _whole(job)
    return done


@writes
def _work_off(one):
    lock_all(shapes.read(Collection.get_by_id(one.collection_id)))
    stood = RecordStale.id == one.id, RecordStale.asked == one.asked
    if one.slot:
        here = RecordLink.slot == one.slot, RecordLink.to_record == one.record, RecordLink.from_record > one.after
        query = RecordLink.select(RecordLink.from_record).where(*here).order_by(RecordLink.from_record)
        ids = [id for (id,) in query.limit(BATCH).tuples()]
    else:
        ids = [one.record]
    renew(one.collection_id, ids, AT_ONCE)
    if one.slot and len(ids) == BATCH:
        RecordStale.update(after=ids[-1]).where(*stood).execute()
    else:
        RecordStale.delete().where(*stood).execute()
    return len(ids) or 1


@writes
def _put_behind(one):
    """Put a mark behind all others; not one that somebody made again meanwhile, which begins anew where it is."""
    if RecordStale.delete().where(RecordStale.id == one.id, RecordStale.asked == one.asked).execute():
        again = {"collection": one.collection_id, "slot": one.slot, "record": one.record, "after": one.after}
        RecordStale.create(**again)


def begin(table, by):
    """Have all formulas of a table worked out by a job, in the present transaction."""
    long_jobs.replace(WHOLE, str(table))
    total = Record.select().where(Record.collection == table, Record.archived_at.is_null()).count()
    about = {"organization": by.organization.id, "after": 0}
    long_jobs.begin(WHOLE, str(table), by=by.user, total=total, **about)


@writes
def _whole(job):
    table = int(job.subject)
    lock_all(shapes.read(Collection.get_by_id(table)))
    shape = shapes.read(Collection.get_by_id(table))
    made, after = working.plan(shape), job.facts["after"]
    live = Record.collection == table, Record.archived_at.is_null(), Record.id > after
    query = Record.select(Record.id, Record.cells, Record.version).where(*live).order_by(Record.id)
    rows = list(query.limit(BATCH if made.ways else ALONE).tuples())
    if not rows or not made.steps:
        long_jobs.finish(job)
        return 1
    long_jobs.progress(job, job.done + len(rows), lasting=True, after=rows[-1][0])
    renew_rows(shape, made, rows, AT_ONCE)
    return len(rows)


# --- changes of shapes -----------------------------------------------------------------------------------------------


def shape_moved(collection, what, by, filled=None):
    """After a change of fields, words or tables: what goes by them is worked out anew, in the present transaction.

    `what` is as ShapeChange keeps it; `filled` is a field whose cells were worked out before it was turned to them.
    """
    fields, others = _moved(what), _filled_anew(what)
    if not fields and not others:
        return
    begun: set = set()
    beside: set = set()
    for field, tree in scopes.computed():
        needed = scopes.needs(tree)
        if field.id in fields | others:
            beside |= needed
        if (field.id in fields - {filled}) or needed & fields:
            begun.add(field.collection_id)
            beside |= needed
    tables = set(begun)
    for field in RecordField.select().where(RecordField.id.in_(beside)):
        tables |= {field.collection_id, whole(field.options.get("table"))}  # and those that a link among them points to
    for id in sorted(tables - {collection.id, None}):
        Collection.update(shape=Collection.shape + 1).where(Collection.id == id).execute()
    for id in sorted(begun):
        begin(id, by)


def _pairs(what, table):
    """(id, what was changed of it) of one table of a ShapeChange."""
    return [(id, pairs) for id, pairs in what.get(table, {}).items() if isinstance(pairs, dict)]


def _filled_anew(what):
    """The fields that are new, or another slot of which begins to be filled."""
    begun = [int(id) for id, pairs in _pairs(what, "slots") if "state" in pairs]
    found = RecordSlot.select(RecordSlot.field).where(RecordSlot.id.in_(begun)).tuples() if begun else ()
    return {id for (id,) in found} | ({what["add"]} if "add" in what else set())


def _moved(what):
    """The fields whose values may be others now, or mean something else."""
    of = {int(id) for id, pairs in _pairs(what, "fields") if MEANS & pairs.keys()}
    words = [int(id) for id, pairs in _pairs(what, "options") if {"label", "merged_into_id"} & pairs.keys()]
    if words:
        of |= {option.field_id for option in RecordOption.select().where(RecordOption.id.in_(words))}
    if tables := [int(id) for id, pairs in _pairs(what, "collections") if "archived_at" in pairs]:
        of |= {field.id for field in RecordField.select().where(RecordField.collection.in_(tables))}
    return of


MEANS = {"kind", "options", "slot_id", "archived_at"}
