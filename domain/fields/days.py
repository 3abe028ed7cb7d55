from dataclasses import dataclass

from domain.fields.kinds import Unfit, figures, whole
from domain.fields.text import Text


@dataclass(frozen=True)
class Days(Text):
    """A few numbers of days, from small to large: «3, 6». Each from 1 to `last`, at most `count` of them."""

    most: int = 60
    last: int = 60
    count: int = 8

    def read(self, text):
        words = super().read(figures(text)).replace(",", " ").split()
        if not all(whole(word, self.last) for word in words):
            raise Unfit(f"Write numbers from 1 to {self.last} with commas between, such as 3, 6.")
        days = sorted({int(word) for word in words})
        if not 1 <= len(days) <= self.count:
            raise Unfit(f"Write 1 to {self.count} days.")
        return ", ".join(map(str, days))


def numbers(value):
    """The days of a stored value, as whole numbers."""
    return [int(word) for word in value.split(",")]
