from dataclasses import dataclass

from domain.fields.text import Text


@dataclass(frozen=True)
class Email(Text):
    """An e-mail address, to be read; whoever takes one asks domain/base/addresses.py."""

    name = "email"
    most: int = 254
    control = "email"
