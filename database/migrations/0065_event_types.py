"""Types of events, an organization's own words, and its logo."""

from database.migrations import keep_updated, run, secure


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "event_type" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "name" VARCHAR(60) NOT NULL,
        "tone" VARCHAR(30) NOT NULL CHECK ("tone" IN ('quiet', 'info', 'good', 'warn', 'bad')))""",
    )
    run(db, 'CREATE INDEX "event_type_organization_id_name" ON "event_type" ("organization_id", "name")')
    keep_updated(db, "event_type")
    secure(db, "event_type")
    run(
        db,
        'ALTER TABLE "event" ADD COLUMN "event_type_id" INTEGER REFERENCES "event_type" ("id") ON DELETE SET NULL',
    )
    run(db, 'CREATE INDEX "event_event_type_id" ON "event" ("event_type_id")')
    run(db, 'ALTER TABLE "organization" ADD COLUMN "logo" VARCHAR(64)')


def down(migrator, db):
    run(db, 'ALTER TABLE "organization" DROP COLUMN "logo"')
    run(db, 'DROP INDEX "event_event_type_id"')
    run(db, 'ALTER TABLE "event" DROP COLUMN "event_type_id"')
    run(db, 'DROP TABLE "event_type"')
