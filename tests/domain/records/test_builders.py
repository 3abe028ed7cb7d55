"""Two builders at one table at the same moment: one change after the other or a sentence, and no cell is lost."""

import pytest

from database.scope import inside
from domain import Invalid, Refused, Stale
from domain.lists import rows
from domain.records import collections, field_changes, kind_changes, listings, shape_changes
from models import Collection, Record, RecordField, RecordOption, ShapeChange
from tests.fixtures.threads import refused, together


@pytest.fixture
def by(cast, at, inside_acme):
    return at("alice")


@pytest.fixture
def table(by):
    made = collections.make(
        "Things", by=by, fields=(("Name", "text"), ("Count", "text"), ("State", "choice", ("New",)))
    )
    rows.create(listings.of(made, by), {"f1": "Bolt", "f2": "ca. 3"}, by=by)
    return Collection.get_by_id(made.id)


@pytest.fixture
def at_once(cast):
    """Works of one organization at the same moment; what each gave or raised."""

    def run(*works):
        def of(work):
            def within():
                with inside(cast.acme):
                    return work()

            return within

        return together(*map(of, works))

    return run


def test_of_two_builders_at_once_one_is_told_to_look_again_and_nothing_is_half_done(table, by, at_once):
    drawn = {"by": by, "shape": table.shape}
    outcomes = at_once(
        lambda: collections.rename_field(table.slug, 2, "Number", **drawn),
        lambda: kind_changes.begin(table.slug, 2, "number", **drawn),
        lambda: field_changes.put_away(table.slug, 2, **drawn),
        lambda: collections.add_option(table.slug, 3, "Done", **drawn),
    )
    said = refused(outcomes)
    assert len(said) == 3
    assert {type(one) for one in said} <= {Stale}
    assert {one.sentence.partition(" changed this table a moment ago")[0] for one in said} == {by.user.name}
    assert (Collection.get_by_id(table.id).shape, ShapeChange.select().count()) == (table.shape + 1, 1)
    while kind_changes.work():
        pass
    assert "ca. 3" in Record.get().cells


def test_fields_that_many_add_at_once_are_all_there_each_in_its_place_and_with_its_name(table, by, at_once):
    outcomes = at_once(*[lambda: collections.add_field(table.slug, "Note", by=by)] * 4)
    assert refused(outcomes) == []
    found = collections.fields(table)
    assert [field.place for field in found] == list(range(7))
    assert [field.api_name for field in found][3:] == ["note", "note_2", "note_3", "note_4"]
    assert Collection.get_by_id(table.id).shape == table.shape + 4


def test_a_row_that_is_written_while_its_table_changes_is_whole_in_the_new_shape(table, by, at_once):
    rules = listings.of(table, by)  # as a page had it that was drawn before
    at_once(
        *[lambda: rows.create(rules, {"f1": "Nut", "f2": "12"}, by=by)] * 3,
        lambda: kind_changes.begin(table.slug, 2, "number", by=by),
    )
    while kind_changes.work():
        pass
    cells = [row.value("f2") for row in rows_of(table, by)]
    assert sorted(map(str, cells)) == ["12", "12", "12", "ca. 3"]
    assert len({type(cell) for cell in cells}) == 2  # numbers, and words left over


def rows_of(table, by):
    source = listings.of(Collection.get_by_id(table.id), by).listing.source
    return list(source.get_many([row.id for row in Record.select(Record.id)]).values())


def test_a_choice_of_a_million_words_is_refused_before_one_is_made(table, by):
    words = [str(n) for n in range(1_000_000)]
    with pytest.raises(Invalid, match="1,000 words at most; with these it would have 1,000,000"):
        collections.add_field(table.slug, "Sort", "choice", choices=words, by=by)
    assert (RecordField.select().count(), RecordOption.select().count()) == (3, 1)


def test_a_thousand_words_are_one_change_and_each_has_its_own_name(table, by):
    made = collections.add_options(table.slug, 3, [f"词 {n}" for n in range(999)], by=by)
    assert len({word.api_name for word in RecordOption.select()}) == 1000
    assert [word.place for word in made] == list(range(1, 1000))
    assert ShapeChange.select().count() == 1
    with pytest.raises(Refused, match="1,000 words at most"):
        collections.add_option(table.slug, 3, "One more", by=by)
    assert shape_changes.recent(table)
