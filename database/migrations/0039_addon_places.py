"""A place in line may hang on an order: for add-ons to what is paid."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "place" ADD COLUMN "addon_of_id" INTEGER REFERENCES "ticket_order" ("id") ON DELETE CASCADE')
    run(db, 'CREATE INDEX "place_addon_of_id" ON "place" ("addon_of_id")')


def down(migrator, db):
    run(db, 'DROP INDEX "place_addon_of_id"')
    run(db, 'ALTER TABLE "place" DROP COLUMN "addon_of_id"')
