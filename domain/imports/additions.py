"""What an import adds to a table that people made: fields for columns without one, words that a choice doesn't know.

Nothing of it is there before the import is done: a rehearsal reads by a listing that has it already. The name of such
a field is «new», its column's place and its kind: `new3:number`. Words are numbered from NEW_WORDS on.
"""

import re
from dataclasses import replace

from domain.fields.kinds import Field, Unfit, clean, comparable
from domain.fields.records import formats, registry
from domain.fields.records.many_options import split
from domain.fields.records.option import Option, Options
from domain.imports import targets

NEW_WORDS = 2_000_000_000
MOST_WORDS = 1000  # of one choice
_NAME = re.compile(r"new(\d{1,3}):(\w+)")


def offered(listing, by):
    """Whether whoever imports may add to this table."""
    return targets.builder(listing.name) is not None and by.may("records.build")


def name(place, kind):
    """What a new field for the column at this place is called in a mapping."""
    return f"new{place}:{kind}"


def kind_of(field):
    """The kind of the new field that a mapping names, or None for what is no such name."""
    found = _NAME.fullmatch(field)
    return found[2] if found and found[2] in registry.KINDS else None


def widened(rules, mapping):
    """The rules of a list as they are once what the mapping adds is there."""
    listing, made = rules.listing, mapping.get("made", {})
    new, wider = [], {}
    for place, field in enumerate(mapping["fields"]):
        words = made.get(str(place), ())
        if kind := kind_of(field):
            new.append(Field(field, mapping["columns"][place], with_words(registry.made(kind, {}), words)))
        elif words and (f := listing.by_name.get(field)) and isinstance(f.kind, Options):
            wider[field] = replace(f, kind=with_words(f.kind, words))
    if not new and not wider:
        return rules
    fields = (*(wider.get(f.name, f) for f in listing.fields), *new)
    version = (listing.version, tuple(f.name for f in new), tuple(sorted(wider)))
    return replace(rules, listing=replace(listing, fields=fields, version=version))


def with_words(kind, words):
    """A choice that has these new words too, behind its own."""
    if not isinstance(kind, Options) or not words:
        return kind
    first = NEW_WORDS + sum(option.id >= NEW_WORDS for option in kind.made)
    return replace(kind, made=(*kind.made, *(Option(first + n, word) for n, word in enumerate(words))))


def unknown_words(kind, text, form):
    """The words of a cell that a choice doesn't know. Refuses with Unfit what can't be a word."""
    words = split(text, form.separator or ";") if kind.several else [text.strip()]
    new = list({comparable(word): word for word in words if comparable(word) not in kind.known}.values())
    if any(len(word) > 80 or "\n" in word for word in new) or len(kind.made) + len(new) > MOST_WORDS:
        raise Unfit("This can't be a word of a choice.")
    return new


def full(listing, mapping):
    """place of a column → a sentence, of those whose choice has as many words as one may have, of these rules."""
    adds = {int(place) for place, words in mapping.get("made", {}).items() if words}
    fields = {place: listing.by_name.get(mapping["fields"][place]) for place in adds}
    said = f"has {MOST_WORDS:,} words, the most of one choice; further ones stay in their cells as words left over."
    return {place: f"{f.label} {said}" for place, f in fields.items() if f and len(f.kind.made) >= MOST_WORDS}


def add(rules, mapping, by):
    """Make what a mapping adds, within a write; returns the mapping by which it is there.

    Refuses with Forbidden or Invalid.
    """
    made, fields = mapping.get("made", {}), list(mapping["fields"])
    builder = targets.builder(rules.listing.name)
    for place, field in enumerate(fields):
        words = made.get(str(place), ())
        if kind := kind_of(field):
            fields[place] = builder.add_field(rules.listing.name, mapping["columns"][place], kind, words, by)
        elif words:
            known = rules.listing.by_name[field].kind.known
            if words := [word for word in words if comparable(word) not in known]:  # somebody may have been faster
                builder.add_words(rules.listing.name, field, words, by)
    return mapping | {"fields": fields, "made": {}, "adds": []}


# --- the kind of a column -----------------------------------------------------------------------------------------

MOSTLY = 0.95  # of the values fit a kind that is guessed by them
_LOSES = re.compile(r"[-+]?0\d+([.,]\d+)?|\D*(\d\D?){16,}|[-+]?[\d.,]+[eE][-+]?\d+")  # names: 007, card numbers, 1E5
_BY_VALUES = ("yes_no", "percent", "number", "day", "moment", "email", "url")
_BY_NAME = ("choice", "choices", "phone", "person", "money")


def kind_of_values(label, texts, named="text"):
    """The kind that a column's values fit, or by its name is `named`. Figures that would lose something are text."""
    texts = [text.strip() for text in texts if text and text.strip()]
    if not texts:
        return named
    if any("\n" in text or len(text) > 200 for text in texts):
        return "long_text"
    if any(_LOSES.fullmatch(text) for text in texts):
        return "text"
    for kind in _BY_VALUES:
        if _fits(kind, texts):
            return kind
    if named in ("choice", "choices"):  # words that come again are some to choose from
        return named if len({comparable(text) for text in texts}) <= max(10, len(texts) / 2) else "text"
    return named if named in _BY_NAME and _fits(named, texts) else "text"


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
        return kind.parse(clean(text), form) is not None
    except Unfit:
        return False
