"""An organization may ask everybody in it for a second factor, from a moment on."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "organization" ADD COLUMN "second_factor_from" MOMENT')


def down(migrator, db):
    run(db, 'ALTER TABLE "organization" DROP COLUMN "second_factor_from"')
