from datetime import timedelta

import pytest

from database.clock import now
from database.connections import database
from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import settings, stepup
from domain.lists import asks, lists
from domain.organizations import assignments, members, organizations, permissions, workspaces
from models import Assignment, AuditEvent, Change, Membership, Organization, Outgoing, Transfer, User
from tests.fixtures.threads import refused, together, write


@pytest.fixture(autouse=True)
def _inside(inside_acme):
    """As a member's door leaves one standing."""


@pytest.fixture
def of(cast):
    """A person's membership of Acme."""
    return lambda name: Membership.get(Membership.organization == cast.acme, Membership.user == getattr(cast, name))


@pytest.fixture
def admin(cast, at):
    """bob, who is an admin of Acme in these tests."""
    write(Membership.update(role="admin").where(Membership.user == cast.bob).execute)
    return at("bob")


def roles_in(organization):
    rows = Membership.select(Membership, User).join(User).where(Membership.organization == organization)
    return {one.user.name.lower(): one.role for one in rows}


def told(letters=None):
    """(recipient, title) of every notification that was left."""
    rows = Outgoing.select().where(Outgoing.kind == "notification").order_by(Outgoing.id)
    return [(User.get_by_id(row.payload["recipient"]).name, row.payload["title"]) for row in rows if row.payload]


def switch_off(cast, name, value="off"):
    settings.change(name, value, by=cast.stella)
    settings.forget()


# --- who they are ---------------------------------------------------------------------------------------------


def test_the_owners_come_first_then_the_others_by_role_and_name(cast):
    assert [(one.user.name, one.role) for one in members.of(cast.acme)] == [
        ("Alice", "owner"),
        ("Bob", "member"),
        ("Dora", "member"),
        ("Vera", "viewer"),
    ]


def test_the_members_and_their_names_are_one_query(cast, monkeypatch):
    asked = []
    execute = database.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda *a, **k: asked.append(a[0]) or execute(*a, **k))
    assert [one.user.name for one in members.of(cast.acme)]
    assert len(asked) == 1, asked


def test_somebody_elses_membership_is_not_found(cast):
    theirs = Membership.get(Membership.organization == cast.globex)
    for id in (theirs.id, 0, None, "x", "²", 2**40):
        with pytest.raises(NotFound):
            members.one(cast.acme, id)


# --- another role -----------------------------------------------------------------------------------------------


def test_an_owner_gives_a_member_another_role_after_proving_who_she_is(cast, at, of, signed_in_as, proven):
    bob = of("bob")
    signed_in_as("alice")
    with pytest.raises(stepup.VerificationRequired) as asked:
        members.change_role(bob.id, "admin", by=at("alice"))
    assert (asked.value.details["level"], asked.value.details["target"]) == (3, str(bob.id))
    assert of("bob").role == "member"
    proven("alice", "member.change_role", bob.id)
    assert members.change_role(bob.id, "admin", by=at("alice")).role == "admin"
    assert at("bob").role == of("bob").role == "admin"
    event = AuditEvent.get(AuditEvent.action == "member.role_changed")
    assert (event.actor, event.organization, event.target_id) == (cast.alice, cast.acme, str(cast.bob.id))
    assert (event.metadata["before"], event.metadata["after"]) == ("member", "admin")
    assert told() == [("Bob", "You are now admin of Acme")]
    assert Change.get(Change.table == "organization_member").fields == {"role": ["member", "admin"]}


def test_a_proof_for_one_member_is_none_for_another(cast, at, of, proven):
    proven("alice", "member.change_role", of("bob").id)
    with pytest.raises(stepup.VerificationRequired):
        members.change_role(of("vera").id, "member", by=at("alice"))


def test_the_same_role_again_changes_nothing_and_asks_nothing(cast, at, of):
    assert members.change_role(of("bob").id, "member", by=at("alice")) is None
    assert not AuditEvent.select().where(AuditEvent.action == "member.role_changed").exists()


@pytest.mark.parametrize("role", ["emperor", "", None, "Owner", "manager"])
def test_there_are_four_roles(at, of, role):
    with pytest.raises(Invalid):
        members.change_role(of("bob").id, role, by=at("alice"))


def test_an_admin_neither_touches_nor_makes_an_owner(cast, admin, of, proven):
    for target, role in (("alice", "member"), ("vera", "owner"), ("bob", "owner")):
        proven("bob", "member.change_role", of(target).id)
        with pytest.raises(Forbidden):
            members.change_role(of(target).id, role, by=admin)
    proven("bob", "member.remove", of("alice").id, level=3)
    with pytest.raises(Forbidden):
        members.remove(of("alice").id, by=admin)
    assert roles_in(cast.acme) == {"alice": "owner", "bob": "admin", "vera": "viewer", "dora": "member"}
    assert members.choosable(admin) == ("admin", "member", "viewer")


def test_an_admin_changes_the_others(cast, admin, of, proven):
    for target, role in (("vera", "member"), ("dora", "admin"), ("dora", "viewer")):
        proven("bob", "member.change_role", of(target).id)
        assert members.change_role(of(target).id, role, by=admin).role == role
    assert {name for name, _ in told()} == {"Alice", "Vera", "Dora"}


@pytest.mark.parametrize("name", ["dora", "vera"])
def test_members_and_viewers_change_nobody(at, of, name):
    for act in (
        lambda: members.change_role(of("bob").id, "viewer", by=at(name)),
        lambda: members.remove(of("bob").id, by=at(name)),
    ):
        with pytest.raises(Forbidden):
            act()


def test_the_last_owner_is_neither_demoted_nor_removed(cast, at, of, proven):
    proven("alice", "member.change_role", of("alice").id)
    with pytest.raises(permissions.LastOwner):
        members.change_role(of("alice").id, "admin", by=at("alice"))
    with pytest.raises(permissions.LastOwner):
        members.leave(by=at("alice"))
    assert of("alice").role == "owner"


def test_the_organizations_own_row_names_one_of_its_owners(cast, at, of, proven):
    assert cast.acme.owner == cast.alice
    proven("alice", "member.change_role", of("bob").id)
    members.change_role(of("bob").id, "owner", by=at("alice"))
    assert Organization.get_by_id(cast.acme.id).owner == cast.alice
    proven("alice", "member.change_role", of("alice").id)
    members.change_role(of("alice").id, "member", by=at("alice"))
    assert Organization.get_by_id(cast.acme.id).owner == cast.bob


def test_who_was_demoted_meanwhile_can_do_no_more_with_what_they_held(cast, admin, of, proven):
    proven("bob", "member.change_role", of("vera").id)
    write(Membership.update(role="viewer").where(Membership.user == cast.bob).execute)
    with pytest.raises(Forbidden):
        members.change_role(of("vera").id, "admin", by=admin)
    write(Membership.delete().where(Membership.user == cast.bob).execute)
    with pytest.raises(NotFound):
        members.change_role(of("vera").id, "admin", by=admin)


# --- going --------------------------------------------------------------------------------------------------------


def test_a_fresh_session_removes_a_member_and_an_old_one_proves_it_first(cast, at, of, signed_in_as, letters):
    signed_in_as("alice", minutes_old=31)
    with pytest.raises(stepup.VerificationRequired) as asked:
        members.remove(of("bob").id, by=at("alice"))
    assert asked.value.details["level"] == 2
    signed_in_as("alice")
    bob = of("bob")
    assert members.remove(bob.id, by=at("alice")) == cast.bob
    assert at("bob") is None
    event = AuditEvent.get(AuditEvent.action == "member.removed")
    assert (event.metadata["before"], event.actor) == ("member", cast.alice)
    assert told() == [("Bob", "You were removed from Acme")]
    assert Change.get(Change.table == "organization_member").verb == "deleted"
    (letter,) = [one for one in letters() if "removed" in one[1]]
    assert letter[0] == "bob@example.org"
    with pytest.raises(NotFound):
        members.remove(bob.id, by=organizations.reach(cast.alice, "acme"))
    assert AuditEvent.select().where(AuditEvent.action == "member.removed").count() == 1


@pytest.mark.parametrize("role", ["admin", "owner"])
def test_to_remove_an_admin_or_owner_a_fresh_session_is_not_enough(cast, at, of, signed_in_as, proven, role):
    write(Membership.update(role=role).where(Membership.id == of("bob").id).execute)
    signed_in_as("alice")
    with pytest.raises(stepup.VerificationRequired) as asked:
        members.remove(of("bob").id, by=at("alice"))
    assert asked.value.details["level"] == 3
    proven("alice", "member.remove", of("bob").id, level=2)
    with pytest.raises(stepup.VerificationRequired):
        members.remove(of("bob").id, by=at("alice"))
    proven("alice", "member.remove", of("bob").id, level=3)
    members.remove(of("bob").id, by=at("alice"))
    assert at("bob") is None


def test_nobody_removes_themselves(at, of, signed_in_as):
    write(Membership.update(role="owner").where(Membership.id == of("bob").id).execute)
    signed_in_as("alice")
    with pytest.raises(Refused, match="leave"):
        members.remove(of("alice").id, by=at("alice"))


def test_who_goes_gives_up_their_parts_and_the_offer_made_to_them(cast, at, of, signed_in_as):
    stage = workspaces.create("Main stage", by=at("alice"))
    assignments.assign(stage.id, cast.bob.id, "manager", by=at("alice"))
    offer = {"from_user": cast.alice, "to_user": cast.bob, "expires_at": now() + timedelta(days=1)}
    write(Transfer.create, **offer)
    members.leave(by=at("bob"))
    assert Assignment.select().count() == 0
    assert Transfer.get().status == "cancelled"


def test_a_member_leaves_and_falls_back_on_their_own_space(cast, at):
    organizations.switch(cast.bob, cast.acme)
    members.leave(by=at("bob"))
    assert at("bob") is None
    assert organizations.home(User.get_by_id(cast.bob.id)).slug == "bob"
    event = AuditEvent.get(AuditEvent.action == "member.removed")
    assert (event.summary, event.metadata["left"]) == ("Bob left", True)
    assert told() == [("Alice", "Bob left Acme")]


def test_nobody_leaves_their_personal_space(cast):
    mine = organizations.reach(cast.alice, "alice")
    with inside(mine.organization), pytest.raises(permissions.PersonalMode):
        members.leave(by=mine)
    assert organizations.reach(cast.alice, "alice")


def test_the_switch_for_managing_members_holds_on_the_server(cast, at, of, proven):
    switch_off(cast, "allow_member_management")
    proven("alice", "member.change_role", of("bob").id)
    proven("alice", "member.remove", of("bob").id)
    for act in (
        lambda: members.change_role(of("bob").id, "viewer", by=at("alice")),
        lambda: members.remove(of("bob").id, by=at("alice")),
    ):
        with pytest.raises(permissions.PersonalMode):
            act()
    members.leave(by=at("bob"))  # going is nobody's to forbid


def test_personal_mode_refuses_every_change_of_members(cast, at, of, proven):
    switch_off(cast, "organization_mode", "personal")
    proven("alice", "member.remove", of("bob").id)
    with pytest.raises(permissions.PersonalMode):
        members.remove(of("bob").id, by=at("alice"))
    with pytest.raises(permissions.PersonalMode):
        members.change_role(of("bob").id, "viewer", by=at("alice"))
    assert len(roles_in(cast.acme)) == 4


def test_a_suspended_organization_changes_no_member(cast, at, of, proven):
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    proven("alice", "member.remove", of("bob").id)
    with pytest.raises(permissions.OrganizationSuspended):
        members.remove(of("bob").id, by=at("alice"))
    with pytest.raises(permissions.OrganizationSuspended):
        members.leave(by=at("bob"))


# --- races -----------------------------------------------------------------------------------------------------------


def _two_owners(cast):
    write(Membership.update(role="owner").where(Membership.user == cast.bob).execute)


@pytest.mark.parametrize("_round", range(4))
def test_of_the_last_two_owners_leaving_at_once_one_stays(cast, at, _round):
    _two_owners(cast)
    pair = [at("alice"), at("bob")]

    def leaves(by):
        with inside(cast.acme):
            members.leave(by=by)

    outcomes = together(*(lambda by=by: leaves(by) for by in pair))
    assert [type(one) for one in refused(outcomes)] == [permissions.LastOwner]
    assert list(roles_in(cast.acme).values()).count("owner") == 1
    assert Organization.get_by_id(cast.acme.id).owner in [
        one.user for one in members.of(cast.acme) if one.role == "owner"
    ]


def test_of_two_owners_who_demote_each_other_at_once_one_stays(cast, at, of, proven):
    _two_owners(cast)
    acts = []
    for mine, other in (("alice", "bob"), ("bob", "alice")):
        present = proven(mine, "member.change_role", of(other).id)
        acts.append((at(mine), of(other).id, present))

    def demotes(by, id, present):
        stepup.present.set(present)
        with inside(cast.acme):
            return members.change_role(id, "member", by=by)

    outcomes = together(*(lambda act=act: demotes(*act) for act in acts))
    assert len(refused(outcomes)) == 1, outcomes
    assert list(roles_in(cast.acme).values()).count("owner") == 1


def test_a_member_removed_twice_at_once_goes_once(cast, at, of, signed_in_as):
    present, bob = signed_in_as("alice"), of("bob")

    def removes():
        stepup.present.set(present)
        with inside(cast.acme):
            return members.remove(bob.id, by=at("alice"))

    outcomes = together(removes, removes, removes)
    assert len(refused(outcomes)) == 2
    assert AuditEvent.select().where(AuditEvent.action == "member.removed").count() == 1


def test_the_list_says_who_one_is_who_is_suspended_and_who_works_where(cast, at):
    stage = workspaces.create("Main stage", by=at("alice"))
    assignments.assign(stage.id, cast.bob.id, "manager", by=at("alice"))
    write(User.update(status="suspended").where(User.id == cast.vera.id).execute)
    write(User.update(second_factor_at=now()).where(User.id == cast.alice.id).execute)
    listing, none = members.listing, ("warn", "No second factor")
    rows = lists.read(listing, asks.understand(listing, {}), at("alice")).rows
    assert [row.name for row in rows] == ["Alice", "Bob", "Dora", "Vera"]  # owners first, then by name
    notes = {row.name: listing.notes[1](rows, at("alice"))[row.id] for row in rows}
    assert notes == {
        "Alice": (("good", "You"), ("good", "Second factor")),
        "Bob": (none, ("quiet", "Manager in Main stage")),
        "Dora": (none,),
        "Vera": (none, ("bad", "Suspended")),
    }
    workspaces.archive(stage.id, by=at("alice"))
    assert listing.notes[1](rows, at("alice"))[rows[1].id] == (none,)
    assert listing.notes[1](rows, at("bob"))[rows[2].id] == ()  # who lacks one is for owners and admins to know


@pytest.mark.parametrize("q", ["ver", "vera@ex", "VERA"])
def test_use_r13_members_are_found_by_parts_of_their_name_and_address(cast, at, q):
    found = lists.read(members.listing, asks.understand(members.listing, {"q": q}), at("alice"))
    assert [row.name for row in found.rows] == ["Vera"]


def test_the_members_of_one_organization_are_not_in_the_list_of_another(cast, at):
    with inside(cast.globex):
        found = lists.read(members.listing, asks.understand(members.listing, {}), at("charlie", "globex"))
    assert [row.name for row in found.rows] == ["Charlie"]
    assert (
        lists.find(members.listing, Membership.get(user=cast.bob, organization=cast.acme).id, at("charlie", "globex"))
        is None
    )


def test_members_are_read_in_pages_that_go_on(cast, at):
    for sort in ("standing", "name", "name-down", "joined_at"):
        seen, after = [], ""
        while True:
            ask = asks.understand(members.listing, {"sort": sort, "rows": "1", "after": after})
            found = lists.read(members.listing, ask, at("alice"))
            seen += [row.id for row in found.rows]
            if not (after := found.more):
                break
        assert len(seen) == len(set(seen)) == 4, sort
