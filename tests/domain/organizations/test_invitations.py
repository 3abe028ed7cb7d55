import dataclasses
import re

import pytest

import jobs
import models
from database.clock import now
from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import configuration, notices, settings
from domain.entitlements.plans import PAID
from domain.organizations import invitations, members, organizations, permissions, workspaces
from domain.people import accounts, sessions
from models import Assignment, AuditEvent, Grant, Invitation, Membership, Organization, Outgoing, Session, User
from tests.fixtures.threads import refused, together, write

pytestmark = pytest.mark.usefixtures("bare_free")


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
def nina(cast, password_hash):
    """Somebody with an account who is in no team."""
    return accounts.create("Nina@Example.org", "Nina", password_hash)


@pytest.fixture
def invited(paid, at):
    """nina's address is invited to Acme, as a viewer."""
    return invitations.invite("nina@example.org", "viewer", by=at("alice"))


def code_of(refusal):
    return refusal and refusal.code


def turn(cast, name, value):
    settings.change(name, value, by=cast.stella)
    settings.forget()


def fill(cast, count):
    """`count` more members of Acme, without anybody having been asked."""

    def make():
        for n in range(count):
            user = User.create(email=f"m{n}@example.org", email_norm=f"m{n}@example.org")
            models.Profile.create(user=user, full_name=f"Member {n}")
            Membership.create(organization=cast.acme, user=user, role="member")

    write(make)


# --- inviting -----------------------------------------------------------------------------------------------------


def test_an_invitation_is_a_letter_with_a_link_that_holds_two_days(cast, at, paid, clock, letters):
    made = invitations.invite(" Nina@Example.org ", "viewer", by=at("alice"))
    assert (made.email, made.email_norm, made.role, made.status) == (
        "Nina@Example.org",
        "nina@example.org",
        "viewer",
        "pending",
    )
    assert (made.expires_at - clock()).total_seconds() == 48 * 3600
    ((to, subject, text),) = letters()
    assert (to, subject) == ("Nina@Example.org", "Alice invites you to Acme")
    assert f"http://localhost/accept-invitation?invitationId={made.public_id}" in text
    event = AuditEvent.get(AuditEvent.action == "member.invited")
    assert (event.actor, event.metadata["email"], event.metadata["role"]) == (cast.alice, "Nina@Example.org", "viewer")
    assert made.public_id not in str(event.metadata) + event.summary


def test_an_invitation_bears_the_logo(cast, at, paid, clock):
    write(Organization.update(logo="ab" * 32).where(Organization.id == cast.acme.id).execute)
    configuration.use(dataclasses.replace(configuration.active, site_url="https://hall.test"))
    made = invitations.invite("nina@example.org", "viewer", by=at("alice"))
    clock.forward(minutes=1)
    invitations.resend(made.id, by=at("alice"))
    letters = Outgoing.select().where(Outgoing.kind == "mail")
    id = Organization.get_by_id(cast.acme.id).public_id
    emblem = {"src": f"https://hall.test/organizations/{id}/logo.png?{'ab' * 6}", "name": "Acme"}
    assert [letter.payload["values"]["emblem"] for letter in letters] == [emblem, emblem]


def test_who_has_an_account_finds_it_in_the_bell_too_once_and_gets_one_letter(cast, at, paid, nina, clock, letters):
    made = invitations.invite("nina@example.org", "viewer", by=at("alice"))
    assert [(to, subject) for to, subject, _ in letters()] == [("nina@example.org", "Alice invites you to Acme")]
    (news,) = notices.newest(nina)
    assert (news.title, news.body) == ("Alice invites you to Acme", None)  # no more than the letter
    assert news.link == f"/accept-invitation?invitationId={made.public_id}"
    clock.forward(minutes=1)
    invitations.resend(made.id, by=at("alice"))
    assert len(letters()) == 2
    assert len(notices.newest(nina)) == 1


def test_who_works_there_already_gets_one_letter_too(at, paid, nina, letters):
    stage = workspaces.create("Main stage", by=at("alice"))
    made = invitations.invite("nina@example.org", "staff", by=at("alice"), workspace=stage.id)
    invitations.accept(made.public_id, nina)
    before = len(letters())
    invitations.invite("nina@example.org", "viewer", by=at("alice"))
    assert [subject for _, subject, _ in letters()[before:]] == ["Alice invites you to Acme"]
    assert [one.title for one in notices.newest(nina)] == [
        "Alice invites you to Acme",
        "Alice invites you to Main stage of Acme",
    ]


def test_other_keepers_find_in_the_bell_who_was_invited_and_get_no_letter(cast, at, paid, letters):
    write(Membership.update(role="admin").where(Membership.user == cast.bob).execute)
    invitations.invite("nina@example.org", "viewer", by=at("alice"))
    assert [to for to, *_ in letters()] == ["nina@example.org"]
    assert [one.title for one in notices.newest(cast.bob)] == ["Alice invited nina@example.org"]
    assert notices.newest(cast.alice) == []


def test_an_account_that_has_not_proven_the_address_hears_of_no_invitation(at, paid, nina, letters):
    write(User.update(email_verified_at=None).where(User.id == nina.id).execute)
    invitations.invite("nina@example.org", "viewer", by=at("alice"))
    assert len(letters()) == 1
    assert notices.newest(User.get_by_id(nina.id)) == []


def test_nobody_is_invited_as_owner_or_as_what_there_is_not(at, paid):
    for role in ["owner", "manager", "scanner", "", None, "Viewer"]:
        with pytest.raises(Invalid) as caught:
            invitations.invite("nina@example.org", role, by=at("alice"))
        assert list(caught.value.fields) == ["role"], role


def test_what_is_no_address_is_not_invited(at, paid):
    for email in ["", "nina", "nina@", "a@b", "nina@example.org, bob@example.org", "x" * 250 + "@a.be"]:
        with pytest.raises(Invalid) as caught:
            invitations.invite(email, "member", by=at("alice"))
        assert list(caught.value.fields) == ["email"], email
        assert Invitation.select().count() == 0, email


def test_the_limit_is_asked_once_the_form_is_in_order(at, paid):
    asked = []
    with pytest.raises(Invalid):
        invitations.invite("nina", "member", by=at("alice"), allow=lambda: asked.append(1))
    invitations.invite("nina@example.org", "member", by=at("alice"), allow=lambda: asked.append(1))
    assert asked == [1]


def test_a_member_is_not_invited(at, paid):
    with pytest.raises(Invalid, match="Bob is a member"):
        invitations.invite("BOB@example.org", "member", by=at("alice"))


def test_an_address_is_invited_once_and_the_second_time_named_for_sending_again(at, invited):
    with pytest.raises(invitations.AlreadyInvited) as caught:
        invitations.invite("NINA@example.org", "admin", by=at("alice"))
    assert caught.value.details["invitation"] == invited.id
    assert Invitation.select().count() == 1


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_members_and_viewers_invite_nobody(at, paid, name):
    with pytest.raises(Forbidden):
        invitations.invite("nina@example.org", "member", by=at(name))


def test_the_free_plan_invites_nobody(at):
    with pytest.raises(permissions.CapabilityRequired, match="Pro does"):
        invitations.invite("nina@example.org", "member", by=at("alice"))
    assert Invitation.select().count() == 0


def test_nobody_is_invited_to_a_personal_space(cast, paid):
    mine = organizations.reach(cast.alice, "alice")
    with inside(mine.organization):
        for capability in PAID:
            write(Grant.create, plan_key="pro_monthly", capability=capability, source="m", source_type="manual")
    with inside(mine.organization), pytest.raises(permissions.PersonalMode):
        invitations.invite("nina@example.org", "member", by=mine)


@pytest.mark.parametrize(("name", "value"), [("organization_mode", "personal"), ("allow_invitations", "off")])
def test_the_switches_refuse_on_the_server_both_the_sending_and_the_taking(cast, at, invited, nina, name, value):
    turn(cast, name, value)
    for act in (
        lambda: invitations.invite("ida@example.org", "member", by=at("alice")),
        lambda: invitations.resend(invited.id, by=at("alice")),
        lambda: invitations.accept(invited.public_id, nina),
    ):
        with pytest.raises(permissions.PersonalMode) as caught:
            act()
        assert caught.value.code == "PERSONAL_MODE_DISABLED"
    assert Invitation.get().status == "pending"
    assert organizations.reach(nina, "acme") is None


# --- seats ------------------------------------------------------------------------------------------------------------


def test_open_invitations_take_seats_and_lapsed_or_cancelled_ones_give_them_back(cast, at, paid, clock):
    fill(cast, 4)  # eight of ten
    first = invitations.invite("a@example.org", "member", by=at("alice"))
    invitations.invite("b@example.org", "member", by=at("alice"))
    with pytest.raises(permissions.MemberLimitExceeded):
        invitations.invite("c@example.org", "member", by=at("alice"))
    invitations.cancel(first.id, by=at("alice"))
    invitations.invite("c@example.org", "member", by=at("alice"))
    clock.forward(hours=49)
    assert invitations.invite("d@example.org", "member", by=at("alice"))


def test_a_lapsed_invitation_is_only_sent_again_while_there_is_a_seat(cast, clock, at, invited):
    clock.forward(hours=49)
    fill(cast, 6)
    with pytest.raises(permissions.MemberLimitExceeded):
        invitations.resend(invited.id, by=at("alice"))
    write(Membership.delete().where(Membership.user == cast.dora).execute)
    assert invitations.resend(invited.id, by=at("alice")).is_open


def test_seats_are_counted_again_when_somebody_comes(cast, at, invited, nina):
    fill(cast, 6)
    assert code_of(invitations.look(invited.public_id, nina).refusal) == "MEMBER_LIMIT_EXCEEDED"
    with pytest.raises(permissions.MemberLimitExceeded):
        invitations.accept(invited.public_id, nina)
    assert Invitation.get().status == "pending"
    write(Membership.delete().where(Membership.user == cast.dora).execute)
    invitations.accept(invited.public_id, nina)
    assert organizations.reach(nina, "acme").role == "viewer"


def test_when_the_plan_ended_meanwhile_nobody_comes(cast, at, invited, nina):
    write(Grant.update(revoked_at=now()).where(Grant.revoked_at.is_null()).execute)
    with pytest.raises(permissions.MemberLimitExceeded, match="no seats"):
        invitations.accept(invited.public_id, nina)


def test_people_of_one_workspace_are_outside_the_seats_and_the_plan(cast, at, nina):
    stage = workspaces.create("Main stage", by=at("alice"))
    fill(cast, 6)
    made = invitations.invite("nina@example.org", "scanner", by=at("alice"), workspace=stage.id)
    invitations.accept(made.public_id, nina)
    assert Assignment.get().role == "scanner"
    assert organizations.reach(nina, "acme") is None
    assert User.get_by_id(nina.id).active_organization_id != cast.acme.id
    assert permissions.taken(cast.acme) == 10


# --- into a workspace ------------------------------------------------------------------------------------------------


def test_into_a_workspace_one_is_invited_with_its_roles_and_while_it_is_there(cast, at, nina):
    stage = workspaces.create("Main stage", by=at("alice"))
    with pytest.raises(Invalid):
        invitations.invite("nina@example.org", "admin", by=at("alice"), workspace=stage.id)
    with pytest.raises(NotFound):
        invitations.invite("nina@example.org", "staff", by=at("alice"), workspace=9999)
    with pytest.raises(Forbidden):
        invitations.invite("nina@example.org", "staff", by=at("bob"), workspace=stage.id)
    with pytest.raises(Invalid, match="Choose them from the list"):
        invitations.invite("bob@example.org", "staff", by=at("alice"), workspace=stage.id)
    made = invitations.invite("nina@example.org", "staff", by=at("alice"), workspace=stage.id)
    assert [one.id for one in invitations.of(stage)] == [made.id]
    workspaces.archive(stage.id, by=at("alice"))
    assert Invitation.get().status == "cancelled"
    with pytest.raises(Refused, match="archived"):
        invitations.invite("nina@example.org", "staff", by=at("alice"), workspace=stage.id)


def test_who_is_in_the_workspace_is_not_invited_there_again(at, nina):
    stage = workspaces.create("Main stage", by=at("alice"))
    made = invitations.invite("nina@example.org", "staff", by=at("alice"), workspace=stage.id)
    invitations.accept(made.public_id, nina)
    with pytest.raises(Invalid, match="is in Main stage already"):
        invitations.invite("nina@example.org", "scanner", by=at("alice"), workspace=stage.id)


# --- taking it ----------------------------------------------------------------------------------------------------------


def test_accepting_makes_a_member_and_the_organization_active_on_the_person_and_the_browser(
    cast, at, invited, nina, letters
):
    session = sessions.find(sessions.start(nina)).session
    offer = invitations.accept(invited.public_id, nina, session)
    assert (offer.organization, offer.inviter) == (cast.acme, "Alice")
    assert organizations.reach(nina, "acme").role == "viewer"
    assert User.get_by_id(nina.id).active_organization_id == cast.acme.id
    assert Session.get_by_id(session.id).active_organization_id == cast.acme.id
    row = Invitation.get_by_id(invited.id)
    assert (row.status, row.accepted_by) == ("accepted", nina)
    assert row.accepted_at
    assert AuditEvent.select().where(AuditEvent.action == "member.joined", AuditEvent.actor == nina).count() == 1
    letter = letters()[-1]
    assert letter[:2] == ("alice@example.org", "Nina joined Acme")


def test_an_invitation_is_taken_once(invited, nina):
    invitations.accept(invited.public_id, nina)
    with pytest.raises(Refused, match="accepted already") as caught:
        invitations.accept(invited.public_id, nina)
    assert caught.value.code == "INVALID_TRANSITION"
    assert Membership.select().where(Membership.user == nina).count() == 2


def test_only_the_proven_address_that_was_invited_takes_it(cast, invited, nina):
    for who in (cast.charlie, cast.stella, cast.bob):
        with pytest.raises(invitations.WrongAccount):
            invitations.accept(invited.public_id, who)
        with pytest.raises(invitations.WrongAccount):
            invitations.decline(invited.public_id, who)
    write(User.update(email_verified_at=None).where(User.id == nina.id).execute)
    with pytest.raises(invitations.WrongAccount) as caught:
        invitations.accept(invited.public_id, User.get_by_id(nina.id))
    assert caught.value.code == "EMAIL_NOT_VERIFIED"
    assert Invitation.get().status == "pending"
    assert invitations.look(invited.public_id, cast.charlie).masked == "n•••@example.org"


def test_a_link_that_leads_nowhere_is_not_found(cast, invited):
    for public_id in ["", None, "nothing", "x" * 100, "a\x00b", "%", "1"]:
        for act in (invitations.look, invitations.accept, invitations.decline):
            with pytest.raises(NotFound):
                act(public_id, cast.bob)


def test_a_lapsed_one_is_refused_before_and_after_the_job_has_been(cast, at, paid, nina, clock):
    made = invitations.invite("nina@example.org", "viewer", by=at("alice"))
    clock.forward(hours=47)
    assert jobs.run("invitations") == 0
    assert invitations.look(made.public_id, nina).refusal is None
    clock.forward(hours=1)
    with pytest.raises(Refused, match="too old"):
        invitations.accept(made.public_id, nina)
    assert jobs.run("invitations") == 1
    assert Invitation.get().status == "expired"
    with pytest.raises(Refused, match="too old"):
        invitations.accept(made.public_id, nina)
    with pytest.raises(Refused, match="too old"):
        invitations.resend(made.id, by=at("alice"))
    again = invitations.invite("nina@example.org", "member", by=at("alice"))
    assert again.id != made.id


def test_how_long_they_hold_is_a_setting(cast, at, paid, clock):
    turn(cast, "invitation_ttl_hours", "5")
    made = invitations.invite("nina@example.org", "viewer", by=at("alice"))
    assert (made.expires_at - clock()).total_seconds() == 5 * 3600


def test_sent_again_it_holds_anew_and_goes_out_anew(cast, at, paid, clock, letters):
    made = invitations.invite("nina@example.org", "viewer", by=at("alice"))
    clock.forward(hours=40)
    again = invitations.resend(made.id, by=at("alice"))
    assert (again.expires_at - clock()).total_seconds() == 48 * 3600
    links = [re.search(r"invitationId=(\S+)", text)[1] for _, _, text in letters()]
    assert links == [made.public_id] * 2
    assert AuditEvent.select().where(AuditEvent.action == "invitation.resent").count() == 1
    with pytest.raises(Forbidden):
        invitations.resend(made.id, by=at("bob"))


def test_cancelled_its_link_is_dead_and_the_address_can_be_invited_anew(cast, at, invited, nina):
    with pytest.raises(Forbidden):
        invitations.cancel(invited.id, by=at("bob"))
    invitations.cancel(invited.id, by=at("alice"))
    for act in (
        lambda: invitations.accept(invited.public_id, nina),
        lambda: invitations.decline(invited.public_id, nina),
        lambda: invitations.cancel(invited.id, by=at("alice")),
        lambda: invitations.resend(invited.id, by=at("alice")),
    ):
        with pytest.raises(Refused, match="taken back"):
            act()
    assert AuditEvent.select().where(AuditEvent.action == "invitation.cancelled").count() == 1
    again = invitations.invite("nina@example.org", "member", by=at("alice"))
    assert invitations.look(again.public_id, nina).refusal is None


def test_somebody_elses_invitation_is_not_found(cast, at, invited):
    charlie = at("charlie", "globex")
    with inside(cast.globex):
        for act in (invitations.cancel, invitations.resend):
            with pytest.raises(NotFound):
                act(invited.id, by=charlie)
    assert Invitation.get().status == "pending"


def test_declined_it_is_over_and_whoever_sent_it_is_told(cast, at, invited, nina, letters):
    invitations.decline(invited.public_id, nina)
    assert Invitation.get().status == "cancelled"
    assert organizations.reach(nina, "acme") is None
    titles = [row.payload["title"] for row in Outgoing.select().where(Outgoing.kind == "notification")]
    assert titles[-1] == "Nina declined the invitation to Acme"
    assert letters()[-1][:2] == ("alice@example.org", "Nina declined the invitation to Acme")
    assert AuditEvent.select().where(AuditEvent.action == "invitation.declined").count() == 1


def test_removed_somebody_is_invited_again_and_comes_back(cast, at, invited, nina, signed_in_as):
    invitations.accept(invited.public_id, nina)
    signed_in_as("alice")
    members.remove(Membership.get(organization=cast.acme, user=nina).id, by=at("alice"))
    assert organizations.reach(nina, "acme") is None
    with pytest.raises(Refused, match="accepted already"):
        invitations.accept(invited.public_id, nina)
    again = invitations.invite("nina@example.org", "member", by=at("alice"))
    invitations.accept(again.public_id, nina)
    assert organizations.reach(nina, "acme").role == "member"


def test_who_came_by_another_way_meanwhile_keeps_the_role_they_have(cast, invited, nina):
    organizations.add_member(cast.acme, nina, "admin", by=cast.alice)
    invitations.accept(invited.public_id, nina)
    assert organizations.reach(nina, "acme").role == "admin"
    assert Invitation.get().status == "accepted"


@pytest.mark.parametrize("status", ["suspended", "deleted"])
def test_nobody_joins_an_organization_that_is_shut(cast, invited, nina, status):
    write(Organization.update(status=status).where(Organization.id == cast.acme.id).execute)
    with pytest.raises(permissions.OrganizationSuspended):
        invitations.accept(invited.public_id, nina)
    assert Membership.select().where(Membership.user == nina).count() == 1


# --- races ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("_round", range(3))
def test_accepted_many_times_at_once_it_is_taken_once(invited, nina, _round):
    outcomes = together(*[lambda: invitations.accept(invited.public_id, nina)] * 6)
    assert len(refused(outcomes)) == 5, outcomes
    assert all(type(one) is Refused for one in refused(outcomes)), outcomes
    assert Membership.select().where(Membership.user == nina).count() == 2
    assert AuditEvent.select().where(AuditEvent.action == "member.joined", AuditEvent.actor == nina).count() == 1


@pytest.mark.parametrize("_round", range(3))
def test_the_last_seat_is_taken_once_by_those_who_come(cast, at, paid, _round):
    fill(cast, 4)  # eight of ten: two can still be invited
    people = [accounts.create(f"n{n}@example.org", f"N{n}", None) for n in range(2)]
    made = [invitations.invite(person.email, "member", by=at("alice")) for person in people]
    organizations.add_member(cast.acme, cast.stella, "member", by=cast.alice)  # now nine
    works = [
        lambda row=row, who=who: invitations.accept(row.public_id, who) for row, who in zip(made, people, strict=True)
    ]
    outcomes = together(*works)
    assert [type(one) for one in refused(outcomes)] == [permissions.MemberLimitExceeded], outcomes
    assert permissions.taken(cast.acme, invited=False) == 10


@pytest.mark.parametrize("_round", range(3))
def test_the_last_seat_is_promised_once_by_those_who_invite(cast, at, paid, _round):
    fill(cast, 5)  # nine of ten

    def invite(n):
        with inside(cast.acme):
            return invitations.invite(f"n{n}@example.org", "member", by=at("alice"))

    outcomes = together(*(lambda n=n: invite(n) for n in range(4)))
    assert [type(one) for one in refused(outcomes)] == [permissions.MemberLimitExceeded] * 3, outcomes
    assert Invitation.select().count() == 1


def test_one_address_invited_twice_at_once_is_invited_once(cast, at, paid):
    def invite():
        with inside(cast.acme):
            return invitations.invite("nina@example.org", "member", by=at("alice"))

    outcomes = together(*[invite] * 4)
    assert [type(one) for one in refused(outcomes)] == [invitations.AlreadyInvited] * 3, outcomes
    assert Invitation.select().count() == 1


def test_accepted_and_cancelled_at_once_only_one_of_them_happens(cast, at, invited, nina):
    def cancel():
        with inside(cast.acme):
            invitations.cancel(invited.id, by=at("alice"))

    outcomes = together(lambda: invitations.accept(invited.public_id, nina), cancel)
    assert len(refused(outcomes)) == 1
    joined = organizations.reach(nina, "acme") is not None
    assert Invitation.get().status == ("accepted" if joined else "cancelled")


# --- several at once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ada@example.org", ["ada@example.org"]),
        ("ada@example.org, grace@example.org;bob@x.org\nvera@x.org\tida@x.org", 5),
        (
            'Ada Lovelace <ada@example.org>, "Hopper, Grace" <grace@example.org>',
            ["ada@example.org", "grace@example.org"],
        ),
        ("mailto:ada@example.org  ADA@example.org", ["ada@example.org"]),
        ("<ada@example.org>", ["ada@example.org"]),
        (" ,;\n", []),
        ("no address", ["no", "address"]),
    ],
)
def test_addresses_are_found_in_what_is_pasted(text, found):
    got = invitations.addresses_in(text)
    assert got == found if isinstance(found, list) else len(got) == found


def test_use_p10_several_are_invited_at_once_each_with_its_own_answer(cast, at, paid, letters):
    text = "nina@example.org, bob@example.org, not-an-address, ida@example.org"
    said = dict(invitations.invite_all(text, "viewer", by=at("alice")))
    assert said["nina@example.org"] is None
    assert said["ida@example.org"] is None
    assert "member of Acme already" in said["bob@example.org"]
    assert said["not-an-address"]
    assert sorted(to for to, *_ in letters()) == ["ida@example.org", "nina@example.org"]
    assert Invitation.select().count() == 2
    again = dict(invitations.invite_all("nina@example.org zoe@example.org", "viewer", by=at("alice")))
    assert "invited already" in again["nina@example.org"]


def test_of_several_as_many_are_invited_as_there_are_seats(cast, at, paid):
    fill(cast, 5)
    said = invitations.invite_all("a@x.org b@x.org c@x.org", "viewer", by=at("alice"))
    assert [why is None for _, why in said] == [True, False, False]
    assert "seats" in said[1][1]


def test_too_many_none_or_a_role_that_there_isnt_invite_nobody(cast, at, paid):
    many = " ".join(f"p{n}@example.org" for n in range(invitations.MANY + 1))
    for text, role in ((many, "viewer"), ("", "viewer"), ("a@x.org b@x.org", "owner")):
        with pytest.raises(Invalid):
            invitations.invite_all(text, role, by=at("alice"))
    assert Invitation.select().count() == 0
