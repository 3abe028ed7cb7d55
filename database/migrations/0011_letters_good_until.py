"""A letter may be good until a moment only, such as one with a code: it isn't sent afterwards."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "outgoing" ADD COLUMN "good_until_at" MOMENT')


def down(migrator, db):
    run(db, 'ALTER TABLE "outgoing" DROP COLUMN "good_until_at"')
