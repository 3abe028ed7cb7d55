from datetime import timedelta

import pytest

from database.clock import now
from database.scope import OutOfScope, inside
from domain.base import configuration
from domain.entitlements import grants
from models import Grant
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("bare_free")


def give(organization, capability="feature.pro", plan="pro_monthly", source="manual:1", **more):
    with inside(organization):
        return write(Grant.create, plan_key=plan, capability=capability, source=source, source_type="manual", **more)


@pytest.fixture
def unsold(house):
    """A site that sells no plans."""
    import dataclasses

    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))


def test_what_may_be_used_is_the_union_of_all_sources(inside_acme):
    assert grants.capabilities() == set()
    give(inside_acme, "feature.pro", source="subscription:1")
    give(inside_acme, "feature.pro", source="manual:1")
    give(inside_acme, "billing.portal", source="manual:1")
    assert grants.capabilities() == {"feature.pro", "billing.portal"}
    assert grants.includes("feature.pro")
    assert not grants.includes("workspace.members.invite")


def test_a_grant_without_an_end_has_none_and_one_with_an_end_has(inside_acme, clock):
    give(inside_acme, "feature.pro")
    give(inside_acme, "billing.portal", expires_at=now() + timedelta(days=30))
    clock.forward(days=30, seconds=-1)
    assert grants.includes("billing.portal")
    clock.forward(seconds=1)
    assert not grants.includes("billing.portal")
    clock.forward(days=10_000)
    assert grants.includes("feature.pro")


def test_a_revoked_grant_gives_nothing_from_then_on(inside_acme):
    give(inside_acme, "feature.pro")
    give(inside_acme, "billing.portal")
    assert write(grants.revoke_all, "refunded") == 2
    assert grants.capabilities() == set()
    assert write(grants.revoke_all, "again") == 0
    assert {row.revoke_reason for row in Grant.select()} == {"refunded"}


def test_one_organizations_grants_are_no_others(cast):
    give(cast.globex, "feature.pro")
    with inside(cast.acme):
        assert grants.capabilities() == set()
        assert write(grants.revoke_all, "mine") == 0
    with inside(cast.globex):
        assert grants.includes("feature.pro")
    with pytest.raises(OutOfScope):
        grants.capabilities()


def test_the_plan_is_the_best_of_those_that_are_active(inside_acme):
    assert grants.plan().key == "free"
    give(inside_acme, plan="pro_monthly")
    give(inside_acme, "billing.portal", plan="pro_yearly")
    give(inside_acme, "feature.old", plan="a plan that is no longer sold")
    assert grants.plan().key == "pro_yearly"


def test_where_no_plans_are_sold_everything_is_included_and_no_badge_is_shown(inside_acme, unsold):
    assert grants.plan() is None
    assert grants.includes("feature.pro")
    assert grants.seats() is None


def test_unlimited_seats_win_then_ten_then_none(inside_acme):
    assert grants.seats() == 0
    give(inside_acme, "workspace.members.limit.10")
    assert grants.seats() == 10
    give(inside_acme, "workspace.members.limit.unlimited", plan="pro_lifetime")
    assert grants.seats() is None
