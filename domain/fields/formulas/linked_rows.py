"""What formulas make of the values of linked rows together, and of several values: sums, ends, counts, lists."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from domain.fields.formulas.types import (
    EMPTY,
    NUMBER,
    SAID,
    TEXT,
    WIDE,
    YES_NO,
    Failed,
    Mistake,
    Typed,
    as_text,
    short,
    together,
)
from domain.fields.records.amount import Amount

LISTED = 1000  # rows whose values are joined
SIZES = ("number", "percent", "money", "duration")


def sayable(type):
    """Refuses with Mistake what no text is made of."""
    if type.name == "person":
        raise Mistake("A person's name can change, so no text is made of it.")


def one_type(meaning, name, parts, args):
    """The one type that some parts have. Refuses with Mistake."""
    type = EMPTY
    for part, arg in zip(parts, args, strict=True):
        both = together(type, arg.type)
        if both is None:
            raise Mistake(f"{name}: {meaning.said(part)} is {arg.type.said}, another part {type.said}. Give one kind.")
        type = both
    return type


def rows_of(part):
    """The way whose rows a part is."""
    return part[:2] if part[0] in ("link", "back") and not part[2] else None


def _several(meaning, name, parts, takes):
    """(type, row → the values there are) of one part for each linked row, or of several parts."""
    pairs = [meaning.gone_through(part) for part in parts]
    args = [arg for arg, _ in pairs]
    type = one_type(meaning, name, parts, args)
    if type.name not in takes:
        needed = ", ".join(SAID[one] for one in takes)
        raise Mistake(f"{name}: {meaning.said(parts[0])} is {type.said}; what it takes: {needed}.")

    def values(row):
        for arg, key in pairs:
            for value in _of_each(arg.run, key, row) if key else (arg.run(row),):
                if value is not None:
                    yield value

    return type, values


def _of_each(run, key, row):
    for document in row.linked.get(key, ()):
        row.at[key] = document
        yield run(row)


def _added(type, values):
    if type.name != "money":
        total: Any = 0 if type.name == "duration" else Decimal(0)
        for value in values:
            total = total + value if type.name == "duration" else WIDE.add(total, value)
        return total
    total, currency = Decimal(0), type.currency
    for value in values:
        if currency and value.currency != currency:
            raise Failed("two currencies")
        total, currency = WIDE.add(total, value.amount), value.currency
    return Amount(total, currency) if currency else None


def summed(meaning, name, parts):
    """The sum of them; of none, 0 where its currency is known."""
    type, values = _several(meaning, name, parts, SIZES)
    return Typed(type, lambda row: _added(type, values(row)))


def average(meaning, name, parts):
    """Their mean; of none, nothing."""
    type, values = _several(meaning, name, parts, SIZES)

    def run(row):
        found = list(values(row))
        if not found:
            return None
        total, count = _added(type, found), Decimal(len(found))
        if type.name == "money":
            return Amount(WIDE.divide(total.amount, count), total.currency)
        mean = WIDE.divide(Decimal(total), count)
        return int(mean.to_integral_value(ROUND_HALF_UP)) if type.name == "duration" else mean

    return Typed(type, run)


def end_of(choose):
    """The least or the greatest, as `choose` says; of none, nothing."""

    def make(meaning, name, parts):
        type, values = _several(meaning, name, parts, (*SIZES, "date", "moment"))

        def run(row):
            found = list(values(row))
            if type.name == "money" and len({value.currency for value in found}) > 1:
                raise Failed("two currencies")
            return choose(found) if found else None

        return Typed(type, run)

    return make


def counted(meaning, name, parts):
    """How many rows there are, or of how many something holds or isn't empty."""
    if (way := rows_of(parts[0])) is not None:
        key = meaning.scope.along(way).key
        return Typed(NUMBER, lambda row: Decimal(len(row.linked.get(key, ()))))
    arg, key = meaning.gone_through(parts[0])
    if key is None:
        raise Mistake("count counts linked rows, such as count({Link}) or count({Link.Done}).")
    run = arg.run
    yes = arg.type == YES_NO  # a condition is counted where it holds
    count = (lambda value: bool(value)) if yes else (lambda value: value is not None)
    return Typed(NUMBER, lambda row: Decimal(sum(count(value) for value in _of_each(run, key, row))))


def joined(meaning, name, parts):
    """Their texts with something between; of none, nothing."""
    arg, key = meaning.gone_through(parts[0])
    between = meaning.of(parts[1]) if len(parts) > 1 else None
    if between and between.text is None:
        raise Mistake(f'join: write what stands between in quotes, such as join({meaning.said(parts[0])}, ", ").')
    sayable(arg.type)
    sign, run, type = between.text if between else ", ", arg.run, arg.type

    def joined(row):
        found = []
        for value in _of_each(run, key, row) if key else (run(row),):
            if value is not None:
                found.append(as_text(type, value))
            if len(found) > LISTED:
                raise Failed("too many rows")
        return short(sign.join(found)) or None

    return Typed(TEXT, joined)
