"""A task is due on a day, or at a moment where a time was given. What stood at a day's last minute was a day."""

from database.migrations import keep_updated

SHAPE = '\'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\''
UTC = "due_at AT TIME ZONE 'UTC'"


def up(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql(f"""
            ALTER TABLE task ALTER COLUMN due_at TYPE TEXT COLLATE "C" USING CASE
            WHEN ({UTC})::time = '23:59:00' THEN to_char({UTC}, 'YYYY-MM-DD') ELSE to_char({UTC}, {SHAPE}) END""")
        return
    _quietly(db, "substr(due_at, 1, 10)", "due_at LIKE '%T23:59:00.000000Z'")


def down(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql("""
            ALTER TABLE task ALTER COLUMN due_at TYPE TIMESTAMPTZ
            USING (due_at || CASE WHEN length(due_at) = 10 THEN 'T23:59:00Z' ELSE '' END)::timestamptz""")
        return
    _quietly(db, "due_at || 'T23:59:00.000000Z'", "length(due_at) = 10")


def _quietly(db, value, where):
    """Nobody changed the task: its `updated_at` stays."""
    db.execute_sql("DROP TRIGGER task_updated")
    db.execute_sql(f"UPDATE task SET due_at = {value} WHERE {where}")
    keep_updated(db, "task")
