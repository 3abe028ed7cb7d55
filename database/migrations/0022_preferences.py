"""What people want to hear of and how, and the digests that were sent."""

from database.migrations import keep_updated, run

WEEKS = (
    '"digest_hour" INTEGER NOT NULL DEFAULT 8',
    '"digest_weekday" INTEGER NOT NULL DEFAULT 0',
)


def up(migrator, db):
    for column in WEEKS:
        run(db, f'ALTER TABLE "user" ADD COLUMN {column}')
    run(db, 'ALTER TABLE "notification" ADD COLUMN "in_bell" BOOLEAN NOT NULL DEFAULT true')
    periods = "VARCHAR(30) CHECK (\"digest\" IN ('daily', 'weekly'))"
    run(db, f'ALTER TABLE "notification" ADD COLUMN "digest" {periods}')
    run(
        db,
        'CREATE INDEX "notification_digest" ON "notification" ("recipient_id", "digest") WHERE digest IS NOT NULL',
    )
    run(
        db,
        """CREATE TABLE "preference" (STAMPED,
            "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
            "kind" VARCHAR(40) NOT NULL, "in_bell" BOOLEAN NOT NULL,
            "letter" VARCHAR(30) NOT NULL CHECK ("letter" IN ('now', 'daily', 'weekly', 'off')))""",
    )
    run(db, 'CREATE UNIQUE INDEX "preference_user_id_kind" ON "preference" ("user_id", "kind")')
    run(
        db,
        """CREATE TABLE "digest" (STAMPED,
            "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
            "period" VARCHAR(30) NOT NULL CHECK ("period" IN ('daily', 'weekly')),
            "day" VARCHAR(10) NOT NULL, "entries" INTEGER NOT NULL)""",
    )
    run(db, 'CREATE UNIQUE INDEX "digest_user_id_period_day" ON "digest" ("user_id", "period", "day")')
    keep_updated(db, "preference")
    keep_updated(db, "digest")


def down(migrator, db):
    run(db, 'DROP TABLE "digest"')
    run(db, 'DROP TABLE "preference"')
    run(db, 'DROP INDEX "notification_digest"')
    for table, columns in (("notification", ("digest", "in_bell")), ("user", ("digest_weekday", "digest_hour"))):
        for column in columns:
            run(db, f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
