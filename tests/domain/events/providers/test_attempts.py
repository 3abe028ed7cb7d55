"""Paying with a provider, from the first press to passes: the sandbox plays Stripe Checkout, over its real API."""

import json
import sys
import threading
from datetime import timedelta

import pytest
import requests

from database.clock import now
from domain import Refused
from domain.base import configuration, outgoing, settings
from domain.events import holds, orders, payments, providers, stock
from domain.events.providers import accounts, attempts
from domain.money import inbox, silences
from domain.money.providers import sandbox
from domain.money.providers.provider import BadSignature, NotOurs
from domain.money.providers.sandbox import stripe
from domain.money.providers.sandbox.stripe import telling
from domain.money.providers.stripe import asking, reading
from domain.money.providers.stripe import wire as wire_of_stripe
from models import (
    AuditEvent,
    Outgoing,
    Pass,
    PaymentAttempt,
    SandboxObject,
    TicketOrder,
    TicketPayment,
    TicketRefund,
    WebhookEvent,
)
from tests.domain.events.test_payments import again, paid_night, passes_of
from tests.domain.events.test_stock import ADA, figures
from tests.fixtures.threads import write

__all__ = ["paid_night"]


def wire(times=1):
    """Carry what the sandbox tells to the inbox, as its webhooks do, and work it off."""
    rows = list(Outgoing.select().where(Outgoing.kind == "sandbox_tickets").order_by(Outgoing.id))
    for row in rows:
        body, headers = stripe.signed(row.payload, sandbox.tickets_secret())
        for _ in range(times):
            attempts.take("sandbox", "", body, headers)
    write(Outgoing.delete().where(Outgoing.kind == "sandbox_tickets").execute)
    while inbox.work_off():
        pass


def page_of(order):
    """The sandbox's page that the order's open attempt is paid on."""
    return PaymentAttempt.get(PaymentAttempt.order == order, PaymentAttempt.state == "open").reference


def held(event, tier, count=1):
    order = holds.hold(event.id, {tier.id: count})
    holds.say_who(order.id, ADA)
    return order


def begun(event, tier, count=1):
    order = held(event, tier, count)
    attempts.begin(order.id, "sandbox")
    return order


@pytest.fixture
def paid(paid_night):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    wire()
    return again(order)


def test_a_buyer_pays_and_the_webhook_gives_the_passes_however_often_it_comes(paid_night, letters):
    order = begun(*paid_night, count=2)
    assert again(order).state == "paying"
    sandbox.pay_page(page_of(order))
    assert passes_of(order) == 0  # paying there proves nothing here
    wire(times=3)
    for one in sandbox.find("event", fate="unasked"):  # an endpoint may as well be told of everything
        attempts.take("sandbox", "", *stripe.signed(one["payload"], sandbox.tickets_secret()))
    while inbox.work_off():
        pass
    order = again(order)
    assert (order.state, order.paid_cents, passes_of(order)) == ("paid", 4000, 2)
    (payment,) = TicketPayment.select()
    assert (payment.provider, payment.amount_cents, payment.currency) == ("sandbox", 4000, "EUR")
    assert PaymentAttempt.get().state == "succeeded"
    assert {event.status for event in WebhookEvent.select()} == {"processed", "ignored"}
    assert [subject for _, subject, _ in letters()] == ["Your tickets for Jazz Night"]
    assert stock.check(order.event_id) == []


def test_event_case_15_a_repeat_of_what_failed_is_worked_off(paid_night, monkeypatch):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    told = [row.payload for row in Outgoing.select().where(Outgoing.kind == "sandbox_tickets")]
    with monkeypatch.context() as broken:
        broken.setattr(payments, "settle", lambda id, **more: 1 / 0)
        wire()
    assert (again(order).state, passes_of(order)) == ("paying", 0)
    for payload in told:
        attempts.take("sandbox", "", *stripe.signed(payload, sandbox.tickets_secret()))
    while inbox.work_off():
        pass
    assert (again(order).state, passes_of(order)) == ("paid", 1)
    assert stock.check(order.event_id) == []


def test_a_buyer_who_comes_back_before_the_webhook_is_looked_after(paid_night, clock):
    order = begun(*paid_night)
    attempts.look(order.id)
    assert again(order).state == "paying"  # coming back proves nothing either
    clock.forward(seconds=10)
    sandbox.pay_page(page_of(order))
    attempts.look(order.id)
    assert (again(order).state, passes_of(order)) == ("paid", 1)


def test_event_case_12_pressing_again_is_the_same_page_and_one_charge(paid_night):
    order = held(*paid_night)
    pages = {attempts.begin(order.id, "sandbox") for _ in range(3)}
    assert len(pages) == 1
    assert SandboxObject.select().where(SandboxObject.kind == "checkout").count() == 1


def test_event_case_17_tickets_are_held_longer_than_the_page_may_be_paid(paid_night):
    order = begun(*paid_night)
    expires = sandbox.get(page_of(order))["expires"]
    assert 0 < again(order).hold_until_at.timestamp() - expires <= 300
    assert expires == int(PaymentAttempt.get().expires_at.timestamp())


def test_going_back_ends_the_page_before_the_tickets_can_be_paid_another_way(paid_night, clock):
    order = begun(*paid_night)
    page, before = page_of(order), again(order).hold_until_at
    attempts.go_back(order.id)
    assert sandbox.get(page)["status"] == "expired"
    assert PaymentAttempt.get().state in ("expired", "abandoned")
    order = again(order)
    assert order.state == "held"
    assert order.hold_until_at < before
    attempts.begin(order.id, "sandbox")
    assert page_of(order) != page


def test_going_back_from_a_page_that_is_paid_gives_the_tickets(paid_night):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    attempts.go_back(order.id)
    assert (again(order).state, passes_of(order)) == ("paid", 1)


def test_an_order_is_not_held_for_ever_by_beginning_to_pay_it(paid_night):
    order = held(*paid_night)
    for _ in range(attempts.TRIES):
        attempts.begin(order.id, "sandbox")
        attempts.go_back(order.id)
    with pytest.raises(Refused, match="many tries"):
        attempts.begin(order.id, "sandbox")


def test_a_transfer_that_is_promised_anew_after_another_way_holds_the_tickets_no_longer(paid_night, clock):
    order = held(*paid_night)
    until = payments.promise_transfer(order.id).hold_until_at
    clock.forward(days=2)
    attempts.begin(order.id, "sandbox")
    attempts.go_back(order.id)
    assert payments.promise_transfer(order.id).hold_until_at == until


def test_who_paid_while_the_server_was_away_is_found_by_the_clock(paid_night, clock):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    write(Outgoing.delete().where(Outgoing.kind == "sandbox_tickets").execute)  # none of its webhooks arrive
    clock.forward(minutes=6)
    assert attempts.ask_open() == 1
    assert (again(order).state, passes_of(order)) == ("paid", 1)
    assert attempts.ask_open() == 0


def test_money_on_a_page_that_was_left_and_could_not_be_closed_is_found_by_the_clock(paid_night, clock, monkeypatch):
    order = begun(*paid_night)
    page = page_of(order)
    monkeypatch.setattr(providers.module("sandbox"), "end", lambda *_: None)  # as Paystack, which has no such call
    attempts.go_back(order.id)
    sandbox.pay_page(page)
    write(Outgoing.delete().where(Outgoing.kind == "sandbox_tickets").execute)
    clock.forward(hours=2)
    attempts.ask_open()
    assert again(order).state == "paid" or again(order).refunded_cents


def test_one_payment_that_can_not_be_asked_about_keeps_no_other(paid_night, clock, monkeypatch):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    clock.forward(minutes=6)
    monkeypatch.setattr(attempts, "_follow", lambda attempt: 1 / 0)
    assert attempts.ask_open() == 1
    assert attempts.ask_open() == 0  # it has its turn again later


def test_a_dispute_is_flagged_and_ends_the_passes_only_once_it_is_lost(paid, at):
    payment = TicketPayment.get()
    dispute = sandbox.dispute(payment.provider_payment_id)
    wire()
    assert (TicketPayment.get().dispute, passes_of(paid)) == ("open", 1)
    assert "disputes €20.00" in again(paid).trouble
    sandbox.settle_dispute(dispute["id"], False)
    wire()
    assert (TicketPayment.get().dispute, passes_of(paid)) == ("lost", 0)
    assert Pass.get().void_reason == "dispute"
    wire()
    (noted,) = AuditEvent.select().where(AuditEvent.action == "pass.voided")
    assert noted.summary == f"1 pass of order {paid.number}: the bank took the money back"
    orders.cancel(paid.id, by=at("alice"))
    assert not TicketRefund.select().exists()  # the bank has it already


def test_a_question_of_a_bank_is_no_dispute_and_a_refund_answers_it(paid, at, monkeypatch):
    sandbox.dispute(TicketPayment.get().provider_payment_id)
    shown = stripe.objects.render_dispute
    monkeypatch.setitem(
        stripe.objects.SHOWN, "disputes", lambda thing: shown(thing) | {"status": "warning_needs_response"}
    )
    wire()
    assert (TicketPayment.get().dispute, again(paid).trouble) == (None, None)
    orders.cancel(paid.id, by=at("alice"))
    assert TicketRefund.get().amount_cents == 2000


@pytest.mark.parametrize(("disputed", "good"), [(2000, 3), (5900, 0)])
def test_a_lost_dispute_of_a_part_takes_that_part_and_of_nearly_all_takes_all(paid_night, at, disputed, good):
    order = begun(*paid_night, count=3)
    sandbox.pay_page(page_of(order))
    wire()
    dispute = sandbox.dispute(TicketPayment.get().provider_payment_id)
    write(sandbox.put, dispute | {"amount": disputed})
    sandbox.settle_dispute(dispute["id"], False)
    wire()
    assert passes_of(order) == good
    assert again(order).trouble.startswith("€20.00 went back" if good else "The buyer’s bank took back €60.00")
    orders.cancel(order.id, by=at("alice"))
    assert [refund.amount_cents for refund in TicketRefund.select()] == ([4000] if good else [])


def test_a_dispute_that_ends_unheard_is_found_by_the_clock(paid, clock):
    dispute = sandbox.dispute(TicketPayment.get().provider_payment_id)
    wire()
    clock.forward(days=20)
    sandbox.settle_dispute(dispute["id"], False)
    write(Outgoing.delete().where(Outgoing.kind == "sandbox_tickets").execute)  # its webhook never comes
    assert attempts.ask_open() == 1
    assert (TicketPayment.get().dispute, passes_of(paid)) == ("lost", 0)
    clock.forward(days=2)
    assert attempts.ask_open() == 0


def test_a_try_that_was_cut_off_is_begun_anew_once_it_is_too_old_for_the_provider(paid_night, clock, monkeypatch):
    order, module = held(*paid_night), providers.module("sandbox")

    def dies(*_):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(module, "start", dies)
        with pytest.raises(SystemExit):
            attempts.begin(order.id, "sandbox")
    clock.forward(minutes=3)
    assert attempts.begin(order.id, "sandbox").endswith(page_of(order))
    assert [one.state for one in PaymentAttempt.select().order_by(PaymentAttempt.id)] == ["failed", "open"]


def test_passes_are_suspended_while_a_bank_looks_where_the_site_says_so(paid, cast):
    settings.change("tickets_disputed", "suspend", by=cast.stella)
    dispute = sandbox.dispute(TicketPayment.get().provider_payment_id)
    wire()
    assert Pass.get().state == "suspended"
    sandbox.settle_dispute(dispute["id"], True)
    wire()
    assert (Pass.get().state, again(paid).trouble) == ("active", None)


def test_a_sale_of_tickets_is_nothing_to_the_plans_of_the_same_account_and_nothing_is_asked_about_it(
    paid_night, at, clock, monkeypatch
):
    """Its refunds neither, be they ours or made by hand: a hot sale would be thousands of questions."""
    asked = []
    called = wire_of_stripe.called
    monkeypatch.setattr(wire_of_stripe, "called", lambda *about: asked.append(about) or called(*about))
    ours, by_hand = begun(*paid_night), begun(*paid_night)
    for order in (ours, by_hand):
        sandbox.pay_page(page_of(order))
    wire()
    orders.cancel(ours.id, by=at("alice"))
    wire()
    sandbox.refund(TicketPayment.get(TicketPayment.order == by_hand.id).provider_payment_id)
    told = [one["payload"] for one in sandbox.find("event")]
    assert {one["type"] for one in told} >= {
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.refunded",
    }
    asked.clear()
    assert [reading.facts(json.dumps(one).encode()) for one in told] == [[]] * len(told)
    assert asked == []
    assert not reading.is_of_tickets({"object": "subscription", "metadata": {"refund": "as our site says"}})
    assert [fact for page in asking.list_since(now() - timedelta(days=1)) for fact in page] == []
    assert len(asked) == 4, "the lists of bills, purchases, refunds and disputes"
    clock.forward(minutes=10)
    assert silences.fetch_missed() == 1, "a refund by hand doesn't say what it is of"
    while inbox.work_off():
        pass
    rows = WebhookEvent.select().where(WebhookEvent.channel == "billing_stripe")
    assert [row.status for row in rows] == ["ignored"]


def test_only_what_the_account_signed_is_kept(paid_night):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    row = Outgoing.get(Outgoing.kind == "sandbox_tickets")
    body, headers = stripe.signed(row.payload, sandbox.secret())  # billing's secret is another one
    with pytest.raises(BadSignature):
        attempts.take("sandbox", "", body, headers)
    with pytest.raises(NotOurs):
        attempts.take("sandbox", "another-account", body, headers)
    assert not WebhookEvent.select().exists()


def test_the_sandbox_tells_of_several_at_once_and_again_of_what_was_not_taken(paid_night, monkeypatch):
    """As a provider does: one after the other, the webhooks of a hot sale came when it was over."""
    buyers = [begun(*paid_night) for _ in range(3)]
    for order in buyers:
        sandbox.pay_page(page_of(order))
    told = [one["id"] for one in sandbox.find("event", type="checkout.session.completed")]
    at_once, lost = threading.Barrier(len(told), timeout=10), told[1]

    class Taken:
        def raise_for_status(self):
            pass

    def post(wire, address, body, headers, timeout):
        assert address == f"http://127.0.0.1:{configuration.active.port}/webhooks/tickets/sandbox"
        if at_once:
            at_once.wait()
        if json.loads(body)["id"] == lost:
            raise requests.ConnectionError
        attempts.take("sandbox", "", body, headers)
        return Taken()

    monkeypatch.setattr(requests.Session, "post", post)
    with monkeypatch.context() as dying:
        dying.setattr(sandbox, "delivered", lambda *told: sys.exit())
        with pytest.raises(SystemExit):
            outgoing.send_due()
    assert Outgoing.select().where(Outgoing.kind == "sandbox_tickets", Outgoing.status == "queued").count() == 3
    outgoing.send_due()  # what wasn't noted is told again
    waits = Outgoing.get(Outgoing.kind == "sandbox_tickets", Outgoing.status == "queued")
    assert (waits.subject, waits.error, waits.attempts) == (lost, "this server doesn't listen", 0)
    assert [one["id"] for one in sandbox.find("event", delivered=False)] == [lost]
    at_once, lost = None, ""
    write(Outgoing.update(next_attempt_at=now()).execute)
    outgoing.send_due()
    assert not sandbox.find("event", delivered=False)
    while inbox.work_off():
        pass
    assert [again(order).state for order in buyers] == ["paid"] * 3


def test_the_sandbox_tells_of_tickets_what_was_asked_for_and_nothing_else(paid_night):
    """As an endpoint at Stripe is told what it chose: of each sale the checkout, and not the charge and the payment."""
    sandbox.pay_page(page_of(begun(*paid_night)))
    told = {row.payload["type"] for row in Outgoing.select().where(Outgoing.kind == "sandbox_tickets")}
    assert told == {"checkout.session.completed"}
    unasked = sandbox.find("event", fate="unasked", delivered=True)
    assert {one["type"] for one in unasked} == {"charge.succeeded", "payment_intent.succeeded"}
    kinds = {name for happened in telling.TOLD.values() for name, _ in happened}
    read = providers.module("stripe").KINDS & kinds
    assert {*filter(lambda name: telling.is_asked(name, "tickets"), kinds)} >= read > {"refund.created"}
    assert all(telling.is_asked(name, None) for name in kinds)


def test_a_provider_that_fails_charges_nothing_and_is_tried_again(paid_night):
    order = held(*paid_night)
    sandbox.mischief("seed", fail=1.0)
    with pytest.raises(attempts.Unreachable):
        attempts.begin(order.id, "sandbox")
    sandbox.mischief(None)
    assert attempts.begin(order.id, "sandbox")
    assert figures(order.event) == [(1, 0)]
    assert SandboxObject.select().where(SandboxObject.kind == "checkout").count() == 1


def test_what_is_paid_by_a_redirect_alone_is_nothing(paid_night):
    order = begun(*paid_night)
    with pytest.raises(Refused):
        payments.take_free(order.id)
    attempts.look(order.id)
    assert (again(order).paid_cents, passes_of(order)) == (0, 0)


def test_a_currency_that_no_provider_takes_is_not_offered(paid_night):
    assert [offer.provider for offer in accounts.offers("EUR", 2000)] == ["sandbox"]
    assert accounts.offers("UGX", 2000) == []
    assert accounts.offers("KWD", 5124) == []


def test_a_look_from_before_the_last_one_changes_nothing(paid):
    from dataclasses import replace

    from domain.money import facts

    attempt = PaymentAttempt.get()
    old = attempts.asked(attempt)
    sandbox.refund(TicketPayment.get().provider_payment_id, 500)
    wire()
    write(facts.apply, replace(old, asked_at=attempt.created_at))
    assert again(paid).refunded_cents == 500


def test_event_case_15_a_webhook_that_failed_is_worked_off_when_it_comes_again(paid_night):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    rows = list(Outgoing.select().where(Outgoing.kind == "sandbox_tickets"))
    sandbox.mischief("seed", fail=1.0)  # the provider can't be asked
    wire()
    assert again(order).state == "paying"
    assert "failed" in {event.status for event in WebhookEvent.select()}
    sandbox.mischief(None)
    for row in rows:
        attempts.take("sandbox", "", *stripe.signed(row.payload, sandbox.tickets_secret()))
    while inbox.work_off():
        pass
    assert (again(order).state, passes_of(order)) == ("paid", 1)


def test_a_look_that_was_not_answered_is_no_look_and_is_asked_for_again_in_some_minutes(paid_night, clock, monkeypatch):
    order = begun(*paid_night)
    sandbox.pay_page(page_of(order))
    clock.forward(minutes=3)
    asked = attempts.asked(PaymentAttempt.get())  # before the other one, and adopted after it
    clock.forward(seconds=5)
    with monkeypatch.context() as patched:
        patched.setattr(attempts, "_follow", lambda attempt: False)
        assert (attempts.ask_open(), attempts.ask_open()) == (1, 0)
    assert PaymentAttempt.get().looked_at is None
    write(attempts.adopt, asked, None)
    assert (again(order).state, PaymentAttempt.get().put_off_at) == ("paid", None)


def test_an_offer_of_twelve_hours_is_no_shorter_for_having_tried_to_pay(paid_night, clock):
    order = held(*paid_night)
    offer = again(order).hold_until_at + timedelta(hours=12)
    write(TicketOrder.update(hold_until_at=offer).execute)
    attempts.begin(order.id, "sandbox")
    assert again(order).hold_until_at == offer
    attempts.go_back(order.id)
    assert (again(order).state, again(order).hold_until_at) == ("held", offer)
    payments.promise_transfer(order.id)
    assert again(order).hold_until_at >= offer
