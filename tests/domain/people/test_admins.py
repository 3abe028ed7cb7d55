import dataclasses

import pytest

from database.clock import now
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import configuration, roles, stepup
from domain.people import accounts, admins
from models import Admin, AuditEvent, Notification, Proof, StaffRole, User
from tests.fixtures.threads import refused, together, write

EVERYTHING = frozenset(roles.PLATFORM)


def fresh(user):
    return User.get_by_id(user.id)


def env(*emails, **more):
    configuration.use(dataclasses.replace(configuration.active, super_admin_emails=emails, **more))


def make(user, role):
    write(StaffRole.create, user=user, role=role)


def put_on_the_list(user):
    write(Admin.create, email=user.email, email_norm=user.email_norm)


# --- the gate ---------------------------------------------------------------------------------------------


def test_the_gate_says_its_first_reason(cast):
    assert admins.gate(None) == "not_authenticated"
    assert admins.gate(cast.alice) == "not_allow_listed"
    assert admins.gate(cast.stella) == "ok"
    write(User.update(email_verified_at=None).where(User.id == cast.stella.id).execute)
    assert admins.gate(fresh(cast.stella)) == "email_not_verified"


def test_check_13_the_gate_asks_in_its_order(cast):
    """Signed in → row → verified → listed → second factor; each later failing doesn't hide an earlier one."""
    env(super_admin_require_2fa=True)
    write(User.update(status="suspended", email_verified_at=None).where(User.id == cast.alice.id).execute)
    assert admins.gate(None) == "not_authenticated"
    assert admins.gate(fresh(cast.alice)) == "missing_user"
    write(User.update(status="active").where(User.id == cast.alice.id).execute)
    assert admins.gate(fresh(cast.alice)) == "email_not_verified"
    write(User.update(email_verified_at=now()).where(User.id == cast.alice.id).execute)
    assert admins.gate(fresh(cast.alice)) == "not_allow_listed"
    put_on_the_list(cast.alice)
    assert admins.gate(fresh(cast.alice)) == "two_factor_required"
    assert admins.capabilities(fresh(cast.alice)) == frozenset()
    write(User.update(second_factor_at=now()).where(User.id == cast.alice.id).execute)
    assert admins.gate(fresh(cast.alice)) == "ok"


def test_the_second_factor_is_asked_for_only_where_it_is_required(cast):
    assert not cast.stella.second_factor_at
    assert admins.gate(cast.stella) == "ok"
    env(super_admin_require_2fa=True)
    assert admins.gate(cast.stella) == "two_factor_required"


def test_a_blank_list_is_nobody_and_a_removed_row_counts_at_once(cast):
    assert admins.may(cast.stella, "settings.write")
    write(Admin.delete().execute)
    for name in ("alice", "bob", "vera", "charlie", "stella"):
        assert not admins.may(getattr(cast, name), "admin.read")


def test_the_environment_names_admins_too_and_they_may_do_everything(cast):
    env("bob@example.org")
    assert admins.capabilities(cast.bob) == EVERYTHING
    make(cast.bob, "content")
    assert admins.capabilities(cast.bob) == EVERYTHING, "a role doesn't narrow whom the environment names"
    assert not admins.may(cast.alice, "admin.read")


@pytest.mark.parametrize("capability", ["tasks.read", "billing.manage", "nonsense"])
def test_an_admin_has_no_more_than_the_platforms_capabilities(cast, capability):
    assert not admins.may(cast.stella, capability)


def test_without_a_role_one_may_do_all_but_choose_admins(cast):
    assert admins.capabilities(cast.stella) == EVERYTHING - {"admins.write"}


def test_roles_narrow_to_their_union_and_a_super_admin_has_everything(cast):
    make(cast.stella, "content")
    words = {"admin.read", "alerts.write", "outages.write", "content.write", "newsletter.read", "newsletter.write"}
    assert admins.capabilities(cast.stella) == words
    make(cast.stella, "release_manager")
    both = words | {"jobs.run", "backups.run", "releases.read"}
    assert admins.capabilities(cast.stella) == both | {"releases.annotate"}
    make(cast.stella, "super_admin")
    assert admins.capabilities(cast.stella) == EVERYTHING


def test_a_role_without_a_place_on_the_list_is_nothing(cast):
    make(cast.bob, "super_admin")
    assert admins.capabilities(cast.bob) == frozenset()


# --- the list -----------------------------------------------------------------------------------------------


@pytest.fixture
def chief(cast, signed_in_as):
    """stella is super admin and signed in."""
    make(cast.stella, "super_admin")
    signed_in_as("stella")
    return cast.stella


@pytest.fixture
def proven(chief):
    """`proven(target)`: whoever is signed in has proven who they are for this target, for one act."""

    def prove(target, action="admin.change_whitelist"):
        who = stepup.present.get()
        return write(
            Proof.create,
            user=who.user,
            session=who.session,
            action=action,
            target=str(target),
            level=4,
            single_use=True,
            expires_at=now().replace(year=now().year + 1),
        )

    return prove


def events(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


def test_an_address_is_put_on_the_list_after_step_up_for_that_very_address(cast, chief, proven):
    with pytest.raises(stepup.VerificationRequired) as asked:
        admins.add(" Bob@Example.org ", "Helps", by=chief)
    assert (asked.value.details["target"], asked.value.details["level"]) == ("bob@example.org", 4)
    proven("alice@example.org")
    with pytest.raises(stepup.VerificationRequired):
        admins.add("bob@example.org", "Helps", by=chief)
    proven("bob@example.org")
    admins.add(" Bob@Example.org ", " Helps  out ", by=chief)
    row = Admin.get(Admin.email_norm == "bob@example.org")
    assert (row.email, row.note, row.added_by) == ("Bob@Example.org", "Helps out", chief)
    assert admins.may(cast.bob, "users.read")
    (event,) = events("admin.granted")
    assert (event.actor, event.category, event.metadata["email"]) == (chief, "admin", "Bob@Example.org")
    with pytest.raises(stepup.VerificationRequired):
        admins.add("bob@example.org", "", by=chief)


@pytest.mark.parametrize("email", ["", "nobody", "a b@example.org"])
def test_what_is_no_address_is_refused_before_anybody_proves_anything(chief, email):
    with pytest.raises(Invalid):
        admins.add(email, "", by=chief)


def test_nobody_is_on_the_list_twice(cast, chief, proven):
    proven("stella@example.org")
    with pytest.raises(Invalid):
        admins.add("STELLA@example.org", "", by=chief)
    env("bob@example.org")
    proven("bob@example.org")
    with pytest.raises(Invalid, match="SUPER_ADMIN_EMAILS"):
        admins.add("bob@example.org", "", by=chief)
    proven("dora@example.org")
    with pytest.raises(Invalid):
        admins.add("dora@example.org", "x" * 201, by=chief)
    assert Admin.select().count() == 1
    assert events("admin.granted") == []


def test_a_very_long_address_can_be_proven_too(chief, proven):
    email = "a" * 60 + "@" + "b" * 60 + ".example.org"
    assert len(admins.target_of(email)) == 64
    proven(admins.target_of(email))
    admins.add(email, "", by=chief)
    assert Admin.select().where(Admin.email_norm == email).count() == 1


def test_whoever_is_taken_off_the_list_loses_everything_also_their_roles(cast, chief, proven):
    put_on_the_list(cast.bob)
    make(cast.bob, "support")
    row = Admin.get(Admin.email_norm == "bob@example.org")
    with pytest.raises(stepup.VerificationRequired):
        admins.remove(row.id, by=chief)
    proven("bob@example.org")
    admins.remove(row.id, by=chief)
    assert not admins.is_listed(cast.bob)
    assert StaffRole.select().where(StaffRole.user == cast.bob).count() == 0
    (event,) = events("admin.revoked")
    assert event.metadata == {"email": "bob@example.org", "roles": ["support"]}
    with pytest.raises(NotFound):
        admins.remove(row.id, by=chief)


def test_nobody_takes_themselves_off_nor_whom_the_environment_names(cast, chief, proven):
    proven("stella@example.org")
    with pytest.raises(Forbidden, match="yourself"):
        admins.remove(Admin.get(Admin.email_norm == "stella@example.org").id, by=chief)
    put_on_the_list(cast.bob)
    env("bob@example.org")
    proven("bob@example.org")
    with pytest.raises(Forbidden, match="SUPER_ADMIN_EMAILS"):
        admins.remove(Admin.get(Admin.email_norm == "bob@example.org").id, by=chief)
    assert Admin.select().count() == 2
    assert events("admin.revoked") == []


def test_a_refused_change_leaves_the_proof_unused(cast, chief, proven):
    proof = proven("stella@example.org")
    with pytest.raises(Forbidden):
        admins.remove(Admin.get().id, by=chief)
    assert Proof.get_by_id(proof.id).consumed_at is None


def test_roles_are_given_and_taken_back_with_before_and_after(cast, chief, proven):
    put_on_the_list(cast.bob)
    with pytest.raises(stepup.VerificationRequired) as asked:
        admins.grant(cast.bob.id, "support", by=chief)
    assert asked.value.details["target"] == f"{cast.bob.id}:support"
    proven(f"{cast.bob.id}:support")
    with pytest.raises(stepup.VerificationRequired):
        admins.grant(cast.bob.id, "super_admin", by=chief)  # the proof was for another role
    admins.grant(cast.bob.id, "support", by=chief)
    assert "admins.write" not in admins.capabilities(cast.bob)
    proven(f"{cast.bob.id}:support")
    with pytest.raises(Refused, match="already"):
        admins.grant(cast.bob.id, "support", by=chief)
    admins.revoke(cast.bob.id, "support", by=chief)
    proven(f"{cast.bob.id}:support")
    with pytest.raises(NotFound):
        admins.revoke(cast.bob.id, "support", by=chief)
    given, taken = events("admin.granted")[0], events("admin.revoked")[0]
    assert (given.metadata, taken.metadata) == (
        {"before": [], "after": ["support"]},
        {"before": ["support"], "after": []},
    )


def test_who_gets_no_role(cast, chief, proven):
    with pytest.raises(NotFound):
        admins.grant(cast.bob.id, "support", by=chief)
    with pytest.raises(NotFound):
        admins.grant(10**6, "support", by=chief)
    put_on_the_list(cast.bob)
    with pytest.raises(Invalid):
        admins.grant(cast.bob.id, "emperor", by=chief)
    proven(f"{chief.id}:super_admin")
    with pytest.raises(Forbidden, match="your own"):
        admins.revoke(chief.id, "super_admin", by=chief)
    env("bob@example.org")
    proven(f"{cast.bob.id}:content")
    with pytest.raises(Forbidden, match="SUPER_ADMIN_EMAILS"):
        admins.grant(cast.bob.id, "content", by=chief)
    assert [one.role for one in StaffRole.select()] == ["super_admin"]


def test_without_the_right_to_choose_admins_nothing_is_chosen(cast, chief, proven):
    """The door asks too; this is for whoever lost the right while their request was on its way."""
    write(StaffRole.delete().execute)
    proven("bob@example.org")
    with pytest.raises(Forbidden, match="no longer"):
        admins.add("bob@example.org", "", by=chief)


def test_of_two_who_take_each_other_off_at_once_one_stays(cast, chief, proven, signed_in_as):
    put_on_the_list(cast.bob)
    make(cast.bob, "super_admin")
    rows = {row.email_norm: row.id for row in Admin.select()}
    proven("bob@example.org")
    seen = {"stella": stepup.present.get(), "bob": signed_in_as("bob")}
    proven("stella@example.org")

    def take_off(who, other):
        def work():
            stepup.present.set(seen[who])
            admins.remove(rows[other], by=getattr(cast, who))

        return work

    outcomes = together(take_off("stella", "bob@example.org"), take_off("bob", "stella@example.org"))
    assert [type(error) for error in refused(outcomes)] in ([Forbidden], [NotFound])
    assert Admin.select().count() == 1
    assert any(admins.may(one, "admins.write") for one in (cast.stella, cast.bob))


def test_the_other_admins_hear_of_it(cast, chief, proven, letters):
    put_on_the_list(cast.bob)
    proven("dora@example.org")
    admins.add("dora@example.org", "", by=chief)
    letters()
    told = {note.recipient for note in Notification.select().where(Notification.type == "security.admins_changed")}
    assert told == {cast.bob, cast.dora}


def test_the_last_admin_cant_leave_nor_the_last_who_chooses(cast, chief):
    with pytest.raises(admins.LastAdmin):
        write(admins.must_not_be_last, chief)
    put_on_the_list(cast.bob)
    with pytest.raises(admins.LastAdmin, match="choose"):
        write(admins.must_not_be_last, chief)
    make(cast.bob, "super_admin")
    write(admins.must_not_be_last, chief)
    write(admins.must_not_be_last, cast.alice)  # no admin at all


def test_the_whole_list_says_what_each_waits_for(cast):
    env("root@example.org", "bob@example.org")
    put_on_the_list(cast.dora)
    make(cast.dora, "support")
    write(User.update(email_verified_at=None).where(User.id == cast.dora.id).execute)
    found = [(one.email, one.named, one.roles, one.waits_for) for one in admins.everybody()]
    assert found == [
        ("root@example.org", True, (), "no_account"),
        ("bob@example.org", True, (), "ok"),
        ("stella@example.org", False, (), "ok"),
        ("dora@example.org", False, ("support",), "email_not_verified"),
    ]


def test_whoever_sets_the_site_up_may_choose_further_admins(house):
    user = accounts.set_up(accounts.setup_secret(), "ada@example.org", "Ada", "Correct horse 1!")
    assert admins.may(fresh(user), "admins.write")
