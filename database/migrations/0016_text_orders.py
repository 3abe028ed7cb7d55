"""Tasks are ordered by title and category as by letters, A like a, in both databases the same."""

from database.migrations import run

ORDERED = ("title", "category")


def up(migrator, db):
    collation = ' COLLATE "C"' if db.dialect == "postgres" else ""
    for name in ORDERED:
        run(db, f'CREATE INDEX "task_by_{name}" ON "task" (organization_id, lower({name}{collation}), id)')


def down(migrator, db):
    for name in ORDERED:
        run(db, f'DROP INDEX "task_by_{name}"')
