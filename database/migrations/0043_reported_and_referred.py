"""What a reported thing was called and where it stands; through whom somebody in line for tickets came."""

from database.migrations import run

COLUMNS = (
    ("moderation_item", "\"title\" TEXT NOT NULL DEFAULT ''"),
    ("moderation_item", '"path" TEXT'),
    ("moderation_item", '"content_hash" VARCHAR(64)'),
    ("place", '"via" VARCHAR(8)'),
)
HIDDEN = '"moderation_item_hidden" ON "moderation_item" ("subject", "subject_id") WHERE is_hidden'


def up(migrator, db):
    for table, column in COLUMNS:
        run(db, f'ALTER TABLE "{table}" ADD COLUMN {column}')
    run(db, f"CREATE INDEX {HIDDEN}")


def down(migrator, db):
    run(db, 'DROP INDEX "moderation_item_hidden"')
    for table, column in reversed(COLUMNS):
        run(db, f'ALTER TABLE "{table}" DROP COLUMN {column.split()[0]}')
