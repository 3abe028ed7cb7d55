import pytest

from domain.base import roles
from domain.organizations import permissions

# What each role may do in an active organization on a paid plan: tests/fixtures/permissions.py.


def test_every_permission_names_roles_and_policies_that_exist():
    for name, permission in roles.ORGANIZATION.items():
        assert permission.roles <= set(roles.ROLES), name
        assert "owner" in permission.roles, name
        assert set(permission.policies) <= permissions.POLICIES.keys(), name
        assert name.split(".")[0] in permissions.GROUPS, name


def test_labels_tell_permissions_apart():
    labels = [permission.label for permission in roles.ORGANIZATION.values()]
    assert len(set(labels)) == len(labels)
    assert len(set(roles.PLATFORM.values())) == len(roles.PLATFORM)


def test_a_greater_role_has_all_that_a_lesser_one_has():
    for greater, lesser in zip(roles.ROLES, roles.ROLES[1:], strict=False):
        of = {role: {n for n in roles.ORGANIZATION if roles.allows(role, n)} for role in (greater, lesser)}
        assert of[lesser] <= of[greater]


def test_an_unknown_role_has_nothing_and_nobody_below_it():
    assert not any(roles.allows("emperor", name) for name in roles.ORGANIZATION)
    assert roles.below("emperor") == ()


@pytest.mark.parametrize(
    ("role", "lesser"),
    [("owner", ("admin", "member", "viewer")), ("admin", ("member", "viewer")), ("viewer", ())],
)
def test_one_looks_through_lesser_eyes_only(role, lesser):
    assert roles.below(role) == lesser


def test_what_narrows_staff_is_part_of_what_there_is():
    for label, capabilities in roles.STAFF.values():
        assert label
        assert capabilities <= roles.PLATFORM.keys()
    assert roles.STAFF["super_admin"][1] == roles.PLATFORM.keys()
    assert roles.PLATFORM.keys() - roles.UNNARROWED == {"admins.write"}


def test_a_name_nobody_declared_fails_at_once():
    with pytest.raises(ValueError, match=r"task\.write"):
        roles.known("task.write")
    assert roles.label("settings.write") == "Change settings"
    assert roles.label("tasks.write") == "Create tasks, take them, and change own and given ones"
