"""A tree → what it means: its type, checked with sentences a person can act on, and a closure that works it out.

A value is worked out of a Row. Empty goes through arithmetic, a comparison with it is no. What a row's values make
impossible raises Failed, whose words stand in the cell. Time is bounded by the tree and the linked rows.
"""

import operator
from decimal import Decimal

from domain.fields.formulas import functions, grammar, linked_rows
from domain.fields.formulas.days import moved
from domain.fields.formulas.types import (
    BEYOND,
    DATE,
    DURATION,
    EMPTY,
    FIGURES,
    MOMENT,
    MONEY,
    NUMBER,
    PERCENT,
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
    together,
    whole_seconds,
)
from domain.fields.kinds import comparable
from domain.fields.records.amount import Amount
from domain.fields.text import natural


class Row:
    """A row's document, with the documents of the rows it is linked with: (way, id) → list. `at` is the one of each
    way that is just looked at; `known` the values of its own fields that were read already."""

    __slots__ = ("at", "document", "known", "linked")

    def __init__(self, document, linked=None):
        self.document, self.linked, self.at = document, {} if linked is None else linked, {}
        self.known = {}


def meant(tree, scope):
    """The Typed of a tree. Refuses with Mistake."""
    made = _Meaning(scope).of(tree)
    if made.type == EMPTY:
        raise Mistake("This is always empty.")
    return made


def result(typed, row):
    """What a formula gives for a row: a value as it is kept, or None. Raises Failed, whatever stands in the row."""
    try:
        value = typed.run(row)
        if value is None:
            return None
        match typed.type.name:
            case "number" | "percent":
                return settled(value)
            case "money":
                return Amount(settled(value.amount), value.currency)
            case "text":
                return short(value).strip() or None
        return value
    except BEYOND as error:
        raise Failed("too large") from error


class _Meaning:
    """Reads trees by what they can name; `within` is the way whose rows are gone through one by one."""

    def __init__(self, scope, within=None):
        self.scope, self.within = scope, within

    def of(self, tree):
        word, *parts = tree
        return getattr(self, f"_{word}")(*parts)

    def said(self, tree):
        text = grammar.printed(tree, self.scope)
        return text if len(text) <= 60 else f"{text[:57]}…"

    # --- what is written, and fields --------------------------------------------------------------------------

    def _number(self, text):
        value = Decimal(text)
        return Typed(NUMBER, lambda row: value)

    def _percent(self, text):
        value = Decimal(text)
        return Typed(PERCENT, lambda row: value)

    def _text(self, text):
        return Typed(TEXT, lambda row: text, text)

    def _yes_no(self, value):
        return Typed(YES_NO, lambda row: value)

    def _field(self, id):
        place = self._usable(self.scope.field(id))
        read = place.read

        def run(row):
            known = row.known
            if id not in known:  # what is worked out is read behind its own step alone: see working.plan
                known[id] = read(row.document)
            return known[id]

        return Typed(place.type, run)

    def _usable(self, place):
        if place.type is None:
            raise Mistake(f"{{{place.label}}} can't be used here. {place.why}".strip())
        return place

    def _link(self, link, field):
        return self._along(("link", link), field)

    def _back(self, link, field):
        return self._along(("back", link), field)

    def _along(self, key, field):
        way = self.scope.along(key)
        if not field:
            raise Mistake(f"{{{way.label}}} are rows: name a field, {{{way.label}.…}}, or count({{{way.label}}}).")
        way, place = self.scope.beyond(key, field)
        read = self._usable(place).read
        if key == self.within:
            return Typed(place.type, lambda row: read(row.at[key]))
        if way.is_many:
            said = f"{{{way.label}.{place.label}}}"
            raise Mistake(f"{said} is of several rows: say what of them, such as sum({said}) or join({said}).")
        return Typed(place.type, lambda row: read(found[0]) if (found := row.linked.get(key)) else None)

    # --- signs ------------------------------------------------------------------------------------------------

    def _minus(self, part):
        typed = self.of(part)
        run = typed.run
        if typed.type.name in (*FIGURES, "duration"):
            return Typed(typed.type, lambda row: None if (v := run(row)) is None else -v)
        if typed.type.name == "money":
            return Typed(typed.type, lambda row: None if (v := run(row)) is None else Amount(-v.amount, v.currency))
        raise Mistake(f"-{self.said(part)}: {typed.type.said} has no minus.")

    def _not(self, part):
        run = self.asked(part).run
        return Typed(YES_NO, lambda row: not run(row))

    def asked(self, tree):
        """A part that says yes or no. Refuses with Mistake another."""
        typed = self.of(tree)
        if typed.type not in (YES_NO, EMPTY):
            raise Mistake(f"{self.said(tree)} is {typed.type.said}; yes or no is needed here, such as {{A}} > 0.")
        return typed

    def _binary(self, sign, left, right):
        if sign in ("and", "or"):
            one, other = self.asked(left).run, self.asked(right).run
            if sign == "and":
                return Typed(YES_NO, lambda row: bool(one(row)) and bool(other(row)))
            return Typed(YES_NO, lambda row: bool(one(row)) or bool(other(row)))
        one, other = self.of(left), self.of(right)
        if sign == "&":
            return _joined(one, other)
        if sign in _COMPARED:
            return self._compared(sign, one, other, left, right)
        made = _WAYS.get((one.type.name, sign, other.type.name))
        if made is None:
            said = f"{self.said(left)} {sign} {self.said(right)}"
            raise Mistake(f"{said}: {_cannot(sign, one.type, other.type)}")
        type, act = made(one.type, other.type)
        if type is None:
            said = f"{one.type.currency} and {other.type.currency}"
            raise Mistake(f"{self.said(left)} {sign} {self.said(right)}: {said} can't be put together without a rate.")
        first, second = one.run, other.run

        def run(row):
            a = first(row)
            if a is None:
                return None
            b = second(row)
            return None if b is None else act(a, b)

        return Typed(type, run)

    def _compared(self, sign, one, other, left, right):
        both = together(one.type, other.type)
        if both is None or (both == MONEY and one.type.currency and other.type.currency):
            said = f"{self.said(left)} {sign} {self.said(right)}"
            raise Mistake(f"{said}: {one.type.said} can't be compared with {other.type.said}.{_hint(one, other)}")
        if both.name in ("yes_no", "person") and sign not in ("=", "<>"):
            raise Mistake(f"{self.said(left)} {sign} …: {both.said} has no order. Compare with = or <>.")
        first, second, act = one.run, other.run, _COMPARED[sign]
        if both.name == "money":
            return Typed(YES_NO, _unless_empty(first, second, lambda a, b: act(*_amounts(a, b))))
        if both.name == "text":
            seen = comparable if sign in ("=", "<>") else natural
            return Typed(YES_NO, _unless_empty(first, second, lambda a, b: act(seen(a), seen(b))))
        return Typed(YES_NO, _unless_empty(first, second, act))

    # --- functions ----------------------------------------------------------------------------------------------

    def _call(self, name, *parts):
        made = functions.FUNCTIONS.get(name)
        if made is None:
            near = sorted(one for one in functions.FUNCTIONS if one[:2] == name[:2])
            hint = f" Did you mean {', '.join(near[:3])}?" if near else ""
            raise Mistake(f"There is no function {name}.{hint}")
        if not made.fewest <= len(parts) <= made.most:
            raise Mistake(f"{name}: write it as {made.usage}.")
        return made.make(self, name, parts)

    def gone_through(self, tree):
        """(Typed of one row, the way) of a part that is worked out for each row of a way; (Typed, None) otherwise."""
        if self.within is not None:
            return self.of(tree), None
        many = {key for key in _named(tree) if self.scope.along(key).is_many}
        if len(many) > 1:
            labels = " and ".join(sorted(f"{{{self.scope.along(key).label}}}" for key in many))
            raise Mistake(f"{self.said(tree)}: {labels} are rows of two links; take one at a time.")
        if not many:
            return self.of(tree), None
        (key,) = many
        return _Meaning(self.scope, key).of(tree), key


def _named(tree):
    """The ways of which a part names a field, not counting what other functions put together."""
    if tree[0] in ("link", "back"):
        return {(tree[0], tree[1])}
    parts = tree[2:] if tree[0] == "call" else tree[1:]
    if tree[0] == "call" and tree[1] in functions.TOGETHER and len(parts) <= functions.TOGETHER[tree[1]]:
        return set()
    return {key for part in parts if isinstance(part, tuple) for key in _named(part)}


def _joined(one, other):
    first, second, a, b = one.run, other.run, one.type, other.type
    for type in (a, b):
        linked_rows.sayable(type)
    return Typed(TEXT, lambda row: short(as_text(a, first(row)) + as_text(b, second(row))))


_COMPARED = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _unless_empty(first, second, act):
    def run(row):
        a, b = first(row), second(row)
        return a is not None and b is not None and act(a, b)

    return run


def _amounts(a, b):
    if a.currency != b.currency:
        raise Failed("two currencies")
    return a.amount, b.amount


def _hint(one, other):
    names = {one.type.name, other.type.name}
    if names == {"money", "number"}:
        return ' Write the amount with its currency: money(100, "EUR").'
    if names == {"date", "text"}:
        return " Write a day as date(2026, 3, 29)."
    if names == {"date", "moment"}:
        return ' Take its day: date_of({…}, "Europe/Berlin").'
    return ""


def _cannot(sign, one, other):
    names = {one.name, other.name}
    if names == {"money", "number"} and sign in "+-":
        return 'a number has no currency. Write money(5, "EUR"), or multiply instead.'
    if one.name == other.name == "date":
        return "two dates can't be added; the days between them are {Later} - {Earlier}."
    if "text" in names:
        return "a text can't be calculated with. Join texts with &, or read one with number({…})."
    return f"{one.said} and {other.said} don't go together so."


# --- what + - * / do, by types --------------------------------------------------------------------------------------


def _divided(a, b):
    if not b:
        raise Failed("÷ 0")
    return WIDE.divide(a, b)


def _of(type, act):
    return lambda one, other: (type, act)


def _money_pair(act):
    def made(one, other):
        if one.currency and other.currency and one.currency != other.currency:
            return None, None
        currency = one.currency if one.currency == other.currency else ""

        def run(a, b):
            first, second = _amounts(a, b)
            return Amount(act(first, second), a.currency)

        return Type("money", currency), run

    return made


def _shares(one, other):
    """Money divided by money is a number."""
    if one.currency and other.currency and one.currency != other.currency:
        return None, None
    return NUMBER, lambda a, b: _divided(*_amounts(a, b))


def _money_by(act, turned=False):
    def made(one, other):
        if turned:
            return other, lambda a, b: Amount(act(b.amount, a), b.currency)
        return one, lambda a, b: Amount(act(a.amount, b), a.currency)

    return made


def _seconds(act):
    return lambda a, b: whole_seconds(act(Decimal(a), Decimal(b)))


_WAYS = {}
for _a in FIGURES:
    for _b in FIGURES:
        _sum = PERCENT if _a == _b == "percent" else NUMBER
        _WAYS[_a, "+", _b] = _of(_sum, WIDE.add)
        _WAYS[_a, "-", _b] = _of(_sum, WIDE.subtract)
        _WAYS[_a, "*", _b] = _of(_sum, WIDE.multiply)
        _WAYS[_a, "/", _b] = _of(PERCENT if (_a, _b) == ("percent", "number") else NUMBER, _divided)
    _WAYS["money", "*", _a] = _money_by(WIDE.multiply)
    _WAYS[_a, "*", "money"] = _money_by(WIDE.multiply, turned=True)
    _WAYS["money", "/", _a] = _money_by(_divided)
    _WAYS["duration", "*", _a] = _of(DURATION, _seconds(WIDE.multiply))
    _WAYS[_a, "*", "duration"] = _of(DURATION, _seconds(WIDE.multiply))
    _WAYS["duration", "/", _a] = _of(DURATION, _seconds(_divided))
_WAYS |= {
    ("money", "+", "money"): _money_pair(WIDE.add),
    ("money", "-", "money"): _money_pair(WIDE.subtract),
    ("money", "/", "money"): _shares,
    ("date", "-", "date"): _of(NUMBER, lambda a, b: Decimal((a - b).days)),
    ("date", "+", "number"): _of(DATE, moved),
    ("number", "+", "date"): _of(DATE, lambda a, b: moved(b, a)),
    ("date", "-", "number"): _of(DATE, lambda a, b: moved(a, -b)),
    ("moment", "-", "moment"): _of(DURATION, lambda a, b: whole_seconds(int((a - b).total_seconds()))),
    ("moment", "+", "duration"): _of(MOMENT, moved),
    ("moment", "-", "duration"): _of(MOMENT, lambda a, b: moved(a, -b)),
    ("duration", "+", "moment"): _of(MOMENT, lambda a, b: moved(b, a)),
    ("duration", "+", "duration"): _of(DURATION, lambda a, b: whole_seconds(a + b)),
    ("duration", "-", "duration"): _of(DURATION, lambda a, b: whole_seconds(a - b)),
    ("duration", "/", "duration"): _of(NUMBER, lambda a, b: _divided(Decimal(a), Decimal(b))),
}
