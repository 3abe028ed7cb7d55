"""Lists as somebody saved them, for themselves or for all."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "saved_view" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "table_name" VARCHAR(40) NOT NULL, "name" VARCHAR(60) NOT NULL, "query" TEXT NOT NULL,
        "is_shared" BOOLEAN NOT NULL,
        "by_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE)""",
    )
    columns = '("organization_id", "table_name", "by_id")'
    run(db, f'CREATE INDEX "saved_view_organization_id_table_name_by_id" ON "saved_view" {columns}')
    run(db, 'CREATE INDEX "saved_view_by_id" ON "saved_view" ("by_id")')
    keep_updated(db, "saved_view")
    secure(db, "saved_view")


def down(migrator, db):
    run(db, 'DROP TABLE "saved_view"')
