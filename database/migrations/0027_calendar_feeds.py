"""Secret links by which calendar programs read lists."""

from database.migrations import keep_updated, run


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "calendar_feed" (STAMPED,
        "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
        "membership_id" INTEGER NOT NULL REFERENCES "organization_member" ("id") ON DELETE CASCADE,
        "table_name" VARCHAR(40) NOT NULL, "path" VARCHAR(200) NOT NULL, "query" TEXT NOT NULL,
        "title" VARCHAR(120) NOT NULL, "secret_hash" VARCHAR(64) NOT NULL, "used_at" MOMENT)""",
    )
    run(db, 'CREATE UNIQUE INDEX "calendar_feed_secret_hash" ON "calendar_feed" ("secret_hash")')
    run(db, 'CREATE INDEX "calendar_feed_user_id" ON "calendar_feed" ("user_id")')
    run(db, 'CREATE INDEX "calendar_feed_membership_id" ON "calendar_feed" ("membership_id")')
    keep_updated(db, "calendar_feed")


def down(migrator, db):
    run(db, 'DROP TABLE "calendar_feed"')
