"""What is worked out tells nobody what they don't see of what it goes by: not who reads it, nor who builds by a rule."""

from decimal import Decimal

import pytest
from werkzeug.datastructures import MultiDict

from domain import Forbidden, Invalid, NotFound
from domain.records import collections, field_changes, kind_changes, rules, shape_changes
from domain.records.computed import formulas
from tests.domain.records.computed.test_formulas import add, make, named, rules_of, values, work_off

ALL = {"sees": "all", "changes": "all", "adds": "1", "archives": "1", "others": "change", "later": "change"}


@pytest.fixture
def by(inside_acme, at):
    return at("alice")


@pytest.fixture
def people(by):
    return collections.make("People", by=by, fields=(("Name", "text"), ("Salary", "number")))


@pytest.fixture
def tasks(by, people):
    made = collections.make("Tasks", by=by, fields=(("Name", "text"), ("Hours", "number"), ("Margin", "number")))
    collections.add_field(made.slug, "Who", "link", by=by, options={"table": str(people.id), "back": "Tasks"})
    make(people, by, Name="Ada", Salary="7777")
    make(made, by, Name="T", Hours="1", Margin="4242", Who="Ada")
    return made


def seen(table, by):
    return [field.label for field in rules_of(table, by).listing.fields]


@pytest.fixture
def pay(by, people, tasks):
    """What goes by people, of whom members see nothing."""
    field = add(tasks, by, "Pay", "{Who.Salary}")
    rules.change(people.slug, "role:member", MultiDict(ALL | {"sees": "none"}), by=by)
    return field


def test_a_rule_that_allows_all_of_a_table_allows_nothing_of_another(by, at, cast, tasks, pay):
    every = ALL | {"shares": "1", "builds": "1"}
    rules.change(tasks.slug, f"user:{cast.bob.id}", MultiDict(every), by=by)
    assert "Pay" in seen(tasks, by)
    assert "Pay" not in seen(tasks, at("bob"))


def test_who_builds_by_a_rule_reads_no_hidden_field_through_what_they_build(by, at, cast, tasks, pay):
    rules.change(tasks.slug, f"user:{cast.bob.id}", MultiDict(ALL | {"builds": "1"}), by=by)
    bob = at("bob")
    assert formulas.tried(tasks.slug, "formula", {"formula": "{Hours}*1"}, by=bob).rows
    for act in (
        lambda: formulas.tried(tasks.slug, "formula", {"formula": "{Pay}*1"}, by=bob),
        lambda: formulas.add(tasks.slug, "It", "formula", {"formula": "{Pay}*1"}, by=bob),
        lambda: formulas.tried(tasks.slug, "formula", {"formula": "sum({Hours}, {Pay})"}, by=bob),
    ):
        with pytest.raises(Invalid, match=r"You don't see all that \{Pay\} goes by"):
            act()
    for act in (
        lambda: kind_changes.rehearse(tasks.slug, pay.id, "number", by=bob),
        lambda: kind_changes.begin(tasks.slug, pay.id, "number", by=bob),
        lambda: formulas.change(tasks.slug, pay.id, "formula", {"formula": "{Hours}"}, by=bob),
    ):
        with pytest.raises(NotFound, match="what you don't see"):
            act()
    assert kind_changes.rehearse(tasks.slug, pay.id, "number", by=by).fit


def test_what_an_owner_hid_again_only_they_show_again(by, at, cast, tasks, pay):
    rules.change(tasks.slug, f"user:{cast.bob.id}", MultiDict(ALL | {"builds": "1"}), by=by)
    formulas.open_to_all(tasks.slug, pay.id, True, by=by)
    assert "Pay" in seen(tasks, at("bob"))
    formulas.open_to_all(tasks.slug, pay.id, False, by=by)
    hid = shape_changes.recent(collections.found(tasks.slug))[0]
    with pytest.raises(Forbidden):
        shape_changes.undo(tasks.slug, hid.id, by=at("bob"))
    assert "Pay" not in seen(tasks, at("bob"))
    shape_changes.undo(tasks.slug, hid.id, by=by)
    assert "Pay" in seen(tasks, at("bob"))


def test_a_row_is_called_by_no_field_that_who_builds_does_not_see(by, at, cast, tasks, pay):
    for _ in range(4):
        field_changes.move(tasks.slug, pay.id, -1, by=by)
    rules.change(tasks.slug, f"user:{cast.bob.id}", MultiDict(ALL | {"builds": "1"}), by=by)
    assert seen(tasks, by)[0] == "Pay"
    (one,) = formulas.tried(tasks.slug, "formula", {"formula": "{Hours}"}, by=at("bob")).rows
    assert "7777" not in one.title


def test_what_goes_by_a_hidden_field_is_hidden_while_that_is_put_away(by, at, tasks):
    add(tasks, by, "Rich", "{Margin}*1")
    margin = int(named(tasks, "Margin")[1:])
    rules.change(tasks.slug, "role:member", MultiDict(ALL | {f"field_{margin}": "nothing"}), by=by)
    assert "Rich" not in seen(tasks, at("bob"))
    field_changes.put_away(tasks.slug, margin, by=by)
    assert "Rich" not in seen(tasks, at("bob"))
    assert list(values(tasks, by, "Rich").values()) == [Decimal(4242)]  # the rows say it until the job was there
    work_off()
    field_changes.bring_back(tasks.slug, margin, by=by)
    work_off()
    assert "Rich" not in seen(tasks, at("bob"))


@pytest.mark.parametrize("what", ["link away", "link elsewhere", "field away"])
def test_what_goes_by_a_hidden_table_is_hidden_while_its_link_is_gone(by, at, people, tasks, pay, what):
    link = int(named(tasks, "Who")[1:])
    if what == "link away":
        field_changes.put_away(tasks.slug, link, by=by)
    elif what == "link elsewhere":
        kind_changes.begin(tasks.slug, link, "text", by=by)
        while kind_changes.work():
            pass
    else:
        field_changes.put_away(people.slug, int(named(people, "Salary")[1:]), by=by)
    assert list(values(tasks, by, "Pay").values()) == [Decimal(7777)]
    assert "Pay" not in seen(tasks, at("bob"))


def test_what_was_put_away_is_seen_again_by_who_saw_it(by, at, tasks):
    add(tasks, by, "Rich", "{Margin}*1")
    margin = int(named(tasks, "Margin")[1:])
    assert "Rich" in seen(tasks, at("bob"))
    field_changes.put_away(tasks.slug, margin, by=by)
    field_changes.bring_back(tasks.slug, margin, by=by)
    assert "Rich" in seen(tasks, at("bob"))
