"""An account for tickets knows since when its provider doesn't take its key."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "payment_account" ADD COLUMN "refused_at" MOMENT')


def down(migrator, db):
    run(db, 'ALTER TABLE "payment_account" DROP COLUMN "refused_at"')
