"""Automations, their versions and runs; webhooks out and what was sent to them."""

from database.migrations import keep_updated, run_sql, secure, tables_of

NAME = "0056_automations"


def up(migrator, db):
    run_sql(db, NAME)
    for table in tables_of(NAME):
        keep_updated(db, table)
        secure(db, table)


def down(migrator, db):
    for table in reversed(tables_of(NAME)):
        db.execute_sql(f'DROP TABLE "{table}"')
