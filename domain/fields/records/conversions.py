"""What becomes of a field's cells when it becomes another kind: which ways are offered, and each cell's way.

Nothing is lost: what doesn't fit stays as words, and what a conversion drops (a time, a currency, a second option)
is kept as words beside the value.
"""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from database.clock import local, now
from domain.fields.kinds import Unfit
from domain.fields.person import emails
from domain.fields.records import formats, registry
from domain.fields.records.amount import Amount
from domain.fields.records.duration import UNITS
from domain.fields.records.leftover import LeftOver

KEEP, READ, ASK, NO = "keep", "read", "ask", "no"  # all keep · each is read · after a question · not offered

_ANY = (
    "text long_text number money percent yes_no choice choices day moment duration person people email phone url "
    "qrcode barcode rating link links autonumber"
)
BESIDE = ("autonumber", "files", "button", *registry.COMPUTED)  # what another kind becomes only where that is said
_WAYS = {
    "text": {
        KEEP: "long_text",
        READ: "person people email phone url qrcode barcode rating link links autonumber",
        ASK: "*",
    },
    "long_text": {READ: "person people email phone url qrcode barcode rating link links", ASK: "*"},
    "number": {
        KEEP: "text long_text",
        READ: "yes_no phone day qrcode barcode rating autonumber",
        ASK: "money percent choice choices duration",
    },
    "money": {KEEP: "text long_text", ASK: "number choice"},
    "percent": {KEEP: "text long_text", ASK: "number choice"},
    "yes_no": {KEEP: "text long_text number", ASK: "choice choices"},
    "choice": {
        KEEP: "text long_text choices",
        READ: "person people email phone url qrcode barcode rating link links",
        ASK: "*",
    },
    "choices": {KEEP: "text long_text", READ: "people links", ASK: "choice"},
    "day": {KEEP: "text long_text", ASK: "moment choice"},
    "moment": {KEEP: "text long_text", ASK: "day choice"},
    "duration": {KEEP: "text long_text", ASK: "number"},
    "person": {KEEP: "text long_text people email", ASK: "choice choices"},
    "people": {KEEP: "text long_text", READ: "person", ASK: "choices"},
    "email": {KEEP: "text long_text", READ: "person people url", ASK: "choice choices"},
    "phone": {KEEP: "text long_text", READ: "number", ASK: "choice choices"},
    "url": {KEEP: "text long_text", READ: "email qrcode barcode", ASK: "choice choices"},
    "qrcode": {KEEP: "text long_text", READ: "number email phone url barcode autonumber", ASK: "choice choices"},
    "barcode": {KEEP: "text long_text qrcode", READ: "number email phone url autonumber", ASK: "choice choices"},
    "rating": {KEEP: "text long_text number", ASK: "choice choices"},
    "files": {KEEP: "text long_text"},
    "autonumber": {KEEP: "text long_text number", READ: "qrcode barcode"},
    "link": {KEEP: "text long_text links", READ: "person people email phone url", ASK: "number choice choices"},
    "links": {KEEP: "text long_text", READ: "link people", ASK: "choices"},
}
INSTEAD = "Make a field of that kind besides, and put this one away when it is filled."


def way(kind, other):
    """How a field of one kind (registry.py's name) becomes another: KEEP, READ, ASK or NO."""
    if kind == other:
        return READ  # other settings: fewer places, another currency
    ways = _WAYS.get(kind, {})
    named = next((how for how, names in ways.items() if other in names.split()), None)
    return named or (ASK if ways.get(ASK) == "*" and other not in BESIDE else NO)


def offered(kind):
    """The kinds that a field of this kind can become."""
    return [other for other in _ANY.split() if other != kind and way(kind, other) != NO]


@dataclass(frozen=True)
class Cell:
    """What a cell becomes: a value, or words left over; `beside` are words that the value dropped."""

    value: object = None
    beside: str = ""


def convert(kind, other, value, form=formats.Format()):  # noqa: B008  it is frozen
    """A cell of one kind as one of another. Never refuses: what doesn't fit is left over."""
    if value is None:
        return Cell()
    kind, other = kind.for_all(), other.for_all()
    if kind.name == "text" and kind == other:
        return Cell(value)
    if isinstance(value, LeftOver):
        return Cell(_parsed(other, str(value), form))
    try:
        special = _SPECIAL.get((kind.name, other.name))
        if special and (made := special(kind, other, value, form)) is not None:
            made = made if isinstance(made, Cell) else Cell(made)
            return Cell(other.bounded(made.value), made.beside)
    except Unfit:
        return Cell(LeftOver(kind.plain(value)))
    return Cell(_parsed(other, kind.plain(value), form))


def _parsed(other, words, form):
    try:
        return other.parse(words, form) if words.strip() else None
    except Unfit:
        return LeftOver(words)


def _checked(other, value):
    """A number within the bounds of another kind. Refuses with Unfit."""
    return other.from_json(value)


def _line(kind, other, value, form):
    """Line breaks become spaces; the text as it was stays beside."""
    return Cell(other.read(value), value) if "\n" in value else None


def _day_as_moment(kind, other, value, form):
    hour, _, minute = (form.hour or "0:00").partition(":")
    zone = ZoneInfo(form.zone) if form.zone else local(now()).tzinfo
    return formats.placed(datetime.combine(value, time(int(hour), int(minute or 0))), zone)


def _moment_as_day(kind, other, value, form):
    there = value.astimezone(ZoneInfo(form.zone)) if form.zone else local(value)
    return Cell(there.date(), there.isoformat(timespec="seconds"))


def _seconds(kind, other, value, form):
    seconds = value * UNITS[form.unit or "min"]
    if seconds != int(seconds):
        raise Unfit("Write whole seconds.")
    return other.from_json(int(seconds))


def _in_units(kind, other, value, form):
    count = Decimal(value) / UNITS[form.unit or "min"]
    if count != round(count, 6):  # a third of an hour stays as words
        raise Unfit("This has no end behind the point.")
    return round(count, 6)


def _first(kind, other, value, form):
    return value[0] if len(value) == 1 else Cell(value[0], kind.plain(value))


def _fraction(kind, other, value, form):
    return _checked(other, _plain(value.scaleb(-2) if form.is_percent else value))


def _plain(value):
    return format(value, "f")


def _relinked(kind, other, value, form):
    """Rows of the same table keep their numbers, also those that lie in the trash; of another they are read anew."""
    if kind.table != other.table:
        return None
    return value if other.takes_many or len(value) == 1 else Cell(value[:1], kind.plain(value))


_SPECIAL = {
    ("linked", "linked"): _relinked,
    ("autonumber", "autonumber"): lambda kind, other, value, form: value,
    ("autonumber", "exact"): lambda kind, other, value, form: _checked(other, value),
    ("text", "text"): _line,
    ("exact", "exact"): lambda kind, other, value, form: _checked(other, value),
    ("exact", "percent"): _fraction,
    ("percent", "exact"): lambda k, other, value, form: value.scaleb(2) if form.is_percent else value,
    **{(name, name): lambda kind, other, value, form: value for name in ("percent", "day", "moment", "duration")},
    ("exact", "amount"): lambda k, other, value, f: Amount(value, other.currency or f.currency or "EUR"),
    ("amount", "amount"): lambda k, other, value, f: Amount(value.amount, other.currency or value.currency),
    ("amount", "exact"): lambda kind, other, value, f: Cell(
        _checked(other, value.amount), "" if kind.currency else kind.plain(value)
    ),
    ("yes_no", "exact"): lambda kind, other, value, form: Decimal(int(value)),
    ("rating", "exact"): lambda kind, other, value, form: Decimal(value),
    ("options", "many_options"): lambda kind, other, value, form: (value,),
    ("many_options", "options"): _first,
    ("day", "moment"): _day_as_moment,
    ("moment", "day"): _moment_as_day,
    ("exact", "duration"): _seconds,
    ("duration", "exact"): _in_units,
    ("person", "people"): lambda kind, other, value, form: (value,),
    ("people", "person"): _first,
    ("person", "email"): lambda kind, other, value, form: other.read(emails([value]).get(value, "")),
}


def questions(kind, other, texts, given=None):
    """(Format, [Question]) of a change of kind, by what stands in the cells."""
    form, asked = formats.decide(other, texts, given) if kind.name in _WRITTEN else (formats.made(given), [])
    for one in _QUESTIONS.get((kind.name, other.name), ()):
        if one.part not in (given or {}):
            asked.append(one)
            form = form.but(**{one.part: one.answers[0][0]})
    return form, asked


_WRITTEN = ("text", "options")  # cells that somebody wrote by hand
_UNITS = formats.Question(
    "unit",
    "What is a duration counted in?",
    (("min", "minutes", "90 is 1:30"), ("h", "hours", "1.5 is 1:30"), ("s", "seconds", "5400 is 1:30")),
)
_PERCENTS = formats.Question(
    "is_percent",
    "What is 15 %?",
    ((True, "the number 15", "15"), (False, "the number 0.15", "0.15")),
)
_HOURS = formats.Question(
    "hour",
    "At what time?",
    (("0:00", "at midnight", "00:00"), ("9:00", "at nine", "09:00"), ("12:00", "at noon", "12:00")),
)
_QUESTIONS = {
    ("exact", "duration"): (_UNITS,),
    ("duration", "exact"): (_UNITS,),
    ("exact", "percent"): (_PERCENTS,),
    ("percent", "exact"): (_PERCENTS,),
    ("day", "moment"): (_HOURS,),
}
