"""How things stand at Stripe, and what it sells."""

import json
from datetime import timedelta

from database.clock import now
from domain.money.providers import provider
from domain.money.providers.provider import Missed, Occasion, readable
from domain.money.providers.stripe import reading
from domain.money.providers.stripe.wire import (
    KINDS,
    LABEL,
    NAME,
    client,
    event_of,
    expanded,
    fetch,
    first,
    id_in,
    minor,
    pages,
)

UNDER_WAY = timedelta(minutes=10)  # an event that is younger may yet come


def _read(function, params, read):
    """A list's facts, a page at a time: `read` makes them of a thing, when it was asked for, and why."""
    why = Occasion(NAME, now())
    for page, asked_at in pages(function, params):
        with readable(LABEL, "the list"):
            found = [fact for thing in page for fact in read(thing, asked_at, why)]
        yield found


def refetch(subscription_id):
    """How a subscription stands now; empty where Stripe doesn't know it. Refuses with ProviderFailed."""
    why = Occasion(NAME, now())
    with readable(LABEL, "this subscription"):
        found, asked_at = fetch("subscription", subscription_id)
        return reading.subscription(found, asked_at, why) if found else []


def list_active():
    """All subscriptions that aren't over, a page at a time. Refuses with ProviderFailed."""

    def standing(thing, asked_at, why):
        return reading.subscription(thing, asked_at, why) if thing["status"] not in reading.OVER else []

    return _read(client().subscriptions.list, {"status": "all"} | expanded("subscription"), standing)


def list_since(since):
    """What was paid, failed, refunded and disputed since then, a page at a time. Refuses with ProviderFailed."""
    api, seen = client(), set()

    def invoice(thing, asked_at, why):
        if thing["status"] == "open":  # whether the bank wants a confirmation stands further inside
            thing, asked_at = fetch("invoice", thing["id"])
        return reading.invoice(thing, asked_at, why) if thing else []

    def purchase(thing, asked_at, why):
        once = thing["mode"] == "payment" and thing["status"] == "complete" and not reading.is_of_tickets(thing)
        return reading.checkout(thing, asked_at, why) if once else []

    def refund(thing, _asked_at, why):
        charge = id_in(thing.get("charge"))
        if charge in seen or reading.is_of_tickets(thing):
            return []
        seen.add(charge)
        return reading.about_refund(thing, why)

    created = {"created": {"gte": int(since.timestamp())}}
    yield from _read(api.invoices.list, created, invoice)
    yield from _read(api.checkout.sessions.list, created | expanded("checkout.session"), purchase)
    yield from _read(api.refunds.list, created, refund)
    yield from _read(api.disputes.list, created, reading.dispute)


def payment(payment_id):
    """How one payment stands, with its subscription, what came back of it and its disputes; nothing for one that is
    gone. Refuses with ProviderFailed."""
    if payment_id.startswith("cs_"):  # nothing was due
        return confirm(payment_id)
    why, api = Occasion(NAME, now()), client()
    found, intents = reading.known_of(payment_id, why)
    for intent in intents:
        about = {"payment_intent": intent}
        if refund := first(api.refunds.list, about):
            found += reading.about_refund(refund, why)
        for page in _read(api.disputes.list, about, reading.dispute):
            found += page
    return found


def buyer(customer_id):
    """How a customer stands, also that it was deleted; nothing for one that Stripe doesn't know."""
    found, asked_at = fetch("customer", customer_id)
    return reading.customer(found, asked_at, Occasion(NAME, asked_at)) if found else []


def missed(since):
    """The events Stripe couldn't deliver since then, but for those of tickets, the oldest first; it keeps them for
    30 days (docs.stripe.com/webhooks/process-undelivered-events), and lists among them what it has yet to deliver
    (docs.stripe.com/api/events/list). That isn't missed as long as it is young: a hot sale has thousands.
    Refuses with ProviderFailed."""
    span = {"gte": int(since.timestamp()), "lte": int((now() - UNDER_WAY).timestamp())}
    params = {"delivery_success": False, "created": span}
    events = [event for page, _ in pages(client().events.list, params) for event in page]
    for event in reversed(events):
        with readable(LABEL, "an event"):
            body = json.dumps(event, default=str).encode()  # the library makes Decimals of Stripe's decimal strings
            is_read = event["type"] in KINDS and not reading.is_of_tickets(event["data"]["object"])
            found = Missed(event_of(event), body) if is_read else None
        if found:
            yield found


def confirm(checkout_id):
    """What a checkout came to, for the page people come back to: it may know before the webhook does.
    Empty while it is open, or unknown there. Refuses with ProviderFailed."""
    why = Occasion(NAME, now())
    with readable(LABEL, "this checkout"):
        session, asked_at = fetch("checkout.session", checkout_id)
        return reading.checkout(session, asked_at, why) if session and session["status"] != "open" else []


# --- what it sells ----------------------------------------------------------------------------------------


def products():
    """All active products, a page at a time, as provider.product tells them."""
    return _on_sale(client().products, _product)


def all_prices():
    """All active prices, a page at a time, as provider.price tells them."""
    return _on_sale(client().prices, _price)


def _on_sale(collection, read):
    for page, _ in pages(collection.list, {"active": True}):
        with readable(LABEL, "the list"):
            found = [read(thing) for thing in page]
        yield found


def _product(thing):
    return provider.product(thing, thing.get("description"), thing.get("images") or (), bool(thing["active"]))


def _price(thing):
    every, amount, currency = thing.get("recurring") or {}, thing.get("unit_amount"), str(thing["currency"])
    amount = None if amount is None else minor(amount, currency)
    more = {"active": bool(thing["active"]), "metadata": provider.texts(thing)}
    more |= {name: thing.get(name) for name in ("lookup_key", "nickname")}
    sold = (thing["id"], id_in(thing["product"]), amount, currency)
    return provider.price(*sold, every.get("interval", ""), every.get("interval_count"), **more)
