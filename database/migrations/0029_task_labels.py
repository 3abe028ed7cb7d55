"""Labels of tasks, an organization's own words, and tasks that repeat."""

from database.migrations import keep_updated, run, secure

COLUMNS = ('"labels" TEXT', '"repeats" VARCHAR(160)', '"series" VARCHAR(40)', '"occurrence" INTEGER')


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "label" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "label" VARCHAR(60) NOT NULL,
        "tone" VARCHAR(30) NOT NULL CHECK ("tone" IN ('quiet', 'info', 'good', 'warn', 'bad')),
        "merged_into_id" INTEGER, "archived_at" MOMENT)""",
    )
    run(db, 'CREATE INDEX "label_organization_id_label" ON "label" ("organization_id", "label")')
    keep_updated(db, "label")
    secure(db, "label")
    for column in COLUMNS:
        run(db, f'ALTER TABLE "task" ADD COLUMN {column}')
    # What is looked for among labelled tasks stands in the index itself.
    run(
        db,
        'CREATE INDEX "task_labelled" ON "task" ("organization_id", "id", "labels") WHERE labels IS NOT NULL',
    )
    run(db, 'CREATE INDEX "task_series" ON "task" ("series", "occurrence") WHERE series IS NOT NULL')


def down(migrator, db):
    run(db, 'DROP INDEX "task_labelled"')
    run(db, 'DROP INDEX "task_series"')
    for column in COLUMNS:
        run(db, f'ALTER TABLE "task" DROP COLUMN {column.split()[0]}')
    run(db, 'DROP TABLE "label"')
