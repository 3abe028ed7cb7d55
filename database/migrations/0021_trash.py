"""How long an organization keeps the rows that were removed."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "organization" ADD COLUMN "trash_days" INTEGER NOT NULL DEFAULT 30')


def down(migrator, db):
    run(db, 'ALTER TABLE "organization" DROP COLUMN "trash_days"')
