"""Flutterwave v3, against a small server that answers as its documentation says."""

import dataclasses
import json

import pytest

from domain.base import configuration, outgoing
from domain.events import orders, payments, refunds
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
    made = ticket_shops.Flutterwave()
    with ticket_shops.opened(made) as transport:
        monkeypatch.setitem(accounts.TRANSPORTS, "flutterwave", transport)
        yield made


@pytest.fixture
def order(shop, paid_night):
    account = {"flutterwave": (ticket_shops.Flutterwave.KEY, (ticket_shops.Flutterwave.HASH,))}
    configuration.use(dataclasses.replace(configuration.active, ticket_accounts=account))
    event, tier = paid_night
    write(Event.update(currency="UGX").where(Event.id == event.id).execute)
    made = held(Event.get_by_id(event.id), tier)
    assert attempts.begin(made.id, "flutterwave").startswith("https://checkout.flutterwave.com/")
    return made


def reference():
    return PaymentAttempt.get().public_id


def take(told):
    attempts.take("flutterwave", "", *told)
    while inbox.work_off():
        pass


def test_a_sale_is_told_in_whole_shillings_and_its_page_ends_with_the_hold(shop, order):
    sale = shop.sales[reference()]
    assert (sale["amount"], sale["currency"]) == (2000, "UGX")
    assert 1 <= sale["session"] <= 30
    take(shop.pay(reference()))
    assert (again(order).state, passes_of(order), again(order).paid_cents) == ("paid", 1, 2000)


def test_a_webhook_in_the_words_of_v4_leads_to_the_same(shop, order):
    shop.pay(reference())
    take(shop.told_by_v4(reference()))
    assert again(order).state == "paid"


def test_a_webhook_about_what_nobody_paid_gives_nothing(shop, order):
    take(shop.told_by_v4(reference()))
    assert (again(order).state, passes_of(order)) == ("paying", 0)


def arrives(shop, order, status="completed-bank-transfer"):
    """Flutterwave pays out the refund, and is asked about it."""
    shop.refunds[-1]["status"] = status
    write(PaymentAttempt.update(looked_at=None).execute)
    attempts.look(order.id)


def test_a_refund_is_made_once_and_counted(shop, order, at):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    outgoing.send_due()
    assert [one["amount_refunded"] for one in shop.refunds] == [2000]
    assert (TicketRefund.get().state, payments.owed_back(again(order))) == ("sent", 0)
    arrives(shop, order)
    assert (TicketRefund.get().state, again(order).refunded_cents) == ("succeeded", 2000)
    arrives(shop, order)  # it tells no total, and what we know of stays
    assert (TicketPayment.get().refunded_cents, payments.owed_back(again(order))) == (2000, 0)


def test_a_word_about_a_refund_names_its_transaction_alone(shop, order, at):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    outgoing.send_due()
    for status, state in (("pending-momo", "sent"), ("completed-momo", "succeeded")):
        shop.refunds[-1]["status"] = status
        body = {"id": 89074, "AmountRefunded": 20, "status": status, "TransactionId": shop.refunds[-1]["tx_id"]}
        write(PaymentAttempt.update(looked_at=None).execute)
        take((json.dumps(body).encode(), {"verif-hash": shop.HASH}))
        assert TicketRefund.get().state == state


@pytest.mark.parametrize(
    ("status", "state"),
    [("pending-momo", "sent"), ("completed-momo", "succeeded"), ("failed", "failed"), ("of-next-year", "sent")],
)
def test_a_refund_has_arrived_once_it_is_said_how_and_is_owed_again_where_it_failed(shop, order, at, status, state):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    outgoing.send_due()
    arrives(shop, order, status)
    assert TicketRefund.get().state == state
    assert payments.owed_back(again(order)) == (2000 if state == "failed" else 0)


def test_a_chargeback_is_noticed_and_its_end_too(shop, order):
    take(shop.pay(reference()))
    other = {"id": 9999, "status": "lost", "amount": 5, "transaction_id": 1}
    shop.chargebacks.append(other | {"flw_ref": shop.sales[reference()]["flw_ref"]})  # of another transaction
    for status, state in (("initiated", "open"), ("declined", "open"), ("won", "won"), ("accepted", "lost")):
        write(PaymentAttempt.update(looked_at=None).execute)
        take(shop.charge_back(reference(), status))
        assert TicketPayment.get().dispute == state
    assert passes_of(order) == 0


@pytest.mark.parametrize("status", [400, 403, 404])
def test_where_chargebacks_arent_listed_who_pays_has_their_tickets(shop, order, status):
    shop.lists_no_chargebacks = status
    take(shop.pay(reference()))
    assert (again(order).state, passes_of(order), TicketPayment.get().dispute) == ("paid", 1, None)


def test_a_chargeback_of_a_part_takes_that_part(shop, order):
    take(shop.pay(reference()))
    write(PaymentAttempt.update(looked_at=None).execute)
    take(shop.charge_back(reference(), "lost", amount=500))
    assert (TicketPayment.get().dispute, TicketPayment.get().refunded_cents) == ("won", 500)


def test_a_refund_whose_answer_was_lost_is_left_to_a_person(shop, order, at, clock):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    shop.answers_not = 1
    outgoing.send_due()
    assert (len(shop.refunds), TicketRefund.get().state, TicketRefund.get().error) == (1, "sent", refunds.DOUBT)
    clock.forward(days=2)
    assert refunding.try_again() == 0
    outgoing.send_due()
    assert len(shop.refunds) == 1
    payments.note_sent_back(TicketRefund.get().id, by=at("alice"))
    assert (TicketRefund.get().state, again(order).refunded_cents) == ("succeeded", 2000)


def test_a_refund_that_we_were_cut_off_from_is_left_to_a_person_until_they_send_it_again(shop, order, at):
    take(shop.pay(reference()))
    orders.cancel(order.id, by=at("alice"))
    write(TicketRefund.update(state="sent").execute)  # and then the server died
    outgoing.send_due()
    assert (shop.refunds, TicketRefund.get().error) == ([], refunds.DOUBT)
    refunds.send_again(TicketRefund.get().id, by=at("alice"))
    outgoing.send_due()
    assert (len(shop.refunds), TicketRefund.get().state) == (1, "sent")


@pytest.mark.parametrize(
    "headers", [{}, {"verif-hash": "another"}, {"flutterwave-signature": "our-secret-hash"}, {"verif-hash": "ü"}]
)
def test_what_has_neither_hash_nor_signature_is_refused(shop, order, headers):
    body, _ = shop.told_by_v4(reference())
    with pytest.raises(BadSignature):
        attempts.take("flutterwave", "", body, headers)
    assert not WebhookEvent.select().exists()
