"""The kinds that fields of people's tables can have, by the names they are kept under."""

from dataclasses import dataclass
from typing import Any

from domain.fields.day import Day
from domain.fields.moment import Moment
from domain.fields.option import Option, Options
from domain.fields.person import Person
from domain.fields.text import Text


@dataclass(frozen=True)
class Offered:
    """A kind as it is offered: what it is called, an example, a picture; `made` (its options, choices) → Kind."""

    label: str
    example: str
    icon: str
    made: Any


def _choice(_options, choices):
    return Options(
        tuple(Option(o.id, o.label, o.tone, o.api_name, o.archived_at is not None, o.merged_into_id) for o in choices)
    )


KINDS = {
    "text": Offered("Text", "Meyer & Sons", "letter-case", lambda options, _: Text(1000)),
    "long_text": Offered("Long text", "Several lines", "align-left", lambda options, _: Text(100_000, long=True)),
    "choice": Offered("Choice", "New, Open, Done", "tag", _choice),
    "day": Offered("Date", "2026-03-29", "calendar", lambda options, _: Day()),
    "moment": Offered("Date and time", "2026-03-29 14:30", "clock", lambda options, _: Moment(past=True)),
    "person": Offered("Person", "Somebody here", "user", lambda options, _: Person()),
}


def made(name, options, choices=()):
    """The kind that is kept as `name`, with its options; `choices` are the words of a choice."""
    return KINDS[name].made(options, choices)
