import dataclasses
from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain import Forbidden
from domain.base import configuration, roles, settings
from domain.entitlements import grants, plans
from domain.organizations import organizations, permissions
from domain.organizations.permissions import (
    CapabilityRequired,
    LastOwner,
    MemberLimitExceeded,
    OrganizationSuspended,
    PersonalMode,
    judge,
    verdict,
)
from models import Grant, Invitation, Membership, Organization
from tests.fixtures.permissions import MATRIX, STATES
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("bare_free")

NAMES = tuple(roles.ORGANIZATION)


@pytest.fixture
def acme(cast):
    """Acme as it is in the database now."""
    return lambda: Organization.get_by_id(cast.acme.id)


@pytest.fixture
def by(cast, acme):
    """`by("admin")` stands in Acme with that role."""
    return lambda role, user=None: organizations.Member(user or cast.alice, acme(), role)


@pytest.fixture
def pro(cast):
    def give():
        with inside(cast.acme):
            for capability in plans.PAID:
                write(
                    Grant.create, plan_key="pro_monthly", capability=capability, source="manual:1", source_type="manual"
                )

    return give


def suspend(cast):
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)


def membership(cast, name):
    return Membership.get(Membership.user == getattr(cast, name), Membership.organization == cast.acme)


# --- the matrix (check 12): roles × permissions × plan and state -----------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_check_12_every_role_and_permission_on_free_pro_and_suspended(state, cast, by, pro):
    if state != "free":
        pro()
    if state == "suspended":
        suspend(cast)
    assert MATRIX.keys() == roles.ORGANIZATION.keys()
    may = {name: "".join(role[0] for role in roles.ROLES if judge(by(role), name) is None) for name in NAMES}
    assert may == {name: MATRIX[name][STATES.index(state)] for name in NAMES}


@pytest.mark.parametrize("state", STATES)
def test_pages_and_server_ask_one_evaluator_and_the_chain_tells_the_same(state, cast, by, pro):
    if state != "free":
        pro()
    if state == "suspended":
        suspend(cast)
    for name in NAMES:
        for role in (*roles.ROLES, "nobody"):
            stands, no = by(role), judge(by(role), name)
            chain = list(verdict(stands, name))
            first = next((step.refusal for step in chain if step.refusal), None)
            assert type(first) is type(no), (name, role)
            assert stands.may(name) is (no is None)
            if no is None:
                stands.require(name)
            else:
                assert first.sentence == no.sentence
                with pytest.raises(type(no)):
                    stands.require(name)
            assert [step.name for step in chain[:3]] == ["role", "plan", "organization"]


def test_an_unknown_role_has_nothing(by):
    for role in ("", "superuser", "OWNER", "owner ", None):
        assert not any(by(role).may(name) for name in NAMES)


def test_a_misspelt_permission_is_a_mistake_not_a_no(by):
    with pytest.raises(KeyError):
        by("owner").may("tasks.raed")


# --- the reasons -------------------------------------------------------------------------------------------


def test_each_link_of_the_chain_is_shown_also_after_one_that_refuses(cast, by):
    suspend(cast)
    chain = {step.name: step for step in verdict(by("viewer"), "members.invite")}
    assert isinstance(chain["role"].refusal, Forbidden)
    assert chain["role"].says == "The role is viewer; it takes owner, admin"
    assert isinstance(chain["plan"].refusal, CapabilityRequired)
    assert "Pro does" in chain["plan"].refusal.sentence
    assert isinstance(chain["organization"].refusal, OrganizationSuspended)
    assert isinstance(judge(by("viewer"), "members.invite"), Forbidden)  # the first of them


def test_codes_are_those_of_the_specification(cast, by, pro):
    assert judge(by("viewer"), "tasks.write").code == "FORBIDDEN"
    assert judge(by("owner"), "members.invite").code == "CAPABILITY_REQUIRED"
    pro()
    assert judge(by("owner"), "members.invite") is None
    suspend(cast)
    assert judge(by("owner"), "tasks.write").code == "ORGANIZATION_SUSPENDED"


def test_where_no_plans_are_sold_the_plan_stands_in_nobodys_way(by):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert by("owner").may("members.invite")
    (plan,) = (step for step in verdict(by("owner"), "members.invite") if step.name == "plan")
    assert "No plans are sold" in plan.says


def test_a_policy_that_needs_a_target_says_so_without_one(cast, by):
    steps = {step.says: step for step in verdict(by("owner"), "members.remove") if step.name == "policy"}
    assert steps["An organization keeps at least one owner"].asked is False
    steps = {s.says: s for s in verdict(by("owner"), "members.remove", membership(cast, "bob")) if s.name == "policy"}
    assert all(step.asked for step in steps.values())


# --- the policies --------------------------------------------------------------------------------------------


def test_an_admin_cannot_touch_an_owner_and_an_owner_can(cast, by):
    write(Membership.update(role="owner").where(Membership.id == membership(cast, "bob").id).execute)
    owner = membership(cast, "bob")
    for name in ("members.change_role", "members.remove"):
        assert isinstance(judge(by("admin"), name, owner), Forbidden)
        assert judge(by("owner"), name, owner) is None
        assert judge(by("admin"), name, membership(cast, "vera")) is None


def test_the_last_owner_can_neither_be_removed_nor_leave(cast, by):
    alone = membership(cast, "alice")
    assert isinstance(judge(by("owner"), "members.remove", alone), LastOwner)
    assert isinstance(judge(by("owner"), "members.leave", alone), LastOwner)
    assert judge(by("member", cast.bob), "members.leave", membership(cast, "bob")) is None
    write(Membership.update(role="owner").where(Membership.id == membership(cast, "bob").id).execute)
    assert judge(by("owner"), "members.leave", alone) is None


def test_the_eleventh_seat_is_refused_and_open_invitations_are_seats(cast, by, pro, clock):
    pro()
    with inside(cast.acme):
        for number in range(5):
            write(
                Invitation.create,
                email=f"{number}@x.org",
                email_norm=f"{number}@x.org",
                role="member",
                invited_by=cast.alice,
                expires_at=now() + timedelta(hours=48),
            )
    assert permissions.taken(cast.acme) == 9
    assert permissions.taken(cast.acme, invited=False) == 4
    assert judge(by("owner"), "members.invite") is None
    with inside(cast.acme):
        write(
            Invitation.create,
            email="t@x.org",
            email_norm="t@x.org",
            role="member",
            expires_at=now() + timedelta(hours=96),
        )
    no = judge(by("owner"), "members.invite")
    assert isinstance(no, MemberLimitExceeded)
    assert "10 seats" in no.sentence
    clock.forward(hours=49)  # five of them have lapsed
    assert judge(by("owner"), "members.invite") is None


def test_people_of_one_workspace_take_no_seat(cast, by, pro):
    from models import Workspace

    pro()
    with inside(cast.acme):
        write(
            Invitation.create,
            email="d@x.org",
            email_norm="d@x.org",
            role="scanner",
            workspace=Workspace.get(),
            expires_at=now() + timedelta(hours=48),
        )
    assert permissions.taken(cast.acme) == 4


def test_in_a_personal_organization_there_is_nobody_to_manage(cast):
    own = Organization.get(Organization.owner == cast.dora, Organization.is_personal)
    dora = organizations.Member(cast.dora, own, "owner")
    for name in (
        "members.invite",
        "members.invite_staff",
        "members.change_role",
        "members.remove",
        "members.leave",
        "organization.delete",
        "organization.transfer",
        "workspaces.manage",
    ):
        refusals = [step.refusal for step in verdict(dora, name) if step.refusal]
        assert any(isinstance(one, PersonalMode) for one in refusals), name
        assert not dora.may(name)
    assert dora.may("organization.update")


@pytest.mark.parametrize(
    ("setting", "value", "gone"),
    [
        (
            "organization_mode",
            "personal",
            {
                "organization.transfer",
                "members.invite",
                "members.invite_staff",
                "invitations.cancel",
                "members.change_role",
                "members.remove",
            },
        ),
        ("allow_invitations", "off", {"members.invite", "members.invite_staff", "invitations.cancel"}),
        ("allow_member_management", "off", {"members.change_role", "members.remove"}),
    ],
)
def test_a_switch_of_the_site_is_asked_by_the_server(setting, value, gone, cast, by, pro):
    pro()
    before = {name for name in NAMES if by("owner").may(name)}
    settings.change(setting, value, by=cast.stella)
    assert before - {name for name in NAMES if by("owner").may(name)} == gone


# --- the table ---------------------------------------------------------------------------------------------


def test_the_table_that_is_shown_is_the_one_that_is_asked():
    shown = [name for rows in permissions.table().values() for name, _ in rows]
    assert sorted(shown) == sorted(NAMES)
    for permission in roles.ORGANIZATION.values():
        assert all(permissions.rules_of(permission)), permission.label
        assert set(permission.policies) <= set(permissions.POLICIES)


def test_asking_a_plain_permission_costs_no_query(by, monkeypatch):
    stands = by("member")
    monkeypatch.setattr(grants, "_active", lambda **_: pytest.fail("asked the database"))
    assert stands.may("tasks.write")
    assert not stands.may("members.invite")
