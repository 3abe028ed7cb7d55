"""The sandbox in Polar's words: https://polar.sh/docs/api-reference/2026-10/introduction

What is sold is a product here, so a price of the engine is shown as a product; what is billed is an order. A
subscription is shown once its first payment has come. Disputes have no events, a refund that fails has.
"""

import functools
import json
import time
import uuid
from datetime import UTC, datetime
from urllib.parse import parse_qs

from standardwebhooks import Webhook

from domain import NotFound
from domain.base import configuration
from domain.money.providers.sandbox import engine, invoicing, selling, subscribing
from domain.money.providers.sandbox.records import (
    OVER,
    Declined,
    Impossible,
    acts,
    clock,
    find,
    get,
    put,
    stumbles,
)
from tests.peers import wire

NAME = "polar"
PATH = "polar"
KEY = "polar_oat_sandbox"
STORE = ""
ROOT = uuid.UUID("5a9d0b0c-6f2e-4d3a-9c51-0f6f2c7b8e11")  # the organization's id, and what fixed ids are made of
PRODUCT = str(uuid.uuid5(ROOT, "pro"))
PRICES = {plan: str(uuid.uuid5(ROOT, plan)) for plan in selling.AMOUNTS}
HOW = {"month": "monthly", "year": "yearly", None: "for good"}
VERSION = "2026-10"


def new_id(kind):
    """An id as Polar would give it."""
    return str(uuid.uuid4())


@functools.cache
def transport():
    """The requests adapter that reaches the sandbox without a network; always the same one."""
    return wire.Adapter(answer)


# --- the API ------------------------------------------------------------------------------------------------


class Refusal(Exception):
    """A refusal that has a name of its own at Polar."""

    def __init__(self, status, error, detail):
        super().__init__(detail)
        self.status, self.error = status, error


def answer(method, path, query, body, headers):
    """(status, headers, text) for a request of Polar's API."""
    said = {"Content-Type": "application/json", "Polar-Version": VERSION}
    if not wire.has_key(headers, KEY):
        told = "The access token provided is expired, revoked, malformed, or invalid for other reasons."
        return 401, said, json.dumps({"error": "invalid_token", "error_description": told})
    stumbled = stumbles()
    if stumbled == "before":
        status, found = 500, None
    else:
        status, found = _answered(method.lower(), path, parse_qs(query), body)
    if stumbled:
        status, found = 500, {"error": "InternalServerError", "detail": "The sandbox stumbles, as it was told to."}
    return status, said, "" if found is None else json.dumps(found)


def _answered(method, path, query, body):
    try:
        return _answer(method, path, query, wire.read(body))
    except NotFound:
        return 404, {"error": "ResourceNotFound", "detail": "Not found"}
    except Declined as no:
        return 402, {"error": "PaymentFailed", "detail": no.sentence}
    except Refusal as no:
        return no.status, {"error": no.error, "detail": str(no)}
    except Impossible as no:
        where = ["body", no.param] if no.param else ["body"]
        detail = [{"type": "value_error", "loc": where, "msg": no.sentence, "input": None}]
        return 422, {"error": "RequestValidationError", "detail": detail}


def _answer(method, path, query, said):
    match (method, *path.strip("/").split("/")[1:]):
        case ("get", "webhooks", "deliveries"):
            return 200, _listed("deliveries", query)
        case (
            "get",
            "products" | "customers" | "checkouts" | "subscriptions" | "orders" | "refunds" | "disputes" as of,
        ):
            return 200, _listed(of, query)
        case ("get", "customers", "external", id):
            return 200, _customer(_external(id))
        case (
            "get",
            "products" | "customers" | "checkouts" | "subscriptions" | "orders" | "refunds" | "disputes" as of,
            id,
        ):
            return 200, SHOWN[of](_one(of, id))
        case ("post", "customers"):
            return 201, _customer(_create_customer(said))
        case ("patch", "customers", id):
            return 200, _customer(_change_customer(id, said))
        case ("delete", "customers", id):
            engine.delete_customer(_live(id)["id"])
            return 204, None
        case ("delete", "customers", "external", id):
            engine.delete_customer(_external(id)["id"])
            return 204, None
        case ("post", "checkouts"):
            return 201, _checkout(_open_checkout(said))
        case ("post", "customer-sessions"):
            return 201, _portal(engine.open_portal(_whose(said), said.get("return_url")))
        case ("patch", "subscriptions", id):
            return 200, _subscription(_update(_one("subscriptions", id), said))
        case ("delete", "subscriptions", id):
            return 200, _subscription(_revoke(_one("subscriptions", id)))
        case ("post", "refunds"):
            return 201, _refund(_give_back(said))
    raise NotFound


def _one(of, id):
    """An object, by the collection it is in. Refuses with NotFound."""
    if of == "products":
        return selling.price(id)
    if of == "customers":
        return _live(id)
    thing = get(id, KINDS[of])
    if (of == "orders" and not wire.is_seen(thing)) or (of == "subscriptions" and not wire.has_begun(thing)):
        raise NotFound
    return thing


def _live(id):
    return selling.customer(get(id, "customer")["id"])


def _external(id):
    found = next(iter(find("customer", external_id=id, deleted=False)), None)
    if found is None:
        raise NotFound
    return found


def _needed(said, name):
    if said.get(name) in (None, ""):
        raise Impossible("Field required", name)
    return said[name]


def _number(said, name, usual=None):
    value = said.get(name)
    if value is None:
        return usual
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**9:
        raise Impossible("Input should be a valid integer, 1 or more", name)
    return value


def _metadata(said, old=()):
    given = said.get("metadata") or {}
    if not isinstance(given, dict) or not all(isinstance(value, (str, int, float)) for value in given.values()):
        raise Impossible("Metadata are texts and numbers by name.", "metadata")
    return given if "metadata" in said else dict(old)


def _unique(name, value, but=None):
    """Addresses and external ids are unique among the customers that aren't deleted."""
    for other in find("customer", deleted=False) if value else ():
        if other["id"] != but and str(other.get(name) or "").casefold() == str(value).casefold():
            raise Impossible(f"A customer with this {name.replace('_', ' ')} already exists.", name)


@acts
def _create_customer(said):
    email, external = _needed(said, "email"), said.get("external_id")
    _unique("email", email)
    _unique("external_id", external)
    return selling.create_customer(email=email, name=said.get("name"), external_id=external, metadata=_metadata(said))


@acts
def _change_customer(id, said):
    held = _live(id)
    about = {name: said[name] for name in ("email", "name", "external_id") if name in said}
    if about.get("external_id", held.get("external_id")) != held.get("external_id") and held.get("external_id"):
        raise Impossible("Customer external ID cannot be updated.", "external_id")
    for name in ("email", "external_id"):
        _unique(name, about.get(name), but=id)
    return selling.change_customer(id, **about, metadata=_metadata(said, held["metadata"]))


def _whose(said):
    """The customer a request names, by either of its ids. Refuses with Impossible."""
    try:
        if said.get("external_customer_id"):
            return _external(said["external_customer_id"])["id"]
        return _live(_needed(said, "customer_id"))["id"]
    except NotFound as missing:
        raise Impossible("Customer does not exist.", "customer_id") from missing


@acts
def _open_checkout(said):
    products = _needed(said, "products")
    if not isinstance(products, list) or len(products) != 1:
        raise Impossible("The sandbox wants exactly one product.", "products")
    try:
        bought = selling.price(products[0])
    except NotFound as missing:
        raise Impossible("Product does not exist.", "products") from missing
    named = said.get("customer_id") or said.get("external_customer_id")
    metadata, days = _metadata(said), 0
    if said.get("allow_trial", True) and said.get("trial_interval"):
        length = {"day": 1, "week": 7, "month": 30, "year": 365}.get(said["trial_interval"])
        if length is None:
            raise Impossible("It must be day, week, month or year.", "trial_interval")
        days = length * _number(said, "trial_interval_count", 1)
    held = engine.open_checkout(
        _whose(said) if named else None,
        bought["id"],
        once=not bought["interval"],
        quantity=_number(said, "seats", 1),
        trial_days=days if bought["interval"] else 0,
        success_url=said.get("success_url"),
        cancel_url=said.get("return_url"),
        email=said.get("customer_email"),
        metadata=metadata,
        carried=metadata,
    )
    if "{CHECKOUT_ID}" in str(held["success_url"]):
        held = put(held | {"success_url": held["success_url"].replace("{CHECKOUT_ID}", held["id"])})
    return held


BEHAVIORS = {"invoice": "always_invoice", "prorate": "create_prorations"}


def _update(held, said):
    """https://polar.sh/docs/features/subscriptions/manage: one kind of change at a time."""
    id = held["id"]
    if held["status"] in OVER:
        raise Refusal(403, "AlreadyCanceledSubscription", "This subscription is already revoked.")
    if "product_id" in said or "seats" in said:
        return _change(held, said)
    if said.get("revoke"):
        return _revoke(held)
    if "cancel_at_period_end" in said:
        return _cancel(held, bool(said["cancel_at_period_end"]))
    if "pause_at_period_end" in said:
        return _pause(held, said)
    if said.get("resume"):
        if held["status"] != "paused":
            raise Refusal(403, "SubscriptionNotPaused", "This subscription is not paused.")
        return subscribing.resume(id)
    if "trial_end" in said:
        end = clock() if said["trial_end"] == "now" else wire.seconds(said["trial_end"], "trial_end")
        return subscribing.move_trial_end(id, end)
    if "metadata" in said:
        return subscribing.describe(id, _metadata(said))
    raise Impossible("There is nothing in it that the sandbox can change.")


def _change(held, said):
    if held["cancel_at"]:
        what = "This subscription is already canceled or will be at the end of the period."
        raise Refusal(403, "AlreadyCanceledSubscription", what)
    if held["status"] not in ("active", "trialing"):
        raise Refusal(403, "InactiveSubscription", f"Subscription {held['id']} is not active.")
    behavior = said.get("proration_behavior") or "prorate"
    if behavior not in BEHAVIORS:
        raise Impossible("The sandbox knows invoice and prorate.", "proration_behavior")
    try:
        wanted = selling.price(said.get("product_id", held["price"]))["id"]
    except NotFound as missing:
        raise Impossible("Product does not exist.", "product_id") from missing
    quantity = _number(said, "seats", held["quantity"])
    return subscribing.change(held["id"], wanted, quantity, behavior=BEHAVIORS[behavior], payment="error_if_incomplete")


def _cancel(held, cancel):
    if cancel and held["cancel_at"]:
        what = "This subscription is already canceled or will be at the end of the period."
        raise Refusal(403, "AlreadyCanceledSubscription", what)
    if not cancel and not held["cancel_at"]:
        raise Refusal(400, "BadRequest", "This subscription isn't about to be canceled.")
    return subscribing.schedule_end(held["id"], cancel)


def _pause(held, said):
    """The scheduled pause, https://polar.sh/docs/features/subscriptions/manage#pause-and-resume"""
    if not said["pause_at_period_end"]:
        if held["status"] == "paused" or not held["pause"]:
            raise Refusal(403, "SubscriptionNotPaused", "No pause is planned for this subscription.")
        return subscribing.pause(held["id"], None)
    if held["status"] != "active" or held["cancel_at"] or held["pause"]:
        raise Refusal(403, "SubscriptionNotPausable", "Only an active subscription can be paused, and only once.")
    resumes = wire.seconds(said["resumes_at"], "resumes_at") if said.get("resumes_at") else None
    if resumes is not None and resumes <= held["period_end"]:
        raise Impossible("It must be after the end of the current period.", "resumes_at")
    return subscribing.pause(held["id"], "at_period_end", resumes)


def _revoke(held):
    if held["status"] in OVER:
        raise Refusal(403, "AlreadyCanceledSubscription", "This subscription is already revoked.")
    return invoicing.end(held["id"])


def _give_back(said):
    """https://polar.sh/docs/api-reference/2026-10/refunds/create-refund"""
    try:
        order = _one("orders", _needed(said, "order_id"))
    except NotFound as missing:
        raise Impossible("Order not found", "order_id") from missing
    if _needed(said, "reason") not in REASONS:
        raise Impossible(f"It must be one of {', '.join(REASONS)}.", "reason")
    amount, payment = _number(said, "amount"), wire.payment_of(order)
    if amount is None:
        raise Impossible("Field required", "amount")
    if said.get("revoke_benefits") and order["subscription"]:
        what = "Subscription benefits can only be revoked upon cancellation"
        raise Refusal(400, "RevokeSubscriptionBenefitsProhibited", what)
    if payment is None or order["status"] != "paid" or payment["refunded"] >= payment["amount"]:
        raise Refusal(403, "RefundedAlready", f"Order is already fully refunded: {order['id']}")
    if payment["disputed"]:
        raise Refusal(403, "RefundsBlocked", f"Refunds are blocked for order: {order['id']}")
    if amount > payment["amount"] - payment["refunded"]:
        left = payment["amount"] - payment["refunded"]
        raise Refusal(400, "RefundAmountTooHigh", f"Refund amount exceeds remaining order balance: {left}")
    return invoicing.refund(payment["id"], amount, said["reason"], _metadata(said))


REASONS = (
    "duplicate",
    "fraudulent",
    "customer_request",
    "service_disruption",
    "satisfaction_guarantee",
    "dispute_prevention",
    "other",
)


# --- lists --------------------------------------------------------------------------------------------------

KINDS = {
    "products": "price",
    "customers": "customer",
    "checkouts": "checkout",
    "subscriptions": "subscription",
    "orders": "invoice",
    "refunds": "refund",
    "disputes": "dispute",
    "deliveries": "event",
}
SORTED = {"created_at", "started_at"}  # by what lists are sorted here: both mean the order of making
FILTERS = {
    "products": ("is_archived", "is_recurring"),
    "customers": ("email",),
    "checkouts": ("status", "customer_id", "external_customer_id", "product_id"),
    "subscriptions": ("status", "customer_id", "external_customer_id", "product_id", "cancel_at_period_end"),
    "orders": ("status", "subscription_id", "customer_id", "external_customer_id", "product_id", "checkout_id"),
    "refunds": ("order_id", "subscription_id", "customer_id", "external_customer_id"),
    "disputes": ("order_id", "status"),
    "deliveries": (),
}


def _listed(of, query):
    """A page of a list; the newest first, unless `sorting` says otherwise."""
    single = {name: values[-1] for name, values in query.items()}
    number, size = wire.count(single, "page", 1, 10**6), wire.count(single, "limit", 10, wire.MOST)
    by = single.get("sorting", "-created_at")
    if by.removeprefix("-") not in SORTED:
        raise Impossible(f"The sandbox sorts by {' and '.join(sorted(SORTED))}.", "sorting")
    shown = [SHOWN[of](thing) for thing in _found(of, single)]
    for name in set(FILTERS[of]) & set(query):
        shown = [one for one in shown if _told(one, name) in query[name]]
    if not by.startswith("-"):
        shown.reverse()
    part, last = wire.page(shown, number, size)
    return {"items": part, "pagination": {"total_count": len(shown), "max_page": last}}


def _told(thing, name):
    """What a filter compares with, as it stands in a query."""
    if name == "external_customer_id":
        return (thing.get("customer") or {}).get("external_id") or thing.get(name)
    value = thing.get(name)
    return str(value).lower() if isinstance(value, bool) else value


def _found(of, query):
    """Engine objects of a collection, the newest first."""
    if of == "products":
        return list(reversed(selling.prices()))
    things = find(KINDS[of], query.get("customer_id") if of in ("checkouts", "subscriptions", "orders") else None)
    if of == "customers":
        return [one for one in things if not one["deleted"]]
    if of == "subscriptions":
        running = [one for one in things if wire.has_begun(one)]
        if "active" not in query:
            return running
        return [one for one in running if (one["status"] in ("active", "trialing")) == (query["active"] == "true")]
    if of == "orders":
        return [one for one in things if wire.is_seen(one)]
    if of == "deliveries":
        begin, end = (
            wire.seconds(query[name], name) if name in query else usual
            for name, usual in (("start_timestamp", 0), ("end_timestamp", clock() + 1))
        )
        done = query.get("succeeded")
        return [
            one for one in things if begin <= one["created"] <= end and done in (None, str(one["delivered"]).lower())
        ]
    return things


# --- objects, as Polar shows them ---------------------------------------------------------------------------


def _time(moment):
    return wire.written(moment, "%Y-%m-%dT%H:%M:%SZ")


def _base(thing, *others, at=None, **more):
    changed = at or wire.changed_at(thing, *others)
    times = {"created_at": _time(thing["created"]), "modified_at": _time(changed)}
    return {"id": thing["id"], **times, "metadata": thing["metadata"], "organization_id": str(ROOT)} | more


def _site(path):
    return f"{configuration.active.site_url}/sandbox/{path}"


def _price(thing):
    """What recurs is sold by the seat, what is bought once has a fixed price."""
    same = {
        "id": _price_id(thing["id"]),
        "created_at": _time(thing["created"]),
        "modified_at": None,
        "source": "catalog",
        "price_currency": thing["currency"],
        "tax_behavior": None,
        "is_archived": False,
        "product_id": thing["id"],
    }
    if not thing["interval"]:
        return same | {"amount_type": "fixed", "price_amount": thing["amount"]}
    tier = {"min_seats": 1, "max_seats": None, "price_per_seat": thing["amount"]}
    tiers = {"seat_tier_type": "volume", "tiers": [tier], "minimum_seats": 1, "maximum_seats": None}
    return same | {"amount_type": "seat_based", "seat_tiers": tiers}


def _price_id(product_id):
    return str(uuid.uuid5(ROOT, f"price {product_id}"))


def _product(thing, whole=True):
    of = next((one for one in selling.products() if one["id"] == thing["product"]), {})
    name, interval = of.get("name", "A product"), thing["interval"]
    pictures = [{"id": str(uuid.uuid5(ROOT, url)), "public_url": url} for url in of.get("images") or ()]
    parts = {"prices": [_price(thing)], "benefits": [], "medias": pictures, "attached_custom_fields": []}
    return _base(
        thing,
        at=thing["created"],
        name=f"{name}, {HOW.get(interval, interval)}",
        description=of.get("description"),
        visibility="public",
        recurring_interval=interval,
        recurring_interval_count=1 if interval else None,
        is_recurring=bool(interval),
        is_archived=not thing.get("active", True),
        trial_interval=None,
        trial_interval_count=None,
        **parts if whole else {},
    ) | {"modified_at": None}


def _customer(thing, at=None):
    names = ("email", "name")
    return _base(
        thing,
        at=at,
        **{name: thing[name] for name in names},
        external_id=thing.get("external_id"),
        type="individual",
        email_verified=False,
        billing_name=None,
        billing_address=None,
        tax_id=None,
        locale="en",
        avatar_url=None,
        default_payment_method_id=None,
        deleted_at=_time(at or thing["created"]) if thing["deleted"] else None,
    )


def _checkout(thing, at=None):
    """https://polar.sh/docs/api-reference/2026-10/checkouts/get-checkout-session"""
    bought = selling.price(thing["price"])
    status = thing["status"]
    if status == "complete":
        status = "succeeded" if thing["paid"] else "confirmed" if thing["waits"] else "failed"
    buyer = get(thing["customer"]) if thing["customer"] else {"name": None, "email": thing["email"]}
    trial = {"interval": "day", "interval_count": thing["trial_days"]} if thing["trial_days"] else {}
    began = status == "succeeded" and thing["subscription"]
    seats = thing["quantity"] if bought["interval"] else None
    amount = bought["amount"] * thing["quantity"]
    return _base(
        thing,
        at=at,
        payment_processor="stripe",
        status=status,
        client_secret="polar_c_" + thing["id"],
        url=_site(f"checkout/{thing['id']}"),
        expires_at=_time(thing["expires"]),
        success_url=thing["success_url"],
        return_url=thing["cancel_url"],
        embed_origin=None,
        amount=amount,
        discount_amount=0,
        net_amount=amount,
        tax_amount=0,
        tax_behavior="exclusive",
        total_amount=amount,
        currency=thing["currency"],
        seats=seats,
        min_seats=None,
        max_seats=None,
        allow_trial=bool(thing["trial_days"]),
        product_id=thing["price"],
        active_trial_interval=trial.get("interval"),
        active_trial_interval_count=trial.get("interval_count"),
        trial_end=None,
        discount_id=None,
        allow_discount_codes=True,
        is_payment_required=thing["amount"] > 0,
        customer_id=thing["customer"],
        customer_name=buyer["name"],
        customer_email=buyer["email"],
        external_customer_id=buyer.get("external_id"),
        subscription_id=thing["subscription"] if began else None,
        products=[_product(bought)],
        product=_product(bought),
        custom_field_data={},
    )


def _portal(thing):
    return _base(
        thing,
        at=thing["created"],
        token="polar_cst_" + thing["id"],
        expires_at=_time(thing["created"] + 3600),
        return_url=thing["return_url"],
        customer_portal_url=_site(f"portal/{thing['id']}"),
        customer_id=thing["customer"],
        customer=_customer(get(thing["customer"])),
    )


def _subscription(thing, at=None, whole=True):
    """https://polar.sh/docs/api-reference/2026-10/subscriptions/get-subscription"""
    bought, pause = selling.price(thing["price"]), thing["pause"] or {}
    owes = thing["status"] in ("past_due", "unpaid")
    owed = wire.owed(thing) if owes else None
    first = wire.first_invoice(thing)
    paused = thing["status"] == "paused"
    parts = {
        "customer": _customer(get(thing["customer"])),
        "product": _product(bought),
        "discount": None,
        "prices": [_price(bought)],
        "meters": [],
        "pending_update": None,
        "custom_field_data": {},
    }
    return _base(
        thing,
        at=at,
        amount=bought["amount"] * thing["quantity"],
        currency=thing["currency"],
        status=thing["status"],
        recurring_interval=bought["interval"],
        recurring_interval_count=1,
        seats=thing["quantity"],
        current_period_start=_time(thing["period_start"]),
        current_period_end=_time(thing["period_end"]),
        trial_start=_time(thing["trial_start"]),
        trial_end=_time(thing["trial_end"]),
        cancel_at_period_end=thing["cancel_at_period_end"],
        canceled_at=_time(thing["canceled_at"]),
        started_at=_time(thing["start"]),
        ends_at=_time(thing["cancel_at"]),
        ended_at=_time(thing["ended_at"]),
        past_due_at=_time(owed and owed["failed_at"]),
        pause_at_period_end=bool(pause) and not paused,
        paused_at=_time(thing["period_end"]) if paused else None,
        resumes_at=_time(pause.get("resumes_at")),
        customer_id=thing["customer"],
        product_id=thing["price"],
        discount_id=None,
        checkout_id=first and first["checkout"],
        customer_cancellation_reason=None,
        customer_cancellation_comment=None,
        **parts if whole else {},
    )


BILLING = {
    "create": "subscription_create",
    "cycle": "subscription_cycle",
    "update": "subscription_update",
    "once": "purchase",
}
STANDS = {"open": "pending", "draft": "draft", "void": "void", "uncollectible": "void"}


def _order(thing, at=None):
    """https://polar.sh/docs/api-reference/2026-10/orders/get-order"""
    held = get(thing["subscription"]) if thing["subscription"] else None
    bought, buyer = thing["lines"][0], get(thing["customer"])
    payment, back = wire.payment_of(thing), wire.refunded(thing)
    status = STANDS.get(thing["status"], "paid")
    if thing["status"] == "paid" and back:
        status = "refunded" if back >= thing["due"] else "partially_refunded"
    sold = selling.price(held["price"] if held and thing["reason"] == "update" else bought["price"])
    items = [
        {
            "id": line["id"],
            "created_at": _time(thing["created"]),
            "modified_at": None,
            "label": _name(line["price"]),
            "amount": line["amount"],
            "tax_amount": 0,
            "proration": line["proration"],
            "product_price_id": _price_id(line["price"]),
        }
        for line in thing["lines"]
    ]
    others = find("refund", payment["id"]) if payment and at is None else ()
    left = thing["due"] - back if thing["status"] == "paid" else 0
    return _base(
        thing,
        *others,
        at=at,
        status=status,
        paid=thing["status"] == "paid",
        subtotal_amount=thing["total"],
        discount_amount=0,
        net_amount=thing["total"],
        tax_amount=0,
        total_amount=thing["total"],
        applied_balance_amount=thing["due"] - thing["total"],
        due_amount=thing["due"],
        refunded_amount=back,
        refunded_tax_amount=0,
        refundable_amount=left,
        refundable_tax_amount=0,
        currency=thing["currency"],
        billing_reason=BILLING[thing["reason"]],
        billing_name=buyer["name"],
        billing_address=None,
        invoice_number=thing["number"],
        is_invoice_generated=False,
        receipt_number=None,
        seats=bought["quantity"] if sold["interval"] else None,
        customer_id=thing["customer"],
        product_id=sold["id"],
        discount_id=None,
        subscription_id=thing["subscription"],
        checkout_id=thing["checkout"],
        custom_field_data={},
        next_payment_attempt_at=_time(thing["next_attempt"]),
        platform_fee_amount=0,
        platform_fee_currency=None,
        customer=_customer(buyer),
        product=_product(sold, whole=False),
        discount=None,
        items=items,
        subscription=held and _subscription(held, whole=False),
        description=_name(sold["id"]),
    ) | {"metadata": held["metadata"] if held else thing["metadata"]}


def _name(price_id):
    return _product(selling.price(price_id), whole=False)["name"]


def _refund(thing, at=None):
    order = get(get(thing["payment"])["invoice"])
    return _base(
        thing,
        at=at,
        status=thing["status"],
        reason=thing["reason"] or "other",
        amount=thing["amount"],
        tax_amount=0,
        currency=thing["currency"],
        order_id=order["id"],
        subscription_id=order["subscription"],
        dispute=None,
        customer_id=order["customer"],
        customer=_customer(get(order["customer"])),
        revoke_benefits=False,
    )


def _dispute(thing):
    payment = get(thing["payment"])
    order, over = get(payment["invoice"]), thing["status"] != "open"
    return _base(
        thing,
        status=thing["status"] if over else "needs_response",
        resolved=over,
        closed=over,
        amount=thing["amount"],
        tax_amount=0,
        currency=thing["currency"],
        reason=thing["reason"],
        past_due=False,
        evidence_due_by=None,
        order_id=order["id"],
        payment_id=payment["id"],
        case_id=None,
        customer=_customer(get(order["customer"])),
    )


def _delivery(event):
    """What became of an event. One that never came counts as not delivered."""
    times = {"created_at": _time(event["created"]), "modified_at": None}
    of = {
        "id": event["id"],
        **times,
        "last_http_code": 200 if event["delivered"] else None,
        "skipped": False,
        "succeeded": event["delivered"],
        "payload": _body(event["payload"]),
        "type": event["type"],
        "is_archived": False,
    }
    return {
        "id": str(uuid.uuid5(ROOT, f"delivery {event['id']}")),
        **times,
        "succeeded": event["delivered"],
        "http_code": of["last_http_code"],
        "response": None,
        "webhook_event": of,
    }


SHOWN = {
    "products": _product,
    "customers": _customer,
    "checkouts": _checkout,
    "subscriptions": _subscription,
    "orders": _order,
    "refunds": _refund,
    "disputes": _dispute,
    "deliveries": _delivery,
}


# --- events -------------------------------------------------------------------------------------------------


def told(type, thing, previous, at):
    """The events of one change, in the order Polar documents them: https://polar.sh/docs/integrate/webhooks/events"""
    events = {
        "customer": _of_customer,
        "checkout": _of_checkout,
        "subscription": _of_subscription,
        "invoice": _of_order,
        "refund": _of_refund,
    }.get(thing["kind"])
    found = events(type, thing, previous, at) if events else ()
    return [_event(name, data, at) for name, data in found]


def _event(name, data, at):
    moment = wire.written(at, "%Y-%m-%dT%H:%M:%S.%fZ")
    return {"id": new_id("event"), "type": name, "timestamp": moment, "api_version": VERSION, "data": data}


def _of_customer(type, thing, previous, at):
    yield type, _customer(thing, at)


def _of_checkout(type, thing, previous, at):
    data = _checkout(thing, at)
    yield "checkout.updated", data
    if type == "checkout.expired":
        yield "checkout.expired", data


def _of_subscription(type, thing, previous, at):
    if (previous and previous.get("status") in wire.UNSEEN) or not wire.has_begun(thing):
        return  # it is made, and told of, with its first payment
    data, was = _subscription(thing, at), previous or {}
    names = ["subscription.updated"]
    match type:
        case "subscription.trial_ending" | "subscription.pending_expired" | "subscription.created":
            return
        case "subscription.paused" | "subscription.resumed":
            names.append(type)
        case "subscription.ended":
            names += (
                ["subscription.revoked"] if thing["cancel_at"] else ["subscription.canceled", "subscription.revoked"]
            )
        case "subscription.updated":
            if "period_start" in was:
                names.insert(0, "subscription.cycled")
            if "cancel_at_period_end" in was:
                names.append("subscription.canceled" if thing["cancel_at_period_end"] else "subscription.uncanceled")
            if was.get("status") and thing["status"] in ("active", "past_due"):
                names.append("subscription." + thing["status"])
    for name in names:
        yield name, data
    if type == "subscription.ended":
        yield _state(get(thing["customer"]), at)


def _of_order(type, thing, previous, at):
    if type == "invoice.paid" and thing["reason"] in ("create", "once"):
        if thing["subscription"]:
            held = get(thing["subscription"])
            names = ["created", "updated"] + (["active"] if held["status"] == "active" else [])
            for name in names:
                yield f"subscription.{name}", _subscription(held, at)
            yield _state(get(thing["customer"]), at)
        yield "order.created", _order(thing, at)
        yield "order.paid", _order(thing, at)
    elif wire.is_seen(thing):
        data = _order(thing, at)
        yield "order.created" if type in ("invoice.opened", "invoice.drafted") else "order.updated", data
        if type == "invoice.paid":
            yield "order.paid", data


def _of_refund(type, thing, previous, at):
    order = _order(get(get(thing["payment"])["invoice"]), at)
    yield "order.updated", order
    if type == "refund.failed":
        yield "refund.updated", _refund(thing, at)
    else:
        yield "refund.created", _refund(thing, at)
        yield "order.refunded", order


def _state(buyer, at):
    """A customer with what it has now."""
    live = [
        _subscription(one, at)
        for one in find("subscription", buyer["id"])
        if one["status"] in ("active", "trialing") and wire.has_begun(one)
    ]
    more = {"active_subscriptions": live, "granted_benefits": [], "active_meters": []}
    return "customer.state_changed", _customer(buyer, at) | more


def is_asked(type, desk):
    """Ours asks for all there is."""
    return True


def type_of(payload):
    """What an event says happened."""
    return payload["type"]


def _body(payload):
    return json.dumps({name: value for name, value in payload.items() if name != "id"}, separators=(",", ":"))


def signed(payload, secret):
    """(body, headers) of an event as Polar posts it, by https://www.standardwebhooks.com; its id is a header only."""
    # By the real time, also where ours is held: so does the library that checks it.
    body, sent = _body(payload), datetime.fromtimestamp(time.time(), UTC)
    return body.encode(), {
        "Content-Type": "application/json",
        "User-Agent": "polar.sh webhooks",
        "webhook-id": payload["id"],
        "webhook-timestamp": str(int(sent.timestamp())),
        "webhook-api-version": VERSION,
        "webhook-signature": Webhook(secret).sign(payload["id"], sent, body),
    }
