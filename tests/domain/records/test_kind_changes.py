"""A field becomes another kind: every cell is its value or its very words, before, meanwhile, after, and back."""

import contextlib
import json

import pytest

from domain import Forbidden, Invalid, Refused, Stale
from domain.fields.records.leftover import LeftOver
from domain.lists import asks, lists, rows
from domain.records import collections, kind_changes, listings, shape_changes
from models import Record, RecordKey, RecordOption, RecordSlot, ShapeChange

TEXTS = ("1200,5", "ca. 300", "", "7", "12 or 13", "-3,25", "1.200", "0")


@pytest.fixture
def table(at, inside_acme):
    return collections.make("Offers", by=at("alice"), fields=(("Name", "text"), ("Budget", "text")))


def rules_of(table, by):
    return listings.of(collections.found(table.slug), by)


def field_id(table, label="Budget"):
    return next(f.id for f in collections.fields(table) if f.label == label)


def cells(table, by, label="Budget"):
    """row → what stands in the field, of all that are there."""
    rules, name = rules_of(table, by), f"f{field_id(table, label)}"
    return {row.id: getattr(row, name) for row in lists.read(rules.listing, lists.Ask(rows=200), by).rows}


def fill(table, by, texts=TEXTS):
    rules, made = rules_of(table, by), {}
    first, budget = (f.name for f in rules.listing.fields[:2])
    for number, text in enumerate(texts):
        made[rows.create(rules, {first: f"Row {number}", budget: text}, by=by).id] = text
    return made


def finish():
    while kind_changes.work():
        pass


def documents():
    return {row.id: json.loads(row.cells) for row in Record.select()}


def test_a_rehearsal_shows_the_very_cells_and_asks_once(table, at):
    by = at("alice")
    fill(table, by)
    seen = kind_changes.rehearse(table.slug, field_id(table), "number", by=by)
    assert (seen.looked, seen.empty, seen.left_count, seen.fit_count) == (8, 1, 2, 5)
    assert [(one.title, one.now) for one in seen.left] == [("Row 1", "ca. 300"), ("Row 4", "12 or 13")]
    assert {(one.now, one.becomes) for one in seen.fit} >= {("1200,5", "1200.5"), ("1.200", "1200")}
    assert seen.questions == []  # «1200,5» tells
    with pytest.raises(Invalid):
        kind_changes.rehearse(table.slug, field_id(table), "files", by=by)
    with pytest.raises(Forbidden):
        kind_changes.rehearse(table.slug, field_id(table), "number", by=at("vera"))


def test_a_column_of_thousands_is_asked_about(table, at):
    by = at("alice")
    fill(table, by, ("1.200", "3"))
    seen = kind_changes.rehearse(table.slug, field_id(table), "number", by=by)
    assert [q.part for q in seen.questions] == ["decimal"]
    told = kind_changes.rehearse(table.slug, field_id(table), "number", by=by, given={"decimal": ","})
    assert (told.questions, told.fit[0].becomes) == ([], "1200") or "1200" in {one.becomes for one in told.fit}


def test_every_cell_is_its_value_or_its_words_and_comes_back_bit_for_bit(table, at):
    by = at("alice")
    made, before = fill(table, by), documents()
    kind_changes.begin(table.slug, field_id(table), "number", by=by)
    assert {id: v or "" for id, v in cells(table, by).items()} == made  # people work on the old kind meanwhile
    finish()
    after = {made[id]: value for id, value in cells(table, by).items()}
    assert after == {
        **{"1200,5": 1200.5, "7": 7, "-3,25": -3.25, "1.200": 1200, "0": 0, "": None},
        **{"ca. 300": LeftOver("ca. 300"), "12 or 13": LeftOver("12 or 13")},
    }
    assert kind_changes.left_over(table) == {field_id(table): 2}
    change = shape_changes.recent(table)[0]
    shape_changes.undo(table.slug, change.id, by=by)
    assert {id: v or "" for id, v in cells(table, by).items()} == made
    live = field_slot(table)
    assert {id: doc.get(f"s{live}") for id, doc in documents().items()} == {
        id: doc.get(f"s{live}") for id, doc in before.items()
    }
    assert ShapeChange.get_by_id(change.id).undone_by_id
    assert {slot.state for slot in RecordSlot.select().where(RecordSlot.field == field_id(table))} == {"live", "kept"}
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)  # and forth again
    assert {made[id]: value for id, value in cells(table, by).items()} == after


def field_slot(table, label="Budget"):
    return next(f.slot_id for f in collections.fields(table) if f.label == label)


def test_a_batch_ends_with_its_time_and_leaves_no_row_out(table, at, monkeypatch):
    monkeypatch.setattr(kind_changes, "SPAN", 0)
    by = at("alice")
    ids = list(fill(table, by))
    kind_changes.begin(table.slug, field_id(table), "number", by=by)
    looked = [kind_changes.work() for _ in ids]
    assert looked == [1] * len(ids)  # one row each, as a batch has at least
    finish()
    assert set(cells(table, by)) == set(ids)
    keys = RecordKey.select().where(RecordKey.slot == field_slot(table)).count()
    assert keys == len(ids)


def test_whoever_writes_meanwhile_fills_the_new_cells_too(table, at, monkeypatch):
    monkeypatch.setattr(kind_changes, "BATCH", 2)
    by = at("alice")
    ids = list(fill(table, by))
    stale = rules_of(table, by)  # a page that was opened before
    kind_changes.begin(table.slug, field_id(table), "number", by=by)
    name = f"f{field_id(table)}"
    kind_changes.work()
    rows.change(stale, ids[0], {name: "44"}, by=by)  # behind the job
    rows.change(stale, ids[7], {name: "about 5"}, by=by)  # before it
    new = rows.create(rules_of(table, by), {name: "99"}, by=by).id
    removed = rows.remove(stale, ids[3], by=by)
    finish()
    rows.undo(rules_of(table, by), removed.batch, by=by)
    found = cells(table, by)
    assert (found[ids[0]], found[ids[7]], found[new], found[ids[3]]) == (44, "about 5", 99, 7)
    with pytest.raises(Stale):
        rows.change(stale, ids[0], {name: "5"}, by=by)  # it is another kind by now
    keyed = {(key.record, key.key) for key in RecordKey.select().where(RecordKey.slot == field_slot(table))}
    assert {record for record, _ in keyed} == {*found}
    assert len(keyed) == len(found)


def test_what_is_changed_afterwards_is_there_when_one_goes_back(table, at):
    by = at("alice")
    ids = list(fill(table, by))
    kind_changes.begin(table.slug, field_id(table), "number", by=by)
    finish()
    rows.change(rules_of(table, by), ids[1], {f"f{field_id(table)}": "310"}, by=by)
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)
    assert cells(table, by)[ids[1]] == "310"
    assert cells(table, by)[ids[0]] == "1200,5"


def test_words_become_options_or_stay(table, at):
    by = at("alice")
    texts = ("New", "new ", "Open", "", "Done; over", *(f"word {n}" for n in range(40)))
    fill(table, by, texts)
    seen = kind_changes.rehearse(table.slug, field_id(table), "choice", by=by)
    assert (len(seen.words), seen.words["new"], seen.left_count) == (43, ("New", 2), 0)
    kind_changes.begin(table.slug, field_id(table), "choice", by=by)
    finish()
    assert RecordOption.select().count() == 43
    assert all(not isinstance(value, LeftOver) for value in cells(table, by).values())


def test_it_can_be_stopped_and_two_at_once_are_told(table, at):
    by = at("alice")
    made = fill(table, by)
    seen = collections.found(table.slug).shape
    kind_changes.begin(table.slug, field_id(table), "number", by=by, shape=seen)
    with pytest.raises(Refused, match="already"):
        kind_changes.begin(table.slug, field_id(table), "day", by=by)
    with pytest.raises(Stale):
        collections.rename_field(table.slug, field_id(table), "Sum", by=by, shape=seen)
    kind_changes.stop(table.slug, field_id(table), by=by)
    finish()
    assert {id: v or "" for id, v in cells(table, by).items()} == made
    assert {slot.state for slot in RecordSlot.select()} == {"live", "gone"}


def test_kept_cells_are_let_go_when_their_days_are_over(table, at, clock):
    by = at("alice")
    fill(table, by)
    kind_changes.begin(table.slug, field_id(table), "number", by=by)
    finish()
    change = shape_changes.recent(table)[0]
    assert kind_changes.prune(10) == 0
    clock.forward(days=31)
    assert kind_changes.prune(10) == 1
    with pytest.raises(Refused, match="changed since"):
        shape_changes.undo(table.slug, change.id, by=by)


def test_a_field_by_which_a_list_is_ordered_keeps_its_order(table, at):
    by = at("alice")
    fill(table, by, ("10", "9", "", "x", "100"))
    kind_changes.begin(table.slug, field_id(table), "number", by=by)
    finish()
    rules, name = rules_of(table, by), f"f{field_id(table)}"
    asked = asks.understand(rules.listing, {"sort": next(s.key for s in rules.listing.sorts if s.column == name)})
    found = [getattr(row, name) for row in lists.read(rules.listing, asked, by).rows]
    assert found[:3] == [9, 10, 100]
    assert {*found[3:]} == {None, "x"}


def test_another_process_goes_on_where_one_was_cut_off(table, at, monkeypatch):
    monkeypatch.setattr(kind_changes, "BATCH", 3)
    by = at("alice")
    made = fill(table, by)
    kind_changes.begin(table.slug, field_id(table), "number", by=by)
    broken = iter([0, 0, 0, 0, 1] * 20)
    kept = kind_changes.documents.fill

    def cut_off(*given):
        if next(broken):
            raise RuntimeError
        return kept(*given)

    for _ in range(10):
        with monkeypatch.context() as patch:
            patch.setattr(kind_changes.documents, "fill", cut_off)
            with contextlib.suppress(RuntimeError):
                kind_changes.work()
    finish()
    assert len(cells(table, by)) == len(made)
    assert sum(isinstance(value, LeftOver) for value in cells(table, by).values()) == 2
