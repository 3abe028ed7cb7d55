"""What of people's tables the public sees."""

from database.migrations import keep_updated, run, run_sql, secure, tables_of

NAME = "0055_public_links"


def up(migrator, db):
    run_sql(db, NAME)
    for table in tables_of(NAME):
        keep_updated(db, table)
        secure(db, table)


def down(migrator, db):
    for table in reversed(tables_of(NAME)):
        run(db, f'DROP TABLE "{table}"')
