"""Runs of automations that wait are found by their row."""

from database.migrations import run


def up(migrator, db):
    run(
        db,
        """CREATE INDEX "automation_run_waits" ON "automation_run" ("automation_id", "row_id")
               WHERE state = 'waiting'""",
    )


def down(migrator, db):
    run(db, 'DROP INDEX "automation_run_waits"')
