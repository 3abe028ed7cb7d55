from datetime import timedelta

import pytest

from database.scope import inside
from domain import Forbidden, NotFound, Refused
from domain.base.roles import ORGANIZATION
from domain.base.stepup import VerificationRequired
from domain.money import billing, facts
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import ProviderFailed, SubscriptionChanged
from models import AuditEvent, Customer, Subscription
from tests.fixtures.billing import plan
from tests.fixtures.threads import write

MONTHLY = sandbox.PRICES["pro_monthly"]


@pytest.fixture
def tell(cast, clock):
    """Acme's subscription as the provider says it is when asked."""

    def fact(status="active", **more):
        values = {
            "provider": "stripe",
            "id": "sub_1",
            "customer_id": "cus_1",
            "organization": cast.acme.public_id,
            "price_id": MONTHLY,
            "status": status,
            "period_start_at": clock(),
            "period_end_at": clock() + timedelta(days=30),
            "happened_at": clock(),
            "event_id": f"evt_{status}",
            "asked_at": clock(),
        }
        write(facts.apply, SubscriptionChanged(**(values | more)))

    return fact


def stands(cast):
    with inside(cast.acme):
        return [(s.status, s.cancel_at_period_end) for s in Subscription.select()]


def test_only_an_owner_opens_a_checkout_and_nothing_is_granted_by_it(cast, at):
    with inside(cast.acme):
        for name in ("bob", "vera"):
            with pytest.raises(Forbidden):
                billing.checkout("pro_monthly", by=at(name))
            with pytest.raises(Forbidden):
                billing.set_cancel_at_period_end(True, by=at(name))
        assert Customer.select().count() == 0
        url = billing.checkout("pro_monthly", by=at("alice"))
    assert url.startswith("http://localhost/sandbox/checkout/")
    assert (plan(cast.acme), stands(cast)) == ("free", [])
    assert ORGANIZATION["billing.manage"].roles == {"owner"}


def test_no_unknown_plan_and_no_second_subscription(cast, at, tell):
    with inside(cast.acme):
        for plan_key in ("free", "", "nonsense"):
            with pytest.raises(NotFound):
                billing.checkout(plan_key, by=at("alice"))
    for status in ("active", "trialing", "past_due"):
        tell(status)
        with inside(cast.acme), pytest.raises(Refused, match="already"):
            billing.checkout("pro_yearly", by=at("alice"))


def test_nothing_can_be_cancelled_where_nothing_runs(cast, at, tell):
    with inside(cast.acme), pytest.raises(NotFound):
        billing.set_cancel_at_period_end(True, by=at("alice"))
    tell("canceled")
    with inside(cast.acme), pytest.raises(NotFound):
        billing.set_cancel_at_period_end(True, by=at("alice"))
    tell("past_due", id="sub_2")
    with inside(cast.acme), pytest.raises(Refused, match="open payment"):
        billing.set_cancel_at_period_end(False, by=at("alice"))


def test_what_was_done_is_not_denied_when_the_answer_cannot_be_had(cast, pay, proven, monkeypatch):
    """The provider took the wish and then went down: its webhook brings what became of it."""
    pay.subscribe()
    pay.deliver()
    proven("alice", "billing.cancel", cast.acme.id)

    def down(id):
        raise ProviderFailed("Stripe couldn't be reached.")

    with monkeypatch.context() as patched, inside(cast.acme):
        patched.setattr(stripe, "refetch", down)
        assert not billing.set_cancel_at_period_end(True, by=pay.by).cancel_at_period_end
    pay.deliver()
    assert stands(cast) == [("active", True)]


def test_a_checkout_whose_closing_was_cut_off_may_be_closed(cast, at, monkeypatch):
    """Also when the question how it stands isn't answered either."""
    with inside(cast.acme):
        billing.checkout("pro_monthly", by=at("alice"))

    def fails(asked):
        def call(*args):
            raise ProviderFailed("Stripe: no answer", asked)

        return call

    monkeypatch.setattr(stripe, "expire_checkout", fails(True))
    monkeypatch.setattr(stripe, "confirm", fails(False))
    with inside(cast.acme), pytest.raises(ProviderFailed) as failed:
        billing.checkout("pro_yearly", by=at("alice"))
    assert failed.value.asked


def test_asking_to_cancel_asks_for_a_proof_and_is_audited(cast, pay, proven):
    pay.subscribe()
    pay.deliver()
    with inside(cast.acme), pytest.raises(VerificationRequired):
        billing.set_cancel_at_period_end(True, by=pay.by)
    proven("alice", "billing.cancel", cast.acme.id)
    with inside(cast.acme):
        billing.set_cancel_at_period_end(True, by=pay.by)
    assert AuditEvent.get(AuditEvent.action == "billing.cancel_requested").actor == cast.alice
