from dataclasses import dataclass

from domain.fields.kinds import Unfit
from domain.fields.price import Price
from domain.fields.records.percent import bare


@dataclass(frozen=True)
class Share(Price):
    """A share in hundredths of a percent. Typed as the percent, with two places at most: 19, or 7.25 %."""

    name = "share"
    of: str = ""
    most: int = 10_000

    def read(self, text):
        try:
            return super().read(bare(text))
        except Unfit:
            raise Unfit(f"Write a percentage from 0 to {self.plain(self.most)}, such as 19 or 7.25.") from None

    def plain(self, value):
        return "" if value is None else f"{self.text(value).rstrip('0').rstrip('.')} %"

    def shown(self, value):
        return self.plain(value)
