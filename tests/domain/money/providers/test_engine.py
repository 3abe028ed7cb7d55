import itertools
from datetime import UTC, datetime, timedelta

import pytest
import stripe as library

from database.transactions import writes
from domain import NotFound
from domain.money.providers import sandbox
from domain.money.providers.sandbox import engine, selling, subscribing
from models import Outgoing, SandboxObject

DAY = 86400
MONTHLY, YEARLY, LIFETIME = sandbox.PRICES.values()
BACK = {"success_url": "http://localhost/back?c={CHECKOUT_SESSION_ID}", "cancel_url": "http://localhost/no"}


@pytest.fixture(autouse=True)
def _at_noon(house, clock):
    """A house without people, on a morning in June."""


@pytest.fixture
def told():
    """`told()`: the types of the events since the last time, in order."""

    def types():
        rows = list(Outgoing.select().where(Outgoing.kind == "sandbox_webhook").order_by(Outgoing.id))
        writes(Outgoing.delete().where(Outgoing.kind == "sandbox_webhook").execute)()
        return [row.payload["type"] for row in rows]

    return types


def buyer(card="ok"):
    return selling.create_customer(email="alice@example.org", card=card)["id"]


def subscribed(price=MONTHLY, card="ok", **more):
    return subscribing.subscribe(buyer(card), price, **more)["id"]


def bought(card="ok", price=MONTHLY, confirmed=False, **more):
    made = engine.open_checkout(buyer(None), price, once=price == LIFETIME, **BACK | more)
    return sandbox.pay(made["id"], card, confirmed)


def newest(id):
    return sandbox.get(sandbox.get(id)["latest_invoice"])


def payment(invoice):
    (found,) = sandbox.find("payment", invoice["id"])
    return found


def status(id):
    return sandbox.get(id)["status"]


# --- checkouts ----------------------------------------------------------------------------------------------------


def test_a_checkout_that_is_paid_starts_a_subscription_and_tells_all_of_it(told):
    held = bought()
    subscription = sandbox.get(held["subscription"])
    assert (held["status"], held["paid"], subscription["status"]) == ("complete", True, "active")
    assert subscription["period_end"] == selling.later(subscription["period_start"], "month")
    invoice = newest(held["subscription"])
    assert (invoice["status"], invoice["due"], invoice["paid"], invoice["reason"]) == ("paid", 1200, 1200, "create")
    assert told() == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]


def test_paying_a_checkout_twice_is_once(told):
    held = bought()
    told()
    assert sandbox.pay(held["id"]) == held
    assert (told(), len(sandbox.subscriptions())) == ([], 1)


def test_a_declined_card_leaves_the_checkout_open():
    made = engine.open_checkout(buyer(None), MONTHLY, once=False, **BACK)
    with pytest.raises(sandbox.Declined) as refused:
        sandbox.pay(made["id"], "declined")
    assert refused.value.why == "card_declined"
    with pytest.raises(sandbox.Declined) as refused:
        sandbox.pay(made["id"], "confirm")
    assert refused.value.why == "authentication_required"
    with pytest.raises(sandbox.Impossible):
        sandbox.pay(made["id"], None)
    with pytest.raises(sandbox.Impossible):
        sandbox.pay(made["id"], "gold")
    assert (status(made["id"]), sandbox.subscriptions()) == ("open", [])
    assert sandbox.pay(made["id"], "confirm", confirmed=True)["paid"]


def test_a_slow_bank_debit_completes_the_checkout_unpaid_and_pays_later(told):
    held = bought("debit")
    assert (held["status"], held["paid"], status(held["subscription"])) == ("complete", False, "active")
    assert newest(held["subscription"])["status"] == "open"
    assert "invoice.paid" not in told()
    sandbox.advance(days=2)
    assert told() == []
    sandbox.advance(days=2)
    assert told() == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.async_payment_succeeded",
    ]
    assert (newest(held["subscription"])["status"], sandbox.get(held["id"])["paid"]) == ("paid", True)


def test_a_bank_debit_that_fails_is_told_and_tried_again(told):
    held = bought("debit_fails")
    told()
    sandbox.advance(days=3)
    assert told() == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "checkout.session.async_payment_failed",
    ]
    assert (status(held["subscription"]), sandbox.get(held["id"])["paid"]) == ("past_due", False)


def test_what_is_bought_once_has_a_payment_and_no_subscription(told):
    held = bought(price=LIFETIME, carried={"plan": "pro_lifetime"})
    assert (held["paid"], held["subscription"], held["amount"]) == (True, None, 24000)
    assert payment(sandbox.get(held["invoice"]))["metadata"] == {"plan": "pro_lifetime"}
    assert told()[1:] == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]


def test_a_checkout_expires_after_a_day_even_when_nobody_looks(told):
    first, second = (engine.open_checkout(buyer(), MONTHLY, once=False, **BACK)["id"] for _ in range(2))
    told()
    sandbox.advance(days=1)
    assert (status(first), told()) == ("expired", ["checkout.session.expired"] * 2)
    with pytest.raises(sandbox.Impossible):
        sandbox.expire_checkout(second)


def test_a_checkout_that_is_too_old_is_not_paid(clock):
    made = engine.open_checkout(buyer(None), MONTHLY, once=False, **BACK)
    clock.forward(hours=25)
    assert sandbox.pay(made["id"])["status"] == "expired"
    assert sandbox.subscriptions() == []


def test_a_price_must_fit_what_the_checkout_is_for():
    for price, once in ((MONTHLY, True), (LIFETIME, False)):
        with pytest.raises(sandbox.Impossible):
            engine.open_checkout(buyer(), price, once=once, **BACK)
    with pytest.raises(NotFound):
        engine.open_checkout(buyer(), "price_nonsense", once=False, **BACK)


# --- time ---------------------------------------------------------------------------------------------------------


def test_a_year_passes_with_a_period_and_an_invoice_a_month():
    id = subscribed()
    start = sandbox.get(id)["start"]
    sandbox.advance(days=365)
    invoices = sandbox.find("invoice", subscription=id)
    assert len(invoices) == 13
    assert {invoice["status"] for invoice in invoices} == {"paid"}
    spans = [(line["start"], line["end"]) for invoice in reversed(invoices) for line in invoice["lines"]]
    assert spans[0][0] == start
    assert all(end == begins for (_, end), (begins, _) in itertools.pairwise(spans))
    assert invoices[0]["created"] == invoices[0]["lines"][0]["start"]


@pytest.mark.parametrize(
    ("start", "interval", "end"),
    [
        ("2026-01-31", "month", "2026-02-28"),
        ("2026-12-15", "month", "2027-01-15"),
        ("2028-02-29", "year", "2029-02-28"),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_months_last(start, interval, end):
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
    assert selling.later(begin, interval) == datetime.fromisoformat(end).replace(tzinfo=UTC).timestamp()


def test_the_month_after_a_short_one_ends_on_the_first_day_again():
    moment = begin = int(datetime(2026, 1, 31, tzinfo=UTC).timestamp())
    ends = []
    for _ in range(3):
        moment = selling.later(moment, "month", begin)
        ends.append(datetime.fromtimestamp(moment, UTC).strftime("%m-%d"))
    assert ends == ["02-28", "03-31", "04-30"]


def test_the_clock_goes_to_a_moment_and_never_back(clock):
    sandbox.advance(clock() + timedelta(days=3))
    assert sandbox.clock() == int(clock().timestamp()) + 3 * DAY
    for wrong in ({"to": clock()}, {"days": -1}, {"days": 4000}):
        with pytest.raises(sandbox.Impossible):
            sandbox.advance(**wrong)
    clock.forward(days=1)
    assert sandbox.clock() == int(clock().timestamp()) + 3 * DAY


def test_what_is_next_is_known():
    assert sandbox.next_due() is None
    id = subscribed()
    assert sandbox.next_due() == sandbox.get(id)["period_end"]
    sandbox.end(id)
    assert sandbox.next_due() is None


def test_a_trial_ends_with_a_charge_and_is_announced_three_days_before(told):
    id = subscribed(trial_days=14)
    assert (status(id), newest(id)["due"], newest(id)["status"]) == ("trialing", 0, "paid")
    told()
    sandbox.advance(days=11)
    assert told() == ["customer.subscription.trial_will_end"]
    sandbox.advance(days=3)
    assert told()[0] == "customer.subscription.updated"
    held = sandbox.get(id)
    assert (held["status"], held["period_start"], newest(id)["reason"]) == ("active", held["trial_end"], "cycle")
    assert newest(id)["paid"] == 1200


@pytest.mark.parametrize(
    ("without_card", "after", "types"),
    [
        ("cancel", "canceled", ["customer.subscription.deleted"]),
        ("pause", "paused", ["customer.subscription.paused"]),
        ("create_invoice", "past_due", None),
    ],
)
def test_a_trial_without_a_card_ends_as_the_checkout_said(told, without_card, after, types):
    made = engine.open_checkout(
        buyer(None), MONTHLY, once=False, trial_days=7, needs_card=False, without_card=without_card, **BACK
    )
    id = sandbox.pay(made["id"], None)["subscription"]
    sandbox.advance(days=6)
    told()
    sandbox.advance(days=1)
    assert status(id) == after
    assert types in (None, told())


def test_a_paused_subscription_goes_on_when_it_is_resumed(told):
    id = subscribed(card=None, trial_days=7, without_card="pause")
    sandbox.advance(days=40)
    assert (status(id), sandbox.next_due()) == ("paused", None)
    selling.change_customer(sandbox.get(id)["customer"], card="ok")
    told()
    assert subscribing.resume(id)["status"] == "active"
    assert sandbox.get(id)["period_start"] == sandbox.clock()
    assert told()[0] == "customer.subscription.resumed"
    with pytest.raises(sandbox.Impossible):
        subscribing.resume(id)


def test_a_trial_is_moved_or_ended_now():
    id = subscribed(trial_days=14)
    later = sandbox.clock() + 20 * DAY
    held = subscribing.move_trial_end(id, later)
    assert (held["trial_end"], held["period_end"], held["status"]) == (later, later, "trialing")
    held = subscribing.move_trial_end(id, sandbox.clock())
    assert (held["status"], held["period_start"], newest(id)["paid"]) == ("active", sandbox.clock(), 1200)
    with pytest.raises(sandbox.Impossible):
        subscribing.move_trial_end(id, sandbox.clock() - 1)


@pytest.mark.parametrize("outcome", ["canceled", "unpaid", "past_due"])
def test_a_failed_renewal_is_tried_after_1_3_5_and_7_days_and_then(told, outcome):
    sandbox.decide(outcome)
    id = subscribed(card="fails_later")
    ends = sandbox.get(id)["period_end"]
    told()
    sandbox.advance(ends)
    assert status(id) == "past_due"
    invoice = newest(id)
    tries = [(invoice["attempts"], invoice["next_attempt"])]
    for _ in range(3):
        sandbox.advance(tries[-1][1])
        invoice = newest(id)
        tries.append((invoice["attempts"], invoice["next_attempt"]))
    assert tries == [(n + 1, ends + days * DAY) for n, days in enumerate((1, 3, 5, 7))]
    assert status(id) == "past_due"
    sandbox.advance(tries[-1][1])
    invoice = newest(id)
    assert (status(id), invoice["status"], invoice["attempts"], invoice["next_attempt"]) == (outcome, "open", 5, None)
    types = told()
    assert types.count("invoice.payment_failed") == 5
    assert ("customer.subscription.deleted" in types) is (outcome == "canceled")


def test_an_unpaid_subscription_makes_drafts_and_comes_back_when_it_is_paid():
    sandbox.decide("unpaid")
    id = subscribed(card="fails_later")
    sandbox.advance(days=70)
    held = sandbox.get(id)
    assert (held["status"], newest(id)["status"]) == ("unpaid", "draft")
    open_invoice = sandbox.find("invoice", subscription=id, status="open")[0]
    assert open_invoice["reason"] == "cycle"
    with pytest.raises(sandbox.Impossible):
        sandbox.pay_invoice(newest(id)["id"])


def test_a_card_that_is_changed_pays_at_the_next_try(told):
    id = subscribed(card="fails_later")
    sandbox.advance(sandbox.get(id)["period_end"])
    sandbox.change_customer(sandbox.get(id)["customer"], card="ok")
    told()
    sandbox.advance(days=1)
    assert (status(id), newest(id)["status"]) == ("active", "paid")
    assert told() == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    with pytest.raises(sandbox.Impossible):
        sandbox.change_customer(sandbox.get(id)["customer"], card="gold")


def test_a_renewal_that_the_bank_wants_confirmed_waits_for_the_customer(told):
    id = bought("confirm", confirmed=True)["subscription"]
    told()
    sandbox.advance(sandbox.get(id)["period_end"])
    assert told()[-4:] == [
        "payment_intent.requires_action",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    assert (status(id), newest(id)["action_required"]) == ("past_due", True)
    with pytest.raises(sandbox.Declined) as refused:
        sandbox.pay_invoice(newest(id)["id"])
    assert refused.value.why == "authentication_required"
    assert sandbox.pay_invoice(newest(id)["id"], confirmed=True)["status"] == "paid"
    assert (status(id), newest(id)["action_required"]) == ("active", False)


def test_a_first_payment_that_fails_leaves_it_incomplete_for_23_hours(told):
    id = subscribed(card="declined")
    invoice = newest(id)
    assert (status(id), invoice["status"], invoice["next_attempt"]) == ("incomplete", "open", None)
    with pytest.raises(sandbox.Impossible):
        sandbox.change(id, YEARLY, 1)
    told()
    sandbox.advance(days=0.9)
    assert told() == []
    sandbox.advance(days=0.1)
    assert told() == ["invoice.voided", "customer.subscription.updated"]
    assert (status(id), newest(id)["status"]) == ("incomplete_expired", "void")


def test_an_incomplete_subscription_that_is_paid_in_time_is_active():
    id = subscribed(card="declined")
    with pytest.raises(sandbox.Declined):
        sandbox.pay_invoice(newest(id)["id"])
    assert payment(newest(id))["status"] == "failed"  # the try is written although it was refused
    sandbox.pay_invoice(newest(id)["id"], "ok")
    assert status(id) == "active"


def test_cancelled_for_its_periods_end_it_ends_then(told):
    id = subscribed()
    held = sandbox.schedule_end(id, True)
    assert (held["cancel_at_period_end"], held["cancel_at"]) == (True, held["period_end"])
    held = sandbox.schedule_end(id)
    assert (held["cancel_at_period_end"], held["cancel_at"], held["canceled_at"]) == (False, None, None)
    sandbox.schedule_end(id, True)
    told()
    sandbox.advance(held["period_end"])
    held = sandbox.get(id)
    assert (held["status"], held["ended_at"]) == ("canceled", held["period_end"])
    assert told() == ["customer.subscription.deleted"]


def test_it_ends_at_a_moment_that_was_set():
    id = subscribed()
    at = sandbox.clock() + 10 * DAY
    assert sandbox.schedule_end(id, at=at)["cancel_at"] == at
    sandbox.advance(days=11)
    assert (status(id), sandbox.get(id)["ended_at"]) == ("canceled", at)
    with pytest.raises(sandbox.Impossible):
        sandbox.schedule_end(subscribed(), at=sandbox.clock())


@pytest.mark.parametrize(
    ("behavior", "left", "types"),
    [
        ("void", "void", ["invoice.created", "invoice.voided"]),
        ("keep_as_draft", "draft", ["invoice.created"]),
        ("mark_uncollectible", "uncollectible", ["invoice.created", "invoice.marked_uncollectible"]),
    ],
)
def test_while_collecting_is_paused_it_stays_active_and_takes_nothing(told, behavior, left, types):
    id = subscribed()
    resumes = sandbox.get(id)["period_end"] + 5 * DAY
    sandbox.pause(id, behavior, resumes)
    told()
    sandbox.advance(sandbox.get(id)["period_end"])
    assert told() == ["customer.subscription.updated", *types]
    assert (status(id), newest(id)["status"], newest(id)["paid"]) == ("active", left, 0)
    sandbox.advance(resumes)
    assert sandbox.get(id)["pause"] is None
    sandbox.advance(sandbox.get(id)["period_end"])
    assert newest(id)["status"] == "paid"


def test_renewing_by_hand_needs_no_clock():
    id = subscribed()
    before = sandbox.clock(), sandbox.get(id)["period_end"]
    sandbox.renew(id)
    held = sandbox.get(id)
    assert (sandbox.clock(), held["period_start"]) == before
    sandbox.renew(id, paid=False)
    assert status(id) == "past_due"
    sandbox.renew(id)
    assert status(id) == "active"
    sandbox.schedule_end(id, True)
    with pytest.raises(sandbox.Impossible):
        sandbox.renew(id)
    sandbox.end_period(id)
    for act in (sandbox.renew, sandbox.end_period, sandbox.end, sandbox.pause, sandbox.schedule_end):
        with pytest.raises(sandbox.Impossible):
            act(id)
    with pytest.raises(NotFound):
        sandbox.renew("sub_nonsense")


# --- changes of plan ----------------------------------------------------------------------------------------------


def test_another_quantity_is_prorated_to_the_second():
    id = subscribed()
    held = sandbox.get(id)
    span = held["period_end"] - held["period_start"]
    sandbox.advance(held["period_start"] + span // 3)
    sandbox.change(id, MONTHLY, 4, behavior="always_invoice")
    credit, debit = newest(id)["lines"]
    assert (credit["amount"], debit["amount"]) == (-800, 3200)  # two thirds are left
    assert credit["proration"]
    assert debit["proration"]
    assert (newest(id)["total"], newest(id)["paid"], newest(id)["reason"]) == (2400, 2400, "update")
    assert sandbox.get(id)["quantity"] == 4
    assert sandbox.get(id)["period_end"] == held["period_end"]


def test_an_upgrade_to_a_year_begins_a_period_of_its_own():
    id = subscribed()
    sandbox.advance(days=15)
    sandbox.change(id, YEARLY, 1)
    held, invoice = sandbox.get(id), newest(id)
    assert (held["period_start"], held["price"]) == (sandbox.clock(), YEARLY)
    assert held["period_end"] == selling.later(sandbox.clock(), "year")
    assert [line["amount"] for line in invoice["lines"]] == [-600, 12000]  # 15 of June's 30 days
    assert invoice["paid"] == 11400


def test_a_downgrade_leaves_credit_that_later_invoices_use_first():
    id = subscribed(YEARLY)
    sandbox.change(id, MONTHLY, 1, behavior="always_invoice")
    held, invoice = sandbox.get(id), newest(id)
    assert (invoice["total"], invoice["due"], invoice["status"]) == (1200 - 12000, 0, "paid")
    assert sandbox.get(held["customer"])["balance"] == 1200 - 12000
    sandbox.advance(held["period_end"])
    assert (newest(id)["total"], newest(id)["due"], newest(id)["status"]) == (1200, 0, "paid")
    assert sandbox.get(held["customer"])["balance"] == 2400 - 12000
    assert sandbox.find("payment", newest(id)["id"]) == []  # nothing was charged


def test_a_proration_may_wait_for_the_next_invoice_or_not_be_made():
    id = subscribed()
    before = newest(id)["id"]
    sandbox.change(id, MONTHLY, 2)
    sandbox.change(id, MONTHLY, 3, behavior="none")
    assert newest(id)["id"] == before
    sandbox.advance(sandbox.get(id)["period_end"])
    assert [line["amount"] for line in newest(id)["lines"]] == [3600, -1200, 2400]


def test_the_proration_date_makes_the_charge_what_was_shown():
    id = subscribed()
    at = sandbox.clock() + 100
    sandbox.advance(days=2)
    lines, *_ = subscribing.quote(sandbox.get(id), MONTHLY, 2, at)
    sandbox.change(id, MONTHLY, 2, behavior="always_invoice", at=at)
    assert newest(id)["total"] == sum(line["amount"] for line in lines)
    with pytest.raises(sandbox.Impossible):
        sandbox.change(id, MONTHLY, 3, at=1)


def test_an_upgrade_that_waits_for_its_payment_changes_nothing_before(told):
    id = subscribed(card="fails_later")
    told()
    held = sandbox.change(id, YEARLY, 1, payment="pending_if_incomplete")
    assert (held["price"], held["status"], held["pending"]["wanted"]["price"]) == (MONTHLY, "active", YEARLY)
    assert (newest(id)["status"], newest(id)["next_attempt"]) == ("open", None)
    assert told()[-2:] == ["invoice.payment_failed", "customer.subscription.updated"]
    sandbox.pay_invoice(newest(id)["id"], "ok")
    held = sandbox.get(id)
    assert (held["price"], held["pending"], held["status"]) == (YEARLY, None, "active")
    assert "customer.subscription.pending_update_applied" in told()


def test_an_upgrade_that_nobody_pays_lapses_after_23_hours(told):
    id = subscribed(card="fails_later")
    sandbox.change(id, YEARLY, 1, payment="pending_if_incomplete")
    waiting = newest(id)["id"]
    told()
    sandbox.advance(days=1)
    assert told() == ["invoice.voided", "customer.subscription.pending_update_expired"]
    assert (sandbox.get(id)["pending"], sandbox.get(id)["price"], status(waiting)) == (None, MONTHLY, "void")


def test_an_upgrade_that_is_refused_leaves_no_trace(told):
    id = subscribed(card="fails_later")
    told()
    rows = list(SandboxObject.select().order_by(SandboxObject.id).tuples())
    with pytest.raises(sandbox.Declined):
        sandbox.change(id, YEARLY, 1, payment="error_if_incomplete")
    assert (told(), list(SandboxObject.select().order_by(SandboxObject.id).tuples())) == ([], rows)


def test_an_upgrade_whose_payment_fails_is_made_all_the_same_by_default():
    id = subscribed(card="fails_later")
    sandbox.change(id, YEARLY, 1)
    assert (sandbox.get(id)["price"], status(id)) == (YEARLY, "past_due")


def test_in_a_trial_nothing_is_prorated():
    id = subscribed(trial_days=10)
    ends = sandbox.get(id)["period_end"]
    sandbox.change(id, YEARLY, 2, behavior="always_invoice")
    assert (sandbox.get(id)["period_end"], newest(id)["due"]) == (ends, 0)
    sandbox.advance(ends)
    assert newest(id)["paid"] == 24000


# --- refunds, disputes, customers ---------------------------------------------------------------------------------


def test_refunds_add_up_and_never_exceed_the_payment(told):
    paid = payment(newest(subscribed()))["id"]
    told()
    sandbox.refund(paid, 500)
    assert told() == ["refund.created", "charge.refunded"]
    with pytest.raises(sandbox.Impossible):
        sandbox.refund(paid, 701)
    assert sandbox.refund(paid)["amount"] == 700
    with pytest.raises(sandbox.Impossible):
        sandbox.refund(paid)
    assert sandbox.get(paid)["refunded"] == 1200


def test_a_refund_that_fails_later_is_taken_off_again(told):
    paid = payment(newest(subscribed()))["id"]
    made = sandbox.refund(paid)["id"]
    told()
    sandbox.fail_refund(made)
    assert (sandbox.get(paid)["refunded"], status(made)) == (0, "failed")
    assert told() == ["refund.updated", "charge.refund.updated", "refund.failed"]
    with pytest.raises(sandbox.Impossible):
        sandbox.fail_refund(made)


@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_is_opened_once_and_decided_once(told, won):
    paid = payment(newest(subscribed()))["id"]
    told()
    made = sandbox.dispute(paid)["id"]
    for again in (lambda: sandbox.dispute(paid), lambda: sandbox.refund(paid)):
        with pytest.raises(sandbox.Impossible):
            again()
    sandbox.settle_dispute(made, won)
    assert status(made) == ("won" if won else "lost")
    back = ["charge.dispute.funds_reinstated"] if won else []
    assert told() == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed", *back]
    with pytest.raises(sandbox.Impossible):
        sandbox.settle_dispute(made, won)


def test_what_was_not_paid_is_neither_refunded_nor_disputed():
    unpaid = payment(newest(subscribed(card="declined")))["id"]
    for act in (sandbox.refund, sandbox.dispute):
        with pytest.raises(sandbox.Impossible):
            act(unpaid)


def test_an_invoice_is_voided_once_and_not_when_it_is_paid():
    open_one = newest(subscribed(card="declined"))["id"]
    assert sandbox.void_invoice(open_one)["status"] == "void"
    for id in (open_one, newest(subscribed())["id"]):
        with pytest.raises(sandbox.Impossible):
            sandbox.void_invoice(id)


def test_the_credit_a_voided_invoice_used_comes_back():
    owner = selling.create_customer(card="declined", balance=-500)["id"]
    invoice = newest(subscribing.subscribe(owner, MONTHLY)["id"])
    assert (invoice["total"], invoice["due"], sandbox.get(owner)["balance"]) == (1200, 700, 0)
    sandbox.void_invoice(invoice["id"])
    assert sandbox.get(owner)["balance"] == -500


def test_a_deleted_customers_subscriptions_end(told):
    id = subscribed()
    owner = sandbox.get(id)["customer"]
    told()
    sandbox.delete_customer(owner)
    assert (status(id), told()) == ("canceled", ["customer.subscription.deleted", "customer.deleted"])
    for act in (lambda: selling.customer(owner), lambda: sandbox.delete_customer(owner)):
        with pytest.raises(NotFound):
            act()
    assert sandbox.next_due() is None


def test_the_signature_is_the_librarys_own(told):
    subscribed()
    row = Outgoing.select().order_by(Outgoing.id).first()
    body, headers = sandbox.signed(row.payload)
    assert library.Webhook.construct_event(body, headers["Stripe-Signature"], sandbox.secret()).id == row.subject
