"""Look-ups and roll-ups are right whatever happens on the other side of a link, at once or once the queue is empty."""

from decimal import Decimal

import pytest

from domain import Invalid
from domain.fields.records.leftover import LeftOver
from domain.lists import rows
from domain.records import collections, field_changes, kind_changes, shape_changes
from domain.records.computed import dependents, formulas, working
from domain.records.rows import numbers
from models import RecordStale
from tests.domain.records.computed.test_formulas import add, change, make, named, rules_of, values, work_off


@pytest.fixture
def by(inside_acme, at):
    return at("alice")


@pytest.fixture
def projects(by):
    return collections.make("Projects", by=by, fields=(("Name", "text"), ("City", "text"), ("Rate", "number")))


@pytest.fixture
def tasks(by, projects):
    made = collections.make("Tasks", by=by, fields=(("Name", "text"), ("Hours", "number"), ("Done", "yes_no")))
    options = {"table": str(projects.id), "back": "Tasks"}
    collections.add_field(made.slug, "Project", "link", by=by, options=options)
    return made


def test_a_look_up_and_sums_follow_the_other_side_in_the_same_write(by, projects, tasks):
    house = make(projects, by, Name="House", City="Ulm", Rate="10")
    boat = make(projects, by, Name="Boat")
    one = make(tasks, by, Name="Saw", Hours="2", Done="yes", Project="House")
    two = make(tasks, by, Name="Glue", Hours="3", Project="House")
    add(tasks, by, "City", "{Project.City}")
    add(tasks, by, "Cost", "{Hours} * {Project.Rate}")
    add(projects, by, "Hours", "sum({Tasks.Hours})")
    add(projects, by, "Open", "count(if({Tasks.Done}, no, yes))")
    add(projects, by, "Names", "join({Tasks.Name})")
    add(projects, by, "Bill", "sum({Tasks.Cost})")
    assert values(tasks, by, "City") == {two: "Ulm", one: "Ulm"}
    assert values(projects, by, "Hours") == {boat: Decimal(0), house: Decimal(5)}
    assert values(projects, by, "Open")[house] == Decimal(1)
    change(tasks, two, by, Hours="4")
    assert values(projects, by, "Hours")[house] == Decimal(6)
    change(projects, house, by, Rate="100", City="Bonn")  # there, back, and there again
    assert values(tasks, by, "Cost") == {two: Decimal(400), one: Decimal(200)}
    assert values(projects, by, "Bill")[house] == Decimal(600)
    assert values(tasks, by, "City") == {two: "Bonn", one: "Bonn"}
    change(tasks, two, by, Project="Boat")
    assert values(projects, by, "Names") == {boat: "Glue", house: "Saw"}
    assert values(projects, by, "Bill") == {boat: Decimal(0), house: Decimal(200)}
    assert not RecordStale.select().exists()


def test_records_14_the_trash_takes_rows_out_of_sums_and_brings_them_back(by, projects, tasks):
    house = make(projects, by, Name="House", City="Ulm")
    one = make(tasks, by, Name="Saw", Hours="2", Project="House")
    add(projects, by, "Hours", "sum({Tasks.Hours})")
    add(tasks, by, "City", "{Project.City}")
    gone = rows.remove(rules_of(tasks, by), one, by=by).batch
    assert values(projects, by, "Hours") == {house: Decimal(0)}
    rows.undo(rules_of(tasks, by), gone, by=by)
    assert values(projects, by, "Hours") == {house: Decimal(2)}
    gone = rows.remove(rules_of(projects, by), house, by=by).batch
    assert values(tasks, by, "City") == {one: None}
    change(tasks, one, by, Hours="9")
    rows.undo(rules_of(projects, by), gone, by=by)
    assert values(projects, by, "Hours") == {house: Decimal(9)}
    assert values(tasks, by, "City") == {one: "Ulm"}


def test_many_rows_follow_by_the_queue_which_begins_anew_where_the_row_changes_again(by, projects, tasks, monkeypatch):
    monkeypatch.setattr(dependents, "AT_ONCE", 2)
    monkeypatch.setattr(dependents, "BATCH", 2)
    house = make(projects, by, Name="House", City="Ulm")
    ids = [make(tasks, by, Name=f"T{n}", Project="House") for n in range(5)]
    add(tasks, by, "City", "{Project.City}")
    change(projects, house, by, City="Bonn")
    assert RecordStale.select().count() == 1
    assert set(values(tasks, by, "City").values()) == {"Ulm"}
    assert dependents.work() == 2
    assert values(tasks, by, "City")[ids[1]] == "Bonn"
    change(projects, house, by, City="Kiel")
    work_off()
    assert set(values(tasks, by, "City").values()) == {"Kiel"}
    assert not RecordStale.select().exists()


def test_a_kind_a_table_and_a_link_that_change_are_followed(by, projects, tasks):
    house = make(projects, by, Name="House")
    make(tasks, by, Name="Saw", Hours="2", Project="House")
    add(projects, by, "Hours", "sum({Tasks.Hours})")
    kind_changes.begin(tasks.slug, int(named(tasks, "Hours")[1:]), "text", by=by)
    work_off()
    assert "a text" in values(projects, by, "Hours")[house]
    shape_changes.undo(tasks.slug, shape_changes.recent(tasks)[0].id, by=by)
    work_off()
    assert values(projects, by, "Hours") == {house: Decimal(2)}
    field_changes.put_table_away(tasks.slug, by=by)
    work_off()
    assert values(projects, by, "Hours")[house] == LeftOver("rests: A link that this goes by was put away.")
    field_changes.bring_table_back(tasks.slug, by=by)
    work_off()
    assert values(projects, by, "Hours") == {house: Decimal(2)}
    link = int(named(tasks, "Project")[1:])
    field_changes.put_away(tasks.slug, link, by=by)
    work_off()
    assert values(projects, by, "Hours")[house] == LeftOver("rests: A link that this goes by was put away.")
    field_changes.bring_back(tasks.slug, link, by=by)
    work_off()
    assert values(projects, by, "Hours") == {house: Decimal(2)}


def test_rows_that_link_to_their_own_table(by):
    parts = collections.make("Parts", by=by, fields=(("Name", "text"), ("Weight", "number")))
    options = {"table": str(parts.id), "back": "Inside"}
    collections.add_field(parts.slug, "Part of", "link", by=by, options=options)
    car = make(parts, by, Name="Car", Weight="1")
    wheel = make(parts, by, Name="Wheel", Weight="3", **{"Part of": "Car"})
    add(parts, by, "Inside", "sum({Inside.Weight})")
    change(parts, wheel, by, Weight="4")
    assert values(parts, by, "Inside") == {wheel: Decimal(0), car: Decimal(4)}
    with pytest.raises(Invalid, match=r"It would go by itself: Parts\.Inside → Parts\.Inside"):
        formulas.change(
            parts.slug, int(named(parts, "Inside")[1:]), "formula", {"formula": "sum({Inside.Inside})"}, by=by
        )


def test_a_circle_through_a_link_is_refused_with_its_path(by, projects, tasks):
    add(projects, by, "Total", "sum({Tasks.Hours})")
    field = add(tasks, by, "Share", "{Hours} / {Project.Total}")
    total = int(named(projects, "Total")[1:])
    with pytest.raises(Invalid) as refusal:
        formulas.change(projects.slug, total, "formula", {"formula": "sum({Tasks.Share})"}, by=by)
    assert refusal.value.fields["formula"] == "It would go by itself: Projects.Total → Tasks.Share → Projects.Total."
    assert field.label == "Share"


def test_look_ups_and_roll_ups_are_made_by_choosing(by, projects, tasks):
    house = make(projects, by, Name="House", City="Ulm")
    one = make(tasks, by, Name="Saw", Hours="2", Project="House")
    link = int(named(tasks, "Project")[1:])
    city, hours = named(projects, "City")[1:], named(tasks, "Hours")[1:]
    formulas.add(tasks.slug, "City", "lookup", {"of": f"link {link} {city}"}, by=by)
    form = {"of": f"back {link} {hours}", "how": "sum"}
    field = formulas.add(projects.slug, "Hours", "rollup", form, by=by)
    formulas.add(projects.slug, "Names", "lookup", {"of": f"back {link} {named(tasks, 'Name')[1:]}"}, by=by)
    work_off()
    assert values(tasks, by, "City") == {one: "Ulm"}
    assert values(projects, by, "Hours") == {house: Decimal(2)}
    assert values(projects, by, "Names") == {house: "Saw"}
    shown = formulas.written(collections.found(projects.slug), "rollup", field.options)
    assert shown | form == shown
    for wrong in (
        {"of": "link 999 1"},
        {"of": f"back {link} 999"},
        {"of": f"back {link}"},
        {"how": "eval"},
        {"of": "x"},
    ):
        with pytest.raises(Invalid):
            formulas.add(projects.slug, "X", "rollup", form | wrong, by=by)


def test_a_count_of_rows_follows_them_to_the_trash(by, projects, tasks):
    """The formula names the link alone: what it points to is told of it all the same."""
    house = make(projects, by, Name="House")
    one = make(tasks, by, Name="Saw", Project="House")
    change(projects, house, by, City="Ulm")  # what goes by this table is looked up, and kept
    add(tasks, by, "Places", "count({Project})")
    assert values(tasks, by, "Places") == {one: Decimal(1)}
    rows.remove(rules_of(projects, by), house, by=by)
    work_off()
    assert values(tasks, by, "Places") == {one: Decimal(0)}


def test_what_changes_while_another_formula_is_filled_is_in_it(by, projects, tasks):
    house = make(projects, by, Name="House", Rate="5")
    one = make(tasks, by, Name="Saw", Hours="1", Project="House")
    field = add(tasks, by, "It", "{Hours}")
    change(projects, house, by, Rate="6")
    formulas.change(tasks.slug, field.id, "formula", {"formula": "{Project.Rate}"}, by=by)
    kind_changes.work()  # the batch that passes the row
    change(projects, house, by, Rate="99")
    work_off()
    assert values(tasks, by, "It", sort=named(tasks, "It")) == {one: Decimal(99)}


@pytest.mark.parametrize("kind", ["number", "text", "choice"])
def test_what_changes_while_a_formula_becomes_plain_values_is_in_them(by, projects, tasks, kind):
    house = make(projects, by, Name="House", Rate="5")
    one = make(tasks, by, Name="Saw", Project="House")
    field = add(tasks, by, "It", "{Project.Rate}")
    kind_changes.begin(tasks.slug, field.id, kind, by=by, ordered=True)
    kind_changes.work()
    change(projects, house, by, Rate="99")
    work_off()
    found = values(tasks, by, "It", sort=named(tasks, "It"))
    assert list(found) == [one]
    assert str(getattr(found[one], "label", found[one])) == "99"


def test_what_was_typed_before_a_formula_came_back_stays_as_it_was_typed(by, projects, tasks):
    one = make(tasks, by, Name="Saw", Hours="1")
    field = add(tasks, by, "It", "{Hours}*2")
    kind_changes.begin(tasks.slug, field.id, "number", by=by)
    work_off()
    change(tasks, one, by, It="12345")
    back = shape_changes.undo(tasks.slug, shape_changes.recent(collections.found(tasks.slug))[0].id, by=by)
    work_off()
    assert values(tasks, by, "It") == {one: Decimal(2)}
    change(tasks, one, by, Name="Saws")
    shape_changes.undo(tasks.slug, back.id, by=by)
    work_off()
    assert values(tasks, by, "It", sort=named(tasks, "It")) == {one: Decimal(12345)}


def test_a_mark_that_raises_keeps_nobody_else_waiting(by, projects, tasks, monkeypatch):
    monkeypatch.setattr(dependents, "AT_ONCE", 0)
    house, boat = make(projects, by, Name="House", City="Ulm"), make(projects, by, Name="Boat", City="Kiel")
    one, two = (make(tasks, by, Name=name, Project=name) for name in ("House", "Boat"))
    add(tasks, by, "City", "{Project.City}")
    change(projects, house, by, City="Bonn")
    change(projects, boat, by, City="Bern")
    renew, broken = dependents.renew, [house]

    def failing(table, ids, room=0):
        if one in ids and broken:
            raise RuntimeError("a fault of ours")
        return renew(table, ids, room)

    monkeypatch.setattr(dependents, "renew", failing)
    with pytest.raises(RuntimeError):
        dependents.work()
    assert dependents.work()
    assert values(tasks, by, "City") == {two: "Bern", one: "Ulm"}
    broken.clear()
    work_off()
    assert values(tasks, by, "City") == {two: "Bern", one: "Bonn"}


def test_a_write_reads_no_crowd_of_rows_that_link_to_a_row(by, projects, tasks, monkeypatch):
    monkeypatch.setattr(dependents, "BESIDE", 5)
    house = make(projects, by, Name="House", Rate="2")
    for n in range(6):
        make(tasks, by, Name=f"T{n}", Hours="1", Project="House")
    add(projects, by, "Hours", "sum({Tasks.Hours})")
    add(projects, by, "Bill", "{Rate} * sum({Tasks.Hours})")
    add(projects, by, "Twice", "{Bill} * 2")
    counts, documents = [], working.documents
    monkeypatch.setattr(working, "documents", lambda table, ids: counts.append(len(ids)) or documents(table, ids))
    make(tasks, by, Name="One more", Hours="10", Project="House")
    change(projects, house, by, Name="Home")
    assert counts == []
    assert values(projects, by, "Hours") == {house: Decimal(6)}
    work_off()
    assert values(projects, by, "Hours") == {house: Decimal(16)}
    change(projects, house, by, Rate="3")
    assert values(projects, by, "Twice") == {house: Decimal(96)}


def test_numbers_that_rows_are_given_are_followed_along_a_link_to_their_own_table(by):
    parts = collections.make("Parts", by=by, fields=(("Name", "text"),))
    collections.add_field(parts.slug, "Parent", "link", by=by, options={"table": str(parts.id), "back": "Children"})
    child, parent = make(parts, by, Name="K"), make(parts, by, Name="P")
    change(parts, child, by, Parent="P")
    collections.add_field(parts.slug, "No", "autonumber", by=by)
    add(parts, by, "Above", "{Parent.No}")
    add(parts, by, "Below", "join({Children.No})")
    while numbers.work():
        pass
    work_off()
    assert values(parts, by, "No") == {child: 1, parent: 2}
    assert values(parts, by, "Above")[child] == "2"
    assert values(parts, by, "Below")[parent] == "1"
