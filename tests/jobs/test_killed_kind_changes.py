"""kill -9 while a field becomes another kind: each cell is its value or its very words, and nothing is done twice.

The suite dies three deaths in a row; with CRASHES set, at ten places over a hundred thousand rows.
"""

import json
import os

import pytest

from database.clock import now
from database.scope import inside
from database.transactions import writes
from domain.fields.records.leftover import LeftOver
from domain.lists import rows
from domain.records import collections, kind_changes, listings
from models import LongJob, Record, RecordKey
from tests.fixtures import deaths
from tests.fixtures.threads import write

CHILD = """
from database import transactions
from domain.records import documents, kind_changes
from tests.fixtures.deaths import awake, dies_at

awake()
kind_changes.BATCH = {batch}
dies_at(documents, "fill", after=False)
dies_at(transactions.Piece, "run", before=False)
while kind_changes.work():
    pass
print("lived")
"""
DEATHS = (1, 25, 70, 2, 33, 44, 3, 50, 23, 24) if os.environ.get("CRASHES") else (1, 25, 70)
ROWS = 100_000 if os.environ.get("CRASHES") else 200
BATCH = max(20, ROWS // 100)


@pytest.fixture
def table(cast, at):
    with inside(cast.acme):
        by = at("alice")
        table = collections.make("Offers", by=by, fields=(("Name", "text"), ("Budget", "text")))
        sight = listings.of(table, by).listing.source
        for start in range(0, ROWS, 1000):
            some = range(start, min(start + 1000, ROWS))
            worked = [sight.worked(None, {"f1": f"Row {n}", "f2": f"ca. {n}" if n % 7 == 0 else str(n)}) for n in some]
            write(sight.write_many, worked, by, now())
        return table


@writes
def _nobody_holds_it():
    LongJob.update(held_until_at=None).execute()  # a minute later


def test_records_01_killed_anywhere_no_cell_is_lost_and_none_is_done_twice(cast, at, table):
    with inside(cast.acme):
        kind_changes.begin(table.slug, 2, "number", by=at("alice"))
    wanted = {f"Row {n}": LeftOver(f"ca. {n}") if n % 7 == 0 else n for n in range(ROWS)}
    for place, nth in enumerate(DEATHS):
        deaths.die(CHILD.format(batch=BATCH), nth=nth)
        _nobody_holds_it()
        with inside(cast.acme):  # somebody else writes meanwhile, where it was and where it wasn't yet
            rules = listings.of(table, at("alice"))
            number, text = (place * 7919 + 5) % ROWS, (f"about {place}", str(place))[place % 2]
            id = Record.select().order_by(Record.id).offset(number).first().id
            rows.change(rules, id, {"f2": text}, by=at("alice"))
            wanted[f"Row {number}"] = int(text) if text.isdigit() else LeftOver(text)
    while kind_changes.work():
        pass
    with inside(cast.acme):
        by = at("alice")
        table = collections.found(table.slug)
        cells = listings.of(table, by).listing.source.shape.cells
        found = [[cell.value(json.loads(row.cells)) for cell in cells] for row in Record.select()]
        assert dict(found) == wanted
        left = sum(isinstance(value, LeftOver) for value in wanted.values())
        assert abs(kind_changes.left_over(table)[2] - left) <= len(DEATHS)  # it was counted while somebody wrote
        slot = collections.field_of(table, 2).slot_id
        assert RecordKey.select().where(RecordKey.slot == slot).count() == ROWS
