"""SQLite or PostgreSQL behind one name, and the differences between them."""

import heapq
import re
import select
import threading
import time
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import reduce
from operator import or_

from peewee import OP, SQL, DatabaseProxy, Expression, NodeList, __exception_wrapper__, fn  # type: ignore[attr-defined]
from peewee import Table as QueryTable
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

from database.parameters import Parameter, parameter
from database.scope import _scope
from database.statements import CachedStatements

database = DatabaseProxy()

BUSY = 10_000  # milliseconds that SQLite waits for a lock of another process
LOG = 16 * 1024 * 1024  # bytes of SQLite's log that stay once it begins anew
FEW, PATIENCE = 6, 0.1  # connections that are opened at will; then one each so many seconds, while none comes back
UNTOLD = object()  # what a connection was told isn't known
REACHED = 5  # seconds in which PostgreSQL must answer a new connection


def holds(row, place):
    """The condition that a row (its id) has the parameter `key_N` in the slot `slot_N`; N is `place`.

    By the table as queries know it, not as a model: the row is in scope already.
    """
    index = QueryTable("record_key", alias=f"held_{place}")
    said = (index.c.slot_id == parameter(f"slot_{place}")) & (index.c.key == parameter(f"key_{place}"))
    return fn.EXISTS(index.select(SQL("1")).where(said, index.c.record_id == row))


def points(row, place):
    """The same of a row that points to the row `key_N`."""
    index = QueryTable("record_link", alias=f"points_{place}")
    said = (index.c.slot_id == parameter(f"slot_{place}")) & (index.c.to_id == parameter(f"key_{place}"))
    return fn.EXISTS(index.select(SQL("1")).where(said, index.c.from_id == row))


class Sqlite(CachedStatements, PooledSqliteDatabase):
    """Readers may only read: `query_only` is lifted for the writer thread and for migrations alone."""

    field_types = {**PooledSqliteDatabase.field_types, "UTC": "TEXT", "DAY_OR_MOMENT": "TEXT"}
    dialect = "sqlite"
    _connections: list

    def __init__(self, path, synchronous="FULL"):
        super().__init__(
            path,
            max_connections=None,
            check_same_thread=False,
            pragmas={
                "busy_timeout": BUSY,
                "journal_mode": "wal",
                "synchronous": synchronous,
                "foreign_keys": 1,
                "cache_size": -1600,  # kB a reader, what a search reads: the system's cache is behind it
                "temp_store": "memory",
                "journal_size_limit": LOG,
                "wal_autocheckpoint": LOG // 4096,  # pages: what is written often goes into the file once
                "query_only": 1,
            },
        )
        self._turn = threading.Lock()
        self._users = {}  # id of a connection → the thread that has it, or had it last, and since when

    def _connect(self):
        connection = super()._connect()
        self._users[id(connection)] = threading.current_thread().name, time.monotonic()
        return connection

    def connect(self, reuse_if_open=False):
        """Where as many are used as the processor can do with, one that comes back is better than one more."""
        if not self.is_closed():  # whoever has one waits for nobody
            return super().connect(reuse_if_open)
        with self._turn:
            with self._pool_available:
                if not self._connections and len(self._in_use) >= FEW:
                    self._pool_available.wait(PATIENCE)
            return super().connect(reuse_if_open)

    def rest(self, unused=60):
        """Close the connections that no thread has had for so many seconds: each holds pages, statements and a schema
        of its own, two megabytes (`memory_mb`), and as many are open as ever worked at once."""
        with self._pool_lock:
            held, self._connections = self._connections, []
            for one in held:
                if time.monotonic() - self._users[id(one[2])][1] < unused:
                    self._connections.append(one)
                else:
                    self._close_raw(one[2])
            heapq.heapify(self._connections)

    def oldest_reader(self):
        """(the thread, since when) that has had its connection for longest, the writer apart; (None, None) without any.
        Until it is done, the log can't be cut."""
        out = [(held.checked_out, key) for key, held in list(self._in_use.items())]
        for since, key in sorted(out):
            name, _since = self._users.get(key, ("", 0))
            if name not in ("", "writer"):
                return name, datetime.fromtimestamp(since, UTC)
        return None, None

    def may_write(self):
        self.execute_sql("PRAGMA query_only = 0")
        self.execute_sql("PRAGMA cache_size = -4000")

    def execute_sql(self, sql, params=None):
        """Without Peewee's logging and hooks, which cost as much as a look-up does."""
        with __exception_wrapper__:
            return self.connection().execute(sql, params or ())

    def execute_many(self, sql, rows):
        """One statement for many rows of parameters."""
        with __exception_wrapper__:
            self.connection().executemany(sql, rows)

    def clock(self):
        """There is no server whose clock could be another: None."""

    def snapshot(self):
        """Within it, reads see one moment. Here rows appear in the order of their ids, which is enough."""
        return nullcontext()

    def search(self, query, more=False):
        """`query` narrowed to the rows that meet the parameter `match`, and the id to order it by.

        The unary plus keeps SQLite from probing the index once for every row of the table.
        """
        name = query.model._meta.table_name + "_search"
        index = QueryTable(name)
        rowid = NodeList((SQL("+"), index.c.rowid), glue="")
        matches = NodeList((getattr(index.c, name), SQL("MATCH ?", (Parameter("match"),))))
        return query.join(index, on=(query.model.id == rowid)).where(matches), index.c.rowid

    def match(self, words, places, more=False):
        """What `search` takes: all `words`, of which the last may be a beginning, in all `places`.

        `more` are the words besides that not all may search.
        """
        quoted = " AND ".join('"' + word.replace('"', '""') + '"' for word in words)
        quoted += "*" if len(words[-1]) > 1 else ""
        return f"place : ({' AND '.join(places)}) AND {'{text more}' if more else 'text'} : ({quoted})"

    def parts(self, query, columns, count):
        """`query` narrowed to the rows in which `count` parts of words stand, and the id to order it by."""
        name = query.model._meta.table_name + "_parts"
        index = QueryTable(name)
        rowid = NodeList((SQL("+"), index.c.rowid), glue="")
        matches = NodeList((getattr(index.c, name), SQL("MATCH ?", (Parameter("match"),))))
        return query.join(index, on=(query.model.id == rowid)).where(matches), index.c.rowid

    def match_parts(self, words):
        return " AND ".join(f'"{word}"' for word in words)


class Postgres(CachedStatements, PooledPostgresqlDatabase):
    """Tells each connection the scope before the first statement in it, so that row security can hold."""

    field_types = {
        **PooledPostgresqlDatabase.field_types,
        "UTC": "TIMESTAMPTZ",
        "DAY_OR_MOMENT": 'TEXT COLLATE "C"',
    }
    dialect = "postgres"

    def __init__(self, url):
        options = {} if "connect_timeout" in url else {"connect_timeout": REACHED}
        super().__init__(url, max_connections=None, stale_timeout=300, prefer_psycopg3=True, **options)

    def may_write(self):
        pass

    def rest(self):
        """What a connection takes is the server's; it goes when it is 300 seconds old."""

    @contextmanager
    def snapshot(self):
        with self.atomic():
            super().execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    def search(self, query, more=False):
        matches = "search_more @@ to_tsquery('simple', %s)" if more else "search @@ to_tsquery('simple', %s)"
        return query.where(SQL(matches, (Parameter("match"),))), query.model.id

    def match(self, words, places, more=False):
        return " & ".join("'" + re.sub(r"['\\\\]", " ", word) + "'" for word in words) + ":*"

    def parts(self, query, columns, count):
        """Three letters each are found by the index; that they stand together is asked of the rows it found."""
        together = [
            reduce(or_, [Expression(column, OP.ILIKE, parameter(f"part_{n}")) for column in columns])
            for n in range(count)
        ]
        return query.where(SQL("parts @@ %s::tsquery", (Parameter("match"),)), *together), query.model.id

    def match_parts(self, words):
        return " & ".join(f"'{word[n : n + 3].lower()}'" for word in words for n in range(len(word) - 2))

    def _initialize_connection(self, conn):
        """A new one was told nothing; one that comes back out of the pool knows still what it was told."""
        super()._initialize_connection(conn)
        conn.guildhall_scope = getattr(conn, "guildhall_scope", None)

    def _can_reuse(self, conn):
        if self._adapter.txn_status(conn) != self._adapter.txn_idle:  # what is open will be rolled back
            conn.guildhall_scope = UNTOLD
        return super()._can_reuse(conn)

    def _is_closed(self, conn):
        """Asked of the server only where something came from it unasked, such as its farewell: a round trip less for
        each request (`two_processes_pages`)."""
        if conn.closed:
            return True
        heard = select.poll()
        heard.register(conn.fileno(), select.POLLIN)
        return bool(heard.poll(0)) and super()._is_closed(conn)

    def execute_sql(self, sql, params=None):
        if sql.startswith(("ROLLBACK", "SAVEPOINT", "RELEASE")):
            done = super().execute_sql(sql, params)
            if sql.startswith("ROLLBACK"):
                self.connection().guildhall_scope = UNTOLD  # what was told since the savepoint is forgotten
            return done
        self._tell_scope()
        return super().execute_sql(sql, params)

    def _tell_scope(self):
        place, connection = _scope.get(), self.connection()
        if connection.guildhall_scope != place:
            told = "" if place is None else str(place)
            super().execute_sql("SELECT set_config('guildhall.organization', %s, false)", (told,))
            connection.guildhall_scope = place

    def execute_many(self, sql, rows):
        self._tell_scope()
        with __exception_wrapper__, self.connection().cursor() as cursor:
            cursor.executemany(sql, rows)

    def rollback(self):
        super().rollback()
        self.connection().guildhall_scope = UNTOLD  # a rolled-back SET is undone by the server

    def clock(self):
        """The time at the server, in seconds since 1970."""
        return float(self.execute_sql("SELECT extract(epoch FROM clock_timestamp())").fetchone()[0])

    def is_above_row_security(self):
        role = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        return bool(self.execute_sql(role).fetchone()[0])

    def is_half_moved(self):
        """Whether another database moves here, and that isn't done: database/moving/copying.py"""
        return self.execute_sql("SELECT to_regclass('move_progress') IS NOT NULL").fetchone()[0]


def open_database(url, **options):
    """Bind all tables to `sqlite:///path` or `postgresql://…`; returns the database."""
    if url.startswith("sqlite:///"):
        chosen = Sqlite(url.removeprefix("sqlite:///"), **options)
    elif url.startswith(("postgresql://", "postgres://")):
        chosen = Postgres(url)
    else:
        raise ValueError("DATABASE_URL must begin with sqlite:/// or postgresql://")
    if database.obj is not None:
        database.close_all()
    database.initialize(chosen)
    return chosen
