"""What somebody asks of a list, read out of an address, and what is answered."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from domain.fields.kinds import Unfit, clean, whole
from domain.lists import conditions

PAGE = 50
MOST = 2000  # rows of one answer: a long list that is drawn again keeps its length
DUE = {"overdue": "Overdue", "week": "Next 7 days", "none": "No due date"}


class Looks:
    """The rows that several lists of one page may look at together: what one leaves is for the others."""

    def __init__(self, lists):
        self.lists, self.left = lists, None

    def share(self, most):
        self.left = most if self.left is None else self.left
        return max(self.left, 0) // max(self.lists, 1)

    def spend(self, count):
        self.lists, self.left = self.lists - 1, self.left - count


@dataclass(frozen=True)
class Ask:
    """What somebody wants to see of a list."""

    tab: str = ""
    filters: tuple = ()  # ((field name, value), …)
    ranges: tuple = ()  # ((field name, "from" or "to", value), …)
    spans: tuple = ()  # ((field name, first day, the day behind the last), …), of the reader's days
    q: str = ""
    due: str = ""
    sort: str = ""
    after: str = ""
    rows: int = PAGE
    parent: int | None = None  # the row that the list stands in
    where: tuple = ()  # conditions.Condition …
    lost: int = 0  # how many conditions weren't understood
    looks: Any = field(default=None, compare=False)  # Looks, of one of several lists on a page

    def bound(self, most):
        """How many rows may be looked at for this list, of `most` for a page."""
        return most if self.looks is None else max(self.looks.share(most), self.rows + 1)

    def looked(self, count):
        """Note how many rows were looked at."""
        if self.looks is not None:
            self.looks.spend(count)

    def but(self, **changes):
        return replace(self, **changes)

    def without(self, name):
        """The same rows in no order and from the beginning, whatever this field's filter says: to count its words."""
        return self.but(filters=tuple(pair for pair in self.filters if pair[0] != name), after="", sort="")

    @property
    def words(self):
        """Runs of letters and digits: all of them, and never a sign that a query would take for «anything»."""
        return tuple(re.findall(r"[^\W_]+", self.q))

    @property
    def finds_nothing(self):
        """Whether it looks for something in which there is no word: that is found nowhere."""
        return bool(self.q) and not self.words

    @property
    def is_narrowed(self):
        return bool(self.q or self.filters or self.ranges or self.due or self.where)


class AtLeast(int):
    """A count of rows that stopped before all of them were looked at."""

    @classmethod
    def unless(cls, is_whole, count):
        return count if is_whole else cls(count)


@dataclass(frozen=True)
class Answer:
    rows: list
    more: str  # the key to go on from, empty at the end
    people: dict  # id → name
    looked: int = 0  # how many rows were looked at, where that was too many to look on


def understand(listing, args, parent=None):
    """An Ask out of query arguments. What can't be meant is left out; a broken cursor is refused."""
    chosen, ranges = [], []
    for f in listing.filterable:
        _understand(f.kind.read, args.get(f.name, ""), lambda value, name=f.name: chosen.append((name, value)))
    for name in listing.ranges:
        kind = listing.by_name[name].kind
        for end in ("from", "to"):
            keep = lambda value, name=name, end=end: ranges.append((name, end, value))  # noqa: E731
            _understand(lambda text, end=end, kind=kind: kind.bound(text, end), args.get(f"{name}_{end}", ""), keep)
    rows = whole(args.get("rows")) or PAGE
    where, lost = conditions.read(listing, _texts(args, "where"), _written_condition(listing, args))
    return Ask(
        tab=listing.tab(args.get("tab", "")).key,
        filters=tuple(chosen),
        ranges=tuple(ranges),
        q=" ".join(clean(args.get("q", "")).split())[:200] if listing.search else "",
        due=args.get("due", "") if args.get("due") in DUE and listing.due else "",
        sort=next((s.key for s in listing.sorts if s.key == args.get("sort")), listing.sorts[0].key),
        after=str(args.get("after", ""))[:600],
        rows=min(rows, MOST),
        parent=parent,
        where=where,
        lost=lost,
    )


LISTS_OWN = {"tab", "q", "due", "where", "sort", "view", "after", "rows"}


def left_out(ask, args, own=()):
    """Whether something of the arguments wasn't understood, so that the list shows more than they ask for.

    `own` are the names of what isn't asked of the list.
    """
    known = {*LISTS_OWN, *own, *(name for name, _ in ask.filters), *(f"{name}_{end}" for name, end, _ in ask.ranges)}
    return bool(ask.lost) or not args.keys() <= known


def _texts(args, name):
    return args.getlist(name) if hasattr(args, "getlist") else list(args.get(name, ()))


def _written_condition(listing, args):
    """The condition of the form that asks for one more, or None."""
    one = conditions.of_form(args)
    return one if one and conditions.asked(listing, one) else None


def _understand(read, text, keep):
    text = clean(text)
    if text:
        try:
            keep(read(text))
        except Unfit:
            return
