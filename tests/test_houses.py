"""A test's house on SQLite is as it was at first, whatever the one before did in it: tests/fixtures/houses.py."""

import sqlite3
from contextlib import closing

import pytest

from database.connections import database
from models import Setting
from tests.fixtures.threads import write


def put(key="spoilt"):
    write(Setting.create, key=key, value=1)


def writes(house):
    put()


def reads_on(house):
    """Somebody goes away while they read."""
    put()
    put("spoilt too")
    cursor = database.connection().execute("SELECT key FROM setting")
    assert cursor.fetchone()
    return cursor


def makes_a_table(house):
    with closing(sqlite3.connect(house / "guildhall.db")) as other:
        other.execute("CREATE TABLE spoilt (id)")
        other.execute("CREATE INDEX spoilt_index ON spoilt (id)")
        other.commit()
    put()


def puts_the_log_into_the_file(house):
    put()
    assert database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def closes_all(house):
    put()
    database.close_all()


@pytest.mark.parametrize("spoil", [writes, reads_on, makes_a_table, puts_the_log_into_the_file, closes_all])
def test_nothing_of_one_test_is_in_the_next(sqlite, house, houses, spoil):
    tables, held = list(named()), spoil(house)
    houses.reopen(house)
    assert (Setting.select().count(), list(named())) == (0, tables)
    put()  # and it can be written to
    with closing(sqlite3.connect(house / "guildhall.db")) as other:
        assert other.execute("SELECT key FROM setting").fetchall() == [("spoilt",)]
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    del held


def test_connections_wait_as_readers_and_only_those_that_do_nothing(sqlite, house, houses):
    reading, held = reads_on(house), database.connection()
    houses.reopen(house)
    waiting = [found[-1] for found in database._connections]
    assert waiting, "the writer's at least"
    assert held not in waiting
    assert [one.execute("PRAGMA query_only").fetchone() for one in waiting] == [(1,)] * len(waiting)
    del reading


def named():
    return database.execute_sql("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
