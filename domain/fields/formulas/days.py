"""Days and moments in formulas: moved, cut into parts, written. Nothing here reads the clock."""

import calendar
from datetime import UTC, date, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.fields.formulas.types import Failed, Mistake

FIRST, LAST = 1, 9999


def moved(value, by):
    """A day that many days later, or a moment that many seconds later."""
    count = by
    if isinstance(by, Decimal) and by != by.to_integral_value():
        raise Failed("not a whole number of days")
    if abs(count) > 4_000_000 * (1 if isinstance(by, Decimal) else 86_400):
        raise Failed("no such day")
    try:
        return value + (timedelta(days=int(by)) if isinstance(by, Decimal) else timedelta(seconds=by))
    except OverflowError:
        raise Failed("no such day") from None


def months_later(value, count):
    """The same day so many months later; the last of a month that is shorter."""
    if count != int(count) or abs(count) > 120_000:
        raise Failed("not a whole number of months")
    months = value.year * 12 + value.month - 1 + int(count)
    year, month = months // 12, months % 12 + 1
    if not FIRST <= year <= LAST:
        raise Failed("no such day")
    return date(year, month, min(value.day, calendar.monthrange(year, month)[1]))


def day(year, month, of):
    """A date of its three numbers."""
    try:
        return date(*(int(one) for one in (year, month, of) if one == int(one)))
    except (ValueError, TypeError, OverflowError):
        raise Failed("no such day") from None


@lru_cache(maxsize=200)
def zone(name):
    """A time zone by its name. Refuses with Mistake."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # also of a folder, and of what isn't there
        raise Mistake(f'“{name[:40]}” is no time zone. Write one such as "Europe/Berlin".') from None


_SIGNS = {"YY" * 2: "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "hh": "%H", "mm": "%M"}


def written(value, form):
    """A date or moment (in UTC) as `form` says: YYYY, MM, DD, hh, mm stand for its parts."""
    value = value.astimezone(UTC) if hasattr(value, "astimezone") else value
    for signs, code in _SIGNS.items():
        part = f"{value.year:04}" if code == "%Y" else value.strftime(code)
        form = form.replace(signs, part)
    return form
