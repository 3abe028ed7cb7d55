"""Conditions of a list: a field, what is asked of it, and what it is compared with; joined by «and» and «or».

They are asked of values in Python (domain/fields/records/operators.py), so that they mean the same in every list and
on every database; where a range of keys holds all hits, a Source looks only there. A line of conditions is read in
groups: each «or» belongs to what stands before it, and all groups must hold.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from domain.fields.kinds import Unfit, clean
from domain.fields.records.leftover import LeftOver

MOST = 20  # of one list
SIGN = "~"


@dataclass(frozen=True)
class Condition:
    """One of them as an address has it: `texts` are read anew each time, as «today» moves."""

    name: str
    operator: str
    texts: tuple = ()
    is_or: bool = False

    def written(self):
        """The text that `read` takes back."""
        parts = ("or" if self.is_or else "and", self.name, self.operator, *self.texts)
        return SIGN.join(quote(part, safe=" ").replace(SIGN, "%7E") for part in parts)


@dataclass(frozen=True)
class Asked:
    """A condition with its field, as it is asked now."""

    field: Any
    operator: Any
    operand: Any

    def meets(self, value):
        if isinstance(value, LeftOver):
            if self.operator.key == "left_over":
                return True
            value = None
        return self.field.kind.test(self.operator, value, self.operand)

    @property
    def span(self):
        """(from, to) of the keys that hold all hits, or None."""
        return self.field.kind.span(self.operator, self.operand)


def offered(listing):
    """The fields that conditions can be about: such as are read of every row."""
    read = listing.by_name if listing.source else listing.Row._fields
    fields = [f for f in listing.fields if f.name in read and f.kind.operators]
    return (*fields, *(one for f in fields for one in f.kind.beyond(f)))


def _operator_of(field, key):
    return next((operator for operator in field.kind.operators if operator.key == key), None)


def read(listing, texts, given=None):
    """(conditions, how many weren't understood) out of an address; `given` is one more, of a form."""
    found, lost = [], 0
    for text in texts[:MOST]:
        one = parsed(text)
        if one is None or asked(listing, one) is None:
            lost += 1
        else:
            found.append(one)
    if given is not None:
        found.append(given)
    return tuple(found), lost


def parsed(text):
    """The Condition that was `written` so, or None."""
    parts = [clean(unquote(part)) for part in text[:2000].split(SIGN)]
    return Condition(parts[1], parts[2], tuple(parts[3:]), parts[0] == "or") if len(parts) > 2 else None


def of_form(args, name=""):
    """The Condition of the form that asks for one more, or None where it names no field."""
    name = name or args.get("c_field", "")
    texts = args.getlist("c_value") if hasattr(args, "getlist") else list(args.get("c_value", ()))
    texts = tuple(text for text in texts if clean(text).strip())
    return Condition(name, str(args.get("c_op", "")), texts, args.get("c_join") == "or") if name else None


def asked(listing, condition):
    """The Asked of a condition, or None where its field, its operator or what it compares with is none."""
    field = next((f for f in offered(listing) if f.name == condition.name), None)
    operator = _operator_of(field, condition.operator) if field else None
    if field is None or operator is None:
        return None
    try:
        return Asked(field, operator, field.kind.operand(operator, list(condition.texts) or [""]))
    except Unfit:
        return None


def groups(listing, conditions):
    """The Asked ones in groups: of each group one must hold."""
    found: list[list[Asked]] = []
    for condition in conditions:
        one = asked(listing, condition)
        if one is None:
            continue
        if condition.is_or and found:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def tests(listing, conditions, value_of):
    """(row) → bool for each group; `value_of` (row, name) reads a value."""
    return [_test(group, value_of) for group in groups(listing, conditions)]


def _test(group, value_of):
    return lambda row: any(one.meets(value_of(row, one.field.name)) for one in group)


def said(listing, condition, names=None):
    """A condition in words; `names` are people's by their number."""
    one = asked(listing, condition)
    if one is None:
        return ""
    kind = one.field.kind
    texts = [_plain(kind, one.operator, text, names or {}) for text in condition.texts if text]
    return " ".join([one.field.label, one.operator.label, " or ".join(texts)]).strip()


def _plain(kind, operator, text, names):
    if operator.takes == "days":
        return text
    if kind.names_people and text.isdigit():
        return names.get(int(text), text)
    try:
        return kind.plain(kind.read(text)) or text
    except Unfit:
        return text
