"""What can be added up, and how a sum is said. Amounts of several currencies are never added to each other."""

from decimal import Context, Decimal

from domain.fields.money import Money, written
from domain.fields.number import Number
from domain.fields.records.amount import Amount, Amounts
from domain.fields.records.duration import Duration
from domain.fields.records.exact import Exact

EXACT = Context(prec=80)  # a million numbers of 28 digits are added up to the last one
_WHOLE = (Duration, Money, Number)


def can_be(kind):
    """Whether values of this kind can be added up."""
    return isinstance(kind, Exact | Amounts | Duration | Money | Number)


def parted(value):
    """(the currency or nothing, the number) of a value."""
    return (value.currency, value.amount) if isinstance(value, Amount) else ("", Decimal(value))


def said(field, series, total):
    """A sum as people read it; without a field it is a count."""
    if field is None:
        return f"{int(total):,}"
    kind = field.kind
    if isinstance(kind, Money):
        return written(int(total), series)
    if isinstance(kind, Amounts):
        return kind.shown(Amount(total, series))
    if isinstance(kind, Number):
        return f"{int(total):,}" + (f" {kind.unit}" if kind.unit else "")
    return kind.shown(int(total) if isinstance(kind, _WHOLE) else total)
