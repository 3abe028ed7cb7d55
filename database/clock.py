"""The one present moment, and calendar months counted from a moment."""

import calendar
from datetime import UTC, datetime


def _system_clock():
    return datetime.now(UTC)


_clock = _system_clock


def now():
    """The one present moment, aware and in UTC."""
    return _clock()


def set_clock(clock=None):
    """Tests hold the clock; None lets it go again."""
    global _clock
    _clock = clock or _system_clock


def month_of(moment):
    """When the moment's month began, in UTC."""
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def next_month(moment):
    """When the month after the moment's begins, in UTC."""
    return months_after(month_of(moment), 1)


def months_after(moment, months, day=None):
    """So many calendar months later, on the same day (or on `day`), or on the month's last where it has none such."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(day or moment.day, calendar.monthrange(year, month)[1]))
