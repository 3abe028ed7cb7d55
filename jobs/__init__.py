"""The calendar, and what runs it.

What is due is always a question to the database: a missed tick or a kill loses nothing. Each run holds a
lease row, so that with several processes a job runs once; a commit that leaves work wakes its job at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from peewee import fn

from database.clock import now
from database.connections import database
from database.moving import freezing
from database.scope import everywhere
from domain import NotFound, Refused
from domain.automations import clocks, runs
from domain.automations import running as automating
from domain.automations.webhooks import deliveries as messages
from domain.backers import backer_imports
from domain.base import audit, changes, mail, notices, outgoing, settings, tokens
from domain.base.letters import subscribers, suppressions
from domain.charts import figures, saved_charts
from domain.entitlements import credits, grants
from domain.events import orders, payments
from domain.events.afterwards import moves, pass_transfers, reminders, sales_news
from domain.events.books import payouts
from domain.events.line import calls
from domain.events.providers import attempts, refunding
from domain.events.rehearsals import rehearsals as sales
from domain.flyers import flyers as flyer_pages
from domain.flyers import funnel, trending
from domain.flyers import keeping as flyer_files
from domain.flyers import lane as flyers
from domain.flyers.batches import batches as flyer_batches
from domain.flyers.batches import drawing as batch_drawing
from domain.flyers.organizing import campaigns as flyer_campaigns
from domain.imports import doing, imports
from domain.lists import attachments, trash
from domain.moderation import salts
from domain.money import billing, dunning, inbox, pricing, reconciliations, replays, silences
from domain.money.providers import sandbox
from domain.operations import attention, demo_removals, digests, purges, retention, surroundings
from domain.operations.copies import copies, deltas
from domain.operations.mail import deliveries, mail_silences
from domain.operations.moving import arrivals, departures, personal_files
from domain.operations.news import sending as news
from domain.operations.releases import pulses
from domain.operations.runs import alarms, leases
from domain.operations.status import status_pages
from domain.organizations import api_answers, api_keys, invitations, transfers
from domain.people import admins, people, proofs, sessions
from domain.records import kind_changes, rules
from domain.records.archives import leaving, returning
from domain.records.computed import dependents
from domain.records.public import quarantine
from domain.records.rows import numbers, rehearsals
from domain.tasks import tasks
from jobs import running, verifications
from models import JobRun, Lease


@dataclass(frozen=True)
class Job:
    """`work()` does one batch and returns how many it did; it is called until there are none left, or `once`.
    `outside` is its name at /cron/<name>, where it may be begun from outside; a `quiet` one leaves no record of a run
    that found nothing to do, as those that are woken. Where it says when it is `due`, a tick that finds nothing takes
    no lease either: an idle server hardly writes."""

    name: str
    label: str
    work: Callable[[], int]
    trigger: BaseTrigger
    woken_by: str = ""
    once: bool = False
    outside: str = ""
    quiet: bool = False
    due: Callable[[], object] | None = None

    def is_due(self):
        """Whether there may be something to do; long jobs say it themselves."""
        look = self.due or getattr(self.work, "is_due", None)
        with everywhere("a job asks for what is due of all organizations"):
            return look is None or bool(look())


def every(**interval):
    return IntervalTrigger(**interval, timezone="UTC")


def at(hour, minute=0):
    return CronTrigger(hour=hour, minute=minute, timezone="UTC")  # never local time: it comes twice in autumn


class _FromTheStart(IntervalTrigger):
    """At once when the calendar begins, and then as its interval says."""

    def get_next_fire_time(self, previous_fire_time, now):
        return super().get_next_fire_time(previous_fire_time, now) if previous_fire_time else now


def from_the_start(**interval):
    return _FromTheStart(**interval, timezone="UTC")


def batches(size, *asked):
    """One job of several functions, each of which does a batch of at most `size`."""
    return lambda: sum(ask(size) for ask in asked)


def audit_events(size):
    return audit.prune(size, settings.get("audit_retention_days"))


def watch():
    """Look whether all jobs run as usual; returns how many alarms came and went."""
    return alarms.look(CALENDAR, _begun_at or now())


EXPIRED = batches(
    *(200, tokens.prune, sessions.prune, proofs.prune, people.end_lapsed, backer_imports.prune),
    *(imports.prune, saved_charts.prune, api_answers.prune),
)
LAPSED = batches(200, invitations.expire, transfers.expire, pass_transfers.lapse)

BEGUN = batches(200, flyer_campaigns.follow_clock)
ENDED = batches(
    *(200, flyer_files.expire, flyer_files.give_up, flyer_files.end_closed),
    *(flyer_files.forget_some, flyer_files.forget_pictures),
)
READERS = batches(200, subscribers.look_after, news.let_go)
CALLED_OFF = batches(50, orders.call_off, moves.tell)


def outlet(lane, label, seconds=5):
    """The job of a lane by which something leaves."""
    send, due = partial(outgoing.send_due, lane), partial(outgoing.is_due, lane)
    return Job(lane, label, send, every(seconds=seconds), woken_by=lane, due=due)


# What sends a kind of Outgoing, or reads a channel of the inbox: known once it is imported.
SENDING = (mail, notices, billing, sandbox, refunding, suppressions, deliveries)

CALLED = {"trigger": every(seconds=5), "due": calls.is_due}
DELIVERED = {"trigger": every(seconds=5), "due": messages.is_due}
AUTOMATED = {"trigger": every(seconds=15), "due": automating.is_due}
SMALL = {"trigger": every(seconds=15), "woken_by": "thumbnails", "due": attachments.is_any_waiting}
COPIED = {"trigger": every(seconds=15), "due": copies.is_due}
DRAWN = {"trigger": every(seconds=15), "due": flyers.is_due}

# name, what people read, what it does, when; and what wakes it, or that one call is all of it
CALENDAR = (
    Job("inbox", "Work off webhooks", inbox.work_off, every(seconds=5), woken_by="inbox", due=inbox.is_due),
    Job("webhook_replays", "Replay webhooks", replays.replay_some, every(seconds=15), woken_by="webhook_replays"),
    outlet(outgoing.LETTERS, "Send letters and notifications"),
    Job("newsletter", "Send the newsletter", news.work, every(seconds=15), woken_by=outgoing.NEWS, due=news.is_due),
    outlet(outgoing.MONEY, "Have providers do what was decided"),
    outlet(outgoing.SANDBOX, "Tell what happened at the sandbox"),
    outlet(outgoing.ADDRESSES, "Have addresses written to again", seconds=60),
    Job("automations", "Do what automations do", automating.work, **AUTOMATED, woken_by="automations"),
    Job("automation_clocks", "Look at automations' clocks", clocks.work, every(minutes=1), quiet=True),
    Job("automation_runs", "Remove old runs", batches(200, runs.prune, messages.prune), at(3, 45)),
    Job("webhook_deliveries", "Tell addresses outside", messages.work, **DELIVERED, woken_by=messages.LANE),
    Job("pricing", "Read prices from the provider", pricing.sync, every(seconds=15), woken_by="pricing"),
    Job("plan_grants", "Carry changed plans on", grants.follow_plans, every(seconds=15), woken_by="plan_grants"),
    Job("backer_import", "Add imported backers", backer_imports.work, every(seconds=15), woken_by="backer_import"),
    Job("chart", "Count charts of many rows", figures.work, every(seconds=15), woken_by="chart"),
    Job("import", "Bring files into lists", doing.work, every(seconds=15), woken_by="import"),
    Job(
        "record_words", "Move what is searched of tables", rules.move_words, every(seconds=15), woken_by="record words"
    ),
    Job(
        "record_formulas",
        "Work out formulas",
        dependents.work,
        every(seconds=15),
        woken_by="record formulas",
        due=dependents.is_due,
    ),
    Job("record_numbers", "Number rows of tables", numbers.work, every(seconds=15), woken_by="record numbers"),
    Job("flyer_batch", "Draw batches of flyers", batch_drawing.work, every(seconds=15), woken_by="flyer_batch"),
    Job("flyer_batches", "Let go of batches nobody began", flyer_batches.drop_old, every(hours=6), once=True),
    Job("table_export", "Make ZIPs of tables", leaving.work, every(seconds=15), woken_by="table_export"),
    Job("table_restore", "Bring ZIPs of tables in", returning.work, every(seconds=15), woken_by="table_restore"),
    Job(
        "organization_export",
        "Make files of organizations",
        departures.work,
        every(seconds=15),
        woken_by="organization_export",
    ),
    Job("personal_export", "Make files for people", personal_files.work, every(seconds=15), woken_by="personal_export"),
    Job(
        "organization_import",
        "Bring in files of organizations",
        arrivals.work,
        every(seconds=15),
        woken_by="organization_import",
        due=arrivals.is_due,
    ),
    Job(
        "kind_rehearsal", "Look at cells of long tables", rehearsals.work, every(seconds=15), woken_by="kind_rehearsal"
    ),
    Job("kind_change", "Fill fields of another kind", kind_changes.work, every(seconds=15), woken_by="kind_change"),
    Job(
        "reconciliation",
        "Compare with the provider",
        reconciliations.work,
        every(seconds=15),
        woken_by="reconciliation",
    ),
    Job("reconciliation_night", "Begin the nightly comparison", reconciliations.nightly, every(hours=1), once=True),
    Job("missed", "Fetch webhooks that didn't come", silences.fetch_missed, from_the_start(hours=6), once=True),
    Job("overdue", "Ask about renewals that didn't come", silences.renew_overdue, every(hours=1), once=True),
    Job("silence", "Watch that webhooks come", silences.watch_silence, every(hours=1), once=True),
    Job(
        "holds",
        "End holds of tickets, send stranded money back",
        batches(200, payments.look_after),
        every(minutes=1),
        outside="holds",
    ),
    Job("line", "Call who waits in line for tickets", batches(100, calls.work), **CALLED, woken_by="line"),
    Job("sale_rehearsal", "Rehearse sales of tickets", sales.work, every(seconds=15), woken_by="sale_rehearsal"),
    Job("open_payments", "Ask about open payments of tickets", batches(50, attempts.ask_open), every(minutes=1)),
    Job("ticket_refunds", "Send refunds of tickets again", batches(100, refunding.try_again), every(hours=1)),
    Job("payouts", "Ask accounts for tickets what they paid out", payouts.fetch, every(hours=1), once=True),
    Job("event_reminders", "Remind of events that begin soon", batches(100, reminders.remind), every(minutes=15)),
    Job("event_sales", "Tell organizers what events sold", batches(100, sales_news.tell), every(hours=1)),
    Job("called_off", "Work off cancelled and moved events", CALLED_OFF, every(minutes=1)),
    Job(
        "reminders", "Remind of tasks due within a day", batches(200, tasks.remind), every(hours=1), outside="reminders"
    ),
    Job("keys", "Tell of keys that end within two weeks", batches(100, api_keys.warn), every(hours=1)),
    Job("subscribers", "Remind of the newsletter, let go of who never confirmed", READERS, every(hours=1)),
    Job("digests", "Send daily and weekly digests", digests.send_due, every(minutes=5), outside="digests"),
    Job(
        "dunning",
        "Remind of open payments and ending trials",
        dunning.remind,
        every(hours=1),
        once=True,
        outside="dunning",
    ),
    Job("tokens", "Remove expired codes and old sessions", EXPIRED, every(hours=1), outside="tokens"),
    Job("invitations", "Close lapsed invitations and offers", LAPSED, every(hours=1)),
    Job("read_notifications", "Remove notifications read long ago", batches(200, notices.prune), at(3, 10)),
    Job("audit", "Remove old audit events", batches(200, audit_events), at(3, 20)),
    Job("audit_chain", "Check the audit log", verifications.work, at(4), once=True),
    Job("letters", "Tell of letters that can't be delivered", admins.tell_of_letters, every(minutes=10), once=True),
    Job("mail_silence", "Watch that Resend tells of letters", mail_silences.watch, every(minutes=15), once=True),
    Job("addresses", "Look for accounts that have one address", people.tell_of_clashes, at(4, 10), once=True),
    Job("backup", "Make, bring away and prove copies", copies.work, **COPIED, woken_by="backup", once=True),
    Job("backup_night", "Begin the night's copy", copies.nightly, at(3, 5), once=True, outside="backup"),
    Job("delta", "Keep what changed since the night's copy", deltas.keep, every(minutes=15), once=True),
    Job("delta_check", "Put a moment of the day together again", deltas.rehearse, at(3, 45), once=True),
    Job("erasure", "Note closed accounts beside the copies", copies.note_erasures, every(hours=1), woken_by="erasure"),
    Job("integrity", "Check the database's file", verifications.check_file, at(4, 30), once=True),
    Job("credit_resets", "Begin the month's credits", batches(100, credits.reset_stale), at(0, 5)),
    Job("credit_lapses", "Release lapsed holds, end credits", batches(100, credits.lapse), every(minutes=5)),
    Job("given_ends", "Tell of plans whose time is over", grants.tell_of_ends, every(hours=1), once=True),
    Job("thumbnails", "Draw small pictures of files", batches(10, attachments.draw_thumbnails), **SMALL),
    Job("files", "Remove files that were removed long ago", batches(100, attachments.purge), at(3, 50)),
    Job("quarantine", "Remove files and answers that were thrown away", batches(100, quarantine.purge), at(3, 55)),
    Job(
        "trending",
        "Count what flyers are popular",
        trending.refresh,
        every(minutes=10),
        once=True,
        outside="refresh-trending",
    ),
    Job("flyer_events", "Remove old events of flyers", batches(500, funnel.prune), at(3, 35)),
    Job("salts", "Destroy salts whose time is over", batches(200, salts.destroy), at(0)),
    Job("flyer_letters", "Tell of flyers that end soon", batches(100, flyer_pages.tell_of_ends), every(hours=1)),
    Job("flyers", "Draw flyers", flyers.work, **DRAWN, woken_by="flyers"),
    Job(
        "flyer_campaigns", "Begin and end campaigns of flyers", BEGUN, every(minutes=1), outside="sync-phase-templates"
    ),
    Job(
        "flyer_files",
        "End flyers, let go of their files",
        ENDED,
        every(hours=1),
        woken_by="flyer_files",
        outside="cleanup-expired-generated",
    ),
    Job("flyer_sweep", "Compare flyers with their files", flyer_files.sweep, at(4, 20), once=True),
    Job("purge", "Let go of organizations deleted long ago", purges.work, every(minutes=15), woken_by=purges.JOB),
    Job("demo_removal", "Remove what the demo made", demo_removals.work, every(seconds=15), woken_by="demo_removal"),
    Job("purge_night", "Begin to let go of organizations", purges.nightly, at(2, 30), once=True),
    Job("trash", "Empty the trash", trash.purge, at(3, 25), once=True),
    Job("changes", "Remove old history", batches(200, changes.prune), at(3, 30)),
    Job("kept_cells", "Let go of cells kept long enough", batches(50, kind_changes.prune), at(3, 50)),
    Job("job_watch", "Watch that jobs run as usual", watch, every(minutes=1), once=True, quiet=True),
    Job("attention", "Look what needs attention", attention.look, every(minutes=1), once=True, quiet=True),
    Job("surroundings", "Look at certificate and clock", surroundings.look, from_the_start(hours=1), once=True),
    Job("status", "Measure for the status page", status_pages.measure, every(minutes=1), once=True, quiet=True),
    Job("release_health", "Look how releases do", pulses.judge, every(minutes=1), once=True, quiet=True),
    Job(
        "settled",
        "Remove settled webhooks, letters and runs",
        batches(200, retention.prune, status_pages.prune),
        at(3, 40),
    ),
)
BY_NAME = {job.name: job for job in CALENDAR}

BY_OUTSIDE = {job.outside: job for job in CALENDAR if job.outside}

FIRST = timedelta(minutes=2)  # after the start, what never ran


# --- one run -----------------------------------------------------------------------------------------


def run(name, trigger="calendar", *, asked_by=None, quiet=False):
    """Run a job now, until its backlog is gone; returns how many it did, or None when another holds it.

    A `quiet` run that found nothing to do leaves no record.
    """
    if freezing.is_frozen():  # the database moves: what is due is asked of the new one
        return 0
    if quiet and not running.is_due(BY_NAME[name]):
        return 0
    taken = running.take(name, trigger, by=asked_by)
    return None if taken is None else running.work(BY_NAME[name], taken, quiet=quiet)


def run_now(name, *, by):
    """Have a job run at once, as an admin asks; its record names them. Refuses with NotFound."""
    return run(_known(name).name, "admin", asked_by=by)


def stop(name, *, by):
    """Have a job's run end after its batch. Refuses with NotFound, and where there is nothing to stop."""
    job = _known(name)
    if job.once:
        raise Refused(f"{job.label} does its work in one piece; it ends by itself.")
    leases.stop(name, job.label, by=by)


def _known(name):
    if name not in BY_NAME:
        raise NotFound("There is no such job.")
    return BY_NAME[name]


def begin_from_outside(name, key):
    """Begin a job by its name for outside, and don't wait for it: (the number of its run, None), or (None, since when
    it runs already). The same key finds the same run. Refuses with NotFound."""
    if name not in BY_OUTSIDE:
        raise NotFound("There is no such job.")
    return running.begin_aside(BY_OUTSIDE[name], key)


def last_runs():
    """job name → its newest JobRun that is over."""
    newest = JobRun.select(fn.MAX(JobRun.id)).where(JobRun.job.in_(list(BY_NAME)), JobRun.ok.is_null(False))
    newest = newest.group_by(JobRun.job)
    return dict.fromkeys(BY_NAME) | {run.job: run for run in JobRun.select().where(JobRun.id.in_(newest))}


# --- the runner --------------------------------------------------------------------------------------


_scheduler = None
_begun_at = None
_lanes = {}


def begin():
    """Start the calendar and the lanes in this process; what was left by the last one is worked at once."""
    global _scheduler, _begun_at
    if _scheduler is not None:
        return
    _begun_at = now()
    running.is_ending.clear()
    _scheduler = BackgroundScheduler(timezone="UTC", executors={"default": {"type": "threadpool", "max_workers": 2}})
    for job in CALENDAR:
        if job.woken_by:
            _lanes[job.name] = running.Lane(job)
        _scheduler.add_job(
            _tick,
            job.trigger,
            args=(job.name,),
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=300,
            **({"next_run_time": at_once} if (at_once := _missed_since(job)) else {}),
        )
    database.close()
    _scheduler.start()
    for lane in _lanes.values():
        lane.bell.set()


def _missed_since(job):
    """When to run what should have run while nobody was at home, or was cut off: now, once its lease is over, soon
    where it never ran, or None."""
    if job.woken_by:
        return None
    lease = Lease.one(Lease.job == job.name)
    if lease is None or lease.taken_at is None:
        return now() + FIRST
    due = job.trigger.get_next_fire_time(lease.taken_at, lease.taken_at)
    is_cut_off = JobRun.one(JobRun.job == job.name, JobRun.number == lease.number, JobRun.finished_at.is_null())
    return max(now(), lease.until_at) if is_cut_off or (due is not None and due <= now()) else None


def _tick(name):
    if name in _lanes:
        _lanes[name].bell.set()
    else:
        run(name, quiet=BY_NAME[name].quiet)


def end():
    """Stop the calendar, let what is running finish the batch it is at."""
    global _scheduler
    running.is_ending.set()
    if _scheduler is not None:
        _scheduler.shutdown(wait=True)
        _scheduler = None
    for lane in _lanes.values():
        lane.end()
    _lanes.clear()
    running.join_aside()
    running.is_ending.clear()


def work_off():
    """Run the woken jobs until nothing is due: for tests, the demo and `python -m jobs --once`."""
    for _ in range(50):
        if not sum(run(job.name, "woken", quiet=True) or 0 for job in CALENDAR if job.woken_by):
            return
