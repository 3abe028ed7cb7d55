"""The calendar as a list for the staff: what runs, when, how it went last; and running one now."""

import jobs
from domain import Refused
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, Sort, both
from domain.lists.sources import Given

RESULT = Choice((("failed", "Failed", "bad"), ("ok", "OK", "good"), ("none", "Not yet", "quiet")))


def when(trigger):
    """When a job runs, in words."""
    if interval := getattr(trigger, "interval", None):
        for length, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
            if (seconds := int(interval.total_seconds())) >= length:
                count = seconds // length
                return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    parts = {field.name: str(field) for field in trigger.fields}
    return f"daily at {int(parts['hour']):02}:{int(parts['minute']):02} UTC"


def _rows(_by):
    """Those that failed come first."""
    runs = jobs.last_runs()
    rows = [_row(job, runs[job.name]) for job in jobs.CALENDAR]
    return sorted(rows, key=lambda row: row["result"] != "failed")


def _row(job, run):
    row = {"id": job.name, "label": job.label, "schedule": when(job.trigger), "result": "none"}
    if run is None:
        return row
    by = (run.asked_by.name if run.asked_by else None) if run.asked_by_id else None
    return row | {
        "finished_at": run.finished_at or run.started_at,
        "result": "ok" if run.ok else "failed",
        "affected": run.affected,
        "error": run.error,
        "asked_by": by,
    }


def run(name, *, by):
    """Run it now; returns what to say. Refuses with NotFound, or while it runs already."""
    done = jobs.run_now(name, by=by)
    if done is None:
        raise Refused("That job is running already.")
    return f"{jobs.BY_NAME[name].label}: {done} done."


listing = Listing(
    "jobs",
    "job",
    "jobs",
    None,
    (
        Field("label", "Job", Text(80)),
        Field("schedule", "Runs", Text(40)),
        Field("finished_at", "Last run", Moment(past=True)),
        Field("result", "Result", RESULT),
        Field("affected", "Done", Number()),
        Field("asked_by", "By hand", Text(120)),
    ),
    (
        Sort("calendar", "Failed first"),
        *both("label", "A to Z", "Z to A"),
        *both("finished_at", "Oldest run first", "Newest run first"),
    ),
    source=Given(_rows),
    search=("id", "label", "error"),
    acts=(Act("run", "Run now", run, "jobs.run", icon="player-play", bulk=True),),
    under=("error",),
    reads="jobs.run",
    chips="result",
    icon="clock",
    about="What runs by itself, and when.",
)
