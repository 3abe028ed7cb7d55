import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

import jobs
from database.connections import database
from domain import NotFound, Refused
from domain.base import outgoing
from domain.operations.runs import leases
from jobs import running
from models import AuditEvent, JobRun, Lease, Notification, Setting
from tests.fixtures.threads import together, write


@pytest.fixture
def job(house, monkeypatch):
    """A job of one's own: `job.work` is what it does."""

    class Job:
        calls = 0
        batches = ()

        def work(self):
            self.calls += 1
            return self.batches[self.calls - 1] if self.calls <= len(self.batches) else 0

    made = Job()
    listed = jobs.Job("test", "Test", lambda: made.work(), jobs.every(hours=1))
    monkeypatch.setitem(jobs.BY_NAME, "test", listed)
    return made


def runs(name="test"):
    return list(JobRun.select().where(JobRun.job == name).order_by(JobRun.id))


def test_a_run_goes_on_until_nothing_is_left_and_is_recorded(job, clock):
    job.batches = (5, 5, 2)
    assert jobs.run("test") == 12
    assert job.calls == 4
    (run,) = runs()
    assert (run.ok, run.affected, run.error, run.started_at, run.finished_at) == (True, 12, None, clock(), clock())


def test_a_quiet_run_that_found_nothing_leaves_no_record(job):
    assert jobs.run("test", quiet=True) == 0
    assert runs() == []
    assert jobs.run("test") == 0
    assert len(runs()) == 1


def test_a_tick_takes_no_lease_until_something_is_due(cast, clock):
    def numbers():
        return dict(Lease.select(Lease.job, Lease.number).tuples())

    asking = {job.name for job in jobs.CALENDAR if job.due or hasattr(job.work, "is_due")}
    assert {"inbox", "outgoing", "automations", "line", "import", "backup"} <= asking
    jobs.work_off()
    before = numbers()
    jobs.work_off()
    assert {name for name, number in numbers().items() if before.get(name) != number}.isdisjoint(asking)
    write(outgoing.notify, cast.bob, "task_due", "k", "due")
    jobs.work_off()
    assert numbers()["outgoing"] == before.get("outgoing", 0) + 1
    assert Notification.select().where(Notification.title == "due").count() == 1


def test_a_failing_run_is_recorded_and_audited_and_the_next_one_works(job, cast):
    works, job.work = job.work, lambda: 1 / 0
    assert jobs.run("test", quiet=True) == 0
    (run,) = runs()
    assert (run.ok, run.error) == (False, "ZeroDivisionError: division by zero")
    failed = AuditEvent.get(AuditEvent.action == "system.job_failed")
    assert (failed.result, failed.target_id) == ("failure", "test")
    job.work = works
    jobs.run("test")
    assert [run.ok for run in runs()] == [False, True]


def test_a_run_that_takes_too_long_leaves_the_rest_to_the_next(job, clock):
    job.work = lambda: clock.forward(minutes=6) and 1
    assert jobs.run("test") == 2
    assert runs()[0].ok


def test_an_admin_runs_a_job_and_is_named(job, cast):
    assert jobs.run_now("test", by=cast.stella) == 0
    assert runs()[0].asked_by == cast.stella
    with pytest.raises(NotFound):
        jobs.run_now("nonsense", by=cast.stella)
    assert jobs.last_runs()["audit"] is None


def test_a_run_that_is_asked_to_stop_ends_after_its_batch(job, cast):
    job.batches = (5, 5, 5)

    def work():
        job.calls += 1
        if job.calls == 2:
            jobs.stop("test", by=cast.stella)
        return 5

    job.work = work
    assert jobs.run("test") == 10
    assert (runs()[0].ok, runs()[0].affected, runs()[0].stop_at is None) == (True, 10, False)
    with pytest.raises(Refused, match="in one piece"):
        jobs.stop("audit_chain", by=cast.stella)
    with pytest.raises(NotFound):
        jobs.stop("nonsense", by=cast.stella)


def test_hard_24_a_run_whose_lease_another_took_writes_nothing_and_says_so(job, clock):
    def work():
        clock.forward(seconds=61)
        leases.take("test", "another")
        write(Setting.create, key="too late", value=1)
        return 1

    job.work = work
    jobs.run("test")
    assert Setting.select().count() == 0
    assert (runs()[0].ok, runs()[0].error) == (False, "Lost: Another took test over.")
    assert Lease.get(Lease.job == "test").owner == "another"


def test_a_run_that_the_servers_end_cut_off_is_gone_on_with_at_the_start(job, clock):
    job.work = lambda: running.is_ending.set() or 5
    try:
        assert jobs.run("test") == 5
    finally:
        running.is_ending.clear()
    assert jobs._missed_since(jobs.BY_NAME["test"]) == clock() + jobs.FIRST


def test_a_run_that_was_killed_is_begun_again_as_soon_as_its_lease_is_over(house, clock):
    clock.moment = datetime(2026, 6, 15, 3, 20, tzinfo=UTC)
    taken = leases.take("audit", "killed")
    clock.forward(seconds=10)
    assert jobs._missed_since(jobs.BY_NAME["audit"]) == taken.started_at + leases.LEASE


def test_of_two_at_once_one_runs(job):
    begun, go = threading.Event(), threading.Event()

    def slow():
        job.calls += 1
        begun.set()
        go.wait(30)
        return 0

    job.work = slow
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(jobs.run("test")))
    thread.start()
    assert begun.wait(30)
    assert together(lambda: jobs.run("test"), lambda: jobs.run("test")) == [None, None]
    go.set()
    thread.join(30)
    assert (outcomes, job.calls, len(runs())) == ([0], 1, 1)
    assert jobs.run("test") == 0  # the lease was let go


def test_processes_that_were_forked_from_one_never_take_each_others_lease(job, monkeypatch):
    """Their threads have the same numbers."""
    held = running.take("test", "calendar")
    monkeypatch.setattr("os.getpid", lambda: 4242)
    assert running.take("test", "calendar") is None
    assert leases.hold(held)


def test_the_lease_of_one_who_died_is_taken_over_when_its_time_is_over(job, clock):
    dead = leases.take("test", "one that will die")
    assert jobs.run("test") is None
    clock.forward(seconds=59)
    assert jobs.run("test") is None
    clock.forward(seconds=2)
    assert jobs.run("test") == 0
    assert not leases.hold(dead)
    assert Lease.get(Lease.job == "test").until_at < clock()


def test_a_heartbeat_keeps_the_lease(job, monkeypatch, clock):
    monkeypatch.setattr(running, "HEARTBEAT", 0.01)

    def slow():
        clock.forward(seconds=50)
        before = Lease.get(Lease.job == "test").until_at
        until = time.monotonic() + 30
        while Lease.get(Lease.job == "test").until_at == before and time.monotonic() < until:
            time.sleep(0.01)
        clock.forward(seconds=50)
        assert leases.take("test", "another") is None
        return 0

    job.work = slow
    jobs.run("test")
    assert runs()[0].ok, runs()[0].error


def test_who_lost_the_lease_does_not_let_go_of_anothers(job, clock):
    slow = leases.take("test", "slow")
    clock.forward(seconds=61)
    leases.take("test", "quick")
    leases.end(slow, 1)
    assert Lease.get(Lease.job == "test").owner == "quick"
    assert leases.take("test", "slow") is None


def test_the_calendar_names_each_job_once_and_keeps_to_utc():
    names = [job.name for job in jobs.CALENDAR]
    assert len(names) == len(set(names)) == len(jobs.BY_NAME)
    assert {str(job.trigger.timezone) for job in jobs.CALENDAR} == {"UTC"}
    topics = [job.woken_by for job in jobs.CALENDAR if job.woken_by]
    assert len(topics) == len(set(topics))
    assert {"inbox", outgoing.LETTERS, outgoing.MONEY} <= set(topics)


def eventually(condition, seconds=30.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def test_a_commit_wakes_its_lane_and_the_notice_is_there_within_a_second(cast):
    jobs.begin()
    try:
        for key in ("first", "second"):
            write(outgoing.notify, cast.bob, "task_due", key, key)
            assert eventually(lambda key=key: Notification.select().where(Notification.title == key).count() == 1)
    finally:
        jobs.end()


def test_what_was_left_by_the_last_process_is_worked_at_the_start(cast):
    write(outgoing.notify, cast.bob, "task_due", "k", "left behind")
    assert Notification.select().count() == 0
    jobs.begin()
    try:
        assert eventually(lambda: Notification.select().count() == 1)
    finally:
        jobs.end()


def test_that_another_holds_a_job_is_seen_by_one_question(cast, monkeypatch):
    leases.take("test", "one")
    asked, execute = [], database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest))
    assert leases.take("test", "another") is None
    assert [sql[:6] for sql in asked if "set_config" not in sql] == ["SELECT"]
    assert leases.take("test", "one") is not None


def test_what_another_process_holds_is_looked_at_again_soon(cast):
    held = leases.take("outgoing", "another process")
    jobs.begin()
    try:
        write(outgoing.notify, cast.bob, "task_due", "k", "waits")
        assert not eventually(lambda: Notification.select().count(), 0.2)
        leases.end(held, 0)
        assert eventually(lambda: Notification.select().count() == 1)
    finally:
        jobs.end()


def test_however_many_wake_at_once_a_few_look_at_once():
    meeting = threading.Barrier(running.LOOKS + 1)

    class Waiting:
        def is_due(self):
            meeting.wait(0.3)  # in vain: one more than may look never comes

    found = together(*[lambda: running.is_due(Waiting())] * (running.LOOKS + 1))
    assert {type(one) for one in found} == {threading.BrokenBarrierError}


def test_beginning_twice_is_once_and_it_can_begin_again_after_its_end(cast):
    for _ in range(2):
        jobs.begin()
        jobs.begin()
        assert jobs._lanes.keys() == {job.name for job in jobs.CALENDAR if job.woken_by}
        jobs.end()
        jobs.end()
        assert len(jobs._lanes) == 0
    assert timedelta(seconds=running.HEARTBEAT) < leases.LEASE


def test_missed_webhooks_are_asked_for_when_the_calendar_begins_and_every_six_hours():
    trigger, began = jobs.BY_NAME["missed"].trigger, datetime(2026, 6, 15, 12, tzinfo=UTC)
    first = trigger.get_next_fire_time(None, began)
    assert first == began
    assert trigger.get_next_fire_time(first, began) == began + timedelta(hours=6)


def test_report_23_what_was_missed_runs_at_the_start_and_what_was_not_waits(house, clock):
    nightly = jobs.BY_NAME["audit"]  # at 3:20
    assert jobs._missed_since(nightly) == clock() + jobs.FIRST, "it never ran"
    clock.moment = datetime(2026, 6, 15, 3, 21, tzinfo=UTC)
    jobs.run("audit")
    clock.moment = datetime(2026, 6, 15, 22, 0, tzinfo=UTC)
    assert jobs._missed_since(nightly) is None
    clock.moment = datetime(2026, 6, 16, 9, 47, tzinfo=UTC)
    assert jobs._missed_since(nightly) == clock(), "the machine was off at 3:20"
