"""Faults of billing that were found by trying real payloads and stories, each as the kind it stands for."""

from datetime import timedelta

import pytest

from database.scope import inside
from domain.entitlements import grants
from domain.money import billing
from domain.money.providers import sandbox
from domain.money.providers.sandbox import engine
from tests.fixtures import billing as money
from tests.fixtures.billing import MONTHLY, YEARLY, payment_of, time_passes
from tests.fixtures.threads import write


@pytest.fixture
def shop(cast, clock, pay):
    """Acme's customer at the sandbox, bound and without a plan: what the dashboard can then sell to."""
    with inside(cast.acme):
        customer = billing._customer(cast.acme, cast.alice.email)
    pay.deliver()
    return customer


def plan(organization):
    with inside(organization):
        return grants.plan().key


# --- access -----------------------------------------------------------------------------------------------------


def test_billing_f01_a_period_renewed_ahead_and_left_isn_t_the_newest(cast, pay, clock):
    id = pay.subscribe()
    sandbox.renew(id)
    pay.deliver()
    time_passes(clock, days=1)
    engine.change(id, YEARLY, 1, behavior="always_invoice", payment="pending_if_incomplete")
    pay.deliver()
    assert plan(cast.acme) == "pro_yearly"
    sandbox.dispute(payment_of(id)["id"])
    pay.deliver()
    assert plan(cast.acme) == "free"


@pytest.mark.parametrize("days", [40, 363])
def test_billing_f09_a_failed_invoice_for_seats_leaves_what_was_paid(cast, pay, clock, days):
    with inside(cast.acme):
        id = sandbox.pay(billing.checkout("pro_yearly", by=pay.by).rsplit("/", 1)[1])["subscription"]
    pay.deliver()
    paid_until = money.access_until(cast.acme)
    time_passes(clock, days=days)
    engine.change_customer(sandbox.get(id)["customer"], card="declined")
    engine.change(id, YEARLY, 5, behavior="always_invoice")
    pay.deliver()
    assert money.row_of(cast.acme).status == "past_due"
    assert money.access_until(cast.acme) == max(paid_until, clock() + timedelta(days=7)).replace(microsecond=0)


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
    engine.change_customer(sandbox.get(id)["customer"], card="declined")
    engine.change(id, YEARLY, 1, behavior="always_invoice", payment="pending_if_incomplete")
    write(sandbox.void_invoice, sandbox.get(id)["pending"]["invoice"])
    if then == "lapses":
        time_passes(clock, days=2)
        assert sandbox.get(id)["pending"] is None
    else:
        engine.change(id, MONTHLY, 2, behavior="always_invoice", payment="pending_if_incomplete")
        assert sandbox.get(id)["pending"]["wanted"]["quantity"] == 2
    time_passes(clock, days=40)
    assert sandbox.next_due() is None or sandbox.next_due() > clock().timestamp()
