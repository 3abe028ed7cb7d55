import dataclasses

import peewee
import pytest

import jobs
from database.scope import everywhere, inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import configuration, roles, settings, stepup
from domain.entitlements import grants
from domain.events import orders
from domain.money.providers import provider, sandbox, stripe
from domain.organizations import invitations, organizations, own_settings, permissions, workspaces
from domain.people import accounts
from models import (
    AuditEvent,
    Change,
    CreditAccount,
    Grant,
    Invitation,
    Membership,
    Organization,
    Outgoing,
    Session,
    Subscription,
    User,
)
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event
from tests.fixtures.threads import refused, together, write

pytestmark = pytest.mark.usefixtures("bare_free")


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
        "alice": set(roles.ORGANIZATION) - {"members.invite", "keys.manage"},  # the free plan doesn't include them
        "bob": {
            "organization.read",
            "members.read",
            "members.leave",
            "workspaces.read",
            "tasks.read",
            "tasks.read_all",
            "tasks.write",
            "records.read",
            "records.write",
            "charts.read",
            "events.read",
            "events.write",
            "events.check_in",
            "orders.read",
            "flyers.read",
            "flyers.write",
            "automations.write",
        },
        "vera": {
            "organization.read",
            "members.read",
            "members.leave",
            "workspaces.read",
            "tasks.read",
            "tasks.read_all",
            "records.read",
            "charts.read",
            "events.read",
            "flyers.read",
        },
    }
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
    assert Membership.keepers(cast.acme) == [cast.alice, cast.stella]
    write(User.update(status="suspended").where(User.id == cast.alice.id).execute)
    assert Membership.keepers(cast.acme) == [cast.stella]


def test_an_owner_cannot_be_removed_under_an_organization(cast):
    with pytest.raises(peewee.IntegrityError):
        write(User.delete().where(User.id == cast.charlie.id).execute)


# --- personal mode, switching ---------------------------------------------------------------------------------


def test_in_personal_mode_nobody_founds_a_team_and_accounts_still_have_their_own_space(cast):
    settings.change("organization_mode", "personal", by=cast.stella)
    settings.forget()
    before = Organization.select().count()
    with pytest.raises(permissions.PersonalMode) as caught:
        organizations.create("New works", by=cast.bob)
    assert (caught.value.code, caught.value.status) == ("PERSONAL_MODE_DISABLED", 403)
    accounts.create("new@example.org", "New", None)
    assert Organization.select().count() == before + 1


def test_switching_moves_the_person_and_the_browser_together(cast, signed_in_as):
    session = signed_in_as("bob").session
    organizations.switch(cast.bob, cast.acme, session)
    assert User.get_by_id(cast.bob.id).active_organization_id == cast.acme.id
    assert Session.get_by_id(session.id).active_organization_id == cast.acme.id
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    with pytest.raises(NotFound):
        organizations.switch(cast.bob, cast.acme, session)


# --- its settings -----------------------------------------------------------------------------------------------


def test_a_change_of_its_settings_is_in_the_log_with_before_and_after(cast, at, inside_acme):
    own_settings.update("  Acme   Works ", "Europe/Brussels", "EUR", by=at("alice"))
    row = Organization.get_by_id(cast.acme.id)
    assert (row.name, row.timezone, row.default_currency, row.slug) == ("Acme Works", "Europe/Brussels", "EUR", "acme")
    event = AuditEvent.get(AuditEvent.action == "organization.updated")
    assert event.metadata == {
        "before": {"name": "Acme", "timezone": "UTC", "default_currency": "USD"},
        "after": {"name": "Acme Works", "timezone": "Europe/Brussels", "default_currency": "EUR"},
    }
    own_settings.update("Acme Works", "Europe/Brussels", "EUR", by=at("alice"))
    assert AuditEvent.select().where(AuditEvent.action == "organization.updated").count() == 1
    assert Change.select().where(Change.table == "organization").count() == 1


def test_each_field_of_the_settings_is_checked(at, inside_acme):
    with pytest.raises(Invalid) as caught:
        own_settings.update("x", "Mars/Base", "XXX", by=at("alice"))
    assert set(caught.value.fields) == {"name", "timezone", "currency"}
    assert Organization.get_by_id(inside_acme.id).name == "Acme"


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_members_and_viewers_change_no_settings(at, inside_acme, name):
    with pytest.raises(Forbidden):
        own_settings.update("Mine", "UTC", "USD", by=at(name))


# --- its end ----------------------------------------------------------------------------------------------------


@pytest.fixture
def going(cast, at, proven, inside_acme):
    """alice has proven that she wants to delete Acme."""
    proven("alice", "organization.delete", cast.acme.id)
    return at("alice")


def test_to_delete_it_takes_a_proof_of_that_very_organization(cast, at, proven, signed_in_as, inside_acme):
    signed_in_as("alice")
    with pytest.raises(stepup.VerificationRequired) as asked:
        organizations.delete(by=at("alice"))
    assert (asked.value.details["level"], asked.value.details["target"]) == (4, str(cast.acme.id))
    proven("alice", "organization.delete", cast.globex.id)
    with pytest.raises(stepup.VerificationRequired):
        organizations.delete(by=at("alice"))
    assert Organization.get_by_id(cast.acme.id).status == "active"


def test_deleted_nobody_reaches_it_and_everybody_falls_back_on_their_own_space(cast, at, going, pay):
    workspaces.create("Main stage", by=going)
    invitations.invite("ida@example.org", "staff", by=going, workspace=workspaces.one("main-stage").id)
    for capability in ("feature.pro", "billing.portal"):
        write(Grant.create, plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")
    for who in (cast.alice, cast.bob):
        organizations.switch(who, cast.acme)
    organizations.delete(by=going)
    row = Organization.get_by_id(cast.acme.id)
    assert (row.status, bool(row.deleted_at)) == ("deleted", True)
    for name in ("alice", "bob", "vera"):
        assert at(name) is None
        assert organizations.home(User.get_by_id(getattr(cast, name).id)).slug == name
    assert grants.capabilities() == set()
    assert Invitation.get().status == "cancelled"
    event = AuditEvent.get(AuditEvent.action == "organization.deleted")
    assert (event.actor, event.metadata["grants_revoked"], event.metadata["offers_cancelled"]) == (cast.alice, 2, 1)
    told = {row.payload["recipient"] for row in Outgoing.select().where(Outgoing.kind == "notification")}
    assert told == {cast.bob.id, cast.vera.id, cast.dora.id}
    with pytest.raises((NotFound, stepup.VerificationRequired)):
        organizations.delete(by=going)
    assert AuditEvent.select().where(AuditEvent.action == "organization.deleted").count() == 1


def test_it_is_not_deleted_while_people_have_tickets_for_what_is_to_come(cast, going, clock):
    event, (tier,) = make_event(going)
    order = bought(event, tier)
    with pytest.raises(Refused) as refusal:
        organizations.delete(by=going)
    assert "Jazz Night" in refusal.value.sentence
    orders.cancel(order.id, by=going)
    organizations.delete(by=going)
    assert Organization.get_by_id(cast.acme.id).status == "deleted"


def test_its_subscription_is_ended_at_the_provider_by_a_job_and_the_echo_harms_nothing(cast, going, pay):
    id = pay.subscribe()
    pay.deliver()
    assert Subscription.get().status == "active"
    letters = Outgoing.select().where(Outgoing.kind == "mail").count()
    organizations.delete(by=going)
    assert sandbox.get(id)["status"] == "active"  # not in the transaction
    assert jobs.outgoing.send_due()
    assert sandbox.get(id)["status"] == "canceled"
    pay.deliver()
    assert Subscription.get().status == "canceled"
    assert grants.capabilities() == set()
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == letters
    assert not Outgoing.select().where(Outgoing.status != "sent").exists()


def test_a_provider_that_is_down_keeps_nobody_from_deleting(cast, going, pay, clock, monkeypatch):
    id = pay.subscribe()
    pay.deliver()

    def down(_):
        raise provider.ProviderFailed("Stripe: no answer")

    monkeypatch.setattr(stripe, "end", down)
    organizations.delete(by=going)
    jobs.outgoing.send_due()
    row = Outgoing.get(Outgoing.kind == "subscription_end")
    assert (row.status, row.attempts, Organization.get_by_id(cast.acme.id).status) == ("queued", 1, "deleted")
    monkeypatch.undo()
    clock.forward(minutes=2)
    jobs.outgoing.send_due()
    assert sandbox.get(id)["status"] == "canceled"


def test_what_the_provider_has_ended_itself_is_as_good(cast, going, pay):
    id = pay.subscribe()
    pay.deliver()
    organizations.delete(by=going)
    stripe.end(id, "k")
    jobs.outgoing.send_due()
    assert Outgoing.get(Outgoing.kind == "subscription_end").status == "sent"


def test_with_another_provider_set_up_the_old_ones_subscription_waits_and_says_so(cast, going, pay):
    pay.subscribe()
    pay.deliver()
    organizations.delete(by=going)
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    jobs.outgoing.send_due()
    assert (Outgoing.get(Outgoing.kind == "subscription_end").status) == "queued"


def test_what_is_paid_for_while_it_was_being_deleted_grants_nothing_and_is_ended_too(cast, going, pay):
    id = pay.subscribe()
    organizations.delete(by=going)
    pay.deliver()
    assert grants.capabilities() == set()
    jobs.outgoing.send_due()
    assert sandbox.get(id)["status"] == "canceled"


def test_only_an_owner_deletes_it(cast, at, proven, inside_acme):
    write(Membership.update(role="admin").where(Membership.user == cast.bob).execute)
    for name in ("bob", "vera"):
        proven(name, "organization.delete", cast.acme.id)
        with pytest.raises(Forbidden):
            organizations.delete(by=at(name))


def test_a_personal_space_is_not_deleted_but_with_its_account(cast, proven):
    mine = organizations.reach(cast.alice, "alice")
    proven("alice", "organization.delete", mine.organization.id)
    with inside(mine.organization), pytest.raises(permissions.PersonalMode):
        organizations.delete(by=mine)
    organizations.close(mine.organization, by=cast.alice)
    with pytest.raises(NotFound):
        organizations.close(mine.organization, by=cast.alice)
    assert organizations.reach(cast.alice, "alice") is None


def test_a_suspended_one_is_reactivated_first(cast, going):
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    with pytest.raises(permissions.OrganizationSuspended):
        organizations.delete(by=organizations.reach(cast.alice, "acme"))
    with pytest.raises(NotFound):  # suspended at this very moment, after the door
        organizations.delete(by=going)


def test_deleted_twice_at_once_it_is_deleted_once(cast, going):
    present = stepup.present.get()

    def deletes():
        stepup.present.set(present)
        with inside(cast.acme):
            organizations.delete(by=going)

    outcomes = together(*[deletes] * 4)
    assert len(refused(outcomes)) == 3
    assert AuditEvent.select().where(AuditEvent.action == "organization.deleted").count() == 1


@pytest.mark.parametrize("name", ["Win at https://evil.example", "www.evil.example", "evil.example/now"])
def test_attack_a2_an_organizations_name_is_no_link_either(cast, name):
    with pytest.raises(Invalid):
        organizations.create(name, by=cast.alice)


def test_a_space_of_a_name_from_right_to_left_is_read_from_ours(cast):
    def own(email, name):
        user = accounts.create(email, name, "no hash")
        return organizations.of(user)[0].name

    assert own("ada@example.net", "Ada Lovelace") == "Ada's space"
    assert own("m@example.net", "محمد علي") == "Space of محمد"
