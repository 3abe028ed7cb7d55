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
from domain.operations.runs import alarms, leases

RESULT = Choice(
    (
        ("failed", "Failed", "bad"),
        ("died", "Died", "bad"),
        ("odd", "Not as usual", "warn"),
        ("running", "Running", "info"),
        ("ok", "OK", "good"),
        ("none", "Not yet", "quiet"),
    )
)
FIRST = ("failed", "died", "odd", "running")


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
    """Those that failed come first. How a job stands is what its last run that is over says, or that one died since."""
    runs, live, dead = jobs.last_runs(), leases.running(), leases.died()
    alarmed = {alarm.job: alarm.words for alarm in alarms.open_ones()}
    rows = [_row(job, runs[job.name], job.name in live, dead.get(job.name), alarmed) for job in jobs.CALENDAR]
    return sorted(rows, key=lambda row: FIRST.index(row["result"]) if row["result"] in FIRST else len(FIRST))


def _row(job, run, is_live, dead, alarmed):
    row = {"id": job.name, "label": job.label, "schedule": when(job.trigger), "result": "none"}
    row |= {"error": alarmed.get(job.name), "is_live": is_live and not job.once}
    if run is not None:
        by = (run.asked_by.name if run.asked_by else None) if run.asked_by_id else None
        state = "ok" if run.ok else "failed"
        row |= {"finished_at": run.finished_at, "result": state, "affected": run.affected, "asked_by": by}
        row["error"] = run.error or row["error"]
    if dead is not None:
        row |= {"result": "died", "finished_at": dead.started_at, "error": "Its last run was cut off in the middle."}
    elif row["result"] != "failed" and (job.name in alarmed or is_live):
        row["result"] = "odd" if job.name in alarmed else "running"
    return row


def stop(name, *, by):
    """Have it end after its batch; returns what to say. Refuses as jobs.stop does."""
    jobs.stop(name, by=by)
    return f"{jobs.BY_NAME[name].label} ends after the batch it is at."


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
    acts=(
        Act("run", "Run now", run, "jobs.run", icon="player-play", bulk=True, when=lambda row: not row.is_live),
        Act("end", "Stop", stop, "jobs.run", icon="player-stop", when=lambda row: row.is_live),
    ),
    also=("is_live",),
    link=True,
    under=("error",),
    reads="jobs.run",
    chips="result",
    icon="clock",
    about="What runs by itself, and when.",
)
