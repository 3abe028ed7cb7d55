"""A look at a payment that its provider didn't answer is no look."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "payment_attempt" ADD COLUMN "put_off_at" MOMENT')


def down(migrator, db):
    run(db, 'ALTER TABLE "payment_attempt" DROP COLUMN "put_off_at"')
