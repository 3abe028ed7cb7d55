"""What is done to fields, words and tables touches no cell and can be taken back."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid, NotFound, Refused, Stale
from domain.fields.forms import as_text
from domain.fields.records.leftover import LeftOver
from domain.lists import asks, lists, rows
from domain.lists.programs import reading, writing
from domain.records import collections, field_changes, kind_changes, listings, rules, shape_changes
from models import Record, RecordOption, RecordUnique


@pytest.fixture
def table(at, inside_acme):
    return collections.make(
        "Repairs", by=at("alice"), fields=(("Name", "text"), ("State", "choice", ("New", "Open", "Done")))
    )


def rules_of(table, by):
    return listings.of(collections.found(table.slug), by)


def labels(table):
    return [field.label for field in collections.fields(table)]


def field_id(table, label):
    return next(f.id for f in collections.fields(table) if f.label == label)


def option(label):
    return RecordOption.get(RecordOption.label == label).id


def documents():
    return sorted(Record.select(Record.id, Record.cells).tuples())


def make_rows(table, by, *pairs):
    rules = rules_of(table, by)
    name, state = (f.name for f in rules.listing.fields[:2])
    return [rows.create(rules, {name: one, state: two}, by=by).id for one, two in pairs]


def seen(table, by, **asked):
    """(name, state in words) as a list shows them."""
    rules = rules_of(table, by)
    name, state = (f"f{field_id(table, label)}" for label in ("Name", "State"))
    ask = asks.understand(rules.listing, {state if key == "State" else key: str(v) for key, v in asked.items()})
    kind = rules.listing.by_name[state].kind
    return [(getattr(r, name), kind.plain(getattr(r, state))) for r in lists.read(rules.listing, ask, by).rows]


def undo(table, by):
    return shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)


def test_a_field_is_put_away_and_comes_back_with_its_cells(table, at):
    by = at("alice")
    make_rows(table, by, ("Toaster", "New"))
    state, before = field_id(table, "State"), documents()
    field_changes.put_away(table.slug, state, by=by)
    assert labels(table) == ["Name"]
    assert [row.label for row in field_changes.away(table)] == ["State"]
    with pytest.raises(Refused):
        field_changes.put_away(table.slug, field_id(table, "Name"), by=by)
    again = collections.add_field(table.slug, "State", "text", by=by)  # a new one: nothing of the old comes along
    assert again.id != state
    assert documents() == before
    field_changes.bring_back(table.slug, state, by=by)
    assert field_changes.away(table) == []
    with pytest.raises(NotFound):
        field_changes.bring_back(table.slug, state, by=by)


def test_words_are_renamed_moved_merged_and_archived_and_no_cell_is_touched(table, at):
    by = at("alice")
    make_rows(table, by, ("a", "New"), ("b", "Open"), ("c", "Done"))
    state, before = field_id(table, "State"), documents()
    field_changes.rename_word(table.slug, state, option("New"), "Fresh", by=by)
    assert ("a", "Fresh") in seen(table, by)
    with pytest.raises(Invalid):
        field_changes.rename_word(table.slug, state, option("Fresh"), "open", by=by)
    field_changes.move_word(table.slug, state, option("Done"), -1, by=by)
    order = next(s.key for s in rules_of(table, by).listing.sorts if s.column == f"f{state}" and not s.descending)
    assert [name for name, _ in seen(table, by, sort=order)] == ["a", "c", "b"]
    field_changes.merge_words(table.slug, state, option("Open"), option("Done"), by=by)
    assert sorted(seen(table, by, State=option("Done"))) == [("b", "Done"), ("c", "Done")]
    listing = rules_of(table, by).listing
    assert lists.counts(listing, asks.Ask(tab="all"), by) == {option("Fresh"): 1, option("Done"): 2, None: 0}
    looked_at = asks.understand(listing, {"where": [f"and~{listing.first}~not_empty"]})
    assert lists.counts(listing, looked_at, by) == {option("Fresh"): 1, option("Done"): 2, None: 0}
    undo(table, by)
    assert seen(table, by, State=option("Done")) == [("c", "Done")]
    field_changes.offer_word(table.slug, state, option("Open"), False, by=by)
    assert ("b", "Open") in seen(table, by)
    with pytest.raises(Invalid):
        make_rows(table, by, ("d", "Open"))
    undo(table, by)
    make_rows(table, by, ("d", "Open"))
    assert documents()[:3] == before


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_what_is_no_longer_offered_may_be_sent_back_where_it_stands(at, inside_acme, kind):
    by, words = at("alice"), ("New", "Open", "Old", "Gone")
    table = collections.make("Things", by=by, fields=(("Name", "text"), ("Tags", kind, words)))
    name, tags = (f"f{field_id(table, label)}" for label in ("Name", "Tags"))
    several = kind == "choices"
    row = rows.create(rules_of(table, by), {name: "a", tags: "Open; Old" if several else "Old"}, by=by)
    for word in ("Old", "Gone"):
        field_changes.offer_word(table.slug, field_id(table, "Tags"), option(word), False, by=by)
    rules = rules_of(table, by)
    shown = as_text(rules.listing.by_name[tags], getattr(row, tags))
    row, change = rows.change(rules, row.id, {name: "b", tags: shown}, by=by, was={name: "a", tags: shown})
    assert (getattr(row, name), change.fields.keys()) == ("b", {name})
    read = reading.one(rules, row.id, by, None)
    assert writing.change(rules, row.id, {"tags": read["tags"]}, by=by)["tags"] == read["tags"]
    if several:
        row, _ = rows.change(rules, row.id, {tags: "new; old"}, by=by, was={tags: shown})
        assert rules.listing.by_name[tags].kind.plain(getattr(row, tags)) == "New; Old"
        assert writing.change(rules, row.id, {"tags": ["old"]}, by=by)["tags"] == ["old"]
    for tried in (
        lambda: rows.change(rules, row.id, {tags: "Gone"}, by=by),
        lambda: make_rows(table, by, ("d", "Old")),
    ):
        with pytest.raises(Invalid):
            tried()


def test_swapping_two_labels_swaps_what_cells_say(table, at):
    by = at("alice")
    make_rows(table, by, ("a", "New"), ("b", "Open"))
    state, new, open_ = field_id(table, "State"), option("New"), option("Open")
    field_changes.rename_word(table.slug, state, new, "x", by=by)
    field_changes.rename_word(table.slug, state, open_, "New", by=by)
    field_changes.rename_word(table.slug, state, new, "Open", by=by)
    assert sorted(seen(table, by)) == [("a", "Open"), ("b", "New")]


def test_doubles_are_shown_and_new_ones_refused(table, at):
    by = at("alice")
    ids = make_rows(table, by, ("Same", "New"), ("same", "New"), ("Other", ""), ("", ""), ("", ""))
    name = field_id(table, "Name")
    assert field_changes.rule(table.slug, name, is_required=False, is_unique=True, by=by) == [ids[1]]
    with pytest.raises(Invalid, match="Another row has this"):
        make_rows(table, by, ("OTHER", ""))
    make_rows(table, by, ("", ""))
    undo(table, by)
    make_rows(table, by, ("OTHER", ""))
    assert RecordUnique.select().count() == 0
    with pytest.raises(Invalid):
        field_changes.rule(table.slug, field_id(table, "State"), is_required=False, is_unique=True, by=by)


def test_a_row_comes_back_with_words_left_over_where_its_value_was_taken_meanwhile(table, at):
    by = at("alice")
    (first,) = make_rows(table, by, ("Same", "New"))
    field_changes.rule(table.slug, field_id(table, "Name"), is_required=False, is_unique=True, by=by)
    removed = rows.remove(rules_of(table, by), first, by=by)
    make_rows(table, by, ("same", ""))
    rows.undo(rules_of(table, by), removed.batch, by=by)
    assert sorted(seen(table, by)) == [("Same", "New"), ("same", "")]
    assert [name for name, _ in seen(table, by) if isinstance(name, LeftOver)] == ["Same"]


def test_a_required_field_refuses_only_later_empty_cells(table, at):
    by = at("alice")
    ids = make_rows(table, by, ("a", ""))
    state = field_id(table, "State")
    field_changes.rule(table.slug, state, is_required=True, is_unique=False, by=by)
    assert field_changes.misfits(table, collections.field_of(table, state)).empty_count == 1
    with pytest.raises(Invalid):
        make_rows(table, by, ("b", ""))
    rows.change(rules_of(table, by), ids[0], {f"f{field_id(table, 'Name')}": "c"}, by=by)


def test_fields_move_and_two_builders_are_told(table, at):
    by = at("alice")
    number = collections.found(table.slug).shape
    field_changes.move(table.slug, field_id(table, "State"), -1, by=by, shape=number)
    assert labels(table) == ["State", "Name"]
    with pytest.raises(Stale, match="changed this table a moment ago"):
        field_changes.put_away(table.slug, field_id(table, "Name"), by=by, shape=number)
    undo(table, by)
    assert labels(table) == ["Name", "State"]
    with pytest.raises(Refused):
        undo(table, by) and undo(table, by) and shape_changes.undo(table.slug, 10**6, by=by)


def test_a_change_that_was_changed_since_is_not_taken_back(table, at):
    by = at("alice")
    name = field_id(table, "Name")
    collections.rename_field(table.slug, name, "Title", by=by)
    first = shape_changes.recent(table)[0]
    collections.rename_field(table.slug, name, "Called", by=by)
    with pytest.raises(Refused, match="changed since"):
        shape_changes.undo(table.slug, first.id, by=by)
    undo(table, by)
    assert labels(table)[0] == "Title"


def test_a_table_is_put_away_and_comes_back(table, at):
    by = at("alice")
    make_rows(table, by, ("a", "New"))
    field_changes.put_table_away(table.slug, by=by)
    with pytest.raises(NotFound):
        collections.found(table.slug)
    assert [one.slug for one in field_changes.tables_away()] == [table.slug]
    field_changes.bring_table_back(table.slug, by=by)
    assert seen(table, by) == [("a", "New")]


def test_a_rule_whose_field_became_another_kind_lets_nobody_through(table, at):
    by = at("alice")
    make_rows(table, by, ("a", "New"))
    state = field_id(table, "State")
    form = MultiDict(
        [("sees", "some"), ("where", f"or~{state}~any_of~{option('New')}"), ("changes", "none"), ("others", "change")]
    )
    rules.change(table.slug, "role:member", form, by=by)
    assert len(seen(table, at("bob"))) == 1
    kind_changes.begin(table.slug, state, "text", by=by)
    while kind_changes.work():
        pass
    with pytest.raises(NotFound):
        rules_of(table, at("bob"))
    undo(table, by)
    assert len(seen(table, at("bob"))) == 1
