"""The sandbox in Lemon Squeezy's words: https://docs.lemonsqueezy.com/api

What is sold is a variant, which has the number of its price. A checkout leads to an order, and one of a
subscription to a subscription and its first invoice, which here has its order's number. Nothing is told of
disputes, of refunds that fail and of invoices that nobody wants any more: there are no such events.
"""

import functools
import hashlib
import hmac
import json
import secrets
import uuid
from urllib.parse import parse_qsl

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
    new,
    put,
    stumbles,
)
from tests.peers import wire

NAME = "lemon_squeezy"
PATH = "lemon-squeezy"
KEY = "lemon_squeezy_sandbox"
STORE = "7"
PRODUCT = "60"
PRICES = dict(zip(selling.AMOUNTS, ("101", "102", "103"), strict=True))
BASE, TYPE = "https://api.lemonsqueezy.com/v1", "application/vnd.api+json"
HOW = {"month": "Monthly", "year": "Yearly", None: "For good"}


def new_id(kind):
    """An id as Lemon Squeezy would give it: numbers, and long ones, because here no two things share one."""
    return str(uuid.uuid4()) if kind in ("checkout", "event") else str(10**11 + secrets.randbelow(9 * 10**11))


@functools.cache
def transport():
    """The requests adapter that reaches the sandbox without a network; always the same one."""
    return wire.Adapter(answer)


# --- the API ------------------------------------------------------------------------------------------------

TITLES = {
    401: "Unauthorized",
    404: "Not Found",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
}


def answer(method, path, query, body, headers):
    """(status, headers, text) for a request of Lemon Squeezy's API, in JSON:API."""
    method, said = method.lower(), {"Content-Type": TYPE}
    if not wire.has_key(headers, KEY):
        return 401, said, _refused(401, "Unauthenticated.")
    sent = {name.lower(): value for name, value in headers.items()}.get("content-type", "")
    sent = sent.decode("latin-1") if isinstance(sent, bytes) else sent
    if body and TYPE not in sent:
        return 415, said, _refused(415, f"The request entity has a media type which isn't {TYPE}.")
    stumbled = stumbles()
    status, text = (500, "") if stumbled == "before" else _answered(method, path, dict(parse_qsl(query)), body)
    if stumbled:
        status, text = 500, _refused(500, "The sandbox stumbles, as it was told to.")
    return status, said, text


def _refused(status, detail, at=None):
    """https://docs.lemonsqueezy.com/api/getting-started/responses"""
    error = {"detail": detail, "status": str(status), "title": TITLES[status]}
    error |= {"source": {"pointer": f"/data/attributes/{at}"}} if at else {}
    return json.dumps({"jsonapi": {"version": "1.0"}, "errors": [error]})


def _answered(method, path, query, body):
    try:
        made = _answer(method, path.strip("/").split("/")[1:], query, body)
    except NotFound:
        return 404, _refused(404, "The related resource does not exist.")
    except (Impossible, Declined) as no:
        return 422, _refused(422, no.sentence, getattr(no, "param", None))
    status = 201 if method == "post" and not path.rstrip("/").endswith("/refund") else 200
    return status, json.dumps({"jsonapi": {"version": "1.0"}} | made)


def _answer(method, path, query, body):
    match (method, *path):
        case ("get", of) if of in SHOWN:
            return _listed(of, _found(of), query)
        case ("get", of, id) if of in SHOWN:
            return _document(of, _one(of, id), query)
        case ("get", "subscriptions", id, "subscription-invoices"):
            _one("subscriptions", id)
            return _listed("subscription-invoices", _found("subscription-invoices"), query | {SUBSCRIPTION: id})
        case ("get", "variants", id, "price-model"):
            return _document("prices", _one("prices", id), query)
        case ("post", "customers"):
            return _document("customers", _create_customer(_attributes(body)))
        case ("patch", "customers", id):
            about = _attributes(body)
            names = {name: about[name] for name in ("email", "name") if name in about}
            return _document("customers", selling.change_customer(_one("customers", id)["id"], **names))
        case ("post", "checkouts"):
            return _document("checkouts", _open_checkout(wire.read(body), _attributes(body)))
        case ("patch", "subscriptions", id):
            return _document("subscriptions", _update(_one("subscriptions", id), _attributes(body)))
        case ("delete", "subscriptions", id):
            held = _one("subscriptions", id)
            return _document(
                "subscriptions", held if held["cancel_at"] else subscribing.schedule_end(_running(held), True)
            )
        case ("patch", "subscription-items", id):
            about, held = _attributes(body), _one("subscription-items", id)
            changed = _change(held, held["price"], _number(about, "quantity", held["quantity"]), about)
            return _document("subscription-items", changed)
        case ("post", "orders" | "subscription-invoices" as of, id, "refund"):
            return _document(of, _give_back(_one(of, id), _attributes(body)))
    raise NotFound


def _attributes(body):
    """The attributes in a JSON:API document; none is as good as no body. Refuses with Impossible."""
    data = wire.read(body).get("data") or {}
    found = data.get("attributes") or {} if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise Impossible("The attributes must be an object.")
    return found


def _related(document, name):
    try:
        return str(document["data"]["relationships"][name]["data"]["id"])
    except (KeyError, TypeError) as error:
        raise Impossible(f"The {name} relationship is required.", name) from error


def _number(about, name, usual=None):
    value = about.get(name)
    if value is None:
        return usual
    if not isinstance(value, (int, str)) or isinstance(value, bool) or not str(value).isdecimal() or int(value) < 1:
        raise Impossible(f"The {name} field must be a number, 1 or more.", name)
    return int(value)


def _dict(about, name):
    value = about.get(name) or {}
    if not isinstance(value, dict):
        raise Impossible(f"The {name} field must be an object.", name)
    return value


def _customer_with(email):
    known = find("customer", deleted=False) if email else ()
    return next((one for one in known if str(one["email"] or "").casefold() == email.casefold()), None)


@acts
def _create_customer(about):
    email, name = str(about.get("email") or ""), about.get("name")
    if "@" not in email:
        raise Impossible("The email field must be a valid email address.", "email")
    if not name:
        raise Impossible("The name field is required.", "name")
    if _customer_with(email):
        raise Impossible("The email has already been taken.", "email")
    return selling.create_customer(email=email, name=name)


def _open_checkout(document, about):
    """https://docs.lemonsqueezy.com/api/checkouts/create-checkout; who types no other address is that customer."""
    if _related(document, "store") != STORE:
        raise Impossible("The store doesn't exist.", "store")
    try:
        bought = selling.price(_related(document, "variant"))
    except NotFound as missing:
        raise Impossible("The variant doesn't exist.", "variant") from missing
    data, options, offered = (
        _dict(about, f"{part}_{of}")
        for part, of in (("checkout", "data"), ("checkout", "options"), ("product", "options"))
    )
    custom = _dict(data, "custom")
    if not all(isinstance(value, str) for value in custom.values()):
        raise Impossible("The custom data must be texts.", "checkout_data.custom")
    quantity = next(
        (
            _number(one, "quantity", 1)
            for one in data.get("variant_quantities") or ()
            if isinstance(one, dict) and str(one.get("variant_id")) == bought["id"]
        ),
        1,
    )
    expires = wire.seconds(about["expires_at"], "expires_at") if about.get("expires_at") else None
    if expires is not None and expires <= clock():
        raise Impossible("The expires_at field must be a time to come.", "expires_at")
    email = str(data.get("email") or "")
    known = _customer_with(email)
    return _opened(
        known and known["id"],
        bought["id"],
        expires,
        once=not bought["interval"],
        quantity=quantity,
        trial_days=0 if options.get("skip_trial") else bought.get("trial_days", 0),
        email=email or None,
        success_url=offered.get("redirect_url") or _site(""),
        cancel_url=offered.get("redirect_url") or _site(""),
        metadata=custom,
        carried=custom,
    )


@acts
def _opened(customer, price, expires, **more):
    held = engine.open_checkout(customer, price, **more)
    # Without a date it lasts for good there; here for the day that any checkout lasts.
    return put(held | {"expires": min(expires, held["expires"])}) if expires else held


def _running(held):
    if held["status"] in OVER:
        raise Impossible("The subscription has expired.")
    return held["id"]


@acts
def _update(held, about):
    """https://docs.lemonsqueezy.com/api/subscriptions/update-subscription"""
    id = _running(held)
    if about.get("variant_id") is not None:
        try:
            wanted = selling.price(str(about["variant_id"]))["id"]
        except NotFound as missing:
            raise Impossible("The selected variant_id is invalid.", "variant_id") from missing
        _change(held, wanted, held["quantity"], about)
    if "cancelled" in about and bool(about["cancelled"]) != bool(held["cancel_at"]):
        subscribing.schedule_end(id, bool(about["cancelled"]))
    if "pause" in about and about["pause"] is None:
        subscribing.pause(id, None)
    elif "pause" in about:
        wanted = _dict(about, "pause")
        if wanted.get("mode") not in PAUSES:
            raise Impossible("The selected pause.mode is invalid.", "pause.mode")
        until = wire.seconds(wanted["resumes_at"], "pause.resumes_at") if wanted.get("resumes_at") else None
        subscribing.pause(id, PAUSES[wanted["mode"]], until)
    if about.get("trial_ends_at"):
        subscribing.move_trial_end(id, wire.seconds(about["trial_ends_at"], "trial_ends_at"))
    return get(id)


PAUSES = {"void": "void", "free": "mark_uncollectible"}


def _change(held, price, quantity, about):
    """A change is made at once, also when its invoice isn't paid."""
    now, never = about.get("invoice_immediately"), about.get("disable_prorations")
    behavior = "none" if never else "always_invoice" if now else "create_prorations"
    return subscribing.change(_running(held), price, quantity, behavior=behavior)


def _give_back(invoice, about):
    """https://docs.lemonsqueezy.com/api/orders/issue-refund: all that is left, where no amount is named."""
    payment = wire.payment_of(invoice)
    if payment is None or payment["status"] != "succeeded":
        raise Impossible("There is nothing to refund.", "amount")
    invoicing.refund(payment["id"], _number(about, "amount"))
    return invoice


# --- lists --------------------------------------------------------------------------------------------------

SUBSCRIPTION = "filter[subscription_id]"
STARTED = ("create", "once")  # what has an order


def _found(of):
    """Engine objects of a collection, the newest first."""
    match of:
        case "stores":
            return [{"id": STORE, "created": 1767225600}]
        case "products":
            return selling.products()
        case "variants" | "prices":
            return selling.prices()
        case "customers":
            return find("customer", deleted=False)
        case "checkouts":
            return find("checkout")
        case "subscriptions" | "subscription-items":
            return [held for held in find("subscription") if wire.has_begun(held)]
    orders = of == "orders"
    return [
        one
        for one in find("invoice")
        if (one["reason"] in STARTED if orders else _is_invoice(one)) and wire.is_seen(one)
    ]


def _is_invoice(invoice):
    """A credit isn't an invoice: it is kept for the next one."""
    return invoice["reason"] != "once" and invoice["total"] >= 0


def _one(of, id):
    """An object by the collection it is in. Refuses with NotFound."""
    kinds = {
        "customers": "customer",
        "checkouts": "checkout",
        "subscriptions": "subscription",
        "orders": "invoice",
        "subscription-invoices": "invoice",
    }
    if of not in kinds:
        found = next(
            (thing for thing in _found(of) if thing["item" if of == "subscription-items" else "id"] == id), None
        )
    else:
        thing = get(id, kinds[of])
        fits = {
            "customers": lambda: not thing["deleted"],
            "checkouts": lambda: True,
            "subscriptions": lambda: wire.has_begun(thing),
            "orders": lambda: thing["reason"] in STARTED and wire.is_seen(thing),
            "subscription-invoices": lambda: _is_invoice(thing) and wire.is_seen(thing),
        }
        found = thing if fits[of]() else None
    if found is None:
        raise NotFound
    return found


FILTERS = {
    "stores": (),
    "products": ("store_id",),
    "variants": ("product_id", "status"),
    "prices": ("variant_id",),
    "customers": ("store_id", "email"),
    "checkouts": ("store_id", "variant_id"),
    "subscriptions": ("store_id", "order_id", "order_item_id", "product_id", "variant_id", "user_email", "status"),
    "subscription-items": ("subscription_id", "price_id"),
    "orders": ("store_id", "user_email", "order_number"),
    "subscription-invoices": ("store_id", "status", "refunded", "subscription_id"),
}


def _listed(of, found, query):
    """A page: https://docs.lemonsqueezy.com/api/getting-started/requests"""
    number, size = wire.count(query, "page[number]", 1, 10**6), wire.count(query, "page[size]", 10, wire.MOST)
    shown = [_resource(of, thing) for thing in found]
    for name, wanted in query.items():
        if not name.startswith("filter["):
            continue
        if name[7:-1] not in FILTERS[of]:
            raise Impossible(f"Filter parameter {name[7:-1]} is not allowed.")
        shown = [one for one in shown if _compared(one["attributes"].get(name[7:-1])) == wanted.casefold()]
    part, last = wire.page(shown, number, size)
    first = (number - 1) * size + 1
    meta = {
        "currentPage": number,
        "from": first if part else None,
        "lastPage": last,
        "perPage": size,
        "to": first + len(part) - 1 if part else None,
        "total": len(shown),
    }
    return {"meta": {"page": meta}, "data": part} | _included(of, part, query)


def _compared(value):
    return ("1" if value else "0") if isinstance(value, bool) else str(value).casefold()


def _document(of, thing, query=()):
    shown = _resource(of, thing)
    return {"links": {"self": f"{BASE}/{of}/{shown['id']}"}, "data": shown} | _included(of, [shown], query)


def _included(of, shown, query):
    if of != "variants" or "price-model" not in dict(query).get("include", ""):
        return {}
    return {"included": [_resource("prices", selling.price(one["id"])) for one in shown]}


def _resource(of, thing, at=None):
    id = thing["item"] if of == "subscription-items" else thing["id"]
    own = f"{BASE}/{of}/{id}"
    related = {
        name: {"links": {"related": f"{own}/{name}", "self": f"{own}/relationships/{name}"}}
        for name in RELATED.get(of, ())
    }
    shown = {"type": of, "id": id, "attributes": SHOWN[of](thing, at), "links": {"self": own}}
    return shown | ({"relationships": related} if related else {})


RELATED = {
    "variants": ("product", "price-model"),
    "customers": ("store", "orders", "subscriptions"),
    "subscriptions": ("store", "customer", "order", "product", "variant", "subscription-invoices"),
    "subscription-invoices": ("store", "subscription"),
    "orders": ("store", "customer", "subscriptions"),
}


# --- objects, as Lemon Squeezy shows them -------------------------------------------------------------------


def _time(moment):
    return wire.written(moment, "%Y-%m-%dT%H:%M:%S.000000Z")


def _times(thing, *others, at=None):
    changed = at or wire.changed_at(thing, *others)
    return {"created_at": _time(thing["created"]), "updated_at": _time(changed), "test_mode": True}


def _unchanged(thing):
    return {"created_at": _time(thing["created"]), "updated_at": _time(thing["created"])}


def _site(path):
    return f"{configuration.active.site_url}/sandbox/{path}".rstrip("/")


def _money(amount):
    return f"${amount / 100:,.2f}"


def _same(amounts):
    """Amounts, the same in dollars, and as they are written."""
    dollars = {f"{name}_usd": amount for name, amount in amounts.items()}
    return amounts | dollars | {f"{name}_formatted": _money(amount) for name, amount in amounts.items()}


def _named(status):
    return {"status": status, "status_formatted": status.replace("_", " ").capitalize()}


def _buyer(thing):
    buyer = get(thing["customer"])
    return {"customer_id": int(buyer["id"]), "user_name": buyer["name"] or "", "user_email": buyer["email"]}


def _card(customer):
    held = get(customer)["card"]
    return {"card_brand": "visa", "card_last_four": "4242"} if held else {"card_brand": "", "card_last_four": ""}


def _store(thing, at):
    slug = {"name": "Sandbox", "slug": "sandbox", "domain": "sandbox.lemonsqueezy.com", "url": _site("")}
    return slug | _unchanged(thing) | {"country": "US", "currency": selling.CURRENCY.upper(), "plan": "fresh"}


def _product(thing, at):
    prices = [one["amount"] for one in selling.prices() if one["product"] == thing["id"]]
    picture = next(iter(thing.get("images") or ()), None)
    return (
        {
            "store_id": int(STORE),
            "name": thing["name"],
            "slug": thing["name"].lower().replace(" ", "-"),
            "description": f"<p>{thing.get('description') or ''}</p>",
            "thumb_url": picture,
            "large_thumb_url": picture,
            "price": min(prices, default=0),
            "pay_what_you_want": False,
            "buy_now_url": _site(""),
            "test_mode": True,
        }
        | _named("published" if thing["active"] else "draft")
        | _unchanged(thing)
    )


def _variant(thing, at):
    days = thing.get("trial_days", 0)
    return (
        {
            "product_id": _whole(thing["product"]),
            "name": HOW.get(thing["interval"], "Default"),
            "slug": thing["id"],
            "description": "",
            "price": thing["amount"],
            "is_subscription": bool(thing["interval"]),
            "interval": thing["interval"],
            "interval_count": 1 if thing["interval"] else None,
            "has_free_trial": days > 0,
            "trial_interval": "day",
            "trial_interval_count": days or 30,
            "pay_what_you_want": False,
            "min_price": 0,
            "suggested_price": 0,
            "has_license_keys": False,
            "sort": 1,
            "test_mode": True,
        }
        | _named("published" if thing.get("active", True) else "draft")
        | _unchanged(thing)
    )


def _whole(id):
    return int(id) if str(id).isdecimal() else id


def _price(thing, at):
    days = thing.get("trial_days", 0)
    return {
        "variant_id": _whole(thing["id"]),
        "category": "subscription" if thing["interval"] else "one_time",
        "scheme": "standard",
        "usage_aggregation": None,
        "unit_price": thing["amount"],
        "unit_price_decimal": None,
        "setup_fee_enabled": False,
        "setup_fee": None,
        "package_size": 1,
        "tiers": None,
        "renewal_interval_unit": thing["interval"],
        "renewal_interval_quantity": 1 if thing["interval"] else None,
        "trial_interval_unit": "day" if days else None,
        "trial_interval_quantity": days or None,
        "min_price": None,
        "suggested_price": None,
        "tax_code": "saas",
    } | _unchanged(thing)


def _customer(thing, at):
    theirs = [held for held in find("subscription", thing["id"]) if wire.has_begun(held)]
    return (
        {
            "store_id": int(STORE),
            "name": thing["name"] or "",
            "email": thing["email"],
            "city": None,
            "region": None,
            "country": "US",
            "total_revenue_currency": 0,
            "mrr": 0,
            # Only who subscribed has a portal there.
            "urls": {"customer_portal": _portal(thing["id"])[1] if theirs else None},
        }
        | _named("subscribed")
        | _times(thing, at=at)
    )


def _portal(customer_id):
    """(id, address) of a customer's portal; there is one from the first subscription on, and it knows no way back."""
    key = configuration.active.secret_key.encode()
    id = hmac.new(key, f"sandbox portal {customer_id}".encode(), hashlib.sha256).hexdigest()[:40]
    return id, _site(f"portal/{id}")


def _checkout(thing, at):
    bought = {"variant_id": _whole(thing["price"]), "quantity": thing["quantity"]}
    return (
        {
            "store_id": int(STORE),
            "variant_id": _whole(thing["price"]),
            "custom_price": None,
            "product_options": {
                "name": "",
                "description": "",
                "media": [],
                "redirect_url": thing["success_url"],
                "enabled_variants": [_whole(thing["price"])],
            },
            "checkout_options": {"embed": False, "media": True, "logo": True, "desc": True, "discount": True},
            "checkout_data": {
                "email": thing["email"] or "",
                "name": "",
                "billing_address": [],
                "tax_number": "",
                "discount_code": "",
                "custom": thing["metadata"],
                "variant_quantities": [bought],
            },
            "preview": False,
            "expires_at": _time(thing["expires"]),
            "url": _site(f"checkout/{thing['id']}"),
        }
        | _unchanged(thing)
        | {"test_mode": True}
    )


STATUSES = {"trialing": "on_trial", "canceled": "expired"}


def _subscription(thing, at):
    """https://docs.lemonsqueezy.com/api/subscriptions/the-subscription-object"""
    bought, order, pause = selling.price(thing["price"]), wire.first_invoice(thing), thing["pause"]
    owed, over = wire.owed(thing) if thing["status"] == "past_due" else None, thing["status"] in OVER
    status, renews = STATUSES.get(thing["status"], thing["status"]), thing["period_end"]
    if not over and thing["cancel_at"]:
        status = "cancelled"
    elif pause and status in ("active", "on_trial"):
        status = "paused"
    elif status == "past_due":
        renews = (owed and owed["next_attempt"]) or renews  # «the next renewal charge attempt»
    portal = _portal(thing["customer"])[1]
    modes = {behavior: mode for mode, behavior in PAUSES.items()}
    held = pause and {"mode": modes.get(pause["behavior"], "void"), "resumes_at": _time(pause["resumes_at"])}
    return {
        "store_id": int(STORE),
        **_buyer(thing),
        "order_id": int(order["id"]),
        "order_item_id": int(order["lines"][0]["id"]),
        "product_id": _whole(bought["product"]),
        "variant_id": _whole(bought["id"]),
        "product_name": _product_name(bought["product"]),
        "variant_name": HOW.get(bought["interval"], "Default"),
        **_named(status),
        **_card(thing["customer"]),
        "payment_processor": "stripe",
        "pause": held,
        "cancelled": status in ("cancelled", "expired"),
        "trial_ends_at": _time(thing["trial_end"]),
        "billing_anchor": int(_time(thing["anchor"])[8:10]),
        "first_subscription_item": _item(thing, at),
        "urls": {
            "update_payment_method": portal,
            "customer_portal": portal,
            "customer_portal_update_subscription": portal,
        },
        "renews_at": _time(renews),
        "ends_at": _time(thing["ended_at"] if over else thing["cancel_at"]),
    } | _times(thing, at=at)


def _product_name(id):
    return next((one["name"] for one in selling.products() if one["id"] == id), "A product")


def _item(thing, at):
    return {
        "id": int(thing["item"]),
        "subscription_id": int(thing["id"]),
        "price_id": _whole(thing["price"]),
        "quantity": thing["quantity"],
        "is_usage_based": False,
    } | {name: value for name, value in _times(thing, at=at).items() if name != "test_mode"}


def _stands(invoice):
    """(status, how much was given back) of an invoice or an order."""
    back = wire.refunded(invoice)
    status = {"open": "pending", "draft": "pending", "void": "void", "uncollectible": "void"}.get(
        invoice["status"], "paid"
    )
    if status == "paid" and back:
        status = "refunded" if back >= invoice["due"] else "partial_refund"
    if (wire.payment_of(invoice) or {}).get("fraud"):
        status = "fraudulent"
    return status, back


def _bill(invoice, at):
    """What an order and an invoice have alike. The total is what was to be paid, the customer's credit taken off."""
    status, back = _stands(invoice)
    payment, all_back = wire.payment_of(invoice), status == "refunded"
    refunds = find("refund", payment["id"]) if payment else []
    amounts = {
        "subtotal": invoice["total"],
        "discount_total": invoice["total"] - invoice["due"],
        "tax": 0,
        "total": invoice["due"],
        "refunded_amount": back,
    }
    return {
        "store_id": int(STORE),
        **_buyer(invoice),
        "currency": invoice["currency"].upper(),
        "currency_rate": "1.0000",
        **_named(status),
        **_same(amounts),
        "tax_inclusive": False,
        "refunded": all_back,
        "refunded_at": _time(refunds[0]["created"]) if all_back and refunds else None,
    } | _times(invoice, *refunds, at=at)


def _invoice(thing, at):
    """https://docs.lemonsqueezy.com/api/subscription-invoices/the-subscription-invoice-object"""
    reasons = {"create": "initial", "cycle": "renewal", "update": "updated"}
    url = _site(f"invoices/{thing['id']}") if thing["status"] == "paid" else None
    about = {"subscription_id": int(thing["subscription"]), "billing_reason": reasons[thing["reason"]]}
    return _bill(thing, at) | about | _card(thing["customer"]) | {"urls": {"invoice_url": url}}


def _order(thing, at):
    """https://docs.lemonsqueezy.com/api/orders/the-order-object"""
    line = thing["lines"][0]
    item = {
        "id": int(line["id"]),
        "order_id": int(thing["id"]),
        "product_id": _whole(line["product"]),
        "variant_id": _whole(line["price"]),
        "price_id": _whole(line["price"]),
        "product_name": _product_name(line["product"]),
        "variant_name": HOW.get(selling.price(line["price"])["interval"], "Default"),
        "price": line["unit"],
        "quantity": line["quantity"],
        "test_mode": True,
    } | _unchanged(thing)
    return _bill(thing, at) | {
        "identifier": str(uuid.UUID(int=int(thing["id"]))),
        "order_number": int(thing["number"].rsplit("-", 1)[1]),
        "tax_name": None,
        "tax_rate": "0.00",
        "setup_fee": 0,
        "first_order_item": item,
        "urls": {"receipt": _site(f"invoices/{thing['id']}")},
    }


SHOWN = {
    "stores": _store,
    "products": _product,
    "variants": _variant,
    "prices": _price,
    "customers": _customer,
    "checkouts": _checkout,
    "subscriptions": _subscription,
    "subscription-items": _item,
    "subscription-invoices": _invoice,
    "orders": _order,
}


# --- events -------------------------------------------------------------------------------------------------


def told(type, thing, previous, at):
    """The events of one change: https://docs.lemonsqueezy.com/help/webhooks/event-types"""
    names = {"subscription": _of_subscription, "invoice": _of_invoice, "refund": _of_refund}.get(thing["kind"])
    return [_event(name, of, about, at) for name, of, about in (names(type, thing, previous or {}) if names else ())]


def _event(name, of, thing, at):
    meta = {"test_mode": True, "event_name": name, "webhook_id": str(uuid.uuid5(uuid.NAMESPACE_URL, BASE))}
    custom = (get(thing["subscription"]) if thing.get("subscription") else thing)["metadata"]
    meta |= {"custom_data": custom} if custom else {}
    return {"id": new_id("event"), "meta": meta, "data": _resource(of, thing, at)}


def _of_subscription(type, thing, was):
    if type in ("subscription.created", "subscription.trial_ending", "subscription.pending_expired"):
        return
    if was.get("status") in wire.UNSEEN or not wire.has_begun(thing):
        return  # it is made, and told of, with its first payment
    names = ["subscription_updated"]
    if type == "subscription.ended":
        names.append("subscription_expired")
    if "cancel_at_period_end" in was:
        names.append("subscription_cancelled" if thing["cancel_at_period_end"] else "subscription_resumed")
    if "pause" in was and bool(was["pause"]) != bool(thing["pause"]):
        names.append("subscription_paused" if thing["pause"] else "subscription_unpaused")
    for name in names:
        yield name, "subscriptions", thing


def _of_invoice(type, thing, was):
    if type == "invoice.paid" and thing["reason"] in STARTED:
        yield "order_created", "orders", thing
        if not thing["subscription"]:
            return
        whose = {"customer": thing["customer"], "return_url": configuration.active.site_url}
        put(new("portal", **whose) | {"id": _portal(thing["customer"])[0]})
        for name in ("subscription_created", "subscription_updated"):
            yield name, "subscriptions", get(thing["subscription"])
    if thing["reason"] == "once" or not (_is_invoice(thing) and wire.is_seen(thing)):
        return
    if type == "invoice.paid":
        yield "subscription_payment_success", "subscription-invoices", thing
        if thing["failed_at"]:
            yield "subscription_payment_recovered", "subscription-invoices", thing
    elif type == "invoice.failed":
        yield "subscription_payment_failed", "subscription-invoices", thing


def _of_refund(type, thing, was):
    if type != "refund.created":
        return
    invoice = get(get(thing["payment"])["invoice"])
    if invoice["reason"] in STARTED:
        yield "order_refunded", "orders", invoice
    if invoice["subscription"]:
        yield "subscription_payment_refunded", "subscription-invoices", invoice


def is_asked(type, desk):
    """Ours asks for all there is."""
    return True


def type_of(payload):
    """What an event says happened."""
    return payload["meta"]["event_name"]


def signed(payload, secret):
    """(body, headers) of an event as Lemon Squeezy posts it; it has no id there."""
    body = json.dumps({name: value for name, value in payload.items() if name != "id"}).encode()
    return body, {
        "Content-Type": "application/json",
        "X-Event-Name": type_of(payload),
        "X-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
