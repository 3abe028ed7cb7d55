"""The runs of one job as the staff's list, and how long they took as a chart."""

from dataclasses import dataclass, replace

from peewee import JOIN, Case, CharField

from database.clock import now
from database.columns import Moment as MomentColumn
from database.parameters import parameter
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import Listing, both
from domain.operations.runs import norms
from models import JobRun, Lease, Profile

STATE = Choice(
    (
        ("failed", "Failed", "bad"),
        ("died", "Died", "bad"),
        ("running", "Running", "info"),
        ("stopped", "Stopped", "warn"),
        ("ok", "OK", "good"),
    )
)
TRIGGER = Choice(
    (
        ("calendar", "The calendar", "quiet"),
        ("woken", "Something to do", "quiet"),
        ("cron", "From outside", "info"),
        ("admin", "By hand", "info"),
    )
)
_IS_OPEN = JobRun.finished_at.is_null() & JobRun.number.is_null(False)
_STATE = Case(
    None,
    (
        (_IS_OPEN & (Lease.until_at >= parameter("moment")), "running"),
        (_IS_OPEN, "died"),
        (JobRun.ok == False, "failed"),  # noqa: E712
        (JobRun.stop_at.is_null(False), "stopped"),
    ),
    "ok",
)


def _took(row):
    ended = row["finished_at"]
    return norms.spoken((ended - row["started_at"]).total_seconds()) if ended else "–"


listing = Listing(
    *("job_runs", "run", "runs", JobRun),
    (
        Field("started_at", "Began", Moment(past=True)),
        Field("state", "State", STATE),
        Field("finished_at", "Took", Derived(_took)),
        Field("affected", "Done", Number()),
        Field("trigger", "Begun by", TRIGGER),
        Field("asked_by_name", "Who", Text(120)),
    ),
    both("started_at", "Oldest first", "Newest first", "down"),
    joins=lambda query: (
        query.join(Profile, JOIN.LEFT_OUTER, on=(Profile.user == JobRun.asked_by))
        .switch(JobRun)
        .join(Lease, JOIN.LEFT_OUTER, on=(Lease.job == JobRun.job) & (Lease.number == JobRun.number))
    ),
    elsewhere=(("state", CharField(), _STATE), ("asked_by_name", Profile.full_name, None)),
    knows=(("moment", lambda by: MomentColumn().db_value(now())),),
    under=("error",),
    ranges=("started_at",),
    chips="state",
    reads="jobs.run",
    icon="clock",
    empty=(("all", "It has not run yet, or found nothing to do."),),
)


def of(job, label):
    """The list of the runs of one job."""
    return replace(listing, only=JobRun.job == job, version=job, title=label)


# --- how long they took -------------------------------------------------------------------------------------

SHOWN = 60


@dataclass(frozen=True)
class Bar:
    """A run as a bar: where it is, how high of a hundred, and in words."""

    x: int
    tall: float
    run: JobRun
    words: str


@dataclass(frozen=True)
class Chart:
    """The last runs that are over, the oldest first; what is usual; the longest in words."""

    bars: tuple
    norm: norms.Norm | None
    usual: str
    bound: str
    most: str
    line: float  # how high of a hundred the usual is


def chart(job):
    """How long the last runs of a job took."""
    over = JobRun.select().where(JobRun.job == job, JobRun.finished_at.is_null(False), JobRun.ok.is_null(False))
    runs = list(over.order_by(JobRun.started_at.desc(), JobRun.id.desc()).limit(SHOWN))[::-1]
    took = [(run.finished_at - run.started_at).total_seconds() for run in runs]
    norm, most = norms.normal(job), max([*took, 0.001])
    bars = tuple(
        Bar(n, round(max(100 * seconds / most, 1.5), 1), run, norms.spoken(seconds))
        for n, (run, seconds) in enumerate(zip(runs, took, strict=True))
    )
    usual, bound = (norms.spoken(norm.median), norms.spoken(norm.bound)) if norm else ("", "")
    return Chart(bars, norm, usual, bound, norms.spoken(most), norm and min(100, 100 * norm.median / most))
