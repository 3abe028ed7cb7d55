"""The kind of a new field, guessed from what it is called. Whoever adds it may choose another."""

import re

from domain.fields.records import registry

GUESSES = (
    (r"\b(mail|e-?mail)\b", "email"),
    (r"\b(phone|mobile|tel|telephone)\b", "phone"),
    (r"\b(url|website|link|homepage)\b", "url"),
    (r"\b(barcode|bar code|ean|gtin|upc)\b", "barcode"),
    (r"\bqr\b", "qrcode"),
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


def kind_of(label):
    """The name of a kind (domain/fields/records/registry.py) that fits a label; text where none does."""
    said = label.casefold()
    for pattern, kind in GUESSES:
        if kind in registry.KINDS and re.search(pattern, said):
            return kind
    return "text"
