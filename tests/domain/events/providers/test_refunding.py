"""Money that goes back by a provider: once, followed until it has arrived, and noticed when it was made there."""

import pytest

from domain import Refused
from domain.base import outgoing
from domain.events import holds, orders, passes, payments, providers, refunds
from domain.events.providers import attempts, refunding
from domain.events.providers.facts import Refund
from domain.money.providers import sandbox
from domain.money.providers.provider import ProviderFailed
from models import OrderItem, Outgoing, PaymentAttempt, TicketPayment, TicketRefund
from tests.domain.events.providers.test_attempts import begun, page_of, paid, wire
from tests.domain.events.test_payments import again, paid_night, passes_of
from tests.domain.events.test_stock import ADA
from tests.fixtures.events import make_event
from tests.fixtures.threads import write

__all__ = ["paid", "paid_night"]


def send_refunds():
    outgoing.send_due()
    wire()


def test_event_case_14_late_money_without_a_place_goes_back_by_the_provider(paid_night, clock):
    event, tier = paid_night
    order = begun(event, tier)
    page = page_of(order)
    sandbox.pay_page(page)
    write(Outgoing.delete().where(Outgoing.kind == "sandbox_tickets").execute)
    clock.forward(hours=2)
    payments.look_after()
    assert again(order).state == "expired"
    for n in range(5):
        taken = holds.hold(event.id, {tier.id: 1})
        holds.say_who(taken.id, ADA | {"email": f"b{n}@example.org"})
    attempts.ask_open()
    send_refunds()
    (refund,) = TicketRefund.select()
    assert (refund.state, refund.reason, refund.amount_cents) == ("succeeded", "late", 2000)
    (at_provider,) = sandbox.find("refund")
    assert at_provider["amount"] == 2000
    order = again(order)
    assert (order.state, order.refunded_cents, payments.owed_back(order)) == ("expired", 2000, 0)
    assert payments.paid_for_nothing() == []


def test_a_cancelled_order_gives_its_money_back_once_whatever_is_sent_again(paid, at):
    orders.cancel(paid.id, by=at("alice"))
    row = Outgoing.get(Outgoing.kind == "ticket_refund")
    send_refunds()
    write(Outgoing.update(status="queued").where(Outgoing.id == row.id).execute)
    write(Outgoing.update(payload=row.payload).where(Outgoing.id == row.id).execute)
    send_refunds()
    assert [one["amount"] for one in sandbox.find("refund")] == [2000]
    assert TicketRefund.get().state == "succeeded"
    assert TicketPayment.get().refunded_cents == again(paid).refunded_cents == 2000


def test_a_refund_that_the_bank_sends_back_is_owed_again_and_sent_anew_the_next_day(paid, at, clock):
    orders.cancel(paid.id, by=at("alice"))
    send_refunds()
    (first,) = sandbox.find("refund")
    sandbox.fail_refund(first["id"])
    wire()
    assert (TicketRefund.get().state, again(paid).refunded_cents) == ("failed", 0)
    assert payments.owed_back(again(paid)) == 2000
    assert refunding.try_again() == 0
    clock.forward(days=1, minutes=1)
    assert refunding.try_again() == 1
    send_refunds()
    assert [one["status"] for one in sandbox.find("refund")] == ["succeeded", "failed"]
    assert (TicketRefund.get().state, again(paid).refunded_cents) == ("succeeded", 2000)
    assert refunding.try_again() == 0


@pytest.mark.parametrize("no", [ProviderFailed("The key may not refund.", asked=False), ValueError("No such unit.")])
def test_a_refund_that_the_provider_would_not_take_says_why_and_can_be_acted_on(paid, at, monkeypatch, no):
    def refused(*_):
        raise no

    orders.cancel(paid.id, by=at("alice"))
    with monkeypatch.context() as patched:
        patched.setattr(providers.module("sandbox"), "refund", refused)
        send_refunds()
    refund = TicketRefund.get()
    assert (refund.state, refund.error, refunds.is_stuck(refund)) == ("sent", str(no), True)
    refunds.send_again(refund.id, by=at("alice"))
    send_refunds()
    assert [one["amount"] for one in sandbox.find("refund")] == [2000]
    assert not refunds.is_stuck(TicketRefund.get())


def test_a_refund_whose_answer_was_lost_is_found_once_its_key_lapsed_and_not_made_twice(paid, at, clock, monkeypatch):
    stripe, made = providers.module("sandbox"), []

    def lost(*asked):
        made.append(stripe_refund(*asked))
        raise ProviderFailed("The answer was lost.", asked=True)

    stripe_refund = stripe.refund
    monkeypatch.setattr(stripe, "refund", lost)
    orders.cancel(paid.id, by=at("alice"))
    outgoing.send_due()
    write(Outgoing.delete().execute)  # neither its webhook came, nor is it tried within the day
    clock.forward(days=1, minutes=1)
    assert refunding.try_again() == 1
    outgoing.send_due()
    assert (len(made), TicketRefund.get().state) == (1, "succeeded")
    assert [one["amount"] for one in sandbox.find("refund")] == [2000]


def test_a_refund_that_fails_unheard_is_found_by_the_clock(paid, at, clock):
    orders.cancel(paid.id, by=at("alice"))
    send_refunds()
    clock.forward(days=6)
    sandbox.fail_refund(sandbox.find("refund")[0]["id"])
    write(Outgoing.delete().where(Outgoing.kind == "sandbox_tickets").execute)  # its webhook never comes
    assert attempts.ask_open() == 1
    assert (TicketRefund.get().state, payments.owed_back(again(paid))) == ("failed", 2000)
    assert attempts.ask_open() == 0


@pytest.fixture
def overtaken(paid_night, at):
    """A refund that failed, whose money another one has sent since: its id."""
    order = begun(*paid_night, count=3)
    sandbox.pay_page(page_of(order))
    wire()
    key = f"refund:{order.id}:double:1:2:0"
    first = write(refunds.send, again(order), TicketPayment.get(), 2000, "given back", key)
    write(refunds.move, first.id, "failed")
    write(Outgoing.delete().where(Outgoing.kind == "ticket_refund").execute)
    write(OrderItem.update(standing=1).execute)
    write(payments.settle, order.id)
    send_refunds()
    assert again(order).refunded_cents == 4000
    return first.id


def test_a_refund_that_failed_is_not_sent_once_another_one_sent_its_money(overtaken, at):
    refunds.send_again(overtaken, by=at("alice"))
    send_refunds()
    assert [one["amount"] for one in sandbox.find("refund")] == [4000]
    assert TicketRefund.get_by_id(overtaken).state == "declined"


def test_money_that_goes_back_at_the_provider_is_noticed(paid, at):
    payment = TicketPayment.get()
    sandbox.refund(payment.provider_payment_id, 500)
    wire()
    order = again(paid)
    assert (order.refunded_cents, order.state, passes_of(order)) == (500, "paid", 1)
    assert "€5.00 went back at the provider" in order.trouble
    orders.cancel(order.id, by=at("alice"))
    send_refunds()
    assert [one["amount"] for one in sandbox.find("refund")] == [1500, 500]
    assert again(paid).refunded_cents == 2000


@pytest.mark.parametrize("kept", [True, False])
def test_money_that_went_back_outside_and_failed_is_one_row_however_often_it_is_told(paid, kept, at):
    sandbox.refund(TicketPayment.get().provider_payment_id, 500)
    wire()
    (made,) = sandbox.find("refund")
    sandbox.fail_refund(made["id"])
    wire()
    if not kept:  # as rows were left before
        write(TicketRefund.update(provider_refund_id=None).execute)
    write(
        refunding.adopt,
        PaymentAttempt.get(),
        Refund(made["id"], TicketPayment.get().provider_payment_id, "failed", 500),
    )
    (refund,) = TicketRefund.select()
    assert (refund.state, refund.reason) == ("failed", refunds.OUTSIDE)
    with pytest.raises(Refused):
        refunds.send_again(refund.id, by=at("alice"))
    assert refund.provider_refund_id == (made["id"] if kept else None)


def test_one_refund_that_cannot_be_tried_again_leaves_the_others(paid, clock, monkeypatch):
    both = [write(refunds.send, paid, TicketPayment.get(), 500, "goodwill", f"goodwill:{n}") for n in range(2)]
    clock.forward(days=1, minutes=1)
    enqueue = outgoing.enqueue

    def failing(kind, key, payload):
        if payload["refund"] == both[0].id:
            raise RuntimeError("a bad row")
        return enqueue(kind, key, payload)

    monkeypatch.setattr(outgoing, "enqueue", failing)
    assert refunding.try_again() == 1
    asked = [TicketRefund.get_by_id(one.id).asked_at > one.asked_at for one in both]
    assert asked == [False, True]


def test_event_case_27_goodwill_is_a_refund_with_a_reason_and_leaves_the_order_whole(paid):
    write(refunds.send, paid, TicketPayment.get(), 500, "The lift was out of order", "goodwill:1")
    send_refunds()
    order = again(paid)
    assert (order.state, order.refunded_cents, passes_of(order), order.trouble) == ("paid", 500, 1, None)
    assert payments.owed_back(order) == 0
    assert TicketRefund.get().reason == "The lift was out of order"


def test_the_first_of_many_refunds_is_seen_to_fail(paid):
    payment = TicketPayment.get().provider_payment_id
    first, *_ = [sandbox.refund(payment, 100) for _ in range(12)]
    wire()
    assert TicketRefund.select().where(TicketRefund.state == "succeeded").count() == 12
    sandbox.fail_refund(first["id"])
    wire()
    assert TicketRefund.get(TicketRefund.provider_refund_id == first["id"]).state == "failed"
    assert again(paid).refunded_cents == 1100


def test_a_part_of_a_currency_with_three_places_goes_back_as_stripe_counts_it(clock, inside_acme, at):
    event, (tier,) = make_event(
        at("alice"), tickets=({"price_cents": "3.335"},), currency="KWD", transfer_about="IBAN", venue="Hall"
    )
    order = begun(event, tier, count=2)
    sandbox.pay_page(page_of(order))
    wire()
    orders.take_back(passes.of(order)[0].id, by=at("alice"))
    send_refunds()
    assert [one["amount"] for one in sandbox.find("refund")] == [3340]
    orders.cancel(order.id, by=at("alice"))
    send_refunds()
    assert (again(order).paid_cents, again(order).refunded_cents) == (6670, 6670)
    assert {one.state for one in TicketRefund.select()} == {"succeeded"}
