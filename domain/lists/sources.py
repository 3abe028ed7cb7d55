"""Lists whose rows aren't columns of a table: what answers the questions of lists.py and rows.py instead.

A Listing's `source` is such a one. `Given` has few rows, which stand in the code or in a document; the tables that
people make have one of their own (domain/records).
"""

from dataclasses import dataclass
from typing import Any

from domain import Invalid, Refused


class AsItIs(Refused):
    """Of many rows at once, one can't be written as it was worked out, and none was: they go one by one."""

    def __init__(self):
        super().__init__("Something changed meanwhile.")


class Source:
    """What a list asks of where its rows are, each time with the `listing` whose they are:

    - page(listing, ask, by): (rows, the key to go on from, how many were looked at when that was too many to look on);
    - find(listing, id, by): the row with this id as the list shows it, or None;
    - counts(listing, ask, by): word of the counted choice → how many rows have it, to COUNTED + 1;
    - total(listing, ask, by): how many rows there are, to COUNTED + 1.

    One whose rows can be written has the functions of tables.py besides.
    """

    numbered = True  # its ids are numbers
    named: Any = None  # a pattern of all names that its fields may have or have had, where those come and go


@dataclass(frozen=True)
class Given(Source):
    """Few rows, narrowed and sorted as they are read.
    `rows_of` (by) gives them as dicts with a text «id». The listing's conditions are (value) → (row) → bool, its
    search names fields, and what isn't sorted stands as it is given."""

    rows_of: Any
    numbered = False

    def page(self, listing, ask, by):
        """Refuses with Invalid when the row that it went on from is gone."""
        found, start = self._narrowed(listing, ask, by), 0
        if ask.after:
            ids = [str(row.id) for row in found]
            if ask.after not in ids:
                raise Invalid({"after": "This place in the list can't be found; start from its beginning."})
            start = ids.index(ask.after) + 1
        shown = found[start : start + ask.rows]
        return shown, str(shown[-1].id) if len(found) > start + ask.rows else "", 0

    def find(self, listing, id, by):
        return next((row for row in self._rows(listing, by) if row.id == id), None)

    def counts(self, listing, ask, by):
        found = self._narrowed(listing, ask.without(listing.counted.name), by)
        words = [getattr(row, listing.counted.name) for row in found]
        return {word: words.count(word) for word in listing.counted.kind.words}

    def total(self, listing, ask, by, most=None):
        return len(self._narrowed(listing, ask, by))

    def _rows(self, listing, by):
        return [listing.Row._make(map(given.get, listing.Row._fields)) for given in self.rows_of(by)]

    def _narrowed(self, listing, ask, by):
        """The rows that are asked for, in the order asked for."""
        found = [row for row in self._rows(listing, by) if _is_asked_for(listing, ask, row)]
        sort = listing.sort(ask.sort)
        if sort.column == "id":
            return found[::-1] if sort.descending else found
        with_it = [row for row in found if getattr(row, sort.column) is not None]
        with_it.sort(key=lambda row: _comparable(getattr(row, sort.column)), reverse=sort.descending)
        return with_it + [row for row in found if getattr(row, sort.column) is None]


def _is_asked_for(listing, ask, row):
    return (
        all(_fits(listing, row, *pair) for pair in ask.filters)
        and all(_within(listing, row, *bound) for bound in ask.ranges)
        and all(word.casefold() in _words(listing, row) for word in ask.words)
    )


def _fits(listing, row, name, value):
    if name in listing.condition_of:
        return listing.condition_of[name](value)(row)
    return getattr(row, name) == value


def _within(listing, row, name, end, value):
    stands = getattr(row, name)
    return stands is not None and listing.by_name[name].kind.within(stands, end, value)


def _words(listing, row):
    return " ".join(str(getattr(row, name) or "") for name in listing.search).casefold()


def _comparable(value):
    return value.casefold() if isinstance(value, str) else value
