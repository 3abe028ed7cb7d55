import re
from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit


@dataclass(frozen=True)
class Text(Kind):
    """A line, or with `long` a paragraph, of `least` to `most` characters."""

    name = "text"
    most: int = 200
    least: int = 0
    long: bool = False
    filters: bool = False
    typed: bool = False  # its filter is typed above the list, not chosen in the cells

    @property
    def chosen(self):
        return self.filters and not self.typed

    def read(self, text):
        text = text.strip() if self.long else " ".join(text.split())
        if self.least and not self.least <= len(text) <= self.most:
            raise Unfit(f"Write {self.least:,} to {self.most:,} characters.")
        if len(text) > self.most:
            raise Unfit(f"Keep it to {self.most:,} characters; this has {len(text):,}.")
        return text


@dataclass(frozen=True)
class Name(Text):
    """What somebody or something is called. It stands in letters to people who never asked: it advertises nothing."""

    def read(self, text):
        if _LINK.search(name := super().read(text)):
            raise Unfit("Write a name without links.")
        return name


_LINK = re.compile(r"://|www\.|\w\.\w+/", re.I)


@dataclass(frozen=True)
class Named(Text):
    """What somebody is called, shown with their picture."""

    name = "named"
