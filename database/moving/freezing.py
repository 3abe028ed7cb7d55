"""A SQLite database that takes no more writes because it moves: reads go on, writes are told to come back later.

The mark is a file beside the database, so that it holds for each process and over a kill.
"""

import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from database.connections import database

END = ".frozen"
SOON = 600  # seconds that whoever writes now may still take


@lru_cache(maxsize=8)  # it is asked at each commit
def mark_of(file):
    """The file that says that this database is written no more."""
    return Path(f"{file}{END}")


def is_frozen():
    """Whether the open database is. Asked within each write transaction, so that none slips past."""
    return database.dialect == "sqlite" and mark_of(database.database).exists()


def freeze(file):
    """From here on nothing is written to it, and what was being written has ended. Twice is once."""
    mark_of(file).touch(mode=0o600)
    with closing(sqlite3.connect(file, timeout=SOON, isolation_level=None)) as opened:
        opened.execute("BEGIN IMMEDIATE")
        opened.execute("ROLLBACK")


def thaw(file):
    """It may be written again; returns whether it was frozen."""
    mark = mark_of(file)
    was = mark.exists()
    mark.unlink(missing_ok=True)
    return was
