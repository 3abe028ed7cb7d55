import pytest

from domain import Forbidden, Refused, roles
from domain.organizations import Member
from models import Organization, User

TABLE = {  # specification B.11, what exists of it
    "organization.read": "owner admin member viewer",
    "members.read": "owner admin member viewer",
    "tasks.read": "owner admin member viewer",
    "tasks.write": "owner admin member",
    "tasks.read_all": "owner admin",
    "billing.read": "owner admin",
    "billing.manage": "owner",
}


def member(role, status="active"):
    return Member(User(email="x@example.org"), Organization(name="Acme", status=status), role)


def test_the_catalogue_is_the_table():
    assert set(roles.ORGANIZATION) == set(TABLE)


@pytest.mark.parametrize("capability", TABLE)
@pytest.mark.parametrize("role", [*roles.ROLES, "nobody"])
def test_a_role_has_what_the_table_gives_it(role, capability):
    has = role in TABLE[capability].split()
    assert member(role).may(capability) is has
    if not has:
        with pytest.raises(Forbidden, match=role):
            member(role).require(capability)


def test_in_a_suspended_organization_only_reading_is_left():
    owner = member("owner", "suspended")
    assert owner.may("tasks.read")
    with pytest.raises(Refused) as refused:
        owner.require("tasks.write")
    assert (refused.value.code, refused.value.status) == ("ORGANIZATION_SUSPENDED", 403)


def test_a_name_nobody_declared_fails_at_once():
    with pytest.raises(ValueError, match=r"task\.write"):
        roles.known("task.write")
    assert roles.label("settings.write") == "Change settings"
