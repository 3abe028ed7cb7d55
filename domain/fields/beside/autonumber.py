"""A number that each row is given once: the row's own, and of no other row after it."""

from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, integer
from domain.fields.records import operators

MOST = 10**11


@dataclass(frozen=True)
class Autonumber(Kind):
    """A whole number from 1 on, with signs before it and as many figures as are wanted: INV-0017."""

    name = "autonumber"
    counts = True
    prefix: str = ""
    digits: int = 1
    operators = operators.NUMBER

    def read(self, text):
        """With its prefix or without. Nobody writes it by hand: for conditions, and where a text becomes one."""
        said = text.strip()
        if self.prefix and said.casefold().startswith(self.prefix.strip().casefold()):
            said = said[len(self.prefix.strip()) :]
        try:
            number = integer(said)
        except ValueError:
            raise Unfit("This is no number.") from None
        if not 0 < number < MOST:
            raise Unfit("Numbers begin with 1.")
        return number

    def plain(self, value):
        return "" if value is None else f"{self.prefix}{value:0{self.digits}}"

    text = plain

    def key(self, value):
        return f"{value:012}"

    def to_json(self, value):
        return {"number": value, "text": self.plain(value)} if value else None

    def schema(self, writes=False):
        parts = {"number": {"type": "integer"}, "text": {"type": "string"}}
        return {"type": "object", "properties": parts, "required": ["number", "text"]}

    def from_json(self, json):
        number = json.get("number") if isinstance(json, dict) else json
        if isinstance(number, bool) or not isinstance(number, int):
            raise Unfit("Send a number.")
        return self.read(str(number))
