"""The kinds that fields of people's tables can have, by the names they are kept under."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from database.clock import local
from domain.fields.barcode import Barcode, QrCode
from domain.fields.beside.autonumber import Autonumber
from domain.fields.beside.button import Button
from domain.fields.beside.files import Files
from domain.fields.beside.linked import Linked
from domain.fields.day import Day
from domain.fields.email import Usable
from domain.fields.kinds import Unfit, clean, whole
from domain.fields.moment import Moment, midnight
from domain.fields.money import CURRENCIES
from domain.fields.person import Person
from domain.fields.records.amount import Amounts
from domain.fields.records.duration import Duration
from domain.fields.records.exact import Exact
from domain.fields.records.many_options import ManyOptions
from domain.fields.records.option import Option, Options
from domain.fields.records.people import People
from domain.fields.records.percent import Percent
from domain.fields.records.phone import Phone
from domain.fields.records.rating import Rating
from domain.fields.records.url import Url
from domain.fields.records.yes_no import YesNo
from domain.fields.text import Text
from models import Collection


@dataclass(frozen=True)
class Offered:
    """A kind as it is offered: what it is called, an example, a picture; `made` (its options, choices) → Kind."""

    label: str
    example: str
    icon: str
    made: Any


def _options(choices):
    return tuple(
        Option(o.id, o.label, o.tone, o.api_name, o.archived_at is not None, o.merged_into_id) for o in choices
    )


def _bounds(options, read):
    """The bounds among the options of a kind, as `read` makes them of texts."""
    return {end: read(options[end]) for end in ("least", "most") if options.get(end) not in (None, "")}


def _exact(kind):
    def made(options, _choices):
        return kind(places=options.get("places"), unit=options.get("unit", ""), **_bounds(options, kind().asked))

    return made


def _text(options, most, **more):
    ends = options.get("most", most), options.get("least", 0)
    return Text(*ends, pattern=options.get("pattern", ""), **more)


def _day(options, _choices):
    return Day(**_bounds(options, date.fromisoformat))


def _money(options, _choices):
    return Amounts(options.get("currency", ""), **_bounds(options, Decimal))


def _moment(options, _choices):
    return Moment(past=True, **_bounds(options, datetime.fromisoformat))


def _duration(options, _choices):
    return Duration(**_bounds(options, Duration().asked))


def _autonumber(options, _choices):
    return Autonumber(options.get("prefix", ""), options.get("digits", 1))


def _linked(takes_many):
    return lambda options, _choices: Linked(
        table=options.get("table", 0), takes_many=takes_many, tells_doubles=not takes_many
    )


COMPUTED = ("formula", "lookup", "rollup")  # kinds that nobody writes: domain/records/computed
UNWRITTEN = (*COMPUTED, "button")  # and those whose cells nobody writes
RESULTS = {  # what a formula gives (domain/fields/formulas/types.py) → the kind of its cells
    **{"text": "text", "number": "number", "percent": "percent", "money": "money", "date": "day", "moment": "moment"},
    **{"duration": "duration", "yes_no": "yes_no", "person": "person"},
}


def gives(options):
    """The kind, by its name here, of what a formula with these options gives."""
    return RESULTS[options.get("gives", "text")]


def plain(kind, options):
    """The kind that cells of a field have: of one that is worked out, what it gives."""
    return gives(options) if kind in COMPUTED else kind


def _computed(options, _choices):
    if (kind := gives(options)) == "text":
        return Text(10_000)
    return KINDS[kind].made({name: options[name] for name in ("places", "currency") if name in options}, ())


KINDS = {
    "text": Offered("Text", "Meyer & Sons", "letter-case", lambda options, _: _text(options, 1000)),
    "long_text": Offered(
        "Long text", "Several lines", "align-left", lambda options, _: _text(options, 100_000, long=True)
    ),
    "number": Offered("Number", "1250.5", "hash", _exact(Exact)),
    "money": Offered("Money", "€1,250.50", "coin", _money),
    "percent": Offered("Percent", "15 %", "percentage", _exact(Percent)),
    "yes_no": Offered("Yes or no", "Yes", "toggle-left", lambda options, _: YesNo()),
    "choice": Offered("Choice", "New, Open, Done", "tag", lambda _, choices: Options(_options(choices))),
    "choices": Offered("Several choices", "Red; Large", "tags", lambda _, choices: ManyOptions(_options(choices))),
    "day": Offered("Date", "2026-03-29", "calendar", _day),
    "moment": Offered("Date and time", "2026-03-29 14:30", "clock", _moment),
    "duration": Offered("Duration", "1:30", "hourglass", _duration),
    "person": Offered("Person", "Somebody here", "user", lambda options, _: Person()),
    "people": Offered("Several people", "Ada; Ben", "users", lambda options, _: People()),
    "email": Offered("E-mail", "ada@example.org", "mail", lambda options, _: Usable(in_small=True)),
    "phone": Offered("Phone", "+49 30 1234", "phone", lambda options, _: Phone(country=options.get("country", ""))),
    "url": Offered("Web address", "https://example.org", "link", lambda options, _: Url()),
    "qrcode": Offered("QR code", "Any text, for cameras", "qrcode", lambda options, _: QrCode()),
    "barcode": Offered("Bar code", "4006381333931", "barcode", lambda options, _: Barcode()),
    "rating": Offered("Rating", "★★★", "star", lambda options, _: Rating(options.get("most", 5))),
    "link": Offered("Link", "One row of another table", "table", _linked(False)),
    "files": Offered("Files", "A picture, a contract", "file", lambda options, _: Files()),
    "autonumber": Offered("Number of the row", "INV-0017", "hash", _autonumber),
    "links": Offered("Several links", "Rows of another table", "stack-2", _linked(True)),
    "formula": Offered("Formula", "{Price} * {Count}", "math-function", _computed),
    "lookup": Offered("Look-up", "A field of a linked row", "eye", _computed),
    "rollup": Offered("Roll-up", "The sum of linked rows", "sum", _computed),
    "button": Offered("Button", "Done, Send back", "click", lambda options, _: Button()),
}


def made(name, options, choices=()):
    """The kind that is kept as `name`, with its options; `choices` are the words of a choice."""
    return KINDS[name].made(options or {}, choices)


def _ends(least, most):
    return ("least", least), ("most", most)


OPTIONS = {  # kind → (name, what it is called) of what can be set
    "text": (
        ("least", "Characters at least"),
        ("most", "Characters at most"),
        ("pattern", "Form of a code, such as AA-9999: A is a letter, 9 a figure, * either"),
    ),
    "long_text": (("most", "Characters at most"),),
    "number": (
        PLACES := ("places", "Places behind the point"),
        ("unit", "Unit"),
        *(ENDS := _ends("At least", "At most")),
    ),
    "day": (DAYS := _ends("Not before", "Not after")),
    "moment": DAYS,
    "duration": ENDS,
    "percent": (PLACES, *ENDS),
    "money": (("currency", "Currency, such as EUR; empty: each cell's own"), *ENDS),
    "phone": (("country", "Country of numbers without a prefix, such as DE"),),
    "rating": (("most", "Stars"),),
    "autonumber": (("prefix", "Signs before it, such as INV-"), ("digits", "Figures at least")),
    "link": (
        TABLE := ("table", "Table that it links to"),
        BACK := ("back", "What that table calls the rows that link to it"),
    ),
    "links": (TABLE, BACK),
}
NEEDED = {"link": ("table",), "links": ("table",)}  # settings that a kind isn't made without


def read_options(name, texts):
    """Settings of a kind out of texts, those it has. Refuses with Unfit."""
    read = {}
    for option, _ in OPTIONS.get(name, ()):
        text = clean(str(texts.get(option) if texts.get(option) is not None else "")).strip()
        if text:
            read[option] = (_READ_FOR.get((name, option)) or _READ[option])(text)
        elif option in NEEDED.get(name, ()):
            raise Unfit("Choose the table that it links to.")
    made = KINDS[name].made(read, ())
    least, most = (getattr(made, end, None) for end in ("least", "most"))
    if least is not None and most is not None and least > most:
        raise Unfit("The least is more than the most.")
    if name == "money" and not made.currency and (least, most) != (None, None):
        raise Unfit("Choose a currency: bounds are amounts of one.")
    return read


def _digits(text):
    if text not in map(str, range(1, 11)):
        raise Unfit("Choose 1 to 10 figures.")
    return int(text)


def _table(text):
    if (table := Collection.one(Collection.id == whole(text), Collection.archived_at.is_null())) is None:
        raise Unfit("Choose a table that is here.")
    return table.id


def _places(text):
    if text not in map(str, range(11)):
        raise Unfit("Choose 0 to 10 places.")
    return int(text)


def _currency(text):
    if text.upper() not in CURRENCIES:
        raise Unfit("Write a currency by its three letters, such as EUR.")
    return text.upper()


def _country(text):
    if not (text.isascii() and text.isalpha() and len(text) == 2):
        raise Unfit("Write a country by its two letters, such as DE.")
    return text.upper()


def _stars(text):
    if text not in map(str, range(3, 11)):
        raise Unfit("Choose 3 to 10 stars.")
    return int(text)


def _length(longest):
    def read(text):
        if not 1 <= (whole(text) or 0) <= longest:
            raise Unfit(f"Choose 1 to {longest:,} characters.")
        return whole(text)

    return read


def _bound(text):
    return Exact().plain(Exact().read(text))


def _bound_share(text):
    return Percent().text(Percent().read(text))


def _bound_day(text):
    return Day().read(text).isoformat()


def _bound_duration(text):
    return Duration().plain(Duration().read(text))


def _bound_moment(is_end):
    def read(text):
        if len(text) <= 10:  # a whole day of whoever says so
            value = midnight(Day().read(text) + timedelta(days=is_end)) - timedelta(seconds=is_end)
        else:
            value = Moment().read(text)
        return local(value).isoformat(" ", "seconds")

    return read


_READ_FOR = {
    **{("text", end): _length(1000) for end in ("least", "most")},
    ("long_text", "most"): _length(100_000),
    **{(kind, end): _bound for kind in ("number", "money") for end in ("least", "most")},
    **{("percent", end): _bound_share for end in ("least", "most")},
    **{("duration", end): _bound_duration for end in ("least", "most")},
    **{("day", end): _bound_day for end in ("least", "most")},
    **{("moment", end): _bound_moment(end == "most") for end in ("least", "most")},
}
_READ = {
    "pattern": lambda text: text[:80],
    "places": _places,
    "unit": lambda text: text[:20],
    "currency": _currency,
    "country": _country,
    "most": _stars,
    "prefix": lambda text: text[:20],
    "digits": _digits,
    "table": _table,
    "back": lambda text: text[:80],
}
