"""Tasks: mine are those I was given, and those I made that nobody was given; everybody's are the team's.

Why so: docs/decisions/whose-tasks.md
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from operator import or_

from database.clock import now, written
from database.columns import public_id
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Forbidden, Refused
from domain.base import configuration, outgoing
from domain.fields.choice import Choice
from domain.fields.day import Due
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.person import Person
from domain.fields.repeat import Repeat
from domain.fields.text import Text
from domain.imports import targets
from domain.lists import rows
from domain.lists.listing import Act, Listing, Sort, Tab, both
from domain.lists.searches import Words
from domain.organizations import members
from domain.tasks import labels, repeats
from models import Organization, Task, User

STATUS = Choice(
    (
        ("pending", "Pending", "quiet"),
        ("in progress", "In progress", "info"),
        ("completed", "Completed", "good"),
        ("cancelled", "Cancelled", "off"),
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
    imports=True,
    has_pages=True,
    comments=True,
    files=True,
    followed=True,
    search=Words((("user", "u"), ("holder", "ua")), (Task.title, Task.description, Task.category)),
    elsewhere=(("holder", Task.assigned_to, Task.holder),),
    empty=(
        (
            "mine",
            "Write down the first thing that needs doing. Press c anywhere on this page.",
            "What others give you to do shows here.",
        ),
        ("made", "What you write down shows here, whoever does it."),
        ("all", "What anybody here writes down shows here."),
    ),
    fields=(
        Field("title", "Title", Text(200), required=True),
        Field("status", "Status", STATUS, required=False, default="pending", icon="progress-check"),
        Field("priority", "Priority", PRIORITY, default="medium", icon="flag"),
        Field("category", "Category", Text(60, filters=True), default="general", icon="tag"),
        Field("labels", "Labels", labels.Labels(), icon="tag", filters=False),
        Field("assigned_to", "Assignee", Person(), icon="user"),
        Field("due_at", "Due", Due(), icon="calendar"),
        Field("repeats", "Repeats", Repeat(), listed=False, icon="repeat"),
        Field("description", "Description", Text(10_000, long=True), listed=False),
        Field("user", "Created by", Person(), listed=False, acted=True, filters=False),
        Field("created_at", "Created", Moment(past=True), listed=False, acted=True),
        Field("completed_at", "Completed", Moment(past=True), listed=False, acted=True),
    ),
    tabs=(
        Tab("mine", "Mine", "holder", "tasks.read"),
        Tab("made", "Made by me", "user", "tasks.read"),
        Tab("all", "Everybody's", None, "tasks.read_all"),
    ),
    sorts=(
        Sort("newest", "Newest first", descending=True),
        Sort("oldest", "Oldest first"),
        *both("due", "Due soonest", "Due latest", column="due_at"),
        *both("priority", "Lowest priority first", "Highest priority first", first="down"),
        *both("status", "Status from pending", "Status from cancelled"),
        *both("title", "Title from A", "Title from Z"),
        *both("category", "Category from A", "Category from Z"),
    ),
    acts=(
        Act(
            "taking",
            "Take",
            lambda id, by: take(id, by=by),
            "tasks.write",
            "It is yours now.",
            "user",
            cell="assigned_to",
            press="t",
            bulk=True,
            when=lambda row: row.assigned_to is None,
            may=lambda row, by: getattr(row, "user_id", row.user) != by.user.id,
        ),
        Act(
            "skipping",
            "Skip",
            lambda id, by: skip(id, by=by),
            "tasks.write",
            "It is due at its next time.",
            icon="player-skip-forward",
            cell="repeats",
            bulk=True,
            may=lambda row, by: _is_theirs(row, by),
            when=lambda row: row.repeats and row.status in Task.OPEN,
        ),
        Act(
            "series-removal",
            "Delete series",
            lambda id, by: remove_series(id, by=by),
            "tasks.write",
            icon="repeat-off",
            tone="danger",
            cell="repeats",
            may=lambda row, by: _is_theirs(row, by),
            confirm="Delete {name} and let it come no more? Those that were completed stay.",
            when=lambda row: row.repeats,
        ),
    ),
    board_by="status",
    calendar=("due_at",),
    charts=True,
    is_saved=True,
    hears="label",
    due="due_at",
    also=("repeats",),
    exports=("description", "user", "created_at", "completed_at"),
    is_open=lambda row: row.status in Task.OPEN,
    open_states=Task.OPEN,
)


def _reachable(by):
    if by.may("tasks.read_all"):
        return Task.id > 0
    return (Task.user == by.user) | (Task.assigned_to == by.user)


def _may_change(task, field, by):
    """Whoever made it or was given it, owners and admins: everything."""
    if by.user.id in (task.user_id, task.assigned_to_id):
        return by.may("tasks.write")
    return by.may("tasks.write_all")


def _is_theirs(row, by):
    """The same of a row as the list has it."""
    people = (getattr(row, "user_id", row.user), getattr(row, "assigned_to_id", row.assigned_to))
    return by.may("tasks.write_all") or by.user.id in people


def _may_remove(task, by):
    """Whoever made it, owners and admins."""
    return by.may("tasks.write" if task.user_id == by.user.id else "tasks.write_all")


def _why(task, by, verb, members):
    """Only Bob, Alice and admins can change this."""
    ids = (task.user_id, task.assigned_to_id) if verb == "change" else (task.user_id,)
    names = [members[id] for id in dict.fromkeys(ids) if id in members]
    who = f"{', '.join(names)} and admins" if names else "admins"
    return f"Only {who} can {verb} this."


def _derive(task, values):
    follows = {}
    if "status" in values:
        follows["completed_at"] = now() if values["status"] == "completed" else None
    if values.get("repeats") and (task is None or not task.series):
        follows |= {"series": public_id(), "occurrence": 1}
    if task is not None and "due_at" in values:
        follows["reminded_at"] = None  # another day, another reminder
    return follows


def _after(task, before, change, by):
    entered = before is not None and "status" in change.fields and task.status == "completed"
    if entered:
        repeats.go_on(task, change, by)
        # Named by the change: saving a completed task again makes no change, so no second notice;
        # reopening and completing makes another one .
        others = {task.user_id, task.assigned_to_id} - {None, by.user.id}
        for other in User.select().where(User.id.in_(others)):
            title = f"{by.user.name} completed a task"
            _notify(other, "task_completed", f"task_completed:{change.id}", title, task, by.organization)
    assignee = task.assigned_to_id
    if "assigned_to" in change.fields and assignee and assignee != by.user.id:
        _tell_given(User.get_by_id(assignee), task, change, by)


def _tell_given(person, task, change, by):
    about = _about(person, task, by.organization) | {"by": by.user.name}
    title, key = f"{by.user.name} gave you a task", f"task_assigned:{change.id}"
    _notify(person, "task_assigned", key, title, task, by.organization, letter=("task_given", about))


def _about(person, task, organization):
    """What letters about a task say of it, on their reader's clock."""
    due = task.due_at
    return {
        "name": person.name,
        "title": task.title,
        "due": written(due, person.timezone) if isinstance(due, datetime) else due and f"{due:%-d %B %Y}",
        "organization": organization.name,
        "link": f"{configuration.active.site_url}/{organization.slug}/tasks/{task.id}",
    }


def _notify(user, type, key, title, task, organization, letter=None):
    link = f"/{organization.slug}/tasks/{task.id}"
    outgoing.notify(user, type, key, title, body=task.title, link=link, organization=organization, letter=letter)


@outgoing.asks(r"/[^/?#]+/tasks/(?P<task>[1-9]\d{0,9})(?=$|[/?#])")
def _read_by(user, organization, asked):
    """Of tasks that news lead to, those that aren't kept from somebody; one that was removed is kept from nobody."""
    by = members.reader(user, organization)
    with inside(organization):
        if by is None or not by.may("tasks.read"):
            return []
        there = Task.select(Task.id).where(Task.id << [int(one["task"]) for one in asked])
        hidden = set(there.tuples()) - set(there.where(_reachable(by)).tuples())
    return [one for one in asked if (int(one["task"]),) not in hidden]


rules = rows.Rules(listing, _reachable, _may_change, _may_remove, _why, _derive, _after)
targets.offer("tasks", lambda name, by: of(by), lambda name: "/tasks")


def of(by):
    """The rules of tasks with the labels of the organization one stands in, with which they are filtered too."""
    return _labelled(labels.options(), labels.unseen(by))


@lru_cache(maxsize=500)
def _labelled(made, unseen):
    kind = labels.Labels(made=made, unseen=unseen)
    field = replace(listing.by_name["labels"], kind=kind)

    def has(chosen):
        ids = [one.id for one in made if kind.compared((one.id,))[0] in chosen]
        return reduce(or_, (Task.labels.contains_id(id) for id in ids)) if ids else Task.id < 0

    fields = tuple(field if f.name == "labels" else f for f in listing.fields)
    return replace(rules, listing=replace(listing, fields=fields, conditions=((field, has),), version=(made, unseen)))


@writes
def take(id, *, by):
    """Take a task that nobody was given, whoever made it; returns the noted change.

    Refuses with NotFound what they can't see, and when somebody has it already.
    """
    by.require("tasks.write")
    task = rows.get(rules, id, by)
    if task.assigned_to_id is not None:
        raise Refused(f"{task.assigned_to.name} has it already.")
    return rows.write(rules, task, {"assigned_to": by.user.id}, by)


@writes
def skip(id, *, by):
    """Let an open task that repeats be due at its next time instead; returns the noted change.

    Refuses with Forbidden who may not change it, and where the series ends.
    """
    task = rows.get(rules, id, by)
    if not rules.may_change(task, "due_at", by):
        raise Forbidden(rows.why_not(rules, task, by))
    found = repeats.following(task, missed=False) if task.repeats and task.is_open else None
    if found is None:
        raise Refused("It doesn't come again: complete it, or write anew how it repeats.")
    due, said = found
    follows = {"occurrence": (task.occurrence or 1) + 1}
    return rows.write(rules, task, {"due_at": due, "repeats": said}, by, follows=follows)


@writes
def remove_series(id, *, by):
    """Remove what is open of a series, and let none follow; returns what to say. What is done stays.

    Refuses with NotFound what they can't see, and with Forbidden where one of the open ones isn't theirs to remove.
    """
    task, batch = rows.get(rules, id, by), public_id()
    series = list(Task.select().where(Task.series == task.series)) if task.series else [task]
    for one in series:
        if one.is_open:
            rows.remove(rules, one.id, by=by, batch=batch)
        elif one.repeats:
            rows.write(rules, one, {"repeats": None}, by, batch)
    return "The series is over; what was open of it is in the trash."


DUE_WITHIN = timedelta(hours=24)


@writes
def remind(limit):
    """Leave one reminder for each open task that is due within a day; returns how many."""
    with everywhere("reminders go out for every organization"):
        due = Task.due_soon(now() + DUE_WITHIN).where(Task.organization.not_in(Organization.arriving()))
        due = list(due.order_by(Task.due_at).limit(limit))
        for task in due:
            Task.update(reminded_at=now()).where(Task.id == task.id).execute()
            organization = Organization.get_by_id(task.organization_id)
            holders = [id for id in (task.assigned_to_id, task.user_id) if id]
            id = next((id for id in holders if outgoing.belongs(id, organization.id)), None)
            if id is None or organization.status != "active":
                continue
            person = User.get_by_id(id)
            key = f"task_due:{task.id}:{task.due_at:%Y%m%dT%H%M}"
            title = "Overdue" if task.is_overdue else "Due soon"
            about = _about(person, task, organization) | {"overdue": task.is_overdue}
            _notify(person, "task_due", key, title, task, organization, letter=("task_due", about))
    return len(due)
