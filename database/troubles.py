"""Trouble of the database or the disk that is nobody's mistake, told apart from mistakes, with sentences for people."""

import errno
import sqlite3
import time

import psycopg

RECENT = 30  # seconds after which a failed write is no sign of trouble any more

BUSY = "The database is busy with something else."
FULL = "The disk of this site is full, so nothing can be saved until there is room. Reading goes on."
READ_ONLY = "The database can't be written just now, so nothing can be saved. Reading goes on."
MOVING = "This site is moving to another database, so nothing can be saved until it is there. Reading goes on."
AWAY = "The database can't be reached."
BROKEN = "The file of the database can't be read or written."
UNDONE = (BUSY, FULL, READ_ONLY, MOVING)  # nothing was changed; with the others one can't know

_SQLITE = {
    **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL), BUSY),
    **dict.fromkeys((sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB), BROKEN),
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: AWAY,
}
# By the beginning of PostgreSQL's SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES = {
    **dict.fromkeys(("40001", "40P01", "53300", "55P03", "57014"), BUSY),
    **dict.fromkeys(("53100", "53200"), FULL),
    **dict.fromkeys(("08", "57P", "28"), AWAY),
    **dict.fromkeys(("58", "XX001", "XX002"), BROKEN),
    "25006": READ_ONLY,
}


class Unavailable(Exception):
    """What was asked is in order, and the database can't do it now; the text is a sentence for people."""

    @property
    def may_be_done(self):
        return str(self) not in UNDONE


def of(error, writing=False):
    """The Unavailable that `error` comes down to, or None when it is a mistake of ours.
    SQLite says "read-only" to a reader of ours that tries to write too; only for the writer is it trouble."""
    seen = getattr(error, "orig", error)  # what peewee wraps
    if isinstance(seen, Unavailable):
        return seen
    sentence = None
    if isinstance(seen, sqlite3.Error):
        code = getattr(seen, "sqlite_errorcode", None) or 0
        sentence = None if code == sqlite3.SQLITE_READONLY and not writing else _SQLITE.get(code & 0xFF)
    elif isinstance(seen, psycopg.OperationalError | psycopg.InternalError | psycopg.InterfaceError):
        state = seen.sqlstate or "08"  # without a state nobody answered
        sentence = next((said for begins, said in _POSTGRES.items() if state.startswith(begins)), None)
    elif is_full(seen):
        sentence = FULL
    if sentence is None:
        return None
    found = Unavailable(sentence)
    found.__cause__ = error
    return found


def is_full(error):
    """Whether a file couldn't be written because the disk, or our share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


_failed_at = float("-inf")


def note(error):
    """Remember that a write failed without a mistake; returns the Unavailable to raise in the place of `error`."""
    global _failed_at
    found = of(error, writing=True)
    if found is not None and str(found) != MOVING:
        _failed_at = time.monotonic()
    return found


def is_recent():
    """Whether a write failed so within the last half minute."""
    return time.monotonic() - _failed_at < RECENT


def forget():
    global _failed_at
    _failed_at = float("-inf")
