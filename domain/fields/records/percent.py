from dataclasses import dataclass
from decimal import Decimal

from domain.fields.kinds import Unfit, clean
from domain.fields.records.exact import Exact, grouped, number, plain


@dataclass(frozen=True)
class Percent(Exact):
    """A share, kept as the fraction: 15 % is 0.15. People write and read the 15."""

    name = "percent"

    def read(self, text):
        value = number(bare(text))
        if self.places is not None and -value.as_tuple().exponent > self.places:
            raise Unfit(f"{self.places} places at most behind the point.")
        return self.bounded(_shifted(value, -2))

    def asked(self, text):
        return _shifted(number(bare(text)), -2)

    def parse(self, text, form):
        """With its sign as it stands; without one as the column has it."""
        typed = bare(text)
        value = number(typed, form.decimal)
        is_shifted = typed != clean(text[:200]).strip() or form.is_percent
        return self.bounded(_shifted(value, -2) if is_shifted else value)

    def text(self, value):
        return "" if value is None else plain(_shifted(value, 2))

    def plain(self, value):
        return "" if value is None else f"{plain(_shifted(value, 2))} %"

    def shown(self, value):
        return f"{grouped(_shifted(value, 2), self.places)} %"


def bare(text):
    """The text without its sign of percent."""
    text = clean(text[:200]).strip()
    return text.removesuffix("%").removesuffix("٪").strip()


def _shifted(value, places):
    return Decimal(plain(value.scaleb(places)))
