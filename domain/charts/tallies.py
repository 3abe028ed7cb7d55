"""Counting: the rows that a list is asked for, in groups, each with what its amounts come to in each currency."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from peewee import Select, fn

from database.clock import reader_zone
from database.columns import Moment
from database.compiled import Compiled
from database.connections import database
from domain.charts import groupings, sums
from domain.fields.money import Money
from domain.fields.records.amount import Amount
from domain.fields.records.leftover import LeftOver
from domain.lists import conditions, lists
from domain.lists.columns import Column
from domain.lists.listing import demand

KEPT_GROUPS = 400  # of texts and people, the greatest; the rest are one group
CHUNK = 1000


@dataclass
class Tally:
    """What was counted: (group, currency or nothing) → how many, or the sum."""

    totals: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    looked: int = 0
    left: int = 0  # cells whose words are no number
    is_whole: bool = True  # whether all rows were looked at

    @property
    def series(self):
        """The currencies, or one without a name."""
        return sorted({series for _, series in self.totals}) or [""]

    def stored(self):
        """As JSON; `restored` is its way back."""
        totals = [(*place, str(total)) for place, total in self.totals.items()]
        return {"totals": totals, "looked": self.looked, "left": self.left}


def restored(kept):
    """The Tally of what `stored` gave."""
    totals = {(key, series): Decimal(total) for key, series, total in kept["totals"]}
    return Tally(totals, kept["looked"], kept["left"])


def count(asked, by, most=None, onward=None):
    """The Tally of a chart as this member sees its list.

    It stops short where that were more than `most` rows; `onward` is told how many were looked at so far.
    Refuses with Forbidden a tab that isn't theirs.
    """
    listing, chart, tally = asked.listing, asked.chart, Tally()
    demand(by, listing.tab(asked.ask.tab).capability)
    if asked.ask.finds_nothing:
        return tally
    keys, known = groupings.keys_of(chart), {}
    for pairs, looked in _chunks(asked, by, most):
        for value, amount, rows in pairs:
            place = (type(value), value)
            if place not in known:
                known[place] = keys(value)
            _add(tally, chart, known[place], amount, rows)
        tally.looked += looked
        if onward:
            onward(tally.looked)
        if most and tally.looked > most:
            tally.is_whole = False
            break
    _trim(tally, chart)
    return tally


def _add(tally, chart, keys, amount, rows):
    if chart.of is None:
        found = ("", Decimal(rows))
    elif isinstance(amount, LeftOver):
        tally.left += rows
        return
    elif amount is None:
        return
    else:
        series, number = sums.parted(amount)
        found = (series, number if rows == 1 else sums.EXACT.multiply(number, Decimal(rows)))
    for key in keys:
        place = (key, found[0])
        tally.totals[place] = sums.EXACT.add(tally.totals.get(place, Decimal(0)), found[1])


def weights(tally):
    """group → how much it is, in all currencies together: to say which is great, never to be shown."""
    found: dict[str, Decimal] = {}
    for (key, _), total in tally.totals.items():
        found[key] = found.get(key, Decimal(0)) + abs(total)
    return found


def _trim(tally, chart):
    found = weights(tally)
    if len(found) <= KEPT_GROUPS or chart.is_over_time:
        return
    special = (groupings.NONE, groupings.LEFT)
    ranked = sorted((key for key in found if key not in special), key=lambda key: (-found[key], key))
    kept, totals = {*ranked[: KEPT_GROUPS - 1], *special}, dict(tally.totals)
    tally.totals.clear()
    for (key, series), total in totals.items():
        place = (key if key in kept else groupings.OTHERS, series)
        tally.totals[place] = sums.EXACT.add(tally.totals.get(place, Decimal(0)), total)


# --- the values of rows: [(of the group, of the sum, how many rows)] and how many rows these were, in turn ---------


def _chunks(asked, by, most):
    if asked.listing.source:
        return asked.listing.source.pairs(asked.listing, asked.ask, by, asked.chart, most)
    return _walked(asked, by) if asked.ask.where else _grouped(asked, by, most)


def _grouped(asked, by, most):
    """All at once, as the database counts them."""
    listing = asked.listing
    names = [name for name in asked.chart.names if name]
    money = asked.chart.of.kind if asked.chart.of and isinstance(asked.chart.of.kind, Money) else None
    columns = [listing.column(name) for name in (*names, *([money.currency] if money else ()))]
    nodes = [_rounded(c) if n == 0 and asked.chart.is_over_time else c.node for n, c in enumerate(columns)]
    values = [Column(c.name, c.field, nodes[n].alias(f"value_{n}")) for n, c in enumerate(columns)]
    shape = lists.shape_of(listing, asked.ask, by, lists.SUMS, None)
    rows = lists.narrowed(listing, shape, [Column("id", listing.model.id), *values])[0]
    some = (rows.limit(most + 1) if most else rows).alias("some")
    groups = [getattr(some.c, f"value_{n}") for n in range(len(columns))]
    query = Select(from_list=[some], columns=[*groups, fn.count(some.c.id)]).group_by(*groups)
    with lists.standing(listing, by):
        found = Compiled(lambda: query)(**lists.values_of(listing, asked.ask, by, None))
    pairs = [_pair(asked.chart, money, columns, raw) for raw in found]
    yield pairs, sum(rows for _, _, rows in pairs)


def _rounded(column):
    """What of a column a chart over time tells apart: of moments the hours, or in few zones the minutes, so that the
    database gives back one row for each and not one for each moment."""
    if not isinstance(column.field, Moment):
        return column.node
    is_hours = groupings.has_whole_hours(reader_zone())
    if database.dialect == "postgres":
        return fn.date_trunc("hour" if is_hours else "minute", column.node, "UTC")
    return fn.substr(column.node, 1, 13 if is_hours else 16).concat(":00Z" if is_hours else "Z")


def _pair(chart, money, columns, raw):
    read = [c.read(value) if c.needs_reading else value for c, value in zip(columns, raw[:-1], strict=True)]
    amount = read[bool(chart.by)] if chart.of else None
    if money and amount is not None:
        amount = Amount(Decimal(amount), read[-1])
    return read[0] if chart.by else None, amount, raw[-1]


def _walked(asked, by):
    """Row by row, where conditions are asked of their values."""
    names = [name for name in asked.chart.names if name]
    listing = asked.listing
    wide = replace(listing, name=f"{listing.name} with {names}", also=(*listing.also, *names))
    tests = conditions.tests(wide, asked.ask.where, getattr)
    group, amount = asked.chart.names
    batch: list[Any] = []
    looked = 0
    for looked, row in enumerate(lists.candidates(wide, asked.ask, by), 1):
        if all(test(row) for test in tests):
            batch.append((getattr(row, group) if group else None, getattr(row, amount) if amount else None, 1))
        if not looked % CHUNK:
            yield batch, CHUNK
            batch = []
    yield batch, looked % CHUNK
