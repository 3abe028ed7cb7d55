"""Stripe: https://docs.stripe.com/webhooks, https://docs.stripe.com/api/subscriptions/object

Fields that moved in the 2025 «basil» versions are read in both places: the period's end on the
subscription or on its items, an invoice's subscription at the top or under `parent`.
"""

import functools
import json
from datetime import UTC, datetime

import stripe

from domain import configuration
from domain.providers import BadSignature, CustomerFact, Event, InvoiceFact, ProviderFailed, SubscriptionFact

CHANNEL = "billing_stripe"
NAME = "stripe"
TOLERANCE = 300  # seconds


@functools.cache
def _client(key, sandboxed):
    if sandboxed:
        from domain.providers import sandbox

        return stripe.StripeClient("sk_test_sandbox", http_client=sandbox.HTTPClient())
    return stripe.StripeClient(key, max_network_retries=2)


def client():
    chosen = configuration.active
    return _client(chosen.payment_key, chosen.billing_provider == "sandbox").v1


def secrets():
    """The webhook secrets, several while one is being replaced."""
    if configuration.active.billing_provider == "sandbox":
        from domain.providers import sandbox

        return (sandbox.secret(),)
    return configuration.active.payment_webhook_secrets


def prices():
    """Plan key → price id."""
    if configuration.active.billing_provider == "sandbox":
        from domain.providers import sandbox

        return sandbox.PRICES
    return configuration.active.payment_prices


def plan_of(price_id):
    return next((plan for plan, price in prices().items() if price == price_id), None)


def _called(function, *args, **kwargs):
    try:
        return function(*args, **kwargs).to_dict()
    except stripe.StripeError as error:
        raise ProviderFailed(f"Stripe: {error.user_message or type(error).__name__}") from error


# --- what we ask of it ---------------------------------------------------------------------------


def create_customer(organization, email):
    """Make the organization's customer; the same call twice makes one."""
    params = {"email": email, "name": organization.name, "metadata": {"organization": organization.public_id}}
    made = _called(client().customers.create, params, {"idempotency_key": f"customer-{organization.public_id}"})
    return made["id"]


def checkout(customer_id, organization, plan_key, return_url, cancel_url, key):
    """Open a checkout for one subscription; returns the address to send the browser to."""
    ours = {"organization": organization.public_id, "plan": plan_key}
    params = {
        "mode": "subscription",
        "customer": customer_id,
        "line_items": [{"price": prices()[plan_key], "quantity": 1}],
        "success_url": return_url,
        "cancel_url": cancel_url,
        "client_reference_id": organization.public_id,
        "metadata": ours,
        "subscription_data": {"metadata": ours},
    }
    return _called(client().checkout.sessions.create, params, {"idempotency_key": key})["url"]


def set_cancel_at_period_end(subscription_id, cancel):
    """Cancel at the period's end, or take that back."""
    _called(client().subscriptions.update, subscription_id, {"cancel_at_period_end": cancel})


def end(subscription_id):
    """End the subscription now. One that is over, or that Stripe doesn't know, is as good."""
    try:
        _called(client().subscriptions.cancel, subscription_id)
    except ProviderFailed as failed:
        gone = isinstance(failed.__cause__, stripe.InvalidRequestError) and failed.__cause__.http_status == 404
        if not gone:
            raise


# --- what it sells ------------------------------------------------------------------------------

PAGE = 100  # Stripe's most
# ISO 4217 has no cents for these, but Stripe still wants and gives two: https://docs.stripe.com/currencies
STRIPES_CENTS = ("isk", "ugx")


def products():
    """All active products, a page at a time: (id, name, description, images, active, metadata) as dicts."""
    return _pages("products", _product)


def all_prices():
    """All active prices, a page at a time, as dicts; amounts in the currency's minor units."""
    return _pages("prices", _price)


def _pages(collection, read):
    params = {"active": True, "limit": PAGE}
    while True:
        page = _called(getattr(client(), collection).list, params)
        try:
            found = [read(thing) for thing in page["data"]]
            more = bool(page["has_more"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ProviderFailed(f"Stripe: the list of {collection} can't be read") from error
        yield found
        if not more or not found:
            return
        params = params | {"starting_after": found[-1]["id"]}


def _product(thing):
    return {
        "id": str(thing["id"]),
        "name": str(thing["name"]),
        "description": thing.get("description"),
        "images": [str(image) for image in thing.get("images") or ()],
        "active": bool(thing["active"]),
        "metadata": {str(k): str(v) for k, v in (thing.get("metadata") or {}).items()},
    }


def _price(thing):
    recurring, product = thing.get("recurring") or {}, thing["product"]
    amount, currency = thing.get("unit_amount"), str(thing["currency"]).lower()
    if amount is not None:
        amount = int(amount) // 100 if currency in STRIPES_CENTS else int(amount)
    return {
        "id": str(thing["id"]),
        "product": str(product["id"] if isinstance(product, dict) else product),
        "amount": amount,  # None where it depends on the quantity
        "currency": currency.upper(),
        "type": "recurring" if recurring else "one_time",
        "interval": recurring.get("interval", ""),
        "interval_count": int(recurring.get("interval_count") or 1),
        "active": bool(thing["active"]),
        "lookup_key": thing.get("lookup_key"),
        "nickname": thing.get("nickname"),
        "metadata": {str(k): str(v) for k, v in (thing.get("metadata") or {}).items()},
    }


# --- what it tells us -------------------------------------------------------------------------------


def verify(body, headers):
    """The Event in a webhook's raw body. Refuses with BadSignature."""
    for secret in secrets():
        try:
            stripe.WebhookSignature.verify_header(body, headers.get("Stripe-Signature"), secret, tolerance=TOLERANCE)
            break
        except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):  # TypeError: not ascii
            continue
    else:
        raise BadSignature("The signature doesn't fit.")
    try:
        event = json.loads(body)
        thing = event["data"]["object"]
        subject = _subscription_of_invoice(thing) or thing.get("subscription") or thing.get("id") or ""
        names = (event["id"], event["type"], subject)
        if not all(isinstance(name, str) and name.isprintable() for name in names) or not event["id"]:
            raise ValueError(names)
        return Event(event["id"][:160], event["type"][:120], subject[:160], _moment(event["created"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error


def facts(body):
    """What a stored event means, asking Stripe how things stand now. Empty for what doesn't concern us.

    Refuses with ProviderFailed. An event is a reason to look, not the truth (docs.stripe.com/webhooks
    doesn't promise an order): the subscription is fetched anew.
    """
    event = json.loads(body)
    thing, kind = event["data"]["object"], event["type"]
    at, id = _moment(event["created"]), event["id"]
    if bool(event.get("livemode")) != _live():
        return []
    if kind.startswith("customer.subscription."):
        return [_subscription(_now(thing, "subscriptions"), at, id)]
    if kind == "checkout.session.completed" and thing.get("customer"):
        email = (thing.get("customer_details") or {}).get("email") or thing.get("customer_email") or ""
        found = [_customer(thing["customer"], thing.get("metadata"), email, at, id)]
        if thing.get("subscription"):
            found.append(_subscription(_fetch("subscriptions", thing["subscription"]), at, id))
        return [fact for fact in found if fact]
    if kind in ("customer.created", "customer.updated"):
        return [_customer(thing["id"], thing.get("metadata"), thing.get("email") or "", at, id)]
    if kind in ("invoice.paid", "invoice.payment_succeeded", "invoice.payment_failed"):
        subscription = _subscription_of_invoice(thing)
        if not subscription:
            return []
        fetched = _fetch("subscriptions", subscription)
        invoice = InvoiceFact(
            NAME,
            thing["id"],
            thing["customer"],
            subscription,
            paid=kind != "invoice.payment_failed",
            renews=thing.get("billing_reason") in ("subscription_create", "subscription_cycle"),
            happened_at=at,
            event_id=id,
            fresh=fetched is not None,
        )
        return [fact for fact in (_subscription(fetched, at, id), invoice) if fact]
    return []


def _live():
    return configuration.active.payment_key.startswith(("sk_live_", "rk_live_"))


def _fetch(collection, id):
    """The object as Stripe has it now, or None where we can't ask (no key)."""
    chosen = configuration.active
    if not (chosen.payment_key or chosen.billing_provider == "sandbox"):
        return None
    return _called(getattr(client(), collection).retrieve, id) | {"fresh": True}


def _now(thing, collection):
    try:
        return _fetch(collection, thing["id"]) or thing
    except ProviderFailed as failed:
        gone = isinstance(failed.__cause__, stripe.InvalidRequestError) and failed.__cause__.http_status == 404
        if gone:  # deleted with its customer: the event is the last word
            return thing
        raise


def _subscription(thing, at, event_id):
    if thing is None:
        return None
    items = (thing.get("items") or {}).get("data") or [{}]
    ends = thing.get("current_period_end") or items[0].get("current_period_end")
    return SubscriptionFact(
        provider=NAME,
        id=thing["id"],
        customer_id=thing["customer"],
        organization=(thing.get("metadata") or {}).get("organization"),
        price_id=(items[0].get("price") or items[0].get("plan") or {}).get("id", ""),
        status=thing["status"],
        period_end_at=_moment(ends) if ends else None,
        cancel_at_period_end=bool(thing.get("cancel_at_period_end") or thing.get("cancel_at")),
        happened_at=at,
        event_id=event_id,
        fresh=bool(thing.get("fresh")),
    )


def _customer(customer_id, metadata, email, at, event_id):
    return CustomerFact(NAME, customer_id, (metadata or {}).get("organization"), email, at, event_id)


def _subscription_of_invoice(thing):
    if thing.get("object") != "invoice":
        return None
    parent = (thing.get("parent") or {}).get("subscription_details") or {}
    return thing.get("subscription") or parent.get("subscription")


def _moment(seconds):
    return datetime.fromtimestamp(int(seconds), UTC)
