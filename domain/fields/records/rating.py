import re
from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, figures
from domain.fields.records import operators


@dataclass(frozen=True)
class Rating(Kind):
    """So many stars of `most`."""

    name = "rating"
    is_figure = True
    most: int = 5
    filters: bool = True
    bulk: bool = True
    ranked = False
    operators = operators.NUMBER

    @property
    def words(self):
        return list(range(1, self.most + 1))

    @property
    def choices(self):
        return tuple((str(stars), "★" * stars) for stars in self.words)

    def tone(self, value):
        return "quiet"

    def read(self, text):
        """Also «★★★» and «3/5»."""
        said = figures(text[:100])
        if re.fullmatch(r"★+[☆]*", said):
            said = str(said.count("★"))
        found = re.fullmatch(rf"0*(\d{{1,2}})(?:\.0+)?(?:\s*/\s*{self.most})?", said, re.ASCII)
        if not found or not 1 <= int(found[1]) <= self.most:
            raise Unfit(f"Write a whole number from 1 to {self.most}.")
        return int(found[1])

    def key(self, value):
        return f"{value:02}"

    def schema(self, writes=False):
        return {"type": "integer"}

    def from_json(self, json):
        if isinstance(json, bool) or not isinstance(json, int):
            raise Unfit(f"Send a whole number from 1 to {self.most}.")
        return self.read(str(json))
