"""How many rows a list has as it is asked, and what their amounts come to, in each currency; both within a bound."""

from dataclasses import dataclass
from functools import lru_cache

from peewee import SQL, Select, fn

from database.compiled import Compiled
from domain.lists import lists
from domain.lists.asks import AtLeast
from domain.lists.columns import Column
from domain.lists.listing import demand

SUMMED = lists.SUMMED


def total(listing, ask, by, most=None):
    """How many rows there are, of all pages, at most COUNTED + 1 («more than»). Of a search at most FOUND, unless
    `most` is said: each row that it finds may lie in a page of the file of its own (`audit_1m_vs_django_admin`)."""
    demand(by, listing.tab(ask.tab).capability)
    ask = ask.but(after="")
    if ask.finds_nothing:
        return 0
    if listing.source:
        return listing.source.total(listing, ask, by, most)
    if ask.where:
        rows, is_whole = lists.matching(listing, ask, by)
        return AtLeast.unless(is_whole, min(len(rows), lists.COUNTED + 1))
    shape = lists.shape_of(listing, ask, by, lists.COUNTS, None)
    most = most or (lists.FOUND if shape.searched else lists.COUNTED + 1)
    query = Compiled(lambda: _build_total(listing, shape)) if shape.conditions else _counting(listing, shape)
    with lists.standing(listing, by):
        found = query(**lists.values_of(listing, ask, by, None), limit=most)[0][0]
    return AtLeast.unless(found < most or most > lists.COUNTED, found)


@lru_cache(maxsize=lists.SHAPES)
def _counting(listing, shape):
    return Compiled(lambda: _build_total(listing, shape))


def _build_total(listing, shape):
    rows, _ = lists.narrowed(listing, shape, [listing.column("id")])
    return Select(from_list=[rows.limit(lists.limit()).alias("some")], columns=[fn.count(SQL("*"))])


@dataclass(frozen=True)
class Sums:
    """What the rows asked for come to: `totals` is (field name, currency or None) → sum, empty beyond SUMMED."""

    count: int
    totals: dict

    @property
    def is_whole(self):
        return self.count <= SUMMED


def sums(listing, ask, by):
    """How many rows there are and what their amounts come to, in each currency. At most SUMMED are looked at."""
    demand(by, listing.tab(ask.tab).capability)
    if ask.finds_nothing:
        return Sums(0, {})
    shape = lists.shape_of(listing, ask.but(after=""), by, lists.SUMS, None)
    query = Compiled(lambda: _build_sums(listing, shape)) if shape.conditions else _summing(listing, shape)
    with lists.standing(listing, by):
        found = query(**lists.values_of(listing, ask.but(after=""), by, None))
    count = sum(row[1] for row in found)
    if count > SUMMED:
        return Sums(count, {})
    totals: dict = {}
    for currency, _, *added in found:
        for name, total in zip(listing.sums, added, strict=True):
            if total is not None:
                place = name, currency if listing.by_name[name].kind.currency else None
                totals[place] = totals.get(place, 0) + int(total)
    return Sums(count, totals)


@lru_cache(maxsize=lists.SHAPES)
def _summing(listing, shape):
    return Compiled(lambda: _build_sums(listing, shape))


def _build_sums(listing, shape):
    amounts = [listing.column(name) for name in listing.sums]
    currency = next((c for name in listing.sums if (c := listing.by_name[name].kind.currency)), None)
    columns = [Column("id", listing.model.id)]
    columns += [Column(c.name, c.field, c.node.alias(f"amount_{n}")) for n, c in enumerate(amounts)]
    if currency:
        columns.append(Column(currency, None, listing.column(currency).node.alias("currency")))
    rows = lists.narrowed(listing, shape, columns)[0].limit(SUMMED + 1).alias("some")
    totals = [fn.sum(getattr(rows.c, f"amount_{n}")) for n in range(len(amounts))]
    query = Select(
        from_list=[rows], columns=[rows.c.currency if currency else SQL("null"), fn.count(SQL("*")), *totals]
    )
    return query.group_by(rows.c.currency).order_by(rows.c.currency) if currency else query
