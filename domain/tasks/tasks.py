"""Tasks: one's own, those assigned to one, and for owners and admins all of the organization (system A1)."""

from datetime import timedelta

from database.clock import now
from database.scope import everywhere
from database.transactions import writes
from domain.base import outgoing
from domain.fields.choice import Choice
from domain.fields.day import Due
from domain.fields.kinds import Field
from domain.fields.person import Person
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Listing, Sort, Tab
from domain.lists.searches import Words
from models import Organization, Task, User

STATUS = Choice(
    (
        ("pending", "Pending", "quiet"),
        ("in progress", "In progress", "info"),
        ("completed", "Completed", "good"),
        ("cancelled", "Cancelled", "quiet"),
    )
)
PRIORITY = Choice((("low", "Low", "quiet"), ("medium", "Medium", "info"), ("high", "High", "warn")), ranked=True)

listing = Listing(
    name="tasks",
    thing="task",
    things="tasks",
    model=Task,
    icon="checklist",
    owner="user",
    reads="tasks.read",
    writes="tasks.write",
    has_pages=True,
    search=Words(places=(("user", "u"), ("assigned_to", "a"))),
    empty=(
        ("mine", "Write down the first thing that needs doing. Press c anywhere on this page."),
        ("assigned", "What others give you to do shows here."),
    ),
    fields=(
        Field("title", "Title", Text(200), required=True),
        Field("status", "Status", STATUS, required=False, default="pending", icon="progress-check"),
        Field("priority", "Priority", PRIORITY, default="medium", icon="flag"),
        Field("category", "Category", Text(60, filters=True), default="general", icon="tag"),
        Field("assigned_to", "Assignee", Person(), icon="user"),
        Field("due_at", "Due", Due(), icon="calendar"),
        Field("description", "Description", Text(10_000, long=True), listed=False),
    ),
    tabs=(
        Tab("mine", "My tasks", "user", "tasks.read"),
        Tab("assigned", "Assigned to me", "assigned_to", "tasks.read"),
        Tab("all", "Everybody's", None, "tasks.read_all"),
    ),
    sorts=(
        Sort("newest", "Newest first", descending=True),
        Sort("oldest", "Oldest first"),
        Sort("due", "Due soonest", "due_at"),
    ),
    board_by="status",
    due="due_at",
    is_open=lambda row: row.status in Task.OPEN,
    open_states=Task.OPEN,
)


def _reachable(by):
    if by.may("tasks.read_all"):
        return Task.id > 0
    return (Task.user == by.user) | (Task.assigned_to == by.user)


def _may_change(task, field, by):
    """The owner changes everything, the assignee the status only."""
    if not by.may("tasks.write"):
        return False
    return task.user_id == by.user.id or (field == "status" and task.assigned_to_id == by.user.id)


def _may_remove(task, by):
    return by.may("tasks.write") and task.user_id == by.user.id


def _derive(task, values):
    follows = {}
    if "status" in values:
        follows["completed_at"] = now() if values["status"] == "completed" else None
    if task is not None and "due_at" in values:
        follows["reminded_at"] = None  # another day, another reminder
    return follows


def _after(task, before, change, by):
    entered = before is not None and "status" in change.fields and task.status == "completed"
    if entered:
        # Named by the change: saving a completed task again makes no change, so no second notice;
        # reopening and completing makes another one .
        owner = User.get_by_id(task.user_id)
        _notify(owner, "task_completed", f"task_completed:{change.id}", "Task completed", task, by.organization)
    assignee = task.assigned_to_id
    if "assigned_to" in change.fields and assignee and assignee != by.user.id:
        _notify(
            User.get_by_id(assignee),
            "task_assigned",
            f"task_assigned:{change.id}",
            f"{by.user.name} gave you a task",
            task,
            by.organization,
        )


def _notify(user, type, key, title, task, organization):
    link = f"/{organization.slug}/tasks/{task.id}"
    outgoing.notify(user, type, key, title, body=task.title, link=link, organization=organization)


rules = rows.Rules(listing, _reachable, _may_change, _may_remove, _derive, _after)

DUE_WITHIN = timedelta(hours=24)


@writes
def remind(limit):
    """Leave one reminder for each open task that is due within a day; returns how many."""
    with everywhere("reminders go out for every organization"):
        due = list(Task.due_soon(now() + DUE_WITHIN).order_by(Task.due_at).limit(limit))
        for task in due:
            Task.update(reminded_at=now()).where(Task.id == task.id).execute()
            organization = Organization.get_by_id(task.organization_id)
            person = User.get_by_id(task.assigned_to_id or task.user_id)
            key = f"task_due:{task.id}:{task.due_at:%Y%m%dT%H%M}"
            title = "Overdue" if task.is_overdue else "Due soon"
            _notify(person, "task_due", key, title, task, organization)
    return len(due)


def upcoming(by, limit=6):
    """The member's open tasks with the nearest due date, for the home page."""
    return list(
        Task.select()
        .where(
            (Task.user == by.user) | (Task.assigned_to == by.user),
            Task.status.in_(Task.OPEN),
            Task.due_at.is_null(False),
        )
        .order_by(Task.due_at)
        .limit(limit)
    )
