"""Lost events of what began long ago: each night asks for what isn't settled, at any age."""

import pytest

import jobs
from database.scope import inside
from domain.entitlements import grants
from domain.money import billing, comparisons, owners
from domain.money.providers import sandbox, stripe
from domain.money.providers.sandbox import invoicing
from models import Checkout, Customer, Licence, Payment
from tests.fixtures import billing as money
from tests.fixtures.billing import newest_invoice, payment_of, time_passes
from tests.fixtures.threads import write


@pytest.fixture
def nights(pay, clock, monkeypatch):
    """Days go by with their nights; what the provider posts is lost, also for its list of what it couldn't deliver."""
    monkeypatch.setattr(stripe, "missed", lambda since: iter(()))

    def pass_by(days):
        for _ in range(days):
            time_passes(clock, days=1)
            pay.events()
            jobs.run("reconciliation_night")
            jobs.run("reconciliation")

    return pass_by


def plan(organization):
    with inside(organization):
        return grants.plan().key


def bought(pay, plan_key, card="ok"):
    with inside(pay.by.organization):
        return sandbox.pay(billing.checkout(plan_key, by=pay.by).rsplit("/", 1)[1], card)


def test_billing_f02_a_dispute_that_is_won_after_weeks_thaws(cast, pay, nights):
    made = bought(pay, "pro_yearly")
    dispute = sandbox.dispute(payment_of(made["subscription"])["id"])
    pay.deliver()
    nights(20)
    assert plan(cast.acme) == "free"
    sandbox.settle_dispute(dispute["id"], True)
    nights(1)
    assert plan(cast.acme) == "pro_yearly"
    assert list(comparisons.unsettled_payments("stripe")) == []


def test_billing_f02_a_bank_debit_that_settles_late_brings_its_licence(cast, pay, clock, nights, monkeypatch):
    monkeypatch.setattr(invoicing, "DEBIT_TAKES", 20 * 86400)
    bought(pay, "pro_lifetime", "debit")
    pay.deliver()
    with inside(cast.acme):
        assert (Checkout.get().status, Checkout.get().settled_at) == ("completed", None)
    nights(19)
    assert plan(cast.acme) == "free"
    nights(3)
    assert plan(cast.acme) == "pro_lifetime"
    with inside(cast.acme):
        assert Licence.select().count() == 1
    assert list(comparisons.unsettled_checkouts("stripe")) == []


def test_billing_f02_a_bank_debit_that_fails_late_is_asked_for_no_more(cast, pay, nights, monkeypatch):
    monkeypatch.setattr(invoicing, "DEBIT_TAKES", 20 * 86400)
    bought(pay, "pro_lifetime", "debit_fails")
    pay.deliver()
    nights(22)
    assert (plan(cast.acme), list(comparisons.unsettled_checkouts("stripe"))) == ("free", [])


@pytest.mark.parametrize(("card", "status"), [("debit", "paid"), ("debit_fails", "failed")])
def test_billing_f02_a_debit_for_an_invoice_that_settles_after_weeks_has_its_row(
    cast, pay, clock, nights, monkeypatch, card, status
):
    monkeypatch.setattr(invoicing, "DEBIT_TAKES", 20 * 86400)
    id = bought(pay, "pro_yearly", card)["subscription"]
    pay.deliver()
    sandbox.end(id)  # it isn't listed among what runs any more
    nights(19)
    assert money.payments(cast.acme) == []
    nights(3)
    assert [paid for paid, *_ in money.payments(cast.acme)] == [status]


def test_billing_f02_a_refund_that_fails_after_days_gives_the_plan_back(cast, pay, nights):
    made = bought(pay, "pro_yearly")
    pay.deliver()
    nights(60)
    refund = sandbox.refund(payment_of(made["subscription"])["id"])
    pay.deliver()
    nights(6)
    assert plan(cast.acme) == "free"
    sandbox.fail_refund(refund["id"])
    nights(1)
    assert plan(cast.acme) == "pro_yearly"


def test_billing_f02_an_invoice_that_is_paid_after_weeks_is_paid(cast, pay, clock, nights, monkeypatch):
    id = pay.subscribe()
    sandbox.change_customer(sandbox.get(id)["customer"], card="declined")
    time_passes(clock, days=32)
    pay.deliver()
    open_invoice = newest_invoice(id)["id"]
    sandbox.end(id)
    pay.deliver()
    nights(25)
    assert money.payments(cast.acme)[-1][0] == "failed"
    sandbox.pay_invoice(open_invoice, "ok")
    nights(1)
    assert money.payments(cast.acme)[-1][0] == "paid"


def test_what_is_settled_is_not_asked_for(cast, pay, clock, nights, monkeypatch):
    for plan_key in ("pro_yearly", "pro_lifetime"):
        bought(pay, plan_key)
        pay.deliver()
    with inside(cast.acme):
        assert Payment.select().count() == 2
    assert (list(comparisons.unsettled_payments("stripe")), list(comparisons.unsettled_checkouts("stripe"))) == ([], [])


def test_a_customer_that_was_deleted_unheard_is_found_by_the_night(cast, pay, nights):
    made = bought(pay, "pro_monthly")
    pay.deliver()
    customer = sandbox.get(made["subscription"])["customer"]
    nights(1)
    with inside(cast.acme):
        assert Customer.get(Customer.provider_customer_id == customer).deleted_at is None
    sandbox.delete_customer(customer)
    nights(1)
    assert plan(cast.acme) == "free"
    with inside(cast.acme):
        assert Customer.get(Customer.provider_customer_id == customer).deleted_at
        assert owners.customer("stripe") is None  # the next checkout makes another
    assert list(comparisons.idle_customers("stripe")) == []


def test_of_very_many_idle_customers_some_are_asked_for_each_night(cast, clock, monkeypatch, inside_acme):
    monkeypatch.setattr(comparisons, "BATCH", 3)
    for number in range(8):
        write(
            Customer.create,
            provider="stripe",
            provider_customer_id=f"cus_{number}",
            organization=cast.acme,
            email="a@example.org",
        )
    asked = []
    for _ in range(3):
        tonight = comparisons.idle_customers("stripe")
        assert 0 < len(tonight) <= 3
        asked += tonight
        clock.forward(days=1)
    assert sorted(asked) == [f"cus_{number}" for number in range(8)]
