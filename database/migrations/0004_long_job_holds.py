"""Whoever takes up long work holds it for a while."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "long_work" ADD COLUMN "held_until_at" MOMENT')


def down(migrator, db):
    run(db, 'ALTER TABLE "long_work" DROP COLUMN "held_until_at"')
