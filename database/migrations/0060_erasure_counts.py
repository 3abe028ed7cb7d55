"""What was removed with an account that was closed for good: how many rows of which tables."""

from database.migrations import run


def up(migrator, db):
    run(db, """ALTER TABLE "erasure" ADD COLUMN "counts" JSON NOT NULL DEFAULT '{}'""")


def down(migrator, db):
    run(db, 'ALTER TABLE "erasure" DROP COLUMN "counts"')
