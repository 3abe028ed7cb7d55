"""Keys that are good for some tables and fields alone."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "api_key" ADD COLUMN "tables" JSON NOT NULL DEFAULT \'{}\'')


def down(migrator, db):
    run(db, 'ALTER TABLE "api_key" DROP COLUMN "tables"')
