"""Who runs a job: a lease with a number that grows with each taking. The run's row is written with it.

Whatever a run writes, it writes within `fenced(taken)`: each of its transactions asks first whether the number still
stands, and locks it until the commit. So one that was paused for longer than its lease changes nothing any more.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from database import scope
from database.clock import now
from database.compiled import Compiled
from database.connections import database
from database.parameters import parameter
from database.transactions import writes
from domain import Refused
from domain.base import audit, configuration
from models import JobRun, Lease

LEASE = timedelta(seconds=60)


class Lost(Exception):
    """Another took the job over meanwhile: what was to be written is not."""


@dataclass(frozen=True)
class Taken:
    """A job that is one's own to run; `is_new` is False where the same key had asked for this run before."""

    job: str
    owner: str
    number: int
    run: int
    started_at: datetime
    is_new: bool = True


def take(job, owner, trigger="calendar", *, by=None, key=None):
    """The job's lease and an open row of its run, if nobody holds it or its holder has died; else None.
    A `key` that was given before finds its run of then, which is over or goes on."""
    if key is None and _held(job=job, owner=owner, moment=Lease.until_at.db_value(now())):
        return None  # without a transaction: a process that finds it held asks three times a second
    return _take(job, owner, trigger, by, key)


_held = Compiled(
    lambda: Lease.select(Lease.id).where(
        Lease.job == parameter("job"), Lease.owner != parameter("owner"), Lease.until_at >= parameter("moment")
    )
)


@writes
def _take(job, owner, trigger, by, key):
    if key is not None and (earlier := _by_key(job, key)):
        return earlier
    Lease.insert(job=job, owner="", until_at=now() - LEASE).on_conflict_ignore().execute()
    mine = {"owner": owner, "until_at": now() + LEASE, "taken_at": now(), "number": Lease.number + 1}
    free = (Lease.until_at < now()) | (Lease.owner == owner)
    if not Lease.update(**mine).where(Lease.job == job, free).execute():
        return _by_key(job, key) if key is not None else None
    number = Lease.get(Lease.job == job).number
    about = {"number": number, "asked_by": by, "asked_key": key, "release": configuration.active.release_id or None}
    run = JobRun.create(job=job, trigger=trigger, started_at=now(), **about)
    return Taken(job, owner, number, run.id, run.started_at)


def _by_key(job, key):
    run = JobRun.one(JobRun.job == job, JobRun.asked_key == key)
    return run and Taken(job, "", run.number, run.id, run.started_at, is_new=False)


def _mine(taken):
    return Lease.job == taken.job, Lease.owner == taken.owner, Lease.number == taken.number


@writes
def hold(taken):
    """Hold on to the lease for another while; False when it is another's by now."""
    return bool(Lease.update(until_at=now() + LEASE).where(*_mine(taken)).execute())


@contextmanager
def fenced(taken):
    """Within, every write transaction raises Lost once another has the lease."""

    def check():
        # Locked until the commit, so that nobody takes it over in between; SQLite has one writer.
        if not _kept(job=taken.job, owner=taken.owner, number=taken.number):
            raise Lost(f"Another took {taken.job} over.")

    with scope.fenced(check):
        yield


def _locked():
    names = (Lease.job == parameter("job"), Lease.owner == parameter("owner"), Lease.number == parameter("number"))
    query = Lease.select(Lease.id).where(*names)
    return query.for_update("FOR SHARE") if database.dialect == "postgres" else query


_kept = Compiled(_locked)  # at each write of a job: for `order_vs_pretix`, by its letter


@writes
def end(taken, affected, error=None, *, label="", leaves_no_trace=False, is_cut=False):
    """The run is over: its row is closed, or gone where it `leaves_no_trace`, and the lease is let go, if it is still
    its own. An `error` is written into the audit log under the job's `label`. One that `is_cut` by the server's end
    counts as not begun: the next start goes on with it."""
    row = JobRun.id == taken.run
    if leaves_no_trace:
        JobRun.delete().where(row).execute()
    else:
        words = error and f"{type(error).__name__}: {error}"[:500]
        over = JobRun.update(finished_at=now(), ok=error is None, affected=affected, error=words)
        over.where(row, JobRun.finished_at.is_null()).execute()
    if error is not None:
        audit.record("system.job_failed", f"{label} failed", result="failure", target=("job", taken.job))
    let_go = {"until_at": now() - LEASE} | ({"taken_at": None} if is_cut else {})
    Lease.update(**let_go).where(*_mine(taken)).execute()


# --- what is open -------------------------------------------------------------------------------------------


def running():
    """job → its open run whose lease still lasts."""
    query = JobRun.select().join(Lease, on=(Lease.job == JobRun.job) & (Lease.number == JobRun.number))
    return {run.job: run for run in query.where(JobRun.finished_at.is_null(), Lease.until_at >= now())}


def died():
    """The newest runs that began and neither ended nor go on, by job, unless a good one ended since."""
    live = {run.id for run in running().values()}
    found = JobRun.select().where(JobRun.finished_at.is_null(), JobRun.number.is_null(False)).order_by(JobRun.id)
    dead = {run.job: run for run in found if run.id not in live}
    for job, run in list(dead.items()):
        if JobRun.one(JobRun.job == job, JobRun.id > run.id, JobRun.ok == True) is not None:  # noqa: E712
            del dead[job]
    return dead


@writes
def stop(job, label, *, by):
    """Ask the job's run to end after the batch it is at. Refuses where none goes on, or was asked already."""
    run = running().get(job)
    if run is None:
        raise Refused(f"{label} isn't running.")
    if not JobRun.update(stop_at=now()).where(JobRun.id == run.id, JobRun.stop_at.is_null()).execute():
        raise Refused(f"{label} was asked to stop already.")
    audit.record("jobs.stopped", f"{label} was asked to stop", by=by, category="admin", target=("job", job))


def is_to_stop(taken):
    """Whether somebody asked this run to end."""
    return JobRun.select().where(JobRun.id == taken.run, JobRun.stop_at.is_null(False)).exists()
