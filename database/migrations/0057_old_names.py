"""Which program still uses a name that a field had."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "api_name_use" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "key_id" INTEGER NOT NULL REFERENCES "api_key" ("id") ON DELETE CASCADE,
        "field_id" INTEGER NOT NULL REFERENCES "record_field" ("id") ON DELETE CASCADE,
        "name" VARCHAR(60) NOT NULL, "calls" INTEGER NOT NULL, "used_at" MOMENT NOT NULL)""",
    )
    run(db, 'CREATE UNIQUE INDEX "api_name_use_field_id_name_key_id" ON "api_name_use" ("field_id", "name", "key_id")')
    run(db, 'CREATE INDEX "api_name_use_organization_id" ON "api_name_use" ("organization_id")')
    run(db, 'CREATE INDEX "api_name_use_key_id" ON "api_name_use" ("key_id")')
    keep_updated(db, "api_name_use")
    secure(db, "api_name_use")


def down(migrator, db):
    run(db, 'DROP TABLE "api_name_use"')
