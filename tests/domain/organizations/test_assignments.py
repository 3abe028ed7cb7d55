"""The people of one workspace."""

import pytest

from domain import Invalid, NotFound, Refused
from domain.lists import asks, lists
from domain.organizations import assignments, invitations, workspaces
from models import Assignment, AuditEvent, Membership, Outgoing
from tests.fixtures.threads import write


@pytest.fixture(autouse=True)
def _inside(inside_acme):
    """As a member's door leaves one standing."""


@pytest.fixture
def stage(at):
    return workspaces.create("Main stage", by=at("alice"))


def listed(at, workspace, who="alice", **asked):
    """(name, address, role, whether a member) of the list's rows."""
    ask = asks.understand(assignments.listing, asked, workspace.id)
    rows = lists.read(assignments.listing, ask, at(who)).rows
    return [(row.name, row.email, row.role, row.member is not None) for row in rows]


def test_the_list_has_the_people_of_its_workspace_alone_managers_first(cast, at, stage):
    attic = workspaces.create("Attic", by=at("alice"))
    for place, who, role in ((stage, cast.vera, "staff"), (stage, cast.bob, "manager"), (attic, cast.dora, "staff")):
        assignments.assign(place.id, who.id, role, by=at("alice"))
    assert [name for name, *_ in listed(at, stage)] == ["Bob", "Vera"]
    assert [name for name, *_ in listed(at, stage, sort="name-down")] == ["Vera", "Bob"]
    assert [name for name, *_ in listed(at, stage, q="vera@")] == ["Vera"]
    assert listed(at, stage, "vera", q="vera@example") == []  # who may not see an address can't try it out


def test_a_member_is_put_into_one_gets_another_role_and_is_taken_out(cast, at, stage):
    made = assignments.assign(stage.id, str(cast.bob.id), "staff", by=at("alice"))
    again = assignments.assign(stage.id, cast.bob.id, "manager", by=at("alice"))
    assert (made.id, again.role, again.user) == (again.id, "manager", cast.bob)
    assert listed(at, stage) == [("Bob", "bob@example.org", "manager", True)]
    assert listed(at, stage, "vera") == [("Bob", "", "manager", True)]
    facts = [e.metadata for e in AuditEvent.select().where(AuditEvent.action == "member.assigned")]
    assert [(f["before"], f["after"]) for f in facts] == [(None, "staff"), ("staff", "manager")]
    told = [row.payload["title"] for row in Outgoing.select().where(Outgoing.kind == "notification")]
    assert told == ["You are staff in Main stage of Acme", "You are manager in Main stage of Acme"]
    assert assignments.release(made.id, by=at("alice")) == cast.bob
    assert listed(at, stage) == []
    with pytest.raises(NotFound):
        assignments.release(made.id, by=at("alice"))
    assert at("bob").role == "member"


def test_only_members_are_chosen_and_only_for_roles_that_there_are(cast, at, stage):
    for user in (cast.charlie.id, 0, "", None, "x", 2**40):
        with pytest.raises(Invalid) as caught:
            assignments.assign(stage.id, user, "staff", by=at("alice"))
        assert list(caught.value.fields) == ["user"]
    for role in ("owner", "", None):
        with pytest.raises(Invalid):
            assignments.assign(stage.id, cast.bob.id, role, by=at("alice"))
    workspaces.archive(stage.id, by=at("alice"))
    with pytest.raises(Refused, match="archived"):
        assignments.assign(stage.id, cast.bob.id, "staff", by=at("alice"))
    assert Assignment.select().count() == 0


def test_somebody_from_outside_is_shown_as_such_and_can_get_another_role(cast, at, stage):
    made = invitations.invite("charlie@example.org", "scanner", by=at("alice"), workspace=stage.id)
    invitations.accept(made.public_id, cast.charlie)
    assert listed(at, stage) == [("Charlie", "charlie@example.org", "scanner", False)]
    assert assignments.assign(stage.id, cast.charlie.id, "staff", by=at("alice")).role == "staff"
    assert at("charlie") is None


def test_who_left_the_organization_is_no_more_in_its_workspaces(cast, at, stage):
    write(Membership.delete().where(Membership.user == cast.bob).execute)
    with pytest.raises(Invalid):
        assignments.assign(stage.id, cast.bob.id, "staff", by=at("alice"))
