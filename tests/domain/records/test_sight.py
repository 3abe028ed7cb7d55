"""Rows of tables that people made, as lists ask for them: by keys, by looking, and the same on both databases."""

import random

import pytest

from domain import Forbidden, Invalid, NotFound, Stale
from domain.lists import asks, lists, rows, totals
from domain.records import collections, listings
from models import Record, RecordKey, RecordOption

STATES = ("New", "Open", "Done")


@pytest.fixture
def table(at, inside_acme):
    """Repairs: a name, a state, a day, a way, and notes."""
    fields = (
        ("Name", "text"),
        ("State", "choice", STATES),
        ("Bring on", "day"),
        ("Way", "choice", ("Repair", "Loan")),
        ("Notes", "long_text"),
    )
    return collections.make("Repairs", by=at("alice"), fields=fields)


def rules_of(table, by):
    return listings.of(collections.found(table.slug), by)


def names(rules):
    return {f.label: f.name for f in rules.listing.fields}


def add(rules, by, **cells):
    known = names(rules)
    return rows.create(rules, {known[label.replace("_", " ")]: text for label, text in cells.items()}, by=by)


def option(label):
    return RecordOption.get(RecordOption.label == label).id


def titles(rules, by, **asked):
    """The names of all rows of a list, page after page."""
    first, found = rules.listing.first, []
    ask = asks.understand(rules.listing, {name: str(value) for name, value in asked.items()})
    while True:
        answer = lists.read(rules.listing, ask, by)
        found += [getattr(row, first) for row in answer.rows]
        if not answer.more:
            return found
        ask = ask.but(after=answer.more)


@pytest.fixture
def many(table, at):
    """Sixty rows in no order."""
    by = at("alice")
    rules, rng = rules_of(table, by), random.Random(5)
    made = []
    for number in range(60):
        cells = {"Name": f"{rng.choice(('apple', 'Äpfel', 'Zebra', 'A2', 'A10'))} {number}"}
        cells["State"] = rng.choice((*STATES, ""))
        cells["Bring_on"] = rng.choice(("2026-03-01", "2026-03-02", "2026-04-01", ""))
        cells["Way"] = rng.choice(("Repair", "Loan", ""))
        made.append(add(rules, by, **cells))
    return rules, by, made


def test_a_row_is_made_read_changed_and_put_into_the_trash(table, at):
    by = at("alice")
    rules = rules_of(table, by)
    row = add(rules, by, Name="Toaster", State="New", Bring_on="2026-03-29")
    known = names(rules)
    shown = lists.find(rules.listing, row.id, by)
    assert (getattr(shown, known["Name"]), getattr(shown, known["State"])) == ("Toaster", option("New"))
    _, change = rows.change(rules, row.id, {known["State"]: "Done"}, by=by, was={known["State"]: str(option("New"))})
    assert change.table == f"record:{table.id}"
    assert titles(rules, by, **{known["State"]: option("Done")}) == ["Toaster"]
    assert titles(rules, by, **{known["State"]: option("New")}) == []
    removed = rows.remove(rules, row.id, by=by)
    assert titles(rules, by) == []
    assert RecordKey.select().count() == 0
    assert rows.undo(rules, removed.batch, by=by) == 1
    assert titles(rules, by, **{known["State"]: option("Done")}) == ["Toaster"]
    assert rows.undo(rules, change.batch, by=by) == 1
    assert titles(rules, by, **{known["State"]: option("New")}) == ["Toaster"]


def test_two_at_one_cell(table, at):
    by = at("alice")
    rules = rules_of(table, by)
    row, name = add(rules, by, Name="Toaster"), rules.listing.first
    rows.change(rules, row.id, {name: "Kettle"}, by=at("bob"))
    with pytest.raises(Stale):
        rows.change(rules, row.id, {name: "Iron"}, by=by, was={name: "Toaster"})


def test_a_viewer_looks_and_a_stranger_finds_nothing(table, at):
    by = at("alice")
    rules = rules_of(table, by)
    row = add(rules, by, Name="Toaster")
    viewer = at("vera")
    hers = rules_of(table, viewer)
    assert titles(hers, viewer) == ["Toaster"]
    with pytest.raises(Forbidden):
        rows.change(hers, row.id, {rules.listing.first: "x"}, by=viewer)
    other = collections.make("Other", by=by)
    with pytest.raises(NotFound):
        rows.get(rules_of(other, by), row.id, by)


@pytest.mark.parametrize("way", ["up", "down"])
def test_every_sort_walks_all_rows_once_in_its_order_with_the_empty_behind(many, way, monkeypatch):
    rules, by, made = many
    monkeypatch.setattr("domain.lists.asks.PAGE", 7)
    for sort in rules.listing.sorts[2:]:
        if sort.descending != (way == "down"):
            continue
        cell = rules.listing.source.shape.by_name[sort.column]
        keys = {row.id: cell.key(row.value(cell.name)) for row in made}
        ask = asks.understand(rules.listing, {"sort": sort.key, "rows": "7"})
        found = []
        while True:
            answer = lists.read(rules.listing, ask, by)
            found += [row.id for row in answer.rows]
            if not answer.more:
                break
            ask = ask.but(after=answer.more)
        assert sorted(found) == sorted(keys), sort.key
        with_it = [keys[id] for id in found if keys[id] != "2"]
        assert [keys[id] for id in found[len(with_it) :]] == ["2"] * (60 - len(with_it)), sort.key
        assert with_it == sorted(with_it, reverse=sort.descending), sort.key


def test_a_filter_with_each_sort_is_the_same_as_looking_at_all(many):
    rules, by, made = many
    known, loan = names(rules), option("Loan")
    wanted = {row.id for row in made if row.value(known["State"]) == option("Open") and row.value(known["Way"]) == loan}
    for sort in rules.listing.sorts:
        asked = {known["State"]: str(option("Open")), known["Way"]: str(loan), "sort": sort.key}
        answer = lists.read(rules.listing, asks.understand(rules.listing, asked), by)
        assert {row.id for row in answer.rows} == wanted, sort.key
    ask = asks.understand(rules.listing, {known["State"]: str(option("Open")), known["Way"]: str(loan)})
    assert totals.total(rules.listing, ask, by) == len(wanted)


def test_days_from_and_to(many):
    rules, by, made = many
    day = names(rules)["Bring on"]
    wanted = {row.id for row in made if row.value(day) and row.value(day).isoformat() < "2026-04-01"}
    for sort in rules.listing.sorts:
        asked = {f"{day}_from": "2026-03-01", f"{day}_to": "2026-03-31", "sort": sort.key}
        answer = lists.read(rules.listing, asks.understand(rules.listing, asked), by)
        assert {row.id for row in answer.rows} == wanted, sort.key


def test_columns_of_the_board_are_counted(many):
    rules, by, made = many
    state = names(rules)["State"]
    found = lists.counts(rules.listing, lists.Ask(tab="all"), by)
    assert found == {option(label): sum(row.value(state) == option(label) for row in made) for label in STATES} | {
        None: sum(row.value(state) is None for row in made)
    }


def test_what_is_written_is_found_by_its_words(table, at):
    by = at("alice")
    rules = rules_of(table, by)
    add(rules, by, Name="Toaster of Ms Meyer", Notes="The spring is broken")
    add(rules, by, Name="Kettle", State="Open")
    assert titles(rules, by, q="meyer spring") == ["Toaster of Ms Meyer"]
    assert titles(rules, by, q="open") == ["Kettle"]
    other = collections.make("Other", by=by)
    assert titles(rules_of(other, by), by, q="kettle") == []


def test_a_place_that_is_none_is_refused(many):
    rules, by, _ = many
    for after in ("x", "~", "3~1", "1a~x", "1\x00~4"):
        with pytest.raises(Invalid):
            titles(rules, by, sort=rules.listing.sorts[2].key, after=after)


def test_the_walk_stops_and_says_so(many, monkeypatch):
    rules, by, made = many
    monkeypatch.setattr("domain.records.sight.LOOKED", 10)
    monkeypatch.setattr("domain.records.questions.GATHERED", 0)
    day = names(rules)["Bring on"]
    ask = asks.understand(rules.listing, {f"{day}_from": "2026-04-01"})
    answer = lists.read(rules.listing, ask, by)
    assert answer.looked == 10
    assert answer.more
    found = [row.id for row in answer.rows]
    while answer.more:
        answer = lists.read(rules.listing, ask.but(after=answer.more), by)
        found += [row.id for row in answer.rows]
    assert found == sorted((r.id for r in made if str(r.value(day)) == "2026-04-01"), reverse=True)


def test_keys_are_what_a_recomputation_says(many, at):
    """After any history each key equals what the documents say."""
    rules, by, made = many
    rng, shape = random.Random(7), rules.listing.source.shape
    known = names(rules)
    for row in made[:30]:
        if rng.random() < 0.3:
            rows.remove(rules, row.id, by=by)
        else:
            rows.change(rules, row.id, {known["State"]: rng.choice(STATES), known["Name"]: f"n{rng.random()}"}, by=by)
    wanted = set()
    for record in Record.select().where(Record.archived_at.is_null()):
        row = rules.listing.source.get(rules.listing, record.id, by, None, None)
        wanted |= {(cell.slot, cell.key(row.value(cell.name)), row.id) for cell in shape.keyed}
    assert {(k.slot_id, k.key, k.record) for k in RecordKey.select()} == wanted
