"""How popular a campaign of flyers is, and how many pictures were made: as the job last counted it."""

from database.migrations import run

COLUMNS = ('"popularity" INTEGER NOT NULL DEFAULT 0', '"made" INTEGER NOT NULL DEFAULT 0')


def up(migrator, db):
    for column in COLUMNS:
        run(db, f'ALTER TABLE "flyer_campaign" ADD COLUMN {column}')
    run(db, 'CREATE INDEX "flyer_campaign_popular" ON "flyer_campaign" ("popularity", "id") WHERE popularity > 0')


def down(migrator, db):
    run(db, 'DROP INDEX "flyer_campaign_popular"')
    for column in reversed(COLUMNS):
        run(db, f'ALTER TABLE "flyer_campaign" DROP COLUMN {column.split()[0]}')
