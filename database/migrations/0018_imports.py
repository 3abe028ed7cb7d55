"""Files that are brought into lists, and what becomes of each of their lines."""

from database.migrations import keep_updated, run, secure

FILE = """CREATE TABLE "import_file" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "table_name" VARCHAR(80) NOT NULL, "sha256" VARCHAR(64) NOT NULL, "name" VARCHAR(120) NOT NULL,
    "size" INTEGER NOT NULL, "layout" JSON NOT NULL, "columns" JSON NOT NULL, "mapping" JSON NOT NULL,
    "headers" VARCHAR(64) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('rehearsing', 'running', 'undoing', 'taken', 'rehearsed', 'stopped',
        'done', 'undone', 'dropped')),
    "rows" INTEGER, "new" INTEGER NOT NULL, "changed" INTEGER NOT NULL, "same" INTEGER NOT NULL,
    "left_out" INTEGER NOT NULL, "refused" INTEGER NOT NULL, "kept" INTEGER NOT NULL, "left_over" INTEGER NOT NULL,
    "batch" VARCHAR(40) NOT NULL, "error" TEXT,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL, "done_at" MOMENT
)"""
ROW = """CREATE TABLE "import_row" (
    "organization_id" INTEGER NOT NULL,
    "import_id" INTEGER NOT NULL REFERENCES "import_file" ("id") ON DELETE CASCADE,
    "line" INTEGER NOT NULL, "verdict" VARCHAR(12) NOT NULL, "record_id" INTEGER, "is_done" BOOLEAN NOT NULL,
    "name" TEXT NOT NULL, "cells" TEXT, "note" TEXT,
    PRIMARY KEY ("import_id", "line")
) PIVOT"""


def up(migrator, db):
    run(db, FILE)
    for column in ("sha256", "by_id"):
        run(db, f'CREATE INDEX "import_file_{column}" ON "import_file" ("{column}")')
    run(
        db,
        'CREATE INDEX "import_file_organization_id_table_name_id" ON "import_file" ("organization_id", "table_name", "id")',
    )
    run(db, ROW)
    run(db, 'CREATE INDEX "import_row_import_id_verdict_line" ON "import_row" ("import_id", "verdict", "line")')
    keep_updated(db, "import_file")
    for table in ("import_file", "import_row"):
        secure(db, table)


def down(migrator, db):
    for table in ("import_row", "import_file"):
        run(db, f'DROP TABLE "{table}"')
