"""Tables with formulas leave in a ZIP and come back: worked out anew, or as what they gave."""

from decimal import Decimal

import pytest

from domain.records import collections
from models import RecordField
from tests.domain.records.computed.test_formulas import add, change, make, values, work_off
from tests.domain.records.test_returning import packed, restored


@pytest.fixture
def by(inside_acme, at):
    return at("alice")


def test_formulas_come_back_by_todays_fields_and_what_goes_by_a_table_that_stays_as_values(by):
    projects = collections.make("Projects", by=by, fields=(("Name", "text"), ("Rate", "number")))
    tasks = collections.make("Tasks", by=by, fields=(("Name", "text"), ("Hours", "number")))
    options = {"table": str(projects.id), "back": "Tasks"}
    collections.add_field(tasks.slug, "Project", "link", by=by, options=options)
    make(projects, by, Name="House", Rate="10")
    make(tasks, by, Name="Saw", Hours="2", Project="House")
    add(projects, by, "Cost", "{Rate} * sum({Tasks.Hours})")
    add(tasks, by, "Share", "{Hours} / {Project.Cost}")
    data = packed(by, collections.found("projects"), collections.found(tasks.slug))
    house, work = restored(by, data)
    work_off()
    (id,) = values(house, by, "Cost")
    assert values(house, by, "Cost") == {id: Decimal(20)}
    assert list(values(work, by, "Share").values()) == [Decimal("0.1")]
    (task,) = values(work, by, "Hours")
    change(work, task, by, Hours="5")
    assert values(house, by, "Cost") == {id: Decimal(50)}
    assert [field.label for field in collections.fields(work)] == ["Name", "Hours", "Project", "Share"]
    (alone,) = restored(by, packed(by, collections.found(tasks.slug)))
    work_off()
    assert RecordField.get(RecordField.collection == alone, RecordField.label == "Share").kind == "number"
    assert list(values(alone, by, "Share").values()) == [Decimal("0.1")]
