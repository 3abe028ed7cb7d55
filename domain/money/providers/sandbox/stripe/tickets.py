"""Checkouts of what has no price of its own: lines with an amount each, paid once by card, without a customer or an
invoice. Tickets are sold so. What becomes of them is told at a desk of their own, under a secret of its own."""

from domain.money.providers.sandbox.records import Declined, Impossible, acts, clock, get, put, tell
from domain.money.providers.sandbox.stripe.forms import dict_in, many_in, metadata_in, needed, number_in
from domain.money.providers.sandbox.stripe.objects import new_id

DESK = "tickets"
CARDS = ("ok", "declined", "confirm")  # others take longer than tickets are held
SOONEST, LATEST = 30 * 60, 24 * 3600  # seconds until it expires: docs.stripe.com/api/checkout/sessions/create


def _new(kind, **body):
    return {"id": new_id(kind), "kind": kind, "created": clock(), "desk": DESK} | body


def has_lines(params):
    """Whether a checkout is asked for whose lines bring their own amounts."""
    return any(isinstance(one, dict) and "price_data" in one for one in many_in(params.get("line_items")))


@acts
def open_page(params):
    """A page to pay lines on, until `expires_at`. Refuses with Impossible."""
    lines, currencies = [], set()
    for item in many_in(params["line_items"]):
        price = dict_in(item, "price_data")
        currencies.add(needed(price, "currency").lower())
        name = needed(dict_in(price, "product_data"), "name")
        amount, count = number_in(price, "unit_amount"), number_in(item, "quantity", 1, 1)
        if amount is None:
            raise Impossible("Missing required param: unit_amount.", "line_items[0][price_data][unit_amount]")
        lines.append({"name": str(name)[:250], "amount": amount, "quantity": count})
    expires = number_in(params, "expires_at", clock() + LATEST)
    if len(currencies) != 1 or not lines:
        raise Impossible("All lines are in one currency.", "line_items")
    if not SOONEST - 60 <= expires - clock() <= LATEST:
        raise Impossible("The `expires_at` timestamp must be within 30 minutes and 24 hours.", "expires_at")
    return put(
        _new(
            "checkout",
            customer=None,
            email=params.get("customer_email"),
            lines=lines,
            once=True,
            trial_days=0,
            quantity=1,
            amount=sum(one["amount"] * one["quantity"] for one in lines),
            currency=currencies.pop(),
            status="open",
            paid=False,
            waits=False,
            success_url=needed(params, "success_url"),
            cancel_url=params.get("cancel_url"),
            expires=expires,
            reference=params.get("client_reference_id"),
            metadata=metadata_in(params),
            carried=metadata_in(dict_in(params, "payment_intent_data")),
            subscription=None,
            invoice=None,
            payment=None,
        )
    )


@acts
def pay_page(id, card="ok", confirmed=False):
    """Pay an open page with one of CARDS; twice is once. Returns it. Refuses with Declined, and it stays open."""
    held = get(id, "checkout")
    if held["status"] != "open":
        return held
    if held["expires"] <= clock():
        held = put(held | {"status": "expired"})
        tell("checkout.expired", held)
        return held
    if card not in CARDS:
        raise Impossible("Choose how to pay.", "card")
    if card == "declined":
        raise Declined("The card was declined. Choose another one.")
    if card == "confirm" and not confirmed:
        raise Declined("The bank wants this payment confirmed.", "authentication_required")
    payment = put(
        _new(
            "payment",
            invoice=None,
            customer=None,
            email=held["email"],
            amount=held["amount"],
            currency=held["currency"],
            status="succeeded",
            card=card,
            refunded=0,
            disputed=False,
            settles_at=None,
            metadata=held["carried"],
        )
    )
    tell("payment.succeeded", payment)
    held = put(held | {"status": "complete", "paid": True, "payment": payment["id"]})
    tell("checkout.completed", held)
    return held
