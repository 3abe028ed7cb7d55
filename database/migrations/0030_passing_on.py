"""Passes that are passed on, refunds that are asked for, events that are moved, seats in sessions, incidents."""

from database.migrations import keep_updated, run, run_sql, secure, tables_of

COLUMNS = {
    "event": (
        '"pass_on_hours" INTEGER DEFAULT 0',
        '"refund_hours" INTEGER',
        '"refund_when_moved" BOOLEAN NOT NULL DEFAULT TRUE',
        '"moved_at" MOMENT',
        '"moved_from" TEXT',
        '"moved_why" TEXT',
    ),
    "ticket_order": ('"fee_cents" BIGINT NOT NULL DEFAULT 0', '"told_at" MOMENT'),
    "pass": ('"is_passed_on" BOOLEAN NOT NULL DEFAULT FALSE',),
}


def up(migrator, db):
    run_sql(db, "0030_passing_on")
    for table in tables_of("0030_passing_on"):
        keep_updated(db, table)
        secure(db, table)
    for table, columns in COLUMNS.items():
        for column in columns:
            run(db, f'ALTER TABLE "{table}" ADD COLUMN {column}')
    run(db, 'CREATE INDEX "event_moved" ON "event" ("moved_at") WHERE moved_at IS NOT NULL')


def down(migrator, db):
    run(db, 'DROP INDEX "event_moved"')
    for table, columns in reversed(COLUMNS.items()):
        for column in reversed(columns):
            run(db, f'ALTER TABLE "{table}" DROP COLUMN {column.split()[0]}')
    for table in reversed(tables_of("0030_passing_on")):
        run(db, f'DROP TABLE "{table}"')
