import dataclasses
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import responses
import stripe as library

from domain import configuration
from domain.providers import BadSignature, CustomerFact, InvoiceFact, ProviderFailed, SubscriptionFact, stripe
from models import Organization

FOLDER = Path(__file__).parents[2] / "fixtures" / "stripe"
API = "https://api.stripe.com/v1"
SECRET, OLDER = "whsec_present", "whsec_older"
HAPPENED, ENDS = datetime(2026, 6, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)


def recorded(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def body_of(event):
    return json.dumps(event).encode()


@pytest.fixture(autouse=True)
def configured(house, monkeypatch):
    """Stripe with a key, as a real install has it."""
    configuration.use(
        dataclasses.replace(
            configuration.active, billing_provider="stripe", payment_key="sk_test_x",
            payment_webhook_secrets=(SECRET, OLDER), payment_prices={"pro_monthly": "price_monthly"},
        )
    )  # fmt: skip
    stripe._client.cache_clear()
    monkeypatch.setattr(library.HTTPClient, "_sleep_time_seconds", lambda *_, **__: 0)
    yield
    stripe._client.cache_clear()


@pytest.fixture
def without_key():
    configuration.use(dataclasses.replace(configuration.active, payment_key=""))


@pytest.fixture
def api():
    """Stripe's API as `responses` plays it: what isn't registered is refused."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as played:
        yield played


# --- signatures ---------------------------------------------------------------------------------------------


def signed(body, secret=SECRET, at=None):
    header = library.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=at)
    return {"Stripe-Signature": header}


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_a_signed_event_is_taken_also_while_the_secret_is_being_replaced(secret):
    body = body_of(recorded("subscription_created"))
    event = stripe.verify(body, signed(body, secret))
    assert (event.id, event.type, event.subject, event.happened_at) == (
        "evt_sub_created", "customer.subscription.created", "sub_1", HAPPENED,
    )  # fmt: skip


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
            return signed(body, at=int(time.time()) - stripe.TOLERANCE - 5)
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
    "kind", ["another secret", "too old", "no header", "empty header", "nonsense", "only a time", "huge", "not ascii"]
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
    [b"", b"{}", b"[]", b"null", b"1", b'"x"', b"{", b'{"id": "evt_1"}',
     b'{"id": "e", "type": "t", "created": 1, "data": 5}',
     b'{"id": "e", "type": "t", "created": "x", "data": {"object": {}}}',
     b'{"id": "e", "type": "t", "created": 1e300, "data": {"object": {}}}',
     b'{"id": 5, "type": "t", "created": 1, "data": {"object": {}}}',
     b'{"id": "e", "type": "t", "created": 1, "data": {"object": {"object": "invoice", "parent": "x"}}}'],
)  # fmt: skip
def test_what_is_signed_but_no_event_is_refused(body):
    with pytest.raises(BadSignature):
        stripe.verify(body, signed(body))


def test_without_a_secret_nothing_is_believed():
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=()))
    body = body_of(recorded("subscription_created"))
    for secret in (SECRET, ""):
        with pytest.raises(BadSignature):
            stripe.verify(body, signed(body, secret))


# --- facts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["subscription_created", "subscription_created_2024"])
def test_a_subscription_is_read_alike_in_both_versions(without_key, name):
    event = recorded(name)
    assert stripe.facts(body_of(event)) == [
        SubscriptionFact(
            provider="stripe", id="sub_1", customer_id="cus_1", organization=None, price_id="price_monthly",
            status="active", period_end_at=ENDS, cancel_at_period_end=False, happened_at=HAPPENED,
            event_id=event["id"], fresh=False,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["invoice_paid", "invoice_paid_2024"])
def test_an_invoice_is_read_alike_in_both_versions(without_key, name):
    event = recorded(name)
    assert stripe.facts(body_of(event)) == [
        InvoiceFact("stripe", "in_1", "cus_1", "sub_1", True, True, HAPPENED, event["id"])
    ]


@pytest.mark.parametrize(
    ("reason", "renews"),
    [("subscription_create", True), ("subscription_cycle", True), ("subscription_update", False), ("manual", False)],
)
def test_only_an_invoice_that_opens_a_period_renews(without_key, reason, renews):
    event = recorded("invoice_paid")
    event["data"]["object"]["billing_reason"] = reason
    assert stripe.facts(body_of(event))[0].renews is renews


def test_a_failed_payment_is_a_fact_too(without_key):
    event = recorded("invoice_paid") | {"type": "invoice.payment_failed"}
    assert stripe.facts(body_of(event))[0].paid is False


def test_an_invoice_without_a_subscription_does_not_concern_us(without_key):
    event = recorded("invoice_paid")
    event["data"]["object"]["parent"] = None
    assert stripe.facts(body_of(event)) == []


@pytest.mark.parametrize("name", ["checkout_completed", "customer_created"])
def test_a_customer_is_bound_by_what_we_wrote_into_it(without_key, name):
    (fact,) = stripe.facts(body_of(recorded(name)))
    assert fact == CustomerFact("stripe", "cus_1", "org_public", "alice@example.org", HAPPENED, recorded(name)["id"])


def test_other_kinds_and_the_other_mode_do_not_concern_us():
    assert stripe.facts(body_of(recorded("customer_created") | {"type": "charge.refunded"})) == []
    assert stripe.facts(body_of(recorded("subscription_created") | {"livemode": True})) == []
    configuration.use(dataclasses.replace(configuration.active, payment_key="sk_live_x"))
    assert stripe.facts(body_of(recorded("subscription_created"))) == []


def test_an_end_set_by_hand_is_a_cancellation(without_key):
    event = recorded("subscription_created")
    event["data"]["object"]["cancel_at"] = 1784116800
    assert stripe.facts(body_of(event))[0].cancel_at_period_end is True


# --- what is fetched -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["subscription_created", "invoice_paid", "checkout_completed"])
def test_how_a_subscription_stands_is_asked_anew(api, name):
    now_there = recorded("subscription_created")["data"]["object"] | {"status": "past_due"}
    api.get(f"{API}/subscriptions/sub_1", json=now_there)
    (found,) = [f for f in stripe.facts(body_of(recorded(name))) if isinstance(f, SubscriptionFact)]
    assert (found.status, found.fresh, found.period_end_at) == ("past_due", True, ENDS)
    (call,) = api.calls
    assert call.request.headers["Authorization"] == "Bearer sk_test_x"


def test_a_subscription_that_is_gone_is_as_the_event_says(api):
    event = recorded("subscription_created") | {"type": "customer.subscription.deleted"}
    event["data"]["object"]["status"] = "canceled"
    error = {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such subscription"}}
    api.get(f"{API}/subscriptions/sub_1", json=error, status=404)
    (fact,) = stripe.facts(body_of(event))
    assert (fact.status, fact.fresh) == ("canceled", False)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_provider_that_fails_is_said_to_fail(api, status):
    api.get(f"{API}/subscriptions/sub_1", json={"error": {"type": "api_error", "message": "no"}}, status=status)
    with pytest.raises(ProviderFailed):
        stripe.facts(body_of(recorded("subscription_created")))


def test_a_provider_that_cannot_be_reached_is_said_to_fail(api):
    api.get(f"{API}/subscriptions/sub_1", body=responses.ConnectionError("down"))
    with pytest.raises(ProviderFailed):
        stripe.facts(body_of(recorded("subscription_created")))


# --- what we ask of it ------------------------------------------------------------------------------------------


def sent(call):
    return {name: values[0] for name, values in parse_qs(call.request.body).items()}


@pytest.fixture
def acme():
    return Organization(id=7, public_id="org_public", name="Acme & Söhne", slug="acme")


def test_a_customer_is_made_once_for_an_organization(api, acme):
    api.post(f"{API}/customers", json={"id": "cus_1", "object": "customer"})
    assert [stripe.create_customer(acme, "alice@example.org") for _ in range(2)] == ["cus_1", "cus_1"]
    assert sent(api.calls[0]) == {
        "email": "alice@example.org", "name": "Acme & Söhne", "metadata[organization]": "org_public",
    }  # fmt: skip
    keys = {call.request.headers["Idempotency-Key"] for call in api.calls}
    assert keys == {"customer-org_public"}


def test_a_checkout_names_plan_customer_and_organization(api, acme):
    api.post(f"{API}/checkout/sessions", json={"id": "cs_1", "object": "checkout.session", "url": "https://pay.test/1"})
    url = stripe.checkout("cus_1", acme, "pro_monthly", "http://localhost/r", "http://localhost/c", "checkout-1")
    assert url == "https://pay.test/1"
    (call,) = api.calls
    assert call.request.headers["Idempotency-Key"] == "checkout-1"
    assert sent(call) == {
        "mode": "subscription",
        "customer": "cus_1",
        "line_items[0][price]": "price_monthly",
        "line_items[0][quantity]": "1",
        "success_url": "http://localhost/r",
        "cancel_url": "http://localhost/c",
        "client_reference_id": "org_public",
        "metadata[organization]": "org_public",
        "metadata[plan]": "pro_monthly",
        "subscription_data[metadata][organization]": "org_public",
        "subscription_data[metadata][plan]": "pro_monthly",
    }


@pytest.mark.parametrize("cancel", [True, False])
def test_a_subscription_is_cancelled_for_its_periods_end_and_taken_up_again(api, cancel):
    api.post(f"{API}/subscriptions/sub_1", json={"id": "sub_1", "object": "subscription"})
    stripe.set_cancel_at_period_end("sub_1", cancel)
    (call,) = api.calls
    assert sent(call) == {"cancel_at_period_end": str(cancel).lower()}
    assert call.request.headers["Idempotency-Key"]


def test_what_stripe_refuses_is_said_to_fail(api, acme):
    error = {"error": {"type": "invalid_request_error", "message": "No such price"}}
    api.post(f"{API}/checkout/sessions", json=error, status=400)
    with pytest.raises(ProviderFailed, match="No such price"):
        stripe.checkout("cus_1", acme, "pro_monthly", "http://localhost/r", "http://localhost/c", "k")


# --- what it sells ------------------------------------------------------------------------------------------------


def a_price(id, **more):
    body = {
        "id": id, "object": "price", "active": True, "billing_scheme": "per_unit", "currency": "usd",
        "lookup_key": None, "metadata": {}, "nickname": None, "product": "prod_1", "recurring": {
            "interval": "month", "interval_count": 1, "usage_type": "licensed", "trial_period_days": None},
        "type": "recurring", "unit_amount": 1200, "unit_amount_decimal": "1200",
    }  # fmt: skip
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
        "id": "price_last", "product": "prod_1", "amount": 1200, "currency": "USD", "type": "recurring",
        "interval": "month", "interval_count": 1, "active": True, "lookup_key": None, "nickname": None, "metadata": {},
    }  # fmt: skip


@responses.activate
@pytest.mark.parametrize(
    ("currency", "unit_amount", "amount"),
    [("usd", 1, 1), ("jpy", 500, 500), ("kwd", 5120, 5120), ("isk", 50000, 500), ("ugx", 50000, 500), ("usd", None, None)],
)  # fmt: skip
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
        "id": "prod_1", "object": "product", "active": True, "name": "Pro", "description": None, "images": ["https://x/y"],
        "metadata": {"app": "hall"},
    }  # fmt: skip
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
