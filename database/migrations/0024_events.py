"""Events, their stock, orders and passes."""

from database.migrations import keep_updated, run, run_sql, secure, tables_of


def up(migrator, db):
    run_sql(db, "0024_events")
    for table in tables_of("0024_events"):
        keep_updated(db, table)
        secure(db, table)


def down(migrator, db):
    for table in reversed(tables_of("0024_events")):
        run(db, f'DROP TABLE "{table}"')
