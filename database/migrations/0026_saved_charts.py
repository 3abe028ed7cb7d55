"""Charts as somebody saved them, for themselves or for all."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "saved_chart" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "listing_name" VARCHAR(60) NOT NULL, "name" VARCHAR(80) NOT NULL, "query" TEXT NOT NULL,
        "is_shared" BOOLEAN NOT NULL, "is_home" BOOLEAN NOT NULL, "place" INTEGER NOT NULL,
        "by_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE, "archived_at" MOMENT)""",
    )
    for column in ("organization_id", "by_id"):
        run(db, f'CREATE INDEX "saved_chart_{column}" ON "saved_chart" ("{column}")')
    keep_updated(db, "saved_chart")
    secure(db, "saved_chart")


def down(migrator, db):
    run(db, 'DROP TABLE "saved_chart"')
