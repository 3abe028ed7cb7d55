"""A flyer's row is there before its photo; and in the line of reports a flyer is called by its id, not by its words."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "flyer" ADD COLUMN "is_sending" BOOLEAN NOT NULL DEFAULT FALSE')
    run(
        db,
        """UPDATE "moderation_item" SET "title" = 'Flyer ' || (
               SELECT "public_id" FROM "flyer" WHERE "flyer"."id" = "moderation_item"."subject_id")
           WHERE "subject" = 'flyer' AND "subject_id" IN (SELECT "id" FROM "flyer")""",
    )


def down(migrator, db):
    run(db, 'ALTER TABLE "flyer" DROP COLUMN "is_sending"')
