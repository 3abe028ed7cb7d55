from datetime import timedelta

import pytest

from domain.operations.releases import pulses
from models import JobRun, Release, ReleaseHealth, WebhookEvent
from tests.fixtures.threads import write


def counts(requests, errors=0, milliseconds=20):
    made = pulses.Counts()
    for n in range(requests):
        made.add(500 if n < errors else 200, milliseconds)
    return made


@pytest.mark.above_sql
def test_ninety_five_of_a_hundred_is_by_the_edge_above():
    made = counts(94, milliseconds=40)
    made.join(counts(6, milliseconds=900))
    assert (made.p95, made.requests) == (1000, 100)
    assert counts(95, milliseconds=5).p95 == 5
    assert pulses.Counts().p95 is None
    assert counts(1, milliseconds=99_999).p95 == 30_000


@pytest.fixture
def release(house, clock):
    began = clock().replace(second=0, microsecond=0)
    return write(Release.create, deployment_id="dep-1", began_at=began, happened_at=began, succeeded_at=began)


def measured(release, clock, name, after, before=None):
    before = before or counts(100)
    pulses.write("", "one", release.succeeded_at - timedelta(hours=3), before)
    pulses.write(name, "one", release.succeeded_at + timedelta(minutes=3), after)


def test_a_minute_of_a_process_is_written_once_and_processes_add_up(house, clock):
    minute = clock().replace(second=0, microsecond=0)
    for process in ("one", "two", "one"):
        pulses.write("dep-1", process, minute, counts(10, 1))
    found = pulses.counted(minute, minute + timedelta(minutes=1))
    assert (found.requests, found.errors, ReleaseHealth.select().count()) == (20, 2, 2)
    assert pulses.counted(minute + timedelta(minutes=1), minute + timedelta(minutes=9)).requests == 0


@pytest.mark.parametrize(
    ("after", "word"),
    [
        (counts(100), "well"),
        (counts(19, 19), "unknown"),
        (counts(100, 3), "worse"),
        (counts(100, 1), "well"),
        (counts(100, milliseconds=900), "worse"),
    ],
)
def test_the_half_hour_after_is_compared_with_the_day_before(release, clock, after, word):
    measured(release, clock, "dep-1", after)
    assert pulses.compared(release)[2] == word
    pulses.judge()
    assert Release.get().verdict == word
    assert pulses.judge() == 0


def test_jobs_that_fail_and_webhooks_that_are_buried_count(release, clock):
    measured(release, clock, "dep-1", counts(100))
    for n in range(3):
        write(JobRun.create, job="tokens", started_at=clock() + timedelta(minutes=n), ok=False, finished_at=clock())
    after, before, word = pulses.compared(release)
    assert (after.failures, before.failures, word) == (3, 0, "worse")
    event = {"channel": "stripe", "type": "t", "payload": b"", "happened_at": clock(), "status": "buried"}
    write(WebhookEvent.create, event_id="e", updated_at=clock() + timedelta(minutes=5), **event)
    assert pulses.compared(release)[0].buried == 1


def test_only_requests_of_the_release_itself_count_where_processes_know_their_name(release, clock):
    measured(release, clock, "dep-1", counts(50))
    pulses.write("dep-0", "two", release.succeeded_at + timedelta(minutes=4), counts(50, 50))
    assert pulses.compared(release)[0].requests == 50


def test_where_no_process_knows_its_name_all_count(release, clock):
    measured(release, clock, "", counts(50))
    assert pulses.compared(release)[0].requests == 50


def test_one_that_never_came_up_has_nothing_to_compare(house, clock):
    assert pulses.compared(Release(deployment_id="d", began_at=clock(), happened_at=clock())) is None
