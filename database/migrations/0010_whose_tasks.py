"""A task is held by its assignee, or by its maker while it has none: «mine» is read by that. Members may see only
their own tasks where the organization says so. Figures read open tasks, and those done lately."""

from database.migrations import run

HOLDER = "coalesce(assigned_to_id, user_id)"
OPEN = "status IN ('pending', 'in progress')"
MADE = {
    "task_held": f"organization_id, {HOLDER}, id",
    "task_held_status": f"organization_id, {HOLDER}, status, id",
    "task_held_due": f"organization_id, {HOLDER}, due_at, id",
    "task_open": f"organization_id, {HOLDER}, due_at) WHERE ({OPEN}",
    "task_open_due": f"organization_id, due_at) WHERE ({OPEN}",
    "task_done": f"organization_id, completed_at, {HOLDER}) WHERE (completed_at IS NOT NULL",
}
DROPPED = {
    "task_organization_id_user_id_priority_id": "organization_id, user_id, priority, id",
    "task_organization_id_user_id_category_id": "organization_id, user_id, category, id",
    "task_organization_id_assigned_to_id_status_id": "organization_id, assigned_to_id, status, id",
    "task_organization_id_assigned_to_id_due_at_id": "organization_id, assigned_to_id, due_at, id",
}


def up(migrator, db):
    run(db, 'ALTER TABLE "organization" ADD COLUMN "own_tasks_only" BOOLEAN NOT NULL DEFAULT FALSE')
    _turn(db, MADE, DROPPED)


def down(migrator, db):
    _turn(db, DROPPED, MADE)
    run(db, 'ALTER TABLE "organization" DROP COLUMN "own_tasks_only"')


def _turn(db, made, dropped):
    for name in dropped:
        run(db, f'DROP INDEX "{name}"')
    for name, columns in made.items():
        run(db, f'CREATE INDEX "{name}" ON "task" ({columns})')
