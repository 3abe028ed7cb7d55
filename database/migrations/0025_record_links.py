"""Links between rows lie under the slot of their cell, as keys do; a slot counts the numbers that it gave."""

from database.migrations import run, secure


def up(migrator, db):
    run(db, 'DROP TABLE "record_link"')  # nothing has written it yet
    run(
        db,
        """CREATE TABLE "record_link" (
            "slot_id" INTEGER NOT NULL REFERENCES "record_slot" ("id") ON DELETE CASCADE,
            "from_id" INTEGER NOT NULL, "to_id" INTEGER NOT NULL, "organization_id" INTEGER NOT NULL,
            PRIMARY KEY ("slot_id", "to_id", "from_id")) PIVOT""",
    )
    secure(db, "record_link")
    run(db, 'ALTER TABLE "record_slot" ADD COLUMN "counted" INTEGER NOT NULL DEFAULT 0')


def down(migrator, db):
    run(db, 'ALTER TABLE "record_slot" DROP COLUMN "counted"')
    run(db, 'DROP TABLE "record_link"')
    run(
        db,
        """CREATE TABLE "record_link" (
            "field_id" INTEGER NOT NULL REFERENCES "record_field" ("id") ON DELETE CASCADE,
            "from_id" INTEGER NOT NULL REFERENCES "record" ("id") ON DELETE CASCADE,
            "to_id" INTEGER NOT NULL REFERENCES "record" ("id") ON DELETE CASCADE,
            "place" INTEGER NOT NULL, "organization_id" INTEGER NOT NULL,
            PRIMARY KEY ("field_id", "from_id", "to_id")) PIVOT""",
    )
    run(db, 'CREATE INDEX "record_link_field_id_to_id_from_id" ON "record_link" ("field_id", "to_id", "from_id")')
    run(db, 'CREATE INDEX "record_link_from_id" ON "record_link" ("from_id")')
    run(db, 'CREATE INDEX "record_link_to_id" ON "record_link" ("to_id")')
    secure(db, "record_link")
