import copy
import dataclasses
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses
from requests.adapters import BaseAdapter

from database.clock import set_clock
from domain.base import configuration
from domain.money import providers
from domain.money.providers import http, lemon_squeezy
from domain.money.providers.lemon_squeezy import reading as ls_reading
from domain.money.providers.provider import (
    BadSignature,
    CannotDo,
    CustomerChanged,
    DisputeClosed,
    NotOurs,
    Order,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    ProviderFailed,
    StatusUnknown,
    SubscriptionChanged,
)

FOLDER = Path(__file__).parents[3] / "fixtures" / "lemon_squeezy"
API = "https://api.lemonsqueezy.com/v1"
SECRET, OLDER = "shared-secret", "older-secret"
PRICES = {"pro_monthly": "101", "pro_yearly": "102", "pro_lifetime": "103"}
NOW = datetime(2026, 6, 15, 12, 10, tzinfo=UTC)
BOUGHT, RENEWS = datetime(2026, 6, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)
INVOICED = datetime(2026, 6, 15, 12, 0, 2, tzinfo=UTC)
ACME = SimpleNamespace(public_id="org_acme", name="Acme")
OURS = {"organization": "org_acme", "plan": "pro_monthly", "user": "usr_alice", "checkout": "chk_1"}
PORTAL = "https://lemons.lemonsqueezy.com/billing"


def recorded(name, id=None, **attributes):
    """A documented object, with some of its attributes changed."""
    thing = json.loads((FOLDER / f"{name}.json").read_text())
    thing["attributes"] |= attributes
    return thing if id is None else thing | {"id": id}


def event(kind, thing, custom=OURS, **meta):
    meta = {"test_mode": False, "event_name": kind, "webhook_id": "f4b0", "custom_data": custom} | meta
    return json.dumps({"meta": meta, "data": thing}).encode()


def signed(body, secret=SECRET):
    return {"X-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@pytest.fixture(autouse=True)
def configured(unhoused):
    """A store with a key, as a real install has it; the clock stands."""
    set_clock(lambda: NOW)
    use(payment_key="key-of-the-store")


def use(**values):
    ours = {
        "billing_provider": "lemon_squeezy",
        "payment_webhook_secrets": (SECRET, OLDER),
        "payment_prices": PRICES,
        "payment_live": True,
        "lemon_squeezy_store_id": "7",
    }
    configuration.use(dataclasses.replace(configuration.active, **(ours | values)))


@pytest.fixture
def gone():
    """Nothing of what is asked for is there any more, so that what an event says is the last word."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as played:
        played.get(re.compile(re.escape(API)), json={"errors": [{"detail": "Not Found"}]}, status=404)
        yield played


@pytest.fixture
def api():
    """Their API as `responses` plays it: what isn't registered is refused."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as played:
        yield played


def gives(api, path, *things, method="GET", status=200, last=1, **more):
    """One object, or with `listed` a page of a list."""
    listed = more.pop("listed", False)
    body = {"jsonapi": {"version": "1.0"}, "data": list(things) if listed else (things or (None,))[0], **more}
    if listed:
        body["meta"] = {"page": {"currentPage": 1, "perPage": 100, "lastPage": last, "total": len(things)}}
    return api.add(method, f"{API}/{path}", json=body, status=status)


def lists(api, path, *things, **more):
    return gives(api, path, *things, listed=True, **more)


def refuses(api, path, status, detail="No.", method="GET"):
    api.add(method, f"{API}/{path}", json={"errors": [{"status": str(status), "detail": detail}]}, status=status)


def asked(api, at=-1):
    """(method, path, the query as a dict, the body's data) of a request that was made."""
    request = api.calls[at].request
    parts = urlsplit(request.url)
    data = json.loads(request.body)["data"] if request.body else None
    return request.method, parts.path.removeprefix("/v1/"), dict(parse_qsl(parts.query)), data


def written(api):
    return [call.request for call in api.calls if call.request.method != "GET"]


# --- signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_a_signed_event_is_taken_also_while_the_secret_is_being_replaced(secret):
    body = event("subscription_created", recorded("subscription"))
    found = lemon_squeezy.verify(body, signed(body, secret))
    assert found.id == "subscription_created:" + hashlib.sha256(body).hexdigest()
    assert (found.type, found.subject) == ("subscription_created", "12")
    assert found.happened_at == datetime(2026, 6, 15, 12, 0, 5, tzinfo=UTC)


def test_a_repeat_is_the_same_event_and_another_state_is_another():
    body = event("subscription_updated", recorded("subscription"))
    later = event("subscription_updated", recorded("subscription", updated_at="2026-06-16T12:00:00.000000Z"))
    first, again, other = (lemon_squeezy.verify(b, signed(b)) for b in (body, body, later))
    assert first == again
    assert first.id != other.id
    assert first.subject == other.subject


def test_one_state_told_by_two_kinds_is_two_events():
    bodies = [event(kind, recorded("subscription")) for kind in ("subscription_created", "subscription_updated")]
    ids = {lemon_squeezy.verify(body, signed(body)).id for body in bodies}
    assert len(ids) == 2


def test_an_invoice_is_worked_off_with_its_subscription_and_an_order_by_itself():
    """An order, an invoice and a subscription can have the same number."""
    told = {
        "subscription_payment_success": recorded("subscription_invoice", "15"),
        "subscription_updated": recorded("subscription"),
        "order_created": recorded("order"),
        "customer_updated": recorded("customer"),
    }
    bodies = {kind: event(kind, thing) for kind, thing in told.items()}
    subjects = {kind: lemon_squeezy.verify(body, signed(body)).subject for kind, body in bodies.items()}
    assert subjects == {
        "subscription_payment_success": "12",
        "subscription_updated": "12",
        "order_created": "order_12",
        "customer_updated": "customers_31",
    }


def test_an_event_without_a_change_happened_when_its_object_was_made():
    body = event("order_created", recorded("order", updated_at=None))
    assert lemon_squeezy.verify(body, signed(body)).happened_at == BOUGHT


def test_a_long_name_still_gives_an_id_that_fits():
    body = event("x" * 500, recorded("order"))
    found = lemon_squeezy.verify(body, signed(body))
    assert len(found.id) <= 160
    assert len(found.type) <= 120


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Signature": ""},
        {"X-Signature": "nonsense"},
        {"X-Signature": "é²"},
        {"X-Signature": "0" * 64},
        {"X-Signature": "0" * 5000},
        {"x_signature": "a"},
        {"X-Signature": "\udcff"},
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(headers):
    body = event("order_created", recorded("order"))
    with pytest.raises(BadSignature):
        lemon_squeezy.verify(body, headers)


def test_another_secret_a_changed_body_and_a_cut_one_are_refused():
    body = event("order_created", recorded("order"))
    with pytest.raises(BadSignature):
        lemon_squeezy.verify(body, signed(body, "another"))
    for bad in (body[:-1], body.replace(b"9900", b"0099"), b"", b"\xff\xfe" + body):
        with pytest.raises(BadSignature):
            lemon_squeezy.verify(bad, signed(body))


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nothing_fits(secrets):
    use(payment_webhook_secrets=secrets)
    body = event("order_created", recorded("order"))
    with pytest.raises(BadSignature):
        lemon_squeezy.verify(body, signed(body, ""))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{}",
        b"\xff\xff",
        b'{"meta": {}, "data": {}}',
        b"[" * 100_000,
        b'{"meta": {"event_name": "x"}, "data": {"type": "orders", "id": 1, "attributes": {}}}',
        b'{"meta": {"event_name": "x"}, "data": {"type": "orders", "id": 1, "attributes": {"updated_at": 5}}}',
        b'{"meta": {"event_name": "x"}, "data": {"type": "orders", "id": 1, "attributes": {"updated_at": "soon"}}}',
        b'{"meta": {"event_name": 7}, "data": {"type": "o", "id": 1, "attributes": {"updated_at": "2026-06-15"}}}',
        b'{"meta": {"event_name": "a\\nb"}, "data": {"type": "o", "id": 1, "attributes": {"updated_at": "2026-06-15"}}}',
        b'{"meta": {"event_name": "x"}, "data": {"type": "subscription-invoices", "id": 1, "attributes": {}}}',
    ],
)
def test_what_is_signed_and_is_no_event_is_refused(body):
    with pytest.raises(BadSignature):
        lemon_squeezy.verify(body, signed(body))


# --- what isn't for this install --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["subscription_created", "order_created", "subscription_payment_success"])
def test_a_test_event_where_money_is_real_is_not_ours(kind):
    name = {"order_created": "order", "subscription_created": "subscription"}.get(kind, "subscription_invoice")
    with pytest.raises(NotOurs, match="money is real"):
        lemon_squeezy.facts(event(kind, recorded(name, test_mode=True), test_mode=True))
    with pytest.raises(NotOurs):
        lemon_squeezy.facts(event(kind, recorded(name, test_mode=True), test_mode=None))


def test_a_live_event_where_only_tests_are_is_not_ours():
    use(payment_live=False)
    with pytest.raises(NotOurs, match="only tests"):
        lemon_squeezy.facts(event("order_created", recorded("order")))


def test_a_test_event_where_tests_are_made_is_taken(gone):
    use(payment_live=False)
    body = event("subscription_created", recorded("subscription", test_mode=True), test_mode=True)
    assert len(lemon_squeezy.facts(body)) == 1


def test_an_event_of_another_store_is_not_ours():
    with pytest.raises(NotOurs, match="store 8"):
        lemon_squeezy.facts(event("order_created", recorded("order", store_id=8)))


# --- subscriptions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ls_reading.SUBSCRIPTION_EVENTS)
def test_every_subscription_event_has_the_subscription_looked_at_anew(api, kind):
    gives(api, "subscriptions/12", recorded("subscription", variant_id=102))
    body = event(kind, recorded("subscription", status="past_due"))
    [fact] = lemon_squeezy.facts(body)
    assert fact == SubscriptionChanged(
        provider="lemon_squeezy",
        customer_id="31",
        organization="org_acme",
        happened_at=datetime(2026, 6, 15, 12, 0, 5, tzinfo=UTC),
        event_id=lemon_squeezy.verify(body, signed(body)).id,
        asked_at=NOW,
        id="12",
        price_id="102",
        status="active",
        quantity=3,
        started_at=BOUGHT,
        period_end_at=RENEWS,
        purchaser="usr_alice",
    )
    assert asked(api)[:2] == ("GET", "subscriptions/12")
    headers = api.calls[0].request.headers
    assert headers["Authorization"] == "Bearer key-of-the-store"
    assert headers["Accept"] == headers["Content-Type"] == "application/vnd.api+json"


def told(**attributes):
    [fact] = lemon_squeezy.facts(event("subscription_updated", recorded("subscription", **attributes)))
    return fact


def test_a_subscription_that_is_gone_is_as_the_event_says(api):
    refuses(api, "subscriptions/12", 404, "Not Found")
    fact = told(status="expired", ends_at="2026-06-15T11:00:00.000000Z")
    assert (fact.status, fact.asked_at) == ("canceled", None)


@pytest.mark.parametrize("status", [401, 403, 422, 429, 500, 503])
def test_where_it_cannot_be_asked_the_event_waits(api, status):
    refuses(api, "subscriptions/12", status, "Not now.")
    with pytest.raises(ProviderFailed, match="Not now"):
        told()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("on_trial", "trialing"),
        ("active", "active"),
        ("paused", "active"),
        ("past_due", "past_due"),
        ("unpaid", "unpaid"),
        ("cancelled", "active"),
        ("expired", "canceled"),
    ],
)
def test_each_status_has_ours(gone, theirs, ours):
    assert told(status=theirs).status == ours


@pytest.mark.parametrize(
    ("kind", "name", "thing"),
    [
        ("subscription_updated", "subscription", "subscription"),
        ("subscription_payment_success", "subscription_invoice", "invoice"),
        ("order_created", "order", "order"),
    ],
)
def test_billing_f06_a_status_that_is_not_known_is_said_and_not_guessed(gone, kind, name, thing):
    [fact] = lemon_squeezy.facts(event(kind, recorded(name, status="upside_down")))
    assert (type(fact), fact.thing, fact.id, fact.status) == (StatusUnknown, thing, "12", "upside_down")


@pytest.mark.parametrize("kind", ["order_created", "order_refunded"])
def test_billing_f06_an_order_that_is_called_a_fraud_is_lost(api, kind):
    gives(api, "orders/12", recorded("order", status="fraudulent"))
    received, *_, lost = lemon_squeezy.facts(event(kind, recorded("order")))
    assert (type(received), received.id) == (PaymentReceived, "order_12")
    assert (type(lost), lost.payment_id, lost.won, lost.fraud) == (DisputeClosed, "order_12", False, True)


def test_billing_f06_a_subscriptions_order_that_is_called_a_fraud_is_its_first_payment(api):
    gives(api, "orders/40", of_subscription(status="fraudulent"))
    lists(api, "subscriptions", recorded("subscription"))
    renewal = recorded("subscription_invoice", "13", billing_reason="renewal")
    lists(api, "subscriptions/12/subscription-invoices", recorded("subscription_invoice"), renewal)
    *_, lost = lemon_squeezy.facts(event("order_refunded", of_subscription()))
    assert (type(lost), lost.payment_id, lost.id, lost.won) == (DisputeClosed, "si_12", "fraud:si_12", False)


def test_billing_f06_an_invoice_that_is_called_a_fraud_is_lost_and_found_by_asking(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    lists(api, "subscription-invoices", recorded("subscription_invoice", status="fraudulent"))
    lists(api, "orders", of_subscription(status="fraudulent"))
    lists(api, "subscriptions", recorded("subscription"))
    lists(api, "subscriptions/12/subscription-invoices", recorded("subscription_invoice"))
    told = [fact for page in lemon_squeezy.list_since(NOW - timedelta(days=1)) for fact in page]
    assert [fact.payment_id for fact in told if isinstance(fact, DisputeClosed)] == ["si_12", "si_12"]


def test_a_trial_has_an_end_and_may_have_no_seats_yet(gone):
    ends = "2026-06-29T12:00:00.000000Z"
    fact = told(status="on_trial", trial_ends_at=ends, renews_at=ends, first_subscription_item=None)
    assert (fact.status, fact.quantity) == ("trialing", 1)
    assert fact.trial_ends_at == fact.period_end_at == datetime(2026, 6, 29, 12, tzinfo=UTC)


def test_what_is_cancelled_lasts_to_its_end(gone):
    fact = told(status="cancelled", cancelled=True, ends_at="2026-07-14T12:00:00.000000Z")
    ends = datetime(2026, 7, 14, 12, tzinfo=UTC)
    assert (fact.status, fact.cancel_at_period_end) == ("active", True)
    assert (fact.cancel_at, fact.period_end_at, fact.ended_at) == (ends, ends, None)


def test_a_trial_that_is_cancelled_is_still_one(gone):
    ends = "2026-06-29T12:00:00.000000Z"
    assert told(status="cancelled", cancelled=True, ends_at=ends, trial_ends_at=ends).status == "trialing"
    past = "2026-06-01T12:00:00.000000Z"
    assert told(status="cancelled", cancelled=True, ends_at=ends, trial_ends_at=past).status == "active"


def test_what_has_expired_is_over(gone):
    fact = told(status="expired", cancelled=True, ends_at="2026-06-14T12:00:00.000000Z")
    ended = datetime(2026, 6, 14, 12, tzinfo=UTC)
    assert (fact.status, fact.ended_at, fact.period_end_at) == ("canceled", ended, ended)
    assert (fact.cancel_at_period_end, fact.cancel_at) == (False, None)


def test_a_pause_rests_the_collection_and_says_until_when(gone):
    fact = told(status="paused", pause={"mode": "void", "resumes_at": "2026-08-01T00:00:00.000000Z"})
    assert (fact.collection_paused, fact.resumes_at) == (True, datetime(2026, 8, 1, tzinfo=UTC))
    fact = told(status="paused", pause={"mode": "free", "resumes_at": None})
    assert (fact.collection_paused, fact.resumes_at) == (True, None)
    assert told().collection_paused is False
    # One that is cancelled while it is paused has one word for both.
    assert told(status="cancelled", pause={"mode": "void", "resumes_at": None}).collection_paused
    over = {"mode": "void", "resumes_at": "2026-01-01T00:00:00.000000Z"}
    assert not told(status="cancelled", pause=over).collection_paused


def test_what_is_unpaid_says_since_when_and_where_it_can_be_paid(api):
    gives(api, "subscriptions/12", recorded("subscription", status="past_due"))
    waiting = recorded("subscription_invoice", "14", status="pending", created_at="2026-07-15T12:00:00.000000Z")
    lists(api, "subscriptions/12/subscription-invoices", recorded("subscription_invoice"), waiting)
    fact = told(status="past_due")
    assert fact.unpaid_since_at == RENEWS
    assert fact.unpaid_url == PORTAL  # the lasting address, without a signature: it stands the same each time


def test_what_is_unpaid_by_an_event_alone_is_so_since_it_changed(gone):
    fact = told(status="unpaid", updated_at="2026-07-15T12:01:00.000000Z", urls={"customer_portal": None})
    assert (fact.unpaid_since_at, fact.unpaid_url) == (datetime(2026, 7, 15, 12, 1, tzinfo=UTC), None)


def test_what_is_paid_names_no_address(gone):
    assert (told().unpaid_since_at, told().unpaid_url) == (None, None)


@pytest.mark.parametrize("custom", [None, [], {}, {"organization": 5, "user": None}, {"organization": "a\nb"}, "x"])
def test_custom_data_of_any_shape_does_no_harm(gone, custom):
    [fact] = lemon_squeezy.facts(event("subscription_updated", recorded("subscription"), custom))
    assert fact.purchaser is None
    assert fact.organization in (None, "5")
    assert fact.customer_id == "31"


def test_an_event_that_cannot_be_read_waits_for_a_person(gone):
    thing = recorded("subscription")
    del thing["attributes"]["variant_id"]
    with pytest.raises(ProviderFailed, match="can't be read"):
        lemon_squeezy.facts(event("subscription_updated", thing))


@pytest.mark.parametrize("kind", ["license_key_created", "license_key_updated", "affiliate_activated", "of_tomorrow"])
def test_other_kinds_are_taken_and_mean_nothing(kind):
    thing = {"type": "license-keys", "id": "1", "attributes": {"store_id": 7, "updated_at": "2026-06-15T12:00:00Z"}}
    body = event(kind, thing)
    assert lemon_squeezy.verify(body, signed(body)).type == kind
    assert lemon_squeezy.facts(body) == []


@pytest.mark.parametrize("kind", ls_reading.CUSTOMER_EVENTS)
def test_a_customers_address_is_told(kind):
    [fact] = lemon_squeezy.facts(event(kind, recorded("customer", email="new@example.org"), None))
    assert isinstance(fact, CustomerChanged)
    assert (fact.customer_id, fact.email, fact.organization, fact.deleted) == ("31", "new@example.org", None, False)


# --- payments of subscriptions ------------------------------------------------------------------------------


def payment(api, kind, subscription=None, **attributes):
    """The facts of a payment's event, with the invoice as it is now."""
    gives(api, "subscriptions/12", recorded("subscription", **(subscription or {})))
    gives(api, "subscription-invoices/12", recorded("subscription_invoice", **attributes))
    return lemon_squeezy.facts(event(kind, recorded("subscription_invoice"), OURS))


@pytest.mark.parametrize("kind", ["subscription_payment_success", "subscription_payment_recovered"])
def test_a_payment_tells_of_its_subscription_first(api, kind):
    subscription, received = payment(api, kind)
    assert isinstance(subscription, SubscriptionChanged)
    assert isinstance(received, PaymentReceived)
    assert (received.id, received.subscription_id, received.price_id) == ("si_12", "12", "101")
    assert (received.reason, received.amount, received.currency) == ("create", 1200, "USD")
    assert (received.period_start_at, received.period_end_at) == (INVOICED, INVOICED.replace(month=7))
    assert received.paid_at == datetime(2026, 6, 15, 12, 0, 6, tzinfo=UTC)
    assert (received.organization, received.purchaser, received.asked_at) == ("org_acme", "usr_alice", NOW)
    assert received.url.startswith("https://app.lemonsqueezy.com/my-orders/")
    assert subscription.event_id == received.event_id


@pytest.mark.parametrize(
    ("theirs", "ours", "begins"),
    [("initial", "create", True), ("renewal", "cycle", True), ("updated", "update", False), ("new", "other", False)],
)
def test_only_what_begins_a_period_has_one(api, theirs, ours, begins):
    _, received = payment(api, "subscription_payment_success", billing_reason=theirs)
    assert received.reason == ours
    assert (received.period_start_at is not None, received.period_end_at is not None) == (begins, begins)


@pytest.mark.parametrize(
    ("variant", "made", "ends"),
    [
        (101, "2026-01-31T10:00:00.000000Z", "2026-02-28T10:00:00+00:00"),
        (101, "2026-12-15T10:00:00.000000Z", "2027-01-15T10:00:00+00:00"),
        (102, "2028-02-29T10:00:00.000000Z", "2029-02-28T10:00:00+00:00"),
    ],
)
def test_a_period_is_as_long_as_its_plan(api, variant, made, ends):
    _, received = payment(api, "subscription_payment_success", {"variant_id": variant}, created_at=made)
    assert received.period_end_at == datetime.fromisoformat(ends)


def test_after_a_short_month_a_period_ends_on_the_anchors_day_again(api):
    sold = {"variant_id": 101, "billing_anchor": 31}
    _, received = payment(api, "subscription_payment_success", sold, created_at="2026-09-30T10:00:00.000000Z")
    assert received.period_end_at == datetime(2026, 10, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "count", "ends"),
    [
        ("month", 3, "2026-09-15T12:00:02+00:00"),
        ("week", 2, "2026-06-29T12:00:02+00:00"),
        ("day", 10, "2026-06-25T12:00:02+00:00"),
        ("year", 1, "2027-06-15T12:00:02+00:00"),
    ],
)
def test_a_variant_we_no_longer_sell_has_its_period_from_its_price(api, unit, count, ends):
    gives(api, "prices/81", recorded("price", renewal_interval_unit=unit, renewal_interval_quantity=count))
    _, received = payment(api, "subscription_payment_success", {"variant_id": 999})
    assert (received.price_id, received.period_end_at) == ("999", datetime.fromisoformat(ends))


def test_the_first_invoice_of_a_trial_lasts_as_long_as_the_trial(api):
    trial = {"status": "on_trial", "trial_ends_at": "2026-06-29T12:00:00.000000Z"}
    _, received = payment(api, "subscription_payment_success", trial, total=0)
    assert (received.amount, received.period_end_at) == (0, datetime(2026, 6, 29, 12, tzinfo=UTC))


def test_a_payment_that_failed_says_when_it_is_tried_again(api):
    behind = {"status": "past_due", "renews_at": "2026-06-20T12:00:00.000000Z"}
    waiting = recorded("subscription_invoice", billing_reason="renewal", status="pending")
    lists(api, "subscriptions/12/subscription-invoices", waiting)
    subscription, failed = payment(
        api, "subscription_payment_failed", behind, billing_reason="renewal", status="pending"
    )
    assert subscription.status == "past_due"
    assert isinstance(failed, PaymentFailed)
    assert (failed.id, failed.reason, failed.amount, failed.void) == ("si_12", "cycle", 1200, False)
    assert failed.next_attempt_at == datetime(2026, 6, 20, 12, tzinfo=UTC)
    assert failed.url == PORTAL
    assert failed.period_start_at == subscription.unpaid_since_at == INVOICED


def test_a_failure_told_late_is_a_payment_by_now(api):
    _, fact = payment(api, "subscription_payment_failed", status="paid")
    assert isinstance(fact, PaymentReceived)


def test_an_invoice_that_waits_without_trouble_is_neither_paid_nor_failed(api):
    [fact] = payment(api, "subscription_payment_success", status="pending")
    assert isinstance(fact, SubscriptionChanged)


def test_an_invoice_that_is_not_wanted_any_more_is_void(api):
    _, failed = payment(api, "subscription_payment_failed", status="void")
    assert failed.void is True


def test_refunds_are_told_by_their_running_total(api):
    _, received, refunded = payment(api, "subscription_payment_refunded", status="partial_refund", refunded_amount=500)
    assert (received.id, received.amount) == ("si_12", 1200)
    assert isinstance(refunded, PaymentRefunded)
    assert (refunded.payment_id, refunded.amount_refunded) == ("si_12", 500)


@pytest.mark.parametrize(
    ("attributes", "total"),
    [
        ({"status": "refunded", "refunded": True, "refunded_amount": 1200}, 1200),
        ({"status": "refunded", "refunded": True, "refunded_amount": None}, 1200),
        ({"status": "paid", "refunded_amount": 0}, 0),
    ],
)
def test_a_refund_in_full_and_one_that_was_taken_back(api, attributes, total):
    *_, refunded = payment(api, "subscription_payment_refunded", **attributes)
    assert refunded.amount_refunded == total


def test_what_was_never_refunded_says_nothing_of_it(api):
    assert len(payment(api, "subscription_payment_success")) == 2


def test_a_payment_that_is_gone_is_as_its_event_says(gone):
    [fact] = lemon_squeezy.facts(event("subscription_payment_success", recorded("subscription_invoice"), None))
    assert (fact.id, fact.asked_at, fact.price_id) == ("si_12", None, None)
    assert (fact.period_start_at, fact.period_end_at) == (INVOICED, None)
    [fact] = lemon_squeezy.facts(
        event("subscription_payment_failed", recorded("subscription_invoice", status="pending"), None)
    )
    assert isinstance(fact, PaymentFailed)


# --- orders -------------------------------------------------------------------------------------------------


def test_a_purchase_for_good_is_one_payment(api):
    gives(api, "orders/12", recorded("order"))
    [fact] = lemon_squeezy.facts(event("order_created", recorded("order")))
    assert isinstance(fact, PaymentReceived)
    assert (fact.id, fact.reason, fact.price_id) == ("order_12", "once", "103")
    assert (fact.amount, fact.currency, fact.paid_at) == (9900, "USD", BOUGHT)
    assert (fact.subscription_id, fact.checkout_id, fact.purchaser) == (None, "chk_1", "usr_alice")
    assert fact.url == "https://app.lemonsqueezy.com/my-orders/104e18a2?signature=8847"


def test_an_order_and_an_invoice_of_one_number_are_two_payments(api, gone):
    [invoice] = lemon_squeezy.facts(event("subscription_payment_success", recorded("subscription_invoice")))
    [order] = lemon_squeezy.facts(event("order_created", recorded("order")))
    assert {invoice.id, order.id} == {"si_12", "order_12"}


def of_subscription(**attributes):
    order = recorded("order", "40", **attributes)
    order["attributes"]["first_order_item"]["variant_id"] = 101
    return order


def test_the_order_of_a_subscription_is_no_purchase(api):
    gives(api, "orders/40", of_subscription())
    other = recorded("subscription", "13", order_id=41)
    lists(api, "subscriptions", other, recorded("subscription"))
    lists(api, "subscriptions/12/subscription-invoices", recorded("subscription_invoice"))
    found = lemon_squeezy.facts(event("order_created", of_subscription()))
    assert [(type(fact), fact.id) for fact in found] == [(SubscriptionChanged, "12"), (PaymentReceived, "si_12")]
    assert asked(api, 1)[2] == {
        "filter[store_id]": "7",
        "filter[order_id]": "40",
        "page[number]": "1",
        "page[size]": "100",
    }


def test_the_order_of_a_subscription_that_is_not_there_yet_means_nothing(api):
    gives(api, "orders/40", of_subscription())
    lists(api, "subscriptions")
    assert lemon_squeezy.facts(event("order_created", of_subscription())) == []


def unknown():
    order = recorded("order")
    order["attributes"]["first_order_item"]["variant_id"] = 999
    return order


@pytest.mark.parametrize(("category", "count"), [("one_time", 1), ("subscription", 0), ("lead_magnet", 0)])
def test_a_variant_we_do_not_know_is_what_its_price_says(api, category, count):
    gives(api, "orders/12", unknown())
    lists(api, "prices", recorded("price", variant_id=999, category=category))
    if not count:
        lists(api, "subscriptions")
    found = lemon_squeezy.facts(event("order_created", unknown()))
    assert [fact.price_id for fact in found] == ["999"] * count


def test_a_variant_nobody_can_tell_of_is_no_purchase(api):
    gives(api, "orders/12", unknown())
    lists(api, "prices")
    lists(api, "subscriptions")
    assert lemon_squeezy.facts(event("order_created", unknown())) == []


def test_an_order_that_is_not_paid_gives_nothing(gone):
    assert lemon_squeezy.facts(event("order_created", recorded("order", status="pending"))) == []
    [fact] = lemon_squeezy.facts(event("order_created", recorded("order", status="failed")))
    assert isinstance(fact, PaymentFailed)
    assert fact.id == "order_12"


def test_a_refund_of_a_purchase_is_its_running_total(api):
    gives(api, "orders/12", recorded("order", status="partial_refund", refunded_amount=4000))
    received, refunded = lemon_squeezy.facts(event("order_refunded", recorded("order", refunded_amount=1000)))
    assert isinstance(received, PaymentReceived)
    assert (refunded.payment_id, refunded.amount_refunded) == ("order_12", 4000)


def test_a_refund_of_a_subscriptions_order_is_told_by_its_invoice(api):
    gives(api, "orders/40", of_subscription(status="refunded", refunded=True))
    lists(api, "subscriptions", recorded("subscription"))
    back = recorded("subscription_invoice", status="refunded", refunded=True, refunded_amount=1200)
    lists(api, "subscriptions/12/subscription-invoices", back)
    *_, refunded = lemon_squeezy.facts(event("order_refunded", of_subscription()))
    assert (refunded.payment_id, refunded.amount_refunded) == ("si_12", 1200)


# --- asking how things stand --------------------------------------------------------------------------------


def test_a_subscription_is_fetched_with_its_payments(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    renewal = recorded("subscription_invoice", "15", billing_reason="renewal", created_at="2026-07-15T12:00:00.000000Z")
    stranger = recorded("subscription_invoice", "99", subscription_id=77)
    lists(api, "subscriptions/12/subscription-invoices", renewal, stranger, recorded("subscription_invoice"))
    found = lemon_squeezy.refetch("12")
    assert [fact.id for fact in found] == ["12", "si_12", "si_15"]
    assert {(fact.asked_at, fact.organization, fact.customer_id) for fact in found} == {(NOW, None, "31")}
    assert found[0].event_id == "subscriptions:12:2026-06-15T12:00:05.000000Z"


def test_what_is_open_of_a_subscription_that_is_behind_has_failed(api):
    gives(api, "subscriptions/12", recorded("subscription", status="unpaid"))
    waiting = recorded("subscription_invoice", "15", status="pending", billing_reason="renewal")
    lists(api, "subscriptions/12/subscription-invoices", waiting)
    subscription, failed = lemon_squeezy.refetch("12")
    assert isinstance(failed, PaymentFailed)
    assert (failed.id, failed.next_attempt_at) == ("si_15", None)
    assert subscription.unpaid_since_at == failed.period_start_at


def test_a_subscription_that_is_gone_or_of_another_store_is_nothing(api):
    refuses(api, "subscriptions/12", 404)
    gives(api, "subscriptions/13", recorded("subscription", "13", store_id=8))
    assert lemon_squeezy.refetch("12") == []
    assert lemon_squeezy.refetch("13") == []


def test_a_key_of_the_other_mode_is_said_to_be_wrong(api):
    gives(api, "subscriptions/12", recorded("subscription", test_mode=True))
    with pytest.raises(ProviderFailed, match="key is one for tests"):
        lemon_squeezy.refetch("12")


def test_an_id_stays_within_its_place_in_the_address(api):
    refuses(api, "subscriptions/..%2Forders%2F1%3Fx", 404)
    assert lemon_squeezy.refetch("../orders/1?x") == []


def test_all_that_is_not_over_is_listed_page_by_page(api):
    lists(api, "subscriptions", recorded("subscription"), recorded("subscription", "13", status="expired"), last=2)
    lists(
        api,
        "subscriptions",
        recorded("subscription", "14", status="cancelled"),
        recorded("subscription", "15", store_id=8),
        last=2,
    )
    found = list(lemon_squeezy.list_active())
    assert [[fact.id for fact in facts] for facts in found] == [["12"], ["14"]]
    assert [asked(api, at)[2]["page[number]"] for at in (0, 1)] == ["1", "2"]
    assert asked(api)[2] == {"filter[store_id]": "7", "page[number]": "2", "page[size]": "100"}


def test_each_page_of_a_list_says_when_it_was_asked_for(api):
    lists(api, "subscriptions", recorded("subscription"), last=2)
    lists(api, "subscriptions", recorded("subscription", "14"), last=2)
    found = lemon_squeezy.list_active()
    [first] = next(found)
    set_clock(lambda: NOW + timedelta(minutes=5))
    [second] = next(found)
    assert (first.asked_at, second.asked_at) == (NOW, NOW + timedelta(minutes=5))


def test_a_list_without_a_word_on_its_pages_ends_with_a_page_that_is_not_full(api):
    api.add("GET", f"{API}/subscriptions", json={"data": [recorded("subscription", str(n)) for n in range(100)]})
    api.add("GET", f"{API}/subscriptions", json={"data": [recorded("subscription", "100")]})
    assert len(list(lemon_squeezy.list_active())) == 101


def test_payments_are_listed_back_to_a_time_with_their_subscription(api):
    since = NOW - timedelta(days=1)
    old = recorded("subscription_invoice", "3", created_at="2026-03-01T00:00:00Z", updated_at="2026-06-15T00:00:00Z")
    still = recorded("subscription_invoice", "4", created_at="2026-06-01T00:00:00Z", updated_at="2026-06-01T00:00:00Z")
    back = recorded(
        "subscription_invoice",
        "5",
        created_at="2026-05-20T00:00:00Z",
        status="refunded",
        refunded=True,
        refunded_amount=1200,
    )
    lists(api, "subscription-invoices", recorded("subscription_invoice"), still, back, old, last=9)
    gives(api, "subscriptions/12", recorded("subscription"))
    lists(api, "orders", recorded("order"), of_subscription())
    found = [
        [fact.id if hasattr(fact, "id") else fact.payment_id for fact in facts]
        for facts in lemon_squeezy.list_since(since)
    ]
    assert found == [["12", "si_12"], ["12", "si_5", "si_5"], ["order_12"]]
    assert len([call for call in api.calls if "/v1/subscriptions/12" in call.request.url]) == 1


def test_nothing_is_listed_as_undelivered():
    assert list(lemon_squeezy.missed(NOW)) == []


# --- coming back from a checkout ----------------------------------------------------------------------------


def test_what_was_bought_at_a_checkout_is_found_by_its_address_and_variant(api):
    lists(api, "checkouts", recorded("checkout"))
    lists(api, "orders", of_subscription())
    lists(api, "subscriptions", recorded("subscription"))
    lists(api, "subscriptions/12/subscription-invoices", recorded("subscription_invoice"))
    subscription, received = lemon_squeezy.confirm("chk_1")
    assert (subscription.id, subscription.organization, subscription.purchaser) == ("12", "org_acme", "usr_alice")
    assert (received.id, received.organization) == ("si_12", "org_acme")
    assert asked(api, 1)[2]["filter[user_email]"] == "alice@example.org"


def test_a_purchase_for_good_closes_its_checkout(api):
    lists(api, "checkouts", recorded("checkout", variant_id=103))
    lists(api, "orders", recorded("order"))
    [fact] = lemon_squeezy.confirm("chk_1")
    assert (fact.id, fact.checkout_id) == ("order_12", "chk_1")


def elsewhere(**attributes):
    other = copy.deepcopy(recorded("checkout", "other", **attributes))
    other["attributes"]["checkout_data"]["custom"] = {"organization": "org_globex", "checkout": "chk_2"}
    return other


def test_what_may_be_another_organizations_is_left_to_its_webhook(api):
    lists(api, "checkouts", elsewhere(), recorded("checkout"))
    lists(api, "orders", of_subscription())
    assert lemon_squeezy.confirm("chk_1") == []


@pytest.mark.parametrize(
    "other",
    [{"variant_id": 102}, {"variant_id": 103, "created_at": "2026-06-15T12:05:00.000000Z"}],
    ids=["of another variant", "opened after the order"],
)
def test_another_organizations_checkout_that_cannot_fit_does_not_matter(api, other):
    lists(api, "checkouts", elsewhere(**other), recorded("checkout", variant_id=103))
    bought = recorded("order")
    lists(api, "orders", bought)
    assert len(lemon_squeezy.confirm("chk_1")) == 1


def test_an_order_from_before_the_checkout_is_not_of_it(api):
    lists(api, "checkouts", recorded("checkout", variant_id=103))
    lists(api, "orders", recorded("order", created_at="2026-06-15T11:54:59.000000Z"))
    assert lemon_squeezy.confirm("chk_1") == []


def test_a_checkout_that_is_not_found_tells_nothing(api):
    lists(api, "checkouts", elsewhere(), recorded("checkout", created_at="2026-06-01T12:00:00Z"), last=5)
    assert lemon_squeezy.confirm("chk_1") == []
    use(payment_key="")
    assert lemon_squeezy.confirm("chk_1") == []


# --- customers, checkouts, the portal -----------------------------------------------------------------------


def test_a_customer_is_made_once(api):
    lists(api, "customers")
    gives(api, "customers", recorded("customer"), method="POST", status=201)
    assert lemon_squeezy.create_customer(ACME, "alice@example.org", "key") == "31"
    assert asked(api, 0)[2]["filter[email]"] == "alice@example.org"
    assert asked(api)[3] == {
        "type": "customers",
        "attributes": {"name": "Acme", "email": "alice@example.org"},
        "relationships": {"store": {"data": {"type": "stores", "id": "7"}}},
    }


def test_a_customer_who_is_there_is_found(api):
    lists(api, "customers", recorded("customer", "30", email="malice@example.org"), recorded("customer"))
    assert lemon_squeezy.create_customer(ACME, "Alice@example.org", "key") == "31"
    assert written(api) == []


def test_a_customer_who_was_made_meanwhile_is_found(api):
    lists(api, "customers")
    refuses(api, "customers", 422, "The email has already been taken.", "POST")
    lists(api, "customers", recorded("customer"))
    assert lemon_squeezy.create_customer(ACME, "alice@example.org", "key") == "31"


def test_a_customer_who_is_refused_is_told_as_it_is(api):
    lists(api, "customers")
    refuses(api, "customers", 422, "The email must be a valid email address.", "POST")
    with pytest.raises(ProviderFailed, match=r"422 .*valid email address"):
        lemon_squeezy.create_customer(ACME, "alice@", "key")


def ordered(**values):
    ours = {
        "public_id": "chk_1",
        "plan_key": "pro_monthly",
        "price_id": "101",
        "once": False,
        "quantity": 4,
        "purchaser": "usr_alice",
        "email": "alice@example.org",
    }
    return Order(**(ours | values))


def open_checkout(**values):
    return lemon_squeezy.checkout("31", ACME, ordered(**values), "http://localhost/back", "http://localhost/no", "key")


def test_a_checkout_takes_along_whose_it_is(api):
    lists(api, "subscriptions")
    gives(api, "checkouts", recorded("checkout"), method="POST", status=201)
    opened = open_checkout()
    assert opened.id == "chk_1"
    assert opened.url.startswith("https://lemons.lemonsqueezy.com/checkout/custom/")
    assert opened.expires_at == NOW + timedelta(hours=1)
    assert asked(api)[3] == {
        "type": "checkouts",
        "attributes": {
            "product_options": {"redirect_url": "http://localhost/back", "enabled_variants": [101]},
            "checkout_options": {},
            "checkout_data": {
                "email": "alice@example.org",
                "custom": OURS,
                "variant_quantities": [{"variant_id": 101, "quantity": 4}],
            },
            "expires_at": "2026-06-15T13:10:00.000000Z",
            "test_mode": False,
        },
        "relationships": {
            "store": {"data": {"type": "stores", "id": "7"}},
            "variant": {"data": {"type": "variants", "id": "101"}},
        },
    }


def test_whoever_had_a_subscription_gets_no_second_trial(api):
    lists(api, "subscriptions", recorded("subscription", status="expired"))
    gives(api, "checkouts", recorded("checkout"), method="POST", status=201)
    open_checkout()
    assert asked(api, 0)[2]["filter[user_email]"] == "alice@example.org"
    assert asked(api)[3]["attributes"]["checkout_options"] == {"skip_trial": True}


def test_a_checkout_where_only_tests_are_made_is_one(api):
    use(payment_live=False)
    gives(api, "checkouts", recorded("checkout", test_mode=True), method="POST", status=201)
    open_checkout(once=True, price_id="103")
    assert asked(api)[3]["attributes"]["test_mode"] is True


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "http://lemons.example/"])
def test_an_address_nobody_should_be_sent_to_is_refused(api, url):
    gives(api, "checkouts", recorded("checkout", url=url), method="POST", status=201)
    with pytest.raises(ProviderFailed):
        open_checkout(once=True)


def test_a_price_that_is_no_number_is_not_asked_for(api):
    with pytest.raises(ProviderFailed, match="price_x"):
        open_checkout(price_id="price_x")


def test_a_checkout_cannot_be_closed_and_that_is_no_failure(api):
    assert lemon_squeezy.expire_checkout("chk_1", "key") is None


def test_the_portal_is_signed_anew_for_each_visit(api):
    gives(api, "customers/31", recorded("customer"))
    url = lemon_squeezy.portal("31", "http://localhost/acme/billing", "key")
    assert url == recorded("customer")["attributes"]["urls"]["customer_portal"]


def test_a_customer_without_a_subscription_has_no_portal(api):
    gives(api, "customers/31", recorded("customer", urls={"customer_portal": None}))
    with pytest.raises(CannotDo, match="only for customers with a subscription"):
        lemon_squeezy.portal("31", "http://localhost", "key")


# --- changing subscriptions ---------------------------------------------------------------------------------


def test_a_change_cannot_be_previewed(api):
    assert lemon_squeezy.preview("12", "102", 1) is None


def test_a_change_sends_what_differs(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    gives(api, "subscriptions/12", recorded("subscription", variant_id=102), method="PATCH")
    gives(api, "subscription-items/90", recorded("subscription"), method="PATCH")
    lemon_squeezy.change("12", "102", 5, "key")
    assert asked(api, 1) == (
        "PATCH",
        "subscriptions/12",
        {},
        {"type": "subscriptions", "id": "12", "attributes": {"variant_id": 102, "invoice_immediately": True}},
    )
    assert asked(api, 2) == (
        "PATCH",
        "subscription-items/90",
        {},
        {"type": "subscription-items", "id": "90", "attributes": {"quantity": 5, "invoice_immediately": True}},
    )


def test_a_change_asked_for_twice_is_charged_once(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    lemon_squeezy.change("12", "101", 3, "key")
    assert written(api) == []


def test_seats_refused_after_the_plan_changed_are_not_called_nothing(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    gives(api, "subscriptions/12", recorded("subscription", variant_id=102), method="PATCH")
    refuses(api, "subscription-items/90", 422, method="PATCH")
    with pytest.raises(ProviderFailed) as failed:
        lemon_squeezy.change("12", "102", 5, "key")
    assert failed.value.asked
    gives(api, "subscriptions/13", recorded("subscription", "13"))
    trial = recorded("subscription", "13", variant_id=102, first_subscription_item=None)
    gives(api, "subscriptions/13", trial, method="PATCH")
    with pytest.raises(CannotDo, match="The plan was changed, but not the seats"):
        lemon_squeezy.change("13", "102", 5, "key")


def test_a_subscription_paid_by_paypal_is_changed_in_the_portal(api):
    gives(api, "subscriptions/12", recorded("subscription", payment_processor="paypal"))
    with pytest.raises(CannotDo, match="PayPal"):
        lemon_squeezy.change("12", "102", 3, "key")
    assert written(api) == []


def test_a_change_that_was_not_made_is_not_believed(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    gives(api, "subscriptions/12", recorded("subscription"), method="PATCH")
    with pytest.raises(CannotDo, match="didn't change"):
        lemon_squeezy.change("12", "102", 3, "key")


def test_seats_wait_for_the_end_of_a_trial(api):
    gives(api, "subscriptions/12", recorded("subscription", first_subscription_item=None))
    with pytest.raises(CannotDo, match="trial"):
        lemon_squeezy.change("12", "101", 2, "key")


def test_cancelling_is_asked_for_once(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    gives(api, "subscriptions/12", recorded("subscription", status="cancelled"), method="DELETE")
    lemon_squeezy.set_cancel_at_period_end("12", True, "key")
    assert asked(api)[:2] == ("DELETE", "subscriptions/12")
    gives(api, "subscriptions/13", recorded("subscription", "13", status="cancelled", cancelled=True))
    lemon_squeezy.set_cancel_at_period_end("13", True, "key")
    assert len(written(api)) == 1


def test_going_on_after_all(api):
    gives(api, "subscriptions/12", recorded("subscription", status="cancelled", cancelled=True))
    gives(api, "subscriptions/12", recorded("subscription"), method="PATCH")
    lemon_squeezy.set_cancel_at_period_end("12", False, "key")
    assert asked(api)[3]["attributes"] == {"cancelled": False}
    gives(api, "subscriptions/13", recorded("subscription", "13"))
    lemon_squeezy.set_cancel_at_period_end("13", False, "key")
    assert len(written(api)) == 1


def test_what_is_over_is_not_taken_up_again(api):
    gives(api, "subscriptions/12", recorded("subscription", status="expired", cancelled=True))
    with pytest.raises(CannotDo, match="over"):
        lemon_squeezy.set_cancel_at_period_end("12", False, "key")


@pytest.mark.parametrize(
    ("until", "sent"),
    [
        (datetime(2026, 9, 1, tzinfo=UTC), {"mode": "void", "resumes_at": "2026-09-01T00:00:00.000000Z"}),
        (None, {"mode": "void"}),
    ],
)
def test_a_pause_voids_what_falls_due(api, until, sent):
    gives(api, "subscriptions/12", recorded("subscription", status="paused", pause=sent), method="PATCH")
    lemon_squeezy.pause("12", until, "key")
    assert asked(api)[3]["attributes"] == {"pause": sent}


def test_a_pause_ends(api):
    gives(api, "subscriptions/12", recorded("subscription"), method="PATCH")
    lemon_squeezy.unpause("12", "key")
    assert asked(api)[3]["attributes"] == {"pause": None}


def test_a_pause_that_was_not_made_is_not_believed(api):
    gives(api, "subscriptions/12", recorded("subscription"), method="PATCH")
    with pytest.raises(CannotDo):
        lemon_squeezy.pause("12", None, "key")


def test_ending_cancels_and_what_is_over_or_gone_is_as_good(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    refuses(api, "subscriptions/12", 404, method="DELETE")
    lemon_squeezy.end("12", "key")
    refuses(api, "subscriptions/13", 404)
    lemon_squeezy.end("13", "key")
    gives(api, "subscriptions/14", recorded("subscription", "14", status="expired"))
    lemon_squeezy.end("14", "key")
    assert [request.method for request in written(api)] == ["DELETE"]


def test_an_end_that_was_refused_is_tried_again_later(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    refuses(api, "subscriptions/12", 500, method="DELETE")
    with pytest.raises(ProviderFailed):
        lemon_squeezy.end("12", "key")


def test_being_sent_elsewhere_is_no_end(api):
    gives(api, "subscriptions/12", recorded("subscription"))
    api.add("DELETE", f"{API}/subscriptions/12", status=302, headers={"Location": "https://elsewhere.example"})
    with pytest.raises(ProviderFailed):
        lemon_squeezy.end("12", "key")


# --- refunds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment_id", "path", "name", "amount", "sent"),
    [
        ("si_12", "subscription-invoices", "subscription_invoice", 500, 500),
        ("si_12", "subscription-invoices", "subscription_invoice", None, 1200),
        ("order_12", "orders", "order", 9900, 9900),
        ("order_12", "orders", "order", None, 9900),
    ],
)
def test_a_payment_is_refunded_where_it_was_made(api, payment_id, path, name, amount, sent):
    gives(api, f"{path}/12", recorded(name))
    gives(api, f"{path}/12/refund", recorded(name), method="POST")
    lemon_squeezy.refund(payment_id, amount, "key")
    assert asked(api) == ("POST", f"{path}/12/refund", {}, {"type": path, "id": "12", "attributes": {"amount": sent}})


def test_the_rest_of_a_payment_is_refunded(api):
    gives(api, "orders/12", recorded("order", refunded_amount=4000))
    gives(api, "orders/12/refund", recorded("order"), method="POST")
    lemon_squeezy.refund("order_12", None, "key")
    assert asked(api)[3]["attributes"] == {"amount": 5900}


@pytest.mark.parametrize("back", [{"refunded_amount": 9900}, {"status": "refunded"}, {"refunded": True}])
def test_what_is_refunded_in_full_is_not_refunded_again(api, back):
    gives(api, "orders/12", recorded("order", **back))
    lemon_squeezy.refund("order_12", None, "key")
    assert written(api) == []


@pytest.mark.parametrize("amount", [0, -1, 5901])
def test_more_than_is_left_is_refused(api, amount):
    gives(api, "orders/12", recorded("order", refunded_amount=4000))
    with pytest.raises(CannotDo, match="more than is left"):
        lemon_squeezy.refund("order_12", amount, "key")
    assert written(api) == []


def test_a_refund_whose_answer_was_lost_is_looked_for(api):
    gives(api, "orders/12", recorded("order"))
    api.add("POST", f"{API}/orders/12/refund", body=requests.ReadTimeout("too slow"))
    gives(api, "orders/12", recorded("order", refunded_amount=1000))
    lemon_squeezy.refund("order_12", 1000, "key")


def test_a_refund_that_never_arrived_failed(api):
    gives(api, "orders/12", recorded("order"))
    api.add("POST", f"{API}/orders/12/refund", body=requests.ConnectionError("gone"))
    gives(api, "orders/12", recorded("order"))
    with pytest.raises(ProviderFailed, match="couldn't be reached"):
        lemon_squeezy.refund("order_12", 1000, "key")


def test_a_refund_that_can_not_be_looked_for_may_have_been_made(api):
    gives(api, "orders/12", recorded("order"))
    api.add("POST", f"{API}/orders/12/refund", body=requests.ReadTimeout("too slow"))
    api.add("GET", f"{API}/orders/12", body=requests.ReadTimeout("too slow"))
    with pytest.raises(ProviderFailed) as failed:
        lemon_squeezy.refund("order_12", 1000, "key")
    assert failed.value.asked


def test_a_refund_that_was_refused_failed(api):
    gives(api, "orders/12", recorded("order"))
    refuses(api, "orders/12/refund", 422, "The order can't be refunded.", "POST")
    with pytest.raises(ProviderFailed, match="can't be refunded"):
        lemon_squeezy.refund("order_12", 1000, "key")
    assert len(api.calls) == 2


@pytest.mark.parametrize("payment_id", ["12", "si_", "pi_12", "si_1/../2", "order_x"])
def test_a_payment_that_is_not_theirs_is_not_refunded(api, payment_id):
    with pytest.raises(CannotDo):
        lemon_squeezy.refund(payment_id, None, "key")


# --- failures -----------------------------------------------------------------------------------------------

WRITES = {
    "checkout": lambda: open_checkout(once=True),
    "pause": lambda: lemon_squeezy.pause("12", None, "key"),
    "unpause": lambda: lemon_squeezy.unpause("12", "key"),
    "change": lambda: lemon_squeezy.change("12", "102", 1, "key"),
    "cancel": lambda: lemon_squeezy.set_cancel_at_period_end("12", True, "key"),
    "resume": lambda: lemon_squeezy.set_cancel_at_period_end("12", False, "key"),
    "end": lambda: lemon_squeezy.end("12", "key"),
    "refund": lambda: lemon_squeezy.refund("order_12", None, "key"),
    "customer": lambda: lemon_squeezy.create_customer(ACME, "alice@example.org", "key"),
    "portal": lambda: lemon_squeezy.portal("31", "http://localhost", "key"),
    "refetch": lambda: lemon_squeezy.refetch("12"),
    "active": lambda: list(lemon_squeezy.list_active()),
    "since": lambda: list(lemon_squeezy.list_since(NOW)),
    "confirm": lambda: lemon_squeezy.confirm("chk_1"),
    "products": lambda: list(lemon_squeezy.products()),
    "prices": lambda: list(lemon_squeezy.all_prices()),
}


class Answer(BaseAdapter):
    """A transport that answers everything alike."""

    def __init__(self, status=200, body=b"", headers=None, error=None):
        super().__init__()
        self.status, self.body, self.headers, self.error, self.seen = status, body, headers or {}, error, []

    def send(self, request, **how):
        self.seen.append((request, how))
        if self.error:
            raise self.error
        answer = requests.Response()
        answer.status_code, answer._content, answer.request, answer.url = self.status, self.body, request, request.url
        answer.headers.update(self.headers)
        return answer

    def close(self):
        pass


@pytest.fixture
def through(monkeypatch):
    """`through(adapter)`: the account's transport is this one."""

    def put(adapter):
        account = dataclasses.replace(providers.account(), transport=adapter)
        monkeypatch.setattr(providers, "account", lambda: account)
        return adapter

    return put


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(error=requests.ConnectTimeout("key-of-the-store")),
        Answer(error=requests.ConnectionError("down")),
        Answer(error=UnicodeEncodeError("latin-1", "key-of-the-store", 0, 1, "no header")),
        Answer(401, b'{"errors": [{"detail": "Unauthenticated."}]}'),
        Answer(429),
        Answer(500, b"<html>oops"),
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(200, b'{"data": 5}'),
        Answer(200, b'{"data": [5]}'),
        Answer(200, b'{"data": {"id": "1"}}'),
        Answer(302, b"", {"Location": "https://elsewhere.example"}),
        Answer(400, b'{"errors": []}'),
        Answer(400, b'{"errors": [7]}'),
    ],
    ids=lambda answer: f"{answer.status} {answer.body or answer.error or ''}",
)
def test_whatever_goes_wrong_is_one_calm_sentence(through, answer, call):
    through(answer)
    with pytest.raises(ProviderFailed) as failed:
        call()
    said = str(failed.value)
    assert said.startswith("Lemon Squeezy")
    assert "key-of-the-store" not in said
    assert "oops" not in said


def test_what_they_complain_of_is_cut_and_plain(through):
    through(Answer(422, json.dumps({"errors": [{"detail": "a\n\x00b" + "c" * 900}]}).encode()))
    with pytest.raises(ProviderFailed) as failed:
        lemon_squeezy.refetch("12")
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 260


def test_the_transport_of_the_account_is_used_with_a_time_limit(through):
    answer = through(Answer(200, json.dumps({"data": recorded("customer")}).encode()))
    lemon_squeezy.portal("31", "http://localhost", "key")
    [(request, how)] = answer.seen
    assert request.url == f"{API}/customers/31"
    assert how["timeout"] == http.TIMEOUT


# --- what it sells ------------------------------------------------------------------------------------------


def test_published_products_are_listed_page_by_page(api):
    lists(api, "products", recorded("product"), recorded("product", "61", status="draft"), last=2)
    lists(api, "products", recorded("product", "62", description=None, large_thumb_url=None), last=2)
    assert list(lemon_squeezy.products()) == [
        [
            {
                "id": "60",
                "name": "Pro",
                "description": "For teams that work in it all day",
                "images": ["https://lemons.example/pro.png"],
                "active": True,
                "metadata": {},
            }
        ],
        [{"id": "62", "name": "Pro", "description": None, "images": [], "active": True, "metadata": {}}],
    ]
    assert asked(api)[2]["filter[store_id]"] == "7"


def sold(api, *variants, prices=(), products=("60",)):
    lists(api, "products", *(recorded("product", id) for id in products))
    gives(api, "stores/7", recorded("store"))
    lists(api, "variants", *variants, included=list(prices))
    return [price for page in lemon_squeezy.all_prices() for price in page]


def test_a_price_is_a_variant_with_its_present_price(api):
    [price] = sold(api, recorded("variant"), prices=[recorded("price")])
    assert price == {
        "id": "101",
        "product": "60",
        "amount": 1000,
        "currency": "USD",
        "type": "recurring",
        "interval": "month",
        "interval_count": 1,
        "active": True,
        "lookup_key": None,
        "nickname": "Monthly",
        "metadata": {},
    }
    assert asked(api)[2]["include"] == "price-model"


def test_a_variant_bought_once_has_no_interval(api):
    once = recorded("price", "83", category="one_time", renewal_interval_unit=None, renewal_interval_quantity=None)
    [price] = sold(api, recorded("variant"), prices=[once])
    assert (price["type"], price["interval"], price["interval_count"]) == ("one_time", "", 1)


def test_without_its_price_a_variant_speaks_for_itself(api):
    [price] = sold(api, recorded("variant", interval="year"))
    assert (price["amount"], price["type"], price["interval"]) == (999, "recurring", "year")


@pytest.mark.parametrize(
    "model",
    [
        {"scheme": "volume", "unit_price": None},
        {"scheme": "package"},
        {"usage_aggregation": "sum"},
        {"category": "pwyw"},
        {"unit_price": None},
    ],
)
def test_a_price_that_is_not_the_same_for_all_has_no_amount(api, model):
    [price] = sold(api, recorded("variant"), prices=[recorded("price", **model)])
    assert price["amount"] is None


def test_only_what_is_on_sale_in_our_store_has_a_price(api):
    found = sold(
        api,
        recorded("variant", "1", status="pending"),  # beside others it isn't shown
        recorded("variant", "2"),
        recorded("variant", "3", status="draft"),
        recorded("variant", "4", product_id=61, status="pending"),  # the only one of its product
        recorded("variant", "5", product_id=99),  # another store's
        products=("60", "61"),
    )
    assert [price["id"] for price in found] == ["2", "4"]


def test_prices_of_the_other_mode_are_not_shown(api):
    with pytest.raises(ProviderFailed, match="key is one for tests"):
        sold(api, recorded("variant", test_mode=True))
