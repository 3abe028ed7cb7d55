"""Scanners of one event alone."""

from database.migrations import run

TABLES = "workspace_member", "invitation"
MEMBER = "workspace_member_workspace_id_user_id"


def up(migrator, db):
    for table in TABLES:
        run(
            db,
            f'ALTER TABLE "{table}" ADD COLUMN "event_id" INTEGER REFERENCES "event" ("id") ON DELETE CASCADE',
        )
        run(db, f'CREATE INDEX "{table}_event_id" ON "{table}" ("event_id")')
    run(db, f'DROP INDEX "{MEMBER}"')
    run(
        db,
        f'CREATE UNIQUE INDEX "{MEMBER}_event" ON "workspace_member" ("workspace_id", "user_id", COALESCE(event_id, 0))',
    )


def down(migrator, db):
    for table in TABLES:
        run(db, f'DELETE FROM "{table}" WHERE event_id IS NOT NULL')
    run(db, f'DROP INDEX "{MEMBER}_event"')
    run(db, f'CREATE UNIQUE INDEX "{MEMBER}" ON "workspace_member" ("workspace_id", "user_id")')
    for table in TABLES:
        run(db, f'DROP INDEX "{table}_event_id"')
        run(db, f'ALTER TABLE "{table}" DROP COLUMN "event_id"')
