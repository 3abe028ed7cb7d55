"""The long parts of an import, as a job does them: rehearsing, doing, and taking back.

What is done in batches is noted by (import, line) in the transaction that does it, so a retry after a kill does
nothing twice. Rows of a million lines have no Change each: one Change says that the file came in.
"""

import json
from datetime import timedelta
from typing import Any, NamedTuple

from peewee import fn

from database.clock import now, read_in
from database.statements import insert_values, update_values
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, Refused, Stale
from domain.base import audit, changes, long_jobs
from domain.fields.records.leftover import restored_cell, stored_cell
from domain.imports import imports, reading, targets, verdicts
from domain.imports.imports import JOB, VERDICTS
from domain.imports.verdicts import CHANGED, NEW, REFUSED
from domain.lists import rows
from domain.lists.listing import demand
from domain.lists.sources import AsItIs
from domain.organizations import organizations
from models import ImportFile, ImportRow

JUDGED = 500  # lines of a rehearsal that are kept at once
BATCH = 200  # lines that are done in one transaction, with few statements
WAITS = timedelta(seconds=3)  # until it is looked whether another import into the table is over
FEW = 10  # the same of lines that are done one by one: others write in between
KEY = ("file", "line")
TOLD = ("verdict", "record", "is_done", "cells", "note")


def _place(job):
    return int(job.subject.partition(":")[0])


def _file_of(job):
    return ImportFile.one(ImportFile.id == int(job.subject.partition(":")[2]))


@writes
def _stop(job, sentence):
    held = _file_of(job)
    long_jobs.finish(job, error=sentence)
    if held is not None:
        imports.put(held, state={"rehearsing": "taken"}.get(held.state, "stopped"), error=sentence)


@long_jobs.worker(JOB, place=_place, gives_up=_stop)
def work(job):
    """Do what was asked for."""
    held = _file_of(job)
    doing = {"rehearsing": _rehearse, "running": _run, "undoing": _undo}.get(held.state) if held else None
    if doing is None:
        raise Refused("There is nothing to do any more.")
    if imports.waits_for(held, job):
        return long_jobs.put_off(job, WAITS)
    by = organizations.who_asked(job)
    read_in(by.user.timezone)
    return doing(job, held, targets.found(held.table, by), by)


def _rehearse(job, held, rules, by):
    counts = dict.fromkeys((*VERDICTS, "left_over"), 0)
    judge, done = verdicts.Judge(rules, held.mapping, by), 0
    if not job.done:
        while _clear(job, held):
            pass
    try:
        for batch in imports.batches(reading.rows(imports.path(held), reading.Layout(**held.layout)), JUDGED):
            found = judge.judge(batch)
            done += len(found)
            for line in found:
                counts[line.verdict] += 1
                counts["left_over"] += len(line.left)
            if done > job.done:  # what an earlier taker kept stands
                _keep(job, held, [_row(held, line) for line in found[job.done - done :]], done)
    finally:
        judge.close()
    made = {str(column.place): column.new for column in judge.reader.columns if column.new}
    _rehearsed(job, held, counts | {"mapping": held.mapping | {"made": made}}, done)


JUDGING = (*KEY, "verdict", "record", "is_done", "name", "cells", "note")


def _row(held, line):
    cells = line.cells and json.dumps(line.cells)
    return held.id, line.line, line.verdict, line.record, False, line.name, cells, line.note


@writes
def _clear(job, held):
    """Remove some of what an earlier rehearsal said."""
    long_jobs.progress(job, 0)
    some = ImportRow.select(ImportRow.line).where(ImportRow.file == held.id).limit(2000)
    return ImportRow.delete().where(ImportRow.file == held.id, ImportRow.line.in_(some)).execute()


@writes
def _keep(job, held, kept, done):
    long_jobs.progress(job, done, lasting=True)
    insert_values(ImportRow, JUDGING, kept)


@writes
def _rehearsed(job, held, counts, done):
    long_jobs.finish(job)
    imports.put(held, state="rehearsed", rows=done, **counts)


def _run(job, held, rules, by):
    _check_places(held, rules)
    reader, seen = verdicts.Reader(rules.listing, held.mapping), 0
    for batch in imports.batches(reading.rows(imports.path(held), reading.Layout(**held.layout)), BATCH):
        seen += len(batch)
        if seen <= job.done:
            continue
        rules, reader = _at_border(held, rules, reader, by)
        lines = _open_lines(held, reader, batch)
        try:
            _do_at_once(job, held, rules, by, lines, seen)
        except AsItIs:
            for few in imports.batches(lines, FEW):
                done = seen if few[-1] is lines[-1] else seen - len(batch)
                rules, reader = _do_few(job, held, rules, reader, by, few, done)
        if held.mapping.get("whole") and any(line.verdict == REFUSED for line, _ in lines):
            return _turn_back(job, held, rules, by, next(line for line, _ in lines if line.verdict == REFUSED))
    return _over(job, held, rules, by)


def _at_border(held, rules, reader, by):
    """The rules of the table as it stands before a batch. Refuses with Moved what the import can't go on with."""
    fresh = targets.found(held.table, by)
    if fresh.listing == rules.listing:
        return rules, reader
    _check_places(held, fresh)
    return fresh, verdicts.Reader(fresh.listing, held.mapping)


def _check_places(held, rules):
    if said := imports.moved(rules.listing, held.mapping):
        raise imports.Moved(said)


def _turn_back(job, held, rules, by, line):
    """Of all or nothing it is nothing: take back what came in so far."""
    why = f"Line {line.line:,} was refused, and all or nothing was asked for: {line.note}"
    _begin_undo(job, held, why)
    _undo(job, held, rules, by)


@writes
def _begin_undo(job, held, why):
    long_jobs.progress(job, 0, lasting=True)
    imports.put(held, state="undoing", error=why[:500])


def _open_lines(held, reader, batch):
    """[(Line, verdict of the rehearsal)] of those that are still to be done."""
    within = (ImportRow.file == held.id, ImportRow.line.between(batch[0][0], batch[-1][0]))
    waiting = (ImportRow.is_done == False, ImportRow.verdict.in_((NEW, CHANGED)))  # noqa: E712
    judged = ImportRow.select(ImportRow.line, ImportRow.verdict, ImportRow.record).where(*within, *waiting)
    found = {line: rest for line, *rest in judged.tuples()}
    lines = []
    for line, cells in batch:
        if line in found:
            one = reader.read(line, cells)
            verdict, one.record = found[line]
            lines.append((one, verdict))
    return lines


def _do_at_once(job, held, rules, by, lines, done):
    """Do a batch with few statements: all that can be is worked out before it waits for the writer.

    Refuses with AsItIs where that doesn't hold any more.
    """
    if held.mapping["told"] or not verdicts.in_batches(rules.listing) or any(line.verdict for line, _ in lines):
        raise AsItIs
    news = [line for line, verdict in lines if verdict == NEW]
    changes = [line for line, verdict in lines if verdict == CHANGED]
    if news and not rules.may_add(by):
        raise AsItIs
    demand(by, rules.listing.writes)
    source, worked = rules.listing.source, []
    try:
        made = [source.worked(None, verdicts.begun(rules, line, held.mapping)) for line in news]
        standing = source.get_many([line.record for line in changes])
        for line in changes:
            if line.record not in standing:
                raise AsItIs
            verdicts.compare(rules, line, standing[line.record], held.mapping, by)
            if line.verdict == CHANGED:
                worked.append(source.worked(standing[line.record], _after(rules.listing, line)))
    except Invalid:
        raise AsItIs from None
    _write_at_once(job, held, rules, by, (news, made), (changes, worked), done)


@writes
def _write_at_once(job, held, rules, by, new, changed, done):
    long_jobs.progress(job, done, lasting=True)
    source, (news, made), (changes, worked), at = rules.listing.source, new, changed, now()
    ids = source.write_many(made, by, at)
    source.write_many(worked, by, at)
    told = [(id, True, str(at), held.id, line.line) for line, id in zip(news, ids, strict=True)]
    update_values(ImportRow, ("record", "is_done", "note"), told, KEY)
    update_values(ImportRow, TOLD, [_outcome(held, line) for line in changes], KEY)


TRIES = 3  # at lines whose table or row changes while they are done


def _do_few(job, held, rules, reader, by, lines, done):
    """Do a few lines one by one, and once more where the table or a row changed at that very moment."""
    for left in reversed(range(TRIES)):
        try:
            _do_each(job, held, rules, by, lines, done, is_last=not left)
            break
        except Stale:
            rules, reader = _at_border(held, rules, reader, by)
    return rules, reader


@writes
def _do_each(job, held, rules, by, lines, done, is_last=True):
    """Do a few lines one by one: what can't be done is refused by itself."""
    long_jobs.progress(job, done, lasting=True)
    for line, verdict in lines:
        if line.verdict:  # it can't be read any more
            continue
        try:
            _do_line(rules, held, line, verdict, by)
        except Refused as refusal:
            if isinstance(refusal, Stale) and not is_last:
                raise
            line.refuse(" ".join(refusal.fields.values()) or refusal.sentence)
    update_values(ImportRow, TOLD, [_outcome(held, line) for line, _ in lines], KEY)


def _outcome(held, line):
    """What became of a line, as TOLD and KEY name it."""
    return line.verdict, line.record, True, line.cells and json.dumps(line.cells), line.note, held.id, line.line


@writes
def _do_line(rules, held, line, verdict, by):
    listing, told = rules.listing, held.mapping["told"]
    if verdict == NEW:
        if not rules.may_add(by):
            raise Forbidden(f"You can't add {listing.things} here.")
        row = rows.add(rules, verdicts.begun(rules, line, held.mapping), by=by, batch=held.batch, is_told=told)
        line.verdict, line.record, line.note = NEW, row.id, verdicts.mark(listing, row)
        return
    found = verdicts.standing(rules, [line.record], by)
    if not found:
        raise NotFound(f"This {listing.thing} was removed meanwhile.")
    verdicts.compare(rules, line, found[0], held.mapping, by)
    if line.verdict == CHANGED:
        rows.write(rules, found[0], _after(listing, line), by, held.batch, is_told=told)


def _after(listing, line):
    """What a line changes of a row."""
    found = {name: line.values[name] for name in line.cells}
    return {name: listing.by_name[name].default if value is None else value for name, value in found.items()}


@writes
def _over(job, held, rules, by):
    long_jobs.finish(job)
    found = ImportRow.select(ImportRow.verdict, fn.count(ImportRow.line)).where(ImportRow.file == held.id)
    counted = dict.fromkeys(VERDICTS, 0) | dict(found.group_by(ImportRow.verdict).tuples())
    imports.put(held, state="done", done_at=now(), **counted)
    told = {"import": [None, {"id": held.id, "name": held.name} | counted]}
    changes.record(by.organization, rules.listing.table, None, "updated", told, by=by.user, batch=held.batch)
    audit.record(
        "import.done",
        f"Brought {held.name} into {held.table}: {held.new:,} new, {held.changed:,} changed",
        by=by.user,
        organization=by.organization,
        target=("import", held.id),
        **counted,
    )


# --- back -------------------------------------------------------------------------------------------------


def _undo(job, held, rules, by):
    done = job.done
    waiting = (ImportRow.file == held.id, ImportRow.is_done == True, ImportRow.verdict.in_((NEW, CHANGED)))  # noqa: E712
    lines = ImportRow.select().where(*waiting).order_by(ImportRow.line.desc()).limit(BATCH)
    while batch := list(lines.clone()):  # the last first
        try:
            if not verdicts.in_batches(rules.listing):
                raise AsItIs
            _take_back_at_once(job, held, rules, by, batch, done + len(batch))
        except AsItIs:
            for few in imports.batches(batch, FEW):
                _take_back_each(job, held, rules, by, few, done + len(batch))
        done += len(batch)
    _undone(job, held, rules, by)


def _take_back_at_once(job, held, rules, by, batch, done):
    """The same with few statements. Refuses with AsItIs."""
    source, gone, changed, back = rules.listing.source, [], [], []
    there = source.get_many([row.record for row in batch], is_seen=False)
    for row in batch:
        act = _act_of_taking_back(rules, row, there.get(row.record))
        if act.removes:
            gone.append(source.worked(there[row.record], None))
        elif act.values:
            changed.append(source.worked(there[row.record], act.values))
        back.append(_line_back(held, row, act))
    _write_back(job, source, by, gone, changed, back, done)


@writes
def _write_back(job, source, by, gone, changed, back, done):
    long_jobs.progress(job, done, lasting=True)
    source.write_many(gone, by, now())
    source.write_many(changed, by, now())
    update_values(ImportRow, BACK, back, KEY)


@writes
def _take_back_each(job, held, rules, by, batch, done):
    long_jobs.progress(job, done, lasting=True)
    listing, back = rules.listing, []
    for row in batch:
        there = listing.rows.now_there(listing, row.record)
        act = _act_of_taking_back(rules, row, there)
        if act.removes:
            listing.rows.remove(listing, there, by)
        elif act.values:
            rows.write(rules, there, act.values, by, is_told=False)
        back.append(_line_back(held, row, act))
    update_values(ImportRow, BACK, back, KEY)


BACK = ("verdict", "is_done", "note")


def _line_back(held, row, act):
    return "kept" if act.why else "undone", False, act.why, held.id, row.line


class _Back(NamedTuple):
    """What takes a line back: its row goes, or gets values; and why it stays, or some of it."""

    removes: bool = False
    values: Any = None
    why: str | None = None


def _act_of_taking_back(rules, row, there):
    """How one line's row becomes what it was, where it stands as the import left it."""
    listing = rules.listing
    if there is None:
        return _Back(why=None if row.verdict == NEW else "It was removed since.")
    if row.verdict == NEW:
        if verdicts.mark(listing, there) != row.note:
            return _Back(why="Somebody changed it since, so it stays.")
        return _Back(removes=True)
    values, stays = {}, []
    for name, (before, after) in row.changes.items():
        f = listing.by_name.get(name)
        if f is None or stored_cell(f.kind, listing.column(name).of(there)) != after:
            stays.append(f.label if f else name)
        else:
            values[name] = restored_cell(f.kind, before)
    return _Back(
        values=values,
        why=f"{', '.join(stays)}: somebody changed this since, so it stays." if stays else None,
    )


@writes
def _undone(job, held, rules, by):
    long_jobs.finish(job)
    kept = ImportRow.select().where(ImportRow.file == held.id, ImportRow.verdict == "kept").count()
    imports.put(held, state="undone", kept=kept)
    told = {"import": [{"id": held.id, "name": held.name}, None]}
    changes.record(by.organization, rules.listing.table, None, "updated", told, by=by.user)
    audit.record(
        "import.undone",
        f"Took {held.name} back out of {held.table}",
        by=by.user,
        organization=by.organization,
        target=("import", held.id),
        kept=kept,
    )
