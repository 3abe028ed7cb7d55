"""The sandbox provider itself: checkouts, and what time does. It knows no dialect.

Amounts are minor units, moments are seconds since 1970. How objects look: the package's docstring.
"""

from datetime import datetime

from domain.money.providers.sandbox.invoicing import collect, draft, end, issue, line, settle_payment, void_what_waits
from domain.money.providers.sandbox.records import (
    DAY,
    OVER,
    Declined,
    Impossible,
    acts,
    clock,
    find,
    get,
    new,
    put,
    set_clock,
    take_due,
    tell,
)
from domain.money.providers.sandbox.selling import CARDS, create_customer, customer, price
from domain.money.providers.sandbox.subscribing import cycle, end_trial, pause, resume, subscribe

CHECKOUT_LASTS = DAY
GRACE = 60  # seconds: time also passes between looking at the clock and moving it


@acts
def delete_customer(id):
    """Delete a customer; its subscriptions end now."""
    customer(id)
    for subscription in find("subscription", id):
        if subscription["status"] not in OVER:
            end(subscription["id"])
    held = put(get(id) | {"deleted": True})
    tell("customer.deleted", held)
    return held


@acts
def open_checkout(customer_id, price_id, *, once, success_url, cancel_url, quantity=1, trial_days=0, **more):
    """A page where the customer buys a price, once or as a subscription; it is open for 24 hours."""
    bought = price(price_id)
    if once == bool(bought["interval"]):
        raise Impossible("The price doesn't fit what the checkout is for.", "mode")
    if customer_id:
        customer(customer_id)
    usual = {"email": None, "reference": None, "carried": {}, "needs_card": True, "without_card": "create_invoice"}
    return put(
        new(
            "checkout",
            customer=customer_id,
            price=price_id,
            quantity=quantity,
            once=once,
            trial_days=trial_days,
            amount=0 if trial_days else bought["amount"] * quantity,
            currency=bought["currency"],
            status="open",
            paid=False,
            waits=False,
            success_url=success_url,
            cancel_url=cancel_url,
            expires=clock() + CHECKOUT_LASTS,
            subscription=None,
            invoice=None,
            **usual | more,
        )
    )


@acts
def expire_checkout(id):
    """Close a checkout that nobody paid. Refuses with Impossible."""
    held = get(id, "checkout")
    if held["status"] != "open":
        raise Impossible("This checkout isn't open any more.")
    held = put(held | {"status": "expired"})
    tell("checkout.expired", held)
    return held


@acts
def pay(checkout_id, card="ok", confirmed=False):
    """Pay an open checkout with one of CARDS, or begin its trial without (None). Twice is once. Returns it.
    Refuses with Declined, and it stays open; one that is too old expires instead."""
    held = get(checkout_id, "checkout")
    if held["status"] != "open":
        return held
    if held["expires"] <= clock():
        return expire_checkout(checkout_id)
    if card not in CARDS and (card or held["needs_card"] or held["amount"]):
        raise Impossible("Choose how to pay.", "card")
    if card == "declined":
        raise Declined("The card was declined. Choose another one.")
    if card == "confirm" and not confirmed:
        raise Declined("The bank wants this payment confirmed.", "authentication_required")
    if not held["customer"]:
        held["customer"] = create_customer(email=held["email"])["id"]
    buyer = put(customer(held["customer"]) | {"card": card})
    put(held | {"status": "complete", "paid": not held["amount"]})
    if held["once"]:
        lines = [line(price(held["price"]), held["quantity"], clock(), clock())]
        about = {"checkout": checkout_id, "metadata": held["carried"]}
        invoice = issue(draft(buyer, lines, "once", held["currency"], **about))
        made = {"invoice": invoice["id"]}
        put(get(checkout_id) | made)
        collect(invoice, card, confirmed)
    else:
        subscription = subscribe(
            buyer["id"],
            held["price"],
            held["quantity"],
            trial_days=held["trial_days"],
            metadata=held["carried"],
            confirmed=confirmed,
            without_card=held["without_card"],
            checkout=checkout_id,
        )
        made = {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    held = get(checkout_id)
    held = put(held | made | {"waits": not held["paid"]})
    tell("checkout.completed", held)
    return held


@acts
def open_portal(customer_id, return_url):
    """A page where the customer changes the card, pays what is open, cancels and takes that back."""
    return put(new("portal", customer=customer(customer_id)["id"], return_url=return_url))


def _fall_due(thing, at):
    """Do the one thing that is due, and see to it that `put` says what is due next."""
    if thing["kind"] == "checkout":
        expire_checkout(thing["id"])
    elif thing["kind"] == "invoice":
        collect(thing, get(thing["customer"])["card"])
    elif thing["kind"] == "payment":
        settle_payment(thing)
    elif thing["status"] == "incomplete":
        end(thing["id"], None, "incomplete_expired")
    elif thing["cancel_at"] and thing["cancel_at"] <= at:
        end(thing["id"])
    elif thing["pause"] and thing["pause"]["resumes_at"] and thing["pause"]["resumes_at"] <= at:
        resume(thing["id"]) if thing["status"] == "paused" else pause(thing["id"], None)
    elif thing["pending"] and thing["pending"]["expires"] <= at:
        void_what_waits(thing)
        tell("subscription.pending_expired", put(thing | {"pending": None}))
    elif thing["status"] == "trialing" and thing["trial_end"] > at:
        tell("subscription.trial_ending", put(thing | {"warned": True}))
    elif thing["status"] == "trialing":
        end_trial(thing)
    else:
        cycle(thing)


@acts
def _step(target):
    """Go to the next moment at which something is due, and do it; False when that lies beyond the target."""
    due = take_due(target)
    at = max(clock(), due[1] if due else target)
    set_clock(at)
    if due:
        _fall_due(due[0], at)
    return bool(due)


def advance(to=None, days=0):
    """Move the sandbox's clock, to a moment (aware, or in seconds) or by days, doing in order all that falls due.
    Each thing that falls due is a transaction of its own. Refuses with Impossible to go back, or too far."""
    at = clock()
    target = int(to.timestamp()) if isinstance(to, datetime) else at + int(days * DAY) if to is None else to
    if not -GRACE <= target - at <= 3700 * DAY:
        raise Impossible("The clock only goes forward, ten years at most.", "to")
    while _step(target):
        pass
