"""Keys by which programs ask, and what they were answered."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "api_key" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "name" VARCHAR(60) NOT NULL,
        "prefix" VARCHAR(8) NOT NULL,
        "secret_hash" VARCHAR(64) NOT NULL,
        "scopes" TEXT NOT NULL, "paths" TEXT NOT NULL, "networks" TEXT NOT NULL,
        "expires_at" MOMENT, "used_at" MOMENT, "revoked_at" MOMENT, "told_at" MOMENT,
        "made_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL)""",
    )
    run(db, 'CREATE UNIQUE INDEX "api_key_prefix" ON "api_key" ("prefix")')
    run(db, 'CREATE INDEX "api_key_organization_id" ON "api_key" ("organization_id")')
    run(db, 'CREATE INDEX "api_key_made_by_id" ON "api_key" ("made_by_id")')
    run(
        db,
        """CREATE TABLE "api_answer" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "key_id" INTEGER NOT NULL REFERENCES "api_key" ("id") ON DELETE CASCADE,
        "word_hash" VARCHAR(64) NOT NULL,
        "asked_hash" VARCHAR(64) NOT NULL,
        "status" INTEGER NOT NULL, "headers" JSON NOT NULL, "body" TEXT NOT NULL)""",
    )
    run(db, 'CREATE UNIQUE INDEX "api_answer_key_id_word_hash" ON "api_answer" ("key_id", "word_hash")')
    run(db, 'CREATE INDEX "api_answer_organization_id" ON "api_answer" ("organization_id")')
    run(db, 'CREATE INDEX "api_answer_created_at" ON "api_answer" ("created_at")')
    for table in ("api_key", "api_answer"):
        keep_updated(db, table)
        secure(db, table)


def down(migrator, db):
    run(db, 'DROP TABLE "api_answer"')
    run(db, 'DROP TABLE "api_key"')
