"""Comments on rows of lists."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "row_comment" (STAMPED,
            "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
            "table_name" VARCHAR(40) NOT NULL, "row_id" INTEGER NOT NULL,
            "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
            "text" TEXT NOT NULL, "mentions" JSON NOT NULL, "edited_at" MOMENT)""",
    )
    columns = '"organization_id", "table_name", "row_id", "id"'
    run(db, f'CREATE INDEX "row_comment_organization_id_table_name_row_id_id" ON "row_comment" ({columns})')
    run(db, 'CREATE INDEX "row_comment_by_id" ON "row_comment" ("by_id")')
    keep_updated(db, "row_comment")
    secure(db, "row_comment")


def down(migrator, db):
    run(db, 'DROP TABLE "row_comment"')
