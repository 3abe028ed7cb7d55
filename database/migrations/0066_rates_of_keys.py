"""Keys that may ask less in a minute than others."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "api_key" ADD COLUMN "rate" INTEGER')


def down(migrator, db):
    run(db, 'ALTER TABLE "api_key" DROP COLUMN "rate"')
