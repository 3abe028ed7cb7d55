"""Rows of a list by their days: a month, a week, an agenda or one day, by the same questions and within a bound.

A day has no zone and is the same for every reader; a moment lies on its reader's day. What begins on one day is read
up to a limit, however full that day is.
"""

import calendar
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from database.clock import local, now, reader_day
from database.transactions import writes
from domain import Forbidden, Invalid, Stale, existing
from domain.fields.day import Day
from domain.fields.kinds import Unfit
from domain.fields.moment import Moment
from domain.fields.records.leftover import LeftOver
from domain.lists import lists, rows, totals
from domain.lists.asks import Answer, AtLeast

SCALES = {"month": "Month", "week": "Week", "agenda": "Agenda", "day": "Day"}
SHOWN = {"month": 4, "week": 15, "agenda": 15, "day": 50}  # rows of one day
FEW = 250  # rows of all days that are read at once; of more, each day is read by itself
RUNNING = 600  # rows among which those are looked for that began before and go on
AGENDA = 28  # days
FIRST, LAST = date(1900, 1, 1), date(2200, 12, 31)
FAR = date(2300, 1, 1)
DAY = timedelta(1)


@dataclass(frozen=True)
class Look:
    """Which days are looked at, and by which field rows stand on them."""

    on: str
    day: date
    until: str = ""  # the field with a row's last day
    scale: str = ""  # nothing chosen is a month, of which a phone shows the agenda

    @property
    def days(self):
        """(first, the one behind the last) of the days that are shown."""
        match self.scale or "month":
            case "month":
                month = calendar.monthrange(self.day.year, self.day.month)
                begins = self.day.replace(day=1)
                first, end = begins - month[0] * DAY, begins + month[1] * DAY
                return first, end + (-(end - first).days % 7) * DAY
            case "week":
                first = self.day - self.day.weekday() * DAY
                return first, first + 7 * DAY
            case "agenda":
                return self.day, self.day + AGENDA * DAY
            case _:
                return self.day, self.day + DAY

    def turned(self, step):
        """The look before (-1) or after (1), or None where the calendar ends."""
        if self.scale in ("", "month"):
            months = self.day.year * 12 + self.day.month - 1 + step
            day = date(months // 12, months % 12 + 1, 1)
        else:
            day = self.day + step * {"week": 7, "agenda": AGENDA, "day": 1}[self.scale] * DAY
        return replace(self, day=day) if FIRST <= day <= LAST else None


OWN = ("cal", "cal_on", "cal_until", "cal_day")


def understand(listing, args):
    """The Look out of query arguments; what can't be meant is as nothing said."""
    names = [name for name in listing.calendar if name in listing.by_name]
    on = args.get("cal_on") if args.get("cal_on") in names else names[0]
    until = args.get("cal_until", "")
    if until not in names or until == on:
        until = "" if until or args.get("cal_on") else _end_of(listing, names, on)
    try:
        day = date.fromisoformat(args.get("cal_day", ""))
    except ValueError:
        day = reader_day()
    scale = args.get("cal", "")
    return Look(on, min(max(day, FIRST), LAST), until, scale if scale in SCALES else "")


def said(listing, look):
    """name → text of what an address says of a Look, without what goes without saying."""
    usual, found = understand(listing, {}), {"cal": look.scale}
    if look.day != usual.day:
        found["cal_day"] = look.day.isoformat()
    if (look.on, look.until) != (usual.on, usual.until):
        found |= {"cal_on": look.on, "cal_until": look.until or "-"}
    return {name: text for name, text in found.items() if text}


ENDS = {"end", "ends", "end date", "ends on", "until", "till", "to", "return", "back", "check-out", "last day"}


def _end_of(listing, names, on):
    """The field that is called like the end of another."""
    return next((n for n in names if n != on and listing.by_name[n].label.casefold() in ENDS), "")


@dataclass
class Entry:
    """A row from its first to its last day."""

    row: object
    first: date
    last: date


@dataclass
class Shown:
    """The rows of some days, and of each day how many begin there beyond those."""

    entries: list
    people: dict
    beyond: dict = field(default_factory=lambda: defaultdict(int))
    is_whole: bool = True  # not where conditions or a search were asked of too many
    more: str = ""  # the key to go on from, of one day


def day_of(value):
    """The reader's day of a value, or None where it is none."""
    if isinstance(value, datetime):
        return local(value).date()
    return value if isinstance(value, date) else None


def read(listing, ask, by, look):
    """The rows that stand on the days of a Look, in the order of their days. Refuses as lists.read does."""
    first, end = look.days
    limit = SHOWN[look.scale or "month"]
    ask = _by(listing, ask, look.on)
    found = Shown([], {})
    if look.until and not ask.after:
        _take(found, _running(listing, ask, by, look, first), look, first)
    if look.scale == "day":
        answer = lists.read(listing, ask.but(spans=((look.on, first, end),)), by)
        _take(found, answer, look, first)
        found.more = answer.more
        return found
    whole = lists.read(listing, ask.but(spans=((look.on, first, end),), rows=FEW), by)
    if not whole.more or ask.where or ask.words:
        found.is_whole = not whole.more
        _take(found, whole, look, first)
        return found
    day = first
    while day < end:
        one = ask.but(spans=((look.on, day, day + DAY),), rows=limit)
        answer = lists.read(listing, one, by)
        _take(found, answer, look, first)
        if answer.more:
            count = totals.total(listing, one, by)
            is_exact = count <= lists.COUNTED and not isinstance(count, AtLeast)
            found.beyond[day] = AtLeast.unless(is_exact, count - len(answer.rows))
        day += DAY
    return found


def _by(listing, ask, name):
    """The same in the order of a field's days."""
    sort = next((s for s in listing.sorts if s.column == name and not s.descending), None)
    return ask.but(sort=sort.key if sort else "", after=ask.after if sort else "")


def within(listing, ask, by, look, first, end, rows, newest=False):
    """As many rows of some days, in the order of their days or from the newest back."""
    sort = next(s for s in listing.sorts if s.column == look.on and s.descending == newest)
    return lists.read(listing, ask.but(spans=((look.on, first, end),), rows=rows, sort=sort.key, after=""), by).rows


def _running(listing, ask, by, look, first):
    """The rows that began before the first day and go on: among the RUNNING that end first from there on."""
    ending = ask.but(spans=((look.until, first, FAR),), rows=RUNNING)
    answer = lists.read(listing, _by(listing, ending, look.until).but(after=""), by)
    began = [row for row in answer.rows if (day := day_of(getattr(row, look.on))) and day < first]
    return Answer(began, "", answer.people)


def _take(found, answer, look, shown_from):
    found.people |= answer.people
    for row in answer.rows:
        first = day_of(getattr(row, look.on))
        last = last_day(getattr(row, look.until), first) if look.until else first
        if first is not None and last >= shown_from:
            found.entries.append(Entry(row, first, last))
    found.entries.sort(key=lambda one: (one.first, -(one.last - one.first).days if one.last > one.first else 0))


def last_day(value, first):
    """The last day of a row that begins on a day; one that ends as a day begins doesn't reach into it."""
    last = day_of(value)
    if last is None or first is None:
        return first
    is_midnight = isinstance(value, datetime) and local(value).time() == time()
    return max(first, last - DAY if is_midnight else last)


# --- moving ----------------------------------------------------------------------------------------------------


def moved(value, day):
    """A value on another day: a moment keeps its time on the reader's clock."""
    if not isinstance(value, datetime):
        return day
    at = local(value)
    return at.replace(year=day.year, month=day.month, day=day.day)


@writes
def move(rules, id, name, day, *, by, until="", was="", parent=None):
    """Put a row on another day (a text), at its time of day; its end moves as far. Returns (row, noted change or None).

    `was` is the day it stood on as the page has it. Refuses as rows.change does, and with Stale where it isn't there.
    """
    listing = rules.listing
    row = rows.get(rules, id, by, parent)
    field = existing(next((f for f in listing.written if f.name == name and name in listing.calendar), None))
    try:
        day = Day().read(day)
    except Unfit as unfit:
        raise Invalid({name: str(unfit)}) from None
    stands = listing.column(name).of(row)
    stands = None if isinstance(stands, LeftOver) else stands
    if was and (stands is None or day_of(stands).isoformat() != was):
        raise Stale(f"Somebody else moved this {listing.thing} meanwhile. Look again.")
    form = {name: _text(field, moved(stands, day))}
    ends = listing.column(until).of(row) if until in listing.calendar and until != name else None
    if stands is not None and isinstance(ends, date) and rules.may_change(row, until, by):
        far = day_of(ends) + (day - day_of(stands))
        form[until] = _text(listing.by_name[until], moved(ends, far))
    if not rules.may_change(row, name, by):
        raise Forbidden(rows.why_not(rules, row, by))
    return rows.change(rules, id, form, by=by, parent=parent)


def _text(field, value):
    if isinstance(field.kind, Moment) and not isinstance(value, datetime):
        value = datetime.combine(value, time(9), local(now()).tzinfo)  # one that had no time begins the day's work
    return value.isoformat()
