"""Files on rows of lists."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "stored_file" (STAMPED,
            "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
            "sha256" VARCHAR(64) NOT NULL, "size" INTEGER NOT NULL,
            "type" VARCHAR(120) NOT NULL, "name" VARCHAR(255) NOT NULL,
            "table_name" VARCHAR(40) NOT NULL, "row_id" INTEGER NOT NULL, "slot" INTEGER, "place" INTEGER NOT NULL,
            "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
            "thumbnail" VARCHAR(30) NOT NULL CHECK ("thumbnail" IN ('waiting', 'made', 'none')),
            "archived_at" MOMENT, "archived_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL)""",
    )
    for name, columns in (
        ("organization_id_table_name_row_id_id", '"organization_id", "table_name", "row_id", "id"'),
        ("organization_id_sha256", '"organization_id", "sha256"'),
        ("by_id", '"by_id"'),
        ("archived_by_id", '"archived_by_id"'),
    ):
        run(db, f'CREATE INDEX "stored_file_{name}" ON "stored_file" ({columns})')
    run(db, """CREATE INDEX "stored_file_waiting" ON "stored_file" ("id") WHERE thumbnail = 'waiting'""")
    run(db, 'CREATE INDEX "stored_file_archived" ON "stored_file" ("archived_at") WHERE archived_at IS NOT NULL')
    keep_updated(db, "stored_file")
    secure(db, "stored_file")


def down(migrator, db):
    run(db, 'DROP TABLE "stored_file"')
