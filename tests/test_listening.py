"""What one process commits wakes what waits in another, on PostgreSQL, also after the connection was lost."""

import os
import time
from functools import partial

import pytest

from database import transactions
from database.connections import database
from database.waking import listening, wakes
from domain.base import configuration
from tests.fixtures.threads import write


def eventually(condition, seconds=30):
    until = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.01)
    return found


@pytest.fixture
def heard(postgres, house):
    """The topics that were woken here by others, while this process listens."""
    found = []
    for topic in ("live", "letters", "lane"):
        wakes.on_wake(topic, partial(found.append, topic), is_worked=topic == "lane")
    listening.begin(configuration.active.database_url)
    assert eventually(listening.is_heard)
    found.clear()
    yield found
    listening.end()
    wakes._worked_here.discard("lane")


def test_another_process_is_told_of_what_it_may_wait_for_once_it_is_committed(heard):
    write(lambda: [transactions.wake(topic) for topic in ("live", "lane")])
    assert sorted(heard) == ["lane", "live"], "at once here"
    other = listening.Listener(configuration.active.database_url)  # as it would be there
    try:
        assert eventually(lambda: other.is_connected)
        heard.clear()
        other.tell({"live", "letters", "nobody waits for this"})
        assert eventually(lambda: sorted(heard) == ["letters", "live"])
    finally:
        other.end()


def test_what_was_refused_is_told_to_nobody(heard):
    told = []
    wakes.tell_others(told.append)

    def refused():
        transactions.wake("live")
        raise LookupError

    with pytest.raises(LookupError):
        write(refused)
    write(transactions.wake, "lane")
    assert told == [], "its own lane works it off"
    write(transactions.wake, "live")
    assert told == [{"live"}]


def test_a_lost_connection_comes_back_and_what_was_missed_is_looked_for(heard):
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%%pg_notify%%' AND pid <> %s"
    mine = database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
    assert database.execute_sql(query, (mine,)).fetchall()
    assert eventually(lambda: {"live", "letters", "lane"} <= set(heard)), "they look by themselves"
    assert eventually(listening.is_heard)
    database.close()


def test_a_process_with_many_open_files_is_told_too(postgres, house):
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    one = listening.Listener(configuration.active.database_url)
    try:
        assert eventually(lambda: one.is_connected)
    finally:
        one.end()
        for file in held:
            os.close(file)


def test_whatever_goes_wrong_it_listens_again(postgres, house, monkeypatch):
    talk, failed = listening.Listener._converse, []

    def once(listener, connection):
        if not failed:
            failed.append(True)
            raise ValueError
        talk(listener, connection)

    monkeypatch.setattr(listening.Listener, "_converse", once)
    one = listening.Listener(configuration.active.database_url)
    try:
        assert eventually(lambda: one.is_connected)
    finally:
        one.end()
