"""Lists whose rows no table has answer the same questions as those of tables."""

from datetime import datetime, timedelta

import pytest

from database.clock import UTC
from domain import Invalid, NotFound, Refused
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists import asks, lists, rows
from domain.lists.listing import Act, Listing, Sort, both
from domain.lists.lists import Ask
from domain.lists.sources import Given
from domain.people.admins import Staff

START = datetime(2026, 6, 15, tzinfo=UTC)
KIND = Choice((("a", "A", ""), ("b", "B", "")))
GIVEN = [
    {"id": f"n{n}", "name": f"Row {n:02}", "kind": "ab"[n % 2], "at": None if n == 3 else START + timedelta(n), "n": n}
    for n in range(7)
]
done = []
LIST = Listing(
    "given",
    "row",
    "rows",
    None,
    (Field("name", "Name", Text()), Field("kind", "Kind", KIND), Field("at", "At", Moment(past=True))),
    (Sort("given", "As given"), *both("at", "Oldest", "Newest"), *both("name", "A to Z", "Z to A")),
    source=Given(lambda by: GIVEN),
    search=("name", "id"),
    conditions=((Field("big", "Big", Number()), lambda least: lambda row: row.n >= least),),
    ranges=("at",),
    also=("n",),
    chips="kind",
    reads="users.read",
    acts=(
        Act("note", "Note", lambda id, by: done.append(id), "users.read", when=lambda row: row.n, bulk=True),
        Act("all", "All", None, "users.read", bulk=True, many=lambda ids, by: f"{len(ids)} at once"),
    ),
)


@pytest.fixture
def staff():
    done.clear()
    return Staff(None, frozenset({"users.read"}))


def names(staff, **asked):
    return [row.id for row in lists.read(LIST, asks.understand(LIST, asked), staff).rows]


def test_rows_are_narrowed_and_sorted(staff):
    assert names(staff) == [f"n{n}" for n in range(7)]
    assert names(staff, kind="b") == ["n1", "n3", "n5"]
    assert names(staff, q="row 05") == ["n5"]
    assert names(staff, q="N2") == ["n2"]
    assert names(staff, big="5") == ["n5", "n6"]
    assert names(staff, at_from="2026-06-19") == ["n4", "n5", "n6"]  # what has no moment is on no side of it
    assert names(staff, sort="at-down") == ["n6", "n5", "n4", "n2", "n1", "n0", "n3"]
    assert names(staff, sort="name-down")[0] == "n6"
    assert lists.counts(LIST, Ask(), staff) == {"a": 4, "b": 3}


def test_pages_go_on_and_a_lost_place_is_refused(staff):
    found, ask = [], Ask(rows=3)
    while True:
        answer = lists.read(LIST, ask, staff)
        found += [row.id for row in answer.rows]
        if not answer.more:
            break
        ask = ask.but(after=answer.more)
    assert found == names(staff)
    with pytest.raises(Invalid):
        lists.read(LIST, Ask(after="n99"), staff)


def test_acts_reach_only_rows_that_are_there(staff):
    rules = rows.Rules(LIST)
    rows.act(rules, "note", ["n2"], by=staff)
    assert done == ["n2"]
    with pytest.raises(NotFound):
        rows.act(rules, "note", ["n99"], by=staff)
    with pytest.raises(Refused):
        rows.act(rules, "note", ["n0"], by=staff)
    assert rows.act(rules, "all", ["n1", "n99", "n2"], by=staff)[2] == "2 at once"
