"""For Prometheus: how it is doing, in this process and in the database."""

from flask import Blueprint, Response
from peewee import fn

from database import housekeeping, troubles
from database.clock import now
from database.late import Late
from database.transactions import writer
from domain.base import configuration
from domain.operations.copies import copies
from domain.operations.releases import pulses
from domain.operations.runs import alarms, leases
from models import JobRun, Outgoing, Session, WebhookEvent
from views import access, live
from views.safety import bearers, pulse
from views.safety.marks import by_any_name, unlimited

prometheus_client, core = Late("prometheus_client"), Late("prometheus_client.core")
blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@by_any_name
@unlimited
@access.machine
def metrics():
    bearers.demand("METRICS_TOKEN", configuration.active.metrics_token)
    registry = prometheus_client.CollectorRegistry()
    registry.register(_Collected())
    return Response(prometheus_client.generate_latest(registry), content_type=prometheus_client.CONTENT_TYPE_LATEST)


class _Collected:
    """All metrics, as the library asks for them."""

    def collect(self):
        for about, value in (*_of_the_process(), *_of_the_database(), *_of_jobs()):
            name, help = about
            yield core.GaugeMetricFamily(f"guildhall_{name}", help, value=value)
        yield from _requests()


def _count(table, *conditions):
    return table.select(fn.count(table.id)).where(*conditions).scalar()


def _age(table, moment, *conditions):
    """Seconds since the oldest of these; 0 without any."""
    oldest = table.select(fn.MIN(moment)).where(*conditions).scalar()
    oldest = moment.python_value(oldest) if isinstance(oldest, str) else oldest
    return max(0.0, (now() - oldest).total_seconds()) if oldest else 0


def _of_the_process():
    yield ("writer_backlog", "Pieces of work waiting for the writer"), writer.backlog
    yield ("writer_commits", "Commits since this process started"), writer.commits
    yield ("writer_pieces", "Pieces of work done since this process started"), writer.pieces
    yield ("writer_deaths", "Times the writer had to be replaced"), writer.deaths
    yield ("streams_open", "Live pages that hear by a stream"), live.streams()
    yield ("database_troubled", "Whether a write failed within the last half minute"), int(troubles.is_recent())
    url = configuration.active.database_url
    yield ("database_log_bytes", "The size of SQLite's log (WAL)"), housekeeping.log_size(url)
    if (left := housekeeping.room(url)) is not None:
        yield ("disk_free_bytes", "What is left on the disk of the database"), left


def _of_the_database():
    unsettled, waits = WebhookEvent.status.in_(("received", "failed")), Outgoing.status == "queued"
    yield ("inbox_unsettled", "Webhooks not worked off"), _count(WebhookEvent, unsettled)
    yield (
        ("inbox_oldest_seconds", "Age of the oldest webhook that isn't worked off"),
        _age(WebhookEvent, WebhookEvent.created_at, unsettled),
    )
    yield ("inbox_buried", "Webhooks given up"), _count(WebhookEvent, WebhookEvent.status == "buried")
    yield ("outgoing_queued", "Letters and notices not sent"), _count(Outgoing, waits)
    yield (
        ("outgoing_late_seconds", "For how long the oldest letter or notice should have left"),
        _age(Outgoing, Outgoing.next_attempt_at, waits),
    )
    yield ("outgoing_buried", "Letters and notices given up"), _count(Outgoing, Outgoing.status == "buried")
    live_ones = (Session.ended_at.is_null(), Session.expires_at > now())
    yield ("sessions_live", "Sessions that are good"), _count(Session, *live_ones)
    if aged := copies.ages():
        yield ("backup_age_seconds", "Age of the newest copy that was proven"), aged["age_s"]


def _of_jobs():
    yield ("jobs_running", "Runs of jobs that go on"), len(leases.running())
    yield ("jobs_died", "Jobs whose last run was cut off"), len(leases.died())
    yield ("job_alarms", "Jobs that are late, too long, or find too little"), len(alarms.open_ones())
    failed = (JobRun.ok == False, JobRun.job.is_null(False))  # noqa: E712
    yield ("job_failures", "Failed runs among those that are kept (30 days)"), _count(JobRun, *failed)


def _requests():
    """Requests that this process answered since it started, and how long they took."""
    counts = pulse.since_start
    told = core.CounterMetricFamily("guildhall_requests", "Requests answered", labels=("outcome",))
    told.add_metric(("failed",), counts.errors)
    told.add_metric(("answered",), counts.requests - counts.errors)
    yield told
    so_far, buckets = 0, []
    for edge, count in zip((*(edge / 1000 for edge in pulses.EDGES), "+Inf"), counts.buckets, strict=True):
        so_far += count
        buckets.append((str(edge), so_far))
    yield core.HistogramMetricFamily(
        "guildhall_request_seconds", "How long answers took", buckets=buckets, sum_value=counts.milliseconds / 1000
    )
