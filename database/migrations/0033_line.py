"""The line for an event's tickets: places in it, and how an event opens."""

from database.migrations import keep_updated, run, run_sql, secure

COLUMNS = (
    '"opens_at" MOMENT',
    '"draw_seed" VARCHAR(64)',
    '"waits" BOOLEAN NOT NULL DEFAULT TRUE',
    '"small_pass" BOOLEAN NOT NULL DEFAULT TRUE',
    '"most_block" INTEGER DEFAULT 20',
    '"line_behind" BOOLEAN NOT NULL DEFAULT FALSE',
)


def up(migrator, db):
    for column in COLUMNS:
        run(db, f'ALTER TABLE "event" ADD COLUMN {column}')
    chance = "lower(hex(randomblob(16)))" if db.dialect == "sqlite" else "replace(gen_random_uuid()::text, '-', '')"
    run(db, f'UPDATE "event" SET "draw_seed" = {chance}')
    run_sql(db, "0033_line")
    keep_updated(db, "place")
    secure(db, "place")


def down(migrator, db):
    run(db, 'DROP TABLE "place"')
    for column in COLUMNS:
        run(db, f'ALTER TABLE "event" DROP COLUMN {column.split()[0]}')
