"""What the picture of an event shows, in words."""

from database.migrations import run


def up(migrator, db):
    run(db, 'ALTER TABLE "event" ADD COLUMN "cover_alt" TEXT')


def down(migrator, db):
    run(db, 'ALTER TABLE "event" DROP COLUMN "cover_alt"')
