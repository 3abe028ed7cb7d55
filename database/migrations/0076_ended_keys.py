"""What earlier keys of tickets signed can be refused from some moment on."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "organization_key" ADD COLUMN "ended_at" MOMENT')


def down(migrator, db):
    run(db, 'ALTER TABLE "organization_key" DROP COLUMN "ended_at"')
