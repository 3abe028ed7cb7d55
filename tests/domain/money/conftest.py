from datetime import timedelta

import pytest

from database.scope import inside
from domain.money import billing, facts, inbox
from domain.money.providers import sandbox
from domain.money.providers.provider import (
    Fact,
    PaymentFailed,
    PaymentReceived,
    SubscriptionChanged,
)
from models import Customer, Setting
from tests.fixtures.threads import write

MONTHLY = sandbox.PRICES["pro_monthly"]


@pytest.fixture
def tell(cast, clock):
    """Tell billing a fact about Acme's subscription sub_1, as an event without a fetch would."""
    began = clock()

    def fact(status="active", *, after=0, **more):
        values = {
            "provider": "stripe",
            "id": "sub_1",
            "customer_id": "cus_1",
            "organization": cast.acme.public_id,
            "price_id": MONTHLY,
            "status": status,
            "period_end_at": began + timedelta(days=30),
            "cancel_at_period_end": False,
            "happened_at": began + timedelta(seconds=after),
            "event_id": f"evt_{status}_{after}",
        }
        if more.pop("fresh", False):
            more["asked_at"] = clock()
        write(facts.apply, SubscriptionChanged(**(values | more)))

    return fact


@pytest.fixture
def bill(cast, clock):
    """Tell of an invoice of sub_1: paid, or failed; it pays for the thirty days from now."""

    def fact(id="in_1", *, paid=True, begins=True, after=0, days=0, **more):
        start = clock() + timedelta(days=days)
        values = {
            "provider": "stripe",
            "id": id,
            "customer_id": "cus_1",
            "subscription_id": "sub_1",
            "price_id": MONTHLY,
            "reason": "cycle" if begins else "update",
            "amount": 1200,
            "currency": "USD",
            "happened_at": clock() + timedelta(seconds=after),
            "event_id": f"evt_{id}_{after}",
        }
        if begins:
            values |= {"period_start_at": start, "period_end_at": start + timedelta(days=30)}
        write(facts.apply, (PaymentReceived if paid else PaymentFailed)(**(values | more)))

    return fact


@pytest.fixture
def customer(cast):
    with inside(cast.acme):
        write(Customer.create, provider="stripe", provider_customer_id="cus_1", email="alice@example.org")


@pytest.fixture
def shop(cast, clock, pay):
    """Acme's customer at the sandbox, bound and without a plan: what the dashboard can then sell to."""
    with inside(cast.acme):
        customer = billing._customer(cast.acme, cast.alice.email)
    pay.deliver()
    return customer


@pytest.fixture
def worked(monkeypatch):
    """Which events were worked, in order; those named in `.failing` fail. An effect is a setting row."""
    seen = type("Worked", (list,), {"failing": set()})()

    def read(row):
        seen.append(row.event_id)
        if row.event_id in seen.failing:
            raise RuntimeError("the provider is down")
        return [Fact(provider="stripe", happened_at=row.happened_at, event_id=row.event_id)]

    monkeypatch.setattr(inbox, "read", read)
    monkeypatch.setattr(facts, "apply", lambda fact: Setting.create(key=fact.event_id, value=1))
    return seen


@pytest.fixture
def bought(pay, clock):
    """Events of alice's subscription, none of them worked: (id of the subscription, its events)."""
    id = pay.subscribe()
    for posted in pay.events():
        pay.accept(posted)
    return id
