from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, integer, integer_sent


def counted(number, thing, things=""):
    """«1 credit», «1,200 credits»: a number with what it counts; `things` where that isn't `thing` and an s."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


@dataclass(frozen=True)
class Number(Kind):
    """A whole number between `least` and `most`, with its unit."""

    name = "number"
    is_figure = at_end = True
    control = "number"
    least: int = 0
    most: int = 1_000_000_000
    unit: str = ""
    signed: bool = False  # a change: more or less

    def read(self, text):
        try:
            value = integer(text)
        except ValueError:
            raise Unfit("Write a whole number.") from None
        if not self.least <= value <= self.most:
            raise Unfit(f"Choose a number from {self.least:,} to {self.most:,}.")
        return value

    def from_json(self, json):
        return self.read(integer_sent(json))

    def schema(self, writes=False):
        return {"type": "integer"} | ({"minimum": self.least, "maximum": self.most} if writes else {})

    def exported(self, value, row):
        return "" if value is None else value
