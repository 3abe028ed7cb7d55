"""What a new row begins with in a field."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "record_field" ADD COLUMN "begins" JSON')


def down(migrator, db):
    run(db, 'ALTER TABLE "record_field" DROP COLUMN "begins"')
