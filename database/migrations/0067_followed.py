"""Orders and passes by when they were written, as programs follow them."""

from database.migrations import run

TABLES = ("ticket_order", "pass")


def up(migrator, db):
    for table in TABLES:
        run(db, f'CREATE INDEX "{table}_event_id_updated_at_id" ON "{table}" ("event_id", "updated_at", "id")')


def down(migrator, db):
    for table in TABLES:
        run(db, f'DROP INDEX "{table}_event_id_updated_at_id"')
