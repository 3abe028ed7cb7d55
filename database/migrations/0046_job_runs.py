"""Runs of jobs are written as they start; leases have numbers that grow; what isn't as usual is told once."""

from database.migrations import keep_updated, run

CAUSES = "'calendar', 'woken', 'cron', 'admin'"
COLUMNS = (
    ("job_lock", '"number" INTEGER NOT NULL DEFAULT 0'),
    ("job_lock", '"taken_at" MOMENT'),
    ("job_run", f""""trigger" VARCHAR(30) NOT NULL DEFAULT 'calendar' CHECK ("trigger" IN ({CAUSES}))"""),
    ("job_run", '"number" INTEGER'),
    ("job_run", '"asked_key" VARCHAR(120)'),
    ("job_run", '"stop_at" MOMENT'),
    ("job_run", '"release" VARCHAR(80)'),
)


def up(migrator, db):
    for table, column in COLUMNS:
        run(db, f'ALTER TABLE "{table}" ADD COLUMN {column}')
    run(db, "UPDATE job_run SET trigger = 'admin' WHERE asked_by_id IS NOT NULL")
    run(
        db,
        """UPDATE job_lock SET taken_at =
        (SELECT max(started_at) FROM job_run WHERE job_run.job = job_lock.job)""",
    )
    run(db, 'CREATE UNIQUE INDEX "job_run_job_asked_key" ON "job_run" ("job", "asked_key")')
    run(db, 'CREATE INDEX "job_run_open" ON "job_run" ("job") WHERE finished_at IS NULL')
    run(
        db,
        """CREATE TABLE "job_alarm" (STAMPED,
        "job" VARCHAR(60) NOT NULL,
        "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('late', 'long', 'little')),
        "about" VARCHAR(80) NOT NULL, "words" TEXT NOT NULL, "gone_at" MOMENT)""",
    )
    run(db, 'CREATE UNIQUE INDEX "job_alarm_job_kind_about" ON "job_alarm" ("job", "kind", "about")')
    keep_updated(db, "job_alarm")


def down(migrator, db):
    run(db, 'DROP TABLE "job_alarm"')
    run(db, 'DROP INDEX "job_run_open"')
    run(db, 'DROP INDEX "job_run_job_asked_key"')
    for table, column in reversed(COLUMNS):
        run(db, f'ALTER TABLE "{table}" DROP COLUMN {column.split()[0]}')
