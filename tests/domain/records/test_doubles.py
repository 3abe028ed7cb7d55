"""What must not occur twice follows the field wherever its cells lie."""

import pytest

from domain import Invalid, Refused
from domain.lists import rows
from domain.records import collections, field_changes, kind_changes, listings, shape_changes
from models import RecordUnique


@pytest.fixture
def table(at, inside_acme):
    made = collections.make("Things", by=at("alice"), fields=(("Name", "text"), ("Code", "text")))
    for code in ("1", "2", "2"):
        add(made, at("alice"), code)
    return made


def add(table, by, code):
    rules = listings.of(collections.found(table.slug), by)
    first, name = (f.name for f in rules.listing.fields[:2])
    return rows.create(rules, {first: "x", name: code}, by=by)


def code_of(table):
    return next(field.id for field in collections.fields(table) if field.label == "Code")


def unique(table, by, is_on=True):
    return field_changes.rule(table.slug, code_of(table), by=by, is_required=False, is_unique=is_on)


def take_back(table, by, number=0):
    change = [one for one in shape_changes.recent(table) if one.undoable][number]
    return shape_changes.undo(table.slug, change.id, by=by)


def test_a_rule_that_comes_back_refuses_doubles_again(table, at):
    by = at("alice")
    assert len(unique(table, by)) == 1
    unique(table, by, False)
    assert RecordUnique.select().count() == 0
    take_back(table, by)
    assert RecordUnique.select().count() == 2
    with pytest.raises(Invalid):
        add(table, by, "1")


def test_a_kind_that_comes_back_keeps_the_rule(table, at):
    by = at("alice")
    kind_changes.begin(table.slug, code_of(table), "number", by=by)
    with pytest.raises(Refused, match="becoming another kind"):
        unique(table, by)
    while kind_changes.work():
        pass
    unique(table, by)
    take_back(table, by, 1)
    with pytest.raises(Invalid):
        add(table, by, "1")
    assert add(table, by, "3")
