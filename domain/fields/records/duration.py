import re
from dataclasses import dataclass
from decimal import Decimal

from domain.fields.bounds import Bounded
from domain.fields.kinds import Kind, Unfit, comparable, figures
from domain.fields.records import operators
from domain.fields.records.exact import number, number_key

LONGEST = 100 * 366 * 86_400  # seconds
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_WORDS = {
    "s": ("s", "sec", "secs", "second", "seconds", "sek", "sekunden"),
    "min": ("m", "min", "mins", "minute", "minutes", "minuten", "'"),
    "h": ("h", "hr", "hrs", "hour", "hours", "std", "stunden", "stunde"),
    "d": ("d", "day", "days", "tag", "tage"),
}
_UNIT_OF = {word: unit for unit, words in _WORDS.items() for word in words}
_CLOCK = re.compile(r"(-?)(\d{1,7}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_PART = re.compile(r"(\d[\d.,]*)\s*([^\W\d]+|')", re.ASCII)


@dataclass(frozen=True)
class Duration(Bounded, Kind):
    """How long something takes, in whole seconds: 1:30 is an hour and a half, and so are 90 min and 1.5 h."""

    name = "duration"
    is_figure = at_end = True
    least: int | None = None  # seconds
    most: int | None = None
    operators = operators.NUMBER

    def read(self, text):
        return self.bounded(self.asked(text))

    def asked(self, text):
        return self._read(text, "", is_short=False)

    def parse(self, text, form):
        """`form.unit` is what a bare number counts, `form.is_short` whether 1:30 are minutes and seconds."""
        return self.bounded(self._read(text, form.unit, form.is_short))

    def _read(self, text, unit, is_short):
        text = figures(text[:100]).replace("−", "-")
        if found := _CLOCK.fullmatch(text):
            sign, first, second, third = found.groups()
            size = (1, 60)[is_short is False or third is not None]
            seconds = (int(first) * 60 + int(second)) * size + int(third or 0)
            return self._whole(Decimal(-seconds if sign else seconds))
        sign, parts = text.startswith("-"), comparable(text).lstrip("-").strip()
        counts = _PART.findall(parts)
        if counts and not _PART.sub("", parts).strip(" ,") and all(word in _UNIT_OF for _, word in counts):
            seconds = sum(number(count) * UNITS[_UNIT_OF[word]] for count, word in counts)
        elif unit and not counts:
            seconds = number(parts) * UNITS[unit]
        else:
            raise Unfit("Write how long as 1:30, 90 min or 1.5 h.")
        return self._whole(-seconds if sign else seconds)

    def _whole(self, seconds):
        if seconds != int(seconds):
            raise Unfit("Write whole seconds.")
        if abs(seconds) > LONGEST:
            raise Unfit("At most a hundred years.")
        return int(seconds)

    def plain(self, value):
        if value is None:
            return ""
        minutes, seconds = divmod(abs(value), 60)
        text = f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
        return f"-{text}" if value < 0 else text

    def text(self, value):
        return self.plain(value)

    def shown(self, value):
        return self.plain(value)

    def key(self, value):
        return number_key(Decimal(value))

    def schema(self, writes=False):
        return {"type": "integer"}

    def from_json(self, json):
        if isinstance(json, bool) or not isinstance(json, int):
            raise Unfit("Send whole seconds as a number.")
        return self.bounded(self._whole(json))
