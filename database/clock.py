"""The one present moment, the reader's day, and calendar months counted from a moment."""

import calendar
import zoneinfo
from contextvars import ContextVar
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo


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


_zone: ContextVar[tzinfo] = ContextVar("zone", default=UTC)


def read_in(name):
    """From here on, in this request or job, times are those of a reader in the time zone of this name."""
    _zone.set(ZoneInfo(name or "UTC"))


def reader_zone():
    """The name of the reader's time zone."""
    return getattr(_zone.get(), "key", "UTC")


@cache
def time_zones():
    """The names of the zones one can choose; read from the disk when it is first asked for."""
    return tuple(sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone or zone == "UTC"))


def on_another_clock(moment, before, after):
    """The moment at which the clock of the zone `after` shows what that of `before` shows at this one, in UTC."""
    wall = moment.astimezone(ZoneInfo(before or "UTC"))
    return wall.replace(tzinfo=ZoneInfo(after or "UTC")).astimezone(UTC)


def local(moment):
    """The moment on the reader's clock."""
    return moment.astimezone(_zone.get())


def written(moment, zone):
    """A moment as a letter says it, on its reader's clock: «15 July 2026, 14:00 Berlin time»."""
    return f"{moment.astimezone(ZoneInfo(zone or 'UTC')):%-d %B %Y, %H:%M} {zone_words(zone)}"


def zone_words(zone):
    """Whose clock it is, in words: «Berlin time» of Europe/Berlin."""
    city = (zone or "UTC").rpartition("/")[2].replace("_", " ")
    return city if city == "UTC" else f"{city} time"


def written_day(moment, zone):
    """Its day on its reader's calendar: «15 July 2026»."""
    return f"{moment.astimezone(ZoneInfo(zone or 'UTC')):%-d %B %Y}"


def reader_day():
    """The reader's day."""
    return local(now()).date()


def is_past(due):
    """Whether a moment has passed, or a day is over for the reader."""
    return due < now() if isinstance(due, datetime) else isinstance(due, date) and due < reader_day()


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
