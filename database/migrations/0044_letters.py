"""The log of letters, addresses that aren't written to, and what a provider doesn't take for a while."""

from database.migrations import keep_updated, run_sql, tables_of


def up(migrator, db):
    run_sql(db, "0044_letters")
    for table in tables_of("0044_letters"):
        keep_updated(db, table)


def down(migrator, db):
    for table in reversed(tables_of("0044_letters")):
        db.execute_sql(f'DROP TABLE "{table}"')
