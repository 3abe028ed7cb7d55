"""The kind of a new field, guessed from what it is called. Whoever adds it may choose another."""

import re

from domain.fields import formats, registry
from domain.fields.kinds import Unfit

GUESSES = (
    (r"\b(mail|e-?mail)\b", "email"),
    (r"\b(phone|mobile|tel|telephone)\b", "phone"),
    (r"\b(url|website|link|homepage)\b", "url"),
    (r"\b(state|status|stage|category|type|priority|kind)\b", "choice"),
    (r"\b(tags|labels)\b", "choices"),
    (r"\b(notes?|description|comment|remarks?|text|about|steps)\b", "long_text"),
    (r"\b(date|day|birthday|due|on|until|from|deadline)\b", "day"),
    (r"\b(time|at|starts?|ends?)\b", "moment"),
    (r"\b(owner|assignee|responsible|who|person)\b", "person"),
    (r"\b(price|cost|fee|budget|amount|salary|total)\b", "money"),
    (r"\b(percent|percentage|rate)\b|%", "percent"),
    (r"\b(number|count|quantity|qty|age|stock|weight|size)\b", "number"),
    (r"^(is|has|can)\b|\?$|\b(done|paid|active)\b", "yes_no"),
    (r"\b(rating|stars|score)\b", "rating"),
    (r"\b(photo|picture|image|file|files|attachment|cv)\b", "files"),
    (r"\b(duration|hours|minutes)\b", "duration"),
)


def kind_of(label, offered=None):
    """The name of a kind (domain/fields/registry.py) that fits a label, of those `offered`; text where none does."""
    said = label.casefold()
    for pattern, kind in GUESSES:
        if re.search(pattern, said) and (offered is None or kind in offered):
            return kind
    return "text"


MOSTLY = 0.95  # of the values fit a kind that is guessed by them
_LOSES = re.compile(
    r"[-+]?0\d+([.,]\d+)?|\D*(\d\D?){16,}|[-+]?[\d.,]+[eE][-+]?\d+"
)  # figures that are names: 007, card numbers, 1E5


def kind_of_values(label, texts):
    """The kind that a column's name and values fit. Figures that would lose something as a number are text."""
    texts = [text.strip() for text in texts if text and text.strip()]
    if not texts:
        return kind_of(label)
    if any("\n" in text or len(text) > 200 for text in texts):
        return "long_text"
    if any(_LOSES.fullmatch(text) for text in texts):
        return "text"
    for kind in ("yes_no", "percent", "number", "day", "moment", "email", "url"):
        if _fits(kind, texts):
            return kind
    named = kind_of(label)
    return named if named in ("choice", "phone", "person") else "text"


def _fits(kind, texts):
    made = registry.made(kind, {})
    if kind == "percent" and not all("%" in text for text in texts):
        return False
    if kind == "yes_no" and all(text in ("0", "1") for text in texts):
        return False  # as well numbers
    form, _ = formats.decide(made, texts)
    return sum(_reads(made, text, form) for text in texts) >= MOSTLY * len(texts)


def _reads(kind, text, form):
    try:
        return kind.parse(text, form) is not None
    except Unfit:
        return False
