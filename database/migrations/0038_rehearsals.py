"""Rehearsals of an event's sale."""

from database.migrations import keep_updated, run, run_sql, secure


def up(migrator, db):
    run_sql(db, "0038_rehearsals")
    keep_updated(db, "sale_rehearsal")
    secure(db, "sale_rehearsal")


def down(migrator, db):
    run(db, 'DROP TABLE "sale_rehearsal"')
