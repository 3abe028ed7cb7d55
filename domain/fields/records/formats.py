"""How a column of texts is written: decided over all its values, never cell by cell, and asked where they don't tell.

`decide` looks at a column and gives its Format and what is open; the kinds' `parse` reads by it.
"""

import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from database.clock import local, now
from domain.fields.kinds import Unfit, clean, comparable, figures
from domain.fields.records.many_options import split
from domain.fields.records.yes_no import NO, YES

ORDERS = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
SEPARATORS = {";": "semicolon", ",": "comma", "|": "bar", "\n": "line break"}


@dataclass(frozen=True)
class Format:
    """How texts of a column are read. What is empty isn't known."""

    decimal: str = ""  # «.» or «,»
    order: str = ""  # of day, month and year
    zone: str = ""  # of moments that don't say theirs
    yes: tuple = ()  # words besides the usual ones, as `comparable` has them
    no: tuple = ()
    separator: str = ""
    is_percent: bool = False  # 15 without a sign is 15 %
    unit: str = ""  # that bare numbers count, of durations: s, min, h, d
    is_short: bool = False  # 1:30 is a minute and a half
    currency: str = ""  # of amounts that don't say theirs
    hour: str = ""  # of days that become moments

    def kept(self):
        """As JSON, without what isn't known."""
        return {name: value for name, value in asdict(self).items() if value}

    def but(self, **changes):
        return replace(self, **changes)

    def day(self, text):
        """Text → date. Refuses with Unfit."""
        return _day(text, self.order)

    def moment(self, text):
        """Text → datetime in UTC; one without an offset is on the column's clock, else the reader's."""
        text = figures(text[:100])
        found = _MOMENT.fullmatch(text)
        if found is None:
            raise Unfit("Write a day and a time, such as 2026-03-29 14:30.")
        day = _day(found["day"], self.order)
        clock = _clock(found, self.hour)
        if found["offset"]:
            offset = found["offset"].replace("Z", "+00:00").replace("z", "+00:00").replace("UTC", "+00:00")
            try:
                return datetime.fromisoformat(f"{day}T{clock.isoformat()}{offset}").astimezone(UTC)
            except (ValueError, OverflowError):
                raise Unfit("This isn't an offset from UTC.") from None
        return placed(datetime.combine(day, clock), ZoneInfo(self.zone) if self.zone else local(now()).tzinfo)


def made(kept):
    """The Format that `kept` was made of; whatever else it holds is left out."""
    names = Format.__dataclass_fields__
    given: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in (kept or {}).items() if n in names}
    return Format(**given)


def placed(naive, zone):
    """A time on a zone's clock in UTC; of a doubled hour the first. Refuses with Unfit one that the clock skips."""
    found = naive.replace(tzinfo=zone)
    try:
        at = found.astimezone(UTC)
    except OverflowError:
        raise Unfit("Choose another year.") from None
    if at.astimezone(zone).replace(tzinfo=None) != naive:
        later = at.astimezone(zone)
        raise Unfit(f"{naive:%H:%M} doesn't exist on {naive:%-d %B %Y} in {zone}: the clock goes on to {later:%H:%M}.")
    return at


_DATE = re.compile(r"(\d{1,4})([-./ ])(\d{1,2})\2(\d{1,4})\.?", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})|(\d{4})(\d{2})(\d{2})", re.ASCII)
_NAMED = re.compile(r"(?:(\d{1,2})\.?\s+([^\W\d]{3,12})\.?,?|([^\W\d]{3,12})\.?\s+(\d{1,2}),?)\s+(\d{4})")
_MOMENT = re.compile(
    r"(?P<day>.+?)(?:[T,\s]\s*(?P<h>\d{1,2})[:.](?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<offset>[Zz]|UTC|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_NAMES = (
    *("jan januar january janvier enero", "feb februar february février febrero", "mar mär märz march mars marzo"),
    *("apr april avril abril", "may mai mayo", "jun juni june juin junio", "jul juli july juillet julio"),
    *("aug august août agosto", "sep sept september septembre septiembre", "oct okt oktober october octobre octubre"),
    *("nov november novembre noviembre", "dec dez dezember december décembre diciembre"),
)
_MONTHS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}


def _clock(found, otherwise):
    hour, half = found["h"] or otherwise.partition(":")[0], comparable(found["half"] or "")[:1]
    if not hour:
        raise Unfit("This has no time.")
    hour = int(hour) % 12 + 12 * (half == "p") if half else int(hour)
    minute = int(found["m"] if found["h"] else otherwise.partition(":")[2] or 0)
    try:
        return time(hour, minute, int(found["s"] or 0))
    except ValueError:
        raise Unfit("There is no such time.") from None


def _day(text, order):
    text = figures(text[:100])
    if found := _ISO.fullmatch(text):
        return _date(*(part for part in found.groups() if part))
    if found := _NAMED.fullmatch(text):
        month = _MONTHS.get(comparable(found[2] or found[3]))
        if month:
            return _date(found[5], month, found[1] or found[4])
    parts = _parts(text)
    if parts is None:
        raise Unfit("Write a day as 2026-12-31.")
    order = "ymd" if len(parts[0]) > 2 else order or _order_of(parts)
    if not order:
        raise Unfit("Which is the day and which the month can't be told.")
    by = dict(zip(order, parts, strict=True))
    return _date(by["y"], by["m"], by["d"])


def _parts(text):
    found = _DATE.fullmatch(text)
    return (found[1], found[3], found[4]) if found else None


def _order_of(parts):
    """The order that one date tells: a number above 12 is no month."""
    first, second = int(parts[0]), int(parts[1])
    return "dmy" if first > 12 >= second else "mdy" if second > 12 >= first else ""


def _date(year, month, day):
    year, month, day = int(year), int(month), int(day)
    year += 0 if year >= 100 else 2000 if year < 70 else 1900
    if not 1900 <= year <= 2200:
        raise Unfit("Choose a year between 1900 and 2200.")
    try:
        return date(year, month, day)
    except ValueError:
        if 1 <= month <= 12 and 1 <= day <= 31:
            raise Unfit(f"The {_ordinal(day)} of {date(2000, month, 1):%B} doesn't exist.") from None
        raise Unfit("There is no such day.") from None


def _ordinal(day):
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


# --- a whole column -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What a column doesn't tell; `answers` are (value, what it means, an example so read)."""

    part: str  # of the Format
    sentence: str
    answers: tuple


def decide(kind, texts, given=None):
    """(Format, [Question]) of a column that is to be read as `kind`; `given` are parts that somebody decided."""
    texts = [text for text in map(clean, texts) if text]
    decided, questions = _DECIDE.get(kind.name, _nothing)(kind, texts)
    decided |= {name: value for name, value in (given or {}).items() if value not in (None, "", ())}
    return made(decided), [one for one in questions if one.part not in (given or {})]


def _nothing(kind, texts):
    return {}, []


def _number(kind, texts):
    if (sign := decimal_sign(texts)) is not None:
        return {"decimal": sign}, []
    odd, found = next((text, found) for text in texts if (found := _SPLIT.search(figures(text[:100]))))
    said = found[0]
    whole, places = re.sub(r"[.,]", "", said), said.replace(",", ".")
    commas = "," in said
    points = (".", "grouped" if commas else "with places", whole if commas else places)
    answers = (points, (",", "with places" if commas else "grouped", places if commas else whole))
    return {"decimal": "."}, [Question("decimal", f"What does “{odd}” mean?", answers)]


_SPLIT = re.compile(r"\b\d{1,3}[.,]\d{3}\b", re.ASCII)


def decimal_sign(texts):
    """«.» or «,» as all numbers of a column tell; None where they can be read both ways."""
    votes, unclear = set(), False
    for text in texts:
        signs = re.sub(r"[^.,\d]", "", figures(text[:100])).strip(".,")
        both = "." in signs and "," in signs
        for mark, other in (".,", ",."):
            if both:
                votes |= {mark} if signs.rfind(mark) > signs.rfind(other) else set()
            elif signs.count(mark) > 1:
                votes.add(other)
            elif mark in signs and not re.fullmatch(rf"[1-9]\d{{0,2}}\{mark}\d{{3}}", signs):
                votes.add(mark)
            elif mark in signs:
                unclear = True
    if len(votes) == 1:
        return votes.pop()
    return None if unclear and not votes else "."


def _percent(kind, texts):
    decided, questions = _number(kind, texts)
    bare = [text for text in texts if "%" not in text and "٪" not in text]
    if not bare:
        return decided, questions
    odd = bare[0]
    answers = ((True, f"{odd} %", f"{odd} %"), (False, "a fraction of 1", f"{odd} × 100 %"))
    decided["is_percent"] = any(len(text.strip("-−").split(".")[0].split(",")[0]) > 1 for text in bare)
    return decided, [*questions, Question("is_percent", f"“{odd}”: what does this mean?", answers)]


def _days(kind, texts):
    orders = {}
    for text in texts:
        parts = _parts(_only_day(text))
        if parts and len(parts[0]) <= 2:
            orders.setdefault(_order_of(parts), text)
    told = [order for order in orders if order]
    decided = {"order": told[0]} if len(told) == 1 else {}
    if not orders or len(told) == 1:
        return decided, []
    odd = orders.get("") or next(iter(orders.values()))
    answers = []
    for order in ("dmy", "mdy"):
        try:
            answers.append((order, ORDERS[order], f"{_day(_only_day(odd), order):%-d %B %Y}"))
        except Unfit:
            answers.append((order, ORDERS[order], "no day"))
    return {"order": "dmy"}, [Question("order", f"“{odd}”: which day is this?", tuple(answers))]


def _only_day(text):
    found = _MOMENT.fullmatch(figures(text[:100]))
    return found["day"] if found else ""


def _moments(kind, texts):
    decided, questions = _days(kind, texts)
    bare = next((t for t in texts if not re.search(r"([Zz]|UTC|[+-]\d{2}:?\d{2})\s*$", t, re.ASCII)), None)
    if bare is None:
        return decided, questions
    zone = str(local(now()).tzinfo)
    decided["zone"] = zone if "/" in zone else "UTC"
    answers = tuple((one, one, f"{bare} {one}") for one in dict.fromkeys((decided["zone"], "UTC")))
    return decided, [*questions, Question("zone", f"“{bare}”: on which clock?", answers)]


def _yes_no(kind, texts):
    words = dict.fromkeys(said for text in texts if (said := comparable(text[:100])) not in (*YES, *NO))
    if not words or len(words) > 20:
        return {}, []
    return {}, [Question("yes", "Which of these mean yes?", tuple((word, word, "yes") for word in words))]


def _separator(kind, texts):
    labels = [o.label for o in getattr(kind, "made", ())]
    counts = {sign: sum(len(split(text, sign, labels)) > 1 for text in texts) for sign in SEPARATORS}
    return {"separator": max(counts, key=lambda sign: counts[sign])}, []


def _durations(kind, texts):
    questions: list[Question] = []
    decided: dict[str, Any] = {}
    clock = next((t for t in texts if re.fullmatch(r"\s*-?\d+:[0-5]\d\s*", t, re.ASCII)), None)
    bare = next((t for t in texts if re.fullmatch(r"\s*-?\d+([.,]\d+)?\s*", t, re.ASCII)), None)
    if clock:
        first, second = clock.strip().split(":")
        hours = (False, "hours and minutes", f"{first} h {second} min")
        answers = (hours, (True, "minutes and seconds", f"{first} min {second} s"))
        questions.append(Question("is_short", f"“{clock.strip()}”: how long is this?", answers))
    if bare:
        decided["unit"] = "min"
        units = (("s", "seconds"), ("min", "minutes"), ("h", "hours"), ("d", "days"))
        meant = tuple((unit, name, f"{bare.strip()} {name}") for unit, name in units)
        questions.append(Question("unit", f"“{bare.strip()}”: how long is this?", meant))
    return decided, questions


_DECIDE = {
    "exact": _number,
    "amount": _number,
    "percent": _percent,
    "day": _days,
    "due": _days,
    "moment": _moments,
    "yes_no": _yes_no,
    "many_options": _separator,
    "people": _separator,
    "duration": _durations,
}
