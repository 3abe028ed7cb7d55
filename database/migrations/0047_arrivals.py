"""What rows that came from another site were there, and are here."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "arrival" (STAMPED,
            "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
            "source" VARCHAR(40) NOT NULL,
            "table_name" VARCHAR(40) NOT NULL,
            "source_id" INTEGER NOT NULL,
            "row_id" INTEGER NOT NULL)""",
    )
    run(db, 'CREATE UNIQUE INDEX "arrival_source" ON "arrival" ("source", "table_name", "source_id")')
    run(db, 'CREATE INDEX "arrival_organization_id" ON "arrival" ("organization_id")')
    keep_updated(db, "arrival")
    secure(db, "arrival")


def down(migrator, db):
    run(db, 'DROP TABLE "arrival"')
