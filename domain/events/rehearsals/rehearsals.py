"""Sales that are rehearsed: asked for by organizers, played by a job on the stage, told with what became of them.

One at a time for each organization. Cut off, it is played again from its beginning, with the same dice: nothing of it
was real. Why: docs/decisions/rehearsals.md
"""

import json
import logging
import secrets
import tempfile
import time

from database.clock import now
from database.transactions import writes
from domain import Refused, existing
from domain.base import long_jobs
from domain.events import events, tiers
from domain.events.rehearsals import stage
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number, counted
from domain.fields.text import Text
from domain.files.worker_process import Overloaded, WorkerProcess
from domain.lists import rows
from domain.lists.listing import Act, Listing, both
from models import PricePhase, SaleRehearsal

log = logging.getLogger("guildhall.tickets")

JOB = "sale_rehearsal"
MOST = 3000  # buyers of one
KEPT = 50  # rehearsals of an event
LASTS = 480  # seconds that one may take
OPEN = ("waiting", "running")
_stage = WorkerProcess("domain.events.rehearsals.stage")

STATE = Choice(
    (
        ("waiting", "Waiting", "quiet"),
        ("running", "Being played", "info"),
        ("done", "Done", "good"),
        ("failed", "Failed", "bad"),
        ("cancelled", "Cancelled", "off"),
    )
)
ARRIVAL = Choice(
    (("rush", "All at once", "info"), ("steady", "Bit by bit", "quiet")),
    about=(("rush", "Most come in the first tenth of the time"), ("steady", "They come evenly over the time")),
)
PERCENT = Number(0, 100, "%")


class AlreadyRehearsing(Refused):
    """One at a time."""

    code = "CONFLICT"


# --- asking for one -----------------------------------------------------------------------------------------------


def missing(event):
    """Why there is nothing to rehearse, in a sentence; empty where there is."""
    if event.state not in ("draft", "published") or events.is_over(event):
        return "It is over, or doesn't take place: there is nothing left to sell."
    if not any(one.kind == "admission" for one in _played(event)):
        return "Offer a kind of ticket first that everybody sees."
    return ""


def _played(event):
    """The tiers that a rehearsal has: those that need no code, and that aren't paused."""
    return [one for one in tiers.of(event.id) if one.code_hash is None and one.state == "on"]


def _derive(rehearsal, values):
    event = events.one(values.get("event"))
    if why := missing(event):
        raise Refused(why)
    return {
        "title": f"{counted(values['buyers'], 'buyer')} in {counted(values['minutes'], 'minute')}",
        "seed": secrets.randbelow(1_000_000),
        "state": "waiting",
    }


def _after(rehearsal, before, change, by):
    if before is not None:
        return
    facts = {"organization": rehearsal.organization_id, "rehearsal": rehearsal.id}
    SaleRehearsal.update(by=by.user).where(SaleRehearsal.id == rehearsal.id).execute()
    subject = str(rehearsal.organization_id)
    if long_jobs.begin(JOB, subject, by=by.user, total=rehearsal.buyers, **facts) is None:
        raise AlreadyRehearsing("Another rehearsal is being played. Wait for its end, or cancel it.")
    mine = SaleRehearsal.event == rehearsal.event_id, SaleRehearsal.state.not_in(OPEN)
    old = SaleRehearsal.select(SaleRehearsal.id).where(*mine).order_by(SaleRehearsal.id.desc()).offset(KEPT).limit(KEPT)
    SaleRehearsal.delete().where(SaleRehearsal.id << [id for (id,) in old.tuples()]).execute()


def job_of(rehearsal):
    """The long job that plays it, while it is open; else None."""
    job = long_jobs.newest(JOB, str(rehearsal.organization_id))
    return job if job is not None and job.is_open and job.facts["rehearsal"] == rehearsal.id else None


@writes
def cancel(id, *, by):
    """Stop one that waits or is being played. Refuses where it is over."""
    by.require("events.write")
    rehearsal = existing(SaleRehearsal.one(SaleRehearsal.id == id))
    stopped = SaleRehearsal.update(state="cancelled").where(SaleRehearsal.id == id, SaleRehearsal.state << OPEN)
    if not stopped.execute():
        raise events.InvalidTransition("This rehearsal is over already.")
    if job_of(rehearsal):
        long_jobs.replace(JOB, str(rehearsal.organization_id))


# --- playing it ---------------------------------------------------------------------------------------------------


@writes
def _finish(job, error=None, **values):
    long_jobs.finish(job, error=error)
    mine = SaleRehearsal.id == job.facts["rehearsal"], SaleRehearsal.state << OPEN
    SaleRehearsal.update(state="failed" if error else "done", error=error, **values).where(*mine).execute()


@long_jobs.worker(JOB, gives_up=_finish)
def work(job):
    """Play the oldest that is asked for, to its end."""
    rehearsal = SaleRehearsal.one(SaleRehearsal.id == job.facts["rehearsal"])
    if rehearsal is None:
        raise Refused("It was removed.")
    try:
        report = _play(rehearsal, job)
    except (ValueError, LookupError, TypeError, OSError) as error:
        log.warning("a rehearsal failed", extra={"rehearsal": rehearsal.id}, exc_info=True)
        raise Refused("The sale couldn't be played. Try again.") from error
    _finish(job, report=report, **_summed(report))


def _play(rehearsal, job):
    """The report of the sale."""
    event = events.one(rehearsal.event_id)
    _begin(rehearsal)
    onward, until = long_jobs.telling(job), time.monotonic() + LASTS
    try:
        with tempfile.TemporaryDirectory(prefix="rehearsal-", ignore_cleanup_errors=True) as folder:
            _stage.ask("build", within=120, folder=folder, **_given(rehearsal, event))
            while True:
                told = json.loads(_stage.ask("go_on", within=120))
                if "report" in told:
                    return told["report"]
                onward(told["came"])
                if time.monotonic() > until:
                    raise Overloaded("It took too long. Rehearse with fewer buyers.")
    finally:
        _stage.end()


@writes
def _begin(rehearsal):
    SaleRehearsal.update(state="running").where(SaleRehearsal.id == rehearsal.id, SaleRehearsal.state << OPEN).execute()


def _given(rehearsal, event):
    """What the stage is told: the event as its makers wrote it, and the plan."""
    played = _played(event)
    phases = PricePhase.select().where(PricePhase.tier << [one.id for one in played]).order_by(PricePhase.id)
    opens = [one.sale_from_at for one in played if one.kind == "admission"]
    begins = event.opens_at or (min(opens) if all(opens) else now())
    plan = {name: getattr(rehearsal, name) for name in ("seed", "buyers", "minutes", "arrival", *WRONG)}
    return {
        "event": stage.written(event, stage.EVENT),
        "tiers": [stage.written(one, stage.TIER) for one in played],
        "phases": [stage.written(one, stage.PHASE) for one in phases],
        "plan": plan | {"begins": begins.isoformat()},
    }


def _summed(report):
    """What the list shows of a report: tickets sold, and when the last kind was gone, where all were."""
    gone = [one["gone_after"] for one in report["tiers"]]
    return {
        "sold": sum(one["sold"] for one in report["tiers"]),
        "gone_after": max(gone) if all(one is not None for one in gone) else None,
    }


# --- as a list ----------------------------------------------------------------------------------------------------

WRONG = ("vanish", "late", "twice")

listing = Listing(
    *("rehearsals", "rehearsal", "rehearsals", SaleRehearsal),
    (
        Field("title", "Rehearsal", Text(120), acted=True),
        Field("state", "State", STATE, acted=True),
        Field("sold", "Tickets sold", Number(), acted=True),
        Field("gone_after", "Sold out after, seconds", Number(), acted=True),
        Field("buyers", "Buyers", Number(1, MOST), True, begins=500, listed=False),
        Field("minutes", "Come within, minutes", Number(1, 120), True, begins=10, listed=False),
        Field("arrival", "How they come", ARRIVAL, True, begins="rush", listed=False),
        Field("vanish", "Vanish without paying", PERCENT, True, begins=10, listed=False),
        Field("late", "Pay too late", PERCENT, True, begins=5, listed=False),
        Field("twice", "Press twice", PERCENT, True, begins=3, listed=False),
        Field("created_at", "Asked for", Moment(past=True), acted=True),
    ),
    both("newest", "Oldest first", "Newest first", first="down", column="id"),
    acts=(
        Act(
            *("cancellation", "Cancel", cancel, "events.write", "It is cancelled."),
            when=lambda row: row.state in OPEN,
        ),
    ),
    parent=SaleRehearsal.event,
    stands_in=lambda id, by: events.one(id),
    has_pages=True,
    beside=False,
    link=True,
    reads="events.read",
    writes="events.write",
    icon="users",
    about="The whole sale, played with made-up buyers and the sandbox’s money. Nothing of it is real.",
    empty=(("all", "See what would happen if 500 people came at once.", "Nobody has rehearsed the sale yet."),),
)


def _why(rehearsal, by, verb, members):
    if verb == "change":
        return "A rehearsal stays as it was asked for. Ask for another one instead."
    return "It is being played. Cancel it first."


rules = rows.Rules(
    listing,
    why=_why,
    may_remove=lambda row, by: by.may("events.write") and row.state not in OPEN,
    derive=_derive,
    after=_after,
)
