"""What a field says of its values: help, what new rows begin with, bounds, one to one, an order for long lists."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid, Refused, Stale
from domain.fields.records.leftover import LeftOver
from domain.lists import asks, lists, rows, trash
from domain.records import collections, field_changes, kind_changes, listings, questions, rules, shape_changes, shapes
from models import Record, RecordField, RecordKey


def finish():
    while kind_changes.work():
        pass


@pytest.fixture
def by(at, inside_acme):
    return at("alice")


def table_of(by, *fields):
    """(the table, its rules as they are now, the names of its fields)"""
    table = collections.make("Stock", by=by, fields=(("Name", "text"), *fields))
    return table, [f"f{one.id}" for one in collections.fields(table)]


def rules_of(table, by):
    return listings.of(collections.numbered(table.id), by)


def number(name):
    return int(name[1:])


def changed_settings(table, name, by, **options):
    kind = RecordField.get_by_id(number(name)).kind
    seen = kind_changes.rehearse(table.slug, number(name), kind, by=by, options=options)
    kind_changes.begin(table.slug, number(name), kind, by=by, options=options)
    finish()
    return seen


@pytest.mark.parametrize(
    ("kind", "bounds", "fits", "not_so"),
    [
        ("number", {"least": "1", "most": "10.5"}, ("1", "10.5"), ("0.99", "11", "-3")),
        ("text", {"least": "2", "most": "4"}, ("ab", "abcd"), ("a", "abcde")),
        ("text", {"pattern": "AA-9*"}, ("ab-1c", "XY-99"), ("a-12", "ab-xx", "ab-1cd", "äb-12")),
        ("long_text", {"most": "5"}, ("a\nb",), ("a\nbcdef",)),
        (
            "day",
            {"least": "2026-01-01", "most": "2026-12-31"},
            ("2026-01-01", "2026-12-31"),
            ("2025-12-31", "2027-01-01"),
        ),
        (
            "moment",
            {"least": "2026-03-01", "most": "2026-03-31T12:00:00Z"},
            ("2026-03-01T12:00:00Z", "2026-03-31T12:00:00Z"),
            ("2026-02-28T09:00:00Z", "2026-03-31T12:00:01Z"),
        ),
        (
            "money",
            {"currency": "EUR", "least": "0", "most": "1,250.50"},
            ("0 EUR", "1250.50 EUR"),
            ("-0.01 EUR", "1250.51 EUR"),
        ),
        ("percent", {"least": "0", "most": "100 %"}, ("0", "100", "15 %"), ("-1", "100.1")),
        ("duration", {"least": "15 min", "most": "8:00"}, ("0:15", "8 h"), ("0:14:59", "8:01")),
    ],
)
def test_bounds_show_first_what_does_not_fit_hold_at_writes_and_are_taken_back(by, kind, bounds, fits, not_so):
    table, (first, name) = table_of(by, ("Code", kind))
    ids = [rows.create(rules_of(table, by), {first: text[:5], name: text}, by=by).id for text in (*fits, *not_so)]
    seen = changed_settings(table, name, by, **bounds)
    assert [one.row for one in seen.left] == ids[len(fits) :]
    assert seen.fit_count == len(fits)
    rules = rules_of(table, by)
    stands = {row.id: getattr(rows.get(rules, row.id, by), name) for row in Record.select()}
    assert [isinstance(stands[id], LeftOver) for id in ids] == [False] * len(fits) + [True] * len(not_so)
    for text in not_so:
        with pytest.raises(Invalid):
            rows.create(rules, {first: "New", name: text}, by=by)
        with pytest.raises(Invalid):
            rows.change(rules, ids[0], {name: text}, by=by)
    rows.create(rules, {first: "New", name: fits[-1]}, by=by)
    flip = shape_changes.recent(table)[0]
    shape_changes.undo(table.slug, flip.id, by=by)
    rules = rules_of(table, by)
    assert not any(isinstance(getattr(rows.get(rules, id, by), name), LeftOver) for id in ids)
    rows.create(rules, {first: "New", name: not_so[0]}, by=by)


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        ("number", {"least": "10", "most": "1"}),
        ("number", {"least": "many"}),
        ("text", {"most": "1001"}),
        ("text", {"least": "5", "most": "2"}),
        ("day", {"least": "2026-02-30"}),
        ("moment", {"least": "2026-03-02", "most": "2026-03-01"}),
        ("money", {"least": "5"}),
        ("money", {"currency": "EUR", "least": "5", "most": "4"}),
        ("percent", {"least": "lots"}),
        ("duration", {"most": "25"}),
    ],
)
def test_bounds_that_nothing_meets_or_that_are_none_are_refused(by, kind, bounds):
    table, (_, name) = table_of(by, ("Code", kind))
    with pytest.raises(Invalid):
        kind_changes.begin(table.slug, number(name), kind, by=by, options=bounds)


def test_a_condition_asks_beyond_the_bounds(by):
    table, (first, name) = table_of(by, ("On", "day"))
    rows.create(rules_of(table, by), {first: "Lamp", name: "2026-03-01"}, by=by)
    changed_settings(table, name, by, least="2026-01-01")
    rules = rules_of(table, by)
    ask = asks.understand(rules.listing, {"c_field": name, "c_op": "after", "c_value": ["2020-01-01"], "tab": "all"})
    assert len(lists.read(rules.listing, ask, by).rows) == 1


def test_a_cell_that_becomes_another_kind_keeps_to_its_bounds(by):
    table, (first, name) = table_of(by, ("At", "moment"))
    rows.create(rules_of(table, by), {first: "Lamp", name: "2026-03-01T12:00:00Z"}, by=by)
    bounds = {"least": "2026-03-02"}
    seen = kind_changes.rehearse(table.slug, number(name), "day", by=by, options=bounds)
    assert seen.left_count == 1


# --- help, and what new rows begin with ---------------------------------------------------------------------------


def test_a_new_row_begins_as_its_fields_say_and_a_cell_can_still_be_emptied(by):
    table, (first, name) = table_of(by, ("Count", "number"))
    field_changes.describe(table.slug, number(name), by=by, help="How many are left", begins="3.0")
    rules = rules_of(table, by)
    assert rules.listing.by_name[name].help == "How many are left"
    made = rows.create(rules, {first: "Lamp"}, by=by)
    assert str(getattr(made, name)) == "3"
    assert getattr(rows.create(rules, {first: "Radio", name: ""}, by=by), name) is None
    row, _ = rows.change(rules, made.id, {name: ""}, by=by)
    assert getattr(row, name) is None


def test_what_begins_is_one_of_the_fields_values_and_is_taken_back(by):
    table, (_, name) = table_of(by, ("State", "choice", ("New", "Done")))
    with pytest.raises(Invalid):
        field_changes.describe(table.slug, number(name), by=by, help="", begins="Lost")
    field_changes.describe(table.slug, number(name), by=by, help="", begins="done")
    field = rules_of(table, by).listing.by_name[name]
    assert field.kind.plain(field.begins) == "Done"
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)
    assert rules_of(table, by).listing.by_name[name].begins is None
    with pytest.raises(Stale):
        field_changes.describe(table.slug, number(name), by=by, help="x", begins="", shape=1)


def test_another_kind_forgets_what_new_rows_begin_with_until_it_is_taken_back(by):
    table, (_, name) = table_of(by, ("Note", "text"))
    field_changes.describe(table.slug, number(name), by=by, help="", begins="none yet")
    kind_changes.begin(table.slug, number(name), "number", by=by)
    finish()
    assert rules_of(table, by).listing.by_name[name].begins is None
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)
    assert rules_of(table, by).listing.by_name[name].begins == "none yet"


def test_what_was_said_of_a_kind_that_a_field_no_longer_is_is_nothing(by):
    table, (_, name) = table_of(by, ("On", "day"))
    kind_changes.begin(table.slug, number(name), "text", by=by)
    finish()
    turned = shape_changes.recent(table)[0]
    field_changes.describe(table.slug, number(name), by=by, help="", begins="n/a")
    shape_changes.undo(table.slug, turned.id, by=by)
    assert rules_of(table, by).listing.by_name[name].begins is None
    kept = RecordField(begins="n/a")  # by an earlier version
    assert shapes._begins(kept, rules_of(table, by).listing.by_name[name].kind) is None


# --- rules ----------------------------------------------------------------------------------------------------------


def test_rows_that_a_rule_would_not_have_let_in_are_named_before(by):
    table, (first, name) = table_of(by, ("Code", "text"))
    rules = rules_of(table, by)
    for title, code in (("Lamp", "a"), ("Radio", ""), ("Kettle", "A"), ("Fan", "b")):
        rows.create(rules, {first: title, name: code}, by=by)
    found = field_changes.misfits(table, RecordField.get_by_id(number(name)))
    assert [title for _, title in found.empty] == ["Radio"]
    assert [title for _, title in found.doubles] == ["Kettle"]
    assert (found.empty_count, found.doubles_count, found.is_whole) == (1, 1, True)


def test_one_to_one_no_two_rows_link_to_the_same(by):
    rooms = collections.make("Rooms", by=by)
    room_rules = rules_of(rooms, by)
    room_name = room_rules.listing.first
    for title in ("Red", "Blue"):
        rows.create(room_rules, {room_name: title}, by=by)
    table = collections.make("Keys", by=by)
    name = f"f{collections.add_field(table.slug, 'Room', 'link', by=by, options={'table': rooms.id}).id}"
    rules = rules_of(table, by)
    first = rules.listing.first
    rows.create(rules, {first: "Key 1", name: "Red"}, by=by)
    rows.create(rules, {first: "Key 2", name: "Red"}, by=by)
    made = field_changes.rule(table.slug, number(name), by=by, is_required=False, is_unique=True)
    assert len(made) == 1
    rules = rules_of(table, by)
    with pytest.raises(Invalid) as refusal:
        rows.create(rules, {first: "Key 3", name: "Red"}, by=by)
    assert name in refusal.value.fields
    rows.create(rules, {first: "Key 4", name: "Blue"}, by=by)
    shown = [one for one in room_rules.listing.others(1, by) if one.link == name]
    assert not any(one.may_add for one in shown)  # it has its one


def test_a_link_that_another_row_took_meanwhile_comes_back_as_words(by):
    rooms = collections.make("Rooms", by=by)
    red = rows.create(rules_of(rooms, by), {rules_of(rooms, by).listing.first: "Red"}, by=by)
    table = collections.make("Keys", by=by)
    name = f"f{collections.add_field(table.slug, 'Room', 'link', by=by, options={'table': rooms.id}).id}"
    field_changes.rule(table.slug, number(name), by=by, is_required=False, is_unique=True)
    rules = rules_of(table, by)
    old = rows.create(rules, {rules.listing.first: "Key 1", name: "Red"}, by=by)
    removed = rows.remove(rules, old.id, by=by)
    rows.create(rules, {rules.listing.first: "Key 2", name: "Red"}, by=by)
    trash.restore(rules, [removed.id], by=by)
    assert getattr(rows.get(rules, old.id, by), name) == LeftOver(f"#{red.id}")


# --- an order for long lists ----------------------------------------------------------------------------------------


def test_every_text_is_ordered_up_to_a_bound_and_beyond_when_it_has_an_order(by, monkeypatch):
    table, (first, name) = table_of(by, ("City", "text"))
    rules = rules_of(table, by)
    for city in ("Ulm", "", "aachen", "Bonn 10", "Bonn 9"):
        rows.create(rules, {first: "Row", name: city}, by=by)
    order = ["aachen", "Bonn 9", "Bonn 10", "Ulm", None]

    def cities(rows=2):
        found, ask, listing = [], lists.Ask(tab="all", sort=name, rows=rows), rules_of(table, by).listing
        while True:
            answer = lists.read(listing, ask, by)
            found += [getattr(row, name) for row in answer.rows]
            if not answer.more:
                return found
            ask = ask.but(after=answer.more)

    assert cities() == order
    monkeypatch.setattr(questions, "GATHERED", 3)
    with pytest.raises(Invalid):
        cities()
    kind_changes.order(table.slug, number(name), by=by)
    finish()
    assert cities() == order
    field = RecordField.get_by_id(number(name))
    assert field.is_keyed
    assert RecordKey.select().where(RecordKey.slot == field.slot_id).count() == 5
    with pytest.raises(Refused):
        kind_changes.order(table.slug, number(name), by=by)
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)
    with pytest.raises(Invalid):
        cities()


def test_a_beginning_names_no_row_that_whoever_builds_does_not_see(by, at):
    rooms = collections.make("Rooms", by=by)
    first = rules_of(rooms, by).listing.first
    attic = rows.create(rules_of(rooms, by), {first: "Attic"}, by=by)
    table, _ = table_of(by)
    link = collections.add_field(table.slug, "Room", "link", by=by, options={"table": str(rooms.id)})
    field_changes.describe(table.slug, link.id, by=by, help="", begins="Attic")
    form = MultiDict({"sees": "some", "changes": "none", "others": "change", "where": "~made~any_of~me"})
    rules.change(rooms.slug, "role:member", form, by=by)
    field = RecordField.get_by_id(link.id)
    assert field_changes.begins_of(table, field, by) == "Attic"
    assert field_changes.begins_of(table, field, at("bob")) == ""
    rows.remove(rules_of(rooms, by), attic.id, by=by)
    table = collections.numbered(table.id)
    assert field_changes.begins_of(table, RecordField.get_by_id(link.id), by) == ""
    field_changes.describe(table.slug, link.id, by=by, help="Where it stands", begins="")
    assert RecordField.get_by_id(link.id).begins == [attic.id]


def test_a_table_that_links_to_itself_begins_with_one_of_its_rows(by):
    table, (first,) = table_of(by)
    link = collections.add_field(table.slug, "Beside", "link", by=by, options={"table": str(table.id)})
    lamp = rows.create(rules_of(table, by), {first: "Lamp"}, by=by)
    field_changes.describe(table.slug, link.id, by=by, help="", begins="Lamp")
    made = rows.create(rules_of(table, by), {first: "Radio"}, by=by)
    assert [int(one) for one in getattr(rows.get(rules_of(table, by), made.id, by), f"f{link.id}")] == [lamp.id]
