"""Where people are, and in which currency they count."""

from database.migrations import run

COLUMNS = {"country": 2, "currency": 3}


def up(migrator, db):
    for name, signs in COLUMNS.items():
        run(db, f'ALTER TABLE "user" ADD COLUMN "{name}" VARCHAR({signs})')


def down(migrator, db):
    for name in COLUMNS:
        run(db, f'ALTER TABLE "user" DROP COLUMN "{name}"')
