import peewee
import pytest

from domain import Forbidden, Invalid, NotFound, Refused, accounts, organizations, roles
from models import AuditEvent, CreditAccount, Membership, Organization, User, everywhere
from tests.fixtures.threads import together, write


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme Works", "acme-works"),
        ("  Ünïcode & Söhne  ", "unicode-sohne"),
        ("東京", "team"),
        ("!!!", "team"),
        ("a" * 80, "a" * 40),
        ("x" * 39 + " yz", "x" * 39),
        ("--Edge--", "edge"),
        ("100%_sure", "100-sure"),
        ("Admin", "admin-2"),
        ("STATIC", "static-2"),
        ("new", "new-2"),
    ],
)
def test_a_slug_is_made_from_the_name(cast, name, slug):
    assert organizations.create(name, by=cast.bob).slug == slug


def test_slugs_do_not_collide(cast):
    assert [organizations.create("Acme", by=cast.bob).slug for _ in range(3)] == ["acme-2", "acme-3", "acme-4"]
    organizations.create("Acme 6", by=cast.bob)
    assert [organizations.create("Acme", by=cast.bob).slug for _ in range(2)] == ["acme-5", "acme-7"]


def test_a_removed_organizations_slug_is_not_given_away(cast):
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    assert organizations.create("Acme", by=cast.charlie).slug == "acme-2"


def test_two_organizations_of_one_name_at_the_same_moment(cast):
    outcomes = together(*(lambda: organizations.create("Same name", by=cast.bob) for _ in range(8)))
    assert not [o for o in outcomes if isinstance(o, Exception)], outcomes
    assert len({o.slug for o in outcomes}) == 8


def test_two_accounts_of_one_name_at_the_same_moment(house):
    works = [lambda n=n: accounts.create(f"{n}@example.org", "Same Name", "x") for n in range(6)]
    outcomes = together(*works)
    assert not [o for o in outcomes if isinstance(o, Exception)], outcomes
    assert Organization.select().count() == 6


def test_every_first_part_of_an_address_of_the_house_is_reserved(web):
    parts = {str(rule).split("/")[1] for rule in web.url_map.iter_rules()}
    ours = {part for part in parts if part and "<" not in part and "." not in part}
    assert len(ours) > 10
    assert ours <= organizations.RESERVED, ours - organizations.RESERVED


def test_founding_makes_the_founder_owner_and_the_organization_active(cast):
    made = organizations.create("  New   Works ", by=cast.bob)
    assert (made.name, made.is_personal, made.owner) == ("New Works", False, cast.bob)
    assert Membership.get(Membership.organization == made).role == "owner"
    assert User.get_by_id(cast.bob.id).active_organization_id == made.id
    with everywhere("the test counts"):
        assert CreditAccount.select().where(CreditAccount.organization == made).count() == 1
    founded = AuditEvent.select().where(AuditEvent.action == "organization.created", AuditEvent.actor == cast.bob)
    assert founded.count() == 1


@pytest.mark.parametrize("name", ["", " ", "x", "x" * 81, "\u200b\u200b\u200b"])
def test_a_name_has_two_to_eighty_characters(cast, name):
    before = Organization.select().count()
    with pytest.raises(Invalid):
        organizations.create(name, by=cast.bob)
    assert Organization.select().count() == before


def test_a_member_reaches_the_organization_in_their_role(cast, at):
    assert [at(name).role for name in ("alice", "bob", "vera", "dora")] == ["owner", "member", "viewer", "member"]
    assert at("bob").organization == cast.acme
    assert at("bob").organization.name == "Acme"


def test_strangers_reach_nothing(cast):
    assert organizations.reach(cast.charlie, "acme") is None
    assert organizations.reach(cast.stella, "acme") is None  # staff are no members
    assert organizations.reach(cast.alice, "nowhere") is None
    assert organizations.reach(cast.alice, "ACME") is None
    assert organizations.reach(cast.alice, "acme' OR '1'='1") is None


def test_a_slug_that_no_database_can_hold_is_not_found(cast):
    assert organizations.reach(cast.alice, "ac\x00me") is None


def test_a_deleted_organization_is_out_of_reach_and_a_suspended_one_shows_invoices_only(cast, at):
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    alice = at("alice")
    assert {name for name in roles.ORGANIZATION if alice.may(name)} == {"organization.read", "billing.read"}
    with pytest.raises(Refused) as caught:
        alice.require("tasks.write")
    assert caught.value.code == "ORGANIZATION_SUSPENDED"
    with pytest.raises(Forbidden):
        at("vera").require("tasks.write")
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    assert at("alice") is None


def test_a_removed_member_is_out_at_once(cast, at):
    assert at("bob")
    write(Membership.delete().where(Membership.user == cast.bob, Membership.organization == cast.acme).execute)
    assert at("bob") is None


def test_each_role_may_what_it_may(at):
    expected = {
        "alice": set(roles.ORGANIZATION) - {"members.invite"},  # the free plan doesn't include it
        "bob": {
            "organization.read", "members.read", "members.leave", "workspaces.read", "tasks.read", "tasks.write",
        },
        "vera": {"organization.read", "members.read", "members.leave", "workspaces.read", "tasks.read"},
    }  # fmt: skip
    for name, may in expected.items():
        assert {capability for capability in roles.ORGANIZATION if at(name).may(capability)} == may
    with pytest.raises(KeyError):
        at("alice").may("tasks.misspelt")
    with pytest.raises(ValueError, match="misspelt"):
        roles.known("tasks.misspelt")
    assert not roles.allows("nobody", "tasks.read")


def test_somebody_joins_once(cast):
    organizations.add_member(cast.acme, cast.stella, "member", by=cast.alice)
    before = Membership.select().count(), AuditEvent.select().count()
    with pytest.raises(Refused, match="already"):
        organizations.add_member(cast.acme, cast.stella, "admin", by=cast.alice)
    assert (Membership.select().count(), AuditEvent.select().count()) == before
    assert organizations.reach(cast.stella, "acme").role == "member"


def test_no_unknown_role_and_nobody_into_a_personal_organization(cast):
    before = Membership.select().count()
    with pytest.raises(Invalid):
        organizations.add_member(cast.acme, cast.stella, "emperor", by=cast.alice)
    personal = Organization.get(Organization.owner == cast.alice, Organization.is_personal)
    with pytest.raises(Refused) as caught:
        organizations.add_member(personal, cast.bob, "member", by=cast.alice)
    assert caught.value.code == "PERSONAL_MODE_DISABLED"
    assert Membership.select().count() == before


def test_home_is_the_active_organization_or_the_personal_one(cast):
    alice = User.get_by_id(cast.alice.id)
    assert organizations.home(alice).slug == "acme"
    assert [o.slug for o in organizations.of(alice)] == ["alice", "acme"]
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    assert organizations.home(alice).slug == "alice"
    organizations.switch(alice, organizations.home(alice))
    assert User.get_by_id(alice.id).active_organization_id == organizations.home(alice).id


def test_somebody_elses_organization_is_nobodys_home(cast):
    with pytest.raises(NotFound):
        organizations.switch(cast.charlie, cast.acme)
    write(User.update(active_organization_id=cast.acme.id).where(User.id == cast.charlie.id).execute)
    assert organizations.home(User.get_by_id(cast.charlie.id)).slug == "charlie"


def test_the_keepers_are_owners_and_admins_that_are_active(cast):
    organizations.add_member(cast.acme, cast.stella, "admin", by=cast.alice)
    assert organizations.keepers(cast.acme) == [cast.alice, cast.stella]
    write(User.update(status="suspended").where(User.id == cast.alice.id).execute)
    assert organizations.keepers(cast.acme) == [cast.stella]


def test_an_owner_cannot_be_removed_under_an_organization(cast):
    with pytest.raises(peewee.IntegrityError):
        write(User.delete().where(User.id == cast.charlie.id).execute)
