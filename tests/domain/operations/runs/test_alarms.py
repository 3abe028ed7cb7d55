from datetime import timedelta
from types import SimpleNamespace

import pytest

import jobs
from domain.operations.runs import alarms, leases
from models import JobAlarm, Outgoing


@pytest.fixture
def job(cast, clock):
    return SimpleNamespace(name="told", label="Tell", trigger=jobs.every(hours=1), is_due=lambda: True)


def run(clock, affected=1, seconds=10, error=None):
    taken = leases.take("told", "me")
    clock.forward(seconds=seconds)
    leases.end(taken, affected, error, label="Tell")


def look(clock, job, begun=None):
    alarms.look([job], begun or clock() - timedelta(days=9))
    return [(alarm.kind, alarm.words) for alarm in alarms.open_ones()]


def told():
    return Outgoing.select().where(Outgoing.kind == "notification").count()


def test_hard_20_late_and_too_long_are_two_bounds_and_a_long_job_is_not_late(job, clock, cast):
    for _ in range(10):
        run(clock)
        clock.forward(minutes=59)
    taken = leases.take("told", "me")
    clock.forward(seconds=30)
    assert look(clock, job) == []
    clock.forward(seconds=1)
    assert look(clock, job) == [("long", "Tell runs for 31 s; it usually takes 10 s.")]
    for _ in range(5):  # it holds on for hours, and is still not late
        for _ in range(60):
            clock.forward(minutes=1)
            assert leases.hold(taken)
        look(clock, job)
    assert [kind for kind, _ in look(clock, job)] == ["long"]
    assert (JobAlarm.select().count(), told()) == (1, 1), "one for each run and kind"
    leases.end(taken, 1)
    assert look(clock, job) == []


def test_hard_20_late_is_two_intervals_after_it_was_due_and_gone_when_a_good_run_ends(job, clock):
    run(clock)
    clock.forward(hours=2, minutes=59)
    assert look(clock, job) == []
    clock.forward(minutes=2)
    assert [kind for kind, _ in look(clock, job)] == ["late"]
    look(clock, job)
    run(clock, error=OSError("no"))
    assert [kind for kind, _ in look(clock, job)] == ["late"], "a failed run ends nothing"
    run(clock)
    assert look(clock, job) == []


def test_late_counts_from_the_beginning_of_the_calendar(job, clock):
    run(clock)
    clock.forward(days=3)
    assert look(clock, job, begun=clock() - timedelta(hours=1)) == []
    assert [kind for kind, _ in look(clock, job, begun=clock() - timedelta(hours=2))] == ["late"]


def test_one_that_has_nothing_to_do_is_not_late(job, clock):
    run(clock)
    clock.forward(hours=4)
    job.is_due = lambda: False
    assert look(clock, job) == []
    job.is_due = lambda: True
    assert [kind for kind, _ in look(clock, job)] == ["late"]


def test_a_quiet_job_that_runs_again_is_late_no_more(job, clock):
    run(clock)
    clock.forward(hours=4)
    assert look(clock, job)
    taken = leases.take("told", "me", "woken")
    leases.end(taken, 0, leaves_no_trace=True)
    clock.forward(minutes=1)
    assert look(clock, job) == []


def test_hard_21_runs_that_find_nothing_where_there_is_usually_something(job, clock, cast):
    for _ in range(10):
        run(clock, affected=40)
    for _ in range(2):
        run(clock, affected=0, seconds=0)
    assert look(clock, job) == []
    run(clock, affected=0, seconds=0)
    usual = "Tell found nothing to do 3 times in a row; it usually does 40 things."
    assert look(clock, job) == [("little", usual)]
    run(clock, affected=0)
    assert len(look(clock, job)) == told() == 1
    run(clock, affected=3)
    assert look(clock, job) == []


def test_a_job_that_usually_finds_nothing_may_find_nothing(job, clock):
    for n in range(12):
        run(clock, affected=n % 3 == 0)
    for _ in range(5):
        run(clock, affected=0)
    assert look(clock, job) == []
