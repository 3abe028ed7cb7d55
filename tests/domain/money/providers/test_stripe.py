import dataclasses
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import responses
import stripe as library

from domain.base import configuration
from domain.money.providers import provider, sandbox, stripe
from domain.money.providers.provider import (
    BadSignature,
    CannotDo,
    CheckoutClosed,
    CustomerChanged,
    DisputeClosed,
    DisputeOpened,
    NotOurs,
    Order,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    ProviderFailed,
    StatusUnknown,
    SubscriptionChanged,
)
from domain.money.providers.stripe import reading as stripe_reading
from domain.money.providers.stripe import wire
from models import Organization, Outgoing, Subscription

FOLDER = Path(__file__).parents[3] / "fixtures" / "stripe"
API = "https://api.stripe.com/v1"
SECRET, OLDER = "whsec_present", "whsec_older"
HAPPENED, ENDS = datetime(2026, 6, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 15, 12, 5, tzinfo=UTC)
PAID_AT = HAPPENED + timedelta(minutes=1)
GONE = {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such thing"}}


def recorded(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def thing_of(name, **changed):
    return recorded(name)["data"]["object"] | changed


def body_of(event):
    return json.dumps(event).encode()


def told(name, type=None, **changed):
    """The facts of a recorded event, with another kind or changed fields."""
    event = recorded(name)
    event["type"] = type or event["type"]
    event["data"]["object"] |= changed
    return stripe.facts(body_of(event))


def kinds_of(facts):
    return [type(fact).__name__ for fact in facts]


def page_of(*things, more=False):
    return {"object": "list", "url": "/v1/things", "has_more": more, "data": list(things)}


@pytest.fixture(autouse=True)
def configured(unhoused, clock, monkeypatch):
    """Stripe with a key, as a real install has it."""
    clock.moment = NOW
    configuration.use(
        dataclasses.replace(
            configuration.active,
            billing_provider="stripe",
            payment_key="sk_test_x",
            payment_webhook_secrets=(SECRET, OLDER),
            payment_prices={"pro_monthly": "price_monthly", "pro_lifetime": "price_lifetime"},
        )
    )
    wire._client.cache_clear()
    monkeypatch.setattr(library.HTTPClient, "_sleep_time_seconds", lambda *_, **__: 0)
    yield
    wire._client.cache_clear()


@pytest.fixture
def gone():
    """Stripe knows nothing of what is asked for, so that what an event says is the last word."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as played:
        for listed in ("invoice_payments", "checkout/sessions", "invoices"):
            played.get(f"{API}/{listed}", json=page_of())
        played.get(re.compile(re.escape(API)), json=GONE, status=404)
        yield played


@pytest.fixture
def api():
    """Stripe's API as `responses` plays it: what isn't registered is refused."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as played:
        yield played


def asked(call):
    """What a GET asked for."""
    return {name: values[0] for name, values in parse_qs(call.request.url.partition("?")[2]).items()}


def sent(call):
    return {name: values[0] for name, values in parse_qs(call.request.body, keep_blank_values=True).items()}


def test_all_statuses_are_ones_our_table_takes():
    assert {*Subscription.STANDING, *Subscription.TERMINAL, "incomplete"} == set(stripe_reading.STATUSES)
    assert set(Subscription.TERMINAL) == set(stripe_reading.OVER)


def test_one_client_serves_one_account_and_another_transport_gets_its_own():
    assert wire._client("sk_test_x", None) is wire._client("sk_test_x", None)
    transport = library.RequestsClient()
    assert wire._client("sk_test_x", transport)._requestor._client is transport
    assert wire._client("sk_test_x", None)._requestor._client is not transport


# --- signatures ---------------------------------------------------------------------------------------------


def signed(body, secret=SECRET, at=None):
    header = library.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=at)
    return {"Stripe-Signature": header}


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_a_signed_event_is_taken_also_while_the_secret_is_being_replaced(secret):
    body = body_of(recorded("subscription_created"))
    event = stripe.verify(body, signed(body, secret))
    assert (event.id, event.type, event.subject, event.happened_at) == (
        "evt_sub_created",
        "customer.subscription.created",
        "sub_1",
        HAPPENED,
    )


@pytest.mark.parametrize(
    "name",
    ["subscription_created", "subscription_created_2024", "invoice_paid", "invoice_paid_2024", "checkout_completed"],
)
def test_all_events_of_one_subscription_have_one_subject(name):
    body = body_of(recorded(name))
    assert stripe.verify(body, signed(body)).subject == "sub_1"


def headers(body, kind):
    match kind:
        case "another secret":
            return signed(body, "whsec_wrong")
        case "too old":
            return signed(body, at=int(time.time()) - wire.TOLERANCE - 5)
        case "too new":
            return signed(body, at=int(time.time()) + wire.TOLERANCE + 5)
        case "of tomorrow":
            return signed(body, at=int(time.time()) + 86400)
        case "no header":
            return {}
        case "empty header":
            return {"Stripe-Signature": ""}
        case "nonsense":
            return {"Stripe-Signature": "t=x,v1=y"}
        case "only a time":
            return {"Stripe-Signature": f"t={int(time.time())}"}
        case "huge":
            return {"Stripe-Signature": "t=" + "9" * 5000 + ",v1=" + "0" * 5000}
        case "not ascii":
            return {"Stripe-Signature": f"t={int(time.time())},v1=é²"}
    return signed(body)


@pytest.mark.parametrize(
    "kind",
    [
        *("another secret", "too old", "too new", "of tomorrow", "no header"),
        *("empty header", "nonsense", "only a time", "huge", "not ascii"),
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(kind):
    body = body_of(recorded("subscription_created"))
    with pytest.raises(BadSignature):
        stripe.verify(body, headers(body, kind))


def test_a_changed_or_cut_body_is_refused():
    body = body_of(recorded("subscription_created"))
    good = signed(body)
    for bad in (body[:-1], body.replace(b"sub_1", b"sub_2"), b"", b"\xff\xfe" + body):
        with pytest.raises(BadSignature):
            stripe.verify(bad, good)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{",
        b'{"id": "evt_1"}',
        b'{"id": "e", "type": "t", "created": 1, "data": 5}',
        b'{"id": "e", "type": "t", "created": "x", "data": {"object": {}}}',
        b'{"id": "e", "type": "t", "created": 1e300, "data": {"object": {}}}',
        b'{"id": 5, "type": "t", "created": 1, "data": {"object": {}}}',
        b'{"id": "e", "type": "t", "created": 1, "data": {"object": {"object": "invoice", "parent": "x"}}}',
    ],
)
def test_what_is_signed_but_no_event_is_refused(body):
    with pytest.raises(BadSignature):
        stripe.verify(body, signed(body))


def test_without_a_secret_nothing_is_believed():
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=()))
    body = body_of(recorded("subscription_created"))
    for secret in (SECRET, ""):
        with pytest.raises(BadSignature):
            stripe.verify(body, signed(body, secret))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("checkout_once", "cus_1"),
        ("intent_succeeded", "cus_1"),
        ("charge_refunded", "cus_1"),
        ("customer_created", "cus_1"),
        ("invoice_upgrade", "sub_1"),
        ("invoice_upgrade_2024", "sub_1"),
        ("refund_created", "re_1"),
        ("dispute_created", "dp_1"),
    ],
)
def test_what_has_no_subscription_waits_in_its_customers_line_or_its_own(name, subject):
    body = body_of(recorded(name))
    assert stripe.verify(body, signed(body)).subject == subject


def test_within_one_second_what_is_created_comes_first_and_what_is_deleted_last():
    times = []
    for verb in ("created", "updated", "deleted"):
        body = body_of(recorded("subscription_created") | {"type": f"customer.subscription.{verb}"})
        times.append(stripe.verify(body, signed(body)).happened_at)
    assert times == [HAPPENED + timedelta(microseconds=n) for n in (0, 1, 2)]


# --- facts: subscriptions -----------------------------------------------------------------------------------

LATER = HAPPENED + timedelta(microseconds=1)


def a_subscription(**changed):
    """What the recorded subscription says."""
    return SubscriptionChanged(
        **{
            "provider": "stripe",
            "customer_id": "cus_1",
            "organization": "org_public",
            "happened_at": HAPPENED,
            "event_id": "evt_sub_created",
            "asked_at": None,
            "id": "sub_1",
            "price_id": "price_monthly",
            "status": "active",
            "quantity": 3,
            "started_at": HAPPENED,
            "period_start_at": HAPPENED,
            "period_end_at": ENDS,
            "purchaser": "usr_public",
        }
        | changed
    )


@pytest.mark.parametrize("name", ["subscription_created", "subscription_created_2024"])
def test_a_subscription_is_read_alike_in_both_versions(gone, name):
    assert told(name) == [a_subscription(event_id=recorded(name)["id"])]


@pytest.mark.parametrize("name", ["subscription_created", "subscription_created_2024"])
@pytest.mark.parametrize(
    "verb",
    [
        "created",
        "updated",
        "deleted",
        "paused",
        "resumed",
        "trial_will_end",
        "pending_update_applied",
        "pending_update_expired",
    ],
)
def test_whatever_happened_to_a_subscription_it_is_asked_anew(api, name, verb):
    there = thing_of(name, status="past_due", latest_invoice=thing_of("invoice_paid", status="draft"))
    api.get(f"{API}/subscriptions/sub_1", json=there)
    api.get(f"{API}/invoices", json=page_of())
    (fact,) = told("subscription_created", f"customer.subscription.{verb}", status="incomplete")
    assert (fact.status, fact.quantity, fact.period_end_at, fact.asked_at) == ("past_due", 3, ENDS, NOW)
    assert asked(api.calls[0]) == {"expand[0]": "latest_invoice"}
    assert api.calls[0].request.headers["Authorization"] == "Bearer sk_test_x"


def test_the_asking_is_dated_before_the_answer(api, clock):
    def answer(_request):
        clock.forward(seconds=9)
        return 200, {}, json.dumps(thing_of("subscription_created"))

    api.add_callback("GET", f"{API}/subscriptions/sub_1", answer)
    (fact,) = told("subscription_created")
    assert fact.asked_at == NOW < clock.moment


@pytest.mark.parametrize("status", stripe_reading.STATUSES)
def test_every_status_is_taken_as_it_is(gone, status):
    (fact,) = told("subscription_created", status=status)
    assert fact.status == status


def test_a_trial_a_pause_and_an_end_by_hand_are_read(gone):
    day = 86400
    (fact,) = told(
        "subscription_created",
        trial_end=1781524800 + day,
        cancel_at=1781524800 + 2 * day,
        pause_collection={"behavior": "void", "resumes_at": 1781524800 + 3 * day},
    )
    assert fact == a_subscription(
        trial_ends_at=HAPPENED + timedelta(days=1),
        cancel_at=HAPPENED + timedelta(days=2),
        cancel_at_period_end=True,
        collection_paused=True,
        resumes_at=HAPPENED + timedelta(days=3),
    )
    (fact,) = told("subscription_created", pause_collection={"behavior": "void", "resumes_at": None})
    assert fact == a_subscription(collection_paused=True)


def test_a_cancellation_for_the_periods_end_says_when_that_is(gone):
    (fact,) = told("subscription_created", cancel_at_period_end=True)
    assert fact == a_subscription(cancel_at_period_end=True, cancel_at=ENDS)


def test_one_that_has_ended_says_when(gone):
    (fact,) = told("subscription_created", "customer.subscription.deleted", status="canceled", ended_at=1781524860)
    assert fact == a_subscription(status="canceled", ended_at=PAID_AT, happened_at=HAPPENED + timedelta(microseconds=2))


def an_open_invoice(**changed):
    return thing_of("invoice_paid") | {"status": "open", "amount_paid": 0, "amount_remaining": 3600} | changed


def test_an_open_invoice_says_since_when_it_is_unpaid_and_where_to_pay_it(api):
    api.get(
        f"{API}/subscriptions/sub_1",
        json=thing_of("subscription_created", status="past_due", latest_invoice=an_open_invoice()),
    )
    assert told("subscription_created") == [
        a_subscription(
            status="past_due", asked_at=NOW, unpaid_since_at=HAPPENED, unpaid_url="https://invoice.stripe.test/i/in_1"
        )
    ]


def test_a_first_invoice_that_is_open_says_nothing_was_ever_paid(api):
    first = an_open_invoice(billing_reason="subscription_create", due_date=1781524860)
    api.get(
        f"{API}/subscriptions/sub_1", json=thing_of("subscription_created", status="incomplete", latest_invoice=first)
    )
    (fact,) = told("subscription_created")
    assert (fact.first_unpaid, fact.unpaid_since_at) == (True, PAID_AT)


def test_an_invoice_with_nothing_left_to_pay_is_not_unpaid(api):
    api.get(
        f"{API}/subscriptions/sub_1",
        json=thing_of("subscription_created", latest_invoice=an_open_invoice(amount_remaining=0)),
    )
    assert told("subscription_created") == [a_subscription(asked_at=NOW)]


def test_behind_a_newer_draft_the_invoice_that_wants_paying_is_found(api):
    api.get(
        f"{API}/subscriptions/sub_1",
        json=thing_of("subscription_created", status="unpaid", latest_invoice=thing_of("invoice_paid", status="draft")),
    )
    api.get(f"{API}/invoices", json=page_of(an_open_invoice()))
    (fact,) = told("subscription_created")
    assert (fact.status, fact.unpaid_since_at) == ("unpaid", HAPPENED)
    assert asked(api.calls[1]) == {"limit": "1", "subscription": "sub_1", "status": "open"}


@pytest.mark.parametrize(
    "item", [{"price": {"id": "price_team"}}, {"price": "price_team"}, {"plan": {"id": "price_team"}}]
)
def test_a_change_that_waits_for_its_payment_is_named_and_nothing_falls_due(api, item):
    upgrade = thing_of("invoice_upgrade", status="open", amount_remaining=600)
    api.get(
        f"{API}/subscriptions/sub_1",
        json=thing_of(
            "subscription_created",
            latest_invoice=upgrade,
            pending_update={"expires_at": 1, "subscription_items": [{"id": "si_1"} | item]},
        ),
    )
    (fact,) = told("subscription_created", "customer.subscription.updated")
    assert fact == a_subscription(
        asked_at=NOW, happened_at=LATER, pending_price_id="price_team", unpaid_url="https://invoice.stripe.test/i/in_1"
    )


def test_of_several_items_the_one_we_sell_is_meant_else_the_first(gone):
    first = thing_of("subscription_created")["items"]["data"][0]
    other = first | {"id": "si_0", "price": {"id": "price_support"}, "quantity": 1}
    (fact,) = told("subscription_created", items={"data": [other, first]})
    assert (fact.price_id, fact.quantity) == ("price_monthly", 3)
    (fact,) = told("subscription_created", items={"data": [other]})
    assert fact.price_id == "price_support"


def test_what_is_metered_counts_as_one(gone):
    item = thing_of("subscription_created")["items"]["data"][0]
    (fact,) = told("subscription_created", items={"data": [item | {"quantity": None}]})
    assert fact.quantity == 1


def test_a_subscription_that_is_gone_is_as_the_event_says(api):
    api.get(f"{API}/subscriptions/sub_1", json=GONE, status=404)
    (fact,) = told("subscription_created", "customer.subscription.deleted", status="canceled")
    assert (fact.status, fact.asked_at) == ("canceled", None)


# --- facts: invoices ----------------------------------------------------------------------------------------

SUBSCRIBED = {"provider": "stripe", "customer_id": "cus_1", "organization": "org_public"}
PRESENT, OLD = {"latest_invoice": "in_1"}, "_2024"


def a_payment(**changed):
    return PaymentReceived(
        **SUBSCRIBED
        | {
            "happened_at": LATER,
            "event_id": "evt_invoice_paid",
            "id": "in_1",
            "subscription_id": "sub_1",
            "price_id": "price_monthly",
            "reason": "cycle",
            "amount": 3600,
            "currency": "USD",
            "period_start_at": HAPPENED,
            "period_end_at": ENDS,
            "paid_at": PAID_AT,
            "purchaser": "usr_public",
            "url": "https://invoice.stripe.test/i/in_1",
        }
        | changed
    )


@pytest.mark.parametrize("name", ["invoice_paid", "invoice_paid_2024"])
def test_an_invoice_is_read_alike_in_both_versions(gone, name):
    assert told(name) == [a_payment(event_id=recorded(name)["id"])]


@pytest.mark.parametrize("name", ["invoice_paid", "invoice_paid_2024"])
@pytest.mark.parametrize("verb", ["paid", "payment_succeeded"])
def test_a_paid_invoice_and_its_subscription_are_asked_anew(api, name, verb):
    api.get(f"{API}/invoices/in_1", json=thing_of(name))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    assert told("invoice_paid", f"invoice.{verb}", status="draft", amount_paid=7) == [
        a_subscription(asked_at=NOW, happened_at=LATER, event_id="evt_invoice_paid"),
        a_payment(asked_at=NOW),
    ]
    assert asked(api.calls[0]) == {"expand[0]": "payments.data.payment.payment_intent"}


@pytest.mark.parametrize("name", ["invoice_upgrade", "invoice_upgrade_2024"])
@pytest.mark.parametrize("reason", ["subscription_update", "subscription_cycle"])
def test_prorations_alone_are_an_update_that_begins_no_period(gone, name, reason):
    lines = thing_of(name)["lines"]["data"]
    for order in (lines, lines[::-1]):
        (fact,) = told(name, billing_reason=reason, lines=page_of(*order))
        assert (fact.reason, fact.price_id, fact.amount) == ("update", "price_team", 600)
        assert (fact.period_start_at, fact.period_end_at) == (None, None)


@pytest.mark.parametrize(
    ("name", "upgrade"), [("invoice_paid", "invoice_upgrade"), ("invoice_paid_2024", "invoice_upgrade_2024")]
)
def test_among_prorations_the_line_of_the_period_counts(gone, name, upgrade):
    lines = thing_of(upgrade)["lines"]["data"] + thing_of(name)["lines"]["data"]
    (fact,) = told(name, lines=page_of(*lines))
    assert (fact.reason, fact.price_id, fact.period_end_at) == ("cycle", "price_monthly", ENDS)


@pytest.mark.parametrize(
    "kind",
    [
        {"parent": {"type": "invoice_item_details", "invoice_item_details": {"proration": False}}},
        {"parent": None, "type": "invoiceitem", "proration": False},
    ],
)
def test_what_was_added_by_hand_is_not_what_the_period_is_paid_for(gone, kind):
    period = thing_of("invoice_paid")["lines"]["data"][0]
    extra = (
        period | kind | {"id": "il_9", "price": "price_support", "pricing": None, "period": {"start": 1, "end": 9**10}}
    )
    (fact,) = told("invoice_paid", lines=page_of(extra, period))
    assert (fact.price_id, fact.period_end_at) == ("price_monthly", ENDS)


@pytest.mark.parametrize(("price_id", "tier"), [("price_monthly", "commercial"), ("price_other", "personal")])
def test_a_tier_is_the_one_of_the_price_that_was_paid(api, price_id, tier):
    item = thing_of("subscription_created")["items"]["data"][0]
    priced = item | {"price": {"id": price_id, "metadata": {"tier": "commercial"}}}
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid"))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created", items=page_of(priced)))
    assert told("invoice_paid")[1].tier == tier


def test_the_line_of_the_period_is_also_found_on_a_later_page(api):
    period = thing_of("invoice_paid")["lines"]["data"]
    changes = thing_of("invoice_upgrade")["lines"]["data"]
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid", lines=page_of(*changes, more=True)))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    api.get(f"{API}/invoices/in_1/lines", json=page_of(*changes, more=True))
    api.get(f"{API}/invoices/in_1/lines", json=page_of(*period))
    _, fact = told("invoice_paid")
    assert (fact.reason, fact.period_start_at) == ("cycle", HAPPENED)
    assert asked(api.calls[3]) == {"limit": "100", "starting_after": changes[-1]["id"]}


@pytest.mark.parametrize(
    ("billing_reason", "reason"),
    [
        ("subscription_create", "create"),
        ("subscription_cycle", "cycle"),
        ("subscription_update", "update"),
        ("subscription_threshold", "other"),
        ("manual", "other"),
        (None, "other"),
    ],
)
def test_why_an_invoice_was_written_is_said_in_our_words(gone, billing_reason, reason):
    (fact,) = told("invoice_paid", billing_reason=billing_reason)
    assert fact.reason == reason


@pytest.mark.parametrize("name", ["invoice_paid", "invoice_paid_2024"])
def test_an_invoice_written_by_hand_is_a_payment_without_a_subscription(gone, name):
    alone = {"parent": None, "subscription": None, "subscription_details": None, "billing_reason": "manual"}
    (fact,) = told(name, lines=page_of(), **alone)
    assert fact == a_payment(
        event_id=recorded(name)["id"],
        subscription_id=None,
        price_id=None,
        reason="other",
        period_start_at=None,
        period_end_at=None,
        organization=None,
        purchaser=None,
    )


def test_nothing_was_due_is_paid_too(gone):
    (fact,) = told("invoice_paid", amount_due=0, amount_paid=0, payment_intent=None)
    assert fact == a_payment(amount=0)


@pytest.mark.parametrize(
    ("currency", "amount"), [("usd", 3600), ("jpy", 3600), ("kwd", 3600), ("isk", 36), ("ugx", 36)]
)
def test_what_was_paid_is_in_the_currencys_own_minor_units(gone, currency, amount):
    (fact,) = told("invoice_paid", currency=currency)
    assert (fact.amount, fact.currency) == (amount, currency.upper())


@pytest.mark.parametrize("name", ["invoice_paid", "invoice_paid_2024"])
def test_a_failed_payment_comes_with_its_subscription_and_says_how_it_goes_on(api, name):
    failed = {
        "status": "open",
        "amount_paid": 0,
        "amount_remaining": 3600,
        "attempt_count": 2,
        "next_payment_attempt": 1784116800,
    }
    api.get(f"{API}/invoices/in_1", json=thing_of(name, **failed))
    api.get(
        f"{API}/subscriptions/sub_1",
        json=thing_of("subscription_created", status="past_due", latest_invoice=an_open_invoice()),
    )
    changed, fact = told("invoice_paid", "invoice.payment_failed")
    assert (changed.status, changed.unpaid_since_at) == ("past_due", HAPPENED)
    assert fact == PaymentFailed(
        **SUBSCRIBED,
        happened_at=LATER,
        event_id="evt_invoice_paid",
        asked_at=NOW,
        id="in_1",
        subscription_id="sub_1",
        price_id="price_monthly",
        reason="cycle",
        amount=3600,
        currency="USD",
        period_start_at=HAPPENED,
        period_end_at=ENDS,
        attempts=2,
        next_attempt_at=ENDS,
        url="https://invoice.stripe.test/i/in_1",
    )


def test_a_failure_that_was_paid_since_is_a_payment(api):
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid"))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    assert kinds_of(told("invoice_paid", "invoice.payment_failed")) == ["SubscriptionChanged", "PaymentReceived"]


def test_a_bank_that_wants_a_confirmation_is_told_from_a_refusal(gone):
    (fact,) = told("invoice_paid", "invoice.payment_action_required", status="open")
    assert (type(fact), fact.action_required) == (PaymentFailed, True)
    (fact,) = told("invoice_paid", "invoice.payment_failed", status="open")
    assert fact.action_required is False


def test_the_confirmation_is_seen_whichever_event_comes(gone):
    intent = {"id": "pi_1", "object": "payment_intent", "status": "requires_action"}
    payments = page_of({"id": "inpay_1", "payment": {"type": "payment_intent", "payment_intent": intent}})
    (fact,) = told("invoice_paid", "invoice.payment_failed", status="open", payments=payments)
    assert fact.action_required is True


@pytest.mark.parametrize(("verb", "status"), [("voided", "void"), ("marked_uncollectible", "uncollectible")])
def test_an_invoice_that_is_not_wanted_any_more_says_so(gone, verb, status):
    intent = {"id": "pi_1", "object": "payment_intent", "status": "requires_action"}
    payments = page_of({"id": "inpay_1", "payment": {"type": "payment_intent", "payment_intent": intent}})
    (fact,) = told("invoice_paid", f"invoice.{verb}", status=status, payments=payments)
    assert (type(fact), fact.void, fact.action_required) == (PaymentFailed, True, False)


@pytest.mark.parametrize("changed", [{"status": "draft"}, {"status": "open", "attempt_count": 0}])
def test_an_invoice_nobody_tried_to_charge_says_nothing_yet(gone, changed):
    assert told("invoice_paid", **changed) == []


def test_an_invoice_whose_subscription_is_gone_still_tells_of_the_money(api):
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid"))
    api.get(f"{API}/subscriptions/sub_1", json=GONE, status=404)
    assert told("invoice_paid") == [a_payment(asked_at=NOW)]


# --- facts: checkouts and what is bought once ------------------------------------------------------------------


def a_purchase(**changed):
    return PaymentReceived(
        **SUBSCRIBED
        | {
            "happened_at": LATER,
            "event_id": "evt_checkout_once",
            "asked_at": NOW,
            "id": "pi_once",
            "reason": "once",
            "price_id": "price_lifetime",
            "amount": 9900,
            "currency": "USD",
            "paid_at": HAPPENED,
            "tier": "commercial",
            "purchaser": "usr_public",
            "checkout_id": "cs_once",
        }
        | changed
    )


def a_session(**changed):
    """A one-time checkout as it is fetched, with what we ask to be put into it."""
    return (
        thing_of(
            "checkout_once",
            line_items=recorded("line_items"),
            customer={
                "id": "cus_1",
                "object": "customer",
                "email": "acme@example.org",
                "metadata": {"organization": "org_public"},
            },
        )
        | changed
    )


def test_a_subscriptions_checkout_binds_the_customer_and_brings_the_subscription(api):
    customer = {"id": "cus_1", "object": "customer", "email": "acme@example.org", "metadata": {}}
    api.get(f"{API}/checkout/sessions/cs_test_1", json=thing_of("checkout_completed", customer=customer))
    api.get(
        f"{API}/subscriptions/sub_1", json=thing_of("subscription_created", latest_invoice=thing_of("invoice_paid"))
    )
    same = {"event_id": "evt_checkout", "happened_at": LATER, "asked_at": NOW}
    assert told("checkout_completed") == [
        CustomerChanged(**SUBSCRIBED, **same, email="acme@example.org"),
        a_subscription(**same),
        a_payment(**same),
        CheckoutClosed(**SUBSCRIBED, **same, id="cs_test_1", completed=True),
    ]
    assert asked(api.calls[0]) == {
        "expand[0]": "customer",
        "expand[1]": "line_items",
        "expand[2]": "payment_intent.latest_charge",
    }


def test_a_later_invoice_is_not_the_checkouts(api):
    api.get(f"{API}/checkout/sessions/cs_test_1", json=thing_of("checkout_completed", invoice="in_0"))
    api.get(
        f"{API}/subscriptions/sub_1", json=thing_of("subscription_created", latest_invoice=thing_of("invoice_paid"))
    )
    assert kinds_of(told("checkout_completed")) == ["CustomerChanged", "SubscriptionChanged", "CheckoutClosed"]


def test_a_purchase_with_an_invoice_has_the_invoices_id(api):
    api.get(f"{API}/checkout/sessions/cs_once", json=a_session(invoice="in_7"))
    assert told("checkout_once")[1] == a_purchase(id="in_7")


def test_without_a_key_a_checkout_says_what_it_knows(gone):
    facts = told("checkout_completed")
    assert kinds_of(facts) == ["CustomerChanged", "CheckoutClosed"]
    assert (facts[0].email, facts[0].organization) == ("alice@example.org", "org_public")
    assert told("checkout_once")[1] == a_purchase(asked_at=None, tier="personal")


def test_a_purchase_is_paid_when_the_checkout_says_so_and_has_a_receipt(api):
    charge = {"id": "ch_once", "created": 1781524860, "receipt_url": "https://pay.stripe.test/receipts/1"}
    intent = {"id": "pi_once", "object": "payment_intent", "latest_charge": charge}
    api.get(f"{API}/checkout/sessions/cs_once", json=a_session(payment_intent=intent))
    customer, bought, closed = told("checkout_once", payment_status="unpaid", amount_total=1)
    assert customer.email == "acme@example.org"
    assert bought == a_purchase(paid_at=PAID_AT, url="https://pay.stripe.test/receipts/1")
    assert (closed.id, closed.completed) == ("cs_once", True)


def test_where_nothing_was_due_the_checkout_itself_is_the_payment(api):
    free = a_session(payment_status="no_payment_required", payment_intent=None, amount_total=0)
    api.get(f"{API}/checkout/sessions/cs_once", json=free)
    assert told("checkout_once")[1] == a_purchase(id="cs_once", amount=0)


def test_a_slow_payment_is_none_until_it_has_come(api):
    api.get(f"{API}/checkout/sessions/cs_once", json=a_session(payment_status="unpaid"))
    assert kinds_of(told("checkout_once")) == ["CustomerChanged", "CheckoutClosed"]
    api.replace("GET", f"{API}/checkout/sessions/cs_once", json=a_session(payment_status="paid"))
    assert told("checkout_once", "checkout.session.async_payment_succeeded")[1] == a_purchase()


def test_a_slow_payment_that_failed_is_said_to_have(api):
    api.get(f"{API}/checkout/sessions/cs_once", json=a_session(payment_status="unpaid"))
    failed = told("checkout_once", "checkout.session.async_payment_failed")[1]
    assert (type(failed), failed.id, failed.reason, failed.amount) == (PaymentFailed, "pi_once", "once", 9900)


@pytest.mark.parametrize(
    ("status", "failed"),
    [("requires_payment_method", True), ("canceled", True), ("processing", False), ("requires_action", False)],
)
def test_billing_f15_a_slow_payment_has_failed_as_its_intent_stands_whatever_told_of_it(api, clock, status, failed):
    intent = {"id": "pi_once", "object": "payment_intent", "status": status, "latest_charge": None}
    session = a_session(payment_status="unpaid", payment_intent=intent)
    api.get(f"{API}/checkout/sessions/cs_once", json=session)
    for listed in ("invoices", "refunds", "disputes"):
        api.get(f"{API}/{listed}", json=page_of())
    api.get(f"{API}/checkout/sessions", json=page_of(session))
    ways = [
        told("checkout_once"),
        told("checkout_once", "checkout.session.async_payment_failed"),
        told("intent_succeeded", "payment_intent.payment_failed"),
        stripe.confirm("cs_once"),
        [fact for page in stripe.list_since(HAPPENED) for fact in page],
    ]
    for facts in ways:
        assert [(fact.id, fact.amount) for fact in facts if isinstance(fact, PaymentFailed)] == [
            ("pi_once", 9900)
        ] * failed


def test_an_expired_checkout_is_closed_and_nothing_else(api):
    api.get(f"{API}/checkout/sessions/cs_once", json=a_session(status="expired", payment_status="unpaid"))
    facts = told("checkout_once", "checkout.session.expired")
    assert kinds_of(facts) == ["CustomerChanged", "CheckoutClosed"]
    assert facts[-1].completed is False


def test_a_deleted_customer_is_not_brought_back_by_an_old_checkout(api):
    gone = {"id": "cus_1", "object": "customer", "deleted": True}
    api.get(f"{API}/checkout/sessions/cs_once", json=a_session(customer=gone, status="expired"))
    customer, _ = told("checkout_once", "checkout.session.expired")
    assert (customer.customer_id, customer.deleted) == ("cus_1", True)


def test_an_intent_that_succeeded_leads_to_the_checkout_it_belongs_to(api):
    api.get(f"{API}/checkout/sessions", json=page_of(a_session()))
    facts = told("intent_succeeded")
    assert facts[1] == a_purchase(event_id="evt_intent")
    assert kinds_of(facts) == ["CustomerChanged", "PaymentReceived", "CheckoutClosed"]
    assert asked(api.calls[0])["payment_intent"] == "pi_once"
    assert asked(api.calls[0])["expand[1]"] == "data.line_items"


def test_an_invoices_intent_tells_nothing_of_its_own(api):
    assert told("intent_succeeded_2024") == []
    api.get(f"{API}/checkout/sessions", json=page_of())
    assert told("intent_succeeded", id="pi_1", metadata={}) == []


# --- facts: refunds and disputes ---------------------------------------------------------------------------------


def of_a_purchase(api):
    """A charge's payment is a one-time purchase: no invoice has it, one checkout does."""
    api.get(f"{API}/invoice_payments", json=page_of())
    api.get(f"{API}/checkout/sessions", json=page_of(a_session()))


def of_an_invoice(api):
    api.get(f"{API}/invoice_payments", json=page_of({"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1"}))
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid"))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))


def a_refund(id="re_1", **changed):
    return thing_of("refund_created", id=id) | changed


def test_a_refund_is_told_as_the_whole_of_what_went_back_behind_its_payment(api):
    api.get(
        f"{API}/charges/ch_once",
        json=thing_of(
            "charge_refunded",
            refunds=page_of(
                a_refund(amount=1000), a_refund("re_2", amount=2500), a_refund("re_3", amount=4000, status="pending")
            ),
        ),
    )
    of_a_purchase(api)
    bought, refunded = told("charge_refunded", amount_refunded=1)
    same = {"event_id": "evt_charge", "happened_at": LATER}
    assert bought == a_purchase(**same)
    assert refunded == PaymentRefunded(**SUBSCRIBED, **same, asked_at=NOW, payment_id="pi_once", amount_refunded=7500)
    assert asked(api.calls[0]) == {"expand[0]": "refunds"}
    assert asked(api.calls[1])["payment[payment_intent]"] == "pi_once"
    assert asked(api.calls[1])["payment[type]"] == "payment_intent"


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_came_to_nothing_lowers_the_total(api, kind, status):
    api.get(
        f"{API}/charges/ch_once",
        json=thing_of(
            "charge_refunded", refunds=page_of(a_refund(amount=9900, status=status), a_refund("re_2", amount=900))
        ),
    )
    of_a_purchase(api)
    _, refunded = told("refund_created", kind, status=status)
    assert (refunded.payment_id, refunded.amount_refunded) == ("pi_once", 900)


def test_a_refund_of_a_period_names_its_invoice(api):
    api.get(f"{API}/charges/ch_once", json=thing_of("charge_refunded", amount_refunded=1200))
    of_an_invoice(api)
    facts = told("charge_refunded")
    assert kinds_of(facts) == ["SubscriptionChanged", "PaymentReceived", "PaymentRefunded"]
    assert (facts[1].id, facts[2].payment_id, facts[2].amount_refunded) == ("in_1", "in_1", 1200)
    assert facts[2].customer_id == "cus_1"


def an_intent(id, charge):
    return {"id": id, "object": "payment_intent", "status": "succeeded", "latest_charge": charge}


def paid_by(api, *charges):
    """An invoice that several charges paid; the first is asked for by its own event."""
    payments = [
        {
            "id": f"inpay_{n}",
            "status": "paid",
            "payment": {"type": "payment_intent", "payment_intent": charge["payment_intent"]},
        }
        for n, charge in enumerate(charges)
    ]
    bill = thing_of("invoice_paid", payments=page_of(*payments, {"id": "inpay_x", "status": "canceled", "payment": {}}))
    api.get(f"{API}/invoices/in_1", json=bill)
    for charge in charges:
        intent = an_intent(charge["payment_intent"], charge)
        api.get(f"{API}/payment_intents/{charge['payment_intent']}", json=intent)


def a_charge(n, *refunds, amount=2000):
    found = [a_refund(f"re_{n}{at}", amount=back) for at, back in enumerate(refunds)]
    return thing_of("charge_refunded", id=f"ch_{n}", payment_intent=f"pi_{n}", amount=amount, refunds=page_of(*found))


@pytest.mark.parametrize(("first", "second", "total"), [((2000,), (1600,), 3600), ((500, 300), (), 800), ((), (), 0)])
def test_billing_f13_what_came_back_of_an_invoice_is_the_sum_over_its_payments(api, first, second, total):
    charges = [a_charge(1, *first), a_charge(2, *second, amount=1600)]
    api.get(f"{API}/invoice_payments", json=page_of({"id": "inpay_0", "invoice": "in_1"}))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    paid_by(api, *charges)
    for charge in charges:
        api.get(f"{API}/charges/{charge['id']}", json=charge)
        back = told("charge_refunded", id=charge["id"])[-1]
        assert (type(back), back.payment_id, back.amount_refunded) == (PaymentRefunded, "in_1", total)


def test_billing_f13_an_invoice_that_two_payments_paid_is_given_back_as_both_or_in_part_from_one(api):
    paid_by(api, a_charge(1, 1900), a_charge(2, amount=1600))
    api.post(f"{API}/refunds", json=thing_of("refund_created"))
    stripe.refund("in_1", None, "k")
    assert [sent(call) for call in api.calls if call.request.method == "POST"] == [
        {"charge": "ch_1"},
        {"charge": "ch_2"},
    ]
    keys = [call.request.headers["Idempotency-Key"] for call in api.calls if call.request.method == "POST"]
    assert len(set(keys)) == 2
    stripe.refund("in_1", 500, "k")
    assert sent(api.calls[-1]) == {"charge": "ch_2", "amount": "500"}
    with pytest.raises(CannotDo, match="smaller"):
        stripe.refund("in_1", 1700, "k")


def test_an_old_charge_asks_for_its_invoice_at_once(api):
    api.get(f"{API}/charges/ch_1", json=thing_of("charge_refunded_2024"))
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid_2024"))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created_2024"))
    assert told("charge_refunded_2024")[-1].payment_id == "in_1"


def test_a_charge_of_something_else_does_not_concern_us(api):
    api.get(f"{API}/charges/ch_once", json=thing_of("charge_refunded"))
    api.get(f"{API}/invoice_payments", json=page_of())
    api.get(f"{API}/checkout/sessions", json=page_of())
    assert told("charge_refunded") == []
    assert told("refund_created", charge=None) == []


DISPUTED = {
    "needs_response": DisputeOpened,
    "under_review": DisputeOpened,
    "appeal_needs_response": DisputeOpened,
    "won": DisputeClosed,
    "lost": DisputeClosed,
}


@pytest.mark.parametrize("verb", ["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"])
@pytest.mark.parametrize("status", DISPUTED)
def test_a_dispute_is_told_as_it_stands_behind_its_payment(api, verb, status):
    api.get(f"{API}/disputes/dp_1", json=thing_of("dispute_created", status=status))
    of_a_purchase(api)
    bought, fact = told("dispute_created", f"charge.dispute.{verb}")
    assert (bought.id, type(fact), fact.payment_id, fact.id) == ("pi_once", DISPUTED[status], "pi_once", "dp_1")
    assert (fact.customer_id, fact.organization, fact.asked_at) == ("cus_1", "org_public", NOW)
    if isinstance(fact, DisputeClosed):
        assert fact.won is (status == "won")


def test_a_disputed_period_names_its_invoice(api):
    api.get(f"{API}/disputes/dp_1", json=thing_of("dispute_created"))
    of_an_invoice(api)
    assert [fact.payment_id for fact in told("dispute_created") if isinstance(fact, DisputeOpened)] == ["in_1"]


def test_a_dispute_without_an_intent_is_found_by_its_charge(api):
    api.get(f"{API}/disputes/dp_1", json=thing_of("dispute_created", payment_intent=None, charge="ch_1"))
    api.get(f"{API}/charges/ch_1", json=thing_of("charge_refunded_2024"))
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid_2024"))
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created_2024"))
    assert told("dispute_created")[-1].payment_id == "in_1"


@pytest.mark.parametrize("status", ["warning_needs_response", "warning_under_review", "warning_closed", "prevented"])
def test_an_inquiry_is_no_dispute(api, status):
    api.get(f"{API}/disputes/dp_1", json=thing_of("dispute_created", status=status))
    assert told("dispute_created") == []


# --- facts: customers, other kinds, bad shapes -------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["created", "updated", "deleted"])
def test_a_customer_is_asked_anew_and_bound_by_what_we_wrote_into_it(api, verb):
    api.get(f"{API}/customers/cus_1", json=thing_of("customer_created", email="new@example.org"))
    (fact,) = told("customer_created", f"customer.{verb}")
    assert fact == CustomerChanged(
        **SUBSCRIBED,
        event_id="evt_customer",
        asked_at=NOW,
        email="new@example.org",
        happened_at=HAPPENED + timedelta(microseconds=["created", "updated", "deleted"].index(verb)),
    )


def test_a_deleted_customer_is_told_as_such_however_it_is_gone(api):
    api.get(f"{API}/customers/cus_1", json={"id": "cus_1", "object": "customer", "deleted": True})
    (fact,) = told("customer_created", "customer.updated")
    assert (fact.customer_id, fact.deleted, fact.asked_at) == ("cus_1", True, NOW)
    api.replace("GET", f"{API}/customers/cus_1", json=GONE, status=404)
    (fact,) = told("customer_created", "customer.deleted")
    assert (fact.deleted, fact.organization, fact.asked_at) == (True, "org_public", None)


@pytest.mark.parametrize(
    "type", ["invoice.created", "invoice.finalized", "customer.source.created", "plan.created", "x"]
)
def test_other_kinds_do_not_concern_us(type):
    assert told("invoice_paid", type) == []


@pytest.mark.parametrize("name", ["subscription_created", "invoice_paid", "checkout_once", "customer_created"])
def test_billing_f14_an_event_of_a_connected_account_is_kept_and_not_ours(name):
    body = body_of(recorded(name) | {"account": "acct_another"})
    assert stripe.verify(body, signed(body)).type == recorded(name)["type"]
    with pytest.raises(NotOurs, match="acct_another"):
        stripe.facts(body)


@pytest.mark.parametrize(
    ("name", "field", "thing"),
    [
        ("subscription_created", "status", "subscription"),
        ("invoice_paid", "status", "invoice"),
        ("checkout_once", "status", "checkout"),
        ("checkout_once", "mode", "checkout"),
    ],
)
def test_billing_f06_a_status_that_is_not_known_is_said_and_not_guessed(gone, name, field, thing):
    (fact,) = told(name, **{field: "upside_down"})
    assert (type(fact), fact.thing, fact.id, fact.status) == (StatusUnknown, thing, thing_of(name)["id"], "upside_down")
    assert (fact.customer_id, fact.organization) == ("cus_1", "org_public")


def test_billing_f06_a_disputes_status_that_is_not_known_is_said_behind_its_payment(api):
    api.get(f"{API}/disputes/dp_1", json=thing_of("dispute_created", status="upside_down"))
    of_a_purchase(api)
    _, fact = told("dispute_created")
    assert (type(fact), fact.id, fact.status) == (StatusUnknown, "dp_1", "upside_down")


def test_an_event_of_the_other_mode_is_not_ours():
    event = recorded("subscription_created") | {"livemode": True}
    with pytest.raises(NotOurs, match="real money"):
        stripe.facts(body_of(event))
    configuration.use(dataclasses.replace(configuration.active, payment_live=True))
    with pytest.raises(NotOurs, match="test"):
        told("subscription_created")


NEEDED = {
    "subscription": ("id", "items", "status", "customer"),
    "invoice": ("id", "status", "currency", "customer", "lines"),
    "checkout.session": ("id", "mode", "status"),
    "customer": ("id",),
    "charge": ("amount_refunded", "currency"),
}
TOLD_BY_OTHERS = (
    "line_items",
    "charge_refunded_2024",
    "refund_created",
    "dispute_created",
    "intent_succeeded",
    "intent_succeeded_2024",
)
BROKEN = ("missing", None, [1], {}, 7, "")


@pytest.mark.parametrize("name", sorted({path.stem for path in FOLDER.glob("*.json")} - {*TOLD_BY_OTHERS}))
@pytest.mark.parametrize("broken", BROKEN)
def test_half_an_object_is_refused_whole(gone, name, broken):
    gone.replace("GET", f"{API}/checkout/sessions", json=page_of(a_session()))  # what the charges paid for
    for field in NEEDED[thing_of(name)["object"]]:
        event = recorded(name)
        event["data"]["object"][field] = broken
        if broken == "missing":
            del event["data"]["object"][field]
        if field == "amount_refunded" and broken == 7:
            continue  # is one
        with pytest.raises(ProviderFailed):
            pytest.fail(f"{field} {broken!r} became {stripe.facts(body_of(event))}")


@pytest.mark.parametrize("broken", BROKEN)
def test_half_a_dispute_is_refused_whole(api, broken):
    of_a_purchase(api)
    for field in ("id", "status"):
        half = thing_of("dispute_created", **{field: broken})
        if broken == "missing":
            del half[field]
        api.upsert("GET", f"{API}/disputes/dp_1", json=half)
        with pytest.raises(ProviderFailed):
            pytest.fail(f"{field} {broken!r} became {told('dispute_created')}")


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        {"data": None},
        {"data": []},
        {"data": [{}]},
        {"data": [{"price": None}]},
        {"data": [{"price": {"id": None}}]},
        {"data": ["x"]},
    ],
)
def test_a_subscription_without_a_price_is_refused(gone, items):
    with pytest.raises(ProviderFailed, match="can't be read"):
        told("subscription_created", items=items)


@pytest.mark.parametrize("status", [None, "", 7])
def test_a_status_that_is_no_word_is_refused(gone, status):
    with pytest.raises(ProviderFailed, match="can't be read"):
        told("subscription_created", status=status)


def test_an_answer_of_another_shape_is_refused(api):
    api.get(f"{API}/subscriptions/sub_1", json={"id": "sub_1", "object": "subscription", "status": "active"})
    with pytest.raises(ProviderFailed, match="can't be read"):
        told("subscription_created")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_provider_that_fails_is_said_to_fail(api, status):
    api.get(f"{API}/subscriptions/sub_1", json={"error": {"type": "api_error", "message": "no"}}, status=status)
    with pytest.raises(ProviderFailed):
        told("subscription_created")


def test_a_provider_that_stumbles_once_is_asked_again(api):
    api.get(f"{API}/subscriptions/sub_1", body="", status=503)
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    assert told("subscription_created") == [a_subscription(asked_at=NOW)]


def test_a_provider_that_cannot_be_reached_is_said_to_fail(api):
    api.get(f"{API}/subscriptions/sub_1", body=responses.ConnectionError("down"))
    with pytest.raises(ProviderFailed):
        told("subscription_created")


# --- what we look up ---------------------------------------------------------------------------------------------


def test_a_subscription_is_asked_for_and_each_asking_is_news_of_its_own(api):
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    (first,), (second,) = stripe.refetch("sub_1"), stripe.refetch("sub_1")
    assert dataclasses.replace(first, event_id="") == a_subscription(asked_at=NOW, happened_at=NOW, event_id="")
    assert first.event_id.startswith("asked:")
    assert first.event_id != second.event_id


def test_a_subscription_stripe_does_not_know_is_nothing(api):
    api.get(f"{API}/subscriptions/sub_9", json=GONE, status=404)
    assert stripe.refetch("sub_9") == []


def test_all_that_is_not_over_is_listed_page_by_page(api, clock):
    there = [
        thing_of("subscription_created", id=f"sub_{n}", status=status)
        for n, status in enumerate(stripe_reading.STATUSES)
    ]
    api.get(f"{API}/subscriptions", json=page_of(*there[:4], more=True))
    api.get(f"{API}/subscriptions", json=page_of(*there[4:]))
    api.get(f"{API}/invoices", json=page_of())
    pages = stripe.list_active()
    first = next(pages)
    clock.forward(minutes=1)
    rest = list(pages)
    assert [fact.status for page in (first, *rest) for fact in page] == [
        "incomplete",
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "paused",
    ]
    assert (first[0].asked_at, rest[0][0].asked_at) == (NOW, clock.moment)
    lists = [asked(call) for call in api.calls if "/subscriptions" in call.request.url]
    assert lists[0] == {"limit": "100", "status": "all", "expand[0]": "data.latest_invoice"}
    assert lists[1]["starting_after"] == "sub_3"


def test_what_was_paid_failed_refunded_and_disputed_since_is_listed(api):
    intent = {"id": "pi_1", "object": "payment_intent", "status": "requires_action"}
    payments = page_of({"id": "inpay_1", "payment": {"type": "payment_intent", "payment_intent": intent}})
    unpaid = an_open_invoice() | {"id": "in_9"}
    api.get(f"{API}/invoices", json=page_of(thing_of("invoice_paid"), unpaid, thing_of("invoice_paid", status="draft")))
    api.get(f"{API}/invoices/in_9", json=unpaid | {"payments": payments})
    api.get(
        f"{API}/checkout/sessions", json=page_of(a_session(), thing_of("checkout_completed"), a_session(status="open"))
    )
    api.get(f"{API}/refunds", json=page_of(a_refund(), a_refund("re_2"), a_refund("re_3", charge=None)))
    api.get(f"{API}/charges/ch_once", json=thing_of("charge_refunded", refunds=page_of(a_refund(amount=500))))
    of_a_purchase(api)
    api.get(f"{API}/disputes", json=page_of(thing_of("dispute_created")))
    pages = list(stripe.list_since(HAPPENED))
    assert [kinds_of(page) for page in pages] == [
        ["PaymentReceived", "PaymentFailed"],
        ["CustomerChanged", "PaymentReceived", "CheckoutClosed"],
        ["PaymentReceived", "PaymentRefunded"],
        ["PaymentReceived", "DisputeOpened"],
    ]
    assert pages[0][1].action_required is True
    assert pages[2][1].amount_refunded == 500
    listed = [
        call
        for call in api.calls
        if call.request.url.startswith(tuple(f"{API}/{name}?" for name in ("invoices", "refunds", "disputes")))
    ]
    assert [asked(call)["created[gte]"] for call in listed] == ["1781524800"] * 3


def test_a_charge_refunded_in_many_parts_is_asked_for_once(api):
    for name in ("invoices", "checkout/sessions", "disputes"):
        api.get(f"{API}/{name}", json=page_of())
    api.get(f"{API}/refunds", json=page_of(a_refund(), a_refund("re_2"), more=True))
    api.get(f"{API}/refunds", json=page_of(a_refund("re_3")))
    api.get(f"{API}/charges/ch_once", json=thing_of("charge_refunded"))
    api.get(f"{API}/invoice_payments", json=page_of())
    assert [fact for page in stripe.list_since(HAPPENED) for fact in page] == []  # it is no purchase of ours
    assert len([call for call in api.calls if "/charges/" in call.request.url]) == 1


def test_what_could_not_be_delivered_comes_oldest_first_as_it_would_have_been_posted(api):
    newest, foreign, oldest = recorded("invoice_paid"), recorded("customer_created"), recorded("subscription_created")
    foreign["type"] = "product.created"
    api.get(f"{API}/events", json=page_of(newest, foreign, more=True))
    api.get(f"{API}/events", json=page_of(oldest))
    found = list(stripe.missed(HAPPENED))
    assert [(one.event.id, one.event.subject) for one in found] == [
        ("evt_sub_created", "sub_1"),
        ("evt_invoice_paid", "sub_1"),
    ]
    assert [json.loads(one.body) for one in found] == [oldest, newest]
    span = {"created[gte]": "1781524800", "created[lte]": str(int(NOW.timestamp()) - 600)}
    assert asked(api.calls[0]) == {"limit": "100", "delivery_success": "false"} | span


def test_a_missed_event_that_is_none_is_the_providers_failure(api):
    api.get(f"{API}/events", json=page_of({"id": "evt_1", "type": "invoice.paid", "created": 1, "data": None}))
    with pytest.raises(ProviderFailed):
        list(stripe.missed(HAPPENED))


def test_a_checkout_people_come_back_from_may_be_asked_for(api):
    api.get(f"{API}/checkout/sessions/cs_once", json=a_session())
    facts = stripe.confirm("cs_once")
    assert kinds_of(facts) == ["CustomerChanged", "PaymentReceived", "CheckoutClosed"]
    assert (facts[1].id, facts[1].asked_at, facts[1].happened_at) == ("pi_once", NOW, NOW)


@pytest.mark.parametrize(("answer", "status"), [({"object": "checkout.session", "status": "open"}, 200), (GONE, 404)])
def test_an_open_or_unknown_checkout_says_nothing(api, answer, status):
    api.get(f"{API}/checkout/sessions/cs_1", json=answer, status=status)
    assert stripe.confirm("cs_1") == []


# --- what we ask of it ------------------------------------------------------------------------------------------


@pytest.fixture
def acme():
    return Organization(id=7, public_id="org_public", name="Acme & Söhne", slug="acme")


def an_order(**changed):
    return Order(
        **{
            "public_id": "chk_public",
            "plan_key": "pro_monthly",
            "price_id": "price_monthly",
            "once": False,
            "purchaser": "usr_public",
        }
        | changed
    )


def test_a_customer_is_made_once_for_an_organization(api, acme):
    api.post(f"{API}/customers", json={"id": "cus_1", "object": "customer"})
    made = [stripe.create_customer(acme, "alice@example.org", "customer-org_public") for _ in range(2)]
    assert made == ["cus_1", "cus_1"]
    assert sent(api.calls[0]) == {
        "email": "alice@example.org",
        "name": "Acme & Söhne",
        "metadata[organization]": "org_public",
    }
    assert {call.request.headers["Idempotency-Key"] for call in api.calls} == {"customer-org_public"}


@pytest.fixture
def opened(api):
    session = {"id": "cs_1", "object": "checkout.session", "url": "https://pay.test/1", "expires_at": 1784116800}
    api.post(f"{API}/checkout/sessions", json=session)
    return api


def test_a_checkout_names_plan_buyer_and_organization(opened, acme):
    made = stripe.checkout(
        "cus_1", acme, an_order(quantity=4), "http://localhost/r", "http://localhost/c", "checkout-1"
    )
    assert made == provider.Opened("cs_1", "https://pay.test/1", ENDS)
    (call,) = opened.calls
    assert call.request.headers["Idempotency-Key"] == "checkout-1"
    ours = {"organization": "org_public", "plan": "pro_monthly", "user": "usr_public", "checkout": "chk_public"}
    assert sent(call) == {
        "mode": "subscription",
        "customer": "cus_1",
        "line_items[0][price]": "price_monthly",
        "line_items[0][quantity]": "4",
        "success_url": "http://localhost/r",
        "cancel_url": "http://localhost/c",
        "client_reference_id": "org_public",
        **{f"metadata[{name}]": value for name, value in ours.items()},
        **{f"subscription_data[metadata][{name}]": value for name, value in ours.items()},
    }


def test_a_trial_without_a_card_at_its_end_is_cancelled(opened, acme):
    stripe.checkout("cus_1", acme, an_order(trial_days=14), "http://localhost/r", "http://localhost/c", "k")
    said = sent(opened.calls[0])
    assert said["subscription_data[trial_period_days]"] == "14"
    assert said["subscription_data[trial_settings][end_behavior][missing_payment_method]"] == "cancel"
    assert said["subscription_data[metadata][plan]"] == "pro_monthly"


def test_what_is_bought_once_is_paid_once(opened, acme):
    order = an_order(once=True, plan_key="pro_lifetime", price_id="price_lifetime", trial_days=14, purchaser="")
    stripe.checkout("cus_1", acme, order, "http://localhost/r", "http://localhost/c", "k")
    said = sent(opened.calls[0])
    assert (said["mode"], said["line_items[0][price]"]) == ("payment", "price_lifetime")
    assert said["payment_intent_data[metadata][checkout]"] == "chk_public"
    assert not [name for name in said if name.startswith("subscription_data") or name.endswith("[user]")]


def test_a_checkout_without_an_address_is_the_providers_failure(api, acme):
    api.post(f"{API}/checkout/sessions", json={"id": "cs_1", "object": "checkout.session", "url": None})
    with pytest.raises(ProviderFailed):
        stripe.checkout("cus_1", acme, an_order(), "http://localhost/r", "http://localhost/c", "k")


NOT_OPEN = {"error": {"type": "invalid_request_error", "message": "Only open sessions can be expired"}}


def test_an_open_checkout_is_closed(api):
    api.post(f"{API}/checkout/sessions/cs_1/expire", json={"id": "cs_1", "object": "checkout.session"})
    stripe.expire_checkout("cs_1", "expire-1")
    assert api.calls[0].request.headers["Idempotency-Key"] == "expire-1"


@pytest.mark.parametrize(("answer", "status"), [({"id": "cs_1", "status": "expired"}, 200), (GONE, 404)])
def test_a_checkout_that_is_closed_already_is_as_good(api, answer, status):
    api.post(f"{API}/checkout/sessions/cs_1/expire", json=NOT_OPEN, status=400)
    api.get(f"{API}/checkout/sessions/cs_1", json=answer, status=status)
    assert stripe.expire_checkout("cs_1", "k") is None


def test_a_checkout_that_was_paid_is_not_said_to_be_closed(api):
    api.post(f"{API}/checkout/sessions/cs_1/expire", json=NOT_OPEN, status=400)
    api.get(f"{API}/checkout/sessions/cs_1", json=a_session(id="cs_1"))
    with pytest.raises(ProviderFailed, match="Only open"):
        stripe.expire_checkout("cs_1", "k")


def test_the_portal_leads_back_to_us(api):
    api.post(f"{API}/billing_portal/sessions", json={"id": "bps_1", "url": "https://portal.test/1"})
    assert stripe.portal("cus_1", "http://localhost/acme/billing", "portal-1") == "https://portal.test/1"
    assert sent(api.calls[0]) == {"customer": "cus_1", "return_url": "http://localhost/acme/billing"}
    assert api.calls[0].request.headers["Idempotency-Key"] == "portal-1"


def a_preview(api, total, due, lines="invoice_upgrade", price=None, **standing):
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created", **standing))
    shown = thing_of(lines) | {"id": "upcoming_in_1", "total": total, "amount_due": due}
    api.post(f"{API}/invoices/create_preview", json=shown)
    api.get(f"{API}/prices/price_team", json=price or {"id": "price_team", "object": "price", "unit_amount": 2400})
    return stripe.preview("sub_1", "price_team", 2)


def test_a_change_is_reckoned_for_one_moment_and_then_charged_for_that_moment(api):
    found = a_preview(api, 600, 600)
    assert found == provider.Proration(
        due_now=600,
        currency="USD",
        lines=(("Unused time on Pro", -600), ("Remaining time on Team", 1200)),
        next_amount=4800,
        next_at=ENDS,
        token=str(int(NOW.timestamp())),
    )
    assert sent(api.calls[1]) == {
        "subscription": "sub_1",
        "subscription_details[items][0][id]": "si_1",
        "subscription_details[items][0][price]": "price_team",
        "subscription_details[items][0][quantity]": "2",
        "subscription_details[proration_behavior]": "always_invoice",
        "subscription_details[proration_date]": found.token,
    }
    api.post(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    stripe.change("sub_1", "price_team", 2, "change-1", found.token)
    assert api.calls[-1].request.headers["Idempotency-Key"] == "change-1"
    assert sent(api.calls[-1]) == {
        "items[0][id]": "si_1",
        "items[0][price]": "price_team",
        "items[0][quantity]": "2",
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
        "proration_date": found.token,
    }


@pytest.mark.parametrize("token", ["1784116800", "soon", "-1", "²", str(int(NOW.timestamp()) - 3601)])
def test_a_moment_that_was_not_just_shown_is_not_charged_for(api, token):
    """Anybody could else name the period's last second, and pay nothing for the rest of it."""
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    with pytest.raises(CannotDo, match="look again") as refused:
        stripe.change("sub_1", "price_team", 2, "change-1", token)
    assert refused.value.code == "PREVIEW_OLD"


def test_a_change_without_a_preview_names_no_moment(api):
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    api.post(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    stripe.change("sub_1", "price_team", 2, "change-1")
    assert "proration_date" not in sent(api.calls[-1])


@pytest.mark.parametrize(("total", "due", "now_due"), [(-600, 0, -600), (600, 200, 200), (0, 0, 0)])
def test_a_credit_is_less_than_nothing_and_a_balance_is_taken_off(api, total, due, now_due):
    assert a_preview(api, total, due).due_now == now_due


def test_the_moment_is_never_before_the_period(api, clock):
    clock.moment = HAPPENED - timedelta(days=40)
    assert a_preview(api, 600, 600).token == str(int(HAPPENED.timestamp()))


def test_what_ends_has_no_next_payment_and_what_has_tiers_no_known_one(api):
    ending = a_preview(api, 600, 600, cancel_at_period_end=True)
    assert (ending.next_amount, ending.next_at) == (None, None)
    api.replace("GET", f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    api.replace("GET", f"{API}/prices/price_team", json={"id": "price_team", "object": "price", "unit_amount": None})
    tiered = stripe.preview("sub_1", "price_team", 2)
    assert (tiered.next_amount, tiered.next_at) == (None, ENDS)


def test_of_several_items_the_one_we_sell_is_changed(api):
    first = thing_of("subscription_created")["items"]["data"][0]
    other = first | {"id": "si_0", "price": {"id": "price_support"}}
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created", items=page_of(other, first)))
    api.post(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    stripe.change("sub_1", "price_team", 2, "change-1")
    assert sent(api.calls[-1])["items[0][id]"] == "si_1"


@pytest.mark.parametrize("answer", ["[]", "5", "null", '"x"', "<html>", ""])
def test_an_answer_that_is_no_object_is_the_providers_failure(api, answer):
    api.get(f"{API}/subscriptions/sub_1", body=answer)
    with pytest.raises(ProviderFailed):
        stripe.refetch("sub_1")
    with pytest.raises(ProviderFailed):
        stripe.change("sub_1", "price_team", 2, "change-1")


def test_a_preview_that_cannot_be_read_is_the_providers_failure(api):
    with pytest.raises(ProviderFailed):
        a_preview(api, 600, None, lines="customer_created")


def test_a_subscription_is_cancelled_for_its_periods_end(api):
    api.post(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    stripe.set_cancel_at_period_end("sub_1", True, "cancel-1")
    (call,) = api.calls
    assert sent(call) == {"cancel_at_period_end": "true"}
    assert call.request.headers["Idempotency-Key"] == "cancel-1"


@pytest.mark.parametrize(
    ("standing", "wanted"),
    [
        ({"cancel_at_period_end": True, "cancel_at": 1784116800}, {"cancel_at_period_end": "false"}),
        ({"cancel_at_period_end": False, "cancel_at": 1784116800}, {"cancel_at": ""}),
        ({}, {"cancel_at_period_end": "false"}),
    ],
)
def test_any_planned_end_is_taken_back(api, standing, wanted):
    api.get(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created", **standing))
    api.post(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    stripe.set_cancel_at_period_end("sub_1", False, "cancel-2")
    assert sent(api.calls[1]) == wanted


def test_a_pause_charges_nothing_until_then_and_is_taken_back(api):
    api.post(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    stripe.pause("sub_1", ENDS, "pause-1")
    stripe.pause("sub_1", None, "pause-2")
    stripe.unpause("sub_1", "pause-3")
    assert [sent(call) for call in api.calls] == [
        {"pause_collection[behavior]": "void", "pause_collection[resumes_at]": "1784116800"},
        {"pause_collection[behavior]": "void"},
        {"pause_collection": ""},
    ]
    assert [call.request.headers["Idempotency-Key"] for call in api.calls] == ["pause-1", "pause-2", "pause-3"]


def test_a_subscription_is_ended_and_one_that_is_over_is_as_good(api):
    api.delete(f"{API}/subscriptions/sub_1", json=thing_of("subscription_created"))
    stripe.end("sub_1", "end-1")
    assert api.calls[0].request.headers["Idempotency-Key"] == "end-1"
    api.replace("DELETE", f"{API}/subscriptions/sub_1", json=GONE, status=404)
    stripe.end("sub_1", "end-1")
    api.replace("DELETE", f"{API}/subscriptions/sub_1", json=NOT_OPEN, status=400)
    with pytest.raises(ProviderFailed):
        stripe.end("sub_1", "end-1")


@pytest.mark.parametrize(
    ("payments", "more", "wanted"),
    [
        (
            {"payments": page_of({"status": "paid", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}})},
            {},
            "payment_intent",
        ),
        (
            {
                "payments": page_of(
                    {"status": "canceled", "payment": {"payment_intent": "pi_0"}},
                    {"status": "paid", "payment": {"payment_intent": {"id": "pi_1"}}},
                )
            },
            {},
            "payment_intent",
        ),
        ({"payment_intent": "pi_1"}, {}, "payment_intent"),
        ({"charge": "pi_1"}, {}, "charge"),
        ({}, {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}, "payment_intent"),
        ({}, {"payment": {"type": "charge", "charge": "pi_1"}}, "charge"),
    ],
)
def test_an_invoices_payment_is_refunded_wherever_it_is_written(api, payments, more, wanted):
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid", **payments))
    if more:
        api.get(f"{API}/invoice_payments", json=page_of(more))
    api.post(f"{API}/refunds", json=thing_of("refund_created"))
    stripe.refund("in_1", None, "refund-1")
    assert sent(api.calls[-1]) == {wanted: "pi_1"}
    assert api.calls[-1].request.headers["Idempotency-Key"] == "refund-1"


@pytest.mark.parametrize(("currency", "amount"), [("usd", "500"), ("jpy", "500"), ("isk", "50000")])
def test_a_part_of_a_purchase_is_refunded_in_stripes_cents(api, currency, amount):
    api.get(f"{API}/payment_intents/pi_once", json=thing_of("intent_succeeded", currency=currency))
    api.post(f"{API}/refunds", json=thing_of("refund_created"))
    stripe.refund("pi_once", 500, "refund-1")
    assert sent(api.calls[-1]) == {"payment_intent": "pi_once", "amount": amount}


def test_where_nothing_was_charged_nothing_is_refunded(api):
    with pytest.raises(CannotDo, match="Nothing was charged"):
        stripe.refund("cs_once", None, "k")
    api.get(f"{API}/invoices/in_1", json=thing_of("invoice_paid", amount_paid=0))
    api.get(f"{API}/invoice_payments", json=page_of())
    with pytest.raises(CannotDo, match="Nothing was charged"):
        stripe.refund("in_1", None, "k")


def test_what_went_back_already_is_as_good_but_not_for_a_part(api):
    error = {
        "error": {"type": "invalid_request_error", "code": "charge_already_refunded", "message": "Already refunded"}
    }
    api.get(f"{API}/payment_intents/pi_once", json=thing_of("intent_succeeded"))
    api.post(f"{API}/refunds", json=error, status=400)
    stripe.refund("pi_once", None, "k")
    with pytest.raises(ProviderFailed, match="Already"):
        stripe.refund("pi_once", 500, "k")


def test_what_stripe_refuses_is_said_to_fail(api, acme):
    error = {"error": {"type": "invalid_request_error", "message": "No such price"}}
    api.post(f"{API}/checkout/sessions", json=error, status=400)
    with pytest.raises(ProviderFailed, match="No such price"):
        stripe.checkout("cus_1", acme, an_order(), "http://localhost/r", "http://localhost/c", "k")


# --- what it sells ------------------------------------------------------------------------------------------------


def a_price(id, **more):
    body = {
        "id": id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "currency": "usd",
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": "prod_1",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed", "trial_period_days": None},
        "type": "recurring",
        "unit_amount": 1200,
        "unit_amount_decimal": "1200",
    }
    return body | more


def a_page(things, more=False):
    return {"object": "list", "url": "/v1/prices", "has_more": more, "data": things}


@responses.activate
def test_prices_are_read_page_by_page_a_hundred_each():
    first = [a_price(f"price_{n}") for n in range(100)]
    responses.get(f"{API}/prices", json=a_page(first, more=True))
    responses.get(f"{API}/prices", json=a_page([a_price("price_last")]))
    pages = list(stripe.all_prices())
    assert [len(page) for page in pages] == [100, 1]
    asked = [parse_qs(call.request.url.partition("?")[2]) for call in responses.calls]
    assert asked[0] == {"active": ["true"], "limit": ["100"]}
    assert asked[1] == {"active": ["true"], "limit": ["100"], "starting_after": ["price_99"]}
    assert pages[1][0] == {
        "id": "price_last",
        "product": "prod_1",
        "amount": 1200,
        "currency": "USD",
        "type": "recurring",
        "interval": "month",
        "interval_count": 1,
        "active": True,
        "lookup_key": None,
        "nickname": None,
        "metadata": {},
    }


@responses.activate
@pytest.mark.parametrize(
    ("currency", "unit_amount", "amount"),
    [
        ("usd", 1, 1),
        ("jpy", 500, 500),
        ("kwd", 5120, 5120),
        ("isk", 50000, 500),
        ("ugx", 50000, 500),
        ("usd", None, None),
    ],
)
def test_amounts_are_in_the_currencys_own_minor_units(currency, unit_amount, amount):
    responses.get(f"{API}/prices", json=a_page([a_price("price_1", currency=currency, unit_amount=unit_amount)]))
    ((price,),) = stripe.all_prices()
    assert (price["amount"], price["currency"]) == (amount, currency.upper())


@responses.activate
def test_a_price_paid_once_and_products_with_and_without_words():
    responses.get(f"{API}/prices", json=a_page([a_price("price_1", type="one_time", recurring=None)]))
    ((price,),) = stripe.all_prices()
    assert (price["type"], price["interval"]) == ("one_time", "")
    product = {
        "id": "prod_1",
        "object": "product",
        "active": True,
        "name": "Pro",
        "description": None,
        "images": ["https://x/y"],
        "metadata": {"app": "hall"},
    }
    responses.get(f"{API}/products", json=a_page([product]))
    assert list(stripe.products()) == [[{k: v for k, v in product.items() if k != "object"}]]


@responses.activate
@pytest.mark.parametrize("answer", [{"data": [{"id": "price_1"}], "has_more": False}, {"error": 1}, {"data": None}])
def test_a_list_that_cannot_be_read_is_the_providers_failure(answer):
    responses.get(f"{API}/prices", json=answer)
    with pytest.raises(ProviderFailed):
        list(stripe.all_prices())


@responses.activate
def test_a_refused_key_is_said_without_the_key():
    message = {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_*"}}
    responses.get(f"{API}/products", json=message, status=401)
    with pytest.raises(ProviderFailed) as caught:
        list(stripe.products())
    assert "sk_test_x" not in str(caught.value)


@responses.activate
def test_a_list_that_says_there_is_more_and_gives_nothing_ends():
    responses.get(f"{API}/prices", json=a_page([], more=True))
    assert list(stripe.all_prices()) == [[]]


# --- against the built-in provider, which speaks Stripe ------------------------------------------------------------


@pytest.fixture
def peer():
    """All that the sandbox would have posted since it was last asked: the facts of each event, through its signature."""
    configuration.use(dataclasses.replace(configuration.active, billing_provider="sandbox"))
    done = set()

    def posted():
        found = []
        for row in Outgoing.select().where(Outgoing.kind == "sandbox_webhook").order_by(Outgoing.id):
            if row.id not in done:
                done.add(row.id)
                body, headers = sandbox.signed(row.payload)
                assert stripe.verify(body, headers).type == row.payload["type"]
                found += stripe.facts(body)
        return found

    return posted


def last(facts, kind):
    return [fact for fact in facts if isinstance(fact, kind)][-1]


def test_a_subscriptions_whole_story_told_by_a_peer(house, peer, acme, clock):
    monthly, yearly = sandbox.PRICES["pro_monthly"], sandbox.PRICES["pro_yearly"]
    customer = stripe.create_customer(acme, "alice@example.org", "customer")
    opened = stripe.checkout(customer, acme, an_order(price_id=monthly, quantity=2), "http://a/", "http://b/", "buy")
    assert stripe.confirm(opened.id) == []
    sandbox.pay(opened.id)
    confirmed, told_us = stripe.confirm(opened.id), peer()
    subscribed, paid = last(confirmed, SubscriptionChanged), last(confirmed, PaymentReceived)
    assert (subscribed.status, subscribed.price_id, subscribed.quantity) == ("active", monthly, 2)
    assert (paid.reason, paid.amount, paid.purchaser, paid.organization) == ("create", 2400, "usr_public", "org_public")
    for fact in (subscribed, paid):
        same = {"event_id": "", "happened_at": NOW, "asked_at": NOW}
        assert dataclasses.replace(last(told_us, type(fact)), **same) == dataclasses.replace(fact, **same)

    clock.forward(days=10)
    shown = stripe.preview(subscribed.id, yearly, 2)
    stripe.change(subscribed.id, yearly, 2, "change", shown.token)
    upgrade = last(peer(), PaymentReceived)
    assert (upgrade.reason, upgrade.amount, upgrade.price_id) == ("update", shown.due_now, yearly)
    stripe.pause(subscribed.id, None, "pause")
    assert last(peer(), SubscriptionChanged).collection_paused is True
    stripe.unpause(subscribed.id, "unpause")
    stripe.set_cancel_at_period_end(subscribed.id, True, "cancel")
    assert last(peer(), SubscriptionChanged).cancel_at_period_end is True
    stripe.refund(upgrade.id, 100, "refund")
    assert last(peer(), PaymentRefunded).amount_refunded == 100
    stripe.end(subscribed.id, "end")
    assert last(peer(), SubscriptionChanged).status == "canceled"
    assert [fact for page in stripe.list_active() for fact in page] == []


def test_a_purchases_whole_story_told_by_a_peer(house, peer, acme):
    lifetime = sandbox.PRICES["pro_lifetime"]
    customer = stripe.create_customer(acme, "alice@example.org", "customer")
    order = an_order(plan_key="pro_lifetime", price_id=lifetime, once=True)
    opened = stripe.checkout(customer, acme, order, "http://a/", "http://b/", "buy")
    sandbox.pay(opened.id)
    bought = last(peer(), PaymentReceived)
    assert (bought.reason, bought.price_id, bought.checkout_id) == ("once", lifetime, opened.id)
    with pytest.raises(ProviderFailed):
        stripe.expire_checkout(opened.id, "expire")
    for _ in range(2):
        stripe.refund(bought.id, None, "refund")
        stripe.refund(bought.id, None, "refund again")
    told_us = peer()
    assert last(told_us, PaymentRefunded).amount_refunded == last(told_us, PaymentReceived).amount == bought.amount
    listed = [fact for page in stripe.list_since(HAPPENED) for fact in page]
    assert last(listed, PaymentRefunded).amount_refunded == bought.amount
