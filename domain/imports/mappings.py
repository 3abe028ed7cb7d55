"""Which column of a file goes into which field, how its texts are read, and what tells that a row is there already."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from database.clock import local, now
from domain import Invalid
from domain.fields.choice import Choice
from domain.fields.kinds import Unfit, clean, comparable
from domain.fields.records import formats
from domain.fields.records.option import Options
from domain.fields.text import Text
from domain.imports import additions, reading, targets

ID = "id"  # the column that has our own numbers of rows
MODES = (("both", "New rows and changes"), ("new", "Only new rows"), ("change", "Only changes"))
EMPTIES = (("leave", "Leave what is there"), ("empty", "Empty the field too"))
WORDS = 100  # different unknown words that are listed
TEXTS = 1000  # different texts of a column by which it is judged


@dataclass
class Column:
    """A column of a file as its page shows it."""

    place: int
    name: str
    examples: list
    texts: list
    said: list
    goes: Any = None  # the Field that it goes into
    form: Any = None
    questions: list = field(default_factory=list)  # also those that are answered
    open: list = field(default_factory=list)
    words: list = field(default_factory=list)  # (text, how often, chosen) of a choice that has no such word
    more_words: int = 0
    takes_words: bool = False  # words can be added to its field
    left_alone: str = ""  # why it goes nowhere, where it is called as a field that nobody writes


def headers(columns):
    """A hash of what the columns are called, by which a mapping is remembered."""
    return hashlib.sha256("\n".join(sorted(map(comparable, columns))).encode()).hexdigest()


def fields_of(listing):
    """The fields that a column may go into."""
    return tuple(listing.written)


def propose(listing, columns, remembered=None, rows=None):
    """A mapping: as it was for such a file before, else by what columns and fields are called.

    Where `rows` of the file are given, a column without a field is to become one.
    """
    known = dict(zip(remembered["columns"], remembered["fields"], strict=False)) if remembered else {}
    names = {f.name for f in fields_of(listing)} | {ID}
    by_word = {comparable(word): f.name for f in fields_of(listing) for word in f.also}
    by_word |= {comparable(word): f.name for f in fields_of(listing) for word in (f.name, f.label)} | {ID: ID}
    fields: list[str] = []
    for name in columns:
        goes = known.get(name, by_word.get(comparable(name), ""))
        fields.append(goes if goes in names and goes not in fields else "")
    adds = []
    if rows is not None and listing.first not in fields and not fields[0] and isinstance(listing.written[0].kind, Text):
        fields[0] = listing.first  # what rows are called by stands first
    follows = {comparable(word) for f in listing.fields for word in (f.name, f.label)}  # what no import writes
    for place, name in enumerate(columns) if rows is not None else ():
        if not fields[place] and name not in known and comparable(name) not in follows:
            texts = [cells[place] for _, cells in rows if place < len(cells)]
            named = targets.builder(listing.name).kind_of(name)
            fields[place] = additions.name(place, additions.kind_of_values(name, texts, named))
        adds.append(str(place))
    kept = {
        name: remembered[name] for name in ("formats", "words", "mode", "empties") if remembered and name in remembered
    }
    key = [name for name in (remembered or {}).get("key", []) if name in fields] or ([ID] if ID in fields else [])
    return (
        {"formats": {}, "words": {}, "mode": "both", "empties": "leave", "told": False, "whole": False}
        | {"adds": adds, "made": {}}
        | kept
        | {
            "fields": fields,
            "columns": list(columns),
            "key": key,
        }
    )


def left_alone(listing, columns, fields):
    """place of a column → a sentence, of those that go nowhere and are called as a field that nobody writes."""
    theirs = {
        comparable(word): f for f in listing.fields if f not in listing.written for word in (f.label, f.name, *f.also)
    }
    found = {}
    for place, (name, goes) in enumerate(zip(columns, fields, strict=False)):
        if not goes and (f := theirs.get(comparable(name))):
            found[place] = f"“{name}” isn't imported: {_why_left(f)}."
    return found


def _why_left(field):
    if field.kind.counts:
        return "each row is given its own"
    if field.kind.holds_files:
        return "files don't come in a table"
    return "this table's rows point to nothing there" if field.kind.pointing else "it is worked out here"


def understood(listing, columns, form, builds=False):
    """A mapping out of a form; `builds`: also one that adds to the table. Refuses with Invalid what can't be."""
    names = {f.name for f in fields_of(listing)} | {ID}
    fields = [form.get(f"to_{place}", "") for place in range(len(columns))]
    fields = [
        name
        if name in names or (builds and (kind := additions.kind_of(name)) and name == additions.name(place, kind))
        else ""
        for place, name in enumerate(fields)
    ]
    problems = {}
    for place, name in enumerate(fields):
        if name and fields.index(name) < place:
            problems[f"to_{place}"] = f"“{columns[fields.index(name)]}” goes there already."
    if not any(name for name in fields if name != ID):
        problems["form"] = "Choose for at least one column where it goes."
    formatted: dict = {}
    words: dict = {}
    for name in form:
        kind, _, rest = name.partition("_")
        place, _, part = rest.partition("_")
        if kind == "format" and place.isdecimal() and form[name]:
            formatted.setdefault(place, {})[part] = _part(form, name, part)
        if kind == "said" and place.isdecimal() and part.isdecimal():
            words.setdefault(place, {})[comparable(form[name])[:200]] = form.get(f"word_{place}_{part}", "")[:60]
    key = [name for name in dict.fromkeys(form.getlist("key")) if name]
    if any(name not in fields or additions.kind_of(name) for name in key):
        problems["key"] = "Choose as key only fields that a column goes into."
    if problems:
        raise Invalid(problems)
    return {
        "fields": fields,
        "columns": list(columns),
        "formats": formatted,
        "words": words,
        "key": key,
        "mode": _one_of(form.get("mode"), MODES),
        "empties": _one_of(form.get("empties"), EMPTIES),
        "told": form.get("told") == "1",
        "whole": form.get("whole") == "1",
        "adds": [str(place) for place in range(len(columns)) if builds and form.get(f"adds_{place}") == "1"],
        "made": {},
    }


def _part(form, name, part):
    if part in ("yes", "no"):
        return [comparable(word)[:60] for word in form.getlist(name)]
    return form[name] == "True" if form[name] in ("True", "False") else form[name][:60]


def _one_of(text, choices):
    return text if text in [key for key, _ in choices] else choices[0][0]


def check_required(listing, mapping):
    """Refuse with Invalid a mapping by which no new row could be made."""
    if mapping["mode"] == "change":
        if not mapping["key"]:
            raise Invalid({"key": "Choose by what rows are found that are to be changed."})
        return
    lacking = [
        f.label
        for f in fields_of(listing)
        if f.required and f.default is None and f.begins is None and f.name not in mapping["fields"]
    ]
    if lacking:
        said = f"New rows need {', '.join(lacking)}: choose which column goes there, or bring in only changes."
        raise Invalid({"form": said})


# --- what a column holds --------------------------------------------------------------------------------------


def columns(listing, found, mapping):
    """The columns of a Look as their page shows them, with what is open about each."""
    by_name = {f.name: f for f in fields_of(listing)}
    alone = left_alone(listing, found.columns, mapping["fields"])
    shown = []
    for place, name in enumerate(found.columns):
        texts = [cells[place] for _, cells in found.rows if place < len(cells) and cells[place].strip()]
        column = Column(
            place, name, list(dict.fromkeys(texts))[:3], texts, reading.damage(texts), left_alone=alone.get(place, "")
        )
        _fill(column, by_name.get(mapping["fields"][place] if place < len(mapping["fields"]) else ""), mapping)
        shown.append(column)
    return shown


def _fill(column, goes, mapping):
    column.goes = goes
    if goes is None:
        return
    given = mapping["formats"].get(str(column.place), {})
    written = [text for text in column.texts if not isinstance(text, reading.Neutral)]
    texts = list(dict.fromkeys(written))[:TEXTS]
    column.questions = formats.decide(goes.kind, texts)[1]
    column.form, column.open = formats.decide(goes.kind, texts, given)
    column.takes_words = isinstance(goes.kind, Options)
    if isinstance(goes.kind, Choice) or (isinstance(goes.kind, Options) and not goes.kind.several):
        chosen = mapping["words"].get(str(column.place), {})
        unknown = Counter(text for text in column.texts if not fits(goes.kind, text, column.form))
        ranked = unknown.most_common()
        column.words = [(text, count, chosen.get(comparable(text)[:200], "")) for text, count in ranked[:WORDS]]
        column.more_words = max(0, len(ranked) - WORDS)


def fits(kind, text, form):
    """Whether a kind takes a text."""
    try:
        kind.parse(clean(text), form)
    except Unfit:
        return False
    return True


def decided(listing, found, mapping):
    """The mapping with the format of each column as it is decided, for the job that reads the file.

    Refuses with Invalid where a column has a question that nobody has answered.
    """
    shown = columns(listing, found, mapping)
    unanswered = {f"format_{c.place}_{q.part}": "Answer this first." for c in shown for q in c.open if q.part != "yes"}
    if unanswered:
        raise Invalid(unanswered)
    zone = str(local(now()).tzinfo)  # of times that name none: the clock of whoever maps, not of the job
    here = zone if "/" in zone else "UTC"
    kept = {str(c.place): c.form.but(zone=c.form.zone or here).kept() for c in shown if c.form is not None}
    return mapping | {"formats": kept}
