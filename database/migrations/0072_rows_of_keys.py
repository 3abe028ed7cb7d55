"""Keys that are good for some rows alone of the lists of the house."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "api_key" ADD COLUMN "lists" JSON NOT NULL DEFAULT \'{}\'')


def down(migrator, db):
    run(db, 'ALTER TABLE "api_key" DROP COLUMN "lists"')
