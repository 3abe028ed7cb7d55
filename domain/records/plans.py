"""How rows of a table that people made are looked for: what of their keys is known, and what must be looked at."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from domain import Invalid
from domain.fields.kinds import clean, whole
from domain.lists.asks import Ask
from domain.records import documents


@dataclass
class Plan:
    """How the rows that are asked for are found: by keys as far as there are some, and by looking at them."""

    exact: list = field(default_factory=list)  # (slot, key)
    spans: list = field(default_factory=list)  # (slot, from, to): superset of what a test then decides
    tests: list = field(default_factory=list)  # (row) → bool
    links: list = field(default_factory=list)  # (slot, the row that is pointed to)
    whose: list = field(default_factory=list)  # (slot of a link, slot of the other table, from, to)
    made_by: int | None = None
    match: str | None = None
    ask: Any = field(default_factory=Ask)

    @property
    def probes(self):
        """(«link» or «key», slot, key) of each field that holds one value."""
        return [("link", *one) for one in self.links] + [("key", *one) for one in self.exact]

    def passes(self, row):
        return all(test(row) for test in self.tests)


NEVER = date.max


def day_in(cell, row):
    """The reader's day of what stands in a cell, or None."""
    value = row.value(cell.name)
    return None if documents.is_no_value(value) else cell.kind.compared(value)


def span_of(plan, slot):
    """(from, to) of the keys of a slot within which all rows lie, or None."""
    spans = [(start, end) for one, start, end in plan.spans if one == slot]
    return (max(start for start, _ in spans), min(end for _, end in spans)) if spans else None


def on_side(name, kind, end, value):
    """(row) → whether what stands in a field lies on this side of a bound."""

    def test(row):
        stands = row.value(name)
        return not documents.is_no_value(stands) and kind.within(stands, end, value)

    return test


def by_value(rows, cell, most):
    """(key, row) of rows by a field without an order of its own. Refuses with Invalid more rows than `most`."""
    if len(rows) > most:
        more = f"At most {most:,} rows are ordered by {cell.field.label}. Narrow the list first"
        raise Invalid({"sort": f"{more}, or give the field an order on its own page."})
    return [(cell.key(row.value(cell.name)), row) for row in rows]


def following(keyed, place, after):
    """(key, row) of few rows in the order of `place`, from behind the (key, id) that a page goes on from."""
    keyed = sorted(keyed, key=lambda pair: place(*pair))
    if after:
        key, id = after
        behind = Standing(id)
        keyed = [pair for pair in keyed if place(*pair) > place(key, behind)]
    return iter(keyed)


def cursor(sort, key, row):
    """The text that a page goes on from behind this row."""
    return str(row.id) if sort.column == "id" else f"{key}~{row.id}"


def after(text, sort):
    """(key, id) that a page goes on from, or None. Refuses with Invalid."""
    if not text:
        return None
    key, mark, id = text.rpartition("~")
    if whole(id) is None or bool(mark) != (sort.column != "id") or clean(key) != key or (mark and key[:1] not in "12"):
        raise Invalid({"after": "This place in the list can't be found; start from its beginning."})
    return key, whole(id)


class Turned(str):
    """Text that is ordered from the end."""

    __slots__ = ()

    def __lt__(self, other):
        return str.__gt__(self, other)

    def __gt__(self, other):
        return str.__lt__(self, other)


class Standing:
    def __init__(self, id):
        self.id = id
