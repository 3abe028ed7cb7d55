"""Numbers of rows: each given once, also to rows that were there before, and never again."""

import pytest

from domain import Invalid
from domain.lists import asks, lists, rows
from domain.records import collections, kind_changes, listings, shape_changes
from domain.records.rows import numbers
from models import Record


@pytest.fixture
def table(at, inside_acme):
    return collections.make("Bills", by=at("alice"), fields=(("Name", "text"), ("Old", "text")))


def of(by):
    return listings.find("bills", by)


def add(by, **cells):
    known = {f.label: f.name for f in of(by).listing.fields}
    return rows.create(of(by), {known[label]: text for label, text in cells.items()}, by=by).id


def shown(by, label="No"):
    listing = of(by).listing
    field = next(f for f in listing.fields if f.label == label)
    ask = asks.understand(listing, {"sort": "oldest"})
    return [field.kind.plain(getattr(row, field.name)) for row in lists.read(listing, ask, by).rows]


def all_of(work):
    while work():
        pass


def test_rows_are_numbered_and_a_number_never_comes_again(table, at):
    by = at("alice")
    before = [add(by, Name=f"B{n}") for n in range(3)]
    removed = rows.remove(of(by), before[1], by=by)
    collections.add_field("bills", "No", "autonumber", by=by, options={"prefix": "B-", "digits": "2"})
    new = add(by, Name="While it waits")
    all_of(numbers.work)
    assert shown(by) == ["B-02", "B-04", "B-01"]
    rows.undo(of(by), removed.batch, by=by)
    assert shown(by) == ["B-02", "B-03", "B-04", "B-01"]
    rows.remove(of(by), new, by=by)
    add(by, Name="Next")
    assert shown(by) == ["B-02", "B-03", "B-04", "B-05"]
    all_of(numbers.work)
    assert len(shown(by)) == 4


def test_nobody_writes_a_number_by_hand(table, at):
    by = at("alice")
    collections.add_field("bills", "No", "autonumber", by=by)
    id, name = add(by, Name="A"), next(f.name for f in of(by).listing.fields if f.label == "No")
    with pytest.raises(Invalid, match="no field takes “77”"):
        rows.change(of(by), id, {name: "77"}, by=by)
    assert shown(by) == ["1"]
    assert name not in {f.name for f in of(by).listing.written}


def test_a_text_becomes_a_number_the_empty_ones_get_the_next_and_it_can_go_back(table, at):
    by = at("alice")
    for old in ("B-7", "", "later", "3"):
        add(by, Name="A", Old=old)
    field = int(next(f.name for f in of(by).listing.fields if f.label == "Old")[1:])
    options = {"prefix": "B-"}
    seen = kind_changes.rehearse("bills", field, "autonumber", by=by, options=options)
    assert [one.now for one in seen.left] == ["later"]
    kind_changes.begin("bills", field, "autonumber", by=by, options=options)
    all_of(kind_changes.work)
    all_of(numbers.work)
    add(by, Name="New")
    listing = of(by).listing
    cells = [
        getattr(row, f"f{field}") for row in lists.read(listing, asks.understand(listing, {"sort": "oldest"}), by).rows
    ]
    assert cells == [7, 8, "later", 3, 9]
    kind_changes.begin("bills", field, "text", by=by)
    all_of(kind_changes.work)
    assert shown(by, "Old") == ["B-7", "B-8", "later", "B-3", "B-9"]
    assert Record.select().count() == 5


def test_another_prefix_and_an_undo_never_give_a_number_again(table, at):
    by = at("alice")
    collections.add_field("bills", "No", "autonumber", by=by, options={"prefix": "B-"})
    field = int(next(f.name for f in of(by).listing.fields if f.label == "No")[1:])
    rows.remove(of(by), [add(by, Name=f"B{n}") for n in range(3)][2], by=by)
    kind_changes.begin("bills", field, "autonumber", by=by, options={"prefix": "C-"})
    all_of(kind_changes.work)
    add(by, Name="New")
    assert shown(by) == ["C-1", "C-2", "C-4"]
    kind_changes.begin("bills", field, "text", by=by)
    all_of(kind_changes.work)
    add(by, Name="Newer")
    last = shape_changes.recent(collections.found("bills"))
    for change in [one for one in last if one.undoable][:2]:
        shape_changes.undo("bills", change.id, by=by)
    all_of(numbers.work)
    assert shown(by) == ["B-1", "B-2", "B-4", "B-5"]
