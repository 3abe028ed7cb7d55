import base64
import dataclasses
import hashlib
import itertools
import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from standardwebhooks import Webhook

from database.scope import everywhere
from domain.base import configuration
from domain.money import inbox, providers, trials
from domain.money.providers import http, polar, provider
from domain.money.providers.polar import asking as polar_asking
from domain.money.providers.polar import reading as polar_reading
from domain.money.providers.provider import (
    BadSignature,
    CannotDo,
    CheckoutClosed,
    CustomerChanged,
    DisputeClosed,
    DisputeOpened,
    Opened,
    Order,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    ProviderFailed,
    StatusUnknown,
    SubscriptionChanged,
)
from models import WebhookEvent

FOLDER = Path(__file__).parents[3] / "fixtures" / "polar"
API = "https://sandbox-api.polar.sh"
KEY = "polar_oat_very_secret"
STANDARD = "whsec_" + base64.b64encode(bytes(range(32))).decode()  # as Polar makes them today
WRITTEN = "polar_whs_older"  # as it is written, in base64 for the library
OURS, USER = "acme0000000000000001", "alice000000000000001"
NEVER = datetime(2020, 1, 1, tzinfo=UTC)


def at(text):
    return datetime.fromisoformat(f"2026-{text}+00:00")


BEGINS, ENDS, ASKED = at("06-15T12:00:00"), at("07-15T12:00:00"), at("06-15T12:00:00")


def recorded(name, **changes):
    found = json.loads((FOLDER / f"{name}.json").read_text())
    return found | changes if changes else found


def event(kind, thing, **more):
    return {"type": kind, "timestamp": "2026-06-15T12:00:05.250Z", "api_version": "2026-10", "data": thing} | more


def told(kind, thing):
    return polar.facts(json.dumps(event(kind, thing)).encode())


@pytest.fixture(autouse=True)
def configured(unhoused, clock):
    """Polar with a key, as a real install has it, in Polar's test environment."""
    configuration.use(
        dataclasses.replace(
            configuration.active,
            billing_provider="polar",
            payment_key=KEY,
            payment_live=False,
            payment_webhook_secrets=(STANDARD, WRITTEN),
            payment_prices={"pro_monthly": "prod_monthly"},
        )
    )
    http.session.cache_clear()


@pytest.fixture
def api():
    """Polar's API as `responses` plays it: what isn't registered is refused, what is must be asked."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as played:
        played.play = lambda method, path, answer=None, status=200, **more: played.add(
            method, API + path, json={} if answer is None else answer, status=status, **more
        )
        played.list = lambda path, *items, pages=1, **more: played.play(
            "GET", path, {"items": list(items), "pagination": {"total_count": len(items), "max_page": pages}}, **more
        )
        yield played


@pytest.fixture
def gone():
    """Polar knows nothing of what is asked for, so that what an event says is the last word."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as played:
        played.get(re.compile(re.escape(API)), json=missing(), status=404)
        yield played


def asked(api, number=-1):
    """The query, body and headers of a request that was made."""
    made = api.calls[number].request
    address = urlsplit(made.url)
    query = {name: values[0] if len(values) == 1 else values for name, values in parse_qs(address.query).items()}
    body = json.loads(made.body) if made.body else None
    return SimpleNamespace(query=query, body=body, headers=made.headers)


def paths(api):
    return [f"{call.request.method} {urlsplit(call.request.url).path}" for call in api.calls]


def missing(error="ResourceNotFound"):
    return {"error": error, "detail": "Not found"}


# --- signatures ---------------------------------------------------------------------------------------------


def signed(body, key=None, when=None, id="whe_1"):
    """The headers Polar sends. A key of bytes is what Polar signs with."""
    when = when or datetime.now(UTC)
    signature = Webhook(key or bytes(range(32))).sign(id, when, body.decode())
    return {
        "Webhook-Id": id,
        "Webhook-Timestamp": str(int(when.timestamp())),
        "Webhook-Signature": signature,
        "Webhook-Api-Version": "2026-10",
    }


def body_of(kind="subscription.created", name="subscription", **changes):
    return json.dumps(event(kind, recorded(name, **changes))).encode()


def test_an_event_says_who_it_is_and_when_it_was():
    body = body_of()
    found = polar.verify(body, signed(body))
    assert (found.id, found.type, found.subject) == ("whe_1", "subscription.created", "sub_1")
    assert found.happened_at == at("06-15T12:00:05.250000")


@pytest.mark.parametrize("key", [bytes(range(32)), WRITTEN.encode(), STANDARD.encode()])
def test_a_secret_counts_as_polar_makes_it_today_and_as_it_was_written_before(key):
    body = body_of()
    assert polar.verify(body, signed(body, key)).id == "whe_1"


def test_the_library_wants_the_older_secret_in_base64():
    body = body_of()
    coded = base64.b64encode(WRITTEN.encode()).decode()
    headers = signed(body) | {"Webhook-Signature": Webhook(coded).sign("whe_1", datetime.now(UTC), body.decode())}
    assert polar.verify(body, headers).id == "whe_1"


def test_while_a_secret_is_replaced_both_count_and_afterwards_one():
    body, fresh = body_of(), secrets.token_bytes(32)
    with pytest.raises(BadSignature):
        polar.verify(body, signed(body, fresh))
    new = "whsec_" + base64.b64encode(fresh).decode()
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=(new, STANDARD)))
    assert polar.verify(body, signed(body, fresh)).id == polar.verify(body, signed(body)).id
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=(new,)))
    with pytest.raises(BadSignature):
        polar.verify(body, signed(body))


@pytest.mark.parametrize("secret_list", [(), ("",), ("whsec_",), ("whsec_====",)])
def test_without_a_secret_nothing_is_believed(secret_list):
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=secret_list))
    body = body_of()
    for key in (b"\0", b" ", bytes(range(32))):
        with pytest.raises(BadSignature):
            polar.verify(body, signed(body, key))


def test_a_secret_that_decodes_to_a_guessable_key_is_only_taken_as_it_is_written():
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=("whsec_AAAA",)))
    body = body_of()
    with pytest.raises(BadSignature):
        polar.verify(body, signed(body, b"\0\0\0"))
    assert polar.verify(body, signed(body, b"whsec_AAAA"))


def test_a_secret_that_is_no_base64_after_its_prefix_is_only_taken_as_it_is_written():
    mixed = STANDARD[:20] + "!!!!" + STANDARD[20:]
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=(mixed,)))
    body = body_of()
    with pytest.raises(BadSignature):
        polar.verify(body, signed(body))
    assert polar.verify(body, signed(body, mixed.encode()))


def spoiled(body, how):
    good = signed(body)
    minutes = timedelta(minutes=5, seconds=5)
    match how:
        case "another secret":
            return signed(body, b"somebody else's secret")
        case "too old":
            return signed(body, when=datetime.now(UTC) - minutes)
        case "too new":
            return signed(body, when=datetime.now(UTC) + minutes)
        case "another id":
            return good | {"Webhook-Id": "whe_2"}
        case "another time":
            return good | {"Webhook-Timestamp": str(int(time.time()) - 30)}
        case "no headers":
            return {}
        case "no signature" | "no id" | "no timestamp":
            return {name: value for name, value in good.items() if not name.lower().endswith(how[3:])}
        case "another version":
            return good | {"Webhook-Signature": good["Webhook-Signature"].replace("v1,", "v2,")}
        case "nonsense" | "not base64" | "not ascii" | "empty":
            text = {"nonsense": "x", "not base64": "v1,?", "not ascii": "v1,é²", "empty": ""}[how]
            return good | {"Webhook-Signature": text}
        case "endless time" | "huge time" | "no number":
            return good | {
                "Webhook-Timestamp": {"endless time": "inf", "huge time": "9" * 400, "no number": "now"}[how]
            }
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        "another secret",
        "too old",
        "too new",
        "another id",
        "another time",
        "no headers",
        "no signature",
        "no id",
        "no timestamp",
        "another version",
        "nonsense",
        "not base64",
        "not ascii",
        "empty",
        "endless time",
        "huge time",
        "no number",
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(how):
    body = body_of()
    assert polar.verify(body, signed(body))
    with pytest.raises(BadSignature):
        polar.verify(body, spoiled(body, how))


def test_a_changed_or_cut_body_is_refused():
    body = body_of()
    good = signed(body)
    for bad in (body[:-1], body.replace(b"sub_1", b"sub_2"), b"", b"\xff\xfe" + body):
        with pytest.raises(BadSignature):
            polar.verify(bad, good)


@pytest.mark.parametrize("body", [b"", b"not json", b"{", b"[" * 100_000])
def test_a_signed_body_that_is_not_json_is_no_event(body):
    with pytest.raises(BadSignature):
        polar.verify(body, signed(body))


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"{}", b'{"type": 7, "data": []}', b'{"data": {"id": 5}}'])
def test_a_signed_event_of_an_unknown_shape_is_taken_and_means_nothing(body):
    when = datetime.now(UTC).replace(microsecond=0)
    found = polar.verify(body, signed(body, when=when))
    assert (found.id, found.type, found.subject, found.happened_at) == ("whe_1", "unknown", "whe_1", when)
    assert polar.facts(body) == []


@pytest.mark.parametrize(
    ("kind", "name", "subject"),
    [
        ("subscription.revoked", "subscription", "sub_1"),
        ("order.paid", "order", "sub_1"),
        ("refund.updated", "refund", "sub_1"),
        ("order.paid", "order_once", "cus_1"),
        ("checkout.updated", "checkout", "cus_1"),
        ("customer.updated", "customer", "cus_1"),
        ("customer.state_changed", "customer_state", "cus_1"),
    ],
)
def test_events_of_one_subscription_wait_for_each_other_and_others_for_their_customers(kind, name, subject):
    body = body_of(kind, name)
    assert polar.verify(body, signed(body)).subject == subject


# --- subscriptions --------------------------------------------------------------------------------------------

SUBSCRIPTION = {
    "provider": "polar",
    "customer_id": "cus_1",
    "organization": OURS,
    "happened_at": at("06-15T12:00:05.250000"),
    "asked_at": ASKED,
    "id": "sub_1",
    "price_id": "prod_monthly",
    "status": "active",
    "quantity": 1,
    "started_at": BEGINS,
    "period_start_at": BEGINS,
    "period_end_at": ENDS,
    "purchaser": USER,
}
KINDS = ("created", "active", "updated", "cycled", "canceled", "uncanceled", "revoked", "paused", "resumed")


@pytest.mark.parametrize("kind", KINDS)
def test_each_word_about_a_subscription_has_it_fetched_anew(api, kind):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", seats=7))
    stale = recorded("subscription", status="incomplete", seats=1)
    (fact,) = told(f"subscription.{kind}", stale)
    named = hashlib.sha256(json.dumps(event(f"subscription.{kind}", stale)).encode()).hexdigest()
    assert fact == SubscriptionChanged(**SUBSCRIPTION | {"quantity": 7, "event_id": named})
    headers = asked(api).headers
    assert (headers["Authorization"], headers["Polar-Version"]) == (f"Bearer {KEY}", "2026-10")
    assert "Idempotency-Key" not in headers


def test_the_same_event_twice_is_the_same_facts(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    assert told("subscription.updated", recorded("subscription")) == told(
        "subscription.updated", recorded("subscription")
    )


def test_a_subscription_that_polar_does_not_know_any_more_is_as_the_event_says(api):
    api.play("GET", "/v1/subscriptions/sub_1", missing(), 404)
    (fact,) = told("subscription.revoked", recorded("subscription", status="canceled"))
    assert (fact.status, fact.asked_at) == ("canceled", None)


def test_it_is_asked_before_the_answer_and_not_after(api, clock):
    def later(request):
        clock.forward(seconds=9)
        return 200, {}, json.dumps(recorded("subscription"))

    api.add_callback("GET", API + "/v1/subscriptions/sub_1", later)
    (fact,) = told("subscription.updated", recorded("subscription"))
    assert fact.asked_at == ASKED < clock()


@pytest.mark.parametrize("status", polar_reading.STATUSES)
def test_polars_statuses_are_ours(status, gone):
    (fact,) = told("subscription.updated", recorded("subscription", status=status))
    assert fact.status == status
    assert fact.first_unpaid == (status in ("incomplete", "incomplete_expired"))
    assert fact.unpaid_since_at == (BEGINS if status in ("past_due", "unpaid") else None)
    assert fact.collection_paused == (status == "paused")


@pytest.mark.parametrize(
    ("kind", "name", "thing"),
    [
        ("subscription.updated", "subscription", "subscription"),
        ("order.updated", "order_once", "order"),
        ("checkout.updated", "checkout", "checkout"),
    ],
)
def test_billing_f06_a_status_that_is_not_known_is_said_and_not_guessed(gone, kind, name, thing):
    (fact,) = told(kind, recorded(name, status="upside_down"))
    assert (type(fact), fact.thing, fact.id, fact.status) == (StatusUnknown, thing, recorded(name)["id"], "upside_down")
    assert fact.organization == OURS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"cancel_at_period_end": True, "ends_at": "2026-07-15T12:00:00Z"},
            {"cancel_at_period_end": True, "cancel_at": ENDS},
        ),
        ({"cancel_at_period_end": True}, {"cancel_at_period_end": True, "cancel_at": ENDS}),
        ({"cancel_at_period_end": False}, {"cancel_at_period_end": False, "cancel_at": None}),
        ({"status": "canceled", "ended_at": "2026-06-20T08:00:00Z"}, {"ended_at": at("06-20T08:00:00")}),
        ({"status": "trialing", "trial_end": "2026-06-29T12:00:00Z"}, {"trial_ends_at": at("06-29T12:00:00")}),
        ({"status": "past_due", "past_due_at": "2026-06-15T12:03:00Z"}, {"unpaid_since_at": at("06-15T12:03:00")}),
        (
            {"pause_at_period_end": True, "resumes_at": "2026-09-01T00:00:00Z"},
            {"status": "active", "collection_paused": True, "resumes_at": at("09-01T00:00:00")},
        ),
        (
            {
                "pending_update": {
                    "id": "u",
                    "product_id": "prod_yearly",
                    "seats": None,
                    "applies_at": "2026-07-15T12:00:00Z",
                }
            },
            {"pending_price_id": "prod_yearly"},
        ),
        ({"seats": 12}, {"quantity": 12}),
        ({"metadata": {}}, {"organization": OURS, "purchaser": None}),
        ({"metadata": {}, "customer": {"id": "cus_1", "external_id": None}}, {"organization": None}),
        ({"metadata": {"organization": 7, "user": 8}}, {"organization": None, "purchaser": None}),
        ({"current_period_end": None, "ends_at": None}, {"period_end_at": None}),
        ({"started_at": "2026-06-15T14:00:00+02:00"}, {"started_at": BEGINS}),
    ],
)
def test_a_subscription_is_read_whole(changes, expected, gone):
    (fact,) = told("subscription.updated", recorded("subscription", **changes))
    assert {name: getattr(fact, name) for name in expected} == expected


def test_a_payment_that_failed_brings_the_open_order_along(api):
    owed = {
        "status": "past_due",
        "past_due_at": "2026-07-15T12:01:00Z",
        "current_period_start": "2026-07-15T12:00:00Z",
        "current_period_end": "2026-08-15T12:00:00Z",
    }
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", **owed))
    open_order = recorded(
        "order",
        id="order_9",
        status="pending",
        paid=False,
        billing_reason="subscription_cycle",
        created_at="2026-07-15T12:00:30Z",
        next_payment_attempt_at="2026-07-17T12:01:00Z",
        subscription=recorded("subscription", **owed),
    )
    api.list("/v1/orders/", open_order, recorded("order"))
    changed, *first, failed = told("subscription.past_due", recorded("subscription"))
    assert (changed.status, changed.unpaid_since_at) == ("past_due", at("07-15T12:01:00"))
    assert [(type(fact), getattr(fact, "id", None)) for fact in first] == [
        (PaymentReceived, "order_1"),
        (PaymentRefunded, None),
    ]
    assert failed == PaymentFailed(
        provider="polar",
        customer_id="cus_1",
        organization=OURS,
        happened_at=changed.happened_at,
        event_id=changed.event_id,
        asked_at=ASKED,
        id="order_9",
        subscription_id="sub_1",
        price_id="prod_monthly",
        reason="cycle",
        amount=1428,
        currency="USD",
        period_start_at=at("07-15T12:00:00"),
        period_end_at=at("08-15T12:00:00"),
        next_attempt_at=at("07-17T12:01:00"),
    )
    assert asked(api).query == {"subscription_id": "sub_1", "sorting": "-created_at", "limit": "10"}


def test_a_failed_payment_of_a_subscription_that_is_gone_is_as_the_event_says(api):
    api.play("GET", "/v1/subscriptions/sub_1", missing(), 404)
    (fact,) = told("subscription.past_due", recorded("subscription", status="past_due"))
    assert (fact.status, fact.asked_at) == ("past_due", None)


def test_a_migrated_subscription_whose_event_tells_only_ids_means_nothing():
    assert told("subscription.migrated", {"subscription_id": "sub_1", "stripe_subscription_id": "sub_s"}) == []


# --- orders, refunds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["created", "paid", "updated", "refunded"])
def test_an_order_tells_of_its_subscription_first_and_then_of_money(api, kind):
    api.play("GET", "/v1/orders/order_1", recorded("order"))
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    changed, received, refunded = told(f"order.{kind}", recorded("order", status="pending", total_amount=1))
    same = {
        "provider": "polar",
        "customer_id": "cus_1",
        "organization": OURS,
        "event_id": changed.event_id,
        "happened_at": changed.happened_at,
        "asked_at": ASKED,
    }
    assert (type(changed), changed.id, changed.asked_at) == (SubscriptionChanged, "sub_1", ASKED)
    assert received == PaymentReceived(
        **same,
        id="order_1",
        subscription_id="sub_1",
        price_id="prod_monthly",
        reason="create",
        amount=1428,
        currency="USD",
        period_start_at=BEGINS,
        period_end_at=ENDS,
        paid_at=at("06-15T12:00:01"),
        purchaser=USER,
        checkout_id="chk_1",
    )
    assert refunded == PaymentRefunded(**same, payment_id="order_1", amount_refunded=0)


def test_an_order_that_is_gone_tells_what_its_event_says(gone):
    changed, received, refunded = told(
        "order.refunded", recorded("order", status="partially_refunded", refunded_amount=300, refunded_tax_amount=57)
    )
    assert (changed.id, changed.status, changed.organization) == ("sub_1", "active", OURS)
    assert {fact.asked_at for fact in (changed, received, refunded)} == {None}
    assert refunded.amount_refunded == 357


def test_an_order_for_good_is_bought_once_and_knows_its_tier(api):
    api.play("GET", "/v1/orders/order_2", recorded("order_once"))
    received, refunded = told("order.paid", recorded("order_once"))
    assert (received.reason, received.subscription_id, received.price_id) == ("once", None, "prod_lifetime")
    assert (received.tier, received.purchaser, received.checkout_id) == ("commercial", USER, "chk_2")
    assert (received.period_start_at, received.period_end_at) == (None, None)
    assert refunded.payment_id == "order_2"


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        ("purchase", "once"),
        ("subscription_create", "create"),
        ("subscription_cycle", "cycle"),
        ("subscription_update", "update"),
        ("a_new_one", "other"),
    ],
)
def test_why_an_order_was_made(reason, ours, gone):
    received = next(
        f for f in told("order.paid", recorded("order", billing_reason=reason)) if type(f) is PaymentReceived
    )
    assert received.reason == ours


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({}, 0),
        ({"status": "partially_refunded", "refunded_amount": 400, "refunded_tax_amount": 76}, 476),
        ({"status": "partially_refunded", "refunded_amount": 800, "refunded_tax_amount": 152}, 952),
        ({"status": "refunded", "refunded_amount": 1200, "refunded_tax_amount": 228}, 1428),
        # 500 were paid from the customer's balance, so no more than the rest can come back: it is all the same
        (
            {"status": "refunded", "applied_balance_amount": -500, "refunded_amount": 700, "refunded_tax_amount": 228},
            1428,
        ),
    ],
)
def test_what_was_refunded_counts_with_its_tax_and_all_is_all(changes, amount, gone):
    received, refunded = told("order.updated", recorded("order", **changes))[1:]
    assert (received.amount, refunded.amount_refunded) == (1428, amount)


def test_a_refund_that_failed_lowers_what_was_refunded(api):
    api.play(
        "GET",
        "/v1/orders/order_1",
        recorded("order", status="partially_refunded", refunded_amount=400, refunded_tax_amount=76),
    )
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    assert told("refund.created", recorded("refund"))[-1].amount_refunded == 476
    api.replace("GET", API + "/v1/orders/order_1", json=recorded("order"))
    for status in ("failed", "canceled"):
        last = told("refund.updated", recorded("refund", status=status))[-1]
        assert (last.payment_id, last.amount_refunded, last.asked_at) == ("order_1", 0, ASKED)


def test_a_refund_whose_order_can_not_be_asked_for_says_nothing(api):
    api.play("GET", "/v1/orders/order_1", missing(), 404)
    assert told("refund.updated", recorded("refund")) == []


@pytest.mark.parametrize("status", ["draft", "pending"])
def test_an_order_that_is_not_paid_yet_brings_no_money(status, gone):
    assert [type(fact) for fact in told("order.created", recorded("order", status=status, paid=False))] == [
        SubscriptionChanged
    ]


@pytest.mark.parametrize("next_at", [None, "2026-07-01T00:00:00Z"])
def test_an_order_that_will_not_be_collected_is_void(next_at, gone):
    failed = told("order.updated", recorded("order", status="void", next_payment_attempt_at=next_at))[-1]
    assert (type(failed), failed.void, failed.next_attempt_at) == (PaymentFailed, True, None)


def test_an_order_of_nothing_counts_as_paid(gone):
    received = told("order.paid", recorded("order", total_amount=0, net_amount=0, tax_amount=0))[1]
    assert (type(received), received.amount) == (PaymentReceived, 0)


LATER = {"current_period_start": "2026-09-15T12:00:00Z", "current_period_end": "2026-10-15T12:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "subscription", "expected"),
    [
        # while it is the present period, just that
        ({"billing_reason": "subscription_cycle"}, {}, (BEGINS, ENDS)),
        ({"created_at": "2026-06-15T11:59:30Z"}, {}, (BEGINS, ENDS)),
        # asked about later, reckoned from when it was made
        ({"billing_reason": "subscription_cycle"}, LATER, (at("06-15T12:00:01"), at("07-15T12:00:01"))),
        ({"created_at": "2026-01-31T12:00:00Z"}, LATER, (at("01-31T12:00:00"), at("02-28T12:00:00"))),
        (
            {"product": {"recurring_interval": "year", "recurring_interval_count": 2}},
            LATER,
            (at("06-15T12:00:01"), datetime(2028, 6, 15, 12, 0, 1, tzinfo=UTC)),
        ),
        (
            {"product": {"recurring_interval": "week", "recurring_interval_count": 2}},
            LATER,
            (at("06-15T12:00:01"), at("06-29T12:00:01")),
        ),
        ({"product": None}, LATER, (at("06-15T12:00:01"), at("07-15T12:00:01"))),
        ({}, LATER | {"trial_end": "2026-06-29T12:00:00Z"}, (at("06-15T12:00:01"), at("06-29T12:00:00"))),
        # the difference of a change begins no period, unless a new interval began with it
        ({"billing_reason": "subscription_update", "created_at": "2026-06-20T12:00:00Z"}, {}, (None, None)),
        ({"billing_reason": "subscription_update"}, {}, (BEGINS, ENDS)),
        ({"billing_reason": "purchase"}, {}, (None, None)),
    ],
)
def test_the_period_an_order_pays_for(changes, subscription, expected, gone):
    order = recorded("order", **changes)
    order["subscription"] |= subscription
    received = next(fact for fact in told("order.updated", order) if isinstance(fact, PaymentReceived))
    assert (received.period_start_at, received.period_end_at) == expected


# --- checkouts, customers, and what doesn't concern us --------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "completed"),
    [("open", None), ("confirmed", None), ("succeeded", True), ("expired", False), ("failed", False)],
)
def test_a_checkout_comes_to_its_end_once(api, status, completed):
    api.play("GET", "/v1/checkouts/chk_1", recorded("checkout", status=status))
    found = told("checkout.updated", recorded("checkout"))
    assert [(type(fact), fact.id, fact.completed, fact.organization) for fact in found] == (
        [] if completed is None else [(CheckoutClosed, "chk_1", completed, OURS)]
    )


def test_an_expired_checkout_without_a_customer_is_told_too(gone):
    (fact,) = told("checkout.expired", recorded("checkout", status="expired", customer_id=None, metadata={}))
    assert (fact.customer_id, fact.organization, fact.completed) == ("", OURS, False)


@pytest.mark.parametrize("kind", ["created", "updated"])
def test_a_customer_changed(api, kind):
    api.play("GET", "/v1/customers/cus_1", recorded("customer", email="new@example.org"))
    (fact,) = told(f"customer.{kind}", recorded("customer"))
    assert fact == CustomerChanged(
        provider="polar",
        customer_id="cus_1",
        organization=OURS,
        happened_at=fact.happened_at,
        event_id=fact.event_id,
        asked_at=ASKED,
        email="new@example.org",
    )


def test_a_deleted_customer_needs_no_asking(api):
    (fact,) = told("customer.deleted", recorded("customer"))
    assert (fact.customer_id, fact.organization, fact.deleted) == ("cus_1", OURS, True)
    assert not api.calls


def test_a_customer_that_is_gone_is_not_taken_for_deleted(api):
    api.play("GET", "/v1/customers/cus_1", missing(), 404)
    (fact,) = told("customer.updated", recorded("customer"))
    assert (fact.deleted, fact.asked_at) == (False, None)


def test_a_customers_state_brings_all_its_subscriptions(api):
    api.play("GET", "/v1/customers/cus_1", recorded("customer"))
    ended = recorded("subscription", id="sub_0", status="canceled")
    api.list("/v1/subscriptions/", ended, pages=2)
    api.list("/v1/subscriptions/", recorded("subscription"), pages=2)
    customer, first, second = told("customer.state_changed", recorded("customer_state"))
    assert (customer.email, first.id, first.status, second.id) == ("alice@example.org", "sub_0", "canceled", "sub_1")
    assert {fact.asked_at for fact in (customer, first, second)} == {ASKED}
    assert asked(api).query == {"customer_id": "cus_1", "sorting": "started_at", "limit": "100", "page": "2"}


@pytest.mark.parametrize(
    "kind",
    [
        "benefit.created",
        "benefit_grant.created",
        "benefit_grant.revoked",
        "product.updated",
        "organization.updated",
        "customer_seat.assigned",
        "member.created",
        "discount.deleted",
        "customer.merged",
        "nothing",
    ],
)
def test_other_events_mean_nothing(api, kind):
    assert told(kind, {"id": "x_1", "customer_id": "cus_1", "subscription_id": "sub_1"}) == []
    assert not api.calls


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("subscription.updated", {"id": "sub_1", "status": "active"}),
        ("order.paid", {"id": "o", "status": "paid"}),
        ("subscription.updated", {"status": "active"}),
        ("customer.updated", {}),
        ("order.paid", {"id": "o", "status": "paid", "total_amount": "x", "currency": "usd"}),
        ("subscription.updated", {"id": "s", "product_id": "p", "status": "active", "started_at": "soon"}),
    ],
)
def test_a_shape_that_can_not_be_read_is_tried_again(kind, thing, gone):
    with pytest.raises(ProviderFailed, match="can't be read"):
        told(kind, thing)


# --- the wire ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("live", "base"), [(True, "https://api.polar.sh"), (False, "https://sandbox-api.polar.sh")])
def test_real_money_and_tests_have_their_own_address(api, live, base):
    configuration.use(dataclasses.replace(configuration.active, payment_live=live))
    api.add("GET", base + "/v1/subscriptions/sub_1", json=recorded("subscription"))
    api.add("GET", base + "/v1/orders/", json={"items": []})
    assert [fact.id for fact in polar.refetch("sub_1")] == ["sub_1"]


@pytest.mark.parametrize("status", [307, 400, 401, 403, 422, 429, 500, 502, 503])
def test_a_refusal_is_a_failure_to_be_tried_again(api, status):
    elsewhere = {"Location": API + "/v1/subscriptions/sub_2"}
    api.play("GET", "/v1/subscriptions/sub_1", {"error": "SomeReason", "detail": KEY}, status, headers=elsewhere)
    with pytest.raises(ProviderFailed) as failed:
        told("subscription.updated", recorded("subscription"))
    assert str(failed.value) == f"Polar answered {status} (SomeReason)."


@pytest.mark.parametrize(
    "answer", [{}, {"items": 5}, {"items": [], "pagination": {}}, {"items": ["x"], "pagination": {"max_page": 1}}]
)
def test_a_list_that_can_not_be_read_is_a_failure(api, answer):
    api.play("GET", "/v1/subscriptions/", answer)
    with pytest.raises(ProviderFailed, match="can't be read"):
        list(polar.list_active())


def test_a_version_that_was_removed_gives_way_to_the_current_one(api):
    old = [responses.matchers.header_matcher({"Polar-Version": "2026-10"})]
    api.play("GET", "/v1/subscriptions/sub_1", {"detail": "Not Found"}, 404, match=old)
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    (fact,) = told("subscription.updated", recorded("subscription"))
    assert fact.asked_at == ASKED
    assert "Polar-Version" not in asked(api).headers


def test_an_address_that_is_not_there_is_no_subscription_that_is_gone(api):
    api.play("GET", "/v1/subscriptions/sub_1", {"detail": "Not Found"}, 404)
    with pytest.raises(ProviderFailed):
        told("subscription.updated", recorded("subscription"))
    api.play("DELETE", "/v1/subscriptions/sub_1", {"detail": "Not Found"}, 404)
    with pytest.raises(ProviderFailed):
        polar.end("sub_1", "end-1")


def test_an_id_can_not_lead_elsewhere(api):
    api.play("GET", "/v1/subscriptions/..%2Fcustomers%3Fx", missing(), 404)
    assert polar.refetch("../customers?x") == []


class Wire(requests.adapters.BaseAdapter):
    """A transport of one's own, as the sandbox has: it answers without a network."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def send(self, request, **options):
        self.asked.append((request.method, request.url, options["timeout"]))
        answer = requests.Response()
        answer.status_code, answer._content, answer.request, answer.url = (
            404,
            json.dumps(missing()).encode(),
            request,
            request.url,
        )
        return answer

    def close(self):
        pass


def test_a_transport_takes_the_place_of_the_network(monkeypatch):
    wire = Wire()
    monkeypatch.setattr(providers, "account", lambda: provider.Account("key", (), {}, False, transport=wire))
    assert polar.refetch("sub_1") == []
    assert wire.asked == [("GET", API + "/v1/subscriptions/sub_1", http.TIMEOUT)]


# --- asking how things stand ------------------------------------------------------------------------------------


def test_refetching_brings_the_subscription_and_its_newest_orders_oldest_first(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    api.list("/v1/orders/", recorded("order", id="order_b"), recorded("order", id="order_a"))
    changed, *money = polar.refetch("sub_1")
    assert changed == SubscriptionChanged(**SUBSCRIPTION | {"happened_at": ASKED, "event_id": changed.event_id})
    assert [getattr(fact, "id", None) or fact.payment_id for fact in money] == [
        "order_a",
        "order_a",
        "order_b",
        "order_b",
    ]
    assert changed.event_id.startswith("asked:")


def test_what_is_not_over_is_listed_page_by_page(api):
    api.list(
        "/v1/subscriptions/", recorded("subscription"), recorded("subscription", id="sub_0", status="canceled"), pages=2
    )
    api.list("/v1/subscriptions/", recorded("subscription", id="sub_2", status="past_due"), pages=2)
    assert [[fact.id for fact in page] for page in polar.list_active()] == [["sub_1"], ["sub_2"]]
    assert [asked(api, n).query for n in (0, 1)] == [
        {"status": list(polar_asking.STANDING), "sorting": "started_at", "limit": "100", "page": page}
        for page in ("1", "2")
    ]


def test_a_list_is_read_as_it_is_wanted(api):
    api.list("/v1/subscriptions/", recorded("subscription"), pages=2)
    assert next(polar.list_active())
    assert len(api.calls) == 1


def test_what_happened_since_is_orders_refunds_and_disputes(api):
    since = at("06-10T00:00:00")
    api.list("/v1/orders/", recorded("order_once"), recorded("order", id="order_b"), recorded("order"), pages=3)
    api.list("/v1/orders/", recorded("order", id="old", created_at="2026-06-09T00:00:00Z"), pages=3)
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    api.list(
        "/v1/refunds/",
        recorded("refund", order_id="older"),
        recorded("refund"),
        recorded("refund", created_at="2026-06-09T00:00:00Z", order_id="x"),
    )
    api.play("GET", "/v1/orders/older", recorded("order", id="older", status="refunded"))
    api.list(
        "/v1/disputes/",
        recorded("dispute"),
        recorded("dispute", id="dis_0", status="won", created_at="2026-02-01T00:00:00Z"),
    )
    first, end, refunds, disputes = polar.list_since(since)
    assert [type(fact) for fact in first] == [
        PaymentReceived,
        PaymentRefunded,
        SubscriptionChanged,
        PaymentReceived,
        PaymentRefunded,
        PaymentReceived,
        PaymentRefunded,
    ]
    assert end == []
    assert [(fact.payment_id, fact.amount_refunded) for fact in refunds if type(fact) is PaymentRefunded] == [
        ("older", 1428)
    ]
    assert [(type(fact), fact.payment_id, fact.id, fact.customer_id) for fact in disputes] == [
        (DisputeOpened, "order_1", "dis_1", "cus_1"),
        (DisputeClosed, "order_1", "dis_0", "cus_1"),
    ]
    assert {fact.asked_at for fact in (*first, *refunds, *disputes)} == {ASKED}
    assert paths(api).count("GET /v1/subscriptions/sub_1") == 1
    assert asked(api, 0).query["sorting"] == "-created_at"


@pytest.mark.parametrize(
    ("status", "kind", "won"),
    [
        ("needs_response", DisputeOpened, None),
        ("under_review", DisputeOpened, None),
        ("won", DisputeClosed, True),
        ("lost", DisputeClosed, False),
        ("prevented", None, None),
        ("early_warning", None, None),
        ("upside_down", StatusUnknown, None),
    ],
)
def test_what_a_dispute_means(api, status, kind, won):
    api.list("/v1/orders/")
    api.list("/v1/refunds/")
    api.list("/v1/disputes/", recorded("dispute", status=status))
    found = list(polar.list_since(NEVER))[-1]
    assert [(type(fact), getattr(fact, "won", None)) for fact in found] == ([] if kind is None else [(kind, won)])


@pytest.mark.parametrize(("status", "fails"), [(403, False), (404, False), (500, True)])
def test_a_key_that_may_not_see_disputes_sees_the_rest(api, status, fails):
    api.list("/v1/orders/", recorded("order_once"))
    api.list("/v1/refunds/")
    api.play("GET", "/v1/disputes/", missing("Forbidden"), status)
    pages = polar.list_since(NEVER)
    assert len(next(pages)) == 2
    if fails:
        with pytest.raises(ProviderFailed):
            list(pages)
    else:
        assert list(pages) == [[]]


def test_what_could_not_be_delivered_is_found_once_and_oldest_first(api):
    def delivery(id, **changes):
        found = recorded("delivery", id=f"whd_{id}")
        found["webhook_event"] |= {"id": id} | changes
        return found

    api.list(
        "/v1/webhooks/deliveries", delivery("whe_3"), delivery("whe_2", succeeded=True), delivery("whe_3"), pages=2
    )
    api.list("/v1/webhooks/deliveries", delivery("whe_1"), delivery("whe_0", payload=None, is_archived=True), pages=2)
    found = list(polar.missed(at("06-15T00:00:00")))
    assert [one.event.id for one in found] == ["whe_1", "whe_3"]
    assert (found[0].event.type, found[0].event.subject) == ("subscription.updated", "sub_1")
    assert found[0].event.happened_at == at("06-15T12:00:05")
    assert found[0].body.decode() == recorded("delivery")["webhook_event"]["payload"]
    assert asked(api, 0).query == {
        "succeeded": "false",
        "start_timestamp": "2026-06-15T00:00:00+00:00",
        "limit": "100",
        "page": "1",
    }


def test_a_missed_event_is_the_one_that_would_have_come(api):
    api.list("/v1/webhooks/deliveries", recorded("delivery"))
    (one,) = polar.missed(NEVER)
    assert polar.verify(one.body, signed(one.body)) == one.event


def test_a_checkout_that_was_paid_tells_what_was_bought(api):
    api.play("GET", "/v1/checkouts/chk_1", recorded("checkout", status="succeeded"))
    api.list("/v1/orders/", recorded("order"))
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    found = polar.confirm("chk_1")
    assert [type(fact) for fact in found] == [SubscriptionChanged, PaymentReceived, PaymentRefunded, CheckoutClosed]
    assert found[-1].completed
    assert asked(api, 1).query["checkout_id"] == "chk_1"


def test_a_trial_begins_without_an_order(api):
    api.play("GET", "/v1/checkouts/chk_1", recorded("checkout", status="succeeded"))
    api.list("/v1/orders/")
    api.list(
        "/v1/subscriptions/",
        recorded("subscription", id="other", checkout_id="chk_0"),
        recorded("subscription", status="trialing"),
    )
    changed, closed = polar.confirm("chk_1")
    assert (changed.id, changed.status, closed.completed) == ("sub_1", "trialing", True)


@pytest.mark.parametrize(
    ("status", "ends"), [("open", []), ("confirmed", []), ("expired", [False]), ("failed", [False])]
)
def test_a_checkout_that_was_not_paid_tells_at_most_its_end(api, status, ends):
    api.play("GET", "/v1/checkouts/chk_1", recorded("checkout", status=status))
    assert [fact.completed for fact in polar.confirm("chk_1")] == ends


# --- what we ask of it ------------------------------------------------------------------------------------------

ACME = SimpleNamespace(public_id=OURS, name="Acme")


def test_a_customer_is_made_with_our_id(api):
    api.play("POST", "/v1/customers/", recorded("customer"), 201)
    assert polar.create_customer(ACME, "alice@example.org", "customer-1") == "cus_1"
    body, headers = asked(api).body, asked(api).headers
    assert body == {
        "external_id": OURS,
        "email": "alice@example.org",
        "name": "Acme",
        "metadata": {"organization": OURS},
    }
    assert headers["Idempotency-Key"] == "customer-1"


@pytest.mark.parametrize("status", [409, 422])
def test_the_same_customer_is_made_once(api, status):
    api.play("POST", "/v1/customers/", {"error": "RequestValidationError"}, status)
    api.play("GET", f"/v1/customers/external/{OURS}", recorded("customer"))
    assert polar.create_customer(ACME, "alice@example.org", "customer-1") == "cus_1"


def test_somebody_elses_customer_is_not_taken_over_by_its_address(api):
    api.play("POST", "/v1/customers/", {"error": "RequestValidationError"}, 422)
    api.play("GET", f"/v1/customers/external/{OURS}", missing(), 404)
    api.list("/v1/customers/", recorded("customer", id="cus_9", external_id=None, email="Alice@example.org"))
    with pytest.raises(CannotDo, match="another address"):
        polar.create_customer(ACME, "alice@example.org", "customer-1")
    assert asked(api).query["email"] == "alice@example.org"


def test_an_address_that_polar_will_not_take_is_a_failure(api):
    api.play("POST", "/v1/customers/", {"error": "RequestValidationError"}, 422)
    api.play("GET", f"/v1/customers/external/{OURS}", missing(), 404)
    api.list("/v1/customers/", recorded("customer", email="bob@example.org"))
    with pytest.raises(ProviderFailed, match="422"):
        polar.create_customer(ACME, "alice@example.org", "customer-1")


ORDER = Order(
    public_id="ours0000000000000001",
    plan_key="pro_monthly",
    price_id="prod_monthly",
    once=False,
    purchaser=USER,
    email="alice@example.org",
)


def opened(api, order=ORDER, customer="cus_1"):
    api.list("/v1/checkouts/")
    api.play("POST", "/v1/checkouts/", recorded("checkout"), 201)
    found = polar.checkout(
        customer, ACME, order, "https://hall.example/return", "https://hall.example/back", "checkout-1"
    )
    assert found == Opened("chk_1", "https://polar.sh/checkout/polar_c_1", at("06-15T12:55:00"))
    assert asked(api).headers["Idempotency-Key"] == "checkout-1"
    return asked(api).body


def test_a_checkout_is_for_one_product_and_tells_whose_it_is(api):
    assert opened(api) == {
        "products": ["prod_monthly"],
        "customer_id": "cus_1",
        "success_url": "https://hall.example/return",
        "return_url": "https://hall.example/back",
        "allow_trial": False,
        "metadata": {"organization": OURS, "plan": "pro_monthly", "user": USER, "checkout": "ours0000000000000001"},
    }
    assert asked(api, 0).query == {
        "customer_id": "cus_1",
        "status": "open",
        "sorting": "-created_at",
        "limit": "100",
        "page": "1",
    }


def test_a_checkout_without_a_customer_goes_by_our_id(api):
    body = opened(api, dataclasses.replace(ORDER, purchaser=""), customer="")
    assert (body["external_customer_id"], body["customer_email"]) == (OURS, "alice@example.org")
    assert "customer_id" not in body
    assert "user" not in body["metadata"]


def test_a_trial_and_seats_are_what_the_order_says(api):
    body = opened(api, dataclasses.replace(ORDER, trial_days=14, quantity=5))
    assert (body["allow_trial"], body["trial_interval"], body["trial_interval_count"]) == (True, "day", 14)
    assert (body["seats"], body["min_seats"], body["max_seats"]) == (5, 5, 5)


def test_what_is_bought_for_good_has_no_trial(api):
    body = opened(api, dataclasses.replace(ORDER, once=True, price_id="prod_lifetime", trial_days=7))
    assert body["products"] == ["prod_lifetime"]
    assert not {"trial_interval", "trial_interval_count", "seats"} & body.keys()


def test_a_checkout_that_is_open_for_the_same_order_is_returned_again(api):
    other = recorded("checkout", id="chk_0", metadata={"checkout": "another"})
    api.list("/v1/checkouts/", other, recorded("checkout", status="succeeded", id="chk_9"), recorded("checkout"))
    assert polar.checkout("cus_1", ACME, ORDER, "r", "b", "checkout-1").id == "chk_1"
    assert paths(api) == ["GET /v1/checkouts/"]


def test_a_checkout_can_not_be_closed_but_one_that_is_paid_is_told(api):
    api.play("GET", "/v1/checkouts/chk_1", recorded("checkout"))
    polar.expire_checkout("chk_1", "expire-1")
    for status in ("confirmed", "succeeded"):
        api.replace("GET", API + "/v1/checkouts/chk_1", json=recorded("checkout", status=status))
        with pytest.raises(ProviderFailed):
            polar.expire_checkout("chk_1", "expire-1")
    assert set(paths(api)) == {"GET /v1/checkouts/chk_1"}


def test_the_portal_is_a_session_of_the_customer(api):
    api.play(
        "POST", "/v1/customer-sessions/", {"customer_portal_url": "https://polar.sh/acme/portal?t=1", "token": "t"}, 201
    )
    assert polar.portal("cus_1", "https://hall.example/acme/billing", "portal-1") == "https://polar.sh/acme/portal?t=1"
    assert asked(api).body == {"customer_id": "cus_1", "return_url": "https://hall.example/acme/billing"}


def test_what_a_change_costs_is_not_told(api):
    assert polar.preview("sub_1", "prod_yearly", 1) is None
    assert {"missed", "pause", "quantity", "trial"} == polar.CAN


def patched(api):
    return [
        (asked(api, n).body, asked(api, n).headers["Idempotency-Key"])
        for n, call in enumerate(api.calls)
        if call.request.method == "PATCH"
    ]


def test_a_change_is_charged_at_once_or_not_made(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    api.play("PATCH", "/v1/subscriptions/sub_1", recorded("subscription", product_id="prod_yearly"))
    polar.change("sub_1", "prod_yearly", 1, "change-1")
    assert patched(api) == [({"product_id": "prod_yearly", "proration_behavior": "invoice"}, "change-1")]


def test_a_change_of_product_and_seats_is_two_requests(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", seats=2))
    api.play("PATCH", "/v1/subscriptions/sub_1", recorded("subscription", product_id="prod_seats", seats=2))
    polar.change("sub_1", "prod_seats", 5, "change-1")
    assert patched(api) == [
        ({"product_id": "prod_seats", "proration_behavior": "invoice"}, "change-1"),
        ({"seats": 5, "proration_behavior": "invoice"}, "change-1-seats"),
    ]


def test_a_change_that_was_made_already_charges_nothing(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", product_id="prod_seats", seats=5))
    polar.change("sub_1", "prod_seats", 5, "change-1")
    assert patched(api) == []


@pytest.mark.parametrize(
    ("seats", "status", "refused"), [(2, 402, CannotDo), (2, 409, ProviderFailed), (None, None, CannotDo)]
)
def test_seats_refused_after_the_product_changed_are_not_called_nothing(api, seats, status, refused):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", seats=2))
    api.play("PATCH", "/v1/subscriptions/sub_1", recorded("subscription", product_id="prod_seats", seats=seats))
    if status:
        api.play("PATCH", "/v1/subscriptions/sub_1", {"error": "Refused"}, status)
    with pytest.raises(refused) as failed:
        polar.change("sub_1", "prod_seats", 5, "change-1")
    if refused is CannotDo:
        assert failed.value.sentence.startswith("The plan was changed, but not the seats: ")
        assert "nothing was changed" not in failed.value.sentence
    else:
        assert failed.value.asked


def test_what_is_not_sold_by_seats_has_none_to_change(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    with pytest.raises(CannotDo, match="seats"):
        polar.change("sub_1", "prod_monthly", 3, "change-1")


@pytest.mark.parametrize(
    ("status", "error", "refusal", "sentence"),
    [
        (402, "PaymentFailed", CannotDo, "this wasn't changed"),
        (403, "AlreadyCanceledSubscription", CannotDo, "ending"),
        (403, "InactiveSubscription", CannotDo, "not running"),
        (403, "insufficient_scope", ProviderFailed, "403"),
        (409, "SubscriptionLocked", ProviderFailed, "SubscriptionLocked"),
        (500, "", ProviderFailed, "500"),
    ],
)
def test_a_change_that_polar_refuses(api, status, error, refusal, sentence):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    api.play("PATCH", "/v1/subscriptions/sub_1", {"error": error}, status)
    with pytest.raises(refusal, match=sentence):
        polar.change("sub_1", "prod_yearly", 1, "change-1")


@pytest.mark.parametrize(("now", "wanted"), list(itertools.product([False, True], repeat=2)))
def test_cancelling_at_the_periods_end_and_taking_it_back(api, now, wanted):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", cancel_at_period_end=now))
    if now != wanted:
        api.play("PATCH", "/v1/subscriptions/sub_1", recorded("subscription"))
    polar.set_cancel_at_period_end("sub_1", wanted, "cancel-1")
    assert patched(api) == ([({"cancel_at_period_end": wanted}, "cancel-1")] if now != wanted else [])


def test_a_pause_begins_when_the_paid_period_ends(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    api.play("PATCH", "/v1/subscriptions/sub_1", recorded("subscription"))
    polar.pause("sub_1", at("09-01T00:00:00"), "pause-1")
    polar.pause("sub_1", None, "pause-2")
    assert patched(api) == [
        ({"pause_at_period_end": True, "resumes_at": "2026-09-01T00:00:00+00:00"}, "pause-1"),
        ({"pause_at_period_end": True}, "pause-2"),
    ]


def test_a_pause_within_the_paid_period_is_refused(api):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription"))
    with pytest.raises(CannotDo, match="before 15 July 2026"):
        polar.pause("sub_1", ENDS, "pause-1")


@pytest.mark.parametrize("held", [{"pause_at_period_end": True}, {"status": "paused"}])
def test_paused_already_is_as_good(api, held):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", **held))
    polar.pause("sub_1", at("09-01T00:00:00"), "pause-1")
    assert patched(api) == []


@pytest.mark.parametrize(
    ("held", "sent"),
    [
        ({"pause_at_period_end": True}, {"pause_at_period_end": False}),
        ({"status": "paused"}, {"resume": True}),
        ({}, None),
    ],
)
def test_a_pause_is_taken_back_or_ended(api, held, sent):
    api.play("GET", "/v1/subscriptions/sub_1", recorded("subscription", **held))
    if sent:
        api.play("PATCH", "/v1/subscriptions/sub_1", recorded("subscription"))
    polar.unpause("sub_1", "unpause-1")
    assert patched(api) == ([(sent, "unpause-1")] if sent else [])


def test_a_subscription_is_ended_at_once(api):
    api.play("DELETE", "/v1/subscriptions/sub_1", recorded("subscription", status="canceled"))
    polar.end("sub_1", "end-1")
    body, headers = asked(api).body, asked(api).headers
    assert (body, headers["Idempotency-Key"]) == (None, "end-1")


def test_one_that_is_gone_or_over_is_as_good_as_ended(api):
    api.play("DELETE", "/v1/subscriptions/sub_1", missing(), 404)
    polar.end("sub_1", "end-1")
    api.replace("DELETE", API + "/v1/subscriptions/sub_1", json=missing("AlreadyCanceledSubscription"), status=403)
    api.play(
        "GET", "/v1/subscriptions/sub_1", recorded("subscription", status="canceled", ended_at="2026-06-15T12:00:00Z")
    )
    polar.end("sub_1", "end-1")
    api.replace("GET", API + "/v1/subscriptions/sub_1", json=recorded("subscription", cancel_at_period_end=True))
    with pytest.raises(ProviderFailed):
        polar.end("sub_1", "end-1")


@pytest.mark.parametrize("status", [401, 403, 409, 503])
def test_an_end_that_failed_is_tried_again(api, status):
    api.play("DELETE", "/v1/subscriptions/sub_1", {"error": "SomeReason"}, status)
    with pytest.raises(ProviderFailed):
        polar.end("sub_1", "end-1")


@pytest.mark.parametrize(
    ("amount", "order", "sent"),
    [
        (None, {}, 1200),
        (None, {"refundable_amount": 800, "refundable_tax_amount": 152}, 800),
        (1428, {}, 1200),
        (714, {}, 600),
        (1, {}, 1),
        (952, {"refundable_amount": 800, "refundable_tax_amount": 152}, 800),
        (500, {"tax_amount": 0, "refundable_tax_amount": 0}, 500),
    ],
)
def test_a_refund_is_asked_for_without_its_tax(api, amount, order, sent):
    api.play("GET", "/v1/orders/order_1", recorded("order", **order))
    api.list("/v1/refunds/", recorded("refund"))
    api.play("POST", "/v1/refunds/", recorded("refund"))
    polar.refund("order_1", amount, "refund-1")
    body, headers = asked(api).body, asked(api).headers
    assert body == {
        "order_id": "order_1",
        "reason": "customer_request",
        "amount": sent,
        "metadata": {"key": "refund-1"},
    }
    assert headers["Idempotency-Key"] == "refund-1"


@pytest.mark.parametrize("amount", range(1, 1428, 97))
def test_what_comes_back_with_its_tax_is_what_was_meant(api, amount):
    api.play("GET", "/v1/orders/order_1", recorded("order"))
    api.list("/v1/refunds/")
    api.play("POST", "/v1/refunds/", recorded("refund"))
    polar.refund("order_1", amount, "refund-1")
    net = asked(api).body["amount"]
    assert abs(net + round(net * 228 / 1200) - amount) <= 1


@pytest.mark.parametrize("status", ["pending", "succeeded"])
def test_a_refund_with_the_same_key_is_made_once(api, status):
    api.play("GET", "/v1/orders/order_1", recorded("order"))
    api.list("/v1/refunds/", recorded("refund", status=status, metadata={"key": "refund-1"}))
    polar.refund("order_1", None, "refund-1")
    assert paths(api) == ["GET /v1/orders/order_1", "GET /v1/refunds/"]


def test_a_refund_with_another_key_is_another_refund(api):
    api.play("GET", "/v1/orders/order_1", recorded("order"))
    api.list("/v1/refunds/", recorded("refund", metadata={"key": "refund-0"}), recorded("refund", metadata={}))
    api.play("POST", "/v1/refunds/", recorded("refund"))
    polar.refund("order_1", 476, "refund-1")
    assert asked(api).body["amount"] == 400


def test_a_refund_that_failed_may_be_made_again(api):
    api.play("GET", "/v1/orders/order_1", recorded("order"))
    api.list("/v1/refunds/", recorded("refund", status="failed", metadata={"key": "refund-1"}))
    api.play("POST", "/v1/refunds/", recorded("refund"))
    polar.refund("order_1", None, "refund-1")
    assert paths(api)[-1] == "POST /v1/refunds/"


def test_where_nothing_is_left_nothing_is_given_back(api):
    spent = recorded("order", status="refunded", refundable_amount=0, refundable_tax_amount=0)
    api.play("GET", "/v1/orders/order_1", spent)
    api.list("/v1/refunds/")
    polar.refund("order_1", None, "refund-1")
    with pytest.raises(CannotDo, match="more than is left"):
        polar.refund("order_1", 1, "refund-2")
    assert "POST /v1/refunds/" not in paths(api)


@pytest.mark.parametrize("status", [400, 403, 422, 500])
def test_a_refund_that_polar_refuses_is_a_failure(api, status):
    api.play("GET", "/v1/orders/order_1", recorded("order"))
    api.list("/v1/refunds/")
    api.play("POST", "/v1/refunds/", {"error": "RefundedAlready"}, status)
    with pytest.raises(ProviderFailed, match="RefundedAlready"):
        polar.refund("order_1", None, "refund-1")


@pytest.mark.parametrize(
    "call",
    [
        lambda: polar.create_customer(ACME, "alice@example.org", "k"),
        lambda: polar.portal("cus_1", "r", "k"),
        lambda: polar.checkout("cus_1", ACME, ORDER, "r", "b", "k"),
        lambda: polar.expire_checkout("chk_1", "k"),
        lambda: polar.change("sub_1", "p", 1, "k"),
        lambda: polar.set_cancel_at_period_end("sub_1", True, "k"),
        lambda: polar.pause("sub_1", None, "k"),
        lambda: polar.unpause("sub_1", "k"),
        lambda: polar.end("sub_1", "k"),
        lambda: polar.refund("order_1", None, "k"),
        lambda: list(polar.products()),
        lambda: list(polar.all_prices()),
        lambda: polar.confirm("chk_1"),
        lambda: polar.refetch("sub_1"),
        lambda: list(polar.list_active()),
        lambda: list(polar.list_since(NEVER)),
        lambda: list(polar.missed(NEVER)),
    ],
)
def test_every_call_fails_calmly_without_a_network(call):
    with responses.RequestsMock(), pytest.raises(ProviderFailed, match="couldn't be reached"):
        call()


# --- from the signature to the rows -------------------------------------------------------------------------------


def renamed(thing, ours):
    return json.loads(json.dumps(thing).replace(OURS, ours))


@pytest.mark.parametrize("told_in", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 1, 3, 0, 2, 3, 0)])
def test_the_same_events_in_any_order_and_repeated_end_in_the_same_rows(cast, api, told_in):
    api.assert_all_requests_are_fired = False
    ours = cast.acme.public_id
    subscription, order, customer = (renamed(recorded(name), ours) for name in ("subscription", "order", "customer"))
    partly = order | {"status": "partially_refunded", "refunded_amount": 400, "refunded_tax_amount": 76}
    for path, thing in (
        ("subscriptions/sub_1", subscription),
        ("orders/order_1", partly),
        ("customers/cus_1", customer),
    ):
        api.play("GET", f"/v1/{path}", thing)
    events = [
        event("customer.created", customer),
        event("subscription.active", subscription, timestamp="2026-06-15T12:00:06Z"),
        event("order.paid", order, timestamp="2026-06-15T12:00:07Z"),
        event("order.refunded", partly, timestamp="2026-06-20T12:00:00Z"),
    ]
    for number in told_in:
        body = json.dumps(events[number]).encode()
        inbox.accept(polar.CHANNEL, polar.verify(body, signed(body, id=f"whe_{number}")), body)
        while inbox.work_off():
            pass
    with everywhere("how the events ended"):
        assert {row.status for row in WebhookEvent.select()} == {"processed"}
    held = trials.state(cast.acme)
    assert held["customer", "cus_1"]["email"] == "alice@example.org"
    assert (held["subscription", "sub_1"]["status"], held["subscription", "sub_1"]["plan_key"]) == (
        "active",
        "pro_monthly",
    )
    paid = held["payment", "order_1"]
    assert (paid["status"], paid["amount"], paid["amount_refunded"], paid["currency"]) == ("paid", 1428, 476, "USD")
    assert (paid["period_start_at"], paid["period_end_at"]) == (BEGINS, ENDS)
    assert [grant["active"] for (what, _), grant in held.items() if what == "grant"].count(True) > 0


# --- what it sells ----------------------------------------------------------------------------------------------


def test_products_are_listed_page_by_page(api):
    first, *rest = recorded("products")
    api.list("/v1/products/", first, pages=2)
    api.list("/v1/products/", *rest, pages=2)
    pages = list(polar.products())
    assert pages[0] == [
        {
            "id": "prod_monthly",
            "name": "Pro",
            "description": "For teams",
            "images": ["https://files.example/pro.png"],
            "active": True,
            "metadata": {"plan": "pro_monthly"},
        }
    ]
    assert [product["id"] for product in pages[1]] == ["prod_lifetime", "prod_seats"]
    assert asked(api).query == {"is_archived": "false", "sorting": "created_at", "limit": "100", "page": "2"}


def test_a_price_has_the_id_of_its_product_by_which_it_is_sold(api):
    api.list("/v1/products/", *recorded("products"))
    monthly, lifetime, seats = next(polar.all_prices())
    assert monthly == {
        "id": "prod_monthly",
        "product": "prod_monthly",
        "amount": 1200,
        "currency": "USD",
        "type": "recurring",
        "interval": "month",
        "interval_count": 1,
        "active": True,
        "lookup_key": None,
        "nickname": None,
        "metadata": {"plan": "pro_monthly"},
    }
    assert (lifetime["amount"], lifetime["currency"], lifetime["type"], lifetime["interval"]) == (
        30000,
        "EUR",
        "one_time",
        "",
    )
    assert (seats["amount"], seats["interval"]) == (900, "year")


TIERS = {"tiers": [{"price_per_seat": 900}, {"price_per_seat": 700}]}


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ({"amount_type": "free"}, 0),
        ({"amount_type": "custom", "preset_amount": 500}, None),
        ({"amount_type": "seat_based", "seat_tiers": TIERS}, None),
        ({"amount_type": "fixed", "price_amount": 990}, 990),
    ],
)
def test_an_amount_that_depends_on_the_buyer_is_none(api, price, amount):
    product = recorded("products")[0] | {"prices": [price | {"price_currency": "eur"}]}
    api.list("/v1/products/", product)
    ((found,),) = polar.all_prices()
    assert (found["amount"], found["currency"]) == (amount, "EUR")


def test_a_product_without_a_price_of_its_own_has_none(api):
    product = recorded("products")[0] | {"prices": [{"amount_type": "metered_unit", "price_currency": "usd"}]}
    api.list("/v1/products/", product)
    assert list(polar.all_prices()) == [[]]
