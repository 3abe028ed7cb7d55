import threading

import pytest

from database.transactions import writes
from domain import Refused
from domain.operations.runs import leases
from models import AuditEvent, JobRun, Lease, Setting
from tests.fixtures.threads import write


def note(word):
    """A write of a job."""
    write(Setting.create, key=word, value=word)


def noted():
    return [row.key for row in Setting.select().order_by(Setting.id)]


def test_a_run_is_written_as_it_starts_and_closed_at_its_end(house, clock):
    taken = leases.take("tokens", "me", "woken")
    open_row = JobRun.get_by_id(taken.run)
    assert (open_row.trigger, open_row.finished_at, open_row.ok, open_row.number) == ("woken", None, None, 1)
    assert leases.running().keys() == {"tokens"}
    clock.forward(seconds=3)
    leases.end(taken, 7)
    closed = JobRun.get_by_id(taken.run)
    assert (closed.finished_at, closed.ok, closed.affected) == (clock(), True, 7)
    assert leases.running() == leases.died() == {}


def test_each_taking_has_a_number_of_its_own_that_grows(house):
    for number in (1, 2, 3):
        taken = leases.take("tokens", "me")
        assert taken.number == number
        leases.end(taken, 0)
    assert leases.take("digests", "me").number == 1


def test_hard_22_an_open_run_whose_lease_is_over_has_died_however_often_it_starts(house, clock):
    for _ in range(3):  # a loop of starts that crash
        taken = leases.take("tokens", "me")
        assert leases.running()["tokens"].id == taken.run
        assert leases.died().keys() == set() or leases.died()["tokens"].id < taken.run
        clock.forward(seconds=61)
    assert leases.running() == {}
    assert leases.died()["tokens"].id == taken.run
    leases.end(leases.take("tokens", "me"), 1)
    assert leases.died() == {}


def test_hard_24_one_that_was_paused_beyond_its_lease_writes_nothing_any_more(house, clock):
    """Two run: the old one, which was paused, can neither write, nor hold, nor take the lease back."""
    old = leases.take("tokens", "old")
    with leases.fenced(old):
        note("before")
    clock.forward(seconds=61)
    new = leases.take("tokens", "new")
    with leases.fenced(old), pytest.raises(leases.Lost):
        note("too late")
    assert not leases.hold(old)
    leases.end(old, 5)
    assert Lease.get(Lease.job == "tokens").owner == "new"
    assert leases.take("tokens", "old") is None
    with leases.fenced(new):
        note("after")
    assert noted() == ["before", "after"]


def test_hard_24_the_same_owner_that_takes_anew_is_another_by_its_number(house, clock):
    old = leases.take("tokens", "me")
    leases.take("tokens", "me")
    with leases.fenced(old), pytest.raises(leases.Lost):
        note("too late")
    assert noted() == []


def test_who_holds_writes_on_when_the_lease_lapsed_and_nobody_took_it(house, clock):
    taken = leases.take("tokens", "me")
    clock.forward(seconds=300)
    with leases.fenced(taken):
        note("mine still")
    assert noted() == ["mine still"]


def test_a_write_within_another_is_fenced_with_it_and_what_is_raised_undoes_all(house, clock):
    old = leases.take("tokens", "old")
    clock.forward(seconds=61)
    leases.take("tokens", "new")

    @writes
    def outer():
        note("outer")
        note("inner")

    with leases.fenced(old), pytest.raises(leases.Lost):
        outer()
    assert noted() == []


def test_hard_24_nobody_takes_over_between_the_question_and_the_commit(house, clock, postgres):
    """On PostgreSQL the number is locked until the commit; SQLite has one writer."""
    old, begun, go, outcome = leases.take("tokens", "old"), threading.Event(), threading.Event(), []

    @writes
    def slow():
        Setting.create(key="slow", value=1)
        begun.set()
        assert go.wait(30)

    def write_slowly():
        with leases.fenced(old):
            slow()

    def take_over():
        outcome.append((leases.take("tokens", "new"), noted()))

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert begun.wait(30)
    clock.forward(seconds=61)
    taker = threading.Thread(target=take_over)
    taker.start()
    taker.join(0.3)
    assert taker.is_alive(), "it waits for the commit"
    go.set()
    writer.join(30)
    taker.join(30)
    assert outcome[0][1] == ["slow"]


def test_the_same_key_finds_the_same_run_whether_it_goes_on_or_not(house):
    first = leases.take("tokens", "me", "cron", key="k")
    assert first.is_new
    again = leases.take("tokens", "other", "cron", key="k")
    assert (again.run, again.is_new) == (first.run, False)
    leases.end(first, 1)
    assert leases.take("tokens", "other", "cron", key="k").run == first.run
    assert leases.take("digests", "me", "cron", key="k").run != first.run
    assert JobRun.select().count() == 2


def test_a_run_is_asked_to_stop_once_and_only_while_it_runs(cast, house):
    with pytest.raises(Refused, match="isn't running"):
        leases.stop("tokens", "Tokens", by=cast.stella)
    taken = leases.take("tokens", "me")
    assert not leases.is_to_stop(taken)
    leases.stop("tokens", "Tokens", by=cast.stella)
    assert leases.is_to_stop(taken)
    with pytest.raises(Refused, match="already"):
        leases.stop("tokens", "Tokens", by=cast.stella)
    assert AuditEvent.select().where(AuditEvent.action == "jobs.stopped").count() == 1
