import pytest

from database.clock import now
from database.scope import inside
from domain import Forbidden, Invalid, NotFound
from domain.base import stepup
from domain.people import accounts, admins, passwords, people, sessions, sign_ins, suspensions
from models import Admin, AuditEvent, AuthToken, Change, Notification, Organization, Proof, StaffRole, User
from tests.fixtures.threads import refused, together, write

WHY = "Spam was sent from it."


@pytest.fixture
def staff(cast, signed_in_as):
    """stella is signed in; `staff(action, target, level)` is her proof for an act."""
    signed_in_as("stella")

    def proven(action, target, level=4):
        who = stepup.present.get()
        return write(
            Proof.create,
            user=who.user,
            session=who.session,
            action=action,
            target=str(target),
            level=level,
            single_use=level == 4,
            expires_at=now().replace(year=now().year + 1),
        )

    return proven


def events(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


# --- people -----------------------------------------------------------------------------------------------


def test_somebody_is_suspended_and_out_at_once(cast, staff, letters):
    token = sessions.start(cast.bob)
    waiting = sign_ins.forgot("bob@example.org")
    with pytest.raises(stepup.VerificationRequired) as asked:
        suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)
    assert asked.value.details["level"] == 3
    assert sessions.find(token)
    staff("admin.suspend_user", cast.bob.id, 3)
    suspensions.suspend_user(cast.bob.id, f"  {WHY} ", by=cast.stella)
    user = User.get_by_id(cast.bob.id)
    assert (user.status, user.suspended_reason) == ("suspended", WHY)
    assert sessions.find(token) is None
    assert sessions.why_over(token) == "suspended"
    assert AuthToken.select().where(AuthToken.public_id == waiting).count() == 0
    (event,) = events("auth.user.suspended")
    assert (event.actor, event.category, event.target_id) == (cast.stella, "admin", str(cast.bob.id))
    assert (event.metadata["before"], event.metadata["after"], event.metadata["reason"]) == ("active", "suspended", WHY)
    ((to, _, text),) = [letter for letter in letters() if "suspended" in letter[1]]
    assert (to, WHY in text) == ("bob@example.org", True)


def test_suspended_means_no_way_in_whichever(cast, staff):
    staff("admin.suspend_user", cast.bob.id, 3)
    suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)
    with pytest.raises(accounts.Suspended):
        sign_ins.ask_code("bob@example.org")
    with pytest.raises(accounts.Suspended):
        sign_ins.ask_link("bob@example.org")
    with pytest.raises(sign_ins.WrongCredentials):
        sign_ins.sign_in("bob@example.org", "Correct horse 1!")
    assert passwords.fits("Correct horse 1!", User.get_by_id(cast.bob.id).password_hash)


def test_and_in_again(cast, staff, letters):
    staff("admin.suspend_user", cast.bob.id, 3)
    suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)
    with pytest.raises(stepup.VerificationRequired):
        suspensions.reactivate_user(cast.bob.id, by=cast.stella)
    staff("admin.reactivate_user", cast.bob.id, 3)
    suspensions.reactivate_user(cast.bob.id, by=cast.stella)
    user = User.get_by_id(cast.bob.id)
    assert (user.status, user.suspended_reason) == ("active", None)
    assert sign_ins.sign_in("bob@example.org", "Correct horse 1!") == cast.bob
    assert len(events("auth.user.reactivated")) == 1
    assert [subject for _, subject, _ in letters() if "open again" in subject]


@pytest.mark.parametrize("reason", ["", " " * 20, "too short", "x" * 501])
def test_a_reason_is_needed_first(cast, staff, reason):
    with pytest.raises(Invalid):
        suspensions.suspend_user(cast.bob.id, reason, by=cast.stella)
    with pytest.raises(Invalid):
        suspensions.suspend_organization(cast.acme.id, reason, by=cast.stella)


def test_never_oneself_and_an_admin_only_by_a_super_admin(cast, staff):
    staff("admin.suspend_user", cast.stella.id, 3)
    with pytest.raises(Forbidden, match="yourself"):
        suspensions.suspend_user(cast.stella.id, WHY, by=cast.stella)
    write(Admin.create, email="bob@example.org", email_norm="bob@example.org")
    staff("admin.suspend_user", cast.bob.id, 3)
    with pytest.raises(Forbidden, match="super admin"):
        suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)
    write(StaffRole.create, user=cast.stella, role="super_admin")
    assert admins.may(cast.bob, "admin.read")
    suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)
    assert not admins.may(User.get_by_id(cast.bob.id), "admin.read")


def test_what_isnt_active_isnt_suspended_and_the_other_way_round(cast, staff):
    staff("admin.suspend_user", cast.bob.id, 3)
    staff("admin.reactivate_user", cast.bob.id, 3)
    with pytest.raises(suspensions.InvalidTransition) as error:
        suspensions.reactivate_user(cast.bob.id, by=cast.stella)
    assert (error.value.code, error.value.status) == ("INVALID_TRANSITION", 409)
    suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)
    with pytest.raises(suspensions.InvalidTransition):
        suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)
    assert len(events("auth.user.suspended")) == 1
    write(User.update(status="deleted").where(User.id == cast.bob.id).execute)
    for act in (
        lambda: suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella),
        lambda: suspensions.reactivate_user(cast.bob.id, by=cast.stella),
    ):
        with pytest.raises(suspensions.InvalidTransition):
            act()
    with pytest.raises(NotFound):
        suspensions.suspend_user(10**6, WHY, by=cast.stella)


def test_of_two_who_suspend_at_once_one_does(cast, staff):
    staff("admin.suspend_user", cast.bob.id, 3)
    who = stepup.present.get()

    def suspend():
        stepup.present.set(who)
        suspensions.suspend_user(cast.bob.id, WHY, by=cast.stella)

    outcomes = together(suspend, suspend, suspend)
    assert [type(error) for error in refused(outcomes)] == [suspensions.InvalidTransition] * 2
    assert len(events("auth.user.suspended")) == 1


def test_suspended_staff_stops_looking_on(cast, staff):
    write(Admin.create, email="dora@example.org", email_norm="dora@example.org")
    token = sessions.look_on(cast.bob, cast.dora, "She asked for help.", lasts=people.LOOK)
    write(StaffRole.create, user=cast.stella, role="super_admin")
    staff("admin.suspend_user", cast.dora.id, 3)
    suspensions.suspend_user(cast.dora.id, WHY, by=cast.stella)
    assert sessions.find(token) is None


# --- organizations ------------------------------------------------------------------------------------------


def test_an_organization_is_suspended_and_those_who_look_after_it_are_told(cast, staff, at, letters):
    with pytest.raises(stepup.VerificationRequired) as asked:
        suspensions.suspend_organization(cast.acme.id, WHY, by=cast.stella)
    assert (asked.value.details["level"], asked.value.details["target"]) == (4, str(cast.acme.id))
    staff("admin.suspend_organization", cast.acme.id)
    suspensions.suspend_organization(cast.acme.id, WHY, by=cast.stella)
    acme = Organization.get_by_id(cast.acme.id)
    assert (acme.status, acme.suspended_reason) == ("suspended", WHY)
    assert acme.suspended_at
    assert not at("alice").may("tasks.read")
    (event,) = events("organization.suspended")
    assert (event.organization, event.metadata["reason"]) == (acme, WHY)
    told = [(to, subject) for to, subject, _ in letters() if "Acme" in subject]
    assert told == [("alice@example.org", "Acme is suspended")]
    assert {note.recipient for note in Notification.select()} == {cast.alice}
    with inside(acme):
        assert Change.select().where(Change.table == "organization").count() == 1


def test_a_proof_for_one_organization_suspends_no_other_and_is_good_once(cast, staff):
    staff("admin.suspend_organization", cast.acme.id)
    with pytest.raises(stepup.VerificationRequired):
        suspensions.suspend_organization(cast.globex.id, WHY, by=cast.stella)
    suspensions.suspend_organization(cast.acme.id, WHY, by=cast.stella)
    staff("admin.reactivate_organization", cast.acme.id)
    suspensions.reactivate_organization(cast.acme.id, by=cast.stella)
    with pytest.raises(stepup.VerificationRequired):
        suspensions.suspend_organization(cast.acme.id, WHY, by=cast.stella)
    assert Organization.get_by_id(cast.globex.id).status == "active"


def test_reactivated_everything_is_as_it_was(cast, staff, at, letters):
    staff("admin.suspend_organization", cast.acme.id)
    suspensions.suspend_organization(cast.acme.id, WHY, by=cast.stella)
    staff("admin.reactivate_organization", cast.acme.id)
    suspensions.reactivate_organization(cast.acme.id, by=cast.stella)
    acme = Organization.get_by_id(cast.acme.id)
    assert (acme.status, acme.suspended_reason, acme.suspended_at) == ("active", None, None)
    assert at("bob").may("tasks.read")
    assert [subject for _, subject, _ in letters()][-1] == "Acme is open again"
    assert {note.title for note in Notification.select()} == {"Acme was suspended", "Acme was reactivated"}


def test_deleted_is_final(cast, staff):
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    staff("admin.suspend_organization", cast.acme.id)
    staff("admin.reactivate_organization", cast.acme.id)
    for act in (
        lambda: suspensions.suspend_organization(cast.acme.id, WHY, by=cast.stella),
        lambda: suspensions.reactivate_organization(cast.acme.id, by=cast.stella),
    ):
        with pytest.raises(suspensions.InvalidTransition):
            act()
    assert Organization.get_by_id(cast.acme.id).status == "deleted"
    with pytest.raises(NotFound):
        suspensions.reactivate_organization(10**6, by=cast.stella)
