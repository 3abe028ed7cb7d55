"""A grant that was given by hand says why."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "billing_grant" ADD COLUMN "reason" TEXT')


def down(migrator, db):
    run(db, 'ALTER TABLE "billing_grant" DROP COLUMN "reason"')
