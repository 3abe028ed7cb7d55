"""The built-in payment provider: a small Stripe of our own, for installs without keys. No real money.

It speaks Stripe's protocol on both sides: `HTTPClient` answers the calls that stripe.StripeClient makes,
and what happens here is posted as signed events to /webhooks/stripe. Billing can't tell the difference.
"""

import calendar
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import requests
import stripe

from domain import NotFound, Refused, configuration
from domain.outgoing import leave, sends
from domain.transactions import writes
from models import SandboxObject, now

PRICES = {"pro_monthly": "price_sandbox_pro_monthly", "pro_yearly": "price_sandbox_pro_yearly"}
AMOUNTS = {"pro_monthly": (1200, "month"), "pro_yearly": (12000, "year")}
CURRENCY = "usd"


def secret():
    """The webhook secret, different on each install."""
    key = configuration.active.secret_key.encode()
    return "whsec_" + hmac.new(key, b"sandbox webhooks", hashlib.sha256).hexdigest()


# --- the API: what stripe.StripeClient calls ------------------------------------------------------


class HTTPClient(stripe.HTTPClient):
    """Answers Stripe's API in the process, from rows."""

    name = "sandbox"

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        params = _nested(parse_qsl(post_data or "", keep_blank_values=True))
        asked = urlsplit(url)
        params |= _nested(parse_qsl(asked.query, keep_blank_values=True))
        try:
            answer, status = _answer(method.lower(), asked.path, params, headers), 200
        except NotFound as missing:
            answer, status = {"error": {"type": "invalid_request_error", "message": missing.sentence}}, 404
        return json.dumps(answer), status, {"Request-Id": "req_" + secrets.token_hex(7)}

    def close(self):
        pass


def _answer(method, path, params, headers):
    match (method, *path.strip("/").split("/")[1:]):
        case ("post", "customers"):
            return _once(headers, lambda: _create_customer(params))
        case ("post", "checkout", "sessions"):
            return _once(headers, lambda: _create_checkout(params))
        case ("get", "products" | "prices" as things):
            return _listed(things, params)
        case ("get", "subscriptions", id):
            return get(id)
        case ("post", "subscriptions", id):
            return _update_subscription(id, params)
        case ("delete", "subscriptions", id):
            return _end_now(id)
    raise NotFound(f"The sandbox doesn't know {method.upper()} {path}.")


def _nested(pairs):
    """Stripe's form encoding, a[b][0]=c, as dicts."""
    found = {}
    for name, value in pairs:
        keys = name.replace("]", "").split("[")
        place = found
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return found


def _once(headers, make):
    key = next((value for name, value in headers.items() if name.lower() == "idempotency-key"), None)
    known = key and SandboxObject.one(SandboxObject.object_id == "idem_" + key)
    return get(known.body["made"]) if known else _made(key, make)


@writes
def _made(key, make):
    thing = make()
    if key:
        _put("idem_" + key, "idempotency", {"made": thing["id"]})
    return thing


def get(id, kind=None):
    """An object of the sandbox. Refuses with NotFound."""
    row = SandboxObject.one(SandboxObject.object_id == id)
    if row is None or (kind and row.kind != kind):
        raise NotFound(f"The sandbox has no {kind or 'object'} {id[:60]}.")
    return row.body


def _put(id, kind, body):
    SandboxObject.insert(object_id=id, kind=kind, body=body).on_conflict(
        conflict_target=[SandboxObject.object_id], update={SandboxObject.body: body}
    ).execute()
    return body


def _id(prefix):
    return f"{prefix}_{secrets.token_hex(12)}"


def _stamp(moment=None):
    return int((moment or now()).timestamp())


def _listed(things, params):
    """One page of what is on sale: what the sandbox comes with, then what was put beside it."""
    kind = things.removesuffix("s")
    rows = SandboxObject.select().where(SandboxObject.kind == kind).order_by(SandboxObject.id)
    found = (_products() if kind == "product" else _prices()) + [row.body for row in rows]
    if "active" in params:
        found = [thing for thing in found if thing["active"] == (params["active"].lower() == "true")]
    ids = [thing["id"] for thing in found]
    if params.get("starting_after"):
        if params["starting_after"] not in ids:
            raise NotFound(f"No such {kind}: {params['starting_after'][:60]!r}")
        found = found[ids.index(params["starting_after"]) + 1 :]
    limit = min(int(params.get("limit", 10)), 100)
    return {"object": "list", "url": f"/v1/{things}", "has_more": len(found) > limit, "data": found[:limit]}


def _products():
    tag = {"app": configuration.active.stripe_app_tag or "guildhall"}
    return [{
        "id": "prod_sandbox_pro", "object": "product", "active": True, "created": 1767225600, "livemode": False,
        "name": "Pro", "description": "For teams that work in it all day", "images": [], "metadata": tag,
        "type": "service", "default_price": PRICES["pro_monthly"],
    }]  # fmt: skip


def _prices():
    return [{
        "id": PRICES[plan], "object": "price", "active": True, "created": 1767225600, "livemode": False,
        "billing_scheme": "per_unit", "currency": CURRENCY, "lookup_key": plan, "nickname": None,
        "product": "prod_sandbox_pro", "type": "recurring", "metadata": {},
        "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"},
        "unit_amount": amount, "unit_amount_decimal": str(amount),
    } for plan, (amount, interval) in AMOUNTS.items()]  # fmt: skip


def _create_customer(params):
    body = {
        "id": _id("cus"), "object": "customer", "created": _stamp(), "livemode": False,
        "email": params.get("email"), "name": params.get("name"), "metadata": params.get("metadata", {}),
    }  # fmt: skip
    return _put(body["id"], "customer", body)


def _create_checkout(params):
    id = _id("cs_test")
    price = params["line_items"]["0"]["price"]
    body = {
        "id": id, "object": "checkout.session", "created": _stamp(), "livemode": False,
        "mode": params["mode"], "status": "open", "payment_status": "unpaid",
        "customer": params["customer"], "subscription": None, "currency": CURRENCY,
        "amount_total": AMOUNTS[_plan(price)][0], "client_reference_id": params.get("client_reference_id"),
        "metadata": params.get("metadata", {}), "success_url": params["success_url"],
        "cancel_url": params["cancel_url"], "url": f"{configuration.active.site_url}/sandbox/checkout/{id}",
        "price": price, "subscription_metadata": params.get("subscription_data", {}).get("metadata", {}),
    }  # fmt: skip
    return _put(id, "checkout.session", body)


@writes
def _update_subscription(id, params):
    body = get(id, "subscription")
    if body["status"] == "canceled":
        raise NotFound("This subscription is over.")
    if "cancel_at_period_end" in params:
        body["cancel_at_period_end"] = params["cancel_at_period_end"].lower() == "true"
        ends = body["items"]["data"][0]["current_period_end"]
        body["cancel_at"] = ends if body["cancel_at_period_end"] else None
    _put(id, "subscription", body)
    _post("customer.subscription.updated", body)
    return body


@writes
def _end_now(id):
    body = get(id, "subscription")
    if body["status"] == "canceled":
        raise NotFound("This subscription is over.")
    body |= {"status": "canceled", "ended_at": _stamp(), "canceled_at": _stamp()}
    _put(id, "subscription", body)
    _post("customer.subscription.deleted", body)
    return body


def _plan(price):
    return next(plan for plan, known in PRICES.items() if known == price)


# --- what a person does there --------------------------------------------------------------------


def subscriptions():
    """All subscriptions, the newest first."""
    rows = SandboxObject.select().where(SandboxObject.kind == "subscription").order_by(SandboxObject.id.desc())
    return [row.body for row in rows.limit(100)]


@writes
def pay(checkout_id):
    """Pay an open checkout: the subscription starts. Twice is once. Returns the checkout."""
    checkout = get(checkout_id, "checkout.session")
    if checkout["status"] != "open":
        return checkout
    start = now()
    amount, interval = AMOUNTS[_plan(checkout["price"])]
    price = {
        "id": checkout["price"], "object": "price", "currency": CURRENCY, "unit_amount": amount,
        "recurring": {"interval": interval, "interval_count": 1},
    }  # fmt: skip
    subscription = {
        "id": _id("sub"), "object": "subscription", "created": _stamp(start), "livemode": False,
        "customer": checkout["customer"], "status": "active", "cancel_at_period_end": False,
        "cancel_at": None, "canceled_at": None, "ended_at": None, "currency": CURRENCY,
        "metadata": checkout["subscription_metadata"],
        "items": {"object": "list", "data": [{
            "id": _id("si"), "object": "subscription_item", "quantity": 1, "price": price,
            "current_period_start": _stamp(start), "current_period_end": _stamp(_later(start, interval)),
        }]},
    }  # fmt: skip
    checkout |= {"status": "complete", "payment_status": "paid", "subscription": subscription["id"]}
    _put(subscription["id"], "subscription", subscription)
    _put(checkout_id, "checkout.session", checkout)
    _post("customer.subscription.created", subscription)
    _post("checkout.session.completed", checkout)
    _post("invoice.paid", _invoice(subscription, "subscription_create", paid=True))
    return checkout


@writes
def renew(id, *, paid=True):
    """The next period begins; its invoice is paid, or the payment fails and the subscription is past due."""
    body = _open(id)
    item = body["items"]["data"][0]
    start = datetime.fromtimestamp(item["current_period_end"], UTC)
    if body["cancel_at_period_end"]:
        raise Refused("This subscription is cancelled for its period's end; end the period instead.")
    item["current_period_start"] = _stamp(start)
    item["current_period_end"] = _stamp(_later(start, item["price"]["recurring"]["interval"]))
    body["status"] = "active" if paid else "past_due"
    _put(id, "subscription", body)
    _post("customer.subscription.updated", body)
    invoice = _invoice(body, "subscription_cycle", paid=paid)
    _post("invoice.paid" if paid else "invoice.payment_failed", invoice)


@writes
def end_period(id):
    """The period is over: a cancelled subscription ends, and so does one that was never paid."""
    body = _open(id)
    if not body["cancel_at_period_end"] and body["status"] != "past_due":
        raise Refused("This subscription renews; cancel it first, or let a payment fail.")
    body |= {"status": "canceled", "ended_at": _stamp(), "canceled_at": body["canceled_at"] or _stamp()}
    _put(id, "subscription", body)
    _post("customer.subscription.deleted", body)


def _open(id):
    body = get(id, "subscription")
    if body["status"] == "canceled":
        raise Refused("This subscription is over.")
    return body


def _invoice(subscription, reason, *, paid):
    item = subscription["items"]["data"][0]
    amount = item["price"]["unit_amount"]
    return {
        "id": _id("in"), "object": "invoice", "created": _stamp(), "livemode": False,
        "customer": subscription["customer"], "status": "paid" if paid else "open",
        "billing_reason": reason, "currency": CURRENCY, "amount_due": amount,
        "amount_paid": amount if paid else 0, "attempt_count": 1,
        "parent": {"type": "subscription_details", "subscription_details": {
            "subscription": subscription["id"], "metadata": subscription["metadata"]}},
        "lines": {"object": "list", "data": [{
            "id": _id("il"), "object": "line_item", "amount": amount,
            "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
        }]},
    }  # fmt: skip


def _later(moment, interval):
    year, month = (moment.year + 1, moment.month) if interval == "year" else (moment.year, moment.month + 1)
    year, month = (year + 1, 1) if month > 12 else (year, month)
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


# --- its webhooks -----------------------------------------------------------------------------------


def _post(type, thing):
    event = {
        "id": _id("evt"), "object": "event", "api_version": stripe.api_version, "created": _stamp(),
        "livemode": False, "pending_webhooks": 1, "type": type, "data": {"object": thing},
        "request": {"id": None, "idempotency_key": None},
    }  # fmt: skip
    leave("sandbox_webhook", event["id"], event)


def signed(event):
    """(body, headers) of an event exactly as Stripe posts it."""
    body = json.dumps(event, indent=2)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret())
    return body.encode(), {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}


@sends("sandbox_webhook")
def deliver(row):
    """Post an event to this very server, over the wire."""
    body, headers = signed(row.payload)
    chosen = configuration.active
    host = "127.0.0.1" if chosen.host in ("0.0.0.0", "") else chosen.host  # noqa: S104
    answer = requests.post(f"http://{host}:{chosen.port}/webhooks/stripe", body, headers=headers, timeout=10)
    answer.raise_for_status()
