"""What about jobs isn't as usual: begun too late, at it too long, with too little to show for it.

Each is told once for a run and kind, and is gone when a good run ends. What fails or dies is no alarm of these: its run
says so. A job is anything with a name, a label, a trigger as APScheduler has them, and `is_due()`.
"""

from datetime import timedelta
from statistics import median

from database.clock import local, now
from database.transactions import writes
from domain.base import outgoing
from domain.fields.number import counted
from domain.operations.runs import leases, norms
from domain.people import admins
from models import JobAlarm, JobRun, Lease

AT_LEAST = timedelta(minutes=5)  # late is later than that
STREAK = 3  # runs without work


def look(calendar, begun_at):
    """Look at every job of the calendar, which began at a moment: raise what isn't as usual, end what is again.
    Returns how many alarms came and went."""
    held = {lease.job: lease for lease in Lease.select()}
    live = leases.running()
    return sum(_look_at(job, held.get(job.name), live.get(job.name), begun_at) for job in calendar)


def open_ones():
    """Those that aren't gone, the oldest first."""
    return list(JobAlarm.select().where(JobAlarm.gone_at.is_null()).order_by(JobAlarm.id))


def _look_at(job, lease, run, begun_at):
    raised = [found for found in (_late(job, lease, run, begun_at), _long(job, run), _little(job)) if found]
    return sum(_raise(job, *found) for found in raised) + _end_good(job, lease, run)


def _late(job, lease, run, begun_at):
    """Due, and nobody began. One that is at it may be too long, but isn't late."""
    if lease is None or lease.taken_at is None or run is not None:
        return None
    ended_at = max(lease.taken_at, lease.until_at + leases.LEASE)  # so it was let go
    due = job.trigger.get_next_fire_time(ended_at, ended_at)
    after = due and job.trigger.get_next_fire_time(due, due)
    if after is None or now() < max(due, begun_at) + max(2 * (after - due), AT_LEAST) or not job.is_due():
        return None
    return "late", due.isoformat(), f"{job.label} was due at {local(due):%-d %B, %H:%M %Z} and didn't begin."


def _long(job, run):
    norm = run and norms.normal(job.name)
    took = run and (now() - run.started_at).total_seconds()
    if not norm or took <= norm.bound:
        return None
    words = f"{job.label} runs for {norms.spoken(took)}; it usually takes {norms.spoken(norm.median)}."
    return "long", str(run.id), words


def _little(job):
    """Several runs in a row that found nothing, where usually there is something."""
    good = JobRun.select(JobRun.id, JobRun.affected).where(JobRun.job == job.name, JobRun.ok == True)  # noqa: E712
    runs = list(good.order_by(JobRun.started_at.desc()).limit(norms.LOOKED_AT + STREAK).tuples())
    streak = next((n for n, (_, affected) in enumerate(runs) if affected), len(runs))
    before = [affected for _, affected in runs[streak:]]
    if streak < STREAK or len(before) < norms.ENOUGH or not median(before):
        return None
    usual = counted(int(median(before)), "thing")
    words = f"{job.label} found nothing to do {streak} times in a row; it usually does {usual}."
    return "little", str(runs[streak - 1][0]), words


@writes
def _raise(job, kind, about, words):
    fresh = JobAlarm.insert(job=job.name, kind=kind, about=about, words=words).on_conflict_ignore()
    if not fresh.as_rowcount().execute():
        return 0
    for admin in admins.people():
        if admins.may(admin, "jobs.run"):
            link = f"/admin/jobs/{job.name}"
            outgoing.notify(admin, "admin.jobs", f"job:{job.name}:{kind}:{about}", words, link=link)
    return 1


def _end_good(job, lease, run):
    """End the alarms of a job after which a good run ended; of a run that is quiet, its lease tells."""
    raised = list(JobAlarm.select().where(JobAlarm.job == job.name, JobAlarm.gone_at.is_null()))
    return sum(_end(alarm) for alarm in raised if _is_good_since(alarm, lease, run))


def _is_good_since(alarm, lease, run):
    last = JobRun.select().where(JobRun.job == alarm.job, JobRun.started_at >= _since(alarm))
    good = last.where(JobRun.ok == True)  # noqa: E712
    if alarm.kind == "little":
        return good.where(JobRun.affected > 0).exists()
    if good.where(JobRun.finished_at >= alarm.created_at).exists():
        return True
    began = lease is not None and lease.taken_at is not None and lease.taken_at >= alarm.created_at
    return began and run is None and lease.until_at < now() and not last.exists()


def _since(alarm):
    """From when on runs tell that all is well: the run that is too long may end well itself."""
    if alarm.kind == "late":
        return alarm.created_at
    run = JobRun.one(JobRun.id == int(alarm.about))
    return run.started_at if run else alarm.created_at


@writes
def _end(alarm):
    return JobAlarm.update(gone_at=now()).where(JobAlarm.id == alarm.id, JobAlarm.gone_at.is_null()).execute()
