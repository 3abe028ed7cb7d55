"""How long a job's runs usually take, learnt from its own: a run is too long beyond the median of its last good ones
and eight times their spread (median absolute deviation, scaled to a standard deviation)."""

from dataclasses import dataclass
from statistics import median

from domain.base import configuration
from models import JobRun

LOOKED_AT, ENOUGH = 30, 10  # good runs with work
SCALE = 1.48  # of the MAD, to be comparable with a standard deviation where runs spread normally
LEAST = 30.0  # seconds: below this nothing is too long


def spoken(seconds):
    """A duration in words: «0.4 s», «3 min 10 s», «2 h 5 min»."""
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


@dataclass(frozen=True)
class Norm:
    """Of how many runs, their median and spread, and beyond what a run is too long; all in seconds."""

    runs: int
    median: float
    spread: float
    bound: float


def of(seconds, factor=1):
    """The Norm of durations in seconds; None where they are too few to say."""
    if len(seconds) < ENOUGH:
        return None
    middle = median(seconds)
    spread = median(abs(one - middle) for one in seconds)
    return Norm(len(seconds), middle, spread, factor * max(middle + 8 * SCALE * spread, 3 * middle, LEAST))


def durations(job, *more):
    """How many seconds the last good runs of a job took that had something to do, the newest first."""
    good = (JobRun.job == job, JobRun.ok == True, JobRun.affected > 0, JobRun.finished_at.is_null(False))  # noqa: E712
    query = JobRun.select(JobRun.started_at, JobRun.finished_at).where(*good, *more)
    return [
        (run.finished_at - run.started_at).total_seconds()
        for run in query.order_by(JobRun.started_at.desc()).limit(LOOKED_AT)
    ]


def normal(job):
    """The job's Norm. The runs of a new release are learnt afresh; until they are enough, the old bound holds twice."""
    release = configuration.active.release_id
    if not release:
        return of(durations(job))
    theirs = (JobRun.release != release) | JobRun.release.is_null()
    return of(durations(job, JobRun.release == release)) or of(durations(job, theirs), factor=2)
