"""The link of an order whose address was wrong is another one once that is corrected."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "ticket_order" ADD COLUMN "generation" INTEGER NOT NULL DEFAULT 1')


def down(migrator, db):
    run(db, 'ALTER TABLE "ticket_order" DROP COLUMN "generation"')
