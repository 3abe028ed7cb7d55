from dataclasses import dataclass

from domain.fields.kinds import Kind


class Does(dict):
    """The settings of a button, as domain/records/handling/buttons.py reads them: no others are taken."""


@dataclass(frozen=True)
class Button(Kind):
    """No value at all: what is pressed on a row. Tables keep its fields apart: domain/records/handling/buttons.py."""

    name = "button"
    keyed = False
    filters = False
