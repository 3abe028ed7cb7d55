"""The functions of formulas: how each is written, what it takes and gives, and what it does.

None loops, matches patterns, reads the clock or the net. Of an empty argument the result is empty, where not said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from urllib.parse import urlsplit

from domain.fields.formulas import days, linked_rows
from domain.fields.formulas.types import (
    BEYOND,
    DATE,
    EMPTY,
    MOMENT,
    NUMBER,
    SAID,
    TEXT,
    WIDE,
    YES_NO,
    Failed,
    Mistake,
    Type,
    Typed,
    as_text,
    settled,
    short,
)
from domain.fields.kinds import Unfit, comparable
from domain.fields.money import CURRENCIES, digits
from domain.fields.records.amount import Amount
from domain.fields.records.exact import number as number_of
from domain.fields.text import folded


@dataclass(frozen=True)
class Function:
    """A function as it is written and made: `make` (a Meaning, its name, its parts) → Typed."""

    usage: str
    fewest: int
    most: int
    make: Callable[..., Typed]


def _simple(usage, takes, gives, act, fewest=None):
    """A function of values: `takes` are the types of each, `gives` what comes out, or (types) → that."""

    def make(meaning, name, parts):
        args = [meaning.of(part) for part in parts]
        for part, arg, wanted in zip(parts, args, takes, strict=False):
            if arg.type.name not in wanted and arg.type != EMPTY:
                needed = " or ".join(SAID[one] for one in wanted)
                raise Mistake(f"{name}: {meaning.said(part)} is {arg.type.said}; {needed} is needed. {usage}")
        type = gives([arg.type for arg in args]) if callable(gives) else gives
        runs = [arg.run for arg in args]
        if len(runs) == 1:
            (only,) = runs
            return Typed(type, lambda row: None if (value := only(row)) is None else act(value))

        def run(row):
            values = [one(row) for one in runs]
            return None if None in values else act(*values)

        return Typed(type, run)

    return Function(usage, len(takes) if fewest is None else fewest, len(takes), make)


N, T, D, Y = ("number", "percent"), ("text",), ("date",), ("yes_no",)


# --- choosing -----------------------------------------------------------------------------------------------------


def _if(meaning, name, parts):
    asked, args = meaning.asked(parts[0]), [meaning.of(part) for part in parts[1:]]
    type = linked_rows.one_type(meaning, name, parts[1:], args)
    run, then = asked.run, args[0].run
    other = args[1].run if len(args) > 1 else lambda row: None
    return Typed(type, lambda row: then(row) if run(row) else other(row))


def _switch(meaning, name, parts):
    subject, *rest = parts
    pairs = [(rest[n], rest[n + 1]) for n in range(0, len(rest) - 1, 2)]
    otherwise = rest[-1] if len(rest) % 2 else None
    results = [result for _, result in pairs] + ([otherwise] if otherwise else [])
    args = [meaning.of(part) for part in results]
    type = linked_rows.one_type(meaning, name, results, args)
    tests = [meaning.of(("binary", "=", subject, value)).run for value, _ in pairs]
    last = args[-1].run if otherwise else lambda row: None
    cases = list(zip(tests, [arg.run for arg in args], strict=False))

    def run(row):
        for test, result in cases:
            if test(row):
                return result(row)
        return last(row)

    return Typed(type, run)


def _or_else(meaning, name, parts):
    args = [meaning.of(part) for part in parts]
    first, second = args[0].run, args[1].run

    def run(row):
        try:
            value = first(row)
        except (Failed, *BEYOND):
            value = None
        return second(row) if value is None else value

    return Typed(linked_rows.one_type(meaning, name, parts, args), run)


def _is_empty(meaning, name, parts):
    if (way := linked_rows.rows_of(parts[0])) is not None:
        key = meaning.scope.along(way).key
        return Typed(YES_NO, lambda row: not row.linked.get(key))
    run = meaning.of(parts[0]).run
    return Typed(YES_NO, lambda row: run(row) is None)


# --- numbers ------------------------------------------------------------------------------------------------------

_ROOM = Context(prec=80)


def _places(value):
    if value != int(value) or not -20 <= value <= 20:
        raise Failed("no such place")
    return Decimal(1).scaleb(-int(value))


def _cut(way):
    def cut(value, places=None):
        if isinstance(value, Amount):
            size = Decimal(digits(value.currency)) if places is None else places
            return Amount(value.amount.quantize(_places(size), way, context=_ROOM) + 0, value.currency)
        return value.quantize(_places(places or Decimal(0)), way, context=_ROOM) + 0

    return cut


def _abs(value):
    return Amount(abs(value.amount), value.currency) if isinstance(value, Amount) else abs(value)


def _mod(a, b):
    if not b:
        raise Failed("÷ 0")
    if abs(a) >= abs(b) * 10**27:
        raise Failed("too large")
    rest = WIDE.remainder(a, b)
    return WIDE.add(rest, b) if rest and (rest < 0) != (b < 0) else rest


def _number(value):
    if isinstance(value, Amount):
        return value.amount
    if not isinstance(value, str):
        return Decimal(value)
    try:
        return number_of(value)
    except Unfit:
        raise Failed("no number") from None


def _money(meaning, name, parts):
    value, code = meaning.of(parts[0]), meaning.of(parts[1])
    currency = (code.text or "").upper()
    if value.type.name not in N or currency not in CURRENCIES:
        raise Mistake(f"money: {FUNCTIONS[name].usage}")
    run = value.run
    return Typed(Type("money", currency), lambda row: None if (v := run(row)) is None else Amount(v, currency))


# --- texts --------------------------------------------------------------------------------------------------------


def _size(value):
    if value != int(value) or not 0 <= value <= 10_000:
        raise Failed("no such length")
    return int(value)


def _mid(text, start, size):
    first = max(_size(start), 1) - 1
    return text[first : first + _size(size)]


def _right(text, size):
    return text[-count:] if (count := _size(size)) else ""


def _replaced(text, old, new):
    if not old:
        return text
    if len(text) + text.count(old) * max(0, len(new) - len(old)) > 10_000:
        raise Failed("too long")
    return text.replace(old, new)


def _padded(text, size, sign=" "):
    return text.rjust(_size(size), (sign or " ")[:1])


def _text(meaning, name, parts):
    arg = meaning.of(parts[0])
    linked_rows.sayable(arg.type)
    run, type = arg.run, arg.type
    if len(parts) == 1:
        return Typed(TEXT, lambda row: None if (value := run(row)) is None else as_text(type, value))
    form = meaning.of(parts[1]).text
    if form is None:
        raise Mistake(f"text: {FUNCTIONS[name].usage}")
    if type.name in ("date", "moment"):
        return Typed(TEXT, lambda row: None if (v := run(row)) is None else short(days.written(v, form)))
    places = len(form.partition(".")[2])
    if type.name not in N or set(form) - set("0.") or places > 20:
        raise Mistake('text: a format is "0.00" for a number, or "DD.MM.YYYY" for a date.')
    return Typed(
        TEXT,
        lambda row: None if (v := run(row)) is None else format(_cut(ROUND_HALF_UP)(settled(v), Decimal(places)), "f"),
    )


def _url_part(meaning, name, parts):
    part = meaning.of(parts[1]).text
    if part not in ("scheme", "host", "path", "query"):
        raise Mistake(f"url_part: {FUNCTIONS[name].usage}")
    run = meaning.of(parts[0]).run

    def cut(row):
        if (value := run(row)) is None:
            return None
        try:
            found = urlsplit(str(value))
            return (found.hostname if part == "host" else getattr(found, part)) or None
        except ValueError:
            raise Failed("no address") from None

    return Typed(TEXT, cut)


# --- days ---------------------------------------------------------------------------------------------------------


def _in_zone(gives, act):
    def make(meaning, name, parts):
        arg, zone = meaning.of(parts[0]), meaning.of(parts[1]).text
        if arg.type != MOMENT or zone is None:
            raise Mistake(f"{name}: {FUNCTIONS[name].usage}")
        there, run = days.zone(zone), arg.run
        return Typed(gives, lambda row: None if (v := run(row)) is None else act(v.astimezone(there)))

    return make


def _same(types):
    return types[0] if types[0] != EMPTY else NUMBER


FUNCTIONS: dict[str, Function] = {
    "if": Function("if(condition, then, otherwise)", 2, 3, _if),
    "switch": Function('switch({State}, "New", 1, "Open", 2, otherwise)', 3, 60, _switch),
    "or_else": Function("or_else({Field}, what to take where it is empty or an error)", 2, 2, _or_else),
    "is_empty": Function("is_empty({Field})", 1, 1, _is_empty),
    "sum": Function("sum({Link.Field}) or sum(a, b, …)", 1, 60, linked_rows.summed),
    "avg": Function("avg({Link.Field}) or avg(a, b, …)", 1, 60, linked_rows.average),
    "min": Function("min({Link.Field}) or min(a, b, …)", 1, 60, linked_rows.end_of(min)),
    "max": Function("max({Link.Field}) or max(a, b, …)", 1, 60, linked_rows.end_of(max)),
    "count": Function(
        "count({Link}), or count({Link.Done}) of those where it holds or isn't empty", 1, 1, linked_rows.counted
    ),
    "join": Function('join({Link.Field}, ", ")', 1, 2, linked_rows.joined),
    "round": _simple("round(number, places)", (linked_rows.SIZES[:3], N), _same, _cut(ROUND_HALF_UP), 1),
    "floor": _simple("floor(number, places)", (linked_rows.SIZES[:3], N), _same, _cut(ROUND_FLOOR), 1),
    "ceil": _simple("ceil(number, places)", (linked_rows.SIZES[:3], N), _same, _cut(ROUND_CEILING), 1),
    "abs": _simple("abs(number)", (linked_rows.SIZES,), _same, _abs),
    "mod": _simple("mod(number, by)", (N, N), NUMBER, _mod),
    "number": _simple("number(text)", (("text", *N, "money", "yes_no"),), NUMBER, _number),
    "money": Function('money(100, "EUR")', 2, 2, _money),
    "len": _simple("len(text)", (T,), NUMBER, lambda text: Decimal(len(text))),
    "left": _simple("left(text, how many)", (T, N), TEXT, lambda text, size: text[: _size(size)]),
    "right": _simple("right(text, how many)", (T, N), TEXT, _right),
    "mid": _simple("mid(text, from, how many)", (T, N, N), TEXT, _mid),
    "upper": _simple("upper(text)", (T,), TEXT, lambda text: short(text.upper())),
    "lower": _simple("lower(text)", (T,), TEXT, lambda text: short(text.lower())),
    "trim": _simple("trim(text)", (T,), TEXT, lambda text: " ".join(text.split())),
    "replace": _simple('replace(text, "old", "new")', (T, T, T), TEXT, _replaced),
    "contains": _simple('contains(text, "word")', (T, T), YES_NO, lambda text, word: folded(word) in folded(text)),
    "begins": _simple(
        'begins(text, "word")', (T, T), YES_NO, lambda text, word: comparable(text).startswith(comparable(word))
    ),
    "pad": _simple('pad(text, length, "0")', (T, N, T), TEXT, _padded, 2),
    "text": Function('text({Date}, "DD.MM.YYYY") or text({Number}, "0.00")', 1, 2, _text),
    "url_part": Function('url_part({Address}, "host"): scheme, host, path or query', 2, 2, _url_part),
    "year": _simple("year({Date})", (D,), NUMBER, lambda day: Decimal(day.year)),
    "month": _simple("month({Date})", (D,), NUMBER, lambda day: Decimal(day.month)),
    "day": _simple("day({Date})", (D,), NUMBER, lambda day: Decimal(day.day)),
    "weekday": _simple("weekday({Date}), 1 is Monday", (D,), NUMBER, lambda day: Decimal(day.isoweekday())),
    "week": _simple("week({Date})", (D,), NUMBER, lambda day: Decimal(day.isocalendar().week)),
    "days_between": _simple("days_between({From}, {Until})", (D, D), NUMBER, lambda a, b: Decimal((b - a).days)),
    "add_days": _simple("add_days({Date}, 30)", (D, N), DATE, days.moved),
    "add_months": _simple("add_months({Date}, 1)", (D, N), DATE, days.months_later),
    "add_years": _simple("add_years({Date}, 1)", (D, N), DATE, lambda day, n: days.months_later(day, n * 12)),
    "date": _simple("date(2026, 3, 29)", (N, N, N), DATE, days.day),
    "start_of_month": _simple("start_of_month({Date})", (D,), DATE, lambda day: day.replace(day=1)),
    "in_zone": Function(
        'in_zone({Moment}, "Europe/Berlin")', 2, 2, _in_zone(TEXT, lambda there: f"{there:%Y-%m-%d %H:%M}")
    ),
    "date_of": Function('date_of({Moment}, "Europe/Berlin")', 2, 2, _in_zone(DATE, lambda there: there.date())),
}
# name → up to how many parts it puts the rows of a link together
TOGETHER = {"sum": 60, "avg": 60, "min": 60, "max": 60, "count": 1, "join": 2}
