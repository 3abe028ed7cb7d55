from dataclasses import dataclass
from datetime import date

from domain.fields.kinds import Kind, Unfit


@dataclass(frozen=True)
class Day(Kind):
    """A day without a time."""

    name = "day"

    def read(self, text):
        try:
            value = date.fromisoformat(text.strip())
        except ValueError:
            raise Unfit("Write a day as 2026-12-31.") from None
        if not 1900 <= value.year <= 2200:
            raise Unfit("Choose a year between 1900 and 2200.")
        return value

    def stored(self, value):
        return value.isoformat() if value else None

    def restored(self, value):
        return date.fromisoformat(value) if value else None
