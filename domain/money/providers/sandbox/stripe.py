"""The sandbox in Stripe's words: https://docs.stripe.com/api, in the version of the installed library.

It plays Stripe's part, so it shares the library's version and signature with the world, and nothing with
our own adapter.
"""

import functools
import hashlib
import json
import secrets
from base64 import b64decode
from urllib.parse import parse_qsl, urlsplit

import stripe

from domain import NotFound
from domain.base import configuration
from domain.money.providers.sandbox import engine
from domain.money.providers.sandbox.records import DAY, Declined, Impossible, acts, clock, find, get, keep, stumbles

NAME = "stripe"
PATH = "stripe"
KEY = "sk_test_sandbox"
STORE = ""
PRODUCT = "prod_sandbox_pro"
PRICES = {plan: f"price_sandbox_{plan}" for plan in engine.AMOUNTS}
PREFIXES = {
    "customer": "cus",
    "product": "prod",
    "price": "price",
    "checkout": "cs_test",
    "subscription": "sub",
    "item": "si",
    "invoice": "in",
    "line": "il",
    "payment": "pi",
    "refund": "re",
    "dispute": "du",
    "event": "evt",
    "portal": "bps",
}


def new_id(kind):
    """An id as Stripe would give it."""
    return f"{PREFIXES[kind]}_{secrets.token_hex(12)}"


class HTTPClient(stripe.HTTPClient):
    """Answers Stripe's API in the process."""

    name = "sandbox"

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        asked = urlsplit(url)
        status, more, text = answer(method, asked.path, asked.query, post_data or "", headers)
        return text, status, more

    def close(self):
        pass


@functools.cache
def transport():
    """What `stripe.StripeClient` reaches the sandbox through without a network; always the same one."""
    return HTTPClient()


# --- the API ------------------------------------------------------------------------------------------------


def answer(method, path, query, body, headers):
    """(status, headers, text) for a request of Stripe's API; `body` is form-encoded, as `query` is."""
    headers = {name.lower(): value for name, value in headers.items()}
    said = {"Request-Id": "req_" + secrets.token_hex(7), "Stripe-Version": stripe.api_version}
    if not _has_key(headers.get("authorization", "")):
        status, text = _refusal(401, "invalid_request_error", "This API key isn't the sandbox's.")
        return status, said, text
    body = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)
    if any("\0" in name + value for name, value in pairs):  # a database may refuse it
        return 400, said, _refusal(400, "invalid_request_error", "Invalid UTF-8 sequence.")[1]
    params = nested(pairs)
    key, method = headers.get("idempotency-key"), method.lower()
    stumbled = stumbles()
    if stumbled != "before":
        if method == "post" and key:
            status, text, again = _once(key, method, path, params, headers)
            said |= {"Idempotency-Key": key[:255]} | ({"Idempotent-Replayed": "true"} if again else {})
        else:
            status, text = _answered(method, path, params, headers)
    if stumbled:
        status, text = _refusal(500, "api_error", "The sandbox stumbles, as it was told to.")
    return status, said, text


def _has_key(authorization):
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "basic":  # curl -u sk_test_…:
        try:
            rest = b64decode(rest, validate=True).decode().partition(":")[0]
        except ValueError:
            return False
    return secrets.compare_digest(rest.strip().encode(), KEY.encode())


@acts
def _once(key, method, path, params, headers):
    """The same answer for the same key, for 24 hours; what was refused before it began may be tried again."""
    id = "idem:" + hashlib.sha256(key.encode()).hexdigest()
    asked = hashlib.sha256(json.dumps([method, path, params], sort_keys=True).encode()).hexdigest()
    known = next(iter(find("idempotency", id)), None)
    if known and known["created"] > clock() - DAY:
        if known["asked"] != asked:
            told = "Keys for idempotent requests can only be used with the parameters they were first used with."
            return *_refusal(400, "idempotency_error", told), False
        return known["status"], known["text"], True
    status, text = _answered(method, path, params, headers)
    if status in (200, 402):
        keep(id, "idempotency", id, {"asked": asked, "status": status, "text": text, "created": clock()})
    return status, text, False


def _answered(method, path, params, headers):
    try:
        said = _answer(method, path, params, headers)
        for wanted in _many(params.get("expand")):
            _expand(said, str(wanted))
        return 200, json.dumps(said)
    except NotFound as missing:
        return _refusal(404, "invalid_request_error", missing.sentence, code="resource_missing", param="id")
    except Declined as no:
        more = {"decline_code": "generic_decline"} if no.why == "card_declined" else {}
        return _refusal(402, "card_error", no.sentence, code=no.why, **more)
    except Impossible as no:
        return _refusal(400, "invalid_request_error", no.sentence, code=no.why, param=no.param)


def _refusal(status, type, message, **more):
    about = {key: value for key, value in more.items() if value}
    return status, json.dumps({"error": {"type": type, "message": message} | about})


def nested(pairs):
    """Form encoding, a[b][0]=c, as dicts; a list is a dict of its numbers, and a[]=c counts up. Refuses nothing."""
    found: dict = {}
    for name, value in pairs:
        place, (*way, last) = found, name.replace("]", "").split("[")
        for key in way:
            inner = place.get(key)
            place[key] = place = inner if isinstance(inner, dict) else {}
        place[last or str(len(place))] = value
    return found


def _many(values):
    return list(values.values()) if isinstance(values, dict) else [values] if values else []


def _number(params, name, usual=None, least=0):
    value = params.get(name)
    if value in (None, ""):
        return usual
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12 and int(value) >= least):
        raise Impossible(f"Invalid integer: {str(value)[:40]}", name)
    return int(value)


def _flag(params, name):
    if params[name] not in ("true", "false"):
        raise Impossible(f"Invalid boolean: {str(params[name])[:40]}", name)
    return params[name] == "true"


def _choice(params, name, *among):
    value = params.get(name, among[0])
    if value not in among:
        raise Impossible(f"Invalid {name}: must be one of {', '.join(among)}", name)
    return value


def _needed(params, name):
    if not params.get(name):
        raise Impossible(f"Missing required param: {name}.", name, "parameter_missing")
    return params[name]


def _dict(params, name):
    value = params.get(name) or {}
    if not isinstance(value, dict):
        raise Impossible(f"Invalid object: {name}", name)
    return value


def _metadata(params, old=()):
    given = _dict(params, "metadata")
    return (
        {key: value for key, value in (dict(old) | given).items() if value != ""}
        if params.get("metadata") != ""
        else {}
    )


# What may be said in a POST, by the first word of its path; those after the bar mean nothing here.
SAID = {
    "customers": "email name metadata | description phone address preferred_locales",
    "checkout": "mode customer customer_email line_items success_url cancel_url client_reference_id metadata expand "
    "subscription_data payment_intent_data payment_method_collection | billing_address_collection customer_update "
    "allow_promotion_codes automatic_tax locale tax_id_collection submit_type ui_mode payment_method_types",
    "billing_portal": "customer return_url | configuration locale flow_data",
    "subscriptions": "customer items metadata trial_period_days payment_behavior proration_behavior proration_date "
    "cancel_at cancel_at_period_end pause_collection trial_end expand | off_session billing_cycle_anchor",
    "invoices": "subscription subscription_details customer expand | off_session",
    "refunds": "payment_intent charge amount reason metadata expand",
}

NESTED = (
    "metadata",
    "line_items",
    "items",
    "expand",
    "subscription_data",
    "payment_intent_data",
    "subscription_details",
    "pause_collection",
    "created",
    "payment",
    "type",
    "types",
)


READ = "products prices customers subscriptions invoices payment_intents charges refunds disputes events"


def _refuse_unknown(method, things, params):
    known = SAID.get(things, "").replace("|", "").split()
    if method == "post" and known and (unknown := sorted(set(params) - set(known))):
        raise Impossible(f"Received unknown parameter: {unknown[0][:60]}", unknown[0][:60], "parameter_unknown")
    for name, value in params.items():
        if isinstance(value, dict) and name not in NESTED:
            raise Impossible(f"Invalid string: {name[:60]}", name[:60])


def _answer(method, path, params, headers):
    """What Stripe's API says, as a dict. Refuses with NotFound, Impossible and Declined."""
    way = path.strip("/").split("/")[1:]
    _refuse_unknown(method, way[0] if way else "", params)
    match (method, *way):
        case ("get", things) if things in READ.split() or things == "invoice_payments":
            return _listed(things, params)
        case ("get", "checkout", "sessions"):
            return _listed("checkout/sessions", params)
        case ("get", things, id) if things in READ.split():
            return shown(id)
        case ("get", "checkout", "sessions", id):
            return shown(id)
        case ("get", "checkout", "sessions", id, "line_items"):
            return _bought(get(id, "checkout"))
        case ("get", "invoices", id, "lines"):
            return shown(id)["lines"]
        case ("post", "customers"):
            about = {name: params.get(name) for name in ("email", "name")}
            return _customer(engine.create_customer(**about, metadata=_metadata(params)))
        case ("post", "customers", id):
            about = {name: params[name] for name in ("email", "name") if name in params}
            about |= {"metadata": _metadata(params, engine.customer(id)["metadata"])} if "metadata" in params else {}
            return _customer(engine.change_customer(id, **about))
        case ("delete", "customers", id):
            return _customer(engine.delete_customer(id))
        case ("post", "checkout", "sessions"):
            return _session(_open_checkout(params))
        case ("post", "checkout", "sessions", id, "expire"):
            return _session(engine.expire_checkout(id))
        case ("post", "billing_portal", "sessions"):
            return _portal(engine.open_portal(_needed(params, "customer"), params.get("return_url")))
        case ("post", "subscriptions"):
            return _subscription(_subscribe(params))
        case ("post", "subscriptions", id):
            return _subscription(_update(id, params))
        case ("post", "subscriptions", id, "resume"):
            return _subscription(engine.resume(id))
        case ("delete", "subscriptions", id):
            try:
                return _subscription(engine.end(id))
            except Impossible as over:  # as Stripe has it: what is over can't be found
                raise NotFound(f"No such subscription: '{id[:60]}'") from over
        case ("post", "invoices", "create_preview"):
            return _preview(params)
        case ("post", "invoices", id, "pay"):
            return _invoice(engine.pay_invoice(id))
        case ("post", "invoices", id, "void"):
            return _invoice(engine.void_invoice(id))
        case ("post", "refunds"):
            payment = params.get("payment_intent") or "pi_" + _needed(params, "charge")[3:]
            amount = _number(params, "amount")
            return _refund(engine.refund(payment, amount, params.get("reason"), _metadata(params)))
    raise NotFound(f"Unrecognized request URL ({method.upper()}: {path[:100]}).")


def _line_item(params, holder):
    items = _many(params.get(holder))
    if len(items) != 1 or not isinstance(items[0], dict):
        raise Impossible("The sandbox wants exactly one item.", holder)
    return items[0]


def _open_checkout(params):
    mode, item = _choice(params, "mode", "payment", "subscription"), _line_item(params, "line_items")
    data = _dict(params, "subscription_data" if mode == "subscription" else "payment_intent_data")
    ends = _choice(
        _dict(_dict(data, "trial_settings"), "end_behavior"),
        "missing_payment_method",
        "create_invoice",
        "cancel",
        "pause",
    )
    return engine.open_checkout(
        params.get("customer"),
        _needed(item, "price"),
        once=mode == "payment",
        quantity=_number(item, "quantity", 1, 1),
        trial_days=_number(data, "trial_period_days", 0, 1),
        success_url=_needed(params, "success_url"),
        cancel_url=params.get("cancel_url"),
        email=params.get("customer_email"),
        reference=params.get("client_reference_id"),
        metadata=_metadata(params),
        carried=_metadata(data),
        without_card=ends,
        needs_card=_choice(params, "payment_method_collection", "always", "if_required") == "always",
    )


def _subscribe(params):
    item = _line_item(params, "items")
    return engine.subscribe(
        _needed(params, "customer"),
        _needed(item, "price"),
        _number(item, "quantity", 1, 1),
        trial_days=_number(params, "trial_period_days", 0, 1),
        metadata=_metadata(params),
    )


def _wanted(held, params):
    """(price, quantity) after the change that is asked for, in `items`."""
    item = _line_item(params, "items")
    if item.get("id") != held["item"]:
        raise Impossible("Name the item that changes by its id; the sandbox has one to a subscription.", "items[0][id]")
    return item.get("price", held["price"]), _number(item, "quantity", held["quantity"], 1)


PENDING_ONLY = {"items", "payment_behavior", "proration_behavior", "proration_date", "trial_end", "expand"}


def _update(id, params):
    held = engine.running(id)
    payment = _choice(
        params,
        "payment_behavior",
        "allow_incomplete",
        "pending_if_incomplete",
        "error_if_incomplete",
        "default_incomplete",
    )
    if payment == "pending_if_incomplete" and (more := set(params) - PENDING_ONLY):
        raise Impossible("Only prices, quantities and trials can wait for their payment.", min(more))
    return _updated(id, held, params, payment)


@acts
def _updated(id, held, params, payment):
    if "items" in params:
        behavior = _choice(params, "proration_behavior", "create_prorations", "always_invoice", "none")
        at = _number(params, "proration_date")
        engine.change(id, *_wanted(held, params), behavior=behavior, payment=payment, at=at)
    if "metadata" in params:
        engine.describe(id, _metadata(params, held["metadata"]))
    if "cancel_at_period_end" in params:
        engine.schedule_end(id, _flag(params, "cancel_at_period_end"))
    elif "cancel_at" in params:
        engine.schedule_end(id, at=_number(params, "cancel_at"))
    if params.get("pause_collection") == "":
        engine.pause(id, None)
    elif "pause_collection" in params:
        wanted = _dict(params, "pause_collection")
        behavior = _choice(wanted, "behavior", "keep_as_draft", "mark_uncollectible", "void")
        engine.pause(id, behavior, _number(wanted, "resumes_at"))
    if "trial_end" in params:
        engine.move_trial_end(id, clock() if params["trial_end"] == "now" else _number(params, "trial_end"))
    return get(id)


def _preview(params):
    held = engine.running(_needed(params, "subscription"))
    details = _dict(params, "subscription_details")
    behavior = _choice(details, "proration_behavior", "create_prorations", "always_invoice", "none")
    price, quantity = _wanted(held, details) if "items" in details else (held["price"], held["quantity"])
    at = _number(details, "proration_date")
    lines, _, end = engine.quote(held, price, quantity, at, behavior)
    reason = "update"
    if end == held["period_end"] and not (lines and behavior == "always_invoice"):
        bought, reason = engine.price(price), "cycle"
        lines += [*held["pending_lines"], engine.line(bought, quantity, end, engine.later(end, bought["interval"]))]
    made = engine.draft(engine.customer(held["customer"]), lines, reason, held["currency"], held["id"], status="draft")
    return _invoice(made | {"id": "upcoming_" + made["id"]})


# --- lists --------------------------------------------------------------------------------------------------


def _listed(things, params):
    """One page of a list, the newest first, as Stripe pages."""
    found = _found(things, params)
    if created := params.get("created"):
        bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
        tests = {name: _number(bounds, name) for name in bounds}
        meets = {"gte": int.__ge__, "gt": int.__gt__, "lte": int.__le__, "lt": int.__lt__}
        if set(tests) - set(meets):
            raise Impossible("Invalid range.", "created")
        found = [t for t in found if all(meets[name](t["created"], bound) for name, bound in tests.items())]
    ids = [_id_of(things, thing) for thing in found]
    for name, part in (("starting_after", lambda at: slice(at + 1, None)), ("ending_before", lambda at: slice(0, at))):
        if last := params.get(name):
            if last not in ids:
                raise NotFound(f"No such object: '{str(last)[:60]}'")
            found = found[part(ids.index(last))]
    limit = min(_number(params, "limit", 10, 1), 100)
    page = found[-limit:] if params.get("ending_before") else found[:limit]
    shown = [SHOWN[things](thing) for thing in page]
    return {"object": "list", "url": f"/v1/{things}", "has_more": len(found) > limit, "data": shown}


def _id_of(things, thing):
    prefix = {"charges": "ch_", "invoice_payments": "inpay_"}.get(things)
    return prefix + thing["id"][3:] if prefix else thing["id"]


def _found(things, params):
    def same(**names):
        return {mine: params[theirs] for mine, theirs in names.items() if params.get(theirs)}

    match things:
        case "products" | "prices":
            found = engine.products() if things == "products" else engine.prices()
            if "active" in params:
                found = [thing for thing in found if thing["active"] == _flag(params, "active")]
            return [thing for thing in found if all(thing[k] == v for k, v in same(product="product").items())]
        case "customers":
            return [each for each in find("customer", **same(email="email")) if not each["deleted"]]
        case "subscriptions":
            found = find("subscription", params.get("customer"), **same(price="price"))
            status = params.get("status")
            if status in ("all", None):
                return [one for one in found if status or one["status"] != "canceled"]
            among = ("canceled", "incomplete_expired") if status == "ended" else (status,)
            return [one for one in found if one["status"] in among]
        case "invoices":
            found = find("invoice", params.get("customer"), **same(subscription="subscription", status="status"))
            return [one for one in found if one["reason"] != "once"]
        case "invoice_payments":
            pays = _dict(params, "payment").get("payment_intent")
            found = find("payment", params.get("invoice"), **({"id": pays} if pays else {}))
            return [
                one
                for one in found
                if get(one["invoice"])["reason"] != "once"
                and params.get("status") in (None, _invoice_payment(one)["status"])
            ]
        case "payment_intents" | "charges":
            return find("payment", **same(customer="customer", id="payment_intent"))
        case "refunds" | "disputes":
            pays = params.get("payment_intent") or (params.get("charge") and "pi_" + params["charge"][3:])
            return find(things[:-1], pays)
        case "checkout/sessions":
            found = find("checkout", params.get("customer"), **same(subscription="subscription"))
            if pays := params.get("payment_intent"):
                found = [one for one in found if _intent_of(one) == pays]
            status = params.get("status")
            return [
                one for one in found if status in (None, "complete" if one["status"] == "complete" else one["status"])
            ]
    kinds = _many(params.get("types")) or _many(params.get("type"))
    found = [event for event in find("event") if not kinds or event["type"] in kinds]
    if "delivery_success" in params:
        return [event for event in found if event["delivered"] == _flag(params, "delivery_success")]
    return found


def shown(id):
    """Any object by its id. Refuses with NotFound."""
    prefix = id.partition("_")[0]
    if prefix == "prod":
        return _product(next((one for one in engine.products() if one["id"] == id), None) or get(id, "product"))
    if prefix == "price":
        return _price(engine.price(id))
    if prefix == "ch":
        return _charge(get("pi_" + id[3:], "payment"))
    kinds = {"cus": "customer", "cs": "checkout", "sub": "subscription", "in": "invoice", "pi": "payment"}
    kinds |= {"re": "refund", "du": "dispute", "evt": "event"}
    if prefix not in kinds:
        raise NotFound(f"No such object: '{id[:60]}'")
    return RENDER[kinds[prefix]](get(id, kinds[prefix]))


def _expand(thing, path):
    key, _, rest = path.partition(".")
    if isinstance(thing, list):
        for each in thing:
            _expand(each, path)
        return
    if thing.get("object") == "invoice" and key == "payments":
        thing[key] = _all("invoice_payments", invoice=thing["id"])
    if thing.get("object") == "charge" and key == "refunds":
        thing[key] = _all("refunds", charge=thing["id"])
    if thing.get("object") == "checkout.session" and key == "line_items":
        thing[key] = _bought(get(thing["id"]))
    if key not in thing:
        raise Impossible(f"This property cannot be expanded ({path[:60]}).", "expand")
    if isinstance(thing[key], str):
        thing[key] = shown(thing[key])
    if rest and thing[key] is not None:
        _expand(thing[key], rest)


def _all(things, **params):
    return _listed(things, params | {"limit": "100"})


# --- objects, as Stripe shows them --------------------------------------------------------------------------


def _base(thing, object, **more):
    about = {"id": thing["id"], "object": object, "created": thing["created"], "livemode": False}
    return about | {"metadata": thing["metadata"]} | more


def _product(thing):
    if "object" in thing:  # somebody put it there in Stripe's own words
        return thing
    names = ("active", "name", "description", "images", "default_price")
    return _base(thing, "product", type="service", **{name: thing.get(name) for name in names})


def _price(thing):
    if "object" in thing:
        return thing
    names = ("active", "currency", "product", "lookup_key", "nickname")
    recurring = {"interval": thing["interval"], "interval_count": 1, "usage_type": "licensed"}
    return _base(
        thing,
        "price",
        **{name: thing.get(name) for name in names},
        billing_scheme="per_unit",
        type="recurring" if thing["interval"] else "one_time",
        recurring=recurring if thing["interval"] else None,
        unit_amount=thing["amount"],
        unit_amount_decimal=str(thing["amount"]),
    )


def _customer(thing):
    if thing["deleted"]:
        return {"id": thing["id"], "object": "customer", "deleted": True}
    about = {name: thing[name] for name in ("email", "name", "balance")}
    return _base(thing, "customer", **about, currency=engine.CURRENCY, delinquent=False, description=None)


def _site(path):
    return f"{configuration.active.site_url}/sandbox/{path}"


def _intent_of(checkout):
    if not checkout["once"] or not checkout["invoice"]:
        return None
    return next((payment["id"] for payment in find("payment", checkout["invoice"])), None)


def _session(thing):
    status = "paid" if thing["paid"] and thing["amount"] else "no_payment_required" if thing["paid"] else "unpaid"
    status = "no_payment_required" if not thing["amount"] and thing["status"] == "open" else status
    buyer = get(thing["customer"]) if thing["customer"] else {}
    email = buyer.get("email") or thing["email"]
    return _base(
        thing,
        "checkout.session",
        mode="payment" if thing["once"] else "subscription",
        status=thing["status"],
        payment_status=status,
        customer=thing["customer"],
        customer_email=thing["email"],
        customer_details={"email": email, "name": buyer.get("name")} if email else None,
        subscription=thing["subscription"],
        invoice=None if thing["once"] else thing["invoice"],
        payment_intent=_intent_of(thing),
        currency=thing["currency"],
        amount_total=thing["amount"],
        amount_subtotal=thing["amount"],
        client_reference_id=thing["reference"],
        expires_at=thing["expires"],
        success_url=thing["success_url"],
        cancel_url=thing["cancel_url"],
        url=_site(f"checkout/{thing['id']}") if thing["status"] == "open" else None,
    )


def _bought(thing):
    price = engine.price(thing["price"])
    line = {
        "id": "li_" + thing["id"][8:],
        "object": "item",
        "description": _product_name(price["product"]),
        "amount_total": thing["amount"],
        "amount_subtotal": thing["amount"],
        "currency": thing["currency"],
        "quantity": thing["quantity"],
        "price": _price(price),
    }
    return {
        "object": "list",
        "has_more": False,
        "data": [line],
        "url": f"/v1/checkout/sessions/{thing['id']}/line_items",
    }


def _portal(thing):
    about = {"customer": thing["customer"], "return_url": thing["return_url"], "url": _site(f"portal/{thing['id']}")}
    return _base(thing, "billing_portal.session", configuration="bpc_sandbox", locale=None, **about)


def _item(thing, **changed):
    held = thing | changed
    return {
        "id": thing["item"],
        "object": "subscription_item",
        "created": thing["created"],
        "metadata": {},
        "subscription": thing["id"],
        "quantity": held["quantity"],
        "price": _price(engine.price(held["price"])),
        "current_period_start": thing["period_start"],
        "current_period_end": thing["period_end"],
    }


def _subscription(thing):
    pending = thing["pending"]
    same = (
        "customer",
        "status",
        "currency",
        "cancel_at",
        "cancel_at_period_end",
        "canceled_at",
        "ended_at",
        "trial_start",
        "trial_end",
        "latest_invoice",
    )
    return _base(
        thing,
        "subscription",
        **{name: thing[name] for name in same},
        start_date=thing["start"],
        billing_cycle_anchor=thing["anchor"],
        collection_method="charge_automatically",
        days_until_due=None,
        cancellation_details={"reason": thing["ended_because"], "comment": None, "feedback": None},
        items={
            "object": "list",
            "has_more": False,
            "data": [_item(thing)],
            "total_count": 1,
            "url": f"/v1/subscription_items?subscription={thing['id']}",
        },
        pause_collection=thing["pause"],
        default_payment_method=None,
        schedule=None,
        discounts=[],
        test_clock=None,
        pending_update=pending
        and {
            "expires_at": pending["expires"],
            "billing_cycle_anchor": None,
            "trial_end": None,
            "trial_from_plan": None,
            "subscription_items": [_item(thing, **{key: pending["wanted"][key] for key in ("price", "quantity")})],
        },
        trial_settings={"end_behavior": {"missing_payment_method": thing["without_card"]}},
    )


REASONS = {"create": "subscription_create", "cycle": "subscription_cycle", "update": "subscription_update"}


def _line(line, invoice):
    what = (
        "Unused time on"
        if line["amount"] < 0
        else "Remaining time on"
        if line["proration"]
        else f"{line['quantity']} ×"
    )
    details = {"subscription": invoice["subscription"], "proration": line["proration"], "invoice_item": None}
    return {
        "id": line["id"],
        "object": "line_item",
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "amount": line["amount"],
        "subtotal": line["amount"],
        "currency": invoice["currency"],
        "discounts": [],
        "quantity": line["quantity"],
        "period": {"start": line["start"], "end": line["end"]},
        "description": f"{what} {_product_name(line['product'])}",
        "parent": {"type": "subscription_item_details", "subscription_item_details": details},
        "pricing": {
            "type": "price_details",
            "unit_amount_decimal": str(line["unit"]),
            "price_details": {"price": line["price"], "product": line["product"]},
        },
    }


def _product_name(id):
    return next((one["name"] for one in engine.products() if one["id"] == id), "a product")


def _invoice(thing):
    held = get(thing["subscription"]) if thing["subscription"] else None
    open_ = thing["status"] in ("open", "uncollectible")
    first = thing["lines"][0] if thing["lines"] else {"start": thing["created"], "end": thing["created"]}
    finalized = None if thing["status"] == "draft" else thing["created"]
    details = held and {"subscription": held["id"], "metadata": held["metadata"]}
    return _base(
        thing,
        "invoice",
        customer=thing["customer"],
        customer_email=get(thing["customer"])["email"],
        status=thing["status"],
        billing_reason=REASONS.get(thing["reason"], "manual"),
        currency=thing["currency"],
        collection_method="charge_automatically",
        number=thing["number"],
        total=thing["total"],
        subtotal=thing["total"],
        amount_due=thing["due"],
        amount_paid=thing["paid"],
        amount_remaining=thing["due"] - thing["paid"],
        starting_balance=thing["balance_before"],
        ending_balance=thing["balance_after"],
        attempt_count=thing["attempts"],
        attempted=thing["attempts"] > 0,
        next_payment_attempt=thing["next_attempt"],
        auto_advance=open_ and thing["next_attempt"] is not None,
        due_date=None,
        effective_at=finalized,
        period_start=first["start"],
        period_end=first["end"],
        parent=held and {"type": "subscription_details", "subscription_details": details, "quote_details": None},
        status_transitions={
            "finalized_at": finalized,
            "paid_at": thing["paid_at"],
            "voided_at": None,
            "marked_uncollectible_at": None,
        },
        hosted_invoice_url=finalized and _site(f"invoices/{thing['id']}"),
        invoice_pdf=None,
        discounts=[],
        lines={
            "object": "list",
            "has_more": False,
            "url": f"/v1/invoices/{thing['id']}/lines",
            "data": [_line(line, thing) for line in thing["lines"]],
            "total_count": len(thing["lines"]),
        },
    )


def _invoice_payment(thing):
    invoice, paid = get(thing["invoice"]), thing["status"] == "succeeded"
    status = "paid" if paid else "canceled" if invoice["status"] in ("void", "paid") else "open"
    return {
        "id": "inpay_" + thing["id"][3:],
        "object": "invoice_payment",
        "created": thing["created"],
        "livemode": False,
        "amount_paid": thing["amount"] if paid else None,
        "amount_requested": thing["amount"],
        "is_default": True,
        "currency": thing["currency"],
        "invoice": thing["invoice"],
        "status": status,
        "payment": {"type": "payment_intent", "payment_intent": thing["id"]},
        "status_transitions": {"paid_at": invoice["paid_at"] if paid else None, "canceled_at": None},
    }


FAILED = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
}


def _payment_intent(thing):
    status = {"failed": "requires_payment_method", "action_required": "requires_action"}
    return _base(
        thing,
        "payment_intent",
        amount=thing["amount"],
        currency=thing["currency"],
        customer=thing["customer"],
        amount_received=thing["amount"] if thing["status"] == "succeeded" else 0,
        latest_charge="ch_" + thing["id"][3:],
        status=status.get(thing["status"], thing["status"]),
        payment_method=None,
        description=None,
        last_payment_error=FAILED if thing["status"] == "failed" else None,
    )


def _charge(thing):
    paid, failed = thing["status"] == "succeeded", thing["status"] in ("failed", "action_required")
    return _base(
        thing,
        "charge",
        amount=thing["amount"],
        amount_captured=thing["amount"] if paid else 0,
        paid=paid,
        amount_refunded=thing["refunded"],
        refunded=thing["refunded"] >= thing["amount"],
        captured=paid,
        status="succeeded" if paid else "failed" if failed else "pending",
        disputed=thing["disputed"],
        currency=thing["currency"],
        customer=thing["customer"],
        payment_intent=thing["id"],
        description=None,
        failure_code="card_declined" if failed else None,
        receipt_url=_site(f"invoices/{thing['invoice']}"),
        billing_details={"email": get(thing["customer"])["email"]},
    ) | {"id": "ch_" + thing["id"][3:]}


def _refund(thing):
    about = {name: thing[name] for name in ("amount", "currency", "status", "reason")}
    about |= {"payment_intent": thing["payment"], "charge": "ch_" + thing["payment"][3:]}
    if thing["status"] == "failed":
        about["failure_reason"] = "expired_or_canceled_card"
    return _base(thing, "refund", **about)


def _dispute(thing):
    status = "needs_response" if thing["status"] == "open" else thing["status"]
    about = {"payment_intent": thing["payment"], "charge": "ch_" + thing["payment"][3:], "status": status}
    about |= {name: thing[name] for name in ("amount", "currency", "reason")}
    return _base(thing, "dispute", is_charge_refundable=False, **about)


def _event(thing):
    return thing["payload"] | {"pending_webhooks": 0 if thing["delivered"] else 1}


RENDER = {
    "customer": _customer,
    "product": _product,
    "price": _price,
    "checkout": _session,
    "subscription": _subscription,
    "invoice": _invoice,
    "payment": _payment_intent,
    "charge": _charge,
    "refund": _refund,
    "dispute": _dispute,
    "event": _event,
}
SHOWN = {
    "products": _product,
    "prices": _price,
    "customers": _customer,
    "subscriptions": _subscription,
    "invoices": _invoice,
    "invoice_payments": _invoice_payment,
    "payment_intents": _payment_intent,
    "charges": _charge,
    "refunds": _refund,
    "disputes": _dispute,
    "events": _event,
    "checkout/sessions": _session,
}


# --- events -------------------------------------------------------------------------------------------------

# What happened at the sandbox → the events Stripe sends of it, each with the object it shows.
TOLD: dict[str, tuple[tuple[str, str], ...]] = {
    **{f"customer.{verb}": ((f"customer.{verb}", "customer"),) for verb in ("created", "updated", "deleted")},
    "checkout.completed": (("checkout.session.completed", "checkout"),),
    "checkout.expired": (("checkout.session.expired", "checkout"),),
    "checkout.paid_later": (("checkout.session.async_payment_succeeded", "checkout"),),
    "checkout.failed_later": (("checkout.session.async_payment_failed", "checkout"),),
    "subscription.ended": (("customer.subscription.deleted", "subscription"),),
    "subscription.trial_ending": (("customer.subscription.trial_will_end", "subscription"),),
    "subscription.pending_applied": (("customer.subscription.pending_update_applied", "subscription"),),
    "subscription.pending_expired": (("customer.subscription.pending_update_expired", "subscription"),),
    **{
        f"subscription.{verb}": ((f"customer.subscription.{verb}", "subscription"),)
        for verb in ("created", "updated", "paused", "resumed")
    },
    "invoice.drafted": (("invoice.created", "invoice"),),
    "invoice.opened": (("invoice.created", "invoice"), ("invoice.finalized", "invoice")),
    "invoice.paid": (("invoice.paid", "invoice"), ("invoice.payment_succeeded", "invoice")),
    "invoice.failed": (("invoice.payment_failed", "invoice"),),
    "invoice.action_required": (("invoice.payment_action_required", "invoice"),),
    "invoice.voided": (("invoice.voided", "invoice"),),
    "invoice.uncollectible": (("invoice.marked_uncollectible", "invoice"),),
    "payment.succeeded": (("charge.succeeded", "charge"), ("payment_intent.succeeded", "payment")),
    "payment.failed": (("charge.failed", "charge"), ("payment_intent.payment_failed", "payment")),
    "payment.processing": (("payment_intent.processing", "payment"), ("charge.pending", "charge")),
    "payment.action_required": (("payment_intent.requires_action", "payment"),),
    "refund.created": (("refund.created", "refund"), ("charge.refunded", "charge")),
    "refund.failed": (("refund.updated", "refund"), ("charge.refund.updated", "refund"), ("refund.failed", "refund")),
    "dispute.opened": (("charge.dispute.created", "dispute"), ("charge.dispute.funds_withdrawn", "dispute")),
    "dispute.closed": (("charge.dispute.closed", "dispute"), ("charge.dispute.funds_reinstated", "dispute")),
}


def told(type, thing, previous, at):
    """The events of one change, as Stripe posts them; none for what Stripe has no object of."""
    if thing["kind"] == "invoice" and thing["reason"] == "once":
        return []
    events = []
    for name, kind in TOLD[type]:
        if name.endswith("funds_reinstated") and thing["status"] != "won":
            continue
        of = get(thing["payment"]) if kind == "charge" and thing["kind"] == "refund" else thing
        data = {"object": RENDER[kind](of) if type != "customer.deleted" else _customer(thing | {"deleted": False})}
        if previous is not None and name.endswith(".updated"):
            before = RENDER[kind](thing | previous)
            data["previous_attributes"] = {k: v for k, v in before.items() if v != data["object"][k]}
        events.append(
            {
                "id": new_id("event"),
                "object": "event",
                "api_version": stripe.api_version,
                "created": at,
                "livemode": False,
                "pending_webhooks": 1,
                "type": name,
                "data": data,
                "request": {"id": None, "idempotency_key": None},
            }
        )
    return events


def type_of(payload):
    """What an event says happened."""
    return payload["type"]


def signed(payload, secret):
    """(body, headers) of an event exactly as Stripe posts it."""
    body = json.dumps(payload, indent=2)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret)
    return body.encode(), {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
