from collections.abc import Callable
from dataclasses import dataclass

from domain.fields.text import Text


@dataclass(frozen=True)
class Link(Text):
    """The name of another row. `address(row)` is where its page is."""

    name = "link"
    address: Callable[[dict], str] = str
    is_outside: bool = False  # on somebody else's site, in a tab of its own
