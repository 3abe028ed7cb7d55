"""Brings a database up to date: ordered files, up and down, behind a lock, after a backup."""

import fcntl
import logging
import sqlite3
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from database.clock import now
from database.connections import database

log = logging.getLogger("guildhall.migrations")
HERE = Path(__file__).parent


def migrate(data, target=None):
    """Apply what is pending to the open database and return the names. `data` takes lock and backups."""
    db = database.obj
    with _alone(db, Path(data)), db.connection_context():
        db.may_write()
        runner = Runner(db, str(HERE))
        pending = [m.name for m in runner.status() if not m.applied]
        if not pending:
            return []
        if runner.applied():
            _backup(db, Path(data), pending[0])
        applied = runner.up(target)
        log.info("migrated", extra={"migrations": applied})
    _forget_connections(db)
    return applied


def revert(data, target):
    """Undo migrations back through `target` (never all of them by accident)."""
    db = database.obj
    with _alone(db, Path(data)), db.connection_context():
        db.may_write()
        reverted = Runner(db, str(HERE)).down(target)
    _forget_connections(db)
    return reverted


def run_sql(database, name):
    """Execute `name.sqlite.sql` or `name.postgres.sql`; statements are parted by a line of two dashes."""
    for statement in (HERE / f"{name}.{database.dialect}.sql").read_text().split("\n--\n"):
        if statement.strip():
            database.execute_sql(statement.replace("%", "%%") if database.dialect == "postgres" else statement)


def _forget_connections(database):
    """The pool must not lend out a connection that was allowed to write."""
    database.close_idle()


@contextmanager
def _alone(database, data):
    if database.dialect == "postgres":
        with database.connection_context():
            database.execute_sql("SELECT pg_advisory_lock(7263)")
            try:
                yield
            finally:
                database.execute_sql("SELECT pg_advisory_unlock(7263)")
        return
    data.mkdir(parents=True, exist_ok=True)
    with open(data / ".migrating", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _backup(database, data, before):
    if database.dialect != "sqlite":
        return  # a server's backups are its keeper's: docs/deploy.md
    folder = data / "backups"
    folder.mkdir(exist_ok=True)
    target = folder / f"{now():%Y%m%dT%H%M%S%f}-before-{before}.db"
    source = sqlite3.connect(database.database)
    try:
        source.execute("VACUUM INTO ?", (str(target),))
    finally:
        source.close()
    log.info("backed up", extra={"backup": target.name})
