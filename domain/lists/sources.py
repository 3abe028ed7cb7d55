"""Lists whose rows no table has: few of them, in the code or in a document. Narrowed and sorted as they are read.

The same questions as in lists.py, of a Listing with a `source`; its conditions are (value) → (row) → bool, its
search names fields, and what isn't sorted stands as the source gives it.
"""

from domain import Invalid


def rows(listing, by):
    """All its rows as the list shows them."""
    return [listing.Row._make(map(given.get, listing.Row._fields)) for given in listing.source(by)]


def find(listing, id, by):
    """The row with this id, or None."""
    return next((row for row in rows(listing, by) if row.id == id), None)


def narrowed(listing, ask, by):
    """The rows that are asked for, in the order asked for."""
    found = [row for row in rows(listing, by) if _is_asked_for(listing, ask, row)]
    sort = listing.sort(ask.sort)
    if sort.column == "id":
        return found[::-1] if sort.descending else found
    with_it = [row for row in found if getattr(row, sort.column) is not None]
    with_it.sort(key=lambda row: _comparable(getattr(row, sort.column)), reverse=sort.descending)
    return with_it + [row for row in found if getattr(row, sort.column) is None]


def page(listing, ask, by):
    """(rows, the key to go on from). Refuses with Invalid when the row that it went on from is gone."""
    found, start = narrowed(listing, ask, by), 0
    if ask.after:
        ids = [str(row.id) for row in found]
        if ask.after not in ids:
            raise Invalid({"after": "This place in the list can't be found; start from its beginning."})
        start = ids.index(ask.after) + 1
    shown = found[start : start + ask.rows]
    return shown, str(shown[-1].id) if len(found) > start + ask.rows else ""


def counts(listing, ask, by):
    """Word of the counted choice → how many rows that meet the search have it."""
    found = [getattr(row, listing.counted.name) for row in narrowed(listing, ask, by)]
    return {word: found.count(word) for word in listing.counted.kind.words}


def _is_asked_for(listing, ask, row):
    return not ask.finds_nothing and (
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
