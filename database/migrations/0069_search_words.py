"""What search engines show of an event's page."""

from database.migrations import run

COLUMNS = "search_title", "search_about"


def up(migrator, db):
    for name in COLUMNS:
        run(db, f'ALTER TABLE "event" ADD COLUMN "{name}" TEXT')


def down(migrator, db):
    for name in COLUMNS:
        run(db, f'ALTER TABLE "event" DROP COLUMN "{name}"')
