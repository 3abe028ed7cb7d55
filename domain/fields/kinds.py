"""Kinds of fields: how a value is read from a form, said in words, filtered and sorted.

One kind is one file here, and its look in templates/fields/<kind>.html. Settings, lists, forms and
exports all speak through these.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from domain.fields.records import operators


class Unfit(ValueError):
    """This text can't be taken; the sentence says why."""


class Kind:
    """A kind of value. `read` takes form text, `plain` gives text for exports; None is «no value»."""

    name = ""
    filters = False  # one value of it narrows a list
    names_people = False
    long = False
    control = ""  # the type of its input, where that isn't text
    currency = ""  # the column that says of which currency its amounts are
    bulk = False  # many rows are given one value of it at once
    DAYS: tuple = ()  # (label, days from the reader's today) to choose from
    several = False  # takes a list of texts
    is_figure = False  # a number, an amount, a time: no text of it is ever a formula
    at_end = False  # a column of it ends on one line, so that its figures can be compared

    @property
    def chosen(self):
        """Whether its filter is chosen in the cells of the list, and shown above it as a chip."""
        return False

    @property
    def bulk_choices(self):
        """(text, label) of what is done to many rows, where that isn't one value for all."""
        return ()

    def read(self, text):
        """Form text → value. Refuses with Unfit and a sentence."""
        raise Unfit("This isn't written by hand.")

    def plain(self, value):
        """Value → text, for CSV, history and the log."""
        return "" if value is None else str(value)

    def exported(self, value, row):
        """Value → text of a spreadsheet's cell; `row` has what it needs besides, such as a currency."""
        return self.plain(value)

    def for_programs(self, value):
        """Value → text of one cell that programs read, where its JSON isn't one value: what `parse` takes back."""
        return self.plain(value)

    def stored(self, value):
        """Value → JSON, for history and settings; `restored` is its way back."""
        return value

    def restored(self, value):
        return value

    def bound(self, text, end):
        """One end of a range («from» or «to») out of a filter. Refuses with Unfit."""
        return self.read(text)

    def bound_text(self, value, end):
        """The text that `bound` takes back."""
        return self.plain(value)

    def within(self, node, end, value):
        """The condition that `node` lies on this side of the bound."""
        return node >= value if end == "from" else node <= value

    # --- what tables made by people ask besides ---------------------------------------------------------------

    keyed = True  # rows are ordered and found by it
    counts = False  # each row is given a number by it: domain/records/rows/numbers.py
    holds_files = False  # its cells hold files: domain/lists/attachments.py
    pointing = False  # its cells name rows of another table: kinds of domain/fields/beside/linked.py
    tells_doubles = False  # `unique_key` says what must not occur twice

    def key(self, value):
        """Text of at most 200 signs whose order as bytes of UTF-8 is the order of values, and equal for equal ones."""
        return self.plain(value)[:200]

    def unique_key(self, value):
        """What must not occur twice, or None for a kind that can't be unique."""
        return None

    def searched(self, value):
        """What a search finds it by."""
        return self.plain(value)

    def bounded(self, value):
        """The value, where it is within what the field takes: bounds.py. Refuses with Unfit."""
        return value

    def for_all(self):
        """The same kind for whoever sees all there is: what becomes of cells doesn't depend on who looks."""
        return self

    def beyond(self, field):
        """The fields behind this one that conditions can be about besides."""
        return ()

    def text(self, value):
        """The text that `read` takes back, as a form carries it."""
        stored = self.stored(value)
        return "" if stored is None else str(stored)

    def parse(self, text, form):
        """Text of a file → value, as the column's Format (formats.py) has it. Refuses with Unfit."""
        return self.read(text)

    def to_json(self, value):
        """Value → JSON, as programs get it."""
        return self.stored(value)

    def from_json(self, json):
        """The way back, strict about the type. Refuses with Unfit."""
        if not isinstance(json, str):
            raise Unfit("Send a string, or null.")
        return self.read(clean(json))

    def schema(self, writes=False):
        """What its JSON is, as JSON Schema; `writes` of what is sent. Without a value it is null."""
        return {"type": "string"}

    def compared(self, value):
        """What conditions look at."""
        return value

    @property
    def operators(self):
        """The conditions that can be asked of it: operators.py."""
        return operators.BARE

    def operand(self, operator, text):
        """What is compared with, out of a condition's text or texts. Refuses with Unfit."""
        texts = [clean(one).strip() for one in (text if isinstance(text, list | tuple) else [text])]
        wanted = {"nothing": 0, "two": 2, "several": max(1, len(texts))}.get(operator.takes, 1)
        if wanted and (len(texts) != wanted or not all(texts)):
            raise Unfit("Say what to compare with.")
        given = [self._given(operator, one) for one in texts[:wanted]]
        if operator in operators.DATE and operator not in operators.BARE:
            return operators.days(operator, given)
        return tuple(given) if operator.takes in ("two", "several") else given[0] if given else None

    def _given(self, operator, text):
        if operator.takes != "days":
            return self.asked(text)
        if (count := whole(text, 36_500)) is None:
            raise Unfit("Write a number of days, from 1 to 36,500.")
        return count

    def asked(self, text):
        """What a condition compares with, as `compared` has values. Refuses with Unfit."""
        return self.compared(self.read(text))

    def asked_key(self, operand):
        """The key of what a condition compares with."""
        return self.key(operand)

    def test(self, operator, value, operand):
        """Whether a value, or None for an empty cell, meets a condition."""
        return operators.meets(self, operator, value, operand)

    def span(self, operator, operand):
        """(from, to) of the keys, half-open, that hold all values that meet it; or None where no one range does."""
        return operators.span(self, operator, operand)


@dataclass(frozen=True)
class Field:
    """A named value of some kind."""

    name: str
    label: str
    kind: Kind
    required: bool = False
    default: Any = None
    help: str = ""
    listed: bool = True
    acted: bool = False  # only acts move it: no form and no cell changes it
    filters: bool = True  # offered as a filter, where its kind can be one
    icon: str = ""  # beside its control where there is little room
    missing: str = ""  # what is said where it is required and empty
    also: tuple[str, ...] = ()  # what files and programs may call it besides
    begins: Any = None  # what a new row has in it where nothing else was said
    facts: dict = field(default_factory=dict, hash=False, compare=False)

    def read(self, text):
        """Form text → value. Refuses with Unfit; an empty text is None, or refused when required."""
        text = [part for part in map(clean, text) if part] if isinstance(text, list | tuple) else clean(text)
        if not text or not (isinstance(text, list) or text.strip()):
            if self.required:
                raise Unfit(self.missing or f"{self.label} can't be empty.")
            return None
        return self.kind.read(text)


def integer_sent(json, sentence="Send a whole number, or null."):
    """A whole number that a program sent, as text for `read`. Refuses with Unfit."""
    if isinstance(json, bool) or not isinstance(json, int):
        raise Unfit(sentence)
    return str(json)


# NUL breaks C strings and PostgreSQL; the others are invisible and turn text around or hide in it. The
# two joiners stay: Persian and many emoji are written with them.
_INVISIBLE = dict.fromkeys(
    [0, 0xAD, 0x61C, 0xFEFF, 0x200B, 0x200E, 0x200F, *range(0x2060, 0x2065), *range(0x202A, 0x202F)]
    + [*range(0x2066, 0x2070), 0xFFFE, 0xFFFF, *range(0xFDD0, 0xFDF0)]
    + [code for code in range(1, 32) if code not in (9, 10, 13)]
    + [*range(0x7F, 0xA0), *range(0xD800, 0xE000)]
)


def clean(text):
    """Text as a person meant it, in NFC: without control, zero-width and direction-turning characters."""
    text = str(text if text is not None else "")
    if text.isascii() and text.isprintable():  # most is: said first, for `import_1m`
        return text if text.strip() else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_INVISIBLE)
    text = unicodedata.normalize("NFC", text)
    return text if any(c.isprintable() and not c.isspace() for c in text) else ""


def compatible(text):
    """The same in NFKC, for what is read or compared and not kept as written: full-width letters are letters."""
    text = clean(text)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def comparable(text):
    """The form in which names are compared: NFKC, casefolded, without outer and doubled space."""
    if isinstance(text, str) and text.isascii() and text.isprintable():  # as in `clean`
        return " ".join(text.casefold().split())
    text = compatible(text).casefold()
    return " ".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).split())


def figures(text):
    """Text with its digits as 0 to 9 and full-width signs in their usual width; «²» stays, it is no digit."""
    text = clean(text)
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(sign, "")) or _usual_width(sign) for sign in text)
    return text.strip()


def _usual_width(sign):
    return unicodedata.normalize("NFKC", sign) if "\uff01" <= sign <= "\uff5e" else sign


def integer(text):
    """A typed whole number; ValueError for what is none, also for what only Python takes for one (1_000)."""
    text = figures(text).replace("−", "-")
    if "_" in text or len(text) > 20:
        raise ValueError("no whole number")
    return int(text)


def code_digits(text):
    """The digits of a typed code as 0 to 9, in whichever script they were typed; the rest goes."""
    return re.sub(r"[^0-9]", "", figures(clean(text)[:40]))


def whole(text, most=2**31 - 1):
    """A row's number out of text, or None: `isdigit` alone would let «²» through."""
    text = str(text or "")
    if text.isascii() and text.isdigit() and len(text) <= 15 and 0 < int(text) <= most:
        return int(text)
    return None
