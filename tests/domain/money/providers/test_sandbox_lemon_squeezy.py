"""Lemon Squeezy's side of the wire: what its documentation says, asked for without our adapter."""

import hashlib
import hmac
import json

import pytest
import requests

from database.transactions import writes
from domain.money.providers import sandbox
from tests.fixtures.billing import posted
from tests.peers import lemon_squeezy

API = "https://api.lemonsqueezy.com"
MONTHLY, YEARLY, LIFETIME = lemon_squeezy.PRICES.values()
OURS = {"organization": "acme", "user": "alice"}
JSON_API = "application/vnd.api+json"


@pytest.fixture(autouse=True)
def _speaks(house, clock):
    sandbox.speak(lemon_squeezy)


@pytest.fixture
def ask():
    """`ask("get", "orders")`: the document the API answers, which must have this status."""
    session = requests.Session()
    session.mount(API, sandbox.account().transport)

    def call(method, path, attributes=None, expect=None, key=lemon_squeezy.KEY, type=JSON_API, related=None, **params):
        data = None
        if attributes is not None:
            links = {name: {"data": {"type": f"{name}s", "id": id}} for name, id in (related or {}).items()}
            data = json.dumps({"data": {"type": path, "attributes": attributes, "relationships": links}})
        headers = {"Authorization": f"Bearer {key}", "Content-Type": type, "Accept": JSON_API}
        answer = session.request(method, f"{API}/v1/{path}", data=data, params=params, headers=headers, timeout=5)
        usual = 201 if method == "post" and not path.endswith("refund") else 200
        assert answer.status_code == (expect or usual), answer.text
        return answer.json()

    return call


@pytest.fixture
def told(house):
    """`told()`: the events since the last time, in order."""
    return posted


def types(events):
    return [event["meta"]["event_name"] for event in events]


def checkout(ask, variant=MONTHLY, quantity=1, email="alice@example.org", expect=None, **more):
    data = {"email": email, "custom": OURS, "variant_quantities": [{"variant_id": int(variant), "quantity": quantity}]}
    wanted = {"checkout_data": data, "product_options": {"redirect_url": "https://hall.example/back"}}
    related = {"store": "7", "variant": variant}
    return ask("post", "checkouts", wanted | more, related=related, expect=expect)


@pytest.fixture
def buy(ask):
    def bought(*args, card="ok", **more):
        return sandbox.pay(checkout(ask, *args, **more)["data"]["id"], card)["subscription"]

    return bought


def only(ask, path, **params):
    (thing,) = ask("get", path, **params)["data"]
    return thing


def about(ask, id):
    return ask("get", f"subscriptions/{id}")["data"]["attributes"]


# --- the door, and refusals -----------------------------------------------------------------------------------


def test_without_the_right_key_nothing_is_said(ask):
    for key in ("", "wrong", lemon_squeezy.KEY + "x"):
        (error,) = ask("get", "stores", expect=401, key=key)["errors"]
        assert (error["status"], error["title"]) == ("401", "Unauthorized")


def test_a_body_that_is_not_json_api_is_refused(ask):
    ask("post", "customers", {"name": "Acme", "email": "a@example.org"}, expect=415, type="application/json")
    head = {"Authorization": f"Bearer {lemon_squeezy.KEY}", "Content-Type": JSON_API}
    for body in (b"{", b"[]", b"7", b"\xff", b'{"data": []}', b'{"data": {"attributes": 5}}', b"[" * 100_000):
        assert lemon_squeezy.answer("POST", "/v1/customers", "", body, head)[0] == 422


def test_what_is_not_there_is_said_so(ask):
    for path in (
        "subscriptions/1",
        "orders/1",
        "customers/1",
        "checkouts/1",
        "subscription-invoices/1",
        "variants/1",
        "subscription-items/1",
        "stores/1",
        "nothing",
        "subscriptions/1/subscription-invoices",
        "prices/x",
    ):
        (error,) = ask("get", path, expect=404)["errors"]
        assert (error["status"], error["title"]) == ("404", "Not Found")
    ask("patch", "subscriptions/1", {"cancelled": True}, expect=404)
    ask("delete", "subscriptions/1", expect=404)


def test_what_makes_no_sense_is_refused_with_its_place(ask):
    for body, place in [
        ({"name": "Acme"}, "email"),
        ({"name": "Acme", "email": "acme"}, "email"),
        ({"email": "a@example.org"}, "name"),
    ]:
        (error,) = ask("post", "customers", body, expect=422)["errors"]
        assert (error["status"], error["source"]["pointer"]) == ("422", f"/data/attributes/{place}")
    data = {"custom": {"organization": 5}}
    for more in (
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "soon"},
        {"checkout_data": data},
        {"checkout_data": "x"},
        {"variant": "999"},
        {"quantity": 0},
    ):
        checkout(ask, expect=422, **more)
    ask("post", "checkouts", {}, expect=422)
    ask("post", "checkouts", {}, related={"store": "8", "variant": MONTHLY}, expect=422)
    for params in ({"page[size]": 101}, {"page[number]": "x"}, {"filter[color]": "red"}):
        ask("get", "orders", expect=422, **params)


def test_calls_fail_when_it_is_told_to_misbehave(ask):
    sandbox.mischief("seed", fail=1.0)
    assert ask("get", "stores", expect=500)["errors"][0]["status"] == "500"
    sandbox.mischief(None)
    ask("get", "stores")


# --- what is sold, customers ----------------------------------------------------------------------------------


def test_a_store_has_a_product_of_three_variants_with_a_price_each(ask):
    store, product = only(ask, "stores"), only(ask, "products", **{"filter[store_id]": "7"})
    assert (store["id"], store["attributes"]["currency"]) == ("7", "USD")
    assert (product["attributes"]["store_id"], product["attributes"]["status"]) == (7, "published")
    found = ask("get", "variants", include="price-model", **{"filter[product_id]": product["id"]})
    assert sorted(one["id"] for one in found["data"]) == [MONTHLY, YEARLY, LIFETIME]
    assert {one["attributes"]["variant_id"] for one in found["included"]} == {101, 102, 103}
    price = only(ask, "prices", **{"filter[variant_id]": YEARLY})["attributes"]
    assert (price["category"], price["unit_price"], price["renewal_interval_unit"]) == ("subscription", 12000, "year")
    once = ask("get", f"prices/{LIFETIME}")["data"]["attributes"]
    assert (once["category"], once["renewal_interval_unit"]) == ("one_time", None)
    assert only(ask, "products", **{"filter[store_id]": "7"})["attributes"]["test_mode"] is True
    assert ask("get", "products", **{"filter[store_id]": "8"})["data"] == []


def test_an_address_is_one_customer(ask, buy):
    made = ask("post", "customers", {"name": "Acme", "email": "alice@example.org"})["data"]
    assert made["attributes"]["urls"]["customer_portal"] is None  # nothing was bought yet
    ask("post", "customers", {"name": "Other", "email": "ALICE@example.org"}, expect=422)
    assert only(ask, "customers", **{"filter[email]": "Alice@Example.org"})["id"] == made["id"]
    id = buy()
    assert str(about(ask, id)["customer_id"]) == made["id"]
    changed = ask("patch", f"customers/{made['id']}", {"name": "Acme Ltd"})["data"]["attributes"]
    assert changed["name"] == "Acme Ltd"
    portal = changed["urls"]["customer_portal"]
    assert sandbox.get(portal.rsplit("/", 1)[1], "portal")["customer"] == made["id"]


# --- buying ---------------------------------------------------------------------------------------------------


def test_a_checkout_leads_to_an_order_a_subscription_and_its_invoice(ask, told):
    held = checkout(ask, quantity=3)["data"]
    assert held["attributes"]["url"].endswith(f"/sandbox/checkout/{held['id']}")
    assert held["attributes"]["checkout_data"]["custom"] == OURS
    assert told() == []
    id = sandbox.pay(held["id"])["subscription"]
    events = told()
    assert types(events) == [
        "order_created",
        "subscription_created",
        "subscription_updated",
        "subscription_payment_success",
    ]
    assert [event["meta"]["custom_data"] for event in events] == [OURS] * 4
    assert {event["meta"]["test_mode"] for event in events} == {True}
    order, subscription, invoice = only(ask, "orders"), only(ask, "subscriptions"), only(ask, "subscription-invoices")
    assert [event["data"] for event in events] == [order, subscription, subscription, invoice]
    shown = subscription["attributes"]
    assert (subscription["id"], shown["status"], shown["variant_id"]) == (id, "active", 101)
    assert (str(shown["order_id"]), shown["first_subscription_item"]["quantity"]) == (order["id"], 3)
    assert (order["attributes"]["status"], order["attributes"]["total"]) == ("paid", 3600)
    assert order["attributes"]["first_order_item"]["variant_id"] == 101
    bill = invoice["attributes"]
    assert (bill["billing_reason"], bill["status"], bill["total"], str(bill["subscription_id"])) == (
        "initial",
        "paid",
        3600,
        id,
    )
    assert only(ask, "checkouts")["id"] == held["id"]
    assert ask("get", f"checkouts/{held['id']}")["data"]["attributes"]["expires_at"] == held["attributes"]["expires_at"]


def test_before_its_first_payment_there_is_no_order(ask, buy, told):
    id = buy(card="debit")
    assert told() == []
    for path in ("orders", "subscriptions", "subscription-invoices", "subscription-items"):
        assert ask("get", path)["data"] == []
    ask("get", f"subscriptions/{id}", expect=404)
    sandbox.advance(days=4)
    assert types(told())[0] == "order_created"
    assert about(ask, id)["status"] == "active"


def test_a_checkout_closes_when_its_maker_said_so(ask, clock):
    held = checkout(ask, expires_at="2026-06-15T13:00:00.000000Z")["data"]
    clock.forward(hours=2)
    assert sandbox.pay(held["id"])["status"] == "expired"
    assert ask("get", "orders")["data"] == []


def test_what_is_bought_once_is_an_order_alone(ask, buy, told):
    buy(LIFETIME)
    (event,) = told()
    assert (event["meta"]["event_name"], event["meta"]["custom_data"]) == ("order_created", OURS)
    assert event["data"] == only(ask, "orders")
    assert ask("get", "subscription-invoices")["data"] == ask("get", "subscriptions")["data"] == []


def test_a_trial_is_the_variants_own_and_can_be_left_out(ask, told):
    days = sandbox.price(MONTHLY) | {"id": "104", "trial_days": 14, "lookup_key": None}
    writes(sandbox.put)(days)
    assert ask("get", "variants/104")["data"]["attributes"]["has_free_trial"] is True
    held = checkout(ask, "104")["data"]["id"]
    id = sandbox.pay(held)["subscription"]
    shown = about(ask, id)
    assert (shown["status"], shown["trial_ends_at"]) == ("on_trial", shown["renews_at"])
    assert only(ask, "subscription-invoices")["attributes"]["total"] == 0
    told()
    sandbox.advance(days=14)
    assert types(told()) == ["subscription_updated", "subscription_payment_success"]
    assert about(ask, id)["status"] == "active"
    held = checkout(ask, "104", checkout_options={"skip_trial": True})["data"]["id"]
    assert about(ask, sandbox.pay(held)["subscription"])["status"] == "active"


# --- its life -------------------------------------------------------------------------------------------------


def test_a_renewal_is_a_paid_invoice(ask, buy, told):
    id = buy()
    before = about(ask, id)
    told()
    sandbox.advance(days=30)
    assert types(told()) == ["subscription_updated", "subscription_payment_success"]
    assert about(ask, id)["renews_at"] > before["renews_at"]
    newest, first = ask("get", f"subscriptions/{id}/subscription-invoices")["data"]
    assert [one["attributes"]["billing_reason"] for one in (newest, first)] == ["renewal", "initial"]
    assert ask("get", "orders")["meta"]["page"]["total"] == 1


def test_a_failed_renewal_is_past_due_until_the_next_attempt_and_recovers(ask, buy, told):
    id = buy(card="fails_later")
    told()
    sandbox.advance(days=30)
    events = told()
    assert types(events) == ["subscription_updated", "subscription_payment_failed", "subscription_updated"]
    assert events[1]["data"]["type"] == "subscription-invoices"
    shown, bill = about(ask, id), only(ask, "subscription-invoices", **{"filter[status]": "pending"})["attributes"]
    assert (shown["status"], bill["status"], bill["billing_reason"]) == ("past_due", "pending", "renewal")
    assert shown["renews_at"] == "2026-07-16T12:00:00.000000Z"
    sandbox.change_customer(str(shown["customer_id"]), card="ok")
    sandbox.advance(days=1)
    assert types(told()) == ["subscription_updated", "subscription_payment_success", "subscription_payment_recovered"]
    assert (about(ask, id)["status"], about(ask, id)["renews_at"]) == ("active", "2026-08-15T12:00:00.000000Z")


def test_cancelling_taking_it_back_and_the_end(ask, buy, told):
    id = buy()
    told()
    shown = ask("delete", f"subscriptions/{id}")["data"]["attributes"]
    assert (shown["status"], shown["cancelled"], shown["ends_at"]) == ("cancelled", True, shown["renews_at"])
    assert types(told()) == ["subscription_updated", "subscription_cancelled"]
    ask("delete", f"subscriptions/{id}")
    assert told() == []
    shown = ask("patch", f"subscriptions/{id}", {"cancelled": False})["data"]["attributes"]
    assert (shown["status"], shown["cancelled"], shown["ends_at"]) == ("active", False, None)
    assert types(told()) == ["subscription_updated", "subscription_resumed"]
    ask("patch", f"subscriptions/{id}", {"cancelled": True})
    told()
    sandbox.advance(days=31)
    assert types(told()) == ["subscription_updated", "subscription_expired"]
    assert about(ask, id)["status"] == "expired"
    ask("patch", f"subscriptions/{id}", {"cancelled": False}, expect=422)


def test_a_change_of_variant_is_made_also_when_it_is_not_paid(ask, buy, told):
    id = buy()
    sandbox.advance(days=15)
    told()
    wanted = {"variant_id": int(YEARLY), "invoice_immediately": True}
    shown = ask("patch", f"subscriptions/{id}", wanted)["data"]["attributes"]
    assert (shown["variant_id"], shown["status"]) == (102, "active")
    assert types(told()) == ["subscription_updated", "subscription_payment_success"]
    bill = ask("get", f"subscriptions/{id}/subscription-invoices")["data"][0]["attributes"]
    assert (bill["billing_reason"], bill["total"]) == ("updated", 11400)
    sandbox.change_customer(str(shown["customer_id"]), card="declined")
    item = shown["first_subscription_item"]["id"]
    ask("patch", f"subscription-items/{item}", {"quantity": 4, "invoice_immediately": True})
    assert "subscription_payment_failed" in types(told())
    shown = about(ask, id)
    assert (shown["status"], shown["first_subscription_item"]["quantity"]) == ("past_due", 4)
    for bad in ({"variant_id": 999}, {"variant_id": int(LIFETIME)}, {"pause": {"mode": "nap"}}, {"pause": 5}):
        ask("patch", f"subscriptions/{id}", bad, expect=422)
    ask("patch", f"subscription-items/{item}", {"quantity": "many"}, expect=422)


def test_more_seats_are_prorated_on_the_next_invoice_or_not_at_all(ask, buy):
    id = buy(quantity=2)
    item = about(ask, id)["first_subscription_item"]["id"]
    sandbox.advance(days=15)
    assert ask("patch", f"subscription-items/{item}", {"quantity": 4})["data"]["attributes"]["quantity"] == 4
    assert len(ask("get", "subscription-invoices")["data"]) == 1
    ask("patch", f"subscription-items/{item}", {"quantity": 5, "disable_prorations": True})
    sandbox.advance(days=15)
    assert ask("get", "subscription-invoices")["data"][0]["attributes"]["total"] == 6000 + 1200


def test_a_credit_is_no_invoice_and_pays_for_the_next_one(ask, buy):
    id = buy(quantity=4)
    item = about(ask, id)["first_subscription_item"]["id"]
    sandbox.advance(days=15)
    ask("patch", f"subscription-items/{item}", {"quantity": 1, "invoice_immediately": True})
    assert len(ask("get", "subscription-invoices")["data"]) == 1
    sandbox.advance(days=15)
    bill = ask("get", "subscription-invoices")["data"][0]["attributes"]
    assert (bill["subtotal"], bill["discount_total"], bill["total"]) == (1200, 1200, 0)


def test_a_pause_voids_what_would_be_collected(ask, buy, told):
    id = buy()
    told()
    wanted = {"pause": {"mode": "free", "resumes_at": "2026-09-01T00:00:00.000000Z"}}
    shown = ask("patch", f"subscriptions/{id}", wanted)["data"]["attributes"]
    assert (shown["status"], shown["pause"]) == ("paused", wanted["pause"])
    assert types(told()) == ["subscription_updated", "subscription_paused"]
    sandbox.advance(days=31)
    assert ask("get", "subscription-invoices")["data"][0]["attributes"]["status"] == "void"
    assert "subscription_payment_success" not in types(told())
    shown = ask("patch", f"subscriptions/{id}", {"pause": None})["data"]["attributes"]
    assert (shown["status"], shown["pause"]) == ("active", None)
    assert types(told()) == ["subscription_updated", "subscription_unpaused"]


# --- refunds, disputes ----------------------------------------------------------------------------------------


def test_refunds_add_up_and_never_to_more_than_was_paid(ask, buy, told):
    buy()
    id = only(ask, "subscription-invoices")["id"]
    told()
    shown = ask("post", f"subscription-invoices/{id}/refund", {"amount": 500})["data"]["attributes"]
    assert (shown["status"], shown["refunded_amount"], shown["refunded"]) == ("partial_refund", 500, False)
    assert types(told()) == ["order_refunded", "subscription_payment_refunded"]
    ask("post", f"subscription-invoices/{id}/refund", {"amount": 701}, expect=422)
    ask("post", f"subscription-invoices/{id}/refund", {"amount": 0}, expect=422)
    shown = ask("post", f"subscription-invoices/{id}/refund", {})["data"]["attributes"]
    assert (shown["status"], shown["refunded_amount"], shown["refunded"]) == ("refunded", 1200, True)
    assert only(ask, "orders")["attributes"]["status"] == "refunded"
    ask("post", f"subscription-invoices/{id}/refund", {}, expect=422)


def test_an_order_is_refunded_in_full_where_no_amount_is_named(ask, buy, told):
    buy(LIFETIME)
    id = only(ask, "orders")["id"]
    told()
    shown = ask("post", f"orders/{id}/refund")["data"]["attributes"]
    assert (shown["refunded_amount"], shown["total"]) == (24000, 24000)
    assert types(told()) == ["order_refunded"]


def test_there_is_no_word_of_disputes_and_of_refunds_that_fail(ask, buy, told):
    buy()
    (payment,) = sandbox.find("payment")
    made = sandbox.refund(payment["id"], 500)
    told()
    sandbox.fail_refund(made["id"])
    sandbox.settle_dispute(sandbox.dispute(payment["id"])["id"], False)
    assert told() == []
    assert only(ask, "subscription-invoices")["attributes"]["refunded_amount"] == 0


# --- lists, signatures ----------------------------------------------------------------------------------------


def test_lists_are_filtered_and_paged(ask, buy):
    first, second = buy(), buy(YEARLY, email="bob@example.org")
    assert [one["id"] for one in ask("get", "subscriptions")["data"]] == [second, first]
    order = about(ask, first)["order_id"]
    for name, value in [("user_email", "ALICE@example.org"), ("order_id", order), ("variant_id", 101)]:
        assert only(ask, "subscriptions", **{f"filter[{name}]": value})["id"] == first
    assert ask("get", "subscriptions", **{"filter[status]": "expired"})["data"] == []
    answer = ask("get", "subscriptions", **{"page[size]": 1, "page[number]": 2})
    assert [one["id"] for one in answer["data"]] == [first]
    assert answer["meta"]["page"] == {"currentPage": 2, "from": 2, "lastPage": 2, "perPage": 1, "to": 2, "total": 2}
    assert only(ask, "subscription-invoices", **{"filter[subscription_id]": second})["attributes"]["total"] == 12000
    assert len(ask("get", "orders", **{"filter[store_id]": "7"})["data"]) == 2


def test_events_are_signed_by_the_hash_of_their_body_and_have_no_id(buy, told):
    buy()
    event = told()[0]
    body, headers = sandbox.signed(event)
    assert headers["X-Signature"] == hmac.new(sandbox.secret().encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Event-Name"] == "order_created"
    assert set(json.loads(body)) == {"meta", "data"}
