"""Keys that sign the codes of passes: one pair an organization, the private half encrypted."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "organization_key" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "public" VARCHAR(44) NOT NULL, "sealed" TEXT NOT NULL, "retired_at" MOMENT)""",
    )
    run(db, 'CREATE INDEX "organization_key_organization_id" ON "organization_key" ("organization_id")')
    run(
        db,
        'CREATE UNIQUE INDEX "organization_key_one" ON "organization_key" ("organization_id")'
        ' WHERE "retired_at" IS NULL',
    )
    keep_updated(db, "organization_key")
    secure(db, "organization_key")


def down(migrator, db):
    run(db, 'DROP TABLE "organization_key"')
