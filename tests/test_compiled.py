"""Rows of joined tables are what Peewee makes of them, and what isn't plain is left to it."""

import pytest
from peewee import JOIN, ModelCursorWrapper, fn

from database import compiled
from database.scope import inside
from models import Membership, Organization, Profile, Task, User
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("house")

PLAIN = (
    lambda: Membership.select(Membership, User, Organization).join(User).switch(Membership).join(Organization),
    lambda: Membership.select(Membership, Organization.id, Organization.name).join(Organization),
    lambda: Profile.select(Profile.id, Profile.full_name, User).join(User),
    lambda: Task.select(Task, User).join(User, on=(User.id == Task.assigned_to)),
)
OTHER = (
    lambda: Membership.select(Membership, User.email).join(User),  # without its id it may be nobody
    lambda: Membership.select(Membership.id, Membership.role).join(User),
    lambda: Task.select(Task, User).join(User, JOIN.LEFT_OUTER, on=(User.id == Task.assigned_to)),
    lambda: User.select(User, Profile).join(Profile),  # nothing of a user refers to the profile
    lambda: Membership.select(Membership, User.id, fn.LOWER(User.email)).join(User),
    lambda: Membership.select(Membership, User.id, User.email.alias("called")).join(User),
)


@pytest.fixture
def a_task(cast):
    with inside(cast.acme):
        write(Task.create, user=cast.alice, assigned_to=cast.bob, title="Chairs", due_at=None)


def everything(row):
    """All that a row holds, and those that it leads to."""
    return type(row), row.__data__, {name: everything(one) for name, one in row.__rel__.items()}, row._dirty


@pytest.mark.parametrize("made", PLAIN)
def test_joined_rows_are_peewees_own(cast, a_task, monkeypatch, made):
    with inside(cast.acme):
        ours, wrapper = list(made()), type(made().execute())
        monkeypatch.setattr("database.tables.joined_plan", lambda query: None)
        theirs, other = list(made()), type(made().execute())
    assert (wrapper, other) == (compiled.JoinedRows, ModelCursorWrapper)
    assert ours
    assert [everything(row) for row in ours] == [everything(row) for row in theirs]


@pytest.mark.parametrize("made", OTHER)
def test_what_is_not_plainly_columns_goes_peewees_way(cast, made):
    with inside(cast.acme):
        assert compiled.joined_plan(made()) is None


def test_the_number_of_plans_is_bounded(monkeypatch):
    monkeypatch.setattr(compiled, "MOST_PLANS", 2)
    monkeypatch.setattr(compiled, "_plans", {})
    for names in ("role", "created_at", "updated_at", "user"):
        list(Membership.select(Membership.id, getattr(Membership, names), User).join(User))
    assert 0 < len(compiled._plans) <= 2
