"""Copies and whether they were proven, and which accounts were closed for good."""

from database.migrations import keep_updated, run

STATES = ("waiting", "making", "sending", "proving", "proven", "failed")


def up(migrator, db):
    states = ", ".join(f"'{state}'" for state in STATES)
    run(
        db,
        f"""CREATE TABLE "backup" (STAMPED,
            "name" VARCHAR(120) NOT NULL,
            "state" VARCHAR(30) NOT NULL CHECK ("state" IN ({states})),
            "made_at" MOMENT NOT NULL,
            "size" BIGINT, "packed" BIGINT,
            "sent_at" MOMENT, "proven_at" MOMENT,
            "proof" JSON NOT NULL, "error" TEXT,
            "attempts" INTEGER NOT NULL,
            "asked_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
            "removed_at" MOMENT)""",
    )
    run(db, 'CREATE UNIQUE INDEX "backup_name" ON "backup" ("name")')
    run(db, 'CREATE INDEX "backup_state_made_at" ON "backup" ("state", "made_at")')
    run(db, 'CREATE INDEX "backup_asked_by_id" ON "backup" ("asked_by_id")')
    run(db, 'CREATE TABLE "erasure" (STAMPED, "user_id" INTEGER NOT NULL, "at" MOMENT NOT NULL)')
    run(db, 'CREATE UNIQUE INDEX "erasure_user_id" ON "erasure" ("user_id")')
    keep_updated(db, "backup")
    keep_updated(db, "erasure")


def down(migrator, db):
    run(db, 'DROP TABLE "erasure"')
    run(db, 'DROP TABLE "backup"')
