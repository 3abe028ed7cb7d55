from dataclasses import dataclass
from datetime import UTC, datetime, time

from domain.fields.kinds import Kind, Unfit


@dataclass(frozen=True)
class Moment(Kind):
    """A point in time. Forms send UTC (the page converts from the reader's zone); a bare day ends at its end."""

    name = "moment"
    filters: bool = False

    def read(self, text):
        try:
            value = datetime.fromisoformat(text.strip())
            if len(text.strip()) <= 10:
                value = datetime.combine(value.date(), time(23, 59), UTC)
            value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise Unfit("Write a day as 2026-12-31, or a day and a time.") from None
        if not 1970 <= value.year <= 2200:
            raise Unfit("Choose a year between 1970 and 2200.")
        return value

    def plain(self, value):
        return value.strftime("%Y-%m-%d %H:%M") if value else ""

    def stored(self, value):
        return value.isoformat() if value else None

    def restored(self, value):
        return datetime.fromisoformat(value) if value else None
