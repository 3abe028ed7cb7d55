"""What we ask of Stripe: customers, checkouts, changes, refunds."""

from database.clock import now
from domain.money.providers.provider import CannotDo, Opened, Proration, ProviderFailed, given_along, readable
from domain.money.providers.stripe.reading import came_back, charges_of
from domain.money.providers.stripe.wire import (
    LABEL,
    STRIPES_CENTS,
    called,
    client,
    fetch,
    first,
    id_in,
    id_of,
    intents_in,
    minor,
    moment,
    period_of,
    refused_as,
    sold_item,
)

FRESH = 3600  # seconds a preview is good for


def create_customer(organization, email, key):
    """Make the organization's customer; the same key twice makes one. Returns its id."""
    params = {"email": email, "name": organization.name, "metadata": {"organization": organization.public_id}}
    made = _asked(client().customers.create, params, key)
    with readable(LABEL):
        return made["id"]


def _asked(function, *args):
    """What a write answers; the last of `args` is its idempotency key."""
    return called(function, *args[:-1], {"idempotency_key": args[-1]})


def checkout(customer_id, organization, order, return_url, cancel_url, key):
    """Open a checkout for a subscription, or for what is bought once; Stripe closes it after 24 hours.
    A trial that ends without a card ends the subscription. Returns Opened; refuses with ProviderFailed."""
    ours = given_along(organization, order)
    params: dict = {
        "mode": "payment" if order.once else "subscription",
        "customer": customer_id,
        "line_items": [{"price": order.price_id, "quantity": order.quantity}],
        "success_url": return_url,
        "cancel_url": cancel_url,
        "client_reference_id": organization.public_id,
        "metadata": ours,
        "payment_intent_data" if order.once else "subscription_data": {"metadata": ours},
    }
    if order.trial_days > 0 and not order.once:
        params["subscription_data"] |= {
            "trial_period_days": order.trial_days,
            "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        }
    made = _asked(client().checkout.sessions.create, params, key)
    with readable(LABEL, "the checkout"):
        if not made["url"]:
            raise ValueError("no url")
        return Opened(made["id"], made["url"], moment(made.get("expires_at")))


def expire_checkout(checkout_id, key):
    """Close an open checkout, so that nobody can pay it any more. One that is closed is as good; one that was
    completed refuses with ProviderFailed, since it may have been paid."""
    try:
        _asked(client().checkout.sessions.expire, checkout_id, {}, key)
    except ProviderFailed as failed:
        if not refused_as(failed):
            raise
        session, _ = fetch("checkout.session", checkout_id)
        if session and session.get("status") != "expired":
            raise


def portal(customer_id, return_url, key):
    """The address of Stripe's page where a customer manages cards and invoices; good for minutes."""
    params = {"customer": customer_id, "return_url": return_url}
    made = _asked(client().billing_portal.sessions.create, params, key)
    with readable(LABEL):
        return made["url"]


def preview(subscription_id, price_id, quantity):
    """What a change would cost now. The token is the moment it was reckoned for: given to `change` it charges
    exactly this (docs.stripe.com/billing/subscriptions/prorations). Refuses with ProviderFailed."""
    standing = _standing(subscription_id)
    with readable(LABEL, "the preview"):
        item, at = sold_item(standing), _moment_in(standing)
        ends = period_of(standing, item)[1]
        details = {
            "items": [{"id": item["id"], "price": price_id, "quantity": quantity}],
            "proration_behavior": "always_invoice",
            "proration_date": at,
        }
        asked = {"subscription": subscription_id, "subscription_details": details}
        shown = called(client().invoices.create_preview, asked)
        price = called(client().prices.retrieve, price_id)
        currency, lines = shown["currency"], shown["lines"]["data"]
        ending = standing.get("cancel_at_period_end") or standing.get("cancel_at")
        each = None if ending else price.get("unit_amount")
        last = max((line["period"]["end"] for line in lines), default=ends)
        return Proration(
            due_now=minor(shown["amount_due"] if shown["total"] > 0 else shown["total"], currency),
            currency=currency.upper(),
            lines=tuple((str(line.get("description") or ""), minor(line["amount"], currency)) for line in lines),
            next_amount=None if each is None else minor(each, currency) * quantity,
            next_at=None if ending else moment(last),
            token=str(at),
        )


def change(subscription_id, price_id, quantity, key, token=""):
    """Move a subscription to a price and quantity, charging the difference at once; where that isn't paid the
    change waits (docs.stripe.com/billing/subscriptions/pending-updates) and the plan stays. Refuses with CannotDo
    where the token is over an hour old, since another moment has another price; and with ProviderFailed, also
    where Stripe can't hold a change back: bank debits, invoices sent by mail."""
    standing = _standing(subscription_id)
    with readable(LABEL, "this subscription"):
        item, at = id_of(sold_item(standing)), _moment_in(standing)
    params: dict = {
        "items": [{"id": item, "price": price_id, "quantity": quantity}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    if token:
        if not token.isdecimal() or not at - FRESH <= int(token) <= at:
            raise CannotDo("What this costs has changed since you looked. Please look again.", "PREVIEW_OLD")
        params["proration_date"] = int(token)
    _asked(client().subscriptions.update, subscription_id, params, key)


def _standing(subscription_id):
    return called(client().subscriptions.retrieve, subscription_id)


def _moment_in(standing):
    """Now, in seconds, and never before the period: a test clock may be ahead of ours."""
    return max(int(now().timestamp()), period_of(standing, sold_item(standing))[0] or 0)


def set_cancel_at_period_end(subscription_id, cancel, key):
    """Cancel at the period's end, or take any planned end back; Stripe takes only one of its two fields at once."""
    params: dict = {"cancel_at_period_end": cancel}
    if not cancel:
        standing = _standing(subscription_id)
        if standing.get("cancel_at") and not standing.get("cancel_at_period_end"):
            params = {"cancel_at": ""}
    _asked(client().subscriptions.update, subscription_id, params, key)


def pause(subscription_id, resumes_at, key):
    """Charge nothing until then, or until it is taken back: the invoices between are void."""
    collection: dict = {"behavior": "void"}
    if resumes_at:
        collection["resumes_at"] = int(resumes_at.timestamp())
    _asked(client().subscriptions.update, subscription_id, {"pause_collection": collection}, key)


def unpause(subscription_id, key):
    """Charge again, from the next invoice on."""
    _asked(client().subscriptions.update, subscription_id, {"pause_collection": ""}, key)


def end(subscription_id, key):
    """End the subscription now. One that is over, or that Stripe doesn't know, is as good."""
    try:
        _asked(client().subscriptions.cancel, subscription_id, {}, key)
    except ProviderFailed as failed:
        if refused_as(failed) != "gone":
            raise


def refund(payment_id, amount, key):
    """Give back a payment, or `amount` of it (minor units). One that is given back wholly is as good; an invoice
    that several payments paid is given back as all of them, or in part from one that covers the part.
    Refuses with CannotDo where nothing was charged, and with ProviderFailed."""
    with readable(LABEL, "this payment"):
        ways, currency = _charged(payment_id)
        part = amount * 100 if amount is not None and currency in STRIPES_CENTS else amount
        if len(ways) > 1 and part is not None:
            ways = [way for way in ways if came_back(way) + part <= way["amount"]][:1]
            if not ways:
                raise CannotDo("Several payments paid this, and none of them covers the part: choose a smaller one.")
    for way in ways:
        one = {"charge": way["id"]} if "id" in way else way
        try:
            _asked(
                client().refunds.create,
                one | ({} if part is None else {"amount": part}),
                f"{key}-{way['id']}" if "id" in way else key,
            )
        except ProviderFailed as failed:
            if refused_as(failed) != "charge_already_refunded" or amount is not None:
                raise


def _charged(payment_id):
    """([{payment_intent: id} or {charge: id}], the currency) of a payment; where several paid it, their charges."""
    if payment_id.startswith("pi_"):
        return [{"payment_intent": payment_id}], called(client().payment_intents.retrieve, payment_id)["currency"]
    bill = fetch("invoice", payment_id)[0] if payment_id.startswith("in_") else None
    if bill:
        if several := list(charges_of(bill)):
            return several, bill["currency"]
        way = {"payment_intent": next(iter(intents_in(bill, "paid")), None), "charge": bill.get("charge")}
        if not any(way.values()):
            asked = {"invoice": payment_id, "status": "paid"}
            way = (first(client().invoice_payments.list, asked) or {}).get("payment") or {}
        for name in ("payment_intent", "charge"):
            if way.get(name):
                return [{name: id_in(way[name])}], bill["currency"]
    raise CannotDo("Nothing was charged for it, so there is nothing to refund.")
