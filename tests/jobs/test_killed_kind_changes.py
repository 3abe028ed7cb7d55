"""kill -9 while a field becomes another kind: each cell is its value or its very words, and nothing is done twice.

The suite dies three deaths in a row; with CRASHES set, at ten places.
"""

import os

import pytest

from database.scope import inside
from database.transactions import writes
from domain.fields.records.leftover import LeftOver
from domain.lists import lists, rows
from domain.records import collections, kind_changes, listings
from models import LongJob, Record, RecordKey
from tests.fixtures import deaths

CHILD = """
from database import transactions
from domain.records import documents, kind_changes
from tests.fixtures.deaths import awake, dies_at

awake()
kind_changes.BATCH = 20
dies_at(documents, "fill", after=False)
dies_at(transactions.Piece, "run", before=False)
while kind_changes.work():
    pass
print("lived")
"""
DEATHS = (1, 25, 70, 2, 33, 44, 3, 50, 23, 24) if os.environ.get("CRASHES") else (1, 25, 70)
ROWS = 200


@pytest.fixture
def table(cast, at):
    with inside(cast.acme):
        by = at("alice")
        table = collections.make("Offers", by=by, fields=(("Name", "text"), ("Budget", "text")))
        rules = listings.of(table, by)
        for number in range(ROWS):
            rows.create(
                rules, {"f1": f"Row {number}", "f2": f"ca. {number}" if number % 7 == 0 else str(number)}, by=by
            )
        return table


@writes
def _nobody_holds_it():
    LongJob.update(held_until_at=None).execute()  # a minute later


def test_killed_anywhere_no_cell_is_lost_and_none_is_done_twice(cast, at, table):
    with inside(cast.acme):
        kind_changes.begin(table.slug, 2, "number", by=at("alice"))
    for nth in DEATHS:
        deaths.die(CHILD, nth=nth)
        _nobody_holds_it()
    with inside(cast.acme):
        rules = listings.of(table, at("alice"))
        rows.change(rules, Record.select().order_by(Record.id.desc()).first().id, {"f2": "about 5"}, by=at("alice"))
    while kind_changes.work():
        pass
    with inside(cast.acme):
        by = at("alice")
        listing = listings.of(collections.found(table.slug), by).listing
        found = {row.f1: row.f2 for row in lists.read(listing, lists.Ask(rows=ROWS), by).rows}
        wanted = {f"Row {n}": LeftOver(f"ca. {n}") if n % 7 == 0 else n for n in range(ROWS)}
        assert found == wanted | {f"Row {ROWS - 1}": LeftOver("about 5")}
        left = sum(isinstance(value, LeftOver) for value in found.values())
        assert abs(kind_changes.left_over(table)[2] - left) <= 1  # it was counted while somebody wrote
        slot = collections.field_of(table, 2).slot_id
        assert RecordKey.select().where(RecordKey.slot == slot).count() == ROWS
