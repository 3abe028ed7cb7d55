import dataclasses

import pytest

from domain import admins, configuration
from models import Admin, User
from tests.fixtures.threads import write


def test_the_gate_says_its_first_reason(cast):
    assert admins.gate(None) == "not_authenticated"
    assert admins.gate(cast.alice) == "not_allow_listed"
    assert admins.gate(cast.stella) == "ok"
    write(User.update(email_verified_at=None).where(User.id == cast.stella.id).execute)
    assert admins.gate(User.get_by_id(cast.stella.id)) == "email_not_verified"


def test_a_blank_list_is_nobody_and_a_removed_row_counts_at_once(cast):
    assert admins.may(cast.stella, "settings.write")
    write(Admin.delete().execute)
    for name in ("alice", "bob", "vera", "charlie", "stella"):
        assert not admins.may(getattr(cast, name), "admin.read")


def test_the_environment_names_admins_too(cast):
    configuration.use(dataclasses.replace(configuration.active, super_admin_emails=("bob@example.org",)))
    assert admins.may(cast.bob, "admin.read")
    assert not admins.may(cast.alice, "admin.read")


@pytest.mark.parametrize("capability", ["tasks.read", "billing.manage", "nonsense"])
def test_an_admin_has_no_more_than_the_platforms_capabilities(cast, capability):
    assert not admins.may(cast.stella, capability)
