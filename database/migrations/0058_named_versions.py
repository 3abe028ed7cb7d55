"""Keys whose programs have to name the version that they change."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "api_key" ADD COLUMN "needs_version" BOOLEAN NOT NULL DEFAULT FALSE')


def down(migrator, db):
    run(db, 'ALTER TABLE "api_key" DROP COLUMN "needs_version"')
