"""The newsletter: its readers, how they agreed, and what is written to them."""

from database.migrations import keep_updated, run_sql, tables_of


def up(migrator, db):
    run_sql(db, "0053_newsletter")
    for table in tables_of("0053_newsletter"):
        keep_updated(db, table)


def down(migrator, db):
    for table in reversed(tables_of("0053_newsletter")):
        db.execute_sql(f'DROP TABLE "{table}"')
