"""The figures of a chart: counted at once, or of many rows by a long job and kept until the rows change.

What is kept is kept under all that it depends on: the list as somebody may see it, what is asked, the reader's zone
and, where conditions speak of today, their day. Whoever sees the same shares it; nobody else can come by it.

Whether rows changed since is told by the log; of lists of which it doesn't tell all, such as sales, by the column that
grows with each write.
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import fn

from database.clock import now, read_in, reader_day, reader_zone
from database.connections import database
from database.transactions import writes
from domain import NotFound
from domain.base import long_jobs
from domain.charts import charts, tallies
from domain.imports import targets
from domain.lists.programs.moments import OVERLAP
from domain.organizations import organizations
from models import Change, LongJob

JOB = "chart"
AT_ONCE = 50_000  # rows that are counted while somebody waits
ANEW_AFTER = timedelta(seconds=30)  # what changes all the time isn't counted all the time
KEPT = timedelta(days=7)
KEPT_AT_ONCE = 500  # figures of few rows, in this process
FEW = 2000  # rows of sales that are counted whenever one is written

_small: OrderedDict[Any, Any] = OrderedDict()
_small_lock = threading.Lock()


@dataclass(frozen=True)
class Figures:
    """A Tally as it was `counted_at`; or how far the job is that counts it, or why it couldn't be counted."""

    tally: Any
    counted_at: Any = None
    job: Any = None
    is_old: bool = False  # rows have changed since


def figures(asked, query, by):
    """The Figures of a chart, which is asked by `query`, as this member sees its list; begins a job where it takes one.

    Refuses with Forbidden what they may not see.
    """
    key = _place_of(asked, by)
    job = long_jobs.newest(JOB, key)
    if job is None:
        found = _at_once(asked, key, by)
        return found if found.tally.is_whole else Figures(found.tally, job=_begin(key, asked, query, by))
    kept = job.facts.get("kept") or job.facts.get("before")
    tally = tallies.restored(kept) if kept else None
    if job.is_open:
        return Figures(tally, _at(kept), job, is_old=True)
    if job.status == "failed" or kept is None:
        is_over = job.finished_at < now() - ANEW_AFTER
        return Figures(tally, _at(kept), _begin(key, asked, query, by) if is_over else job, is_old=True)
    if _is_as_it_was(asked, Mark(kept["mark"], *kept.get("grown", ())), _at(kept)):
        return Figures(tally, _at(kept))
    if job.finished_at < now() - ANEW_AFTER:
        return Figures(tally, _at(kept), _begin(key, asked, query, by, kept), is_old=True)
    return Figures(tally, _at(kept), is_old=True)


def _at(kept):
    return kept and datetime.fromisoformat(kept["at"])


def _at_once(asked, key, by):
    place = (database.obj, key)
    with _small_lock:
        held = _small.get(place)
    if held:
        mark, tally, at = held
        if _is_as_it_was(asked, mark, at):
            return Figures(tally, at)
        if tally.is_whole and tally.looked > FEW and not asked.listing.followed and now() - at < ANEW_AFTER:
            return Figures(tally, at, is_old=True)
    mark, at = _mark(asked), now()
    tally = tallies.count(asked, by, AT_ONCE)
    with _small_lock:
        _small[place] = (mark, tally, at)
        while len(_small) > KEPT_AT_ONCE:
            _small.popitem(last=False)
    return Figures(tally, at)


class Mark(NamedTuple):
    """How far things were when rows were counted: the changes of the organization and, of a list of which these don't
    tell all, the greatest values of what grows. Such a mark is settled once nothing that was being written beside it
    can be missing below it."""

    changes: int
    grown: str = ""
    is_settled: bool = True


def _mark(asked):
    changes = Change.select(fn.max(Change.id)).scalar() or 0
    return Mark(changes) if asked.listing.followed else Mark(changes, *_grown(asked))


def _grown(asked):
    """(the greatest values of what grows, whether they were written so long ago that all before them is there)"""
    found = [row for column in asked.listing.grows for row in _greatest(column, asked)]
    before = now() - OVERLAP
    return " ".join(str(value) for value, _ in found), all(moment < before for _, moment in found)


def _greatest(column, asked):
    """[(the greatest value of a column beside the rows, when that was written)], or nothing where there is none."""
    model, within = column.model, asked.listing.parent.name
    query = model.select(column, model.updated_at).where(model._meta.fields[within] == asked.ask.parent)
    return query.order_by(column.desc(), model.id.desc()).limit(1).tuples()


def _is_as_it_was(asked, mark, at):
    """Whether rows are as they were when they were counted at this mark and moment."""
    listing = asked.listing
    if Change.one(Change.table.in_((listing.table, *listing.hears.split())), Change.id > mark.changes) is not None:
        return False
    if listing.followed:
        return True
    return (mark.is_settled or now() - at < OVERLAP) and _grown(asked)[0] == mark.grown


def _place_of(asked, by):
    """A text for all that the figures depend on."""
    listing, ask = asked.listing, asked.ask
    tab = listing.tab(ask.tab)
    whose = by.user.id if tab.column or listing.knows else 0
    day = reader_day() if ask.where or ask.due else ""
    place = (listing.name, _text(listing.version), tab.key, whose, reader_zone(), day, asked.chart.written)
    parts = (place, ask.but(tab="", sort="", after="", rows=0, lost=0))
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:40]
    return f"{by.organization.id}:{digest}"


def _text(value):
    """A value as the same text in every process."""
    if hasattr(value, "mark"):
        return _text(value.mark)
    if is_dataclass(value):
        return [(f.name, _text(getattr(value, f.name))) for f in fields(value)]
    if isinstance(value, frozenset | set):
        return sorted(map(repr, value))
    return [_text(one) for one in value] if isinstance(value, tuple | list) else repr(value)


# --- the long way ---------------------------------------------------------------------------------------------------


@writes
def _begin(key, asked, query, by, before=None):
    """Ask for the count; what was kept under this key goes, but for the last figures."""
    closed = (LongJob.kind == JOB) & LongJob.finished_at.is_null(False)
    LongJob.delete().where(closed, (LongJob.subject == key) | (LongJob.finished_at < now() - KEPT)).execute()
    name = targets.name_of(asked.listing, asked.ask.parent)
    facts = {"organization": by.organization.id, "listing": name, "query": query, "zone": reader_zone()}
    facts["role"] = by.role
    return long_jobs.begin(JOB, key, by=by.user, before=before, **facts) or long_jobs.newest(JOB, key)


@long_jobs.worker(JOB)
def work(job):
    """Count one chart that was asked for."""
    by = organizations.who_asked(job)
    if by.role != job.facts["role"]:  # it was asked through the eyes of a lesser one
        by = by.seen_as(job.facts["role"])
    read_in(job.facts["zone"])
    name = job.facts["listing"]
    asked = charts.read(targets.found(name, by, "charts").listing, job.facts["query"], targets.parent_of(name))
    if _place_of(asked, by) != job.subject:
        raise NotFound("The table, or who may see what of it, was changed meanwhile.")
    at, (changes, *grown) = now(), _mark(asked)
    tally = tallies.count(asked, by, onward=long_jobs.telling(job))
    long_jobs.finish(job, before=None, kept=tally.stored() | {"mark": changes, "grown": grown, "at": at.isoformat()})
