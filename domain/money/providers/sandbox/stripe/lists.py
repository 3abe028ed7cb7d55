"""Lists of Stripe's API, single objects, and what is put into them."""

from itertools import islice

from domain import NotFound
from domain.money.providers.sandbox import selling
from domain.money.providers.sandbox.records import Impossible, find, get, newest
from domain.money.providers.sandbox.stripe.forms import dict_in, flag_in, many_in, number_in
from domain.money.providers.sandbox.stripe.objects import (
    RENDER,
    SHOWN,
    intent_of,
    lines_bought,
    render_charge,
    render_invoice_payment,
    render_price,
    render_product,
)

ENDLESS = {"events": "event", "checkout/sessions": "checkout"}  # of so many a page must not read them all


def listed(things, params):
    """One page of a list, the newest first, as Stripe pages."""
    limit = min(number_in(params, "limit", 10, 1), 100)
    is_timely = _timely(params.get("created"))
    if things in ENDLESS and not params.get("ending_before"):
        behind = newest(ENDLESS[things], params.get("starting_after") or None, params.get("customer"))
        asked = filter(is_timely, _matching(things, params, behind))
        return _page(things, list(islice(asked, limit + 1)), limit)
    found = list(filter(is_timely, _matching(things, params)))
    ids = [_id_of(things, thing) for thing in found]
    for name, part in (("starting_after", lambda at: slice(at + 1, None)), ("ending_before", lambda at: slice(0, at))):
        if last := params.get(name):
            if last not in ids:
                raise NotFound(f"No such object: '{str(last)[:60]}'")
            found = found[part(ids.index(last))]
    return _page(things, found, limit, is_last=bool(params.get("ending_before")))


def _page(things, found, limit, is_last=False):
    page = found[-limit:] if is_last else found[:limit]
    shown = [SHOWN[things](thing) for thing in page]
    return {"object": "list", "url": f"/v1/{things}", "has_more": len(found) > limit, "data": shown}


def _timely(created):
    """Whether a thing was made when a list asks for."""
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created} if created else {}
    tests = {name: number_in(bounds, name) for name in bounds}
    meets = {"gte": int.__ge__, "gt": int.__gt__, "lte": int.__le__, "lt": int.__lt__}
    if set(tests) - set(meets):
        raise Impossible("Invalid range.", "created")
    return lambda thing: all(meets[name](thing["created"], bound) for name, bound in tests.items())


def _id_of(things, thing):
    prefix = {"charges": "ch_", "invoice_payments": "inpay_"}.get(things)
    return prefix + thing["id"][3:] if prefix else thing["id"]


def _matching(things, params, among=None):
    def same(**names):
        return {mine: params[theirs] for mine, theirs in names.items() if params.get(theirs)}

    match things:
        case "products" | "prices":
            found = selling.products() if things == "products" else selling.prices()
            if "active" in params:
                found = [thing for thing in found if thing["active"] == flag_in(params, "active")]
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
            pays = dict_in(params, "payment").get("payment_intent")
            found = find("payment", params.get("invoice"), **({"id": pays} if pays else {}))
            return [
                one
                for one in found
                if one["invoice"]
                and get(one["invoice"])["reason"] != "once"
                and params.get("status") in (None, render_invoice_payment(one)["status"])
            ]
        case "payment_intents" | "charges":
            return find("payment", **same(customer="customer", id="payment_intent"))
        case "refunds" | "disputes":
            pays = params.get("payment_intent") or (params.get("charge") and "pi_" + params["charge"][3:])
            return find(things[:-1], pays)
        case "checkout/sessions":
            found = find("checkout", params.get("customer")) if among is None else among
            return _checkouts(found, params, same(subscription="subscription", status="status"))
    return _events(find("event") if among is None else among, params)


def _checkouts(checkouts, params, having):
    """Those of the checkouts that a list asks for."""
    pays = params.get("payment_intent")
    for one in checkouts:
        if having.items() <= one.items() and (not pays or intent_of(one) == pays):
            yield one


def _events(events, params):
    """Those of the events that a list asks for."""
    kinds = many_in(params.get("types")) or many_in(params.get("type"))
    is_delivered = flag_in(params, "delivery_success") if "delivery_success" in params else None
    for event in events:
        if (not kinds or event["type"] in kinds) and is_delivered in (None, event["delivered"]):
            yield event


def shown(id):
    """Any object by its id. Refuses with NotFound."""
    prefix = id.partition("_")[0]
    if prefix == "prod":
        return render_product(next((one for one in selling.products() if one["id"] == id), None) or get(id, "product"))
    if prefix == "price":
        return render_price(selling.price(id))
    if prefix == "ch":
        return render_charge(get("pi_" + id[3:], "payment"))
    kinds = {"cus": "customer", "cs": "checkout", "sub": "subscription", "in": "invoice", "pi": "payment"}
    kinds |= {"re": "refund", "du": "dispute", "evt": "event"}
    if prefix not in kinds:
        raise NotFound(f"No such object: '{id[:60]}'")
    return RENDER[kinds[prefix]](get(id, kinds[prefix]))


def expand(thing, path):
    """Put whole objects in the place of ids along a path of `expand`."""
    key, _, rest = path.partition(".")
    if isinstance(thing, list):
        for each in thing:
            expand(each, path)
        return
    if thing.get("object") == "invoice" and key == "payments":
        thing[key] = _all("invoice_payments", invoice=thing["id"])
    if thing.get("object") == "charge" and key == "refunds":
        thing[key] = listed("refunds", {"charge": thing["id"]})  # ten of them, as in all lists within things
    if thing.get("object") == "checkout.session" and key == "line_items":
        thing[key] = lines_bought(get(thing["id"]))
    if key not in thing:
        raise Impossible(f"This property cannot be expanded ({path[:60]}).", "expand")
    if isinstance(thing[key], str):
        thing[key] = shown(thing[key])
    if rest and thing[key] is not None:
        expand(thing[key], rest)


def _all(things, **params):
    return listed(things, params | {"limit": "100"})
