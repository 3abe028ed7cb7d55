"""Doors of events: gates, phones, scans; and the workspace whose people work an event's door."""

from database.migrations import keep_updated, run, run_sql, secure, tables_of


def up(migrator, db):
    run(db, 'ALTER TABLE "event" ADD COLUMN "workspace_id" INTEGER REFERENCES "workspace" ("id") ON DELETE SET NULL')
    run(db, 'CREATE INDEX "event_workspace_id" ON "event" ("workspace_id")')
    run_sql(db, "0028_doors")
    for table in tables_of("0028_doors"):
        keep_updated(db, table)
        secure(db, table)


def down(migrator, db):
    for table in reversed(tables_of("0028_doors")):
        run(db, f'DROP TABLE "{table}"')
    run(db, 'DROP INDEX "event_workspace_id"')
    run(db, 'ALTER TABLE "event" DROP COLUMN "workspace_id"')
