"""How requests go, counted by each process and written down once a minute: what the health of a release, and the
status page, are made of."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from models import JobRun, Release, ReleaseHealth, WebhookEvent

# Milliseconds up to which a request counts; the last is everything beyond.
EDGES = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
AFTER, BEFORE = timedelta(minutes=30), timedelta(hours=24)
ENOUGH = 20  # requests, below which nothing is said of them


class Counts:
    """Requests of a while: how many, how many of them failed (5xx), and how long they took."""

    def __init__(self):
        self.requests = self.errors = 0
        self.milliseconds = 0.0
        self.buckets = [0] * (len(EDGES) + 1)

    def add(self, status, milliseconds):
        """One more."""
        self.requests += 1
        self.errors += status >= 500
        self.milliseconds += milliseconds
        self.buckets[bisect_left(EDGES, milliseconds)] += 1

    def join(self, other):
        """Those of another while, too."""
        self.requests += other.requests
        self.errors += other.errors
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]

    @property
    def share(self):
        """How many of a hundred failed."""
        return 100 * self.errors / self.requests if self.requests else 0.0

    @property
    def p95(self):
        """Milliseconds within which 95 of 100 were answered, by the edge above; None without requests."""
        so_far = 0
        for edge, count in zip((*EDGES, 30_000), self.buckets, strict=True):
            so_far += count
            if count and so_far >= 0.95 * self.requests:
                return edge
        return None


@writes
def write(release, process, minute, counts):
    """Keep what a process counted in a minute, once."""
    ReleaseHealth.insert(
        release=release,
        process=process,
        minute=minute,
        requests=counts.requests,
        errors=counts.errors,
        buckets=counts.buckets,
    ).on_conflict_ignore().execute()


def counted(since, until, release=None):
    """The Counts of all processes in a span; of one release, where its processes know that they are it."""
    of = (ReleaseHealth.release == release,) if release is not None else ()
    total = Counts()
    rows = ReleaseHealth.select().where(ReleaseHealth.minute >= since, ReleaseHealth.minute < until, *of)
    for row in rows:
        total.join(row)
    return total


# --- of a release -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """What a span of time was like: requests, how many of 100 failed, milliseconds, failed runs and buried webhooks."""

    hours: float
    requests: int
    share: float
    p95: int | None
    failures: int
    buried: int


def _span(since, until, release=None):
    counts = counted(since, until, release)
    runs = JobRun.select().where(JobRun.started_at >= since, JobRun.started_at < until, JobRun.ok == False)  # noqa: E712
    buried = WebhookEvent.select().where(
        WebhookEvent.status == "buried", WebhookEvent.updated_at >= since, WebhookEvent.updated_at < until
    )
    hours = (until - since).total_seconds() / 3600
    return Span(hours, counts.requests, round(counts.share, 2), counts.p95, runs.count(), buried.count())


def compared(row):
    """(the half hour after a release came up, the day before, the verdict) or None before it came up."""
    if row.succeeded_at is None:
        return None
    began = row.succeeded_at.replace(second=0, microsecond=0)
    is_known = ReleaseHealth.select().where(ReleaseHealth.release == row.deployment_id).exists()
    after = _span(began, began + AFTER, row.deployment_id if is_known else None)
    before = _span(began - BEFORE, began)
    return after, before, verdict(after, before)


def verdict(after, before):
    """«worse» where the half hour was worse than the day before in anything, «well», or «unknown» for too little."""
    slow = bool(after.p95 and before.p95) and after.requests >= ENOUGH and after.p95 > 2 * before.p95 + 50
    failing = after.requests >= ENOUGH and after.share > max(2 * before.share, 1)
    rates = [
        (now_, then / before.hours) for now_, then in ((after.failures, before.failures), (after.buried, before.buried))
    ]
    if slow or failing or any(count > 1 and count / after.hours > 2 * rate for count, rate in rates):
        return "worse"
    return "well" if after.requests >= ENOUGH else "unknown"


def judge():
    """Say of the releases that came up lately how they do; returns of how many that changed."""
    lately = Release.succeeded_at > now() - AFTER - timedelta(minutes=5)
    return sum(_judge(row) for row in Release.select().where(lately))


def _judge(row):
    found = compared(row)
    return _note(row, found[2]) if found and found[2] != row.verdict else 0


@writes
def _note(row, word):
    return Release.update(verdict=word).where(Release.id == row.id).execute()
