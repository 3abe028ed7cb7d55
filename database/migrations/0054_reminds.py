"""Whether who has tickets is reminded a day before an event begins."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "event" ADD COLUMN "reminds" BOOLEAN NOT NULL DEFAULT TRUE')


def down(migrator, db):
    run(db, 'ALTER TABLE "event" DROP COLUMN "reminds"')
