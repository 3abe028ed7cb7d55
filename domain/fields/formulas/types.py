"""What values a formula knows, and how each is said."""

from dataclasses import dataclass, replace
from datetime import UTC
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from domain.fields.kinds import Unfit
from domain.fields.records.amount import Amounts
from domain.fields.records.duration import LONGEST, Duration
from domain.fields.records.exact import plain

DIGITS = 28
LONGEST_TEXT = 10_000
WIDE = Context(prec=DIGITS, rounding=ROUND_HALF_UP, traps=[InvalidOperation])


BEYOND = (ArithmeticError, ValueError)  # what figures and days raise for which there is no room


class Mistake(Unfit):
    """A formula that can't be taken; the sentence says what of it, and what to do."""


class Failed(Exception):
    """One row's result is an error: the words stand in its cell."""


@dataclass(frozen=True)
class Type:
    """A type of values; of money with its currency, or "" where each amount has its own."""

    name: str
    currency: str = ""

    @property
    def said(self):
        return f"{SAID[self.name]} in {self.currency}" if self.currency else SAID[self.name]


TEXT, NUMBER, PERCENT, YES_NO = Type("text"), Type("number"), Type("percent"), Type("yes_no")
DATE, MOMENT, DURATION, PERSON, MONEY = Type("date"), Type("moment"), Type("duration"), Type("person"), Type("money")
EMPTY = Type("empty")
SAID = {
    "text": "a text",
    "number": "a number",
    "percent": "a percentage",
    "money": "an amount",
    "date": "a date",
    "moment": "a date and time",
    "duration": "a duration",
    "yes_no": "yes or no",
    "person": "a person",
    "empty": "nothing",
}
FIGURES = ("number", "percent")


def together(one, other):
    """The type of what is either of two types, or None."""
    if one == other or other == EMPTY:
        return one
    if one == EMPTY:
        return other
    if one.name == other.name == "money":
        return MONEY
    return NUMBER if one.name in FIGURES and other.name in FIGURES else None


def settled(value: Decimal):
    """A number as it is kept: 28 digits, none of them further than 28 places behind the point."""
    value = WIDE.plus(value)
    if value and value.adjusted() >= DIGITS:
        raise Failed("too large")
    if value.adjusted() < -1 and int(value.as_tuple().exponent) < -DIGITS:  # of others no digit stands so far behind
        value = value.quantize(Decimal(1).scaleb(-DIGITS), ROUND_HALF_UP, context=Context(prec=2 * DIGITS + 2))
    return value


def whole_seconds(value):
    """A duration out of a count of seconds."""
    seconds = int(value.to_integral_value(ROUND_HALF_UP)) if isinstance(value, Decimal) else value
    if abs(seconds) > LONGEST:
        raise Failed("too long a time")
    return seconds


def short(text):
    """A text that isn't too long to be kept."""
    if len(text) > LONGEST_TEXT:
        raise Failed("too long")
    return text


def as_text(type, value):
    """A value as a text has it: neutral, the same for everybody. Of an empty one nothing; Failed where a field couldn't
    have it, either."""
    if value is None:
        return ""
    if type.name in FIGURES:
        value = settled(value)
        return plain(value) if type.name == "number" else f"{plain(value.scaleb(2))} %"
    if type.name == "money":
        return Amounts().plain(value._replace(amount=settled(value.amount)))
    if type.name == "moment":
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if type.name == "duration":
        return Duration().plain(value)
    return {True: "Yes", False: "No"}[value] if type.name == "yes_no" else str(value)


@dataclass(frozen=True)
class Typed:
    """A part of a formula with its type; `run` (Row of names) → its value. `text` is set of a written text."""

    type: Type
    run: Any
    text: str | None = None

    def of(self, type):
        return replace(self, type=type)
