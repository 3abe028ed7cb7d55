"""Check 12: role AND plan AND the organization's state, one evaluator for pages and server.

The table is written out by hand, from specification B.11: on the free plan, on Pro, and suspended (on Pro).
"""

import re

import pytest

from database.scope import inside
from domain.base import roles
from domain.entitlements.plans import PAID
from domain.organizations import organizations, permissions
from models import Grant, Membership, Organization
from tests.fixtures.threads import write
from tests.test_access import ROUTES

#                           free    pro     suspended
TABLE = {
    "organization.read": ("oamv", "oamv", "oamv"),
    "organization.update": ("oa", "oa", ""),
    "organization.delete": ("o", "o", ""),
    "organization.transfer": ("o", "o", ""),
    "members.read": ("oamv", "oamv", ""),
    "members.invite": ("", "oa", ""),
    "members.invite_staff": ("oa", "oa", ""),
    "invitations.read": ("oa", "oa", ""),
    "invitations.cancel": ("oa", "oa", ""),
    "members.change_role": ("oa", "oa", ""),
    "members.remove": ("oa", "oa", ""),
    "members.leave": ("oamv", "oamv", ""),
    "workspaces.read": ("oamv", "oamv", ""),
    "workspaces.manage": ("oa", "oa", ""),
    "permissions.read": ("oa", "oa", ""),
    "audit.read": ("oa", "oa", ""),
    "tasks.read": ("oamv", "oamv", ""),
    "tasks.write": ("oam", "oam", ""),
    "tasks.read_all": ("oa", "oa", ""),
    "billing.read": ("oa", "oa", "oa"),
    "billing.manage": ("o", "o", ""),
}
STATES = ("free", "pro", "suspended")
WHO = {"owner": "alice", "admin": "bob", "member": "dora", "viewer": "vera"}
# One never ends; one refuses with FORBIDDEN for a reason of its own when the form is empty.
NOT_ASKED = {"live.stream", "permissions.preview", "billing.portal"}  # the last also wants a plan, or a debt
REFUSALS = {"FORBIDDEN", "CAPABILITY_REQUIRED", "ORGANIZATION_SUSPENDED"}


def has(permission, role, state):
    return role[0] in TABLE[permission][STATES.index(state)]


@pytest.fixture
def acme(cast):
    """`acme("pro")` puts Acme into that state, with somebody in each role."""

    def become(state):
        def change():
            Membership.update(role="admin").where(
                Membership.user == cast.bob, Membership.organization == cast.acme
            ).execute()
            for capability in PAID if state != "free" else ():
                Grant.create(plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")
            if state == "suspended":
                Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute()

        with inside(cast.acme):
            write(change)
        return {role: organizations.reach(getattr(cast, name), "acme") for role, name in WHO.items()}

    return become


def test_check_12_the_table_names_every_permission_and_role():
    assert TABLE.keys() == roles.ORGANIZATION.keys()
    assert set(WHO) == set(roles.ROLES)
    assert {letter for row in TABLE.values() for cell in row for letter in cell} == {role[0] for role in roles.ROLES}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", roles.ROLES)
def test_check_12_each_role_may_what_the_table_says(acme, role, state):
    by = acme(state)[role]
    assert by.role == role
    assert {name for name in TABLE if by.may(name)} == {name for name in TABLE if has(name, role, state)}
    for name in TABLE:
        refusal = permissions.judge(by, name)
        assert (refusal is None) is has(name, role, state), name
        # The page that explains asks the same chain.
        assert any(step.refusal for step in permissions.verdict(by, name)) is not has(name, role, state), name


@pytest.mark.parametrize("state", STATES)
def test_check_12_every_door_answers_as_the_table_says(acme, browse, state):
    acme(state)
    routes = [r for r in ROUTES if r[3].kind == "member" and r[2] not in NOT_ASKED]
    routes.sort(key=lambda r: r[2] == "members.leave")  # who has left can ask no more
    assert {door.capability for *_, door in routes} <= TABLE.keys()
    wrong = []
    for role, name in WHO.items():
        client = browse(name)
        for method, rule, endpoint, door in routes:
            address = re.sub(r"<[^>]+>", "999999", rule.replace("<organization>", "acme"))
            answer = client.open(address, method=method, headers={"Accept": "application/json"})
            code = answer.json.get("code", "") if answer.is_json else ""
            refused = answer.status_code == 403 and code in REFUSALS
            if refused is has(door.capability, role, state):
                wrong.append((role, method, rule, endpoint, answer.status_code, code))
    assert wrong == []


@pytest.mark.parametrize("state", STATES)
def test_check_12_for_a_stranger_there_is_nothing_in_any_state(acme, browse, state):
    acme(state)
    client = browse("charlie")
    for method, rule, _, door in ROUTES:
        if door.kind == "member":
            address = re.sub(r"<[^>]+>", "999999", rule.replace("<organization>", "acme"))
            assert client.open(address, method=method).status_code == 404, rule
