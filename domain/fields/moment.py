import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from database.clock import local, now
from domain.fields.bounds import Bounded
from domain.fields.kinds import Kind, Unfit, figures
from domain.fields.records import operators


@dataclass(frozen=True)
class Moment(Bounded, Kind):
    """A point in time. Forms send UTC (the page converts from the reader's zone); a bare day is its end in UTC."""

    name = "moment"
    is_figure = True
    filters: bool = False
    past: bool = False  # when something happened, not when it is due
    clock: bool = False  # what is planned by the hour: never the day alone
    least: datetime | None = None
    most: datetime | None = None

    def read(self, text):
        return self.bounded(self._read(text))

    def _read(self, text):
        text = figures(text)
        try:
            value = datetime.fromisoformat(text)
            if len(text) <= 10:
                value = datetime.combine(value.date(), time(23, 59), UTC)
            value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=local(now()).tzinfo).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Unfit("Write a day as 2026-12-31, or a day and a time.") from None
        if not 1970 <= value.year <= 2200:
            raise Unfit("Choose a year between 1970 and 2200.")
        return value

    def bound(self, text, end):
        """A day's beginning, or of the last day its end."""
        value = self._read(text)
        if len(text.strip()) > 10:
            return value
        return value.replace(hour=0, minute=0) + timedelta(days=end == "to")

    def bound_text(self, value, end):
        return f"{value - timedelta(days=end == 'to'):%Y-%m-%d}"

    def within(self, node, end, value):
        return node >= value if end == "from" else node < value

    def plain(self, value):
        return f"{local(value):%Y-%m-%d %H:%M %Z}" if value else ""

    def exported(self, value, row):
        return local(value).isoformat(timespec="seconds") if value else ""

    def stored(self, value):
        return value.isoformat() if value else None

    def restored(self, value):
        return datetime.fromisoformat(value) if value else None

    # --- in tables made by people ------------------------------------------------------------------------------

    operators = operators.DATE

    def key(self, value):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"

    def parse(self, text, form):
        return self.bounded(form.moment(text))

    def to_json(self, value):
        return f"{value.astimezone(UTC).isoformat(timespec='seconds')[:19]}Z" if value else None

    def from_json(self, json):
        if not isinstance(json, str) or not _WITH_ZONE.search(json):
            raise Unfit("Send a moment with its zone, such as 2026-03-29T08:30:00Z.")
        return self.read(json)

    def schema(self, writes=False):
        return {"type": "string", "format": "date-time"}

    def compared(self, value):
        """The reader's day."""
        return local(value).date()

    def asked(self, text):
        return self._read(text).date() if len(text) <= 10 else local(self._read(text)).date()

    def day_key(self, day):
        return self.key(midnight(day))

    # --- in a calendar ------------------------------------------------------------------------------------------

    def on_days(self, node, part):
        return (node >= part("from")) & (node < part("end"))

    def days_asked(self, first, end):
        return {"from": midnight(first), "end": midnight(end)}


_WITH_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.ASCII)


def midnight(day):
    """When a day begins for the reader."""
    zone = local(now()).tzinfo
    return datetime.combine(day, time(), zone).astimezone(UTC)
