from collections.abc import Callable
from dataclasses import dataclass

from domain.fields.kinds import Kind


@dataclass(frozen=True)
class Derived(Kind):
    """Words made of several values of a row; nothing is stored, sorted or filtered by it."""

    name = "derived"
    words: Callable[[dict], str] = str
    copied: bool = False  # whether people carry it elsewhere

    def exported(self, value, row):
        return self.words(row._asdict())
