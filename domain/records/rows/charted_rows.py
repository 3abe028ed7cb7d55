"""What charts count of the rows that people made: by their keys where these tell it, else row by row."""

import json
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal, localcontext

from database.clock import reader_zone
from domain.charts import groupings, sums
from domain.charts.tallies import CHUNK
from domain.fields.day import Day
from domain.fields.moment import Moment
from domain.fields.person import Person
from domain.fields.records.amount import Amount
from domain.fields.records.leftover import LeftOver
from domain.fields.records.option import Options
from domain.fields.records.rating import Rating
from domain.fields.records.yes_no import YesNo
from domain.lists.asks import Ask
from domain.records import questions
from domain.records.shapes import EMPTY

ALL = 2**62
CELLS = 20_000  # rows whose cells are read at once


def pairs(sight, listing, plan, chart, most):
    """What domain/charts/tallies.py asks of a list's rows, in turn."""
    by, of = chart.names
    cell = sight.shape.by_name.get(by)
    by_keys = of is None and not plan.tests and not plan.spans
    if by_keys and by is None:
        rows = sight.found(plan, plan.probes, most + 1 if most else ALL)
        yield [(None, None, rows)], rows
        return
    if by_keys and plan.match is None and cell and cell.is_keyed and _length(cell.kind, chart.per) is not None:
        ((left,),) = questions.left_over()(
            slot=cell.slot, words=f'%"~s{cell.slot}":"%', limit=most + 1 if most else ALL
        )
        if not left or sight.narrowing(plan.probes, plan).is_all:
            yield _by_keys(sight, plan, cell, chart.per, left, most)
            return
    named = [sight.shape.by_name.get(name) for name in (by, of) if name]
    if all(named) and not plan.tests and not plan.spans and plan.match is None:
        yield from _by_cells(sight, plan, named, bool(by), bool(of))
    else:
        yield from _by_rows(sight, listing, plan, by, of)


def _by_rows(sight, listing, plan, by, of):
    batch, looked = [], 0
    for looked, (_, row) in enumerate(sight.walk(listing, plan, listing.sorts[0], Ask()), 1):
        if plan.passes(row):
            batch.append((row.value(by) if by else None, row.value(of) if of else None, 1))
        if not looked % CHUNK:
            yield batch, CHUNK
            batch = []
    yield batch, looked % CHUNK


def _by_cells(sight, plan, named, is_grouped, is_summed):
    """Of each row the cells that are charted and nothing else: a tenth of what whole rows take."""
    given = sight.narrows(plan)
    for place, (_, slot, key) in enumerate(plan.probes):
        given |= {f"slot_{place}": slot, f"key_{place}": key}
    for place, cell in enumerate(named):
        given |= {f"field_{place}": f"s{cell.slot}", f"words_{place}": f"~s{cell.slot}"}
    question, after = questions.cells(len(named), sight.narrowing(plan.probes, plan)), 0
    while found := question(**given, after_id=after, limit=CELLS):
        after = found[-1][0]
        groups: dict = {}
        for row in found:
            groups.setdefault(row[1] if is_grouped else None, []).append(row[-1])
        made = []
        for said, cells in groups.items():
            value = None if said is None else _stood(named[0], json.loads(said))
            if is_summed:
                made += [(value, amount, rows) for amount, rows in _added(named[-1], cells)]
            else:
                made.append((value, None, len(cells)))
        yield made, len(found)


def _stood(cell, pair):
    """What stands in a cell."""
    stored, words = pair
    return cell.kind.restored(stored) if stored is not None else None if words is None else LeftOver(words)


def _added(cell, said):
    """(the sum in each currency, 1) of cells, and how many have words left over."""
    # As they are stored, not restored one by one: `chart_1m`.
    numbers, left, usual = defaultdict(list), 0, getattr(cell.kind, "currency", "")
    for stored, words in json.loads(f"[{','.join(said)}]"):
        if stored is None:
            left += words is not None
            continue
        number, series = stored if isinstance(stored, list) else (stored, usual)
        numbers[series].append(number)
    with localcontext(sums.EXACT):
        added = [(series, sum(map(Decimal, some), Decimal())) for series, some in numbers.items()]
    found = [(Amount(total, series) if series else total, 1) for series, total in added]
    return [*found, (LeftOver(), left)] if left else found


def _by_keys(sight, plan, cell, per, left, most):
    given = sight.narrows(plan) | {"slot": cell.slot, "start": "1", "end": "3", "limit": most and most + 1}
    for place, (_, slot, key) in enumerate(plan.probes):
        given |= {f"slot_{place}": slot, f"key_{place}": key}
    length = _length(cell.kind, per)
    counted = questions.keys_counted(length, sight.narrowing(plan.probes, plan), bool(most))(**given)
    found = [(_value(cell.kind, key), None, rows) for key, rows in counted if key != EMPTY]
    empty = sum(rows for key, rows in counted if key == EMPTY)
    found += [(LeftOver(), None, min(left, empty)), (None, None, max(empty - left, 0))]
    return [pair for pair in found if pair[2]], sum(rows for _, rows in counted)


def _length(kind, per):
    """How much of a key tells the group (0 is all of it), or None where keys don't tell values."""
    if isinstance(kind, Day):
        return 1 + {"month": 7, "year": 4}.get(per, 10)
    if isinstance(kind, Moment):
        return 1 + (13 if groupings.has_whole_hours(reader_zone()) else 16)
    return 0 if isinstance(kind, Options | Person | YesNo | Rating) else None


def _value(kind, key):
    """The value whose key begins so."""
    key = key[1:]
    if isinstance(kind, Day):
        return date.fromisoformat((key + "-01-01")[:10])
    if isinstance(kind, Moment):
        return datetime.fromisoformat(f"{key}:00+00:00" if len(key) > 13 else f"{key}:00:00+00:00")
    return key == "0" if isinstance(kind, YesNo) else int(key)
