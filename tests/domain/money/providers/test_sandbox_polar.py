"""Polar's side of the wire: what its documentation says, asked for without our adapter."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import requests
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from domain.money.providers import sandbox
from domain.money.providers.sandbox import subscribing
from tests.fixtures.billing import posted
from tests.peers import polar

API = "https://sandbox-api.polar.sh"
MONTHLY, YEARLY, LIFETIME = polar.PRICES.values()
OURS = {"organization": "acme", "user": "alice"}


@pytest.fixture(autouse=True)
def _speaks(house, clock):
    sandbox.speak(polar)


@pytest.fixture
def ask():
    """`ask("get", "/v1/…")`: what the API answers, which must have this status."""
    session = requests.Session()
    session.mount(API, sandbox.account().transport)

    def call(method, path, body=None, expect=None, key=polar.KEY, **params):
        answer = session.request(
            method, API + path, json=body, params=params, headers={"Authorization": f"Bearer {key}"}, timeout=5
        )
        usual = {"post": 201, "delete": 200}.get(method, 200)
        assert answer.status_code == (expect or usual), answer.text
        return answer.json() if answer.content else None

    return call


@pytest.fixture
def told(house):
    """`told()`: the events since the last time, in order."""
    return posted


def types(events):
    return [event["type"] for event in events]


@pytest.fixture
def customer(ask):
    wanted = {"email": "alice@example.org", "external_id": "acme", "name": "Acme", "metadata": {"organization": "acme"}}
    return ask("post", "/v1/customers/", wanted)


@pytest.fixture
def buy(ask, customer):
    def checkout(product=MONTHLY, card="ok", **more):
        wanted = {
            "products": [product],
            "customer_id": customer["id"],
            "success_url": "https://hall.example/back",
            "metadata": OURS,
        }
        held = ask("post", "/v1/checkouts/", wanted | more)
        return sandbox.pay(held["id"], card)

    return checkout


def order_of(ask, **params):
    (order,) = ask("get", "/v1/orders/", **params)["items"]
    return order


# --- the door, and refusals -----------------------------------------------------------------------------------


def test_without_the_right_key_nothing_is_said(ask):
    for key in ("", "polar_oat_wrong", polar.KEY + "x", "é"):
        refused = ask("get", "/v1/products/", expect=401, key=key.encode("utf-8").decode("latin-1"))
        assert refused["error"] == "invalid_token"


def test_what_is_not_there_is_said_so_by_name(ask):
    for path in ("subscriptions", "orders", "customers", "checkouts", "refunds", "products", "customers/external"):
        assert ask("get", f"/v1/{path}/{uuid.uuid4()}", expect=404)["error"] == "ResourceNotFound"
    assert ask("get", "/v1/nothing/", expect=404)["error"] == "ResourceNotFound"
    assert ask("patch", f"/v1/subscriptions/{uuid.uuid4()}", {}, expect=404)["error"] == "ResourceNotFound"


def test_what_makes_no_sense_is_refused_with_its_place(ask, customer):
    for body, place in [
        ({}, "products"),
        ({"products": []}, "products"),
        ({"products": "x"}, "products"),
        ({"products": [MONTHLY, YEARLY]}, "products"),
        ({"products": ["nonsense"]}, "products"),
        ({"products": [MONTHLY], "customer_id": "nobody"}, "customer_id"),
        ({"products": [MONTHLY], "seats": 0}, "seats"),
        ({"products": [MONTHLY], "seats": "many"}, "seats"),
        ({"products": [MONTHLY], "metadata": {"a": []}}, "metadata"),
        ({"products": [MONTHLY], "trial_interval": "age"}, "trial_interval"),
    ]:
        refused = ask("post", "/v1/checkouts/", body, expect=422)
        assert (refused["error"], refused["detail"][0]["loc"]) == ("RequestValidationError", ["body", place])
    for params in ({"limit": 0}, {"limit": 101}, {"page": "x"}, {"sorting": "color"}):
        assert ask("get", "/v1/orders/", expect=422, **params)["error"] == "RequestValidationError"


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body):
    status, _, text = polar.answer("POST", "/v1/customers/", "", body, {"Authorization": f"Bearer {polar.KEY}"})
    assert (status, json.loads(text)["error"]) == (422, "RequestValidationError")


def test_calls_fail_when_it_is_told_to_misbehave(ask, customer):
    sandbox.mischief("seed", fail=1.0)
    assert ask("get", "/v1/products/", expect=500)["error"] == "InternalServerError"
    sandbox.mischief(None)
    ask("get", "/v1/products/")


# --- products, customers --------------------------------------------------------------------------------------


def test_a_product_is_sold_by_the_seat_or_once(ask):
    monthly, yearly, once = ask("get", "/v1/products/", is_archived="false", sorting="created_at")["items"]
    assert [p["id"] for p in (monthly, yearly, once)] == list(polar.PRICES.values())
    assert (monthly["recurring_interval"], yearly["recurring_interval"], once["recurring_interval"]) == (
        "month",
        "year",
        None,
    )
    assert monthly["prices"][0]["seat_tiers"]["tiers"] == [{"min_seats": 1, "max_seats": None, "price_per_seat": 1200}]
    assert (once["prices"][0]["amount_type"], once["prices"][0]["price_amount"]) == ("fixed", 24000)
    assert ask("get", f"/v1/products/{MONTHLY}") == monthly
    assert len({p["name"] for p in (monthly, yearly, once)}) == 3


def test_customers_are_unique_by_address_and_by_our_id(ask, customer, told):
    assert types(told()) == ["customer.created"]
    assert ask("get", "/v1/customers/external/acme")["id"] == customer["id"]
    for wanted, place in [
        ({"email": "ALICE@example.org"}, "email"),
        ({"email": "b@example.org", "external_id": "acme"}, "external_id"),
        ({}, "email"),
    ]:
        assert ask("post", "/v1/customers/", wanted, expect=422)["detail"][0]["loc"] == ["body", place]
    changed = ask("patch", f"/v1/customers/{customer['id']}", {"email": "a@example.org"})
    assert (changed["email"], changed["metadata"]) == ("a@example.org", {"organization": "acme"})
    assert [c["id"] for c in ask("get", "/v1/customers/", email="a@example.org")["items"]] == [customer["id"]]
    assert types(told()) == ["customer.updated"]


def test_a_deleted_customer_is_gone_with_its_subscriptions(ask, customer, buy, told):
    held = buy()
    told()
    assert ask("delete", f"/v1/customers/{customer['id']}", expect=204) is None
    ask("get", f"/v1/customers/{customer['id']}", expect=404)
    ask("get", "/v1/customers/external/acme", expect=404)
    assert ask("get", f"/v1/subscriptions/{held['subscription']}")["status"] == "canceled"
    events = told()
    assert types(events)[-1] == "customer.deleted"
    assert events[-1]["data"]["deleted_at"]
    assert ask("post", "/v1/customers/", {"email": "alice@example.org", "external_id": "acme"})["id"] != customer["id"]


# --- buying ---------------------------------------------------------------------------------------------------


def test_a_checkout_leads_to_a_subscription_and_an_order(ask, customer, buy, told):
    told()
    held = buy()
    events = told()
    assert types(events) == [
        "subscription.created",
        "subscription.updated",
        "subscription.active",
        "customer.state_changed",
        "order.created",
        "order.paid",
        "checkout.updated",
    ]
    checkout = ask("get", f"/v1/checkouts/{held['id']}")
    assert (checkout["status"], checkout["subscription_id"]) == ("succeeded", held["subscription"])
    assert events[-1]["data"] == checkout
    subscription = ask("get", f"/v1/subscriptions/{held['subscription']}")
    assert (subscription["status"], subscription["product_id"], subscription["seats"]) == ("active", MONTHLY, 1)
    assert (subscription["metadata"], subscription["checkout_id"]) == (OURS, held["id"])
    assert subscription["customer"]["external_id"] == "acme"
    order = order_of(ask)
    assert (order["billing_reason"], order["status"], order["total_amount"]) == ("subscription_create", "paid", 1200)
    assert (order["refundable_amount"], order["subscription_id"]) == (1200, subscription["id"])
    assert order["subscription"]["current_period_end"] == subscription["current_period_end"]
    state = next(event["data"] for event in events if event["type"] == "customer.state_changed")
    assert (state["id"], [one["id"] for one in state["active_subscriptions"]]) == (customer["id"], [subscription["id"]])


def test_before_its_first_payment_there_is_no_subscription(ask, buy, told):
    told()
    held = buy(card="debit")
    assert types(told()) == ["checkout.updated"]
    assert ask("get", f"/v1/checkouts/{held['id']}")["status"] == "confirmed"
    assert ask("get", "/v1/subscriptions/")["items"] == ask("get", "/v1/orders/")["items"] == []
    ask("get", f"/v1/subscriptions/{held['subscription']}", expect=404)
    sandbox.advance(days=4)
    assert types(told())[0] == "subscription.created"
    assert ask("get", f"/v1/checkouts/{held['id']}")["status"] == "succeeded"
    assert order_of(ask)["status"] == "paid"


def test_a_debit_that_fails_was_never_bought(ask, buy, told):
    held = buy(card="debit_fails")
    sandbox.advance(days=4)
    assert ask("get", f"/v1/checkouts/{held['id']}")["status"] == "failed"
    assert ask("get", "/v1/subscriptions/")["items"] == []
    assert not [kind for kind in types(told()) if kind.startswith(("subscription", "order"))]


def test_a_checkout_that_nobody_pays_expires(ask, customer, told):
    held = ask(
        "post",
        "/v1/checkouts/",
        {"products": [MONTHLY], "external_customer_id": "acme", "success_url": "https://hall.example/?c={CHECKOUT_ID}"},
    )
    assert (held["status"], held["customer_id"]) == ("open", customer["id"])
    assert held["success_url"] == f"https://hall.example/?c={held['id']}"
    assert held["url"].endswith(f"/sandbox/checkout/{held['id']}")
    mine = {"external_customer_id": "acme", "status": "open"}
    assert [one["id"] for one in ask("get", "/v1/checkouts/", **mine)["items"]] == [held["id"]]
    told()
    sandbox.advance(days=2)
    assert types(told()) == ["checkout.updated", "checkout.expired"]
    assert ask("get", "/v1/checkouts/", **mine)["items"] == []


def test_what_is_bought_once_is_an_order_alone(ask, buy, told):
    told()
    buy(LIFETIME)
    assert types(told()) == ["order.created", "order.paid", "checkout.updated"]
    order = order_of(ask)
    assert (order["billing_reason"], order["subscription_id"], order["metadata"]) == ("purchase", None, OURS)


def test_a_trial_begins_with_an_order_of_nothing_and_is_charged_at_its_end(ask, buy, told):
    told()
    held = buy(allow_trial=True, trial_interval="day", trial_interval_count=14)
    assert "subscription.active" not in types(told())
    subscription = ask("get", f"/v1/subscriptions/{held['subscription']}")
    assert (subscription["status"], subscription["trial_end"]) == ("trialing", subscription["current_period_end"])
    assert order_of(ask)["total_amount"] == 0
    sandbox.advance(days=14)
    assert types(told()) == [
        "subscription.cycled",
        "subscription.updated",
        "subscription.active",
        "order.created",
        "order.updated",
        "order.paid",
    ]
    assert [order["total_amount"] for order in ask("get", "/v1/orders/")["items"]] == [1200, 0]


# --- its life -------------------------------------------------------------------------------------------------


def test_a_renewal_is_told_in_the_documented_order(ask, buy, told):
    held = buy()
    told()
    sandbox.advance(days=31)
    events = told()
    assert types(events) == [
        "subscription.cycled",
        "subscription.updated",
        "order.created",
        "order.updated",
        "order.paid",
    ]
    assert [event["data"]["status"] for event in events] == ["active", "active", "pending", "paid", "paid"]
    assert events[2]["data"]["billing_reason"] == "subscription_cycle"
    newest = ask("get", "/v1/orders/", subscription_id=held["subscription"], limit=1)
    assert (newest["pagination"], newest["items"][0]["id"]) == (
        {"total_count": 2, "max_page": 2},
        events[2]["data"]["id"],
    )


def test_a_failed_renewal_is_past_due_and_recovers(ask, buy, customer, told):
    held = buy(card="fails_later")
    told()
    sandbox.advance(days=30)
    assert types(told()) == [
        "subscription.cycled",
        "subscription.updated",
        "order.created",
        "order.updated",
        "subscription.updated",
        "subscription.past_due",
    ]
    subscription = ask("get", f"/v1/subscriptions/{held['subscription']}")
    order = ask("get", "/v1/orders/", limit=1)["items"][0]
    assert (subscription["status"], order["status"], order["paid"]) == ("past_due", "pending", False)
    assert subscription["past_due_at"] < order["next_payment_attempt_at"]
    sandbox.change_customer(customer["id"], card="ok")
    sandbox.advance(days=3)
    assert types(told())[1:] == ["subscription.updated", "subscription.active", "order.updated", "order.paid"]
    assert ask("get", f"/v1/subscriptions/{held['subscription']}")["past_due_at"] is None


def test_cancelling_taking_it_back_and_the_end(ask, buy, told):
    path = f"/v1/subscriptions/{buy()['subscription']}"
    told()
    held = ask("patch", path, {"cancel_at_period_end": True})
    assert (held["status"], held["cancel_at_period_end"], held["ends_at"]) == (
        "active",
        True,
        held["current_period_end"],
    )
    assert types(told()) == ["subscription.updated", "subscription.canceled"]
    again = ask("patch", path, {"cancel_at_period_end": True}, expect=403)
    assert again["error"] == "AlreadyCanceledSubscription"
    change = {"product_id": YEARLY, "proration_behavior": "invoice"}
    assert ask("patch", path, change, expect=403)["error"] == "AlreadyCanceledSubscription"
    held = ask("patch", path, {"cancel_at_period_end": False})
    assert (held["cancel_at_period_end"], held["ends_at"], held["canceled_at"]) == (False, None, None)
    assert types(told()) == ["subscription.updated", "subscription.uncanceled"]
    ask("patch", path, {"cancel_at_period_end": False}, expect=400)
    ask("patch", path, {"cancel_at_period_end": True})
    told()
    sandbox.advance(days=31)
    assert types(told()) == ["subscription.updated", "subscription.revoked", "customer.state_changed"]
    assert ask("get", path)["status"] == "canceled"


def test_revoking_ends_it_at_once_and_only_once(ask, buy, told):
    path = f"/v1/subscriptions/{buy()['subscription']}"
    told()
    held = ask("delete", path)
    assert held["status"] == "canceled"
    assert held["ended_at"]
    events = told()
    assert types(events)[:3] == ["subscription.updated", "subscription.canceled", "subscription.revoked"]
    assert events[-1]["data"]["active_subscriptions"] == []
    assert ask("delete", path, expect=403)["error"] == "AlreadyCanceledSubscription"
    assert ask("patch", path, {"cancel_at_period_end": True}, expect=403)["error"] == "AlreadyCanceledSubscription"


def test_a_change_is_charged_at_once_or_not_made(ask, buy, customer, told):
    path = f"/v1/subscriptions/{buy()['subscription']}"
    sandbox.advance(days=15)
    told()
    held = ask("patch", path, {"product_id": YEARLY, "proration_behavior": "invoice"})
    assert (held["product_id"], held["recurring_interval"]) == (YEARLY, "year")
    order = ask("get", "/v1/orders/", limit=1)["items"][0]
    assert (order["billing_reason"], order["total_amount"], order["product_id"]) == (
        "subscription_update",
        11400,
        YEARLY,
    )
    assert [item["proration"] for item in order["items"]] == [True, False]
    assert "order.paid" in types(told())
    sandbox.change_customer(customer["id"], card="declined")
    told()
    refused = ask("patch", path, {"product_id": MONTHLY, "seats": 99, "proration_behavior": "invoice"}, expect=402)
    assert refused["error"] == "PaymentFailed"
    assert ask("get", path)["product_id"] == YEARLY
    assert told() == []
    for body in ({"product_id": "nonsense"}, {"seats": 0}, {"seats": 2, "proration_behavior": "next_period"}, {}):
        ask("patch", path, body, expect=422)


def test_more_seats_are_prorated_on_the_next_order(ask, buy, told):
    path = f"/v1/subscriptions/{buy(seats=2)['subscription']}"
    assert ask("get", path)["seats"] == 2
    sandbox.advance(days=15)
    assert ask("patch", path, {"seats": 4, "proration_behavior": "prorate"})["seats"] == 4
    assert len(ask("get", "/v1/orders/")["items"]) == 1
    sandbox.advance(days=16)
    assert ask("get", "/v1/orders/", limit=1)["items"][0]["total_amount"] == 4800 + 1200


# --- refunds, disputes ----------------------------------------------------------------------------------------


def test_refunds_add_up_and_never_to_more_than_was_paid(ask, buy, told):
    buy()
    order = order_of(ask)
    told()
    part = {"order_id": order["id"], "reason": "customer_request", "amount": 500, "metadata": {"key": "k"}}
    made = ask("post", "/v1/refunds/", part)
    assert (made["amount"], made["status"], made["metadata"]) == (500, "succeeded", {"key": "k"})
    events = told()
    assert types(events) == ["order.updated", "refund.created", "order.refunded"]
    assert (events[0]["data"]["status"], events[0]["data"]["refunded_amount"]) == ("partially_refunded", 500)
    assert ask("post", "/v1/refunds/", part | {"amount": 701}, expect=400)["error"] == "RefundAmountTooHigh"
    ask("post", "/v1/refunds/", part | {"revoke_benefits": True}, expect=400)
    for wrong in ({"amount": 0}, {"amount": None}, {"reason": "because"}, {"order_id": "nonsense"}):
        ask("post", "/v1/refunds/", part | wrong, expect=422)
    ask("post", "/v1/refunds/", part | {"amount": 700})
    assert order_of(ask)["status"] == "refunded"
    assert ask("post", "/v1/refunds/", part | {"amount": 1}, expect=403)["error"] == "RefundedAlready"
    assert [one["amount"] for one in ask("get", "/v1/refunds/", order_id=order["id"])["items"]] == [700, 500]


def test_a_refund_that_fails_is_taken_off_again(ask, buy, told):
    buy()
    order = order_of(ask)
    made = ask("post", "/v1/refunds/", {"order_id": order["id"], "reason": "other", "amount": 1200})
    told()
    sandbox.fail_refund(made["id"])
    events = told()
    assert types(events) == ["order.updated", "refund.updated"]
    assert events[1]["data"]["status"] == "failed"
    assert (order_of(ask)["status"], order_of(ask)["refunded_amount"]) == ("paid", 0)


def test_a_dispute_can_be_asked_for_and_is_not_told(ask, buy, told):
    buy()
    (payment,) = sandbox.find("payment")
    told()
    made = sandbox.dispute(payment["id"])
    (shown,) = ask("get", "/v1/disputes/")["items"]
    assert (shown["status"], shown["order_id"]) == ("needs_response", order_of(ask)["id"])
    refund = {"order_id": shown["order_id"], "reason": "other", "amount": 1}
    assert ask("post", "/v1/refunds/", refund, expect=403)["error"] == "RefundsBlocked"
    sandbox.settle_dispute(made["id"], False)
    assert ask("get", f"/v1/disputes/{made['id']}")["status"] == "lost"
    assert told() == []


# --- lists, the portal, deliveries ----------------------------------------------------------------------------


def test_lists_are_filtered_sorted_and_paged(ask, buy, customer):
    other = ask("post", "/v1/customers/", {"email": "bob@example.org"})
    first = buy()["subscription"]
    second = subscribing.subscribe(other["id"], YEARLY, card="ok")["id"]
    ids = lambda **params: [one["id"] for one in ask("get", "/v1/subscriptions/", **params)["items"]]  # noqa: E731
    assert ids() == ids(sorting="-started_at") == [second, first]
    assert ids(sorting="started_at") == [first, second]
    assert ids(customer_id=customer["id"]) == ids(external_customer_id="acme") == ids(product_id=MONTHLY) == [first]
    assert ids(status=["active", "past_due"]) == [second, first]
    assert ids(status="canceled") == ids(active="false") == []
    assert ids(limit=1, page=2) == [first]
    assert ids(limit=1, page=3) == []


def test_the_portals_address_is_made_for_one_customer(ask, customer):
    made = ask("post", "/v1/customer-sessions/", {"customer_id": customer["id"], "return_url": "https://hall.example"})
    portal = sandbox.get(made["customer_portal_url"].rsplit("/", 1)[1], "portal")
    assert (portal["customer"], portal["return_url"]) == (customer["id"], "https://hall.example")
    ask("post", "/v1/customer-sessions/", {"customer_id": "nobody"}, expect=422)


def test_what_did_not_come_is_listed_with_its_body(ask, customer, told):
    (event,) = told()
    (delivery,) = ask("get", "/v1/webhooks/deliveries", succeeded="false")["items"]
    held = delivery["webhook_event"]
    body, _ = sandbox.signed(event)
    assert (held["id"], held["payload"].encode(), held["type"]) == (event["id"], body, "customer.created")
    late = (datetime.now(UTC) + timedelta(days=4000)).isoformat()
    assert ask("get", "/v1/webhooks/deliveries", start_timestamp=late)["items"] == []
    sandbox.delivered(event["id"])
    assert ask("get", "/v1/webhooks/deliveries", succeeded="false")["items"] == []


def test_events_are_signed_by_the_standard_and_name_their_id_only_there(customer, told):
    (event,) = told()
    body, headers = sandbox.signed(event)
    said = Webhook(sandbox.secret()).verify(body, headers)
    assert (said["type"], said["data"]["email"]) == ("customer.created", "alice@example.org")
    assert "id" not in said
    assert headers["webhook-id"] == event["id"]
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "ab" * 32).verify(body, headers)


def test_a_pause_begins_with_the_periods_end_and_charges_when_it_is_over(ask, buy, told):
    path = f"/v1/subscriptions/{buy()['subscription']}"
    told()
    wanted = {"pause_at_period_end": True, "resumes_at": "2026-09-01T00:00:00Z"}
    held = ask("patch", path, wanted)
    assert (held["status"], held["pause_at_period_end"], held["resumes_at"]) == ("active", True, wanted["resumes_at"])
    assert types(told()) == ["subscription.updated"]
    assert ask("patch", path, wanted, expect=403)["error"] == "SubscriptionNotPausable"
    ask("patch", path, {"pause_at_period_end": False})
    ask("patch", path, {"pause_at_period_end": True, "resumes_at": "2026-07-01T00:00:00Z"}, expect=422)
    ask("patch", path, {"resume": True}, expect=403)
    ask("patch", path, wanted)
    told()
    sandbox.advance(days=31)
    assert types(told()) == ["subscription.updated", "subscription.paused"]
    assert ask("get", path)["status"] == "paused"
    assert ask("get", path)["paused_at"] == "2026-07-15T12:00:00Z"
    sandbox.advance(days=60)
    assert {"subscription.resumed", "order.paid"} < set(types(told()))
    held = ask("get", path)
    assert (held["status"], held["current_period_start"]) == ("active", "2026-09-01T00:00:00Z")
    assert [order["total_amount"] for order in ask("get", "/v1/orders/")["items"]] == [1200, 1200]
