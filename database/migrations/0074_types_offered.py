"""The order of an organization's types of events, and which are still offered."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "event_type" ADD COLUMN "is_offered" BOOLEAN NOT NULL DEFAULT TRUE')
    run(db, 'ALTER TABLE "event_type" ADD COLUMN "place" INTEGER NOT NULL DEFAULT 0')


def down(migrator, db):
    for name in ("place", "is_offered"):
        run(db, f'ALTER TABLE "event_type" DROP COLUMN "{name}"')
