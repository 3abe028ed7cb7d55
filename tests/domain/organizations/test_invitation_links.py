import pytest

from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import settings
from domain.entitlements.plans import PAID
from domain.lists import asks, lists
from domain.organizations import invitation_links, invitations, members, permissions
from domain.people import accounts
from models import AuditEvent, Grant, Invitation, InvitationLink, Membership, User
from tests.fixtures.threads import refused, together, write

FORM = {"role": "viewer", "most": "3", "days": "7"}


@pytest.fixture(autouse=True)
def _inside(inside_acme):
    """As a member's door leaves one standing."""


@pytest.fixture
def paid(cast):
    """Acme is on Pro: ten seats, of which four are taken."""

    def grant():
        for capability in PAID:
            Grant.create(plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")

    write(grant)


@pytest.fixture
def person(cast, password_hash):
    def make(name, proven=True):
        user = accounts.create(f"{name}@example.org", name.capitalize(), password_hash)
        if not proven:
            write(User.update(email_verified_at=None).where(User.id == user.id).execute)
        return User.get_by_id(user.id)

    return make


@pytest.fixture
def made(paid, at):
    """A link for three viewers that holds a week, and its secret."""
    return invitation_links.make(FORM, by=at("alice"))


def role_of(cast, user):
    held = Membership.one(Membership.organization == cast.acme, Membership.user == user)
    return held and held.role


def test_whoever_has_the_link_joins_once_in_its_role(cast, made, person, at, letters):
    link, secret = made
    nina = person("nina")
    offer = invitation_links.look(secret, nina)
    assert (offer.organization, offer.maker, offer.refusal) == (cast.acme, "Alice", None)
    assert invitation_links.join(secret, nina).organization == cast.acme
    assert role_of(cast, nina) == "viewer"
    assert User.get_by_id(nina.id).active_organization_id == cast.acme.id
    assert invitation_links.join(secret, nina).is_member  # again: nothing more happens
    assert InvitationLink.get_by_id(link.id).joined == 1
    assert AuditEvent.select().where(AuditEvent.action == "member.joined", AuditEvent.actor == nina).count() == 1
    assert [to for to, *_ in letters()][-1:] == ["alice@example.org"]


def test_a_member_stays_what_they_are(cast, made):
    invitation_links.join(made[1], cast.alice)
    assert role_of(cast, cast.alice) == "owner"
    assert InvitationLink.get().joined == 0


def test_the_secret_is_nowhere_in_the_database(made):
    link, secret = made
    kept = InvitationLink.get_by_id(link.id)
    assert secret not in str(kept.__data__)
    assert len(kept.secret_hash) == 64
    for event in AuditEvent.select():
        assert secret not in str(event.__data__)


@pytest.mark.parametrize("secret", ["", "nothing", "x" * 500, "a\x00b", None])
def test_what_is_no_link_is_not_found(cast, made, secret):
    for act in (invitation_links.look, invitation_links.join):
        with pytest.raises(NotFound):
            act(secret, cast.charlie)


def test_it_ends_by_its_time_by_hand_and_when_it_is_used_up(cast, paid, at, person, clock):
    nina, zoe = person("nina"), person("zoe")
    _, one = invitation_links.make(FORM | {"most": "1"}, by=at("alice"))
    invitation_links.join(one, nina)
    with pytest.raises(Refused, match="As many people"):
        invitation_links.join(one, zoe)
    held, two = invitation_links.make(FORM, by=at("alice"))
    invitation_links.end(held.id, by=at("alice"))
    with pytest.raises(Refused, match="over already"):
        invitation_links.end(held.id, by=at("alice"))
    _, three = invitation_links.make(FORM | {"days": "1"}, by=at("alice"))
    clock.forward(hours=25)
    for secret in (two, three):
        with pytest.raises(Refused, match="This link is over"):
            invitation_links.join(secret, zoe)
    assert role_of(cast, zoe) is None
    listing = invitation_links.listing
    assert [row.status for row in lists.read(listing, asks.understand(listing, {}), at("alice")).rows] == [
        "expired",
        "ended",
        "full",
    ]


def test_seats_are_counted_when_somebody_joins_and_open_invitations_count(cast, made, person, at):
    nina, zoe = person("nina"), person("zoe")
    _, secret = made
    for n in range(5):
        invitations.invite(f"i{n}@example.org", "viewer", by=at("alice"))
    invitations.invite("zoe@example.org", "member", by=at("alice"))  # the tenth seat is hers
    with pytest.raises(permissions.MemberLimitExceeded):
        invitation_links.join(secret, nina)
    assert InvitationLink.get().joined == 0
    invitation_links.join(secret, zoe)
    assert role_of(cast, zoe) == "viewer"
    assert Invitation.get(Invitation.email_norm == "zoe@example.org").status == "accepted"


def test_the_last_place_is_taken_once(cast, paid, at, person):
    link, secret = invitation_links.make(FORM | {"most": "1"}, by=at("alice"))
    people = [person(name) for name in ("ada", "ben", "cleo", "dan")]
    outcomes = together(*[lambda user=user: invitation_links.join(secret, user) for user in people])
    assert len(refused(outcomes)) == 3
    assert InvitationLink.get_by_id(link.id).joined == 1


def test_whoever_was_removed_after_it_was_made_does_not_come_back_by_it(cast, made, person, at, signed_in_as):
    signed_in_as("alice")
    nina = person("nina")
    _, secret = made
    invitation_links.join(secret, nina)
    members.remove(Membership.get(user=nina, organization=cast.acme).id, by=at("alice"))
    with pytest.raises(Forbidden, match="You were removed"):
        invitation_links.join(secret, nina)
    _, newer = invitation_links.make(FORM, by=at("alice"))
    with pytest.raises(Forbidden):
        invitation_links.join(secret, nina)
    invitation_links.join(newer, nina)


@pytest.mark.parametrize("loses", ["place", "role", "account"])
def test_links_end_with_the_right_to_invite_of_who_made_them(cast, paid, at, person, proven, loses):
    bob = Membership.get(user=cast.bob, organization=cast.acme)
    write(Membership.update(role="admin").where(Membership.id == bob.id).execute)
    _, secret = invitation_links.make(FORM, by=at("bob"))
    _, other = invitation_links.make(FORM, by=at("alice"))
    nina = person("nina")
    assert invitation_links.look(secret, nina).refusal is None
    if loses == "place":
        proven("alice", "member.remove", bob.id, 3)
        members.remove(bob.id, by=at("alice"))
    elif loses == "role":
        proven("alice", "member.change_role", bob.id)
        members.change_role(bob.id, "member", by=at("alice"))
    else:
        proven("bob", "account.delete", cast.bob.id)
        accounts.delete(cast.bob)
    with pytest.raises(Refused, match="This link is over"):
        invitation_links.join(secret, nina)
    assert invitation_links.look(other, nina).refusal is None


def test_an_unproven_address_and_a_switched_off_site_are_refused(cast, made, person):
    late = person("late", proven=False)
    assert invitation_links.look(made[1], late).refusal.code == "EMAIL_NOT_VERIFIED"
    settings.change("allow_invitations", "off", by=cast.stella)
    settings.forget()
    assert invitation_links.look(made[1], None).refusal.code == "PERSONAL_MODE_DISABLED"


def test_a_form_that_is_wrong_makes_nothing(paid, at):
    for field, value in [
        ("role", "admin"),
        ("role", ""),
        ("most", "0"),
        ("most", "201"),
        ("most", "x"),
        ("days", "365"),
    ]:
        with pytest.raises(Invalid) as caught:
            invitation_links.make(FORM | {field: value}, by=at("alice"))
        assert field in caught.value.fields, (field, value)
        assert InvitationLink.select().count() == 0, (field, value)


def test_who_may_not_invite_makes_and_ends_none(cast, made, at):
    for name in ("bob", "vera"):
        with pytest.raises(Forbidden):
            invitation_links.make(FORM, by=at(name))
        with pytest.raises(Forbidden):
            invitation_links.end(made[0].id, by=at(name))
    with inside(cast.globex), pytest.raises(NotFound):
        invitation_links.end(made[0].id, by=at("charlie", "globex"))
