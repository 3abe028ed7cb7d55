from dataclasses import dataclass
from decimal import Decimal

from domain.fields.kinds import Kind, Unfit, integer_sent
from domain.fields.money import digits, written
from domain.fields.records.exact import number


@dataclass(frozen=True)
class Price(Kind):
    """What something costs in a currency, 0 for nothing. Typed with its point, kept in minor units."""

    name = "price"
    is_figure = at_end = True
    keyed = False
    of: str = "EUR"
    most: int = 100_000_000  # in minor units

    def read(self, text):
        value = number(text) if text.strip() else Decimal(0)
        cents = value * 10 ** digits(self.of)
        if cents != cents.to_integral_value():
            places = digits(self.of)
            raise Unfit(f"{self.of} has {f'{places} places at most' if places else 'no places'} behind the point.")
        if not 0 <= cents <= self.most:
            raise Unfit(f"Choose an amount from 0 to {written(self.most, self.of)}.")
        return int(cents)

    def text(self, value):
        """With all its places, as a form takes it back."""
        return "" if value is None else f"{Decimal(value).scaleb(-digits(self.of)):.{digits(self.of)}f}"

    def from_json(self, json):
        """In minor units, as it is kept."""
        return self.read(self.text(int(integer_sent(json))))

    def schema(self, writes=False):
        return {"type": "integer"} | ({"minimum": 0, "maximum": self.most} if writes else {})

    def plain(self, value):
        return "" if value is None else written(value, self.of)

    def shown(self, value):
        return written(value, self.of) if value else "Free"
