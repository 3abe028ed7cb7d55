"""The real route, with Stripe's own signatures."""

import dataclasses
import json
import re
import time

import pytest
import responses
import stripe

import jobs
from database.clock import now
from database.scope import everywhere, inside
from database.transactions import GaveUp
from database.waking import wakes
from domain.base import configuration
from domain.entitlements import grants
from models import Subscription, WebhookEvent
from views.money import webhooks

SECRET = "whsec_" + "s" * 32


@pytest.fixture(autouse=True)
def with_keys(web):
    """As an install with Stripe, which knows nothing of what its events speak of: they are the last word."""
    configuration.use(
        dataclasses.replace(
            configuration.active,
            billing_provider="stripe",
            payment_key="sk_test_x",
            payment_webhook_secrets=("whsec_old" + "o" * 30, SECRET),
            payment_prices={"pro_monthly": "price_monthly"},
        )
    )
    gone = {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such thing"}}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as played:
        played.get(re.compile("https://api.stripe.com"), json=gone, status=404)
        yield


def event(type="customer.subscription.created", id="evt_1", api_version="2025-03-31.basil", thing=None, **more):
    return {
        "id": id,
        "object": "event",
        "api_version": api_version,
        "created": int(time.time()),
        "livemode": False,
        "type": type,
        "data": {"object": thing or {"id": "x_1", "object": "thing"}},
    } | more


def subscription(cast, basil=True):
    ends = int(time.time()) + 30 * 86400
    item = {"id": "si_1", "price": {"id": "price_monthly", "object": "price"}}
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "cancel_at_period_end": False,
        "metadata": {"organization": cast.acme.public_id},
        "items": {"object": "list", "data": [item | ({"current_period_end": ends} if basil else {})]},
    } | ({} if basil else {"current_period_end": ends})


def post(web, body, *, secret=SECRET, at=None, headers=None):
    text = body if isinstance(body, bytes) else json.dumps(body, indent=2).encode()
    signature = stripe.WebhookSignature.generate_signature_header(
        text.decode("latin-1"), secret, timestamp=int(at or time.time())
    )
    if headers is None:
        headers = {"Stripe-Signature": signature}
    return web.test_client().post("/webhooks/stripe", data=text, headers={"Content-Type": "application/json"} | headers)


def kept():
    return list(WebhookEvent.select().order_by(WebhookEvent.id))


@pytest.mark.parametrize("basil", [True, False])
def test_a_signed_event_is_kept_raw_answered_and_worked_off(web, cast, basil):
    version = "2025-03-31.basil" if basil else "2023-10-16"
    body = event(thing=subscription(cast, basil), api_version=version)
    with inside(cast.acme):
        assert grants.plan().key == "free"
    response = post(web, body)
    assert (response.status_code, response.json) == (200, {"received": True})
    (row,) = kept()
    assert (row.status, row.event_id, row.subject) == ("received", "evt_1", "sub_1")
    assert bytes(row.payload) == json.dumps(body, indent=2).encode()
    with inside(cast.acme):
        assert grants.plan().key == "free"  # nothing happens inside the request
    jobs.work_off()
    with inside(cast.acme):
        assert grants.plan().key == "pro_monthly"
        assert Subscription.get().current_period_end_at > now()
    assert kept()[0].status == "processed"


def test_a_replay_is_answered_and_has_no_effect(web, cast):
    body = event(thing=subscription(cast))
    for _ in range(3):
        assert post(web, body).status_code == 200
        jobs.work_off()
    assert len(kept()) == 1
    assert kept()[0].attempts == 1


def test_an_event_that_failed_is_worked_again_when_it_is_repeated(web, cast):
    from tests.conftest import write

    body = event(thing=subscription(cast))
    post(web, body)
    write(WebhookEvent.update(status="buried", attempts=8).execute)
    jobs.work_off()
    assert kept()[0].status == "buried"
    assert post(web, body).status_code == 200
    jobs.work_off()
    assert kept()[0].status == "processed"


def test_every_secret_that_is_valid_now_is_taken(web):
    assert post(web, event(), secret="whsec_old" + "o" * 30).status_code == 200


@pytest.mark.parametrize(
    "how",
    [
        {"headers": {}},
        {"headers": {"Stripe-Signature": ""}},
        {"headers": {"Stripe-Signature": "t=now,v1=abc"}},
        {"headers": {"Stripe-Signature": "v1=" + "0" * 64}},
        {"headers": {"Stripe-Signature": "é" * 50}},
        {"headers": {"Stripe-Signature": "t=" + "9" * 400 + ",v1=" + "0" * 64}},
        {"secret": "whsec_wrong"},
        {"at": time.time() - 3600},
    ],
    ids=["unsigned", "empty", "no time", "no timestamp", "letters", "huge time", "wrong secret", "old"],
)
def test_what_is_not_from_the_provider_is_refused_and_not_kept(web, how):
    response = post(web, event(), **how)
    assert response.status_code == 400
    assert kept() == []


def test_a_truncated_body_does_not_fit_its_signature(web):
    text = json.dumps(event()).encode()
    signature = stripe.WebhookSignature.generate_signature_header(text.decode(), SECRET)
    for body in (text[:-1], text[: len(text) // 2], b"", text + b" "):
        response = web.test_client().post("/webhooks/stripe", data=body, headers={"Stripe-Signature": signature})
        assert response.status_code == 400
    assert kept() == []


def test_a_signed_body_that_is_no_event_is_refused(web):
    for body in [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"not json",
        b'"x"',
        b'{"id": "evt_1"}',
        b'{"id": 7, "type": [], "created": 1, "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "a", "created": "soon", "data": {"object": {"id": "x"}}}',
        b'{"id": "evt_1", "type": "a", "created": 1e400, "data": {"object": {"id": "x"}}}',
        b'{"id": "evt_1", "type": "a", "created": 99999999999999999, "data": {"object": {"id": "x"}}}',
        b'{"id": "evt\\u0000", "type": "a", "created": 1, "data": {"object": {"id": "x"}}}',
        b'{"id": "evt_1", "type": "a", "created": 1, "data": {"object": []}}',
        b"[" * 10_000,
    ]:
        response = post(web, body)
        assert response.status_code == 400, response.get_data(True)
        assert kept() == [], body


def test_a_type_we_do_not_know_is_ignored_as_it_is_kept_and_nobody_is_woken(web, monkeypatch):
    heard = []
    monkeypatch.setattr(wakes, "_listeners", {"inbox": [lambda: heard.append("woken")]})
    for _ in range(2):
        assert post(web, event("climate.order.created", id="evt_x")).status_code == 200
    assert [(e.status, e.error, e.facts, len(e.history)) for e in kept()] == [("ignored", None, [], 1)]
    assert heard == []
    assert post(web, event("climate.order.created", id="evt_y", livemode=True)).status_code == 200
    assert (kept()[-1].status, heard) == ("received", ["woken"])  # of the other mode: the worker says so


def test_what_is_not_ours_is_kept_flagged_and_grants_nothing(web, cast):
    thing = subscription(cast) | {"metadata": {}}
    post(web, event(thing=thing))
    jobs.work_off()
    (row,) = kept()
    assert row.status == "ignored"
    assert "cus_1" in row.error
    with everywhere("a test counts"):
        assert Subscription.select().count() == 0


def test_a_price_we_do_not_know_grants_nothing(web, cast):
    thing = subscription(cast)
    thing["items"]["data"][0]["price"]["id"] = "price_other"
    post(web, event(thing=thing))
    jobs.work_off()
    assert kept()[0].status == "ignored"
    with inside(cast.acme):
        assert grants.plan().key == "free"


def test_live_and_test_mode_do_not_mix(web, cast):
    post(web, event(thing=subscription(cast), livemode=True))
    jobs.work_off()
    with inside(cast.acme):
        assert grants.plan().key == "free"


def test_more_than_a_megabyte_is_not_read(web):
    response = post(web, event(thing={"id": "x", "object": "x", "text": "x" * 1_100_000}))
    assert response.status_code == 413
    assert kept() == []


def test_without_a_secret_nothing_is_accepted(web):
    configuration.use(dataclasses.replace(configuration.active, payment_webhook_secrets=()))
    response = web.test_client().post("/webhooks/stripe", json=event(), headers={"Accept": "application/json"})
    assert (response.status_code, response.json["code"]) == (503, "NOT_CONFIGURED")
    assert post(web, event(), secret="").status_code == 503
    assert kept() == []


def test_without_a_provider_the_route_is_not_there(web):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert post(web, event()).status_code == 404
    assert kept() == []


@pytest.mark.parametrize("path", ["/webhooks/polar", "/webhooks/lemon-squeezy"])
def test_providers_that_are_not_active_have_no_route(web, path):
    response = web.test_client().post(path, json=event())
    assert response.status_code in (404, 405)
    assert kept() == []


def test_a_foreign_origin_is_no_obstacle_for_a_signature(web):
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://stripe.com"}
    body = event()
    text = json.dumps(body).encode()
    headers["Stripe-Signature"] = stripe.WebhookSignature.generate_signature_header(text.decode(), SECRET)
    assert web.test_client().post("/webhooks/stripe", data=text, headers=headers).status_code == 200


def test_a_late_older_event_does_not_undo_a_newer_one(web, cast):
    moment = int(time.time())
    newer = subscription(cast) | {"status": "canceled"}
    post(web, event("customer.subscription.deleted", "evt_2", thing=newer, created=moment))
    post(web, event(thing=subscription(cast), created=moment - 60))
    jobs.work_off()
    with inside(cast.acme):
        assert Subscription.get().status == "canceled"
        assert grants.plan().key == "free"


def test_the_short_way_and_the_route_give_the_same_answer(web, cast, monkeypatch):
    """Whatever is kept before the application is reached is answered as the route would."""
    short = post(web, event(id="evt_short"))
    monkeypatch.setattr(webhooks, "_is_kept", lambda environ: False)
    long = post(web, event(id="evt_long"))
    same = lambda answer: {k: v for k, v in answer.headers.items() if k not in ("X-Request-Id", "Vary")}  # noqa: E731
    assert (short.status_code, short.data, same(short)) == (long.status_code, long.data, same(long))
    assert short.headers["X-Request-Id"]
    first, second = kept()
    assert first.headers.keys() == second.headers.keys()


def test_what_could_not_be_kept_is_tried_once_and_said(web, cast, monkeypatch):
    tries = []

    def fails(*_):
        tries.append(True)
        raise GaveUp("The server is too busy to save this.")

    monkeypatch.setattr(webhooks.inbox, "accept", fails)
    answer = post(web, event())
    assert (answer.status_code, len(tries)) == (503, 1)
    assert answer.headers["Retry-After"]


def test_in_a_rush_taking_in_goes_before_working_off(web, cast, monkeypatch):
    monkeypatch.setattr(webhooks.inbox, "WITHIN", 5)
    monkeypatch.setattr(webhooks.inbox, "HELD_BACK", 0.3)
    for n in range(webhooks.inbox.RUSH):
        assert post(web, event(id=f"evt_{n}", type="customer.updated")).status_code == 200
    began = time.monotonic()
    assert webhooks.inbox.work_off()
    assert 0.2 < time.monotonic() - began < 60, "it waits, and not for ever"
    webhooks.inbox._arrivals.clear()
