"""Columns of a board that is narrowed: counted among the first rows, and said so."""

import pytest

from domain.lists import asks, lists, rows, totals
from domain.lists.asks import AtLeast
from domain.records import collections, listings, questions
from domain.records.rows import board_rows


@pytest.mark.parametrize("asked", ["way", "q"])
def test_a_narrowed_board_is_counted_among_the_first_of_very_many(at, inside_acme, monkeypatch, asked):
    by = at("alice")
    fields = (("Name", "text"), ("State", "choice", ("New", "Done")), ("Way", "choice", ("Loan", "Repair")))
    rules = listings.of(collections.make("Repairs", by=by, fields=fields), by)
    name, state, way = (f.name for f in rules.listing.fields[:3])
    (new, done), (loan, repair) = (rules.listing.by_name[one].kind.words[:2] for one in (state, way))
    for number in range(20):
        cells = {
            name: f"Kettle {number}",
            state: str((new, done, "")[number % 3]),
            way: str((loan, repair)[number % 4 > 2]),
        }
        rows.create(rules, cells, by=by)
    ask = asks.understand(rules.listing, {"tab": "all"} | ({"q": "loan"} if asked == "q" else {way: str(loan)}))
    found = lists.counts(rules.listing, ask, by)
    assert found == {new: 5, done: 5, None: 5}
    assert not any(isinstance(count, AtLeast) for count in found.values())
    monkeypatch.setattr(questions, "TALLIED", 4)
    assert lists.counts(rules.listing, ask, by) == found  # not so many that all can't be looked at
    assert totals.total(rules.listing, ask, by) == 15
    monkeypatch.setattr(questions, "GATHERED", 10)
    for place in (board_rows, lists):  # of a search
        monkeypatch.setattr(place, "FOUND", 10)
    found = lists.counts(rules.listing, ask, by)
    assert sum(found.values()) == 4
    assert all(isinstance(count, AtLeast) and count <= 5 for count in found.values())
    total = totals.total(rules.listing, ask, by)
    assert (total, isinstance(total, AtLeast)) == ((10, True) if asked == "q" else (15, False))
    assert totals.total(rules.listing, ask, by, 501) == 15  # as programs ask
