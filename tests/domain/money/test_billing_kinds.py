"""Faults of billing that were found by trying real payloads and stories, each as the kind it stands for."""

from datetime import timedelta

import pytest

import jobs
from database.scope import inside
from domain.entitlements import credit_standings, credits
from domain.money import billing, facts
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import (
    CannotDo,
    CustomerChanged,
    DisputeClosed,
    DisputeOpened,
    ProviderFailed,
    seats_after_plan,
)
from domain.money.providers.sandbox import selling, subscribing
from models import AuditEvent, Customer, Dispute, Licence, Membership, Payment
from tests.fixtures import billing as money
from tests.fixtures.billing import MONTHLY, YEARLY, payment_of, plan, time_passes
from tests.fixtures.threads import write

# --- access -----------------------------------------------------------------------------------------------------


def test_billing_f01_a_period_renewed_ahead_and_left_isn_t_the_newest(cast, pay, clock):
    id = pay.subscribe()
    sandbox.renew(id)
    pay.deliver()
    time_passes(clock, days=1)
    subscribing.change(id, YEARLY, 1, behavior="always_invoice", payment="pending_if_incomplete")
    pay.deliver()
    assert (plan(cast.acme), credit_standings.balance(cast.acme)) == ("pro_yearly", (1000, 1000))
    sandbox.dispute(payment_of(id)["id"])
    pay.deliver()
    assert (plan(cast.acme), credit_standings.balance(cast.acme)) == ("free", (0, 0))


# --- credits ----------------------------------------------------------------------------------------------------


def spend_all(organization, key):
    balance, _ = credit_standings.balance(organization)
    if balance:
        credits.spend(organization, balance, key=key, feature="ai.text")
    return balance


def test_billing_f03_changing_to_and_fro_brings_no_credits(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    spent = spend_all(cast.acme, "first")
    for number in range(6):
        time_passes(clock, minutes=5)
        price = (YEARLY, MONTHLY)[number % 2]
        subscribing.change(id, price, 1, behavior="always_invoice", payment="pending_if_incomplete")
        pay.deliver()
        assert plan(cast.acme) == ("pro_yearly", "pro_monthly")[number % 2]
        spent += spend_all(cast.acme, f"change {number}")
    assert spent == 1000


@pytest.mark.parametrize("plan_key", ["pro_monthly", "pro_yearly", "pro_lifetime"])
@pytest.mark.parametrize("way", ["refund", "dispute"])
def test_billing_f03_what_was_taken_back_and_stands_again_brings_no_more_than_was_left(cast, pay, clock, plan_key, way):
    with inside(cast.acme):
        made = sandbox.pay(billing.checkout(plan_key, by=pay.by).rsplit("/", 1)[1])
    pay.deliver()
    credits.spend(cast.acme, 400, key="some", feature="ai.text")
    payment = payment_of(sandbox.get(made["invoice"]))["id"]
    back = getattr(sandbox, way)(payment)
    pay.deliver()
    assert credit_standings.balance(cast.acme) == (0, 0)
    time_passes(clock, days=2)
    sandbox.fail_refund(back["id"]) if way == "refund" else sandbox.settle_dispute(back["id"], True)
    pay.deliver()
    assert credit_standings.balance(cast.acme) == (600, 1000)


def test_billing_f03_a_month_taken_back_over_the_turn_of_the_month_goes_on(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    spend_all(cast.acme, "all")
    refund = sandbox.refund(payment_of(id)["id"])
    time_passes(clock, days=20)  # it is July by now
    pay.deliver()
    jobs.run("credit_resets")
    sandbox.fail_refund(refund["id"])
    pay.deliver()
    assert (plan(cast.acme), credit_standings.balance(cast.acme)) == ("pro_monthly", (0, 1000))


@pytest.mark.parametrize(("plan_key", "months", "brought"), [("pro_monthly", 4, 4), ("pro_yearly", 14, 15)])
def test_billing_f04_each_period_has_one_source_of_credits(cast, pay, clock, plan_key, months, brought):
    with inside(cast.acme):
        sandbox.pay(billing.checkout(plan_key, by=pay.by).rsplit("/", 1)[1])
    spent = 0
    for day in range(months * 30):
        pay.deliver()
        jobs.run("credit_resets")
        spent += spend_all(cast.acme, f"day {day}")
        time_passes(clock, days=1)
    assert spent == brought * 1000


def test_billing_f04_credits_of_a_plan_end_with_it(cast, pay, clock):
    id = pay.subscribe()
    sandbox.schedule_end(id, True)
    pay.deliver()
    time_passes(clock, days=31)
    assert credit_standings.balance(cast.acme) == (0, 0)
    jobs.run("credit_resets")
    assert credit_standings.balance(cast.acme) == (0, 0)


# --- access, once more -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [40, 363])
def test_billing_f09_a_failed_invoice_for_seats_leaves_what_was_paid(cast, pay, clock, days):
    with inside(cast.acme):
        id = sandbox.pay(billing.checkout("pro_yearly", by=pay.by).rsplit("/", 1)[1])["subscription"]
    pay.deliver()
    paid_until = money.access_until(cast.acme)
    time_passes(clock, days=days)
    selling.change_customer(sandbox.get(id)["customer"], card="declined")
    subscribing.change(id, YEARLY, 5, behavior="always_invoice")
    pay.deliver()
    assert money.row_of(cast.acme).status == "past_due"
    assert money.access_until(cast.acme) == max(paid_until, clock() + timedelta(days=7)).replace(microsecond=0)


@pytest.mark.parametrize("was_paid", [True, False])
def test_a_debit_that_fails_behind_a_newer_invoice_brings_no_period(cast, pay, clock, was_paid):
    with inside(cast.acme):
        checkout = billing.checkout("pro_monthly", by=pay.by).rsplit("/", 1)[1]
        id = sandbox.pay(checkout, "ok" if was_paid else "debit_fails")["subscription"]
    pay.deliver()
    paid_until = money.access_until(cast.acme)
    if was_paid:
        selling.change_customer(sandbox.get(id)["customer"], card="debit_fails")
        time_passes(clock, days=31)
    selling.change_customer(sandbox.get(id)["customer"], card="declined")
    subscribing.change(id, MONTHLY, 5, behavior="always_invoice", payment="pending_if_incomplete")
    pay.deliver()
    time_passes(clock, days=4)
    pay.deliver()
    assert money.row_of(cast.acme).status == "active"  # so says Stripe: by the newest invoice, which only waits
    assert money.access_until(cast.acme) == (paid_until + timedelta(days=7) if was_paid else None)


@pytest.mark.parametrize("way", [sandbox.end, sandbox.delete_customer])
def test_billing_f11_an_end_is_an_end_whatever_brought_it(cast, pay, clock, way):
    id = pay.subscribe()
    pay.deliver()
    sandbox.renew(id, paid=False)
    sandbox.schedule_end(id, at=int(clock().timestamp()) + 9 * 86400)
    pay.deliver()
    row = money.row_of(cast.acme)
    assert None not in (row.unpaid_url, row.cancel_at, row.unpaid_since_at)
    way(id if way is sandbox.end else sandbox.get(id)["customer"])
    told = "customer.subscription.deleted" if way is sandbox.end else "customer.deleted"
    pay.deliver(*[event for event in pay.events() if event["type"] == told])
    row = money.row_of(cast.acme)
    assert (row.status, row.ended_at is None) == ("canceled", False)
    assert [row.unpaid_url, row.cancel_at, row.unpaid_since_at, row.pending_plan_key] == [None] * 4


@pytest.mark.parametrize("then", ["lapses", "changes again"])
def test_billing_f16_the_clock_goes_on_after_the_invoice_of_a_waiting_change_was_voided(pay, clock, then):
    id = pay.subscribe()
    selling.change_customer(sandbox.get(id)["customer"], card="declined")
    subscribing.change(id, YEARLY, 1, behavior="always_invoice", payment="pending_if_incomplete")
    write(sandbox.void_invoice, sandbox.get(id)["pending"]["invoice"])
    if then == "lapses":
        time_passes(clock, days=2)
        assert sandbox.get(id)["pending"] is None
    else:
        subscribing.change(id, MONTHLY, 2, behavior="always_invoice", payment="pending_if_incomplete")
        assert sandbox.get(id)["pending"]["wanted"]["quantity"] == 2
    time_passes(clock, days=40)
    assert sandbox.next_due() is None or sandbox.next_due() > clock().timestamp()


# --- what we ask ------------------------------------------------------------------------------------------------


def test_billing_f08_a_checkout_whose_answer_was_lost_is_asked_again_by_anybody(cast, pay, at, monkeypatch):
    asked = stripe.checkout

    def lost(*args):
        asked(*args)
        raise ProviderFailed("no answer")

    with inside(cast.acme):
        monkeypatch.setattr(stripe, "checkout", lost)
        with pytest.raises(ProviderFailed):
            billing.checkout("pro_monthly", by=pay.by)
        monkeypatch.setattr(stripe, "checkout", asked)
        write(
            Membership.update(role="owner")
            .where(Membership.user == cast.bob, Membership.organization == cast.acme)
            .execute
        )
        url = billing.checkout("pro_monthly", by=at("bob"))
    opened = sandbox.find("checkout")
    assert [one["id"] for one in opened] == [url.rsplit("/", 1)[1]]  # one, not two
    assert opened[0]["carried"]["user"] == cast.alice.public_id  # who began it


def test_billing_f08_another_wish_never_meets_the_answer_to_the_first(cast, pay):
    with inside(cast.acme):
        billing._customer(cast.acme, "one@example.org")
        write(Customer.delete().execute)  # the answer was lost
        billing._customer(cast.acme, "two@example.org")
    assert len(sandbox.find("customer")) == 2


@pytest.mark.parametrize("failed", [ProviderFailed("cut off", asked=True), "seats"])
def test_a_change_that_may_have_been_made_is_noted_before_the_error_is_told(cast, pay, monkeypatch, failed):
    pay.subscribe()
    pay.deliver()
    asked = stripe.change

    def half(*args):
        asked(*args)
        with seats_after_plan():
            raise failed if isinstance(failed, ProviderFailed) else CannotDo("They are sold out.")

    monkeypatch.setattr(stripe, "change", half)
    with inside(cast.acme), pytest.raises((ProviderFailed, CannotDo)):
        billing.change("pro_yearly", by=pay.by)
    noted = AuditEvent.get(AuditEvent.action == "billing.change_requested")
    assert (noted.result, noted.actor) == ("failure", cast.alice)
    assert money.row_of(cast.acme).plan_key == "pro_yearly"


def test_a_change_that_was_refused_is_not_noted(cast, pay, monkeypatch):
    def refused(*_):
        raise ProviderFailed("no", asked=False)

    pay.subscribe()
    pay.deliver()
    monkeypatch.setattr(stripe, "change", refused)
    with inside(cast.acme), pytest.raises(ProviderFailed):
        billing.change("pro_yearly", by=pay.by)
    assert not AuditEvent.select().where(AuditEvent.action == "billing.change_requested").exists()


# --- the same rows in any order ---------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["dp_1", "dp_2"])
@pytest.mark.parametrize(("one", "other", "stands"), [(True, True, "won"), (True, False, "lost"), (True, None, "open")])
def test_billing_f12_two_disputes_of_a_payment_are_two(cast, customer, tell, bill, clock, last, one, other, stands):
    tell()
    bill()
    outcomes = {"dp_1": one, "dp_2": other}
    order = sorted(outcomes, key=lambda id: id == last)
    for after, id in enumerate((*order, *order)):
        about = {"provider": "stripe", "customer_id": "cus_1", "payment_id": "in_1", "id": id}
        about |= {"happened_at": clock() + timedelta(seconds=after), "event_id": f"evt_{id}_{after}"}
        if after < 2:
            write(facts.apply, DisputeOpened(**about))
        elif outcomes[id] is not None:
            write(facts.apply, DisputeClosed(**about, won=outcomes[id]))
    with inside(cast.acme):
        assert Payment.get().dispute == stands
        assert {row.provider_dispute_id: row.state for row in Dispute.select()} == {
            id: {True: "won", False: "lost", None: "open"}[won] for id, won in outcomes.items()
        }
    assert plan(cast.acme) == ("pro_monthly" if stands == "won" else "free")


@pytest.mark.parametrize("first", ["cus_1", "cus_2"])
def test_billing_f12_two_customers_of_an_organization_are_two(cast, clock, first):
    for after, id in enumerate(sorted(["cus_1", "cus_2"], key=lambda id: id != first)):
        about = {"provider": "stripe", "happened_at": clock() + timedelta(seconds=after), "event_id": f"evt_{id}"}
        told = CustomerChanged(**about, customer_id=id, email=f"{id}@example.org", organization=cast.acme.public_id)
        write(facts.apply, told)
    with inside(cast.acme):
        held = {row.provider_customer_id: row.email for row in Customer.select()}
    assert held == {"cus_1": "cus_1@example.org", "cus_2": "cus_2@example.org"}


def test_a_licence_says_why_it_ended_as_its_payment_stands_now(cast, pay, clock):
    with inside(cast.acme):
        made = sandbox.pay(billing.checkout("pro_lifetime", by=pay.by).rsplit("/", 1)[1])
    dispute = sandbox.dispute(payment_of(sandbox.get(made["invoice"]))["id"])
    pay.deliver()
    sandbox.settle_dispute(dispute["id"], False)
    pay.deliver()
    with inside(cast.acme):
        assert Licence.get().end_reason == "dispute lost"
