"""What providers paid out: as they tell it, with what of each event is in it."""

import json

import pytest
import stripe

from domain.base import keys
from domain.events.books import payouts
from domain.events.providers import accounts
from domain.money.providers.provider import ProviderFailed
from models import PaymentAccount, Payout, PayoutPart, TicketPayment
from tests.domain.events.test_payments import came, paid_night, promised
from tests.fixtures.threads import write
from tests.peers import ticket_shops

__all__ = ["paid_night"]


def own(provider, key, secret=None):
    """An account of Acme's own."""
    sealed = {"key": keys.seal(key), "secret": keys.seal(secret) if secret else None}
    return write(PaymentAccount.create, provider=provider, label="Ours", **sealed)


def figures(payout):
    return [
        (part.event_id, part.amount_cents, part.refunded_cents, part.fee_cents, part.net_cents)
        for part in PayoutPart.select().where(PayoutPart.payout == payout).order_by(PayoutPart.id)
    ]


class Wire(stripe.HTTPClient):
    """Stripe, as far as its documentation says what a payout and its balance transactions are."""

    name, status, entries = "wire", "in_transit", ()

    def request(self, method, url, headers, post_data=None):
        payout = {"id": "po_1", "object": "payout", "amount": 2755, "currency": "eur", "arrival_date": 1780444800}
        payout |= {"status": self.status, "automatic": True}
        data = [payout] if "/payouts" in url else list(self.entries)
        said = {"object": "list", "data": data, "has_more": False, "url": "/v1/x"}
        return json.dumps(said), 200, {}

    def close(self):
        pass


def entry(type, amount, fee, source):
    about = {"type": type, "amount": amount, "fee": fee, "net": amount - fee, "currency": "eur"}
    return about | {"id": f"txn_{type}_{amount}", "object": "balance_transaction", "source": source}


@pytest.fixture
def shop(paid_night, monkeypatch):
    """(Stripe, Acme's account there, the event): two payments of it came by that account."""
    wire, account = Wire(), own("stripe", "sk_test_acme", "whsec_x")
    monkeypatch.setitem(accounts.TRANSPORTS, "stripe", wire)
    for n in (1, 2):
        _, attempt = promised(*paid_night, email=f"b{n}@example.org")
        came(attempt, 2000, id=f"pi_{n}")
    write(TicketPayment.update(account=account.public_id).execute)
    wire.entries = (
        entry("charge", 2000, 80, {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}),
        entry("charge", 2000, 80, {"id": "ch_2", "object": "charge", "payment_intent": "pi_2"}),
        entry("refund", -1000, 0, {"id": "re_1", "object": "refund", "payment_intent": "pi_1"}),
        entry("refund", -2000, 0, {"id": "re_2", "object": "refund", "payment_intent": "pi_2"}),
        entry("refund_failure", 2000, 0, {"id": "re_2", "object": "refund", "payment_intent": "pi_2"}),
        entry("stripe_fee", -85, 0, None),
        entry("payout", -2755, 0, "po_1"),
    )
    return wire, account, paid_night[0]


def test_a_payout_is_told_with_what_of_each_event_is_in_it_and_its_sums_are_the_payout(shop):
    _, account, event = shop
    assert payouts.fetch() == 1
    (payout,) = Payout.select()
    assert (payout.provider, payout.account, payout.reference) == ("stripe", account.public_id, "po_1")
    assert (payout.state, payout.amount_cents, payout.currency) == ("pending", 2755, "EUR")
    assert figures(payout) == [(event.id, 4000, 1000, 160, 2840), (None, 0, 85, 0, -85)]
    assert sum(net for *_, net in figures(payout)) == payout.amount_cents


def test_it_is_told_again_as_it_stands_and_asked_for_seldom(shop, clock):
    wire, *_ = shop
    assert (payouts.fetch(), payouts.fetch()) == (1, 0)
    wire.status = "failed"
    clock.forward(hours=6, minutes=1)
    assert payouts.fetch() == 1
    assert [(one.state, len(figures(one))) for one in Payout.select()] == [("failed", 2)]


def test_what_an_account_would_not_tell_harms_no_other(shop, monkeypatch):
    other = own("paystack", "sk_test_other")

    def refused(self, *_):
        raise stripe.AuthenticationError("Invalid key")

    monkeypatch.setattr(Wire, "request", refused)
    monkeypatch.setattr(accounts, "find", lambda provider, id: (_ for _ in ()).throw(ProviderFailed("down")))
    assert payouts.fetch() == 2
    assert Payout.select().count() == 0
    assert PaymentAccount.get_by_id(other.id).paid_out_at is not None  # and not asked again at once


@pytest.mark.parametrize(
    ("provider", "Shop", "currency", "net"),
    [("paystack", ticket_shops.Paystack, "NGN", 1900), ("flutterwave", ticket_shops.Flutterwave, "UGX", 1950)],
)
def test_settlements_of_the_others_are_payouts(paid_night, monkeypatch, provider, Shop, currency, net):
    shop, account = Shop(), own(provider, Shop.KEY)
    _, attempt = promised(*paid_night)
    done = {"paystack": "success", "flutterwave": "successful"}[provider]
    shop.sales["ref"] = {"id": 77, "amount": 2000, "currency": currency, "status": done}
    payment = came(attempt, 2000, currency=currency, id="77")
    write(
        TicketPayment.update(provider=provider, account=account.public_id).where(TicketPayment.id == payment.id).execute
    )
    shop.settle(net)
    with ticket_shops.opened(shop) as transport:
        monkeypatch.setitem(accounts.TRANSPORTS, provider, transport)
        assert payouts.fetch() == 1
    (payout,) = Payout.select()
    assert (payout.state, payout.amount_cents, payout.currency) == ("paid", net, currency)
    assert figures(payout) == [(paid_night[0].id, 2000, 0, 2000 - net, net)]
