"""Buttons on rows: each writes as who presses it might by hand, and leads only where its builder said."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import Forbidden, Invalid, NotFound, Refused, Stale
from domain.lists import rows
from domain.records import collections, field_changes, kind_changes, listings, rules, shape_changes
from domain.records.handling import buttons
from models import Collection, RecordField
from tests.domain.records.computed.test_formulas import make, named, rules_of, values, work_off


@pytest.fixture
def by(inside_acme, at):
    return at("alice")


@pytest.fixture
def table(by):
    fields = (
        *(
            ("Name", "text"),
            ("State", "choice", ("Out", "Back")),
            ("On", "day"),
            ("Who", "person"),
            ("Count", "number"),
        ),
        ("Note", "text"),
    )
    return collections.make("Things", by=by, fields=fields)


def button(table, by, label="Give back", **form):
    return buttons.add(table.slug, label, MultiDict({"does": "set"} | form), by=by)


def sets(table, **cells):
    """The form of a button that sets these."""
    form = {}
    for n, (label, text) in enumerate(cells.items()):
        form |= {f"field_{n}": named(table, label)[1:], f"value_{n}": text}
    return form


def press(table, made, id, by):
    return rows.act(rules_of(table, by), f"buttons/{made.id}", [id], by=by)[2]


def test_a_press_changes_what_it_says_and_is_taken_back(table, by, cast):
    id = make(table, by, Name="Drill", State="Out", Note="x")
    made = button(table, by, **sets(table, State="Back", On="today", Who="me", Note=""))
    noted = press(table, made, id, by)
    assert values(table, by, "Note") == {id: None}
    assert values(table, by, "Who") == {id: cast.alice.id}
    assert values(table, by, "On")[id] is not None
    assert press(table, made, id, by) == "Nothing was different."
    rows.undo(rules_of(table, by), noted.batch, by=by)
    assert values(table, by, "Note") == {id: "x"}


def test_who_may_not_change_what_it_changes_neither_sees_nor_presses_it(table, by, at, cast):
    id = make(table, by, Name="Drill")
    made = button(table, by, **sets(table, Note="done"))
    hidden = {f"field_{named(table, 'Note')[1:]}": "see"}
    rules.change(
        table.slug, "role:member", MultiDict({"sees": "all", "changes": "all", "others": "change"} | hidden), by=by
    )
    bob = at("bob")
    row = rows.get(rules_of(table, bob), id, bob)
    act = rules_of(table, bob).listing.act(f"buttons/{made.id}")
    assert not act.may(row, bob)
    with pytest.raises(Forbidden):
        press(table, made, id, bob)
    with pytest.raises(Forbidden):
        press(table, made, id, at("vera"))
    assert rules_of(table, by).listing.act(f"buttons/{made.id}").may(row, by)
    assert values(table, by, "Note") == {id: None}


def test_what_a_button_cannot_do_is_refused(table, by):
    for form, field in [
        ({"does": "eval"}, "does"),
        ({}, "field_0"),
        ({"field_0": "999", "value_0": "x"}, "value_0"),
        ({"field_0": "10" * 30, "value_0": "x"}, "field_0"),
        ({"Count": "many"}, "value_0"),
        ({"On": "me"}, "value_0"),
        ({"does": "open", "address": ""}, "address"),
        ({"does": "open", "address": "javascript:alert(1)"}, "address"),
        ({"does": "open", "address": "https://{Name}/"}, "address"),
        ({"does": "open", "address": "https://x{Name}.example/"}, "address"),
        ({"does": "open", "address": "{Name}"}, "address"),
        ({"does": "open", "address": "https://example.org/{Nope}"}, "address"),
    ]:
        known = {label: text for label, text in form.items() if label[0].isupper()}
        with pytest.raises(Invalid) as refusal:
            button(table, by, **({k: v for k, v in form.items() if k not in known} | sets(table, **known)))
        assert field in refusal.value.fields, (form, field)
        assert not RecordField.select().where(RecordField.kind == "button").exists(), (form, field)


def test_settings_that_nobody_read_make_no_button(table, by):
    with pytest.raises(Invalid):
        collections.add_field(table.slug, "It", "button", by=by, options={"does": "set", "sets": [[1]]})


def test_an_address_has_the_values_of_the_row_and_follows_renames(table, by, at):
    id = make(table, by, Name="A/B ?&x=ü", Count="3")
    made = button(table, by, does="open", address="https://example.org/find?q={Name}&n={ count }")
    collections.rename_field(table.slug, int(named(table, "Name")[1:]), "Thing", by=by)
    where = lambda by: buttons.address(rules_of(table, by), table.id, made.id, id, by=by)  # noqa: E731
    assert where(by) == "https://example.org/find?q=A%2FB%20%3F%26x%3D%C3%BC&n=3"
    shape = listings.of(Collection.get_by_id(table.id), by).listing.source.shape
    assert buttons.written(shape, made.options)["address"] == "https://example.org/find?q={Thing}&n={Count}"
    hidden = {f"field_{named(table, 'Count')[1:]}": "nothing"}
    rules.change(
        table.slug, "role:member", MultiDict({"sees": "all", "changes": "all", "others": "change"} | hidden), by=by
    )
    with pytest.raises(NotFound):
        where(at("bob"))


def test_a_button_rests_while_its_field_is_gone_or_another_kind(table, by):
    id = make(table, by, Name="Drill")
    made = button(table, by, **sets(table, Count="3", Note="y"))
    count = int(named(table, "Count")[1:])
    field_changes.put_away(table.slug, count, by=by)
    with pytest.raises(Refused, match="rests"):
        press(table, made, id, by)
    field_changes.bring_back(table.slug, count, by=by)
    kind_changes.begin(table.slug, count, "text", by=by)
    work_off()
    with pytest.raises(Refused, match="rests"):
        press(table, made, id, by)
    assert values(table, by, "Note") == {id: None}


def test_a_button_is_changed_put_away_and_brought_back_and_no_field_of_lists(table, by):
    id = make(table, by, Name="Drill")
    made = button(table, by, **sets(table, Note="one"))
    form = MultiDict({"does": "set", "label": "Other"} | sets(table, Note="two"))
    with pytest.raises(Stale):
        buttons.change(table.slug, made.id, form, by=by, shape=0)
    buttons.change(table.slug, made.id, form, by=by)
    press(table, made, id, by)
    assert values(table, by, "Note") == {id: "two"}
    assert made.id not in [int(f.name[1:]) for f in rules_of(table, by).listing.fields if f.name[1:].isdigit()]
    field_changes.put_away(table.slug, made.id, by=by)
    with pytest.raises(NotFound):
        press(table, made, id, by)
    field_changes.bring_back(table.slug, made.id, by=by)
    shape_changes.undo(table.slug, shape_changes.recent(collections.found(table.slug))[2].id, by=by)
    press(table, made, id, by)
    assert values(table, by, "Note") == {id: "one"}


def test_nothing_else_is_done_to_a_button_than_to_press_it(table, by):
    made = button(table, by, **sets(table, Note="one"))
    for act in (
        lambda: field_changes.rule(table.slug, made.id, by=by, is_required=True, is_unique=True),
        lambda: field_changes.describe(table.slug, made.id, by=by, help="", begins="x"),
        lambda: kind_changes.begin(table.slug, made.id, "text", by=by),
        lambda: kind_changes.order(table.slug, made.id, by=by),
    ):
        with pytest.raises(Refused):
            act()


def test_addresses_of_mail_and_phones_keep_their_signs_and_take_no_others(table, by):
    id = make(table, by, Name="ada+x@example.org?bcc=eve@example.org", Note="+49 30 1234")
    for address, leads in (
        ("mailto:{Name}?subject=Hello", "mailto:ada+x@example.org%3Fbcc%3Deve@example.org?subject=Hello"),
        ("tel:{Note}", "tel:+49%2030%201234"),
    ):
        made = button(table, by, label=address, does="open", address=address)
        assert buttons.address(rules_of(table, by), table.id, made.id, id, by=by) == leads
