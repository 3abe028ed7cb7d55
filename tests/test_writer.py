import contextvars
import logging
import sqlite3
import threading
import time
from contextlib import suppress

import peewee
import pytest

import models
from database import transactions
from database.connections import database
from database.scope import inside, scope
from database.transactions import GaveUp, WriterDown, wake, writer, writes
from database.waking import wakes
from models import Setting
from tests.fixtures.threads import together, write


@pytest.fixture
def sqlite(house):
    """With the writer's thread; PostgreSQL has ordinary transactions."""


@writes
def put(key, value=1):
    Setting.create(key=key, value=value)
    return key


def stored():
    return [key for (key,) in Setting.select(Setting.key).order_by(Setting.id).tuples()]


class Busy:
    """The writer, held in the middle of a piece until it is let go."""

    def __enter__(self):
        self.begun, self.go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        assert self.begun.wait(30)
        return self

    def work(self):
        with suppress(WriterDown, peewee.PeeweeException, sqlite3.Error):  # what waits shares its commit, and its end
            writes(self.hold)()

    def hold(self):
        self.begun.set()
        assert self.go.wait(60)

    def __exit__(self, *_):
        self.go.set()
        self.thread.join(60)


def in_line(*works, line=writer):
    """Start the works one after the other, each once the one before stands in the queue."""
    outcomes, threads = [None] * len(works), []

    def run(place, work):
        try:
            outcomes[place] = work()
        except Exception as error:
            outcomes[place] = error

    for place, work in enumerate(works):
        threads.append(threading.Thread(target=run, args=(place, work)))
        threads[-1].start()
        until = time.monotonic() + 30
        while line.backlog < place + 1 and time.monotonic() < until:
            time.sleep(0.001)
    return threads, outcomes


def finish(threads):
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


# --- on both databases ------------------------------------------------------------------------------


def test_sixty_four_threads_write_and_nothing_is_lost(house):
    outcomes = together(*(lambda n=n: [put(f"{n}-{i}") for i in range(4)] for n in range(64)))
    assert not [o for o in outcomes if isinstance(o, Exception)]
    assert len(stored()) == len(set(stored())) == 256


def test_a_failing_write_leaves_nothing_and_is_raised_to_its_caller(house):
    @writes
    def fails():
        Setting.create(key="half", value=1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert stored() == []
    put("after")
    assert stored() == ["after"]


def test_a_nested_call_is_a_savepoint(house):
    @writes
    def inner(key, fail):
        Setting.create(key=key, value=1)
        if fail:
            raise ValueError

    @writes
    def outer():
        Setting.create(key="outer", value=1)
        with pytest.raises(ValueError):
            inner("lost", True)
        inner("kept", False)

    outer()
    assert stored() == ["outer", "kept"]


def test_an_outer_failure_takes_the_nested_call_with_it(house):
    @writes
    def outer():
        put("inner")
        raise ValueError

    with pytest.raises(ValueError):
        outer()
    assert stored() == []


class Counted(Exception):
    pass


@pytest.mark.parametrize("outer", [lambda function: function, writes(keep=Counted)])
def test_what_is_kept_is_committed_and_then_raised(house, outer):
    woken = []
    wakes.on_wake("topic", lambda: woken.append(stored()))

    @writes(keep=Counted)
    def counts():
        Setting.create(key="try", value=1)
        wake("topic")
        raise Counted

    with pytest.raises(Counted):
        outer(counts)()
    assert stored() == ["try"]
    assert woken == [["try"]]


def test_what_is_kept_goes_when_the_write_around_it_fails(house):
    @writes(keep=Counted)
    def counts():
        Setting.create(key="try", value=1)
        raise Counted

    with pytest.raises(Counted):
        write(counts)
    assert stored() == []


def test_what_a_keeping_write_catches_from_within_is_undone_and_its_own_stays(house):
    @writes
    def inner():
        Setting.create(key="inner", value=1)
        raise Counted

    @writes(keep=Counted)
    def outer():
        Setting.create(key="outer", value=1)
        inner()

    with pytest.raises(Counted):
        outer()
    assert stored() == ["outer"]


def test_another_error_of_a_keeping_write_undoes_all(house):
    @writes(keep=Counted)
    def fails():
        Setting.create(key="half", value=1)
        raise ValueError

    with pytest.raises(ValueError):
        fails()
    assert stored() == []


def test_whoever_waits_is_woken_after_the_commit_and_not_for_a_failed_write(house):
    seen = []
    wakes.on_wake("topic", lambda: seen.append(threading.current_thread().name))

    @writes
    def works():
        Setting.create(key="a", value=1)
        wake("topic")
        assert seen == []

    @writes
    def fails():
        wake("topic")
        raise ValueError

    works()
    until = time.monotonic() + 30
    while not seen and time.monotonic() < until:
        time.sleep(0.001)
    assert len(seen) == 1
    with pytest.raises(ValueError):
        fails()
    put("b")
    assert len(seen) == 1


def test_when_a_write_returns_its_listeners_have_been_called(house):
    """Else the same thread reads a cache that its own write has made old."""
    told = []
    wakes.on_wake("topic", lambda: (time.sleep(0.2), told.append(True)))
    write(wake, "topic")
    assert told == [True]


def test_a_failing_listener_harms_nobody(house, caplog):
    def bad():
        raise RuntimeError("a listener's fault")

    told = threading.Event()
    wakes.on_wake("topic", bad)
    wakes.on_wake("topic", told.set)
    write(wake, "topic")
    assert told.wait(30)
    put("next")
    assert stored() == ["next"]
    assert "a listener of topic failed" in caplog.text


def test_context_variables_travel_with_the_work(house, cast):
    place = contextvars.ContextVar("place", default="nowhere")
    place.set("here")
    with inside(cast.acme):
        assert write(lambda: (place.get(), scope())) == ("here", cast.acme.id)


def test_what_a_piece_sets_stays_in_it(house):
    place = contextvars.ContextVar("place", default="nowhere")
    write(place.set, "inside")
    assert place.get() == "nowhere"
    assert write(place.get) == "nowhere"


# --- the writer thread ------------------------------------------------------------------------------


def test_first_come_first_served(sqlite):
    with Busy():
        threads, outcomes = in_line(*(lambda n=n: put(f"{n:02}") for n in range(20)))
    finish(threads)
    assert outcomes == stored() == [f"{n:02}" for n in range(20)]


def test_what_waits_together_is_committed_together(sqlite):
    put("first")
    before = writer.commits
    with Busy():
        threads, _ = in_line(*(lambda n=n: put(f"{n:02}") for n in range(20)))
    finish(threads)
    assert writer.commits - before <= 3  # the busy piece's, and the group's
    assert len(stored()) == 21


def test_a_failing_piece_does_not_harm_its_neighbours(sqlite):
    def fails():
        Setting.create(key="half", value=1)
        raise ValueError("mine alone")

    with Busy():
        threads, outcomes = in_line(lambda: put("before"), writes(fails), lambda: put("before"), lambda: put("after"))
    finish(threads)
    assert [type(o) for o in outcomes] == [str, ValueError, peewee.IntegrityError, str]
    assert stored() == ["before", "after"]


def test_a_caller_that_gives_up_leaves_nothing(sqlite, monkeypatch):
    monkeypatch.setattr(transactions, "PATIENCE", 0.05)
    with Busy(), pytest.raises(GaveUp):
        put("too late")
    put("next")
    assert stored() == ["next"]


def test_a_piece_that_has_begun_is_waited_for(sqlite, monkeypatch):
    monkeypatch.setattr(transactions, "PATIENCE", 0.05)

    @writes
    def slow():
        Setting.create(key="slow", value=1)
        time.sleep(0.2)
        return "done"

    assert slow() == "done"
    assert stored() == ["slow"]


def test_stopping_finishes_what_waits_and_refuses_what_comes_after(sqlite):
    busy = Busy()
    with busy:
        threads, outcomes = in_line(lambda: put("a"), lambda: put("b"))
        stopper = threading.Thread(target=writer.stop)
        stopper.start()
        until = time.monotonic() + 30
        while not writer._stopping and time.monotonic() < until:
            time.sleep(0.001)
        with pytest.raises(WriterDown):
            put("too late")
    stopper.join(60)
    finish(threads)
    assert outcomes == stored() == ["a", "b"]
    with pytest.raises(WriterDown):
        put("much too late")


def test_a_dying_writer_says_so_to_all_who_wait_and_the_next_write_works(sqlite, caplog):
    class Death(BaseException):
        pass

    def dies():
        Setting.create(key="half", value=1)
        raise Death

    with caplog.at_level(logging.CRITICAL), Busy():
        threads, outcomes = in_line(lambda: put("a"), writes(dies), lambda: put("b"))
    finish(threads)
    assert [type(o) for o in outcomes] == [WriterDown] * 3
    assert stored() == []
    assert writer.deaths == 1
    assert put("next") == "next"
    assert stored() == ["next"]


def test_when_the_commit_fails_all_are_told_and_nothing_is_stored(sqlite, monkeypatch, caplog):
    """A deferred foreign key is checked by COMMIT itself, so that it fails as a full disk would."""
    woken = []
    wakes.on_wake("topic", lambda: woken.append(True))

    def breaks():
        database.execute_sql("PRAGMA defer_foreign_keys = 1")
        database.execute_sql("INSERT INTO profile (created_at, updated_at, user_id) VALUES ('2026', '2026', 999999)")
        wake("topic")

    with Busy():
        threads, outcomes = in_line(lambda: put("a"), writes(breaks), lambda: put("b"))
    finish(threads)
    assert all(isinstance(o, Exception) for o in outcomes)
    assert "FOREIGN KEY" in str(outcomes[0])
    assert stored() == []
    assert woken == []
    put("next")
    assert stored() == ["next"]
    assert models.Profile.select().count() == 0


def test_readers_may_only_read(sqlite):
    put("a")
    with pytest.raises(peewee.OperationalError, match="readonly"):
        Setting.create(key="b", value=1)
    outcomes = together(lambda: Setting.create(key="c", value=1))
    assert isinstance(outcomes[0], peewee.OperationalError)
    assert stored() == ["a"]


def test_readers_do_not_wait_for_the_writer(sqlite):
    put("a")
    with Busy():
        began = time.monotonic()
        assert together(stored) == [["a"]]
        assert time.monotonic() - began < 9


def test_a_writer_can_begin_anew_after_it_was_stopped(sqlite):
    put("a")
    writer.stop()
    writer.restart()
    put("b")
    assert stored() == ["a", "b"]
