"""Figures of tasks for the home page: how things stand, how they stood, who has how much, what happened lately.

All of them are of one set: what one holds, or what everybody has. Nothing reads more than SUMMED rows; a figure
that stopped there says so.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from peewee import Select, fn

from database.clock import local, now, reader_day
from database.columns import spelled
from database.compiled import Compiled
from domain.fields import day as days
from domain.fields.person import members, names
from domain.lists.lists import SUMMED
from domain.tasks import handovers
from models import Change, Task

WEEK, BACK, DONE_DAYS, SHOWN, CHANGES = 7, 14, 30, 8, 2000


@dataclass(frozen=True)
class Figure:
    """A number as it is now, and at the end of each of the last days (the newest last)."""

    label: str
    value: int
    points: tuple
    difference: int
    asks: str  # the list that has the same rows, as a query

    @property
    def in_words(self):
        return f"{SUMMED:,}+" if self.value > SUMMED else f"{self.value:,}"


def _whose(by, everybody):
    return () if everybody else (Task.holder == by.user.id,)


def _counted(query):
    """How many rows, at most SUMMED + 1."""
    some = query.limit(SUMMED + 1).alias("some")
    return Select([some], [fn.count(some.c.id)])


def _count(key, by, everybody):
    conditions = {
        "overdue": lambda: (spelled(handovers.OPEN), days.overdue(Task.due_at)),
        "week": lambda: (spelled(handovers.OPEN), days.within_week(Task.due_at)),
        "progress": lambda: (Task.status == "in progress",),
    }[key]()
    query = _counted(Task.select(Task.id).where(*_whose(by, everybody), *conditions))
    return Compiled(lambda: query)(**days.bounds())[0][0]


def done(by, everybody):
    """(day it was done, day it was due or None) of what was done in the last 30 days, the newest SUMMED."""
    since = now() - timedelta(days=DONE_DAYS)
    rows = (
        Task.select(Task.completed_at, Task.due_at)
        .where(Task.completed_at >= since, *_whose(by, everybody))
        .order_by(Task.completed_at.desc())
        .limit(SUMMED)
    )
    return [(local(at).date(), _day(due)) for at, due in rows.tuples()]


def _day(due):
    return local(due).date() if hasattr(due, "hour") else due


def _open_dues(by, everybody, until):
    """Days of what is open and due until then, the latest SUMMED."""
    rows = Task.select(Task.due_at).where(
        spelled(handovers.OPEN), Task.due_at < until + timedelta(days=1), *_whose(by, everybody)
    )
    return [_day(due) for (due,) in rows.order_by(Task.due_at.desc()).limit(SUMMED).tuples()]


def _latest_days(count):
    today = reader_day()
    return [today - timedelta(days=back) for back in reversed(range(count))]


def standing(by, everybody, finished=None):
    """The four figures, each with its last two weeks and the difference to a week ago."""
    finished = done(by, everybody) if finished is None else finished
    dues = _open_dues(by, everybody, reader_day() + timedelta(days=WEEK))
    tab = "tab=all&" if everybody else ""
    late, ahead = [], []
    waiting = Counter((None, due) for due in dues) + Counter(pair for pair in finished if pair[1])
    for day in _latest_days(BACK):
        then = [(due, count) for (at, due), count in waiting.items() if at is None or at > day]
        late.append(sum(count for due, count in then if due < day))
        ahead.append(sum(count for due, count in then if day <= due <= day + timedelta(days=WEEK)))
    per_day = Counter(at for at, _ in finished)
    daily = [per_day[day] for day in _latest_days(BACK)]
    moving = _in_progress(by, everybody)
    figures = (
        ("Overdue", _count("overdue", by, everybody), late, f"{tab}due=overdue"),
        ("Due this week", _count("week", by, everybody), ahead, f"{tab}due=week"),
        ("In progress", moving[-1], moving, f"{tab}status=in+progress"),
    )
    found = [_figure(*figure) for figure in figures]
    week = sum(daily[-WEEK:])
    return [*found, Figure("Done this week", week, tuple(daily), week - sum(daily[:WEEK]), f"{tab}status=completed")]


def _figure(label, value, points, asks):
    points = (*points[:-1], value)
    return Figure(label, value, points, value - points[-WEEK - 1] if len(points) > WEEK else 0, asks)


def _in_progress(by, everybody):
    """How many were in progress at the end of each day, from what changed since; shorter where too much did."""
    value = _count("progress", by, everybody)
    since = now() - timedelta(days=BACK)
    noted = list(
        Change.select(Change.row_id, Change.fields, Change.at)
        .where(Change.table == "task", Change.at > since)
        .order_by(Change.id.desc())
        .limit(CHANGES)
    )
    mine = None if everybody else _ids_held(by, {change.row_id for change in noted})
    moved = Counter()
    for change in noted:
        before, after = change.fields.get("status") or (None, None)
        if before != after and (mine is None or change.row_id in mine):
            moved[local(change.at).date()] += (after == "in progress") - (before == "in progress")
    days_known = _latest_days(BACK)
    if len(noted) == CHANGES:
        days_known = [day for day in days_known if day > local(noted[-1].at).date()] or days_known[-1:]
    points = []
    for day in reversed(days_known):
        points.append(max(value, 0))
        value -= moved[day]
    return points[::-1]


def _ids_held(by, ids):
    return {id for (id,) in Task.select(Task.id).where(Task.id.in_(ids), Task.holder == by.user.id).tuples()}


def per_day(finished):
    """(day, how many were done) of the last 30 days."""
    counted = Counter(at for at, _ in finished)
    return [(day, counted[day]) for day in _latest_days(DONE_DAYS)]


def per_person():
    """(name, how many open tasks they hold), most first, of the first SUMMED; people who have left say so."""
    found, present = handovers.held(), members()
    left = names(found.keys() - present.keys())
    told = [(present.get(id) or f"{left.get(id, 'Somebody')} (left)", count) for id, count in found.items()]
    return sorted(told, key=lambda pair: (-pair[1], pair[0].casefold()))


def agenda(by, everybody):
    """What is due, in groups that aren't empty: overdue, today, within the week."""
    today = reader_day()
    rows = list(
        Task.select()
        .where(spelled(handovers.OPEN), Task.due_at < today + timedelta(days=WEEK + 1), *_whose(by, everybody))
        .order_by(Task.due_at)
        .limit(SHOWN)
    )
    groups = {"Overdue": [], "Today": [], "This week": []}
    for task in rows:
        key = "Overdue" if task.is_overdue else "Today" if _day(task.due_at) == today else "This week"
        groups[key].append(task)
    return {label: tasks for label, tasks in groups.items() if tasks}


def undated(by, everybody):
    """How much open work has no day, at most SUMMED + 1."""
    query = _counted(Task.select(Task.id).where(spelled(handovers.OPEN), Task.due_at.is_null(), *_whose(by, everybody)))
    return Compiled(lambda: query)()[0][0]


def activity(by, everybody):
    """The latest changes of these tasks: who did what to which, and when."""
    noted = list(
        Change.select().where(Change.table == "task").order_by(Change.id.desc()).limit(SHOWN * (1 if everybody else 8))
    )
    ids = {change.row_id for change in noted}
    titles = dict(Task.select(Task.id, Task.title).where(Task.id.in_(ids), *_whose(by, everybody)).tuples())
    who = members() | names({change.by_id for change in noted} - members().keys())
    told = []
    for change in noted:
        title = titles.get(change.row_id) or (everybody and (change.fields.get("title") or [None])[0])
        if title:
            verb = _verb(change, who)
            id = change.row_id if change.row_id in titles else None
            told.append(
                {"who": who.get(change.by_id, "Somebody"), "verb": verb, "title": title, "id": id, "at": change.at}
            )
    return sorted(told[:SHOWN], key=lambda one: one["at"], reverse=True)


def _verb(change, who):
    if change.verb != "updated":
        return change.verb
    status, given = change.fields.get("status"), change.fields.get("assigned_to")
    if status:
        return {"completed": "completed", "in progress": "began", "cancelled": "cancelled"}.get(status[1], "reopened")
    if given:
        return f"gave {who.get(given[1], 'somebody')}" if given[1] else "took back"
    return "changed"


def is_empty(by, everybody):
    """Whether there is no task at all in the set."""
    return Task.one(*_whose(by, everybody), Task.id > 0) is None
