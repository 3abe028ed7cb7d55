"""Rows of people's tables whose formulas have to be worked out anew."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "record_stale" (STAMPED,
            "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
            "collection_id" INTEGER NOT NULL REFERENCES "collection" ("id") ON DELETE CASCADE,
            "slot_id" INTEGER NOT NULL, "record_id" INTEGER NOT NULL,
            "after_id" INTEGER NOT NULL, "asked" INTEGER NOT NULL)""",
    )
    run(
        db,
        """CREATE UNIQUE INDEX "record_stale_collection_id_slot_id_record_id"
            ON "record_stale" ("collection_id", "slot_id", "record_id")""",
    )
    keep_updated(db, "record_stale")
    secure(db, "record_stale")


def down(migrator, db):
    run(db, 'DROP TABLE "record_stale"')
