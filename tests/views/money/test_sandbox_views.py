import dataclasses
import json
import re
import threading
from urllib.parse import urlsplit

import pytest
import stripe as library
from werkzeug.serving import make_server

from database.scope import inside
from domain.base import configuration
from domain.entitlements import grants
from domain.money.providers import sandbox
from domain.money.providers.sandbox import engine, selling, subscribing
from models import Outgoing, SandboxObject, Subscription

JSON = {"Accept": "application/json"}
BACK = {"success_url": "http://localhost/back", "cancel_url": "http://localhost/no"}
MONTHLY, YEARLY, LIFETIME = sandbox.PRICES.values()


@pytest.fixture
def desk(browse, wire):
    """(alice's browser, the id of Acme's running subscription)."""
    alice = browse("alice")
    checkout = urlsplit(alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"}).headers["Location"]).path
    alice.post(checkout + "/payment")
    wire()
    return alice, SandboxObject.get(SandboxObject.kind == "subscription").object_id


@pytest.fixture
def alone(browse):
    """(alice's browser, a subscription that is nobody's business here)."""
    customer = selling.create_customer(email="nina@example.org", card="ok")["id"]
    return browse("alice"), subscribing.subscribe(customer, MONTHLY)["id"]


def opened(**more):
    customer = selling.create_customer(email="nina@example.org")["id"]
    return engine.open_checkout(customer, MONTHLY, once=False, **BACK | more)["id"]


def now_is(cast):
    with inside(cast.acme):
        return grants.plan().key, Subscription.get().status


def newest(id):
    return sandbox.get(sandbox.get(id)["latest_invoice"])


def paid_by(id):
    (payment,) = sandbox.find("payment", newest(id)["id"])
    return payment["id"]


def test_the_desk_makes_time_pass(desk, cast, wire):
    alice, id = desk
    assert '<div class="wrap-word">Acme</div>' in alice.get("/sandbox").text  # whose each subscription is
    assert now_is(cast) == ("pro_monthly", "active")
    for verb, expected in (
        ("renewal", ("pro_monthly", "active")),
        ("failure", ("pro_monthly", "past_due")),
        ("end", ("free", "canceled")),
    ):
        assert alice.post(f"/sandbox/subscriptions/{id}/{verb}").status_code == 303
        wire()
        assert now_is(cast) == expected, verb
    for verb in ("renewal", "failure", "end"):
        response = alice.post(f"/sandbox/subscriptions/{id}/{verb}", headers=JSON)
        assert response.status_code == 409, verb
    assert alice.get("/sandbox").status_code == 200


def test_what_runs_is_not_ended_before_it_was_cancelled(alone):
    alice, id = alone
    response = alice.post(f"/sandbox/subscriptions/{id}/end", headers=JSON)
    assert (response.status_code, response.json["code"]) == (409, "CONFLICT")


def test_one_thing_is_not_another(alone):
    alice, id = alone
    checkout = opened()
    assert alice.get(f"/sandbox/checkout/{checkout}").status_code == 200
    for address in (
        f"checkout/{id}",
        f"subscriptions/{checkout}",
        f"invoices/{id}",
        f"purchases/{id}",
        f"portal/{checkout}",
        "checkout/nonsense",
        "invoices/nonsense",
    ):
        assert alice.get(f"/sandbox/{address}").status_code == 404, address
    for address in (
        f"subscriptions/{checkout}/renewal",
        f"checkout/{id}/payment",
        f"invoices/{id}/payment",
        f"portal/{id}/card",
        f"payments/{id}/refunds",
        f"payments/{id}/dispute",
        f"refunds/{id}/failure",
        f"disputes/{id}/outcome",
        f"events/{id}/delivery",
        f"customers/{id}/card",
    ):
        assert alice.post(f"/sandbox/{address}").status_code == 404, address


def test_with_real_keys_the_sandbox_is_not_there(browse, cast):
    alice = browse("alice")
    assert alice.get("/sandbox").status_code == 200
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    for address in ("", "/api/v1/customers", "/subscriptions/x", "/portal/x"):
        assert alice.get(f"/sandbox{address}").status_code == 404, address
    assert alice.post("/sandbox/subscriptions/x/renewal").status_code == 404


def test_the_clock_goes_on_by_days_or_to_what_is_next(alone, said):
    alice, id = alone
    ends, before = sandbox.get(id)["period_end"], sandbox.clock()
    for days in ("1", "7"):
        assert alice.post("/sandbox/clock", data={"days": days}).status_code == 303
    assert sandbox.clock() - before in range(8 * 86400, 8 * 86400 + 60)
    alice.post("/sandbox/clock", data={"days": "next"})
    assert sandbox.get(id)["period_start"] == ends
    assert "and it was done" in said(alice.get("/sandbox"))
    for wrong in ("", "-1", "x", "365"):
        response = alice.post("/sandbox/clock", data={"days": wrong}, headers=JSON)
        assert (response.status_code, response.json["code"]) == (422, "INVALID_INPUT")


def test_mischief_is_set_in_percent_and_taken_back(browse, said):
    alice = browse("alice")
    form = {"seed": "monday", "duplicate": "25", "drop": "100", "outcome": "unpaid"}
    assert alice.post("/sandbox/mischief", data=form).status_code == 303
    held = sandbox.settings()
    assert (held["seed"], held["duplicate"], held["drop"], held["fail"], held["finally"]) == (
        "monday",
        0.25,
        1,
        0,
        "unpaid",
    )
    assert 'value="25"' in alice.get("/sandbox").get_data(True)
    for wrong in ({"delay": "101"}, {"delay": "-1"}, {"delay": "²"}, {"delay": "9" * 50}, {"outcome": "war"}):
        assert alice.post("/sandbox/mischief", data=form | wrong, headers=JSON).status_code in (409, 422), wrong
    alice.post("/sandbox/mischief", data=form | {"seed": ""})
    assert sandbox.settings()["seed"] is None


def test_an_event_that_was_never_sent_is_sent_again_from_the_desk(browse, said):
    alice = browse("alice")
    sandbox.mischief(1, drop=1)
    selling.create_customer()
    assert "Never sent" in said(alice.get("/sandbox"))
    (event,) = sandbox.find("event")
    assert alice.post(f"/sandbox/events/{event['id']}/delivery").status_code == 303
    assert Outgoing.select().where(Outgoing.kind == "sandbox_webhook").count() == 1


# --- the customer's pages -----------------------------------------------------------------------------------------


def test_every_card_can_be_chosen_and_a_declined_one_leaves_the_checkout_open(browse, said):
    stranger, id = browse(None), opened()
    page = stranger.get(f"/sandbox/checkout/{id}").get_data(True)
    assert re.findall(r'name="card" value="(\w+)"', page) == list(sandbox.CARDS)
    response = stranger.post(f"/sandbox/checkout/{id}/payment", data={"card": "declined"}, headers=JSON)
    assert (response.status_code, response.json["message"]) == (402, "The card was declined. Choose another one.")
    assert sandbox.get(id)["status"] == "open"
    response = stranger.post(f"/sandbox/checkout/{id}/payment", data={"card": "ok"})
    assert (response.status_code, response.headers["Location"]) == (303, BACK["success_url"])
    assert "This is paid" in said(stranger.get(f"/sandbox/checkout/{id}"))


def test_a_card_that_wants_confirming_is_confirmed_on_the_next_page(browse, said):
    stranger, id = browse(None), opened()
    response = stranger.post(f"/sandbox/checkout/{id}/payment", data={"card": "confirm"})
    assert response.headers["Location"] == f"/sandbox/checkout/{id}?confirm=1"
    assert "is it you?" in said(stranger.get(response.headers["Location"]))
    assert sandbox.get(id)["status"] == "open"
    stranger.post(f"/sandbox/checkout/{id}/payment", data={"card": "confirm", "confirmed": "1"})
    assert sandbox.get(id)["paid"] is True


def test_a_trial_may_begin_without_a_card_and_a_debit_is_on_its_way(browse, said):
    stranger, trial, debit = browse(None), opened(trial_days=7, needs_card=False), opened()
    stranger.post(f"/sandbox/checkout/{trial}/payment", data={"card": ""})
    assert sandbox.get(sandbox.get(trial)["subscription"])["status"] == "trialing"
    stranger.post(f"/sandbox/checkout/{debit}/payment", data={"card": "debit"})
    assert "on its way" in said(stranger.get(f"/sandbox/checkout/{debit}"))


def test_a_checkout_that_is_over_says_so(browse, said):
    stranger, id = browse(None), opened()
    sandbox.expire_checkout(id)
    assert "This checkout is over" in said(stranger.get(f"/sandbox/checkout/{id}"))
    response = stranger.post(f"/sandbox/checkout/{id}/payment")
    assert response.headers["Location"] == f"/sandbox/checkout/{id}"


def test_an_open_invoice_is_paid_or_confirmed_on_its_page(browse, said):
    stranger = browse(None)
    customer = selling.create_customer(card="confirm")["id"]
    id = subscribing.subscribe(customer, MONTHLY)["id"]
    page = f"/sandbox/invoices/{newest(id)['id']}"
    assert "is it you?" in said(stranger.get(page))
    response = stranger.post(f"{page}/payment", data={"card": "confirm"})
    assert response.headers["Location"] == f"{page}?confirm=1"
    assert stranger.post(f"{page}/payment", data={"card": "declined"}, headers=JSON).status_code == 402
    stranger.post(f"{page}/payment", data={"card": "confirm", "confirmed": "1"})
    assert sandbox.get(id)["status"] == "active"
    assert "This is paid" in said(stranger.get(page))
    assert stranger.post(f"{page}/payment", headers=JSON).status_code == 409


def test_in_the_portal_the_customer_changes_the_card_cancels_and_takes_it_back(browse, said, alone):
    stranger, (_, id) = browse(None), alone
    owner = sandbox.get(id)["customer"]
    page = f"/sandbox/portal/{engine.open_portal(owner, 'http://localhost/back')['id']}"
    sandbox.renew(id, paid=False)
    assert f"Pay invoice {newest(id)['number']}" in said(stranger.get(page))
    stranger.post(f"{page}/card", data={"card": "debit"})
    assert sandbox.get(owner)["card"] == "debit"
    for form, expected in (({"ends": "1"}, True), ({}, False)):
        assert stranger.post(f"{page}/cancellation", data={"subscription": id} | form).status_code == 303
        assert sandbox.get(id)["cancel_at_period_end"] is expected
    others = subscribing.subscribe(selling.create_customer(card="ok")["id"], MONTHLY)["id"]
    assert stranger.post(f"{page}/cancellation", data={"subscription": others, "ends": "1"}).status_code == 404
    assert stranger.post(f"{page}/card", data={"card": "gold"}, headers=JSON).status_code == 409
    assert sandbox.get(others)["cancel_at"] is None


# --- one subscription at the desk ---------------------------------------------------------------------------------


def test_a_payment_is_refunded_in_parts_and_a_refund_fails(alone, said):
    alice, id = alone
    page, payment = f"/sandbox/subscriptions/{id}", paid_by(id)
    assert alice.post(f"/sandbox/payments/{payment}/refunds", data={"amount": "5.00"}).status_code == 303
    assert sandbox.get(payment)["refunded"] == 500
    for wrong in ("x", "-1", "99", "NaN", "1e999999"):
        response = alice.post(f"/sandbox/payments/{payment}/refunds", data={"amount": wrong}, headers=JSON)
        assert response.status_code in (409, 422), wrong
    alice.post(f"/sandbox/payments/{payment}/refunds")
    assert sandbox.get(payment)["refunded"] == 1200
    refund = sandbox.find("refund", payment)[0]
    assert "Let it fail" in said(alice.get(page))
    alice.post(f"/sandbox/refunds/{refund['id']}/failure")
    assert sandbox.get(payment)["refunded"] == 500


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_payment_is_disputed_and_the_dispute_decided(alone, said, outcome):
    alice, id = alone
    alice.post(f"/sandbox/payments/{paid_by(id)}/dispute")
    (dispute,) = sandbox.find("dispute")
    assert "Win it" in said(alice.get(f"/sandbox/subscriptions/{id}"))
    alice.post(f"/sandbox/disputes/{dispute['id']}/outcome", data={outcome: "1"})
    assert sandbox.get(dispute["id"])["status"] == outcome


def test_the_desk_changes_the_card_and_shows_what_was_bought_once(alone, said):
    alice, id = alone
    owner = sandbox.get(id)["customer"]
    alice.post(f"/sandbox/customers/{owner}/card", data={"card": "fails_later"})
    assert sandbox.get(owner)["card"] == "fails_later"
    once = engine.open_checkout(owner, LIFETIME, once=True, **BACK)["id"]
    sandbox.pay(once)
    assert "Bought once" in said(alice.get("/sandbox"))
    assert "$240.00" in said(alice.get(f"/sandbox/purchases/{sandbox.get(once)['invoice']}"))


def test_every_state_of_a_subscription_has_a_page(browse):
    alice = browse("alice")
    for card, days, more in (
        ("ok", 0, {"trial_days": 20}),
        ("declined", 0, {}),
        ("declined", 2, {}),
        ("fails_later", 33, {}),
        ("confirm", 0, {}),
        ("debit", 0, {}),
        (None, 9, {"trial_days": 7, "without_card": "pause"}),
    ):
        id = subscribing.subscribe(selling.create_customer(card=card)["id"], YEARLY if days == 0 else MONTHLY, **more)[
            "id"
        ]
        sandbox.advance(days=days)
        assert alice.get(f"/sandbox/subscriptions/{id}").status_code == 200
        assert alice.get(f"/sandbox/invoices/{newest(id)['id']}").status_code == 200
    assert alice.get("/sandbox").status_code == 200


# --- the API over the wire ----------------------------------------------------------------------------------------


def test_the_api_answers_over_http_and_its_key_is_the_door(web):
    client, key = web.test_client(), {"Authorization": "Bearer sk_test_sandbox"}
    for wrong in ({}, {"Authorization": "Bearer nonsense"}):
        response = client.get("/sandbox/api/v1/customers", headers=wrong)
        assert (response.status_code, response.json["error"]["type"]) == (401, "invalid_request_error")
    made = client.post("/sandbox/api/v1/customers", data={"metadata[a]": "b"}, headers=key)
    assert (made.status_code, made.json["metadata"], "Set-Cookie" in made.headers) == (200, {"a": "b"}, False)
    elsewhere = key | {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/sandbox/api/v1/customers", headers=elsewhere).status_code == 200
    assert client.get("/sandbox/api/v1/nonsense", headers=key).status_code == 404
    assert client.delete(f"/sandbox/api/v1/customers/{made.json['id']}", headers=key).json["deleted"] is True
    assert client.post("/sandbox/api/v1/customers", data=b"x" * 2_000_000, headers=key).status_code == 413


def test_no_body_breaks_the_api(web):
    for body in [
        b"\xff\xfe=\x00",
        b"email=a%00b",
        b"a[b][c]=1&a[b]=2&a=3&a[b][c][d]=4",
        b"[]=1&]=2&[[[=3",
        b"email[]=x&metadata=5",
        b"customer[a]=b",
        b"metadata[a][b]=c",
        b"status[a]=b&limit[c]=d",
        b"expand[][]=x&expand=y",
        b"customer=" + b"x" * 100_000,
        b"amount=%C2%B2&payment_intent=pi_x",
        b"line_items[0]=x&mode=payment",
        b"mode=subscription&success_url=x&line_items[0][price][a]=b&line_items[0][quantity]=99999999999",
    ]:
        client, key = web.test_client(), {"Authorization": "Bearer sk_test_sandbox"}
        for path in (
            "customers",
            "checkout/sessions",
            "subscriptions",
            "refunds",
            "invoices/create_preview",
            "subscriptions/x",
        ):
            headers = key | {"Content-Type": "application/x-www-form-urlencoded"}
            response = client.post(f"/sandbox/api/v1/{path}", data=body, headers=headers)
            assert response.status_code < 500, path
            assert json.loads(response.data), body
            assert client.get(f"/sandbox/api/v1/{path}?{body.decode('latin-1')}", headers=key).status_code < 500, body


def test_stripes_own_library_talks_to_it_over_a_real_wire(web):
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    wire = library.RequestsClient()
    try:
        base = {"api": f"http://127.0.0.1:{server.port}/sandbox/api"}
        api = library.StripeClient("sk_test_sandbox", base_addresses=base, http_client=wire).v1
        customer = api.customers.create({"email": "nina@example.org"})
        params = {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": MONTHLY, "quantity": 2}],
            **BACK,
        }
        session = api.checkout.sessions.create(params)
        sandbox.pay(session.id)
        paid = api.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
        assert (paid.payment_status, paid.subscription.latest_invoice.amount_paid) == ("paid", 2400)
        with pytest.raises(library.AuthenticationError):
            library.StripeClient("sk_test_other", base_addresses=base, http_client=wire).v1.customers.list()
    finally:
        wire.close()
        server.shutdown()
        thread.join(30)
        server.server_close()
