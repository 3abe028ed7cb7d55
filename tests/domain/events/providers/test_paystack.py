"""Paystack, against a small server that answers as its documentation says."""

import dataclasses
import json

import pytest

from domain.base import configuration, outgoing
from domain.events import orders, payments
from domain.events.providers import accounts, attempts, refunding
from domain.money import inbox
from domain.money.providers.provider import BadSignature
from models import Event, PaymentAttempt, TicketPayment, TicketRefund, WebhookEvent
from tests.domain.events.providers.test_attempts import held
from tests.domain.events.test_payments import again, paid_night, passes_of
from tests.fixtures.threads import write
from tests.peers import ticket_shops

__all__ = ["paid_night"]


@pytest.fixture
def shop(monkeypatch, unhoused):
    made = ticket_shops.Paystack()
    with ticket_shops.opened(made) as transport:
        monkeypatch.setitem(accounts.TRANSPORTS, "paystack", transport)
        yield made


@pytest.fixture
def night(shop, paid_night):
    configuration.use(
        dataclasses.replace(configuration.active, ticket_accounts={"paystack": (ticket_shops.Paystack.KEY, ())})
    )
    event, tier = paid_night
    write(Event.update(currency="NGN").where(Event.id == event.id).execute)
    return Event.get_by_id(event.id), tier


@pytest.fixture
def order(night):
    made = held(*night)
    assert attempts.begin(made.id, "paystack").startswith("https://checkout.paystack.com/")
    return made


def reference():
    return PaymentAttempt.select().order_by(PaymentAttempt.id.desc()).get().public_id


def take(told):
    attempts.take("paystack", "", *told)
    while inbox.work_off():
        pass


def test_a_sale_is_told_in_kobo_and_read_back_and_its_webhook_may_come_twice(shop, order):
    assert shop.sales[reference()]["amount"] == 2000
    told = shop.pay(reference())
    for _ in range(2):
        take(told)
    assert (again(order).state, passes_of(order)) == ("paid", 1)
    payment = TicketPayment.get()
    assert (payment.provider_payment_id, payment.amount_cents, payment.currency) == ("4099260516", 2000, "NGN")
    assert WebhookEvent.select().count() == 1


def test_it_comes_first_where_its_currencies_are(shop, night):
    assert [one.provider for one in accounts.offers("NGN", 2000)] == ["paystack", "sandbox"]
    assert "paystack" not in [one.provider for one in accounts.offers("EUR", 2000)]


def test_fees_that_the_buyer_bears_are_not_too_much(shop, order):
    take(shop.pay(reference(), amount=2700, requested_amount=2000))
    assert (again(order).paid_cents, payments.owed_back(again(order))) == (2000, 0)


def test_event_case_23_what_a_webhook_says_is_not_believed(shop, order):
    body, _ = shop.pay(reference())
    shop.sales[reference()] |= {"amount": 1000, "requested_amount": 1000}
    lie = json.loads(body)
    lie["data"]["amount"] = 2000
    take(shop.told("charge.success", lie["data"]))
    assert (again(order).state, passes_of(order)) == ("paying", 0)
    assert "Only ₦10.00" in again(order).trouble


def test_money_in_another_currency_gives_nothing_and_goes_back_when_the_order_ends(shop, order, clock, at):
    take(shop.pay(reference(), currency="GHS"))
    assert passes_of(order) == 0
    orders.cancel(order.id, by=at("alice"))
    outgoing.send_due()
    (sent,) = shop.refunds
    assert (sent["amount"], sent["currency"], TicketRefund.get().reason) == (2000, "GHS", "foreign")


def test_money_that_comes_long_after_the_hold_is_taken_or_sent_back(shop, order, clock):
    clock.forward(hours=3)
    payments.look_after()
    assert again(order).state == "expired"
    take(shop.pay(reference()))
    assert (again(order).state, passes_of(order)) == ("paid", 1)  # its place was still free


def test_a_refund_is_followed_until_it_has_arrived(shop, order, at):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    outgoing.send_due()
    assert TicketRefund.get().state == "sent"
    assert payments.owed_back(again(order)) == 0
    take(shop.processed(shop.refunds[0]))
    assert (TicketRefund.get().state, again(order).refunded_cents) == ("succeeded", 2000)


def test_a_refund_whose_answer_was_lost_is_not_made_twice(shop, order, at):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    refund = TicketRefund.get()
    shop.refunds.append(
        {
            "id": 9,
            "status": "pending",
            "amount": 2000,
            "currency": "NGN",
            "merchant_note": refunding.mark(refund),
            "transaction": {"id": shop.sales[reference()]["id"], "reference": reference()},
        }
    )
    outgoing.send_due()
    assert len(shop.refunds) == 1
    assert (TicketRefund.get().state, TicketRefund.get().provider_refund_id) == ("sent", "9")


def test_what_it_refuses_for_good_is_said(shop, order, at):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    shop.sales[reference()]["amount"] = 1
    outgoing.send_due()
    assert TicketRefund.get().state == "failed"
    assert "more than what is left" in TicketRefund.get().error


def test_what_was_reversed_without_a_refund_is_told_beside_the_order(shop, order):
    take(shop.pay(reference()))
    shop.sales[reference()]["status"] = "reversed"
    write(PaymentAttempt.update(looked_at=None).execute)
    attempts.look(order.id)
    assert again(order).refunded_cents == 2000
    assert "₦20.00 went back at the provider" in again(order).trouble


def test_a_dispute_is_noticed_and_its_end_too(shop, order):
    take(shop.pay(reference()))
    take(shop.told("charge.dispute.create", {"id": 1, "transaction": {"reference": reference()}}))
    sale = shop.sales[reference()]
    for said, state in (
        ({"status": "awaiting-merchant-feedback", "resolution": None}, "open"),
        ({"status": "resolved", "resolution": "a word of next year"}, "open"),
        ({"status": "resolved", "resolution": "declined"}, "won"),
        ({"status": "resolved", "resolution": "auto-accepted"}, "lost"),
        ({"status": "resolved", "resolution": "merchant-accepted"}, "lost"),
    ):
        sale["dispute"] = [{"id": 1} | said]
        write(PaymentAttempt.update(looked_at=None).execute)
        attempts.look(order.id)
        assert TicketPayment.get().dispute == state
    assert passes_of(order) == 0


def test_a_dispute_of_a_part_takes_that_part(shop, order):
    take(shop.pay(reference()))
    said = {"status": "resolved", "resolution": "merchant-accepted", "refund_amount": 500}
    shop.sales[reference()]["dispute"] = [{"id": 1} | said]
    take(shop.told("charge.dispute.resolve", {"id": 1, "transaction": {"reference": reference()}} | said))
    assert (again(order).refunded_cents, passes_of(order)) == (500, 1)
    assert "₦5.00 went back at the provider" in again(order).trouble


@pytest.mark.parametrize("header", [{}, {"x-paystack-signature": ""}, {"X-Paystack-Signature": "ü"}])
def test_what_the_key_did_not_sign_is_refused(shop, order, header):
    body, _ = shop.pay(reference())
    with pytest.raises(BadSignature):
        attempts.take("paystack", "", body, header)
    body, headers = shop.told("charge.success", {})
    with pytest.raises(BadSignature):
        attempts.take("paystack", "", body + b" ", headers)
    assert not WebhookEvent.select().exists()


def test_one_that_is_not_paid_yet_waits(shop, order):
    attempts.look(order.id)
    assert again(order).state == "paying"
    shop.sales[reference()]["status"] = "failed"
    write(PaymentAttempt.update(looked_at=None).execute)
    attempts.look(order.id)
    assert again(order).state == "held"
