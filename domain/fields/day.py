from dataclasses import dataclass
from datetime import date, datetime, timedelta

from peewee import fn

from database.clock import local, now, reader_day
from database.columns import DayOrMoment
from database.parameters import parameter
from domain.fields.bounds import Bounded
from domain.fields.kinds import Kind, Unfit, figures
from domain.fields.moment import Moment, midnight
from domain.fields.records import operators


@dataclass(frozen=True)
class Day(Bounded, Kind):
    """A day without a time."""

    name = "day"
    is_figure = True
    least: date | None = None
    most: date | None = None

    def read(self, text):
        try:
            value = date.fromisoformat(figures(text))
        except ValueError:
            raise Unfit("Write a day as 2026-12-31.") from None
        if not 1900 <= value.year <= 2200:
            raise Unfit("Choose a year between 1900 and 2200.")
        return self.bounded(value)

    def stored(self, value):
        return value.isoformat() if value else None

    def restored(self, value):
        return date.fromisoformat(value) if value else None

    def schema(self, writes=False):
        return {"type": "string", "format": "date"}

    operators = operators.DATE
    tells_doubles = True

    def unique_key(self, value):
        return value.isoformat()

    def parse(self, text, form):
        return self.bounded(form.day(text))

    def asked(self, text):
        """Also a day that no cell may have."""
        return Day().read(text)

    def bound(self, text, end):
        return Day().read(text)

    def day_key(self, day):
        return day.isoformat()

    def on_days(self, node, part):
        """The condition that `node` lies on days; `part` has what stands for each part of `days_asked`."""
        return (node >= part("from")) & (node < part("end"))

    def days_asked(self, first, end):
        """Part → value: from the first day up to the one behind the last."""
        return {"from": first, "end": end}


_MOMENT = Moment()
_COLUMN = DayOrMoment()


@dataclass(frozen=True)
class Due(Kind):
    """A day, or a moment where a time is given. A time without a zone is one of the reader's."""

    name = "due"
    is_figure = True
    bulk: bool = True
    DAYS = (("Today", 0), ("Tomorrow", 1), ("In a week", 7))  # what is offered to choose, in days from today
    choices = ()

    def read(self, text):
        text = figures(text)
        if len(text) > 10:
            return _MOMENT.read(text)
        return _MOMENT.read(text).date()

    def parse(self, text, form):
        """A day, or a moment where a clock is there."""
        return form.moment(text) if ":" in text else form.day(text)

    def on_days(self, node, part):
        is_day = fn.length(node) == 10
        day = is_day & (node >= part("day")) & (node < part("day_end"))
        moment = ~is_day & (node >= part("moment")) & (node < part("moment_end"))
        return (node >= part("from")) & (node < part("end")) & (day | moment)

    def days_asked(self, first, end):
        given = {"day": first, "moment": midnight(first), "day_end": end, "moment_end": midnight(end)}
        given["from"] = min(first, midnight(first), key=_COLUMN.db_value)
        given["end"] = max(end, midnight(end), key=_COLUMN.db_value)
        return given

    def plain(self, value):
        return _MOMENT.plain(value) if isinstance(value, datetime) else value.isoformat() if value else ""

    def exported(self, value, row):
        return local(value).isoformat(timespec="seconds") if isinstance(value, datetime) else self.plain(value)

    def stored(self, value):
        return value.isoformat() if value else None

    def restored(self, value):
        if not value:
            return None
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)

    operators = operators.DATE

    def compared(self, value):
        """The reader's day."""
        return local(value).date() if isinstance(value, datetime) else value


def overdue(column):
    """The condition that `column` is over, by the parameters of `bounds`."""
    is_day = fn.length(column) == 10
    passed = (is_day & (column < parameter("due_today"))) | (~is_day & (column < parameter("due_now")))
    return (column < parameter("due_until")) & passed


def within_week(column):
    """The condition that `column` lies ahead and within seven days, by the parameters of `bounds`."""
    is_day = fn.length(column) == 10
    ahead = (is_day & column.between(parameter("due_today"), parameter("due_week_day"))) | (
        ~is_day & column.between(parameter("due_now"), parameter("due_week"))
    )
    return column.between(parameter("due_from"), parameter("due_week_end")) & ahead


def bounds():
    """Parameters of `overdue` and `within_week`: the reader's day and the present moment, as the column has them."""
    day, moment = _COLUMN.db_value(reader_day()), _COLUMN.db_value(now())
    week_day, week = _COLUMN.db_value(reader_day() + timedelta(7)), _COLUMN.db_value(now() + timedelta(7))
    ends = {"due_until": max(day, moment), "due_from": min(day, moment), "due_week_end": max(week_day, week)}
    return {"due_today": day, "due_now": moment, "due_week_day": week_day, "due_week": week} | ends
