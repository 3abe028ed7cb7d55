import pytest

from database.connections import database
from database.scope import everywhere
from domain.money import pricing, replays, trials
from domain.money.providers import sandbox
from domain.money.providers.provider import (
    PaymentRefunded,
)
from models import AuditEvent, Payment
from tests.fixtures.inbox import of_type, rows
from tests.fixtures.threads import write


def test_a_trial_shows_what_would_change_and_keeps_nothing(bought, cast):
    created, before = of_type("customer.subscription.created"), rows()
    look = replays.try_out(created.id, by=cast.stella)
    assert rows() == before
    assert of_type("customer.subscription.created").status == "received"
    (subscription,) = [one for one in look.changes if one["what"] == "subscription"]
    assert (subscription["change"], subscription["which"]) == ("new", f"acme: {bought}")
    assert ["status", "–", "active"] in subscription["columns"]
    (given,) = [one for one in look.changes if one["what"] == "grant"]
    assert given["more"] == 3  # four alike are told as one
    assert look.refusal == ""
    assert "notification" in {kind for kind, _ in look.sent}
    assert look.facts[0]["fact"] == "SubscriptionChanged"
    assert AuditEvent.get(AuditEvent.action == "system.webhook_tried").actor == cast.stella


def test_a_trial_says_why_it_would_be_refused(bought, cast, monkeypatch):
    paid = of_type("invoice.paid")
    monkeypatch.setattr(pricing, "plan_of", lambda provider, price_id: None)
    look = replays.try_out(paid.id, by=cast.stella)
    assert "No plan of ours has the price" in look.refusal
    assert look.changes == []


def many_payments(count):
    """So many more payments of the subscription, each a copy of the newest."""
    columns = [
        field.column_name for field in Payment._meta.sorted_fields if field.name not in ("id", "provider_payment_id")
    ]
    names = ", ".join(columns)
    with everywhere("a test copies a payment many times"):
        write(
            database.execute_sql,
            f"INSERT INTO billing_payment ({names}, provider_payment_id) WITH RECURSIVE n(i) AS "
            f"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT {names}, 'in_copy' || i FROM n, "
            "(SELECT * FROM billing_payment ORDER BY id DESC LIMIT 1) AS newest",
        )


@pytest.mark.parametrize("bought_first", [True, False])
def test_a_refund_is_tried_out_among_thousands_of_payments(cast, customer, clock, tell, bill, bought_first):
    once = {"reason": "once", "begins": False, "subscription_id": None, "price_id": sandbox.PRICES["pro_lifetime"]}
    tell()
    if bought_first:
        bill("in_once", **once)
    bill()
    many_payments(5001)
    if not bought_first:
        bill("in_once", **once)
    refund = {"payment_id": "in_once", "amount_refunded": 1200, "happened_at": clock(), "event_id": "evt_refund"}
    fact = PaymentRefunded(provider="stripe", organization=cast.acme.public_id, **refund)
    trial = trials.try_out([fact])
    assert {(one.what, one.which) for one in trial.differences if one.what in ("payment", "licence")} == {
        ("payment", "acme: in_once"),
        ("licence", "acme: in_once"),
    }
    assert trial.refusal == ""
    assert len(trials.state(cast.acme, [fact])) < 20
    assert len(trials.state(cast.acme)) > 5000  # bounded, and never refused
