"""Tables that people make, and their rows."""

from database.migrations import add_search, keep_updated, run, run_sql, secure, tables_of

PIVOTS = ("record_key", "record_unique", "record_link")


def up(migrator, db):
    run_sql(db, "0014_records")
    for table in tables_of("0014_records"):
        if table not in PIVOTS:
            keep_updated(db, table)
        secure(db, table)
    add_search(
        db, "record", "{0}.words", "'o' || {0}.organization_id || ' c' || {0}.collection_id", "", "{0}.words_more"
    )


def down(migrator, db):
    if db.dialect == "sqlite":
        run(db, "DROP TABLE record_search")
    for table in reversed(tables_of("0014_records")):
        run(db, f'DROP TABLE "{table}"')
