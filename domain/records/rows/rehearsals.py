"""A rehearsal of all cells of a long table, by a job: how many don't fit is known before anything happens.

The first cells (kind_changes.LOOKED) are shown at once. What the job found is kept with the shape that it was made by
and with the last change it saw.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from peewee import fn

from database.transactions import writes
from domain import Refused
from domain.base import long_jobs
from domain.organizations import organizations
from domain.records import collections, kind_changes
from models import Change, LongJob

JOB = "kind_rehearsal"
KEPT = ("looked", "empty", "left_count", "last")


@dataclass(frozen=True)
class Seen:
    """A Rehearsal, of all cells where it `is_whole`; else the `job` that looks at them. `is_old`: rows have changed
    since."""

    rehearsal: Any
    job: Any = None
    is_old: bool = False


def of(slug, id, kind, *, by, options=None, given=None, again=False):
    """What would become of all cells; begins a job where these are many. Refuses with Invalid or NotFound."""
    made = kind_changes.rehearse(slug, id, kind, by=by, options=options, given=given)
    if made.is_whole:
        return Seen(made)
    collection = collections.found(slug)
    subject = _subject(made, given, collection)
    job = long_jobs.newest(JOB, subject)
    if job is None or job.status in ("failed", "replaced") or (again and not job.is_open):
        facts = {"table": slug, "becomes": kind, "options": made.options, "given": given or {}}
        return Seen(made, _begin(subject, made, by, facts))
    if job.is_open:
        return Seen(made, job)
    _fill(made, job.facts["found"])
    return Seen(made, job, _last_change(collection) > job.facts["mark"])


def _subject(made, given, collection):
    """A text for all that the answer depends on, but for the rows."""
    asked = json.dumps([made.kind, made.options, given or {}, collection.shape], sort_keys=True)
    return f"{made.of.id}:{hashlib.sha256(asked.encode()).hexdigest()[:40]}"


@writes
def _begin(subject, made, by, facts):
    closed = (LongJob.kind == JOB) & LongJob.finished_at.is_null(False)
    LongJob.delete().where(closed, LongJob.subject.startswith(f"{made.of.id}:")).execute()
    facts |= {"organization": by.organization.id, "field": made.of.id}
    begun = long_jobs.begin(JOB, subject, by=by.user, total=_rows_of(made), **facts)
    return begun or long_jobs.newest(JOB, subject)


def _rows_of(made):
    return kind_changes.count_rows(made.of.collection_id)


def progress(id, subject):
    """The job that looks at a field's cells for this subject, or None."""
    return long_jobs.newest(JOB, subject) if subject.startswith(f"{id}:") else None


@long_jobs.worker(JOB)
def work(job):
    """Look at all cells that were asked for."""
    by, facts = organizations.who_asked(job), job.facts
    collection = collections.found(facts["table"])
    mark = _last_change(collection)
    given = {name: tuple(said) if isinstance(said, list) else said for name, said in facts["given"].items()}
    made = kind_changes.rehearse(
        facts["table"], facts["field"], facts["becomes"], by=by, options=facts["options"], given=given
    )
    if _subject(made, given, collection) != job.subject:
        raise Refused("The table was changed meanwhile. Look again.")
    kind_changes.rehearse_rest(made, long_jobs.telling(job))
    long_jobs.finish(job, mark=mark, found=_kept(made))


def _last_change(collection):
    table = f"record:{collection.id}"
    return Change.select(fn.max(Change.id)).where(Change.table == table).scalar() or 0


def _kept(made):
    words = [[said, *pair] for said, pair in made.words.items()]
    return {name: getattr(made, name) for name in KEPT} | {"left": made.left, "fit": made.fit, "words": words}


def _fill(made, found):
    """A Rehearsal of the first cells becomes that of all."""
    for name in KEPT:
        setattr(made, name, found[name])
    made.left, made.fit = ([kind_changes.Becomes(*one) for one in found[name]] for name in ("left", "fit"))
    made.words = {said: (word, count) for said, word, count in found["words"]}
    made.is_whole = True
