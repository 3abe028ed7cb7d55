"""How things stand at Lemon Squeezy, and what it sells."""

import html
import re
from collections import Counter
from datetime import timedelta
from typing import Any

from database.clock import now
from domain.money import providers
from domain.money.providers import http, provider
from domain.money.providers.http import moment
from domain.money.providers.lemon_squeezy import reading
from domain.money.providers.lemon_squeezy.reading import ASKED
from domain.money.providers.lemon_squeezy.wire import (
    documents,
    get,
    in_store,
    is_here,
    listed,
    payment_path,
    present,
    reads,
    thing_in,
)
from domain.money.providers.provider import Fact

SEARCHED = timedelta(days=2)  # how far back checkouts are looked through
REFUNDABLE = timedelta(days=60)  # how long before `since` a payment may be that was refunded after it


def refetch(subscription_id):
    """How a subscription and its newest payments stand now; nothing for one that is gone."""
    thing, asked_at = present("subscriptions", subscription_id)
    return reading.whole(thing, ASKED, asked_at) if thing else []


def buyer(customer_id):
    """Nothing: customers are archived there and never deleted (docs.lemonsqueezy.com/api/customers)."""
    return []


def list_active():
    """Every subscription of the store that isn't over, one at a time."""
    for thing, asked_at in listed("subscriptions"):
        if thing["attributes"].get("status") != "expired":
            yield reading.subscription(thing, ASKED, asked_at)


def list_since(since):
    """What was paid, failed or was refunded since then, one payment at a time, the newest first.
    Lists are in the order of making, and a refund changes what was made earlier: so they are read some way
    beyond `since`. A refund of something older still is found by its webhook only."""
    known: dict[str, Any] = {}
    for bill, asked_at in _made_since("subscription-invoices", since):
        id = str(bill["attributes"].get("subscription_id"))
        if id not in known:
            known[id] = present("subscriptions", id)
        sold, then = known[id]
        found = reading.subscription(sold, ASKED, then) if sold else []
        if found := found + reading.payment(bill, sold, ASKED, asked_at):
            yield found
    for thing, asked_at in _made_since("orders", since):
        # Of a subscription's order its invoices tell, but for a fraud.
        tells = thing["attributes"].get("status") == reading.FRAUD or reading.is_once(reading.variant_of(thing))
        if tells and (found := reading.order(thing, ASKED, asked_at)):
            yield found


def _made_since(kind, since):
    for thing, asked_at in listed(kind):
        with reads():
            made_at, changed_at = (moment(thing["attributes"].get(name)) for name in ("created_at", "updated_at"))
        if made_at is None or made_at < since - REFUNDABLE:
            return
        if (changed_at or made_at) >= since:
            yield thing, asked_at


def payment(payment_id):
    """How one payment stands, with its subscription; nothing for one that is gone, or isn't theirs."""
    kind, id = payment_path(payment_id)
    thing, asked_at = present(kind, id)
    if thing is None:
        return []
    if kind == "orders":
        return reading.order(thing, ASKED, asked_at)
    sold, then = present("subscriptions", thing["attributes"]["subscription_id"])
    found = reading.subscription(sold, ASKED, then) if sold else []
    return found + reading.payment(thing, sold, ASKED, asked_at)


def missed(since):
    """Nothing: it doesn't tell what it couldn't deliver. A person can send an event again from its pages."""
    return iter(())


@reads()
def confirm(checkout_id):
    """What was bought at our checkout, as far as that can be told; nothing where it can't.
    A checkout has no state there, and an order doesn't say which checkout it came from. So it is an order of the
    checkout's address and variant, made after it; and where a checkout of another organization would fit as
    well, the webhook has to tell, which carries the organization."""
    made = []
    for thing, _ in listed("checkouts"):
        if moment(thing["attributes"]["created_at"]) < now() - SEARCHED:
            break
        made.append(thing["attributes"])
    ours = next((one for one in made if _custom(one).get("checkout") == checkout_id), None)
    if ours is None or not _email(ours):
        return []
    why = reading.why_of(_custom(ours), checkout=checkout_id)
    found: list[Fact] = []
    for order, asked_at in listed("orders", **{"filter[user_email]": _email(ours)}):
        attributes = order["attributes"]
        if moment(attributes["created_at"]) < moment(ours["created_at"]):
            break
        bought = reading.variant_of(order), str(attributes.get("user_email")).lower()
        if bought == (str(ours["variant_id"]), _email(ours)) and not any(_rivals(o, ours, attributes) for o in made):
            found += reading.order(order, why, asked_at)
    return found


def _custom(checkout):
    custom = (checkout.get("checkout_data") or {}).get("custom")
    return custom if isinstance(custom, dict) else {}


def _email(checkout):
    return str((checkout.get("checkout_data") or {}).get("email") or "").lower()


def _rivals(other, ours, order):
    """Whether an order may as well have come from another organization's checkout."""
    return (
        _custom(other).get("organization") != _custom(ours).get("organization")
        and str(other["variant_id"]) == str(ours["variant_id"])
        and _email(other) == _email(ours)
        and moment(other["created_at"]) <= moment(order["created_at"])
    )


# --- what it sells ----------------------------------------------------------------------------------------


def products():
    """All published products, a page at a time, as provider.product tells them.
    https://docs.lemonsqueezy.com/api/products/the-product-object; it has no metadata."""
    for document, _ in documents("products", **in_store()):
        things = [thing for thing in document["data"] if is_here(thing_in({"data": thing}))]
        with reads():
            found = [_product(thing) for thing in things if thing["attributes"].get("status") == "published"]
        yield found


def _product(thing):
    attributes = thing["attributes"]
    plain = html.unescape(re.sub(r"<[^>]*>", " ", attributes.get("description") or ""))
    image = attributes.get("large_thumb_url")
    named = {"id": thing["id"], "name": attributes["name"]}
    return provider.product(named, " ".join(plain.split()) or None, [image] if image else [])


def all_prices():
    """All variants on sale with their present price, as provider.price tells them.
    A price has no currency and a variant no store: they are the store's and the product's
    (docs.lemonsqueezy.com/api/stores, /api/variants/the-variant-object, /api/prices/the-price-object). The only
    variant of a product is `pending` and on sale all the same; beside others, `pending` isn't shown."""
    ours = {str(thing["id"]) for thing, _ in listed("products")}
    currency = get("stores", providers.account().store)["attributes"].get("currency") or ""
    found, models = [], {}
    for document, _ in documents("variants", include="price-model"):
        found += [one for one in document["data"] if _product_of(thing_in({"data": one})) in ours]
        for one in document.get("included") or ():
            if one.get("type") == "prices":
                models[str(one["attributes"].get("variant_id"))] = one["attributes"]
    sisters = Counter(map(_product_of, found))
    on_sale = []
    for one in filter(is_here, found):
        status = one["attributes"].get("status")
        if status == "published" or (status == "pending" and sisters[_product_of(one)] == 1):
            on_sale.append(_price(one, models.get(str(one["id"])), currency))
    for at in range(0, len(on_sale), http.PAGE):
        yield on_sale[at : at + http.PAGE]


def _product_of(variant):
    return str(variant["attributes"].get("product_id"))


@reads()
def _price(variant, model, currency):
    attributes = variant["attributes"]
    if model is None:  # what a variant says of itself is deprecated, but complete
        recurring, amount = bool(attributes.get("is_subscription")), attributes.get("price")
        every = attributes.get("interval") or "", attributes.get("interval_count")
        fixed = not attributes.get("pay_what_you_want")
    else:
        recurring, amount = model["category"] == "subscription", model.get("unit_price")
        every = model.get("renewal_interval_unit") or "", model.get("renewal_interval_quantity")
        fixed = model.get("scheme") == "standard" and model["category"] != "pwyw" and not model.get("usage_aggregation")
    amount = int(amount) if fixed and amount is not None else None
    sold = (variant["id"], _product_of(variant), amount, currency, *(every if recurring else ()))
    kind = "recurring" if recurring else "one_time"
    return provider.price(*sold, nickname=attributes.get("name"), type=kind)
