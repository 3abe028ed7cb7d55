"""A day by a date of a row: on it, or so many days before or after, at a time on the organization's clock."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.fields.kinds import clean, whole

SIDES = {"on": "on that day", "before": "days before", "after": "days after"}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


def read(form, source, problems, start=""):
    """What a form says of one, as it is kept; what is wrong with it goes to `problems`, by names that begin so."""
    field = next((f for f in source.dates if f.name == form.get("field")), None)
    if field is None:
        problems[start + "field"] = "Choose a date of this list." if source.dates else "This list has no dates."
    side, days = form.get("side", "on"), whole(clean(form.get("days", "")).strip(), 3650)
    if side not in SIDES or (side != "on" and days is None):
        problems[start + "days"] = "Write how many days, from 1 to 3650."
    about = {"field": field and field.name, "side": side, "days": days if side != "on" else 0}
    return about | {"time": clock(form, problems, start)}


def clock(form, problems, start=""):
    """The time of a form, as it is kept."""
    found = _TIME.fullmatch(clean(form.get("time", "")).strip())
    if found is None:
        problems[start + "time"] = "Write a time, such as 9:00."
    return f"{int(found[1]):02}:{found[2]}" if found else ""


def later(about):
    """How much later than the date this day is; before it that is less than nothing."""
    return timedelta(days={"on": 0, "before": -about["days"], "after": about["days"]}[about["side"]])


def moment(about, value, zone):
    """When it is, for what the date says in a row; None for a date that isn't one, or is out of the calendar."""
    place = ZoneInfo(zone or "UTC")
    if not isinstance(value, date):  # a moment is a date as well
        return None
    try:
        day = (value.astimezone(place).date() if isinstance(value, datetime) else value) + later(about)
        found = datetime.combine(day, time.fromisoformat(about["time"]), place)
        return found if found.astimezone(UTC) else None  # which may be out of it where that isn't
    except OverflowError:
        return None
