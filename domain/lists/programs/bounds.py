"""The rows of a list of the house that a key is good for: conditions that stand in every query of the list.

They are those of lists (conditions.py), as far as a database tells them, so that a row which isn't the key's is never
read for it, counted or walked over. Days are those of UTC, whatever zone a program asks in.
"""

from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, reduce
from operator import and_, or_
from typing import Any, NamedTuple

from peewee import Value

from database.clock import now, read_in
from domain import NotFound
from domain.fields.derived import Derived
from domain.fields.kinds import Unfit, clean
from domain.fields.records import operators
from domain.fields.text import Text
from domain.lists import conditions
from domain.lists.programs.asking import RELATIVE

MOST = 10  # conditions of a list
TOLD = {"any_of", "none_of", *(one.key for one in operators.DATE)} - {"left_over"}
EXACTLY = operators.Operator("is", "is exactly")  # letter for letter: case is folded otherwise by each database
ENDS = date(1900, 1, 1), date(2300, 1, 1)


class About(NamedTuple):
    """What a condition can be about, with what can be asked of it."""

    key: str
    label: str
    kind: Any
    operators: tuple


def offered(listing):
    """The Abouts of a list: what has a value of its own, and of choices such as have words."""
    fields = [f for f in conditions.offered(listing.whole) if not isinstance(f.kind, Derived)]
    found = [About(f.name, f.label, f.kind, _operators_of(f.kind)) for f in fields]
    return [one for one in found if one.operators]


def _operators_of(kind):
    chosen = kind.names_people or getattr(kind, "words", ())
    told = tuple(one for one in kind.operators if one.key in TOLD and (chosen or one.takes != "several"))
    return (EXACTLY, *told) if isinstance(kind, Text) and not kind.long else told


class _Asked(NamedTuple):
    """One condition: `words` are those of a choice that meet it, as it is told by what is stored."""

    about: About
    operator: Any
    operand: Any
    text: str

    def meets(self, value):
        """Whether what stands in a row, or stood there as the log has it, meets it."""
        if self.operator is EXACTLY:
            return value == self.text
        kind = self.about.kind
        return kind.test(self.operator, kind.restored(value) if isinstance(value, str) else value, self.operand)

    def node(self, column):
        """The same in a query."""
        node, kind = column.node, self.about.kind
        stored = lambda value: Value(column.stored(value), converter=False)  # noqa: E731
        if self.operator is EXACTLY:
            return node == stored(self.text)
        if self.operator in operators.BARE:
            return node.is_null(self.operator.key == "empty")
        if self.operator in operators.DATE:
            first, end = (day or edge for day, edge in zip(self.operand, ENDS, strict=True))
            given = kind.days_asked(first, end)
            return node.is_null(False) & kind.on_days(node, lambda part: stored(given[part]))
        if self.operator.key == "any_of":
            return node << [stored(one) for one in self._stored()]
        return node.is_null() | node.not_in([stored(one) for one in self._stored()])

    def _stored(self):
        """What may be stored where one of the words stands that it names."""
        if self.about.kind.names_people:
            return self.operand
        words = [one.id for one in getattr(self.about.kind, "made", ())] or self.about.kind.words
        return [one for one in words if self.about.kind.compared(one) in self.operand]


@dataclass(frozen=True)
class Bound:
    """The conditions of one list as they are meant now: of each group one must hold."""

    texts: tuple
    day: Any  # which day it is, where they move with it
    groups: tuple

    @property
    def names(self):
        """The fields that they are about."""
        return tuple({one.about.key for group in self.groups for one in group})

    def met(self, was):
        """Whether a row of which this stood (name → value) meets them."""
        return all(any(one.meets(was.get(one.about.key)) for one in group) for group in self.groups)

    def node(self, listing):
        """The condition that a query has."""
        ways = [[one.node(listing.column(one.about.key)) for one in group] for group in self.groups]
        return reduce(and_, (reduce(or_, group) for group in ways))


def read(listing, texts):
    """Conditions as they are kept, as an address or a form has them. Refuses with Unfit."""
    if len(texts) > MOST:
        raise Unfit(f"A key has {MOST} conditions at most for a list.")
    found = [_parsed(listing, text) for text in texts]
    return [one.written() for one, _ in found]


def said(listing, text, people):
    """One of them in words; `people` are their names by id."""
    try:
        condition, asked = _parsed(listing, text)
    except Unfit:
        return "a field that is gone is something"
    if asked.operator is EXACTLY:
        return f"{asked.about.label} is exactly {asked.text}"
    return conditions.said(listing.whole, condition, people)


def _parsed(listing, text):
    condition = conditions.parsed(text)
    about = next((one for one in offered(listing) if condition and one.key == condition.name), None)
    if about is None:
        raise Unfit("A condition is about a field that isn't here any more.")
    operator = next((one for one in about.operators if one.key == condition.operator), None)
    if operator is None:
        raise Unfit(f"A key can't ask {about.label} for that.")
    if operator is EXACTLY:
        text = clean(next(iter(condition.texts), "")).strip()
        if not text:
            raise Unfit(f"Say what {about.label} is to be compared with.")
        return condition, _Asked(about, operator, None, text)
    operand = about.kind.operand(operator, list(condition.texts) or [""])
    return condition, _Asked(about, operator, operand, "")


def narrowed(rules, texts):
    """The Rules of the rows alone that meet conditions which were kept. Refuses with NotFound, as the whole list, where
    one of them can't be understood any more."""
    if not texts:
        return rules
    bound = copy_context().run(_in_utc, rules.listing, tuple(texts))
    return replace(rules, listing=_narrower(rules.listing, bound.texts, bound.day), bound=bound)


def _in_utc(listing, texts):
    read_in("UTC")
    return _bound(listing, texts, now().date())


@lru_cache(maxsize=500)
def _bound(listing, texts, today):
    groups: list[list] = []
    for text in texts:
        try:
            condition, asked = _parsed(listing, text)
        except Unfit:
            raise NotFound(
                "This list isn't here for this key: a condition is about what isn't there any more."
            ) from None
        if condition.is_or and groups:
            groups[-1].append(asked)
        else:
            groups.append([asked])
    moves = any(one.operator.key in RELATIVE for group in groups for one in group)
    return Bound(texts, today if moves else None, tuple(map(tuple, groups)))


@lru_cache(maxsize=500)
def _narrower(listing, texts, day):
    """The listing with the conditions, by literals: rows are found by them also where no list is asked."""
    node = copy_context().run(lambda: (read_in("UTC"), _bound(listing, texts, now().date()).node(listing))[1])
    only = node if listing.only is None else listing.only & node
    return replace(listing, only=only, version=(listing.version, "bound", texts, day))
