"""Opening the database: what the server, `python -m jobs` and the tests begin with, before anything is asked."""

import sqlite3

import peewee

from database import housekeeping, locks, migrations, transactions, troubles
from database.connections import database, open_database
from database.waking import wakes


class AboveRowSecurity(SystemExit):
    """The app must not start: PostgreSQL would not keep organizations apart."""


def open_house(url, folder, strict=True, was_killed=False):
    """Open the database that `url` names and bring it up to date; copies of it go into `folder`.
    Where it is `strict`, a lock that is asked for in a wrong order is an error. Refuses with CannotStart where one
    may not write, where the file is damaged after the last server `was_killed`, and where the database is away; with
    AboveRowSecurity where PostgreSQL's row security doesn't bind the role."""
    housekeeping.make_private(url, folder)
    open_again(url)
    try:
        if was_killed:
            _refuse_damaged()
        _bring_up_to_date(folder)
    except (peewee.PeeweeException, sqlite3.Error) as error:
        trouble = troubles.of(error, writing=True)
        if trouble is None:
            raise
        raise housekeeping.CannotStart(f"Guildhall can't start: {trouble} DATABASE_URL says which. ({error})") from None
    locks.be_strict(strict)
    wakes.wake_everybody()


def _bring_up_to_date(folder):
    if database.dialect == "postgres" and database.is_above_row_security():
        database.close()
        raise AboveRowSecurity(
            "Guildhall can't start. Mend these:\n"
            "  - DATABASE_URL: its role is a superuser or bypasses row security, which keeps organizations apart"
        )
    if database.dialect == "postgres" and database.is_half_moved():
        database.close()
        raise housekeeping.CannotStart(
            "Guildhall can't start: DATABASE_URL names a database to which another one moves, and that isn't done. "
            "Call `python -m jobs.move` again, which goes on."
        )
    migrations.migrate(folder)


def damage(quick=False):
    """What is wrong with the database's file, a few sentences of SQLite's; `quick` doesn't compare its indexes.
    PostgreSQL watches over its own files (data checksums)."""
    if database.dialect != "sqlite":
        return []
    check = "PRAGMA quick_check(20)" if quick else "PRAGMA integrity_check(20)"
    try:
        found = [text for (text,) in database.execute_sql(check).fetchall()]
    except peewee.DatabaseError as error:  # so damaged that it can't even be looked at
        found = [str(error)]
    return [] if found == ["ok"] else found


def _refuse_damaged():
    """After a crash: refuses with CannotStart where the file isn't whole."""
    findings = damage(quick=True)
    if findings:
        raise housekeeping.CannotStart(
            "Guildhall can't start: it was killed or the machine stopped, and the file of its database is damaged "
            f"({findings[0]}). Put back the last good copy; the damaged one may still be read with "
            "`sqlite3 guildhall.db .recover`."
        )


def open_again(url, **options):
    """Open a database that is up to date: in a worker's process after the fork, or another one in a test."""
    transactions.writer.stop()
    open_database(url, **options)
    begin_again()


def begin_again():
    """Write on from what the open database now holds, whatever was known of it."""
    transactions.writer.stop()
    transactions.writer.restart()
    troubles.forget()
    wakes.wake_everybody()
