from dataclasses import dataclass

from domain.fields.text import Text


@dataclass(frozen=True)
class Code(Text):
    """A name that machines use: an id, a key."""

    name = "code"
