"""Plans and seats that the staff gives by hand."""

from datetime import timedelta

import pytest

from database.scope import inside
from domain import Invalid, NotFound
from domain.base.stepup import VerificationRequired
from domain.entitlements import grants, manual_grants, plans
from models import AuditEvent, Grant, Outgoing

WHY = "A partner of the festival."


@pytest.fixture
def give(cast, proven, clock):
    def do(**more):
        form = {"what": "pro_monthly", "until": f"{clock() + timedelta(days=30):%Y-%m-%d}", "reason": WHY} | more
        proven("stella", "admin.give_plan", cast.acme.id, 3)
        return manual_grants.give(cast.acme.id, form, by=cast.stella)

    return do


def test_a_plan_is_given_until_the_end_of_a_day_and_then_over(give, cast, clock):
    with inside(cast.acme):
        assert grants.plan().key == "free"
    assert give() == "Pro, monthly"
    with inside(cast.acme):
        assert grants.plan().key == "pro_monthly"
        assert grants.capabilities() >= set(plans.PAID)
        (gift,) = manual_grants.given()
    assert (gift.label, gift.reason, gift.until.hour) == ("Pro, monthly", WHY, 0)
    assert plans.subscribers("pro_monthly") == 1
    clock.forward(days=31)
    with inside(cast.acme):
        assert grants.plan().key == "free"
        assert manual_grants.given() == []


def test_when_its_time_is_over_that_is_told_once(give, cast, clock):
    give()
    give(what="seats", seats="7")
    assert grants.tell_of_ends() == 0
    clock.forward(days=31)
    assert (grants.tell_of_ends(), grants.tell_of_ends()) == (2, 0)
    told = Outgoing.select().where(Outgoing.key.startswith("plan_over:")).order_by(Outgoing.id)
    titles = [row.payload["title"] for row in told if row.payload["recipient"] == cast.alice.id]
    assert titles == [f"What Acme was given has ended: {what}" for what in ("7 more seats", "Pro, monthly")]
    clock.forward(days=31)
    assert grants.tell_of_ends() == 0


def test_seats_are_given_beside_those_of_the_plan(give, cast):
    give()
    with inside(cast.acme):
        before = grants.seats()
    give(what="seats", seats="7")
    with inside(cast.acme):
        assert grants.seats() == before + 7
        assert [gift.label for gift in manual_grants.given()] == ["7 more seats", "Pro, monthly"]


def test_it_is_audited_told_and_ended(give, cast, proven):
    give()
    assert (
        Outgoing.select()
        .where(Outgoing.key.startswith("notification:plan_given") | Outgoing.key.startswith("plan_given"))
        .count()
        == 1
    )
    event = AuditEvent.get(AuditEvent.action == "plan.given")
    assert (event.actor_id, event.organization_id, event.metadata["reason"]) == (cast.stella.id, cast.acme.id, WHY)
    with inside(cast.acme):
        (gift,) = manual_grants.given()
    proven("stella", "admin.give_plan", cast.acme.id, 3)
    manual_grants.end(cast.acme.id, gift.source, by=cast.stella)
    with inside(cast.acme):
        assert grants.plan().key == "free"
        assert {row.revoke_reason for row in Grant.select()} == {"ended by hand"}
    assert AuditEvent.select().where(AuditEvent.action == "plan.ended").count() == 1
    for source in (gift.source, "manual:nothing", ""):
        with pytest.raises(NotFound):
            manual_grants.end(cast.acme.id, source, by=cast.stella)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("what", {"what": "free"}),
        ("what", {"what": ""}),
        ("seats", {"what": "seats"}),
        ("seats", {"what": "seats", "seats": "0"}),
        ("until", {"until": "2026-06-14"}),
        ("until", {"until": "2199-01-01"}),
        ("until", {"until": "soon"}),
        ("reason", {"reason": "because"}),
    ],
)
def test_what_cant_be_given_is_refused_beside_its_field(give, cast, field, wrong):
    with pytest.raises(Invalid) as refusal:
        give(**wrong)
    assert list(refusal.value.fields) == [field]
    assert AuditEvent.select().where(AuditEvent.action == "plan.given").count() == 0
    with inside(cast.acme):
        assert Grant.select().count() == 0


def test_it_takes_a_proof(cast, clock):
    form = {"what": "pro_monthly", "until": f"{clock():%Y-%m-%d}", "reason": WHY}
    with pytest.raises(VerificationRequired):
        manual_grants.give(cast.acme.id, form, by=cast.stella)
    with inside(cast.acme):
        assert Grant.select().count() == 0
