"""Tasks that repeat: who completes one leaves the next, exactly one, on its day and at its time of day.

Days are those of whoever made the task, and a time of day stays theirs where clocks change. A month without a 31st has
its last day, and the next one has the 31st again.
"""

import calendar
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from database.clock import now
from domain.base import changes
from domain.fields.person import members
from domain.fields.repeat import rhythm
from models import Task

DAY = timedelta(1)
KEPT = ("title", "description", "priority", "category", "labels", "series")


def next_day(said, day, after):
    """The first day of a Rhythm that counts from `day`, later than both it and `after`."""
    if said.unit == "after":
        return after + said.every * DAY
    late = max(day, after)
    if said.unit == "day":
        return day + ((late - day).days // said.every + 1) * said.every * DAY
    if said.unit == "week":
        return _next_week(said, day, late)
    return _next_month(said, day, late)


def _next_week(said, day, late):
    monday, weekdays = day - day.weekday() * DAY, said.weekdays or (day.weekday(),)
    turn = (late - monday).days // 7 // said.every
    while True:
        week = monday + turn * said.every * 7 * DAY
        if found := next((week + n * DAY for n in weekdays if week + n * DAY > late), None):
            return found
        turn += 1


def _next_month(said, day, late):
    months, number = day.year * 12 + day.month - 1, said.day or day.day
    turn = (late.year * 12 + late.month - 1 - months) // said.every
    while True:
        year, month = divmod(months + turn * said.every, 12)
        found = date(year, month + 1, min(number, calendar.monthrange(year, month + 1)[1]))
        if found > late:
            return found
        turn += 1


def following(task, missed=True):
    """(what stands as due then, the rhythm as text) of the next task, or None where the series ends.

    `missed` days aren't made up for: the next lies behind today.
    """
    said, zone = rhythm(task.repeats), ZoneInfo(task.user.timezone or "UTC")
    today, due = now().astimezone(zone).date(), task.due_at
    day = due.astimezone(zone).date() if isinstance(due, datetime) else due or today
    if said.unit == "month" and not said.day:
        said = replace(said, day=day.day)
    found = next_day(said, day, today if missed or said.unit == "after" else day)
    if (said.until and found > said.until) or (said.times and task.occurrence >= said.times):
        return None
    if isinstance(due, datetime):
        at = due.astimezone(zone)
        found = datetime.combine(found, time(at.hour, at.minute, at.second), zone).astimezone(now().tzinfo)
    return found, str(said)


def go_on(task, change, by):
    """Leave the next task of a series, in the transaction that completed this one; None where there is one already,
    or the series is over. Whoever is at it waits behind the lock that `change` was noted under."""
    found = following(task) if task.repeats and task.series else None
    number = (task.occurrence or 0) + 1
    if found is None or Task.one(Task.series == task.series, Task.occurrence >= number):
        return None
    due, said = found
    values = {name: getattr(task, name) for name in KEPT}
    values |= {"user": task.user_id, "due_at": due, "repeats": said, "occurrence": number}
    values["assigned_to"] = task.assigned_to_id if task.assigned_to_id in members() else None
    made = Task.create(**values)
    noted = {"title": made.title, "due_at": due.isoformat(), "repeats": said}
    diff = {name: [None, value] for name, value in noted.items()}
    changes.record(by.organization, "task", made.id, "created", diff, by=by.user, batch=change.batch)
    return made
