"""By what rows are grouped in a chart: words, people, texts, or periods of time as the reader's calendar has them."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from database.clock import local
from domain.fields.choice import Choice
from domain.fields.day import Day, Due
from domain.fields.moment import Moment
from domain.fields.person import Person, names
from domain.fields.records.leftover import LeftOver
from domain.fields.records.option import Options
from domain.fields.records.people import People
from domain.fields.records.rating import Rating
from domain.fields.records.yes_no import YesNo
from domain.fields.switch import Switch
from domain.fields.text import Text
from domain.lists import conditions

TIME, WORDS, PEOPLE, TEXTS = "time", "words", "people", "texts"
PERIODS = {"hour": "Hour", "day": "Day", "week": "Week", "month": "Month", "year": "Year"}
NONE = ""  # the group of rows without a value
LEFT = "\x1fleft"  # of rows with words left over; no value can have this sign
OTHERS = "\x1fothers"  # of all groups that are too many to be shown
SPECIAL = (OTHERS, NONE, LEFT)  # what stands behind the others
HOUR = timedelta(hours=1)


def sort_of(kind):
    """How a kind groups rows, or nothing where it doesn't."""
    if isinstance(kind, Day | Due | Moment):
        return TIME
    if isinstance(kind, Person | People):
        return PEOPLE
    if isinstance(kind, Choice | Options | YesNo | Rating | Switch):
        return WORDS
    return TEXTS if isinstance(kind, Text) and kind.filters else ""


def periods(kind):
    """The periods that rows can be grouped by: key → what it is called. Days have no hours."""
    if isinstance(kind, Moment):
        return PERIODS
    return {per: label for per, label in PERIODS.items() if per != "hour"} if sort_of(kind) == TIME else {}


def keys_of(chart):
    """(value) → the groups that a row with it is in; with several values it is in several."""
    if chart.by is None:
        return lambda value: (NONE,)
    kind, begins = chart.by.kind, _BEGINNINGS[chart.per] if chart.is_over_time else None

    def keys(value):
        if isinstance(value, LeftOver):
            return (LEFT,)
        if value is None or value == "":
            return (NONE,)
        return (begins(_on_the_calendar(value)).isoformat(),) if begins else _words(kind, value)

    return keys


def _words(kind, value):
    if not kind.several:
        found = [kind.word_of(value)] if isinstance(kind, Options) else [value]
    elif isinstance(kind, Options):
        found = list(dict.fromkeys(map(kind.word_of, value)))
    else:
        found = value
    return tuple(NONE if one is None else str(one) for one in found)


def _on_the_calendar(value):
    """A moment as the reader's clock shows it, a day as its beginning. The hour that a clock goes through twice is
    one."""
    return local(value).replace(tzinfo=None) if isinstance(value, datetime) else datetime.combine(value, time())


@lru_cache(maxsize=700)
def has_whole_hours(zone):
    """Whether days and hours of a zone begin with an hour of UTC, since 1970."""
    moments = (datetime(year, month, 1, tzinfo=ZoneInfo(zone)) for year in range(1970, 2040) for month in (1, 7))
    return not any((moment.utcoffset() or HOUR) % HOUR for moment in moments)


_BEGINNINGS = {
    "hour": lambda at: at.replace(minute=0, second=0, microsecond=0, fold=0),
    "day": lambda at: at.date(),
    "week": lambda at: at.date() - timedelta(at.weekday()),
    "month": lambda at: at.date().replace(day=1),
    "year": lambda at: at.date().replace(month=1, day=1),
}
_LONGEST = {per: timedelta(days) for per, days in (("day", 1), ("week", 7), ("month", 31), ("year", 366))}


def _begun(key, per):
    """When the period with this key begins: a day, or an hour of one."""
    return datetime.fromisoformat(key) if per == "hour" else date.fromisoformat(key)


def _next(first, per):
    """When the period after the one that begins on this day begins."""
    return _BEGINNINGS[per](_on_the_calendar(first + _LONGEST[per]))


def _before(first, per):
    """When the period before the one that begins then began."""
    return first - HOUR if per == "hour" else _BEGINNINGS[per](_on_the_calendar(first - timedelta(1)))


def in_order(chart, found, most):
    """(the groups of `found`, key → its weight, in the order to show them; whether some were left out).

    Periods follow each other without a gap, words stand in their order, people and texts the greatest first. Words
    that no row has stand among the others. Of more than `most` periods the last ones remain.
    """
    behind = [key for key in SPECIAL if key in found]
    keys = [key for key in found if key not in behind]
    if chart.by is None:
        return [NONE], False
    if chart.is_over_time:
        periods = _periods(sorted(keys), chart.per, most)
        return [*periods, *behind], bool(keys) and min(keys) < periods[0]
    if sort_of(chart.by.kind) != WORDS:
        return [*sorted(keys, key=lambda key: (-found[key], key)), *behind], False
    order = [str(word) for word in _offered(chart.by.kind)]
    return [*(key for key in order if key in found or len(order) <= most), *sorted({*keys} - {*order}), *behind], False


def _offered(kind):
    if isinstance(kind, Options):
        present = {id for id, _, _ in kind.options}
        return [id for id in kind.order if id in present]
    return (True, False) if isinstance(kind, Switch) else kind.words


def _periods(keys, per, most):
    if not keys:
        return []
    found, first = [_begun(keys[-1], per)], _begun(keys[0], per)
    while found[-1] > first and len(found) < most:
        found.append(_before(found[-1], per))
    return [one.isoformat() for one in reversed(found)]


def labels(chart, keys):
    """key → what the group is called."""
    known = {OTHERS: "All others", LEFT: "Words left over", NONE: f"Without {chart.by.label}" if chart.by else "All"}
    sort = sort_of(chart.by.kind) if chart.by else ""
    people = names({int(key) for key in keys if key not in known}) if sort == PEOPLE else {}

    def label(key):
        if key in known:
            return known[key]
        if sort == TIME:
            return period_label(_begun(key, chart.per), chart.per)
        if sort == PEOPLE:
            return people.get(int(key), "Somebody who isn’t here any more")
        return _word_label(chart.by.kind, key)

    return {key: label(key) for key in keys}


def _word_label(kind, key):
    if isinstance(kind, Options):
        return Options.plain(kind, int(key))  # also of a kind that holds several
    if isinstance(kind, YesNo | Switch):
        return kind.plain(key == "True")
    if isinstance(kind, Rating):
        return f"{key} of {kind.most}"
    return kind.plain(key) or key


def period_label(begun, per):
    """A period by when it begins: a day, or an hour of one."""
    if per == "hour":  # so many hours as are shown are days
        return f"{begun.day} {begun:%b}, {begun:%H:%M}"
    said = f"{begun.day} {begun:%b %Y}"
    return {"day": said, "week": f"Week of {said}", "month": f"{begun:%b %Y}", "year": f"{begun:%Y}"}[per]


def leads_to(listing, chart, key):
    """({name: text} to filter the list by, a Condition to add or None) that show a group's rows; or None."""
    if chart.by is None:
        return {}, None
    field, sort = chart.by, sort_of(chart.by.kind)
    if key in (NONE, LEFT):
        return _conditioned(listing, field, "empty" if key == NONE else "left_over")
    if key == OTHERS:
        return None
    if sort == TIME and chart.per == "hour":  # lists are narrowed by days
        return None
    if sort == TIME:
        first = date.fromisoformat(key)
        last = _next(first, chart.per) - timedelta(1)
        return _conditioned(listing, field, "within", first.isoformat(), last.isoformat())
    if field.kind.several:
        return _conditioned(listing, field, "has_any", key)
    return ({field.name: key}, None) if field in listing.filterable else _conditioned(listing, field, "any_of", key)


def _conditioned(listing, field, operator, *texts):
    condition = conditions.Condition(field.name, operator, texts)
    return ({}, condition) if conditions.asked(listing, condition) else None
