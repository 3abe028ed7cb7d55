"""Links that several people may join an organization by."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "invitation_link" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('member', 'viewer')),
        "secret_hash" VARCHAR(64) NOT NULL,
        "most" INTEGER NOT NULL,
        "joined" INTEGER NOT NULL CHECK (joined >= 0 AND joined <= most),
        "expires_at" MOMENT NOT NULL, "ended_at" MOMENT,
        "made_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL)""",
    )
    run(db, 'CREATE INDEX "invitation_link_organization_id" ON "invitation_link" ("organization_id")')
    run(db, 'CREATE UNIQUE INDEX "invitation_link_secret_hash" ON "invitation_link" ("secret_hash")')
    run(db, 'CREATE INDEX "invitation_link_made_by_id" ON "invitation_link" ("made_by_id")')
    keep_updated(db, "invitation_link")
    secure(db, "invitation_link")


def down(migrator, db):
    run(db, 'DROP TABLE "invitation_link"')
