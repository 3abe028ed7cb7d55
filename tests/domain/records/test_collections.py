import pytest

from domain import Forbidden, Invalid, NotFound, Stale
from domain.imports import mappings
from domain.lists import lists, rows
from domain.lists.asks import Ask
from domain.records import collections, documents, field_changes, listings, rules, shape_changes, shapes
from models import AuditEvent, Change, Collection, RecordField, ShapeChange, User
from tests.fixtures.threads import write


@pytest.fixture
def table(at, inside_acme):
    return collections.make("Repairs", by=at("alice"))


def test_a_table_is_made_with_a_field_and_an_address(table, at):
    assert (table.slug, table.shape) == ("repairs", 1)
    assert [f.label for f in collections.fields(table)] == ["Name"]
    assert collections.make("Réparations / été", by=at("alice")).slug == "reparations-ete"
    assert collections.make("Repairs", by=at("alice")).slug == "repairs-2"
    assert collections.make("修理", by=at("alice")).slug == "table"
    assert collections.make("Archives", by=at("alice")).slug == "archives-2"  # a page of ours stands there
    assert AuditEvent.one(AuditEvent.action == "records.made").summary == "The table Repairs was made"


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "x" * 81])
def test_a_name_that_is_none_is_refused_and_nothing_is_made(at, inside_acme, name):
    with pytest.raises(Invalid):
        collections.make(name, by=at("alice"))
    assert Collection.select().count() == 0


def test_members_make_none(at, inside_acme):
    with pytest.raises(Forbidden):
        collections.make("Repairs", by=at("bob"))


def test_a_field_is_added_at_the_end_and_the_shape_counts_on(table, at):
    field = collections.add_field("repairs", "State", "choice", by=at("alice"), choices=("New", "Done"))
    found = collections.found("repairs")
    assert found.shape == 2
    assert [f.label for f in collections.fields(found)] == ["Name", "State"]
    assert [word.label for word in collections.fields(found)[1].words] == ["New", "Done"]
    assert ShapeChange.get().what == {"add": field.id}
    assert Change.select().where(Change.table == f"record:{table.id}").count() == 1  # open pages hear of it


def test_a_phone_field_begins_with_the_country_of_its_maker(table, cast, at):
    write(User.update(country="CH").where(User.id == cast.alice.id).execute)
    phone = collections.add_field("repairs", "Phone", "phone", by=at("alice"))
    theirs = collections.add_field("repairs", "Abroad", "phone", by=at("alice"), options={"country": "DE"})
    state = collections.add_field("repairs", "State", by=at("alice"))
    assert [one.options for one in (phone, theirs, state)] == [{"country": "CH"}, {"country": "DE"}, {}]


def test_a_field_that_is_renamed_keeps_its_number_and_its_lasting_name(table, at):
    (field,) = collections.fields(table)
    renamed = collections.rename_field("repairs", field.id, "Thing", by=at("alice"))
    assert (renamed.label, renamed.api_name, renamed.id) == ("Thing", "name", field.id)
    rules = listings.of(collections.found("repairs"), at("alice"))
    assert rules.listing.fields[0].label == "Thing"


def test_two_builders_at_once(table, at):
    collections.add_field("repairs", "State", by=at("alice"), shape=1)
    with pytest.raises(Stale, match=r"^Alice.* changed this table"):
        collections.add_field("repairs", "Status", by=at("alice"), shape=1)
    assert RecordField.select().count() == 2  # the refused one left nothing


def test_a_word_stands_once_in_a_choice(table, at):
    field = collections.add_field("repairs", "State", "choice", by=at("alice"), choices=("New",))
    with pytest.raises(Invalid, match="has the word"):
        collections.add_option("repairs", field.id, "NEW", by=at("alice"))
    with pytest.raises(Invalid, match="no words to choose"):
        collections.add_option("repairs", collections.fields(table)[0].id, "New", by=at("alice"))


def test_limits_are_said(table, at, monkeypatch):
    monkeypatch.setattr(collections, "FIELDS", 1)
    with pytest.raises(Invalid, match="at most"):
        collections.add_field("repairs", "State", by=at("alice"))


def test_a_kind_or_a_table_that_there_is_not(table, at):
    with pytest.raises(Invalid, match="no such kind"):
        collections.add_field("repairs", "State", "spell", by=at("alice"))
    with pytest.raises(NotFound):
        collections.add_field("nothing", "State", by=at("alice"))
    with pytest.raises(NotFound):
        collections.rename_field("repairs", 999, "x", by=at("alice"))


def test_a_shape_whose_transaction_fell_is_not_kept_for_the_next_of_its_number(table, at):
    """The cache is filled within a transaction that falls; the next change has the same number."""
    by = at("alice")

    def falls():
        collections.add_field("repairs", "Lost", by=by)
        listings.of(collections.found("repairs"), by)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(falls)
    collections.add_field("repairs", "Kept", by=by)
    assert [f.label for f in listings.of(collections.found("repairs"), by).listing.fields[:2]] == ["Name", "Kept"]


def test_a_field_answers_to_the_name_it_had_and_no_other_gets_it(table, at, clock):
    by = at("alice")
    field = collections.add_field(table.slug, "Item", by=by)
    collections.rename_field(table.slug, field.id, "Thing", by=by)
    assert collections.field_of(table, field.id).api_name == "item"
    assert collections.rename_for_programs(table.slug, field.id, by=by).api_name == "thing"
    cell = shapes.read(collections.found(table.slug)).by_name[f"f{field.id}"]
    assert (cell.api_name, cell.aliases, cell.field.also) == ("thing", ("item",), ("thing", "item"))
    assert collections.add_field(table.slug, "Item", by=by).api_name == "item_2"
    listing = listings.of(collections.found(table.slug), by).listing
    assert mappings.propose(listing, ["Item", "thing"])["fields"] == [f"f{field.id + 1}", f"f{field.id}"]
    collections.rename_field(table.slug, field.id + 1, "Other", by=by)
    listing = listings.of(collections.found(table.slug), by).listing
    assert mappings.propose(listing, ["Item"])["fields"] == [f"f{field.id}"]  # as it was called in last year's file
    shape_changes.undo(table.slug, shape_changes.recent(table)[2].id, by=by)
    assert (back := collections.field_of(table, field.id)).api_name == "item"
    assert back.aliases == []


def test_every_change_of_a_month_is_listed_to_be_taken_back_and_of_old_ones_the_newest(table, at, clock):
    by = at("alice")
    field = collections.add_field(table.slug, "Item", by=by)
    for number in range(25):
        collections.rename_field(table.slug, field.id, f"Item {number}", by=by)
    assert len(shape_changes.recent(table)) > 25
    clock.forward(days=31)
    assert len(shape_changes.recent(table)) == 20


def test_hard_case_11_a_removed_fields_name_is_a_new_field(table, at):
    by = at("alice")
    old = collections.add_field(table.slug, "Item", by=by)
    found = listings.of(collections.found(table.slug), by)
    rows.create(found, {found.listing.first: "Kettle", f"f{old.id}": "secret"}, by=by)
    field_changes.put_away(table.slug, old.id, by=by)
    new = collections.add_field(table.slug, "Item", by=by)
    assert (new.id != old.id, new.api_name, new.aliases) == (True, "item_2", [])
    listing = listings.of(collections.found(table.slug), by).listing
    assert getattr(lists.read(listing, lists.Ask(), by).rows[0], f"f{new.id}") is None
    while rules.move_words():
        pass
    assert (
        lists.read(listings.of(collections.found(table.slug), by).listing, lists.Ask(tab="all", q="secret"), by).rows
        == []
    )


@pytest.mark.parametrize("at_once", [3, 2])
@pytest.mark.parametrize("kind", ["number", "day", "text", "person", "money", "choice"])
def test_rows_from_before_a_field_stand_in_its_order(inside_acme, at, monkeypatch, kind, at_once):
    monkeypatch.setattr(documents, "ORDERED_AT_ONCE", at_once)
    by = at("alice")
    offers = listings.of(collections.make("Offers", by=by, fields=(("Name", "text"),)), by)
    made = [rows.create(offers, {"f1": f"Offer {number}"}, by=by) for number in range(3)]
    rows.remove(offers, rows.create(offers, {"f1": "Gone"}, by=by).id, by=by)
    collections.add_field("offers", "More", kind, by=by, options={"currency": "EUR"} if kind == "money" else None)
    listing = listings.of(collections.found("offers"), by).listing
    for sort in listing.sorts:
        answer = lists.read(listing, Ask(tab=listing.readings[0].key, sort=sort.key), by)
        assert {row.id for row in answer.rows} == {row.id for row in made}, sort.key
