"""What can be asked of a cell: conditions, on values in Python and as a range of keys.

A condition that says what a cell is not takes empty cells too, and its label says so. What a kind is compared by
is its `compared`; the order of its keys is the order of that.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from database.clock import reader_day


@dataclass(frozen=True)
class Operator:
    """One condition; `takes` says what is compared with: nothing, one, two, several, or a count of days."""

    key: str
    label: str
    takes: str = "one"
    also_empty: bool = False


def _not(key, label, takes="one"):
    return Operator(key, f"{label} (empty ones too)", takes, also_empty=True)


BARE = (
    Operator("empty", "is empty", "nothing"),
    Operator("not_empty", "is not empty", "nothing"),
    Operator("left_over", "has words left over", "nothing"),
)
TEXT = (
    Operator("contains", "contains"),
    _not("lacks", "doesn't contain"),
    Operator("is", "is"),
    _not("is_not", "is not"),
    Operator("begins", "begins with"),
    *BARE,
)
LONG_TEXT = (TEXT[0], TEXT[1], *BARE)
NUMBER = (
    Operator("is", "="),
    _not("is_not", "≠"),
    Operator("less", "<"),
    Operator("at_most", "≤"),
    Operator("more", ">"),
    Operator("at_least", "≥"),
    Operator("between", "between", "two"),
    *BARE,
)
YES_NO = (Operator("is", "is"), _not("is_not", "is not"), *BARE)
CHOICE = (Operator("any_of", "is any of", "several"), _not("none_of", "is none of", "several"), *BARE)
MANY = (
    Operator("has_any", "has any of", "several"),
    Operator("has_all", "has all of", "several"),
    _not("has_none", "has none of", "several"),
    Operator("exactly", "is exactly", "several"),
    *BARE,
)
DATE = (
    Operator("on", "is on"),
    Operator("before", "is before"),
    Operator("after", "is after"),
    Operator("within", "is between", "two"),
    Operator("today", "is today", "nothing"),
    *(
        Operator(f"{which}_{what}", f"is in {which} {what}", "nothing")
        for what in ("week", "month", "quarter", "year")
        for which in ("this", "last", "next")
    ),
    Operator("last_days", "is in the last days", "days"),
    Operator("next_days", "is in the next days", "days"),
    Operator("days_ago", "is more days ago than", "days"),
    *BARE,
)
AFTER = "\x01"  # behind a key, and before whatever else begins like it


def days(operator, given):
    """The days that a condition of days holds, as (first, the one behind the last); None is without end."""
    today = reader_day()
    match operator.key, given:
        case "on", [day]:
            return day, day + _DAY
        case "before", [day]:
            return None, day
        case "after", [day]:
            return day + _DAY, None
        case "within", [first, last]:
            return first, last + _DAY
        case "last_days", [count]:
            return today - count * _DAY, today + _DAY
        case "next_days", [count]:
            return today, today + (count + 1) * _DAY
        case "days_ago", [count]:
            return None, today - count * _DAY
        case "today", _:
            return today, today + _DAY
    which, _, what = operator.key.partition("_")
    return _period(today, what, {"last": -1, "this": 0, "next": 1}[which])


_DAY = timedelta(1)


def _period(today, what, turn):
    if what == "week":
        first = today - today.weekday() * _DAY + turn * 7 * _DAY
        return first, first + 7 * _DAY
    size = {"month": 1, "quarter": 3, "year": 12}[what]
    first = (today.year * 12 + today.month - 1) // size * size + turn * size
    return _month(first), _month(first + size)


def _month(number):
    return date(number // 12, number % 12 + 1, 1)


def meets(kind, operator, value, operand):
    """Whether a value, or None for an empty cell, meets a condition."""
    if operator in BARE:
        return {"empty": value is None, "not_empty": value is not None}.get(operator.key, False)
    if value is None:
        return operator.also_empty
    value = kind.compared(value)
    if operator in DATE:
        first, end = operand
        return (first is None or first <= value) and (end is None or value < end)
    return _TESTS[operator.key](value, operand)


_TESTS = {
    "contains": lambda value, operand: operand[1] in value[1],
    "lacks": lambda value, operand: operand[1] not in value[1],
    "begins": lambda value, operand: value[1].startswith(operand[1]),
    "is": lambda value, operand: _same(value, operand),
    "is_not": lambda value, operand: not _same(value, operand),
    "less": lambda value, operand: value < operand,
    "at_most": lambda value, operand: value <= operand,
    "more": lambda value, operand: value > operand,
    "at_least": lambda value, operand: value >= operand,
    "between": lambda value, operand: operand[0] <= value <= operand[1],
    "any_of": lambda value, operand: value in operand,
    "none_of": lambda value, operand: value not in operand,
    "has_any": lambda value, operand: bool({*value} & {*operand}),
    "has_all": lambda value, operand: {*operand} <= {*value},
    "has_none": lambda value, operand: not {*value} & {*operand},
    "exactly": lambda value, operand: {*operand} == {*value},
}


def _same(value, operand):
    return value[0] == operand[0] if isinstance(value, tuple) else value == operand


def span(kind, operator, operand):
    """(from, to) of the keys, half-open, that hold all values that meet it; or None where no one range does."""
    if not kind.keyed or operator in BARE:
        return None
    if operator in DATE:
        first, end = operand
        return (kind.day_key(first) if first else "", kind.day_key(end) if end else LAST)
    match operator.key:
        case "is":
            return _point(kind.asked_key(operand))
        case "begins":
            return kind.begins(operand)
        case "any_of" if len(operand) == 1:
            return _point(kind.asked_key(operand[0]))
        case "less":
            return "", kind.asked_key(operand)
        case "at_most":
            return "", kind.asked_key(operand) + AFTER
        case "more":
            return kind.asked_key(operand) + AFTER, LAST
        case "at_least":
            return kind.asked_key(operand), LAST
        case "between":
            low, high = operand
            return kind.asked_key(low), kind.asked_key(high) + AFTER
    return None


LAST = "\U0010ffff"  # behind all keys of values


def _point(key):
    return key, key + AFTER
