"""Named locks, for what one conditional UPDATE can't decide."""

from database.connections import database


def lock(matter):
    """In a transaction: wait for others that are at the same matter, until they have committed.

    SQLite has one writer anyway; PostgreSQL takes an advisory lock named after the matter.
    """
    if database.dialect == "postgres":
        database.execute_sql("SELECT pg_advisory_xact_lock(7265, hashtext(%s))", (matter,))
