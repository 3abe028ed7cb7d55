"""Bringing a file into a list: taken, looked at, mapped, rehearsed, done by a job, and taken back.

A rehearsal reads the whole file and leaves a verdict for each line, changing nothing. What is then done in batches is
noted by line: domain/imports/doing.py.
"""

from datetime import timedelta

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Forbidden, NotFound, Refused
from domain.base import long_jobs
from domain.fields.kinds import clean
from domain.imports import additions, kept_files, mappings, reading, targets
from domain.imports.verdicts import CHANGED, LEFT_OUT, NEW, REFUSED, SAME, Reader
from domain.lists.listing import demand
from models import ImportFile, ImportRow

JOB = "import"
KEPT = timedelta(days=30)  # that an import can be taken back for
VERDICTS = (NEW, CHANGED, SAME, LEFT_OUT, REFUSED)


# --- taking and looking -----------------------------------------------------------------------------------


@writes
def _create(values):
    return ImportFile.create(**values)


def take(rules, stream, name, *, by):
    """Keep a file and look at it. Returns the ImportFile. Refuses with Invalid what is no table of rows."""
    demand(by, rules.listing.writes)
    name = " ".join(clean(name).replace("\\", "/").rpartition("/")[2].split())[-120:] or "A file"
    with kept_files.keeping(stream) as (sha256, size):
        found = reading.look(kept_files.path(sha256))
        values = {"table": rules.listing.name, "sha256": sha256, "size": size, "name": name, "by": by.user}
        values |= {"layout": found.layout.kept(), "columns": found.columns, "rows": found.count}
        values["headers"] = mappings.headers(found.columns)
        values["mapping"] = _proposed(rules, found, values["headers"], by)
        return _create(values)


def _proposed(rules, found, headers, by):
    rows = found.rows if additions.offered(rules.listing, by) else None
    return mappings.propose(rules.listing, found.columns, _remembered(rules.listing, headers), rows)


def _remembered(listing, headers):
    """How a file with these columns was brought in last."""
    conditions = (ImportFile.table == listing.name, ImportFile.headers == headers, ImportFile.state == "done")
    last = ImportFile.select().where(*conditions).order_by(ImportFile.id.desc()).first()
    return last and last.mapping


def one(rules, id, *, by):
    """An import into this list. Refuses with NotFound what isn't this person's, or for owners and admins anybody's."""
    held = ImportFile.one(ImportFile.id == id, ImportFile.table == rules.listing.name, ImportFile.state != "dropped")
    if held is None or (held.by_id != by.user.id and not by.may("organization.update")):
        raise NotFound("There is no such import.")
    return held


def recent(rules, *, by, limit=50):
    """The newest imports into this list that this person may see."""
    query = ImportFile.select().where(ImportFile.table == rules.listing.name, ImportFile.state != "dropped")
    if not by.may("organization.update"):
        query = query.where(ImportFile.by == by.user)
    return list(query.order_by(ImportFile.id.desc()).limit(limit))


def earlier(held):
    """The same file as it came into the same list before, or None."""
    same = (ImportFile.table == held.table, ImportFile.sha256 == held.sha256, ImportFile.state == "done")
    return ImportFile.select().where(*same, ImportFile.id < held.id).order_by(ImportFile.id.desc()).first()


def look(held):
    """The Look at an import's file. Refuses with Invalid, and with Refused where the file is gone."""
    return reading.look(path(held), held.layout, held.rows)


def path(held):
    """Where its file lies. Refuses with Refused where that is gone."""
    where = kept_files.path(held.sha256)
    if not where.exists():
        raise Refused("The file isn't kept here any more. Choose it again.")
    return where


@writes
def lay_out(rules, held, layout, *, by):
    """Read the file another way; how it is mapped begins anew where its columns are others. Refuses with Invalid."""
    _check_idle(held, "taken", "rehearsed")
    found = reading.look(path(held), layout)
    values = {"layout": found.layout.kept(), "columns": found.columns, "rows": found.count, "state": "taken"}
    if found.columns != held.columns:
        values["headers"] = mappings.headers(found.columns)
        values["mapping"] = _proposed(rules, found, values["headers"], by)
    put(held, **values)


def _check_idle(held, *states):
    fresh = ImportFile.one(ImportFile.id == held.id)
    if fresh is None or fresh.state not in states:
        raise Refused("This import has gone on meanwhile. Look again.", "INVALID_TRANSITION")


def put(held, **values):
    """Write values to an import, within a write."""
    ImportFile.update(**values).where(ImportFile.id == held.id).execute()
    for name, value in values.items():
        setattr(held, name, value)


# --- asking for the long parts ----------------------------------------------------------------------------


@writes
def rehearse(rules, held, mapping, *, by):
    """Have the whole file compared with what is there, by a job. Refuses with Invalid a mapping that can't be."""
    demand(by, rules.listing.writes)
    _check_idle(held, "taken", "rehearsed")
    wide = additions.widened(rules, mapping).listing
    mappings.check_required(wide, mapping)
    mapping = mappings.decided(wide, look(held), mapping) | {"places": places(rules.listing, mapping)}
    put(held, mapping=mapping, state="rehearsing", error=None, **dict.fromkeys((*VERDICTS, "left_over", "kept"), 0))
    _begin(held, by, held.rows)


@writes
def run(rules, held, *, by, mapping=None):
    """Do what was rehearsed, or go on where it stopped, by a job; going on may need another `mapping`.

    What the mapping adds to the table is made now. Refuses with Moved where the table is another by now.
    """
    demand(by, rules.listing.writes)
    _check_idle(held, "rehearsed", "stopped")
    if held.mapping.get("whole") and held.refused and held.state == "rehearsed":
        raise Refused(f"All or nothing was asked for, and {held.refused:,} rows are refused. So nothing came in.")
    if mapping is not None:
        mapping = mappings.decided(additions.widened(rules, mapping).listing, look(held), mapping)
        kept = ("key", "mode", "empties", "told", "whole")  # what the rehearsal went by
        mapping |= {name: held.mapping[name] for name in kept if name in held.mapping}
    elif gone := moved(rules.listing, held.mapping):
        raise Moved(gone)
    mapping = mapping or held.mapping
    if any(mapping.get("made", {}).values()) or any(map(additions.kind_of, mapping["fields"])):
        if not additions.offered(rules.listing, by):
            raise Forbidden("Adding fields or words to this table isn't yours to do.")
        mapping = additions.add(rules, mapping, by)
        rules = targets.found(held.table, by)
    mapping = mapping | {"places": places(rules.listing, mapping)}
    put(held, mapping=mapping, state="running", error=None)
    _begin(held, by, held.rows)


class Moved(Refused):
    """The table isn't what it was when the file was mapped."""

    def __init__(self, fields):
        said = ", ".join(fields)
        super().__init__(f"This table was changed meanwhile: {said}. Look at the columns, then go on.")


def places(listing, mapping):
    """Where the cells lie that a mapping writes to: field → place, as far as that can change."""
    where = getattr(listing.source, "places", None)
    return {name: where(name) for name in mapping["fields"] if name in listing.by_name} if where else {}


def moved(listing, mapping):
    """What is said of the fields that a mapping writes to and that are gone, or of another kind by now."""
    found, labels = mapping.get("places", {}), dict(zip(mapping["fields"], mapping["columns"], strict=False))
    standing = places(listing, mapping)
    said = []
    for name, place in found.items():
        if name not in standing:
            said.append(f"the field for “{labels.get(name, name)}” is gone")
        elif standing[name] != place:
            said.append(f"{listing.by_name[name].label} is of another kind")
    return said


@writes
def undo(rules, held, *, by):
    """Take back what nobody changed since, by a job. Refuses what is older than KEPT."""
    demand(by, rules.listing.writes)
    _check_idle(held, "done", "stopped")
    if held.done_at and held.done_at < now() - KEPT:
        raise Refused(f"An import can be taken back for {KEPT.days} days.")
    put(held, state="undoing", error=None)
    _begin(held, by, held.new + held.changed)


@writes
def drop(held):
    """Forget a file that wasn't brought in."""
    _check_idle(held, "taken", "rehearsed")
    put(held, state="dropped", done_at=now())


def _begin(held, by, total):
    long_jobs.begin(JOB, f"{held.organization_id}:{held.id}", by=by.user, total=total)


def progress(held):
    """The work at an import that was asked for last, or None."""
    return long_jobs.newest(JOB, f"{held.organization_id}:{held.id}")


def waits_for(held, job):
    """The import into the same list that has to be over before this one is done, or None."""
    if held.state not in ("running", "undoing") or job is None or not job.is_open:
        return None
    others = ImportFile.select().where(
        ImportFile.table == held.table, ImportFile.id != held.id, ImportFile.state.in_(("running", "undoing"))
    )
    at_it = ((other, progress(other)) for other in others)
    return next((other for other, one in at_it if one and one.is_open and one.id < job.id), None)


def batches(found, size):
    """Lists of at most `size` of what is found."""
    batch = []
    for one in found:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


# --- reading what was found -------------------------------------------------------------------------------


def lines(held, verdict="", after=0, limit=50):
    """Lines of an import with their verdicts, in the order of the file: (those, the line to go on after)."""
    query = ImportRow.select().where(ImportRow.file == held.id, ImportRow.line > after)
    if verdict:
        query = query.where(ImportRow.verdict == verdict)
    found = list(query.order_by(ImportRow.line).limit(limit + 1))
    return found[:limit], found[limit - 1].line if len(found) > limit else None


def error_sheet(held, rules):
    """(columns, rows) of the lines that didn't come in, or not whole: the file's own columns, and why."""
    where, layout = path(held), reading.Layout(**held.layout)
    reader = Reader(additions.widened(rules, held.mapping).listing, held.mapping) if held.left_over else None

    def found():
        for batch in batches(reading.rows(where, layout), 1000):
            with inside(held.organization_id):
                within = ImportRow.line.between(batch[0][0], batch[-1][0])
                wrong = ImportRow.select(ImportRow.line, ImportRow.note).where(
                    ImportRow.file == held.id, within, ImportRow.verdict == REFUSED
                )
                why = dict(wrong.tuples())
                if reader is not None:
                    why = _left_over(reader, batch) | why
            for line, cells in batch:
                if line in why:
                    padded = list(cells) + [""] * (len(held.columns) - len(cells))
                    yield [*padded[: len(held.columns)], why[line]]

    return [*held.columns, "Why it didn't come in"], found()


def _left_over(reader, batch):
    """line → what of it came in as words only."""
    left = {line: reader.read(line, cells).left for line, cells in batch}
    return {line: f"Came in, but as words: {', '.join(labels)}." for line, labels in left.items() if labels}


@writes
def prune(limit):
    """Remove files and lines of imports that can't be taken back any more, and what was never brought in."""
    with everywhere("old imports go for every organization alike"):
        old = (ImportFile.state.in_(ImportFile.IDLE), ImportFile.updated_at < now() - KEPT)
        ids = [id for (id,) in ImportFile.select(ImportFile.id).where(*old, ImportFile.sha256 != "").limit(10).tuples()]
        done = 0
        for held in ImportFile.select().where(ImportFile.id.in_(ids)):
            some = ImportRow.select(ImportRow.line).where(ImportRow.file == held.id).limit(limit * 10)
            gone = ImportRow.delete().where(ImportRow.file == held.id, ImportRow.line.in_(some)).execute()
            done += gone
            if not gone:
                sha256 = held.sha256
                ImportFile.update(sha256="").where(ImportFile.id == held.id).execute()
                kept_files.drop(sha256)
                done += 1
    return done
