import re

import pytest

import jobs
from database.scope import inside
from domain import Forbidden, NotFound, Refused
from domain.base import settings, stepup
from domain.organizations import members, organizations, permissions, transfers
from models import AuditEvent, Membership, Organization, Outgoing, Transfer, User
from tests.fixtures.threads import refused, together, write


@pytest.fixture(autouse=True)
def _inside(inside_acme):
    """As a member's door leaves one standing."""


@pytest.fixture
def of(cast):
    return lambda name: Membership.get(Membership.organization == cast.acme, Membership.user == getattr(cast, name))


@pytest.fixture
def offered(cast, at, of, proven):
    """alice has offered Acme to bob."""
    proven("alice", "organization.transfer", of("bob").id)
    return transfers.offer(of("bob").id, by=at("alice"))


def test_an_offer_is_told_by_letter_and_in_the_bell_and_changes_nothing_yet(cast, at, offered, letters):
    assert transfers.pending() == offered
    assert (at("alice").role, at("bob").role) == ("owner", "member")
    (row,) = Outgoing.select().where(Outgoing.kind == "notification")
    assert row.payload["recipient"] == cast.bob.id
    asked, told = letters()
    assert asked[:2] == ("bob@example.org", "Alice wants to hand Acme over to you")
    assert "http://localhost/acme/settings" in asked[2]
    assert told[:2] == ("alice@example.org", "You offered Acme to Bob")
    assert "http://localhost/acme/settings" in told[2]
    assert "If it wasn't, take the offer back" in told[2]
    assert AuditEvent.get(AuditEvent.action == "organization.transfer_offered").actor == cast.alice


def test_to_offer_it_takes_a_proof_for_that_member_which_is_used_up(cast, at, of, signed_in_as, proven):
    signed_in_as("alice")
    with pytest.raises(stepup.VerificationRequired) as asked:
        transfers.offer(of("bob").id, by=at("alice"))
    assert asked.value.details["level"] == 4
    proven("alice", "organization.transfer", of("bob").id)
    with pytest.raises(stepup.VerificationRequired):
        transfers.offer(of("dora").id, by=at("alice"))
    transfers.offer(of("bob").id, by=at("alice"))
    transfers.take_back(by=at("alice"))
    with pytest.raises(stepup.VerificationRequired):
        transfers.offer(of("bob").id, by=at("alice"))


def test_accepting_makes_the_one_owner_and_the_other_admin_and_both_sides_are_in_the_log(cast, at, offered, letters):
    transfers.accept(by=at("bob"))
    assert (at("bob").role, at("alice").role) == ("owner", "admin")
    assert Organization.get_by_id(cast.acme.id).owner == cast.bob
    assert Transfer.get_by_id(offered.id).status == "accepted"
    events = AuditEvent.select().where(AuditEvent.action == "organization.ownership_transferred")
    assert {(e.target_id, e.metadata["before"], e.metadata["after"]) for e in events} == {
        (str(cast.bob.id), "member", "owner"),
        (str(cast.alice.id), "owner", "admin"),
    }
    done = [to for to, subject, _ in letters() if subject == "Acme has a new owner"]
    assert sorted(done) == ["alice@example.org", "bob@example.org"]
    with pytest.raises(NotFound):
        transfers.accept(by=at("bob"))
    assert events.count() == 2


def test_only_the_one_it_was_offered_to_takes_it(cast, at, offered):
    for name in ("vera", "dora", "alice"):
        with pytest.raises(NotFound):
            transfers.accept(by=at(name))
        with pytest.raises(NotFound):
            transfers.decline(by=at(name))
    assert transfers.pending()


def test_only_an_owner_offers_it_and_only_to_another_active_member(cast, at, of, proven):
    write(Membership.update(role="admin").where(Membership.id == of("bob").id).execute)
    with pytest.raises(Forbidden):
        transfers.offer(of("vera").id, by=at("bob"))
    theirs = Membership.get(Membership.organization == cast.globex)
    for id in (theirs.id, 0, "", None, "x"):
        with pytest.raises(NotFound):
            transfers.offer(id, by=at("alice"))
    write(User.update(status="suspended").where(User.id == cast.dora.id).execute)
    for name in ("alice", "dora"):
        proven("alice", "organization.transfer", of(name).id)
        with pytest.raises(Refused, match="another member"):
            transfers.offer(of(name).id, by=at("alice"))
    assert Transfer.select().count() == 0


def test_there_is_one_offer_at_a_time(at, of, offered, proven):
    proven("alice", "organization.transfer", of("dora").id)
    with pytest.raises(Refused, match="Bob already"):
        transfers.offer(of("dora").id, by=at("alice"))
    transfers.take_back(by=at("alice"))
    assert transfers.offer(of("dora").id, by=at("alice")).to_user.name == "Dora"
    with pytest.raises(NotFound):
        transfers.accept(by=at("bob"))


def test_declined_or_taken_back_it_is_over(cast, at, of, offered, proven):
    transfers.decline(by=at("bob"))
    titles = [r.payload["title"] for r in Outgoing.select().where(Outgoing.kind == "notification")]
    assert titles[-1] == "Bob declined to take over Acme"
    for act in (lambda: transfers.accept(by=at("bob")), lambda: transfers.take_back(by=at("alice"))):
        with pytest.raises(NotFound):
            act()
    assert AuditEvent.select().where(AuditEvent.action == "organization.transfer_declined").count() == 1


def test_after_a_week_it_has_lapsed(cast, at, of, clock, proven):
    proven("alice", "organization.transfer", of("bob").id)
    offered = transfers.offer(of("bob").id, by=at("alice"))
    clock.forward(days=6, hours=23)
    assert transfers.pending()
    clock.forward(hours=1)
    assert transfers.pending() is None
    with pytest.raises(NotFound):
        transfers.accept(by=at("bob"))
    proven("alice", "organization.transfer", of("dora").id)
    again = transfers.offer(of("dora").id, by=at("alice"))  # a lapsed one is in nobody's way
    assert Transfer.get_by_id(offered.id).status == "expired"
    clock.forward(days=8)
    assert jobs.run("invitations") == 1
    assert Transfer.get_by_id(again.id).status == "expired"
    assert jobs.run("invitations") == 0


def test_it_falls_with_its_maker(cast, at, of, offered):
    write(Membership.update(role="member").where(Membership.id == of("alice").id).execute)
    with pytest.raises(NotFound, match="can't any more"):
        transfers.accept(by=at("bob"))
    assert at("bob").role == "member"


def test_neither_a_personal_space_nor_a_site_without_teams_is_handed_over(cast, at, of, offered, proven):
    settings.change("organization_mode", "personal", by=cast.stella)
    settings.forget()
    with pytest.raises(permissions.PersonalMode):
        transfers.offer(of("dora").id, by=at("alice"))
    mine = organizations.reach(cast.alice, "alice")
    with inside(mine.organization), pytest.raises(permissions.PersonalMode):
        transfers.offer(of("dora").id, by=mine)


def test_accepted_twice_at_once_it_is_taken_once(cast, at, offered):
    def accepts():
        with inside(cast.acme):
            transfers.accept(by=at("bob"))

    outcomes = together(*[accepts] * 4)
    assert len(refused(outcomes)) == 3
    assert all(isinstance(one, NotFound) for one in refused(outcomes))
    assert AuditEvent.select().where(AuditEvent.action == "organization.ownership_transferred").count() == 2
    assert (at("bob").role, at("alice").role) == ("owner", "admin")


def test_accepted_and_taken_back_at_once_only_one_of_them_happens(cast, at, offered):
    alice, bob = at("alice"), at("bob")

    def does(act, by):
        with inside(cast.acme):
            act(by=by)

    outcomes = together(lambda: does(transfers.accept, bob), lambda: does(transfers.take_back, alice))
    assert len(refused(outcomes)) == 1
    accepted = outcomes[0] is None
    assert Transfer.get_by_id(offered.id).status == ("accepted" if accepted else "cancelled")
    assert at("bob").role == ("owner" if accepted else "member")
    assert [one.role for one in members.of(cast.acme)].count("owner") == 1


def test_report_11_an_offer_says_the_day_of_its_reader(cast, at, clock, proven, inside_acme, letters):
    write(User.update(timezone="Asia/Tokyo").where(User.id == cast.bob.id).execute)
    write(User.update(timezone="America/New_York").where(User.id == cast.alice.id).execute)
    clock.moment = clock.moment.replace(hour=20)
    membership = Membership.get(Membership.user == cast.bob, Membership.organization == cast.acme)
    proven("alice", "organization.transfer", membership.id)
    transfers.offer(membership.id, by=at("alice"))
    days = {to: re.search("The offer holds until (.+?)\\.", text)[1] for to, _, text in letters()}
    assert days == {"bob@example.org": "23 June 2026", "alice@example.org": "22 June 2026"}
