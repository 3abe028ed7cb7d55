"""The hard cases of billing by webhooks, each from the sandbox's signed event to our rows, letters and credits."""

import dataclasses
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import peewee
import pytest
import stripe as library

import jobs
from database.scope import everywhere, inside
from domain.base import configuration, notices, settings, stepup
from domain.entitlements import credit_standings, credits
from domain.money import billing, dunning, facts, inbox, pricing, providers, replays, silences, trials
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import PaymentReceived, ProviderFailed
from domain.money.providers.sandbox import selling, subscribing
from domain.organizations import organizations
from models import (
    TABLES,
    AuditEvent,
    Checkout,
    CreditEntry,
    Customer,
    Grant,
    Licence,
    Outgoing,
    Payment,
    Subscription,
    WebhookEvent,
)
from tests.fixtures import billing as money
from tests.fixtures.billing import MONTHLY, YEARLY, newest_invoice, payment_of, plan, time_passes
from tests.fixtures.threads import refused, together, write

DAY = 86400


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(library.HTTPClient, "_sleep_time_seconds", lambda *_, **__: 0)


def sent(kind="mail"):
    """How often each kind of word went out, or will."""
    return Counter(row.key.split(":")[0] for row in Outgoing.select().where(Outgoing.kind == kind))


def bell(user):
    jobs.run("outgoing")
    return [one.type.removeprefix("billing.") for one in notices.newest(user, limit=50)][::-1]


def statuses():
    return Counter(event.status for event in WebhookEvent.select())


def entries(organization):
    with inside(organization):
        return [entry.reason for entry in CreditEntry.select().order_by(CreditEntry.id)]


def of_type(events, *types):
    return [event for event in events if event["type"] in types]


def with_card(customer_id, card):
    write(sandbox.change_customer, customer_id, card=card)


def post(web, event, **headers):
    """Through the real route."""
    body, signed = sandbox.signed(event)
    return web.test_client().post("/webhooks/stripe", data=body, headers=signed | headers)


def counts():
    with everywhere("a test counts all rows"):
        return {t.__name__: t.select().count() for t in TABLES}


# --- 1 to 5: again, doubled, out of order -----------------------------------------------------------------------


def test_case_01_the_same_event_twice_or_days_later_works_once(cast, pay, clock):
    pay.subscribe()
    events = pay.events()
    pay.deliver(*events)
    before, said = trials.state(cast.acme), (sent(), sent("notification"), entries(cast.acme))
    pay.deliver(*events)
    time_passes(clock, days=29)
    pay.events()
    jobs.run("settled")
    pay.deliver(*events)
    time_passes(clock, days=70)
    pay.events()
    assert jobs.run("settled")  # the bodies are gone, the rows stay
    for event in events:
        assert pay.accept(event) is False
    assert inbox.work_off() == 0
    assert {e.attempts for e in WebhookEvent.select()} == {1}
    assert trials.state(cast.acme) == before
    assert entries(cast.acme) == said[2]
    assert sent("notification") <= said[1]


@pytest.mark.parametrize("once", [False, True], ids=["subscription", "for good"])
def test_case_02_many_events_of_one_purchase_are_one_purchase(cast, pay, clock, once):
    with inside(cast.acme):
        url = billing.checkout("pro_lifetime" if once else "pro_monthly", by=pay.by)
    sandbox.pay(url.rsplit("/", 1)[1])
    events = pay.events()
    speaking = {event["type"] for event in events}
    assert {"checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"} <= speaking
    assert once or {"invoice.paid", "invoice.payment_succeeded"} <= speaking
    for event in events:
        pay.deliver(event)
    assert money.payments(cast.acme) == [("paid", 24000 if once else 1200, 0)]
    with inside(cast.acme):
        assert Licence.select().count() == (1 if once else 0)
    assert entries(cast.acme) == ["reset"]
    assert sent() == {"billing.subscription_created": 1}
    assert bell(cast.alice) == ["subscription_created"]


@pytest.mark.parametrize("first", ["customer.subscription.updated", "invoice.paid", "payment_intent.succeeded"])
def test_case_03_whatever_comes_first_is_a_reason_to_look(cast, pay, clock, first):
    pay.subscribe()
    events = pay.events()
    pay.deliver(*of_type(events, first))
    if first != "payment_intent.succeeded":  # an invoice's intent has nothing to say of its own
        assert (plan(cast.acme), credit_standings.balance(cast.acme)[1] in (0, 1000)) == ("pro_monthly", True)
    pay.deliver(*reversed(events))
    assert money.subscriptions(cast.acme) == {money.row_of(cast.acme).provider_subscription_id: "active"}
    assert money.payments(cast.acme) == [("paid", 1200, 0)]
    assert credit_standings.balance(cast.acme) == (1000, 1000)
    assert statuses().keys() <= {"processed", "ignored"}


def test_case_04_two_deliveries_at_the_same_moment_make_one_of_each(cast, pay, clock):
    pay.subscribe()
    events = pay.events()

    def deliver(some):
        for event in some:
            pay.accept(event)
        while inbox.work_off():
            pass

    outcomes = together(*(lambda some=some: deliver(some) for some in (events, events[::-1], events, events[::-1])))
    assert refused(outcomes) == []
    pay.deliver(events[0])
    assert statuses().keys() <= {"processed", "ignored"}, [e.error for e in WebhookEvent.select()]
    with inside(cast.acme):
        assert (Subscription.select().count(), Payment.select().count(), Customer.select().count()) == (1, 1, 1)
        assert Grant.select().count() == len({grant.capability for grant in Grant.select()})
    assert entries(cast.acme) == ["reset"]
    assert sent() == {"billing.subscription_created": 1}


def test_case_05_a_stale_payload_is_only_a_reason_to_look(cast, pay, clock):
    id = pay.subscribe()
    stale = pay.events()
    clock.forward(days=3)
    sandbox.end(id)
    pay.deliver()
    assert money.subscriptions(cast.acme) == {id: "canceled"}
    pay.deliver(*stale)  # each says active
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "canceled"}, "free")


# --- 6 to 8: the route, the inbox, the work ------------------------------------------------------------------------


def test_case_06_what_fails_after_the_answer_is_worked_again(web, cast, pay, clock, monkeypatch):
    pay.subscribe()
    events = pay.events()
    with monkeypatch.context() as down:
        down.setattr(sandbox.stripe, "answer", lambda *_: (503, {}, "{}"))
        for event in events:
            assert post(web, event).status_code == 200
        jobs.work_off()
        assert statuses()["failed"]
        assert plan(cast.acme) == "free"
    for _ in range(len(events)):  # those of one subject wait for each other
        clock.forward(minutes=2)
        jobs.work_off()
    assert statuses().keys() <= {"processed", "ignored"}
    assert plan(cast.acme) == "pro_monthly"


def test_case_06_what_cannot_be_kept_is_not_answered_with_200(web, cast, pay, clock, monkeypatch):
    pay.subscribe()
    event = pay.events()[0]

    def full(*_, **__):
        raise peewee.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(inbox, "accept", full)
        assert post(web, event).status_code == 500  # so that the provider repeats it
    assert WebhookEvent.select().count() == 0
    assert post(web, event).status_code == 200
    assert WebhookEvent.select().count() == 1


def test_case_07_done_and_its_effects_are_one_commit(cast, pay, clock, monkeypatch):
    pay.subscribe()
    events = pay.events()
    with monkeypatch.context() as broken:
        broken.setattr(facts.changes, "record", lambda *_, **__: 1 / 0)  # the very last thing an effect does
        pay.deliver(*events)
        assert "processed" not in [e.status for e in WebhookEvent.select() if e.type.startswith("customer.subscr")]
        with inside(cast.acme):
            assert (Subscription.select().count(), Payment.select().count(), Grant.select().count()) == (0, 0, 0)
        assert entries(cast.acme) == []
        assert sent() == {}
    for _ in range(len(events)):
        clock.forward(minutes=2)
        while inbox.work_off():
            pass
    assert plan(cast.acme) == "pro_monthly"
    assert sent() == {"billing.subscription_created": 1}


def test_case_08_nothing_but_keeping_happens_in_the_request(web, cast, pay, clock, monkeypatch):
    pay.subscribe()
    events = pay.events()
    asked = []
    monkeypatch.setattr(sandbox.stripe, "answer", lambda *about: asked.append(about))
    before = counts()
    for event in events:
        assert post(web, event).status_code == 200
    after = counts()
    assert asked == []
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "WebhookEvent": len(events)
    }


# --- 9 to 13: buying -------------------------------------------------------------------------------------------------


def test_case_09_the_browser_is_back_before_the_webhook(web, cast, browse, pay, clock):
    with inside(cast.acme):
        url = billing.checkout("pro_monthly", by=pay.by)
    client = browse("alice")
    assert client.get("/acme/billing/return").status_code == 200
    assert plan(cast.acme) == "free"  # the address alone proves nothing
    sandbox.pay(url.rsplit("/", 1)[1])
    assert plan(cast.acme) == "free"
    assert client.get("/acme/billing/return").status_code in (200, 302, 303)
    with inside(cast.acme):
        billing.confirm(by=pay.by)
    assert plan(cast.acme) == "pro_monthly"
    before = trials.state(cast.acme)
    pay.deliver()
    assert trials.state(cast.acme) == before
    assert money.checkouts(cast.acme) == ["completed"]
    assert entries(cast.acme) == ["reset"]
    assert sent() == {"billing.subscription_created": 1}


@pytest.mark.parametrize("plan_key", ["pro_monthly", "pro_lifetime"])
@pytest.mark.parametrize("card", ["debit", "debit_fails"])
def test_case_10_a_slow_payment_gives_nothing_before_it_has_come(cast, pay, clock, plan_key, card):
    with inside(cast.acme):
        url = billing.checkout(plan_key, by=pay.by)
    sandbox.pay(url.rsplit("/", 1)[1], card)
    with inside(cast.acme):
        billing.confirm(by=pay.by)
    assert plan(cast.acme) == "free"
    for days in (0, 1, 1.9):
        time_passes(clock, days=days)
        pay.deliver()
        assert plan(cast.acme) == "free"
        assert credit_standings.balance(cast.acme) == (0, 0)
        assert sent() == {}
    time_passes(clock, days=1)
    pay.deliver()
    came = card == "debit"
    assert plan(cast.acme) == (plan_key if came else "free")
    assert credit_standings.balance(cast.acme) == ((1000, 1000) if came else (0, 0))
    assert money.what_is_wrong(cast.acme) == []
    assert sent()["billing.subscription_created"] == came


def test_case_10_a_bank_debit_on_its_way_has_not_failed_whoever_looks(cast, pay, clock):
    with inside(cast.acme):
        url = billing.checkout("pro_monthly", by=pay.by)
    sandbox.pay(url.rsplit("/", 1)[1], "debit")
    pay.deliver()
    time_passes(clock, days=1)
    assert jobs.run("reconciliation_night") == 1
    jobs.run("reconciliation")
    pay.deliver()
    assert money.payments(cast.acme) == []
    assert sent() == {}


def test_case_11_another_product_on_the_account_is_kept_and_no_alarm(web, cast, pay, clock, caplog):
    stranger = selling.create_customer(email="who@example.com", card="ok")
    money.sell_something_else()
    subscribing.subscribe(stranger["id"], money.SOMETHING_ELSE)
    for event in pay.events():
        assert post(web, event).status_code == 200
    jobs.work_off()
    assert statuses().keys() == {"ignored"}
    assert Outgoing.select().count() == 0
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    with everywhere("the test counts"):
        assert (Subscription.select().count(), Grant.select().count(), Customer.select().count()) == (0, 0, 0)
    # What says it is ours and isn't here is worth a word in the log.
    selling.create_customer(email="who@example.com", metadata={"organization": "gone"})
    pay.deliver()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"]


def test_case_12_the_customer_is_bound_before_anybody_can_pay(cast, pay, clock):
    with inside(cast.acme):
        url = billing.checkout("pro_monthly", by=pay.by)
        bound = [row.provider_customer_id for row in Customer.select()]
    assert bound == [sandbox.get(url.rsplit("/", 1)[1])["customer"]]


def test_case_12_an_invoice_whose_subscription_is_not_here_yet_waits_its_turn(cast, shop, pay, monkeypatch):
    pay.subscribe()
    events, read = pay.events(), stripe.facts
    paid, others = of_type(events, "invoice.paid"), [e for e in events if not e["type"].startswith("invoice.")]
    monkeypatch.setattr(stripe, "facts", lambda body: [f for f in read(body) if isinstance(f, PaymentReceived)])
    pay.deliver(*paid)
    assert statuses()["failed"] == 1
    monkeypatch.setattr(stripe, "facts", lambda body: read(body) if b'"invoice.paid"' not in body else read(body)[1:])
    pay.deliver(*others)  # and what waited for them is taken up again at once
    assert credit_standings.balance(cast.acme) == (1000, 1000)
    assert statuses()["failed"] == 0


def test_case_13_one_checkout_is_open_at_a_time(cast, pay, clock):
    with inside(cast.acme):
        first = billing.checkout("pro_monthly", by=pay.by)
        assert billing.checkout("pro_monthly", by=pay.by) == first
        other = billing.checkout("pro_yearly", by=pay.by)
    assert other != first
    assert sandbox.get(first.rsplit("/", 1)[1])["status"] == "expired"
    assert money.checkouts(cast.acme) == ["expired", "open"]
    assert sandbox.pay(first.rsplit("/", 1)[1])["subscription"] is None
    sandbox.pay(other.rsplit("/", 1)[1])
    with inside(cast.acme), pytest.raises(billing.HasSubscription):  # paid, and only its webhook late
        billing.checkout("pro_monthly", by=pay.by)
    pay.deliver()
    assert len(money.subscriptions(cast.acme)) == 1


@pytest.mark.parametrize("policy", ["end", "ask"])
def test_case_13_of_two_that_were_paid_the_later_is_ended_and_refunded(cast, shop, pay, clock, policy):
    settings.change("billing_second_subscription", policy, by=cast.stella)
    one, two = money.buy_at(shop, cast.acme), money.buy_at(shop, cast.acme)
    first = sandbox.pay(one)["subscription"]
    clock.forward(seconds=5)
    second = sandbox.pay(two)["subscription"]
    pay.settle()
    ends = policy == "end"
    assert money.subscriptions(cast.acme) == {first: "active", second: "canceled" if ends else "active"}
    assert sandbox.get(second)["status"] == ("canceled" if ends else "active")
    assert sorted(money.payments(cast.acme)) == [("paid", 1200, 0), ("paid", 1200, 1200 if ends else 0)]
    assert plan(cast.acme) == "pro_monthly"
    assert [n.title for n in notices.newest(cast.stella)] == ["Acme has two subscriptions"]
    assert len(sandbox.find("refund")) == (1 if ends else 0)
    pay.settle()
    assert len(sandbox.find("refund")) == (1 if ends else 0)


# --- 14 to 19: how subscriptions live and end -----------------------------------------------------------------------


@pytest.mark.parametrize("order", ["as they happened", "the end last"])
def test_case_14_the_end_of_an_old_one_takes_nothing_from_the_new(cast, shop, pay, clock, order):
    old = sandbox.pay(money.buy_at(shop, cast.acme))["subscription"]
    pay.settle()
    clock.forward(days=2)
    sandbox.end(old)
    ended = pay.events()
    clock.forward(minutes=1)
    new = sandbox.pay(money.buy_at(shop, cast.acme, YEARLY))["subscription"]
    began = pay.events()
    for batch in (ended, began) if order == "as they happened" else (began, ended):
        for event in batch:
            pay.accept(event)
            pay.settle()
    assert money.subscriptions(cast.acme) == {old: "canceled", new: "active"}
    assert sandbox.get(new)["status"] == "active"  # it never was one of two
    assert plan(cast.acme) == "pro_yearly"
    assert sandbox.find("refund") == []


def test_case_15_a_first_invoice_that_is_never_paid_gives_nothing_and_expires(cast, shop, pay, clock):
    with_card(shop, "declined")
    id = subscribing.subscribe(shop, MONTHLY, metadata={"organization": cast.acme.public_id})["id"]
    pay.deliver()
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "incomplete"}, "free")
    assert money.payments(cast.acme) == [("failed", 1200, 0)]
    time_passes(clock, hours=23)
    pay.deliver()
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "incomplete_expired"}, "free")
    assert money.payments(cast.acme) == [("void", 1200, 0)]
    assert entries(cast.acme) == []
    assert "billing.subscription_created" not in sent()
    with inside(cast.acme):
        assert billing.checkout("pro_monthly", by=pay.by)  # nothing stands in the way of another try


@pytest.mark.parametrize("paid", [True, False], ids=["paid at last", "left to lapse"])
def test_case_16_an_upgrade_holds_once_it_is_paid(cast, pay, clock, paid):
    id = pay.subscribe()
    pay.deliver()
    time_passes(clock, days=3)
    with_card(sandbox.get(id)["customer"], "declined")
    with inside(cast.acme):
        row = billing.change("pro_yearly", by=pay.by)
    assert (row.plan_key, row.pending_plan_key, row.status) == ("pro_monthly", "pro_yearly", "active")
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.plan_key, row.pending_plan_key, plan(cast.acme)) == ("pro_monthly", "pro_yearly", "pro_monthly")
    with inside(cast.acme):
        matter = dunning.open_matter()
    assert (matter.kind, matter.url) == ("change", row.unpaid_url)
    assert row.unpaid_url
    assert money.what_is_wrong(cast.acme) == []
    if paid:
        sandbox.pay_invoice(newest_invoice(id)["id"], "ok")
    else:
        time_passes(clock, hours=24)
    pay.deliver()
    row = money.row_of(cast.acme)
    expected = "pro_yearly" if paid else "pro_monthly"
    assert (row.plan_key, row.pending_plan_key, plan(cast.acme)) == (expected, None, expected)
    assert money.what_is_wrong(cast.acme) == []


def test_case_17_a_renewal_the_bank_wants_confirmed(cast, pay, clock, letters):
    id = pay.subscribe()
    pay.deliver()
    with_card(sandbox.get(id)["customer"], "confirm")
    time_passes(clock, days=31)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.status, plan(cast.acme)) == ("past_due", "pro_monthly")
    assert sent()["billing.payment_action"] == 1
    (letter,) = [text for _, subject, text in letters() if "confirm" in (subject + text).lower()]
    assert row.unpaid_url
    assert row.unpaid_url in letter
    with inside(cast.acme):
        assert dunning.open_matter().url == row.unpaid_url
    clock.forward(days=1)
    sandbox.pay_invoice(newest_invoice(id)["id"], confirmed=True)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.status, row.unpaid_url, plan(cast.acme)) == ("active", None, "pro_monthly")
    assert entries(cast.acme).count("reset") == 2
    with inside(cast.acme):
        assert dunning.open_matter() is None


@pytest.mark.parametrize("finally_", ["canceled", "unpaid", "past_due"])
def test_case_18_grace_then_rest_then_the_end(cast, pay, clock, finally_):
    sandbox.decide(finally_)
    id = pay.subscribe()
    pay.deliver()
    with_card(sandbox.get(id)["customer"], "declined")
    time_passes(clock, days=30)
    pay.deliver()
    due = money.row_of(cast.acme).unpaid_since_at
    assert due == datetime(2026, 7, 15, 12, tzinfo=UTC)
    heard = Counter()
    for _ in range(26):
        assert plan(cast.acme) == ("pro_monthly" if clock() < due + timedelta(days=7) else "free")
        jobs.run("dunning")
        time_passes(clock, days=1)
        pay.deliver()
        heard = sent()
    assert money.row_of(cast.acme).status == finally_
    assert plan(cast.acme) == "free"
    assert heard["billing.payment_failed"] == 1
    ended = finally_ == "canceled"
    assert (heard["billing.grace_over"], heard["billing.subscription_canceled"]) == ((0, 1) if ended else (1, 0))
    assert money.what_is_wrong(cast.acme) == []


def test_case_18_who_pays_in_between_wins(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    with_card(sandbox.get(id)["customer"], "declined")
    time_passes(clock, days=32)
    pay.deliver()
    late = pay.events()
    time_passes(clock, days=2)
    late += pay.events()  # a second failure, told only after the recovery
    sandbox.pay_invoice(newest_invoice(id)["id"], "ok")
    pay.deliver()
    pay.deliver(*late)
    time_passes(clock, days=5)
    jobs.run("dunning")
    assert (money.row_of(cast.acme).status, plan(cast.acme)) == ("active", "pro_monthly")
    assert "billing.grace_over" not in sent()


def test_case_19_cancelled_for_the_end_taken_back_and_ended_now(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    ends = money.row_of(cast.acme).current_period_end_at
    sandbox.schedule_end(id, True)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.cancel_at_period_end, row.cancel_at, plan(cast.acme)) == (True, ends, "pro_monthly")
    sandbox.schedule_end(id)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.cancel_at_period_end, row.cancel_at) == (False, None)
    soon = clock() + timedelta(days=10)
    sandbox.schedule_end(id, at=int(soon.timestamp()))
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.cancel_at, money.access_until(cast.acme)) == (soon, soon)
    time_passes(clock, days=9, hours=23)
    assert plan(cast.acme) == "pro_monthly"
    time_passes(clock, hours=2)
    assert plan(cast.acme) == "free"  # before any event says so
    pay.deliver()
    assert (money.row_of(cast.acme).status, plan(cast.acme)) == ("canceled", "free")


def test_case_19_cancelled_now_is_over_now(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    time_passes(clock, days=4)
    sandbox.end(id)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.status, row.ended_at, plan(cast.acme)) == ("canceled", clock(), "free")
    assert money.access_until(cast.acme) is None
    assert sent()["billing.subscription_canceled"] == 1


# --- 20 to 24: shapes, pauses, trials, little money -----------------------------------------------------------------


def test_case_20_the_version_is_pinned_by_the_library(pay, clock):
    assert library.StripeClient("sk_test_x").v1._requestor._options.stripe_version in (None, library.api_version)


def test_case_21_paused_collection_is_not_a_paused_subscription(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    paid_until = money.access_until(cast.acme)
    sandbox.pause(id, "void")
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.status, row.collection_paused, plan(cast.acme)) == ("active", True, "pro_monthly")
    assert money.access_until(cast.acme) == paid_until
    credits.spend(cast.acme, 400, key="some", feature="ai.text")
    time_passes(clock, days=31)  # a period begins that nobody pays
    pay.deliver()
    assert plan(cast.acme) == "free"
    assert money.access_until(cast.acme) is None
    assert credit_standings.balance(cast.acme) == (0, 0)
    assert ("void", 1200, 0) in money.payments(cast.acme)
    sandbox.pause(id, None)
    pay.deliver()
    assert money.row_of(cast.acme).collection_paused is False
    assert money.what_is_wrong(cast.acme) == []  # going on gives nothing for the month nobody paid


def test_case_21_a_trial_that_ends_without_a_card_may_pause(cast, shop, pay, clock):
    checkout = money.buy_at(shop, cast.acme, trial_days=7, needs_card=False, without_card="pause")
    id = sandbox.pay(checkout, None)["subscription"]
    pay.deliver()
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "trialing"}, "pro_monthly")
    time_passes(clock, days=7)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.status, row.collection_paused, plan(cast.acme)) == ("paused", False, "free")
    with_card(shop, "ok")
    write(subscribing.resume, id)
    pay.deliver()
    assert (money.row_of(cast.acme).status, plan(cast.acme)) == ("active", "pro_monthly")


def test_case_22_one_trial_its_reminder_and_its_end(cast, pay, clock, at):
    settings.change("billing_trial_days", 14, by=cast.stella)
    id = pay.subscribe()
    pay.deliver()
    row = money.row_of(cast.acme)
    ends = clock() + timedelta(days=14)
    assert (row.status, row.trial_ends_at, money.access_until(cast.acme)) == ("trialing", ends, ends)
    for _ in range(14):
        jobs.run("dunning")
        assert sent()["billing.trial_ending"] == (clock() >= ends - timedelta(days=3))
        time_passes(clock, days=1)
        pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.status, row.trial_ends_at, plan(cast.acme)) == ("active", ends, "pro_monthly")
    assert ("paid", 1200, 0) in money.payments(cast.acme)
    sandbox.end(id)
    pay.deliver()
    again = pay.subscribe()
    pay.deliver()
    assert money.row_of(cast.acme, again).status == "active"  # no second trial
    second = organizations.create("Second", by=cast.alice)
    with inside(second):
        assert billing.trial_days(organizations.reach(cast.alice, "second")) == 0  # nor for what she founds next
    with inside(cast.globex):
        assert billing.trial_days(at("charlie", "globex")) == 14


def test_case_22_the_next_trial_is_none_even_where_the_first_was_ended_at_once(cast, pay, clock):
    settings.change("billing_trial_days", 14, by=cast.stella)
    id = pay.subscribe()
    pay.deliver()
    sandbox.end(id)
    pay.deliver()
    assert plan(cast.acme) == "free"
    again = pay.subscribe()
    assert sandbox.get(again)["status"] == "active"


@pytest.mark.parametrize("credit", [-1200, -5000])
def test_case_23_an_invoice_of_nothing_is_paid_all_the_same(cast, shop, pay, clock, credit):
    write(sandbox.put, sandbox.get(shop) | {"balance": credit})
    id = sandbox.pay(money.buy_at(shop, cast.acme))["subscription"]
    assert sandbox.find("payment", newest_invoice(id)["id"]) == []
    pay.deliver()
    assert (plan(cast.acme), credit_standings.balance(cast.acme)) == ("pro_monthly", (1000, 1000))
    assert money.payments(cast.acme) == [("paid", 0, 0)]


def test_case_24_credits_come_with_a_period_never_with_a_proration(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    credits.spend(cast.acme, 700, key="some", feature="ai.text")
    time_passes(clock, days=5)
    subscribing.change(id, MONTHLY, 3, behavior="always_invoice")
    pay.deliver()
    assert len(money.payments(cast.acme)) == 2
    assert credit_standings.balance(cast.acme)[0] == 300
    time_passes(clock, days=26)
    events = pay.events()
    for event in (*events, *events):
        pay.deliver(event)
    assert credit_standings.balance(cast.acme) == (1000, 1000)
    with inside(cast.acme):
        keys = [e.idempotency_key for e in CreditEntry.select().where(CreditEntry.idempotency_key.startswith("inv"))]
        begun = [p.provider_payment_id for p in Payment.select() if p.period_start_at is not None]
    assert sorted(keys) == sorted(f"invoice:{id}" for id in begun)


def test_case_24_credits_of_a_month_that_is_over_are_not_given_late(cast, pay, clock):
    id = pay.subscribe()
    late = pay.events()
    time_passes(clock, days=3)
    sandbox.end(id)
    pay.deliver()
    time_passes(clock, days=20)
    jobs.run("credit_resets")
    pay.deliver(*late)
    assert (plan(cast.acme), credit_standings.balance(cast.acme)) == ("free", (0, 0))


# --- 25 to 28: money goes back --------------------------------------------------------------------------------------


def test_case_25_refunds_in_parts_are_a_running_total(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    payment = payment_of(id)["id"]
    sandbox.refund(payment, 300)
    first = pay.events()
    clock.forward(seconds=2)
    sandbox.refund(payment, 500)
    pay.deliver()
    pay.deliver(*first)  # late, and of less
    assert money.payments(cast.acme) == [("paid", 1200, 800)]
    assert (plan(cast.acme), credit_standings.balance(cast.acme)) == ("pro_monthly", (1000, 1000))
    assert sum(1 for key in Outgoing.select() if key.key.startswith("billing.payment_refunded")) == 1
    clock.forward(seconds=2)
    sandbox.refund(payment)
    pay.deliver()
    assert money.payments(cast.acme) == [("paid", 1200, 1200)]
    assert (plan(cast.acme), credit_standings.balance(cast.acme)[0]) == ("free", 0)


@pytest.mark.parametrize("plan_key", ["pro_monthly", "pro_lifetime"])
def test_case_26_a_refund_that_fails_gives_back_what_it_took(cast, pay, clock, plan_key):
    with inside(cast.acme):
        made = sandbox.pay(billing.checkout(plan_key, by=pay.by).rsplit("/", 1)[1])
    pay.deliver()
    payment = payment_of(sandbox.get(made["invoice"]))["id"]
    refund = sandbox.refund(payment)
    pay.deliver()
    assert (plan(cast.acme), credit_standings.balance(cast.acme)[0]) == ("free", 0)
    clock.forward(days=2)
    sandbox.fail_refund(refund["id"])
    failed = pay.events()
    for event in (*failed, *failed):
        pay.deliver(event)
    assert (plan(cast.acme), credit_standings.balance(cast.acme)[0]) == (plan_key, 1000)
    assert [p[2] for p in money.payments(cast.acme)] == [0]
    with inside(cast.acme):
        assert [licence.ended_at for licence in Licence.select()] == ([None] if plan_key == "pro_lifetime" else [])
    assert AuditEvent.select().where(AuditEvent.action == "billing.refund_undone").count() == 1
    access = AuditEvent.select().where(AuditEvent.action.startswith("billing.grant_")).order_by(AuditEvent.id)
    assert [one.action[14:] for one in access] == ["created", "revoked", "created"]
    assert "access has ended (refunded)" in access[1].summary


@pytest.mark.parametrize("plan_key", ["pro_monthly", "pro_lifetime"])
@pytest.mark.parametrize("won", [True, False])
def test_case_27_a_dispute_freezes_and_its_outcome_decides(cast, pay, clock, plan_key, won):
    with inside(cast.acme):
        made = sandbox.pay(billing.checkout(plan_key, by=pay.by).rsplit("/", 1)[1])
    pay.deliver()
    dispute = sandbox.dispute(payment_of(sandbox.get(made["invoice"]))["id"])
    opened = pay.events()
    assert all("customer" not in e["data"]["object"] for e in opened)  # it names none
    pay.deliver(*opened)
    assert (plan(cast.acme), credit_standings.balance(cast.acme)[0]) == ("free", 0)
    clock.forward(days=9)
    sandbox.settle_dispute(dispute["id"], won)
    pay.deliver()
    pay.deliver(*opened)
    assert (plan(cast.acme), credit_standings.balance(cast.acme)[0]) == ((plan_key, 1000) if won else ("free", 0))
    jobs.run("outgoing")
    titles = [n.title for n in notices.newest(cast.stella)]
    assert titles == [
        f"Acme {'lost a dispute: the money stays' if won else 'won a dispute'}",
        "Acme disputes a payment",
    ]


def test_case_28_what_is_done_in_the_dashboard_counts_as_well(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    asked = AuditEvent.select().where(AuditEvent.action.endswith("_requested")).count()
    sandbox.schedule_end(id, True)
    sandbox.refund(payment_of(id)["id"])
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.cancel_at_period_end, plan(cast.acme)) == (True, "free")
    sandbox.end(id)
    pay.deliver()
    assert money.row_of(cast.acme).status == "canceled"
    assert AuditEvent.select().where(AuditEvent.action.endswith("_requested")).count() == asked == 0
    assert {e.actor for e in AuditEvent.select().where(AuditEvent.action == "billing.subscription_updated")} == {None}


# --- 29 to 35: what else a provider can say ------------------------------------------------------------------------


@pytest.mark.parametrize("known_by", ["customer.subscription.created", "invoice.paid", "checkout.session.completed"])
def test_case_29_seats_are_read_whatever_tells_of_them(cast, shop, pay, clock, known_by):
    sandbox.pay(money.buy_at(shop, cast.acme, quantity=7))
    events = pay.events()
    pay.deliver(*of_type(events, known_by))
    assert money.row_of(cast.acme).quantity == 7
    pay.deliver(*events)
    assert money.payments(cast.acme) == [("paid", 7 * 1200, 0)]
    assert money.row_of(cast.acme).quantity == 7


def test_case_30_a_price_nobody_knows_keeps_what_there_is_and_is_told_once(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    strange = money.sell_something_else()
    subscribing.change(id, strange, 1, behavior="none")
    pay.deliver()
    clock.forward(days=1)
    sandbox.schedule_end(id, True)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.plan_key, row.provider_price_id, plan(cast.acme)) == ("pro_monthly", strange, "pro_monthly")
    assert row.cancel_at_period_end is True  # all else follows
    jobs.run("outgoing")
    assert [n.title for n in notices.newest(cast.stella)] == ["A subscription has a price that is no plan"]
    sandbox.schedule_end(id)
    subscribing.change(id, YEARLY, 1)
    pay.deliver()
    assert (money.row_of(cast.acme).plan_key, plan(cast.acme)) == ("pro_yearly", "pro_yearly")


def test_case_30_an_old_price_is_still_its_plan_after_it_was_replaced(cast, pay, clock, monkeypatch):
    pricing.remember_prices()
    pay.subscribe()
    on_sale = selling.prices()  # the old one is still there, for who has it
    monkeypatch.setattr(selling, "prices", lambda: on_sale)
    monkeypatch.setattr(sandbox.stripe, "PRICES", dict(sandbox.PRICES) | {"pro_monthly": "price_of_next_year"})
    assert billing.providers.plan_of(MONTHLY) is None
    pay.deliver()
    assert plan(cast.acme) == "pro_monthly"
    assert (money.row_of(cast.acme).plan_key, money.row_of(cast.acme).provider_price_id) == ("pro_monthly", MONTHLY)


@pytest.mark.parametrize("live", [True, False])
def test_case_31_real_money_and_tests_do_not_mix(cast, shop, pay, clock, live, monkeypatch):
    account = dataclasses.replace(sandbox.account(), live=live)
    monkeypatch.setattr(providers, "account", lambda: account)
    sandbox.pay(money.buy_at(shop, cast.acme))
    pay.deliver(*[event | {"livemode": not live} for event in pay.events()])
    kept = list(WebhookEvent.select().where(WebhookEvent.type == "customer.subscription.created"))
    assert [(e.status, bool(e.error), bool(e.payload)) for e in kept] == [("ignored", True, True)]
    assert plan(cast.acme) == "free"


def test_case_32_the_signature_is_of_the_raw_body_fresh_and_of_any_secret(web, cast, pay, clock):
    pay.subscribe()
    event = pay.events()[0]
    body, headers = sandbox.signed(event)

    def answered(body=body, secret=None, age=0, **more):
        told = library.WebhookSignature.generate_signature_header(
            body.decode(), secret or sandbox.secret(), timestamp=int(time.time()) - age
        )
        headers = {"Stripe-Signature": told} | more
        return web.test_client().post("/webhooks/stripe", data=body, headers=headers)

    assert json.dumps(json.loads(body)).encode() != body  # read and written anew it wouldn't fit
    foreign = {"Origin": "https://stripe.com", "Sec-Fetch-Site": "cross-site"}
    assert [answered(age=age).status_code for age in (290, 310)] == [200, 400]
    assert answered(secret="whsec_wrong").status_code == 400
    response = answered(**foreign)
    assert (response.status_code, response.headers.get("Location")) == (200, None)
    assert web.test_client().post("/webhooks/stripe", data=body + b" ", headers=headers).status_code == 400
    configuration.use(
        dataclasses.replace(
            configuration.active, billing_provider="stripe", payment_webhook_secrets=("whsec_new", "whsec_old")
        )
    )
    assert [answered(secret=s).status_code for s in ("whsec_new", "whsec_old", sandbox.secret())] == [200, 200, 400]
    assert WebhookEvent.select().count() == 1


def test_case_33_our_own_calls_repeated_do_nothing_twice(cast, shop, pay, clock):
    """The provider does what we ask and its answer is lost: the library asks again, with the same key."""
    id = pay.subscribe()
    pay.deliver()
    payment = newest_invoice(id)["id"]
    for _ in range(3):
        stripe.refund(payment, 500, "refund-1")
        stripe.create_customer(cast.acme, "alice@example.org", "customer-1")
    assert [refund["amount"] for refund in sandbox.find("refund")] == [500]
    assert len(sandbox.find("customer")) == 2
    before = len(sandbox.find("checkout"))
    with inside(cast.globex):
        by = organizations.reach(cast.charlie, "globex")
        sandbox.mischief("three", fail=0.5)
        try:
            urls = set()
            for _ in range(8):
                try:
                    urls.add(billing.checkout("pro_monthly", by=by))
                except ProviderFailed:
                    continue
        finally:
            sandbox.mischief(None)
    assert len(urls) == 1
    assert len(sandbox.find("checkout")) == before + 1
    assert len(sandbox.find("customer")) == 3


def test_case_33_the_end_of_a_double_is_asked_for_with_the_same_keys(cast, shop, pay, clock):
    sandbox.pay(money.buy_at(shop, cast.acme))
    clock.forward(seconds=5)
    second = sandbox.pay(money.buy_at(shop, cast.acme))["subscription"]
    pay.deliver()
    row = Outgoing.get(Outgoing.kind == "subscription_double")
    for _ in range(3):
        billing.end_double(row)
    assert sandbox.get(second)["status"] == "canceled"
    assert [refund["amount"] for refund in sandbox.find("refund")] == [1200]


def test_case_34_a_customer_who_is_deleted_there_keeps_a_history_here(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    customer = sandbox.get(id)["customer"]
    sandbox.delete_customer(customer)
    events = pay.events()
    pay.deliver(*reversed(events))
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "canceled"}, "free")
    assert money.payments(cast.acme) == [("paid", 1200, 0)]
    with inside(cast.acme):
        assert [row.deleted_at is not None for row in Customer.select()] == [True]
    clock.forward(minutes=1)
    again = pay.subscribe()  # a new customer takes its place
    pay.deliver()
    assert sandbox.get(again)["customer"] != customer
    assert plan(cast.acme) == "pro_monthly"
    pay.deliver(*events)
    assert money.subscriptions(cast.acme) == {id: "canceled", again: "active"}
    assert money.payments(cast.acme) == [("paid", 1200, 0)] * 2


def test_case_34_only_its_own_event_tells_that_a_customer_is_gone(cast, pay, clock):
    """The ends of its subscriptions got lost."""
    id = pay.subscribe()
    pay.deliver()
    clock.forward(days=1)
    sandbox.delete_customer(sandbox.get(id)["customer"])
    pay.deliver(*of_type(pay.events(), "customer.deleted"))
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "canceled"}, "free")


@pytest.mark.parametrize("kind", ["invoice.created", "invoice.finalized", "radar.early_fraud_warning.created", "x.y"])
def test_case_35_kinds_that_mean_nothing_to_us_are_answered_with_200(web, cast, pay, clock, kind):
    pay.subscribe()
    event = of_type(pay.events(), "invoice.paid")[0] | {"type": kind, "id": "evt_other"}
    event["data"]["object"] |= {"status": "draft"}
    assert post(web, event).status_code == 200
    jobs.work_off()
    assert statuses() == {"ignored": 1}
    with inside(cast.acme):
        assert Payment.select().count() == 0


# --- 36 to 38: after an outage, by hand, and letters ----------------------------------------------------------------


def test_case_36_events_that_could_not_be_delivered_are_fetched(cast, pay, clock):
    since = clock()
    id = pay.subscribe()
    pay.events()  # none arrives: the endpoint is down
    clock.forward(days=4)
    sandbox.refund(payment_of(id)["id"], 200)
    pay.events()
    assert plan(cast.acme) == "free"
    clock.forward(minutes=10)
    assert inbox.accept_missed(stripe.CHANNEL, stripe.missed(since)) > 5
    while inbox.work_off():
        pass
    assert plan(cast.acme) == "pro_monthly"
    assert money.payments(cast.acme) == [("paid", 1200, 200)]
    assert inbox.accept_missed(stripe.CHANNEL, stripe.missed(since)) == 0
    assert sent()["billing.subscription_created"] == 1


def test_case_36_what_no_event_told_the_nightly_comparison_finds(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    for event in sandbox.find("event"):
        sandbox.delivered(event["id"])
    clock.forward(days=1)
    sandbox.end(id)
    pay.events()
    for event in sandbox.find("event"):  # switched off meanwhile: it won't even be listed as missed
        sandbox.delivered(event["id"])
    assert plan(cast.acme) == "pro_monthly"
    assert jobs.run("reconciliation_night") is not None
    jobs.run("reconciliation")
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "canceled"}, "free")


def test_case_36_silence_is_told_to_the_admins(cast, pay, clock):
    pay.subscribe()
    pay.deliver()
    assert silences.silent_since() is None
    clock.forward(hours=73)
    assert silences.silent_since() is not None
    for _ in range(3):
        silences.watch_silence()
    jobs.run("outgoing")
    assert len(notices.newest(cast.stella)) == 1


def test_case_37_a_replay_by_hand_is_a_look_and_no_second_letter(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    letters, bells = sent(), sent("notification")
    for event in WebhookEvent.select():
        row, sentence = replays.replay(event.id, by=cast.stella)
        assert (row.status, sentence) == (event.status, "")
    assert (sent(), sent("notification"), entries(cast.acme)) == (letters, bells, ["reset"])
    clock.forward(days=1)
    sandbox.end(id)
    pay.events()
    created = WebhookEvent.get(WebhookEvent.type == "customer.subscription.created")
    replays.replay(created.id, by=cast.stella)  # what it says now counts, not what it said
    assert (money.subscriptions(cast.acme), plan(cast.acme)) == ({id: "canceled"}, "free")
    assert AuditEvent.select().where(AuditEvent.action == "system.webhook_replayed").count() > 1


def test_case_38_no_letter_without_its_cause_and_none_lost_with_it(cast, pay, clock, monkeypatch):
    pay.subscribe()
    events = pay.events()
    kept = inbox.facts.apply

    def apply(fact):
        kept(fact)
        raise RuntimeError("the power went")

    with monkeypatch.context() as broken:
        broken.setattr(facts, "apply", apply)
        pay.deliver(*events)
    assert (sent(), sent("notification")) == ({}, {})
    with monkeypatch.context() as broken:  # the letter is left, and sending it fails
        clock.forward(minutes=1)
        for _ in range(len(events)):
            clock.forward(minutes=1)
            while inbox.work_off():
                pass
        assert sent() == {"billing.subscription_created": 1}
        broken.setattr(jobs.outgoing, "_senders", {})
        jobs.run("outgoing")
    (letter,) = Outgoing.select().where(Outgoing.kind == "mail")
    assert (letter.status, letter.attempts) == ("queued", 1)
    clock.forward(minutes=1)
    jobs.run("outgoing")
    assert Outgoing.get_by_id(letter.id).status == "sent"
    assert bell(cast.alice) == ["subscription_created"]
    assert sent() == {"billing.subscription_created": 1}


# --- at the same moment ---------------------------------------------------------------------------------------------


def test_many_clicks_at_once_open_one_checkout_and_make_one_subscription(cast, pay, clock):
    def click():
        with inside(cast.acme):
            return billing.checkout("pro_monthly", by=organizations.reach(cast.alice, "acme"))

    urls = together(*[click] * 6)
    assert refused(urls) == []
    assert len(set(urls)) == 1
    assert money.checkouts(cast.acme) == ["open"]
    assert (len(sandbox.find("checkout")), len(sandbox.find("customer"))) == (1, 1)
    id = urls[0].rsplit("/", 1)[1]
    together(*[lambda: sandbox.pay(id)] * 4)
    pay.settle()
    assert len(sandbox.find("subscription")) == 1
    assert list(money.subscriptions(cast.acme).values()) == ["active"]
    assert money.checkouts(cast.acme) == ["completed"]


def test_a_click_that_came_between_asks_for_the_same_customer(cast, pay, monkeypatch):
    """It looked before the other's customer was noted, and went on after."""
    with inside(cast.acme):
        by = organizations.reach(cast.alice, "acme")
        first = billing.checkout("pro_monthly", by=by)
        write(Checkout.update(url=None, provider_checkout_id=None).execute)
        monkeypatch.setattr(billing.owners, "customer", lambda provider: None)
        assert billing.checkout("pro_monthly", by=by) == first
    assert len(sandbox.find("customer")) == 1


def test_clicks_for_different_plans_at_once_leave_one_that_can_be_paid(cast, pay, clock):
    def click(plan_key):
        with inside(cast.acme):
            return billing.checkout(plan_key, by=organizations.reach(cast.alice, "acme"))

    outcomes = together(*(lambda key=key: click(key) for key in ("pro_monthly", "pro_yearly") * 3))
    urls = [one for one in outcomes if isinstance(one, str)]
    assert urls
    assert {type(one).__name__ for one in refused(outcomes)} <= {"ProviderFailed", "HasSubscription"}
    assert money.checkouts(cast.acme).count("open") == 1
    for url in set(urls):
        try:
            sandbox.pay(url.rsplit("/", 1)[1])
        except sandbox.Impossible:
            continue
    pay.settle()
    standing = [one for one in sandbox.find("subscription") if one["status"] == "active"]
    assert len(standing) == 1
    assert Counter(money.subscriptions(cast.acme).values())["active"] == 1


def test_two_checkouts_paid_at_once_end_as_one_subscription_and_one_refund(cast, shop, pay, clock):
    ids = [money.buy_at(shop, cast.acme) for _ in range(2)]
    assert refused(together(*(lambda id=id: sandbox.pay(id) for id in ids))) == []
    events = pay.events()

    def take(some):
        for event in some:
            pay.accept(event)
        while inbox.work_off():
            pass

    assert refused(together(lambda: take(events), lambda: take(events[::-1]))) == []
    pay.settle()
    assert sorted(money.subscriptions(cast.acme).values()) == ["active", "canceled"]
    assert [refund["amount"] for refund in sandbox.find("refund")] == [1200]
    assert plan(cast.acme) == "pro_monthly"
    assert money.what_is_wrong(cast.acme) == []


def test_one_event_from_eight_threads_is_one(cast, pay, clock):
    pay.subscribe()
    (event,) = of_type(pay.events(), "checkout.session.completed")

    def take():
        made = pay.accept(event)
        while inbox.work_off():
            pass
        return made

    outcomes = together(*[take] * 8)
    assert sorted(outcomes) == [False] * 7 + [True]
    assert [e.status for e in WebhookEvent.select()] == ["processed"]
    assert money.payments(cast.acme) == [("paid", 1200, 0)]
    assert entries(cast.acme) == ["reset"]
    assert sent() == {"billing.subscription_created": 1}


def test_the_webhook_and_the_page_people_come_back_to_at_once(cast, pay, clock):
    pay.subscribe()
    events = pay.events()

    def webhook():
        for event in events:
            pay.accept(event)
        while inbox.work_off():
            pass

    def page():
        with inside(cast.acme):
            billing.confirm(by=organizations.reach(cast.alice, "acme"))

    assert refused(together(webhook, page, page)) == []
    pay.deliver(*events)
    assert money.checkouts(cast.acme) == ["completed"]
    assert money.payments(cast.acme) == [("paid", 1200, 0)]
    assert entries(cast.acme) == ["reset"]
    assert sent() == {"billing.subscription_created": 1}
    assert bell(cast.alice) == ["subscription_created"]


def test_a_cancellation_and_a_renewal_at_once_are_both_kept(cast, pay, clock, proven):
    id = pay.subscribe()
    pay.deliver()
    proven("alice", "billing.cancel", cast.acme.id)
    present = stepup.present.get()

    def cancel():
        stepup.present.set(present)
        with inside(cast.acme):
            billing.set_cancel_at_period_end(True, by=organizations.reach(cast.alice, "acme"))

    def renew():
        try:
            sandbox.renew(id)
        except sandbox.Impossible:  # the cancellation was first: there is nothing to renew
            return False
        return True

    cancelled, renewed = together(cancel, renew)
    assert cancelled is None
    pay.deliver()
    row = money.row_of(cast.acme)
    assert (row.status, row.cancel_at_period_end) == ("active", True)
    assert row.current_period_end_at.timestamp() == sandbox.get(id)["period_end"]
    assert len(money.payments(cast.acme)) == (2 if renewed else 1)
    assert money.access_until(cast.acme) == row.current_period_end_at
    assert money.what_is_wrong(cast.acme) == []


def test_every_case_has_a_test():
    import tests.domain.money.test_billing_cases as here

    numbers = {int(name[10:12]) for name in vars(here) if name.startswith("test_case_")}
    assert numbers == set(range(1, 39))
