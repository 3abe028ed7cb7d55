import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from domain.fields.kinds import Kind, Unfit, clean, comparable
from domain.fields.records import operators


@dataclass(frozen=True)
class Text(Kind):
    """A line, or with `long` a paragraph, of `least` to `most` characters."""

    name = "text"
    most: int = 200
    least: int = 0
    long: bool = False
    filters: bool = False
    ours: bool = False  # a sentence of the house, which reads as its pages do, whatever name it begins with
    typed: bool = False  # its filter is typed above the list, not chosen in the cells
    pattern: str = ""  # of a code: A is a letter, 9 a figure, * either; other signs stand for themselves

    @property
    def chosen(self):
        return self.filters and not self.typed

    def read(self, text):
        text = text.strip() if self.long else " ".join(text.split())
        if self.least and not self.least <= len(text) <= self.most:
            raise Unfit(f"Write {self.least:,} to {self.most:,} characters.")
        if len(text) > self.most:
            raise Unfit(f"Keep it to {self.most:,} characters; this has {len(text):,}.")
        if self.pattern and not _form_of(self.pattern).fullmatch(text):
            raise Unfit(f"Write it like {self.pattern}: A is a letter, 9 a figure, * either.")
        return text

    def schema(self, writes=False):
        return {"type": "string"} | ({"maxLength": self.most} if writes else {})

    tells_doubles = True

    # --- in tables made by people: marks and case make no difference to what is found, figures count as numbers ---

    def parse(self, text, form):
        """As it stands, its ends trimmed; a line break within is kept, and for a longer kind."""
        text = clean(text).strip()
        if "\n" in text and not self.long:
            raise Unfit("This has several lines.")
        return self.read(text)

    def key(self, value):
        said = comparable(value)
        return f"{_natural(value, said)[:80]}\t{_short(said)}"

    def unique_key(self, value):
        return None if self.long else _short(comparable(value))

    def compared(self, value):
        return comparable(value), folded(value)

    def asked(self, text):
        return self.compared(clean(text)[: self.most])

    def asked_key(self, operand):
        return f"{natural(operand[0])[:80]}\t{_short(operand[0])}"

    def begins(self, operand):
        """The keys of what begins so: none where it ends within a number, whose length stands before it in the key."""
        start = natural(operand[1])[:80]
        return None if operand[1][-1:].isdigit() else (start, start + operators.LAST)

    @property
    def operators(self):
        return operators.LONG_TEXT if self.long else operators.TEXT


_SIGNS = {"A": "[A-Za-z]", "9": "[0-9]", "*": "[A-Za-z0-9]"}


@lru_cache(maxsize=500)
def _form_of(pattern):
    return re.compile("".join(_SIGNS.get(sign) or re.escape(sign) for sign in pattern))


def folded(text):
    """Text as it is looked for: without case and marks, in their usual width, with single spaces."""
    text = comparable(text)
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    plain = "".join(sign for sign in parts if unicodedata.category(sign) != "Mn")
    return unicodedata.normalize("NFC", " ".join(plain.casefold().split()))


def natural(text):
    """Text as it is ordered: folded, with each run of figures behind its length, so that A2 comes before A10."""
    return _FIGURES.sub(_with_length, folded(text[:1000]))


def _natural(text, said):
    """The same where it is known how the text is compared."""
    return _FIGURES.sub(_with_length, said) if said.isascii() and len(text) <= 1000 else natural(text)


_FIGURES = re.compile(r"[0-9]+")


def _with_length(run):
    figures = run[0].lstrip("0") or "0"
    return f"{len(figures):03}{figures}"


def _short(text):
    """A text, or its beginning with a sum that stands for the rest."""
    return text if len(text) <= 80 else text[:60] + hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Name(Text):
    """What somebody or something is called. It stands in letters to people who never asked: it advertises nothing.
    Nor does it look like one that was looked at (domain/support/verifications.py)."""

    def read(self, text):
        if found := set(text) & set(MARKS):
            raise Unfit(f"Leave out “{found.pop()}”: it marks names that somebody here has looked at.")
        if _LINK.search(name := super().read(text)):
            raise Unfit("Write a name without links.")
        return name


MARKS = "✓✔☑✅🗸🗹"
_LINK = re.compile(r"://|www\.|\w\.\w+/", re.I)


@dataclass(frozen=True)
class Secret(Text):
    """What is typed once, kept sealed and never shown: a key."""

    control = "password"

    def read(self, text):
        text = super().read(text)
        if not text.isascii() or " " in text:
            raise Unfit("This is no key: it has signs that no key has.")
        return text


@dataclass(frozen=True)
class Named(Text):
    """What somebody is called, shown with their picture."""

    name = "named"
