"""The sandbox provider itself: what it sells, who owes what, and what time does to it. It knows no dialect.

Amounts are minor units, moments are seconds since 1970. How objects look: the package's docstring.
"""

from datetime import UTC, datetime
from typing import Any

from database.clock import months_after
from domain import NotFound
from domain.base import configuration
from domain.money.providers.sandbox.records import (
    DAY,
    FIRST_PAYMENT_LASTS,
    OVER,
    Declined,
    Impossible,
    acts,
    clock,
    count,
    dialect,
    find,
    get,
    new,
    put,
    set_clock,
    settings,
    take_due,
    tell,
)

CURRENCY = "usd"
AMOUNTS: dict[str, tuple[int, str | None]] = {
    "pro_monthly": (1200, "month"),
    "pro_yearly": (12000, "year"),
    "pro_lifetime": (24000, None),
}
CARDS = {
    "ok": "A card that works",
    "declined": "A card that is declined",
    "fails_later": "A card that works now and is declined from the next payment on",
    "confirm": "A card whose bank wants each payment confirmed (3-D Secure)",
    "debit": "A bank debit that takes three days",
    "debit_fails": "A bank debit that fails after three days",
}
RETRIES = (1, 3, 5, 7)  # days after the first failure
CHECKOUT_LASTS, DEBIT_TAKES = DAY, 3 * DAY
GRACE = 60  # seconds: time also passes between looking at the clock and moving it


# --- what is sold -------------------------------------------------------------------------------------------


def products():
    """What is sold: what the sandbox comes with, then what was put beside it."""
    words = dialect()
    pro = {
        "id": words.PRODUCT,
        "kind": "product",
        "active": True,
        "created": 1767225600,
        "name": "Pro",
        "description": "For teams that work in it all day",
        "images": [],
        "default_price": words.PRICES["pro_monthly"],
        "metadata": {"app": configuration.active.stripe_app_tag or "guildhall"},
    }
    return [pro, *reversed(find("product"))]


def prices():
    """At which prices; `interval` is None where it is bought once."""
    words = dialect()
    ours = [
        {
            "id": words.PRICES[plan],
            "kind": "price",
            "product": words.PRODUCT,
            "active": True,
            "created": 1767225600,
            "amount": amount,
            "currency": CURRENCY,
            "interval": interval,
            "lookup_key": plan,
            "metadata": {},
        }
        for plan, (amount, interval) in AMOUNTS.items()
    ]
    return [*ours, *reversed(find("price"))]


def price(id):
    """One price. Refuses with NotFound."""
    for known in prices()[: len(AMOUNTS)]:
        if known["id"] == id:
            return known
    return get(id, "price")


def later(moment, interval, anchor=None):
    """A period after a moment in seconds; the day of the month is the anchor's, or the month's last."""
    at, day = datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(anchor or moment, UTC).day
    return int(months_after(at, 12 if interval == "year" else 1, day).timestamp())


# --- customers ----------------------------------------------------------------------------------------------


@acts
def create_customer(**about):
    """A customer: email, name, metadata. `card` is one of CARDS, or None."""
    usual = {"email": None, "name": None, "card": None, "balance": 0, "deleted": False}
    made = put(new("customer", **usual | about))
    tell("customer.created", made)
    return made


def customer(id):
    """A customer that isn't deleted. Refuses with NotFound."""
    found = get(id, "customer")
    if found["deleted"]:
        raise NotFound(f"The sandbox has no customer {id[:60]}.")
    return found


@acts
def change_customer(id, **values):
    """Change email, name, metadata or card. Refuses with Impossible."""
    held = customer(id)
    if values.get("card") is not None and values["card"] not in CARDS:
        raise Impossible("There is no such card.", "card")
    before = {key: held[key] for key in values if held[key] != values[key]}
    held = put(held | values)
    tell("customer.updated", held, before)
    return held


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


# --- payments -----------------------------------------------------------------------------------------------


def _charge(invoice, card, confirmed):
    """Try to take what an invoice wants; returns how it went."""
    payment = next(iter(find("payment", invoice["id"], limit=1)), None) or new(
        "payment",
        invoice=invoice["id"],
        customer=invoice["customer"],
        amount=invoice["due"],
        currency=invoice["currency"],
        refunded=0,
        disputed=False,
        metadata=invoice["metadata"],
    )
    works = card == "ok" or (card == "fails_later" and invoice["reason"] in ("create", "once"))
    if card in ("debit", "debit_fails"):
        status = "processing"
    elif card == "confirm" and not confirmed:
        status = "action_required"
    else:
        status = "succeeded" if works or card == "confirm" else "failed"
    settles = clock() + DEBIT_TAKES if status == "processing" else None
    tell(f"payment.{status}", put(payment | {"status": status, "card": card, "settles_at": settles}))
    return status


@acts
def refund(payment_id, amount=None, reason=None, metadata=None):
    """Give back a part of a payment, or what is left of it. Refuses with Impossible when there isn't as much."""
    payment = get(payment_id, "payment")
    left = payment["amount"] - payment["refunded"]
    if payment["status"] != "succeeded":
        raise Impossible("This payment didn't succeed, so there is nothing to refund.", "payment_intent")
    if payment["disputed"]:
        raise Impossible("This payment is disputed and can't be refunded.", "payment_intent", "charge_disputed")
    if not left:
        raise Impossible("This payment is refunded already.", None, "charge_already_refunded")
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise Impossible(f"The amount must be between 1 and {left}, what is left of the payment.", "amount")
    about = {"payment": payment_id, "amount": amount, "currency": payment["currency"], "reason": reason}
    made = put(new("refund", **about, status="succeeded", metadata=metadata or {}))
    put(payment | {"refunded": payment["refunded"] + amount})
    tell("refund.created", made)
    return made


@acts
def fail_refund(id):
    """The bank sends a refund back: it wasn't one after all. Refuses with Impossible."""
    held = get(id, "refund")
    if held["status"] != "succeeded":
        raise Impossible("This refund has failed already.")
    payment = get(held["payment"])
    put(payment | {"refunded": payment["refunded"] - held["amount"]})
    held = put(held | {"status": "failed"})
    tell("refund.failed", held)
    return held


@acts
def dispute(payment_id, reason="fraudulent"):
    """The card's owner disputes a payment. Refuses with Impossible."""
    payment = get(payment_id, "payment")
    if payment["status"] != "succeeded" or payment["disputed"]:
        raise Impossible("Only a payment that succeeded can be disputed, and only once.")
    about = {"payment": payment_id, "amount": payment["amount"], "currency": payment["currency"]}
    made = put(new("dispute", **about, status="open", reason=reason))
    put(payment | {"disputed": True})
    tell("dispute.opened", made)
    return made


@acts
def settle_dispute(id, won):
    """The bank decides a dispute: for the seller (won), or for the card's owner. Refuses with Impossible."""
    held = get(id, "dispute")
    if held["status"] != "open":
        raise Impossible("This dispute is decided already.")
    held = put(held | {"status": "won" if won else "lost"})
    tell("dispute.closed", held)
    return held


# --- invoices -----------------------------------------------------------------------------------------------


def line(price, quantity, start, end, amount=None, proration=False):
    """A line of an invoice; without an amount it is the price's for the quantity."""
    return {
        "id": dialect().new_id("line"),
        "price": price["id"],
        "product": price["product"],
        "quantity": quantity,
        "start": start,
        "end": end,
        "unit": price["amount"],
        "proration": proration,
        "amount": price["amount"] * quantity if amount is None else amount,
    }


def draft(buyer, lines, reason, currency, subscription=None, **more):
    """An invoice that isn't kept yet. What the customer has to its credit (a negative balance) pays for it first."""
    total = sum(each["amount"] for each in lines)
    sums = {"total": total, "due": max(0, total + buyer["balance"]), "paid": 0}
    balances = {"balance_before": buyer["balance"], "balance_after": min(0, total + buyer["balance"])}
    about = {"customer": buyer["id"], "subscription": subscription, "reason": reason, "currency": currency}
    usual = {"status": "open", "attempts": 0, "failed_at": None, "next_attempt": None, "paid_at": None}
    usual |= {"action_required": False, "checkout": None, "number": None}
    return new("invoice", lines=lines, **sums, **balances, **about, **usual | more)


def _issue(invoice):
    """Keep an invoice and tell of it; the customer's credit is used, or grows."""
    invoice["number"] = f"SANDBOX-{count('invoice') + 1:04}"
    if invoice["status"] == "open":
        put(get(invoice["customer"]) | {"balance": invoice["balance_after"]})
    put(invoice)
    tell("invoice.opened" if invoice["status"] == "open" else "invoice.drafted", invoice)
    return invoice


def _collect(invoice, card, confirmed=False, by_itself=True):
    """Have an open invoice paid, at once when nothing is due. Returns how that went, as a payment's status."""
    if invoice["due"] == 0:
        _paid(invoice)
        return "succeeded"
    if by_itself:
        invoice |= {"attempts": invoice["attempts"] + 1, "next_attempt": None}
    status = _charge(invoice, card, confirmed)
    invoice["action_required"] = status == "action_required"
    if status == "succeeded":
        _paid(invoice)
    elif status == "processing":
        put(invoice)
    else:
        _not_paid(invoice)
    return status


def _paid(invoice):
    invoice |= {"status": "paid", "paid": invoice["due"], "paid_at": clock(), "next_attempt": None}
    put(invoice | {"action_required": False})
    held: Any = get(invoice["subscription"]) if invoice["subscription"] else {"status": "", "pending": None}
    if held["pending"] and held["pending"]["invoice"] == invoice["id"]:
        held = _become(held, **held["pending"]["wanted"], pending=None, pending_lines=[])
        tell("subscription.pending_applied", held)
    elif held["status"] in ("incomplete", "past_due", "unpaid") and held["latest_invoice"] == invoice["id"]:
        _become(held, status="active")
    tell("invoice.paid", get(invoice["id"]))
    if invoice["checkout"]:
        _settle_checkout(invoice["checkout"], True)


def _not_paid(invoice):
    """Tell, plan the next try, and let the subscription follow."""
    held: Any = get(invoice["subscription"]) if invoice["subscription"] else None
    goes_on = held is not None and held["status"] not in ("incomplete", *OVER)
    waits = goes_on and held["pending"] and held["pending"]["invoice"] == invoice["id"]
    invoice["failed_at"] = invoice["failed_at"] or clock()
    tries = invoice["attempts"]
    if goes_on and not waits and tries <= len(RETRIES):
        invoice["next_attempt"] = max(clock() + 1, invoice["failed_at"] + RETRIES[max(tries, 1) - 1] * DAY)
    put(invoice)
    if invoice["action_required"]:
        tell("invoice.action_required", invoice)
    tell("invoice.failed", invoice)
    if goes_on and not waits and held["latest_invoice"] == invoice["id"]:
        outcome = settings()["finally"] if tries > len(RETRIES) else "past_due"
        if outcome == "canceled":
            end(held["id"], "payment_failed")
        elif held["status"] in ("active", "trialing", "past_due"):
            _become(held, status=outcome)
    if invoice["checkout"]:
        _settle_checkout(invoice["checkout"], False)


def pay_invoice(id, card=None, confirmed=False):
    """Pay an open invoice with one of CARDS, or the customer's own. Refuses with Declined; the try is told."""
    outcome, invoice = _try_to_pay(id, card, confirmed)
    if outcome == "failed":
        raise Declined("The card was declined.")
    if outcome == "action_required":
        raise Declined("The bank wants this payment confirmed.", "authentication_required")
    return invoice


@acts
def _try_to_pay(id, card, confirmed):
    invoice = get(id, "invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise Impossible(f"This invoice is {invoice['status']}, so it can't be paid.", None, "invoice_not_open")
    if find("payment", id, status="processing"):
        raise Impossible("A payment of this invoice is on its way already.")
    outcome = _collect(invoice, card or customer(invoice["customer"])["card"], confirmed, by_itself=False)
    return outcome, get(id)


@acts
def void_invoice(id):
    """Take an open invoice back: nobody wants it paid any more. Refuses with Impossible."""
    invoice = get(id, "invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise Impossible(f"This invoice is {invoice['status']}, so it can't be voided.", None, "invoice_not_open")
    if invoice["status"] == "open":  # what it took of the customer's credit comes back
        buyer = get(invoice["customer"])
        put(buyer | {"balance": buyer["balance"] + invoice["balance_before"] - invoice["balance_after"]})
    invoice = put(invoice | {"status": "void", "next_attempt": None, "action_required": False})
    tell("invoice.voided", invoice)
    return invoice


def _void_what_waits(held):
    """Void the invoice of a change that waits, if it is open still: somebody may have voided it by hand."""
    if get(held["pending"]["invoice"])["status"] in ("open", "uncollectible"):
        void_invoice(held["pending"]["invoice"])


def _settle_payment(payment):
    """The bank debit arrives, or doesn't."""
    works, invoice = payment["card"] == "debit", get(payment["invoice"])
    payment = put(payment | {"settles_at": None, "status": "succeeded" if works else "failed"})
    tell(f"payment.{payment['status']}", payment)
    if works:
        _paid(invoice)
    else:
        _not_paid(invoice)


# --- subscriptions ------------------------------------------------------------------------------------------


def _recurring(price_id, param):
    found = price(price_id)
    if not found["interval"]:
        raise Impossible("This price is paid once; a subscription needs one that recurs.", param)
    return found


@acts
def subscribe(
    customer_id,
    price_id,
    quantity=1,
    *,
    trial_days=0,
    metadata=None,
    card=None,
    confirmed=False,
    without_card="create_invoice",
    checkout=None,
):
    """Begin a subscription; its first invoice is due at once, or after the trial. Returns it.

    Where the first payment fails it is incomplete, and expires after 23 hours. `without_card` says what the end
    of a trial does then: create_invoice, cancel or pause.
    """
    bought, at, buyer = _recurring(price_id, "items[0][price]"), clock(), customer(customer_id)
    ends = at + trial_days * DAY if trial_days else later(at, bought["interval"])
    held = new(
        "subscription",
        customer=customer_id,
        price=price_id,
        quantity=quantity,
        item=dialect().new_id("item"),
        start=at,
        period_start=at,
        period_end=ends,
        anchor=ends if trial_days else at,
        metadata=metadata or {},
        status="trialing" if trial_days else "incomplete",
        trial_start=at if trial_days else None,
        trial_end=ends if trial_days else None,
        warned=trial_days <= 3,
        cancel_at_period_end=False,
        cancel_at=None,
        canceled_at=None,
        ended_at=None,
        ended_because=None,
        pause=None,
        pending=None,
        pending_lines=[],
        currency=bought["currency"],
        without_card=without_card,
    )
    lines = [line(bought, quantity, at, ends, 0 if trial_days else None)]
    invoice = draft(buyer, lines, "create", bought["currency"], held["id"], checkout=checkout)
    tell("subscription.created", put(held | {"latest_invoice": invoice["id"]}))
    if _collect(_issue(invoice), card or buyer["card"], confirmed) == "processing":
        _become(get(held["id"]), status="active")
    return get(held["id"])


def _become(held, **values):
    """Change a subscription, and tell what it was."""
    if values.get("cancel_at_period_end", held["cancel_at_period_end"]):
        values["cancel_at"] = values.get("period_end", held["period_end"])
    before = {key: held[key] for key in values if held[key] != values[key]}
    held = put(held | values)
    if before:
        tell("subscription.updated", held, before)
    return held


def running(id):
    """A subscription that isn't over. Refuses with Impossible."""
    held = get(id, "subscription")
    if held["status"] in OVER:
        raise Impossible("This subscription is over.")
    return held


@acts
def end(id, because="cancellation_requested", status="canceled"):
    """End a subscription now; what is open of it isn't tried again. Refuses with Impossible."""
    held, at = running(id), clock()
    about = {"status": status, "ended_at": at, "canceled_at": held["canceled_at"] or at, "pending": None}
    for invoice in find("invoice", held["customer"], subscription=id, status="open"):
        put(invoice | {"next_attempt": None})
        if status == "incomplete_expired":
            void_invoice(invoice["id"])
    if status == "incomplete_expired":
        return _become(held, **about)
    held = put(held | about | {"ended_because": because})
    tell("subscription.ended", held)
    return held


@acts
def schedule_end(id, at_period_end=False, at=None):
    """Have a subscription end with its period, or at a moment, or (neither) not at all."""
    held = running(id)
    if at is not None and at <= clock():
        raise Impossible("The end must lie in the future.", "cancel_at")
    canceled_at = (held["canceled_at"] or clock()) if at_period_end or at else None
    return _become(held, cancel_at_period_end=at_period_end, cancel_at=at, canceled_at=canceled_at)


@acts
def pause(id, behavior="void", resumes_at=None):
    """Stop collecting (behavior: void, keep_as_draft or mark_uncollectible), or rest altogether from the period's
    end on (at_period_end); None: collect again."""
    return _become(running(id), pause=behavior and {"behavior": behavior, "resumes_at": resumes_at})


@acts
def resume(id):
    """Go on after a trial that ended without a card, or after a rest: a period begins now. Refuses with Impossible."""
    held = running(id)
    if held["status"] != "paused":
        raise Impossible("This subscription isn't paused.")
    held |= {"pause": None}
    tell("subscription.resumed", held)
    _cycle(put(held | {"period_end": clock(), "anchor": clock()}), status="active")
    return get(id)


@acts
def describe(id, metadata):
    """Change what is noted of a subscription."""
    return _become(running(id), metadata=metadata)


@acts
def move_trial_end(id, moment):
    """Have the trial end at another moment (now: it is over), or begin one. Refuses with Impossible."""
    held = running(id)
    if held["status"] not in ("trialing", "active") or moment < clock():
        raise Impossible("The trial can't end then.", "trial_end")
    began = held["trial_start"] or clock()
    values = {"period_end": moment, "anchor": moment, "trial_start": began, "trial_end": moment, "warned": False}
    held = _become(held, status="trialing", **values)
    if moment <= clock():
        _end_trial(held)
    return get(id)


def quote(held, price_id, quantity, at=None, behavior="create_prorations"):
    """(lines, the period's start, its end) of a change: unused time back, what is left of the period charged.

    To the second; another interval begins a period of its own at once, in a trial nothing is prorated:
    https://docs.stripe.com/billing/subscriptions/prorations
    """
    old, bought, at = price(held["price"]), _recurring(price_id, "items[0][price]"), clock() if at is None else at
    start, end = held["period_start"], held["period_end"]
    if held["status"] == "trialing":
        return [], start, end
    anew = old["interval"] != bought["interval"]
    span, left = max(1, end - start), min(max(0, end - at), end - start)

    def part(amount):
        return (2 * amount * left + span) // (2 * span)

    lines = []
    if behavior != "none" and (price_id, quantity) != (held["price"], held["quantity"]):
        lines.append(line(old, held["quantity"], at, end, -part(old["amount"] * held["quantity"]), True))
        if not anew:
            lines.append(line(bought, quantity, at, end, part(bought["amount"] * quantity), True))
    if anew:
        start, end = at, later(at, bought["interval"])
        lines.append(line(bought, quantity, start, end))
    return lines, start, end


@acts
def change(id, price_id, quantity, *, behavior="create_prorations", payment="allow_incomplete", at=None):
    """Another price or quantity. `behavior`: none, create_prorations (on the next invoice) or always_invoice.

    `payment` says what a failed payment does: with allow_incomplete the change is made all the same, with
    pending_if_incomplete it waits, with error_if_incomplete it is refused with Declined.
    """
    held = running(id)
    if held["status"] == "incomplete":
        raise Impossible("This subscription waits for its first payment.", "items")
    if at is not None and not held["period_start"] <= at <= held["period_end"]:
        raise Impossible("The proration date must lie in the current period.", "proration_date")
    lines, start, end = quote(held, price_id, quantity, at, behavior)
    wanted, anew = {"price": price_id, "quantity": quantity}, end != held["period_end"]
    if anew:
        wanted |= {"period_start": start, "period_end": end, "anchor": start}
    if not lines or (behavior != "always_invoice" and not anew):
        return _become(held, **wanted, pending=None, pending_lines=held["pending_lines"] + lines)
    buyer = customer(held["customer"])
    invoice = draft(buyer, held["pending_lines"] + lines, "update", held["currency"], id)
    if held["pending"]:
        _void_what_waits(held)
    held |= {"latest_invoice": invoice["id"], "pending": None}
    if payment == "pending_if_incomplete":
        expires = min(clock() + FIRST_PAYMENT_LASTS, held["period_end"])
        put(held | {"pending": {"wanted": wanted, "invoice": invoice["id"], "expires": expires}})
        if _collect(_issue(invoice), buyer["card"]) != "succeeded":
            tell("subscription.updated", get(id), {"pending": None})
        return get(id)
    _become(held, **wanted, pending_lines=[])
    outcome = _collect(_issue(invoice), buyer["card"])
    if payment == "error_if_incomplete" and outcome in ("failed", "action_required"):
        raise Declined("The card was declined.")
    return get(id)


def _cycle(held, card=None, **values):
    """The next period begins with its invoice, which also has what was prorated before."""
    paused = held["pause"] and held["pause"]["behavior"]
    if paused == "at_period_end" and held["status"] == "active":
        tell("subscription.paused", put(held | {"status": "paused"}))
        return
    bought, start, buyer = price(held["price"]), held["period_end"], customer(held["customer"])
    end = later(start, bought["interval"], held["anchor"])
    status = {"void": "void", "keep_as_draft": "draft", "mark_uncollectible": "uncollectible"}.get(paused, "open")
    status = "draft" if held["status"] == "unpaid" else status
    lines = [line(bought, held["quantity"], start, end), *held["pending_lines"]]
    invoice = draft(buyer, lines, "cycle", held["currency"], held["id"], status=status)
    _become(held, period_start=start, period_end=end, pending_lines=[], latest_invoice=invoice["id"], **values)
    _issue(invoice)
    if status in ("void", "uncollectible"):
        tell("invoice.voided" if status == "void" else "invoice.uncollectible", invoice)
    elif status == "open":
        _collect(invoice, card or buyer["card"])


def _end_trial(held):
    """With a card the first period is charged; without one, what the checkout said."""
    todo = "create_invoice" if customer(held["customer"])["card"] else held["without_card"]
    if todo == "cancel":
        end(held["id"])
    elif todo == "pause":
        tell("subscription.paused", put(held | {"status": "paused"}))
    else:
        _cycle(held, status="active")


@acts
def renew(id, *, paid=True):
    """The next period begins now, whatever the clock says; its invoice is paid, or the payment fails."""
    held = running(id)
    if held["cancel_at"]:
        raise Impossible("This subscription is cancelled for its period's end; end the period instead.")
    if held["status"] in ("incomplete", "paused"):
        raise Impossible("This subscription hasn't begun to be paid, so it can't be renewed.")
    _cycle(held, "ok" if paid else "declined", **{"status": "active"} if held["status"] == "trialing" else {})


@acts
def end_period(id):
    """The period is over: a cancelled subscription ends, and so does one that wasn't paid. Refuses with Impossible."""
    held = running(id)
    if not held["cancel_at"] and held["status"] not in ("past_due", "unpaid", "incomplete", "paused"):
        raise Impossible("This subscription renews; cancel it first, or let a payment fail.")
    end(id)


def subscriptions():
    """The newest hundred subscriptions, the newest first."""
    return find("subscription", limit=100)


# --- checkouts ----------------------------------------------------------------------------------------------


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

    Refuses with Declined, and it stays open; one that is too old expires instead.
    """
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
        invoice = _issue(draft(buyer, lines, "once", held["currency"], **about))
        made = {"invoice": invoice["id"]}
        put(get(checkout_id) | made)
        _collect(invoice, card, confirmed)
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


def _settle_checkout(id, paid):
    """What was bought there is paid or not: at once, or when the bank debit says so."""
    held = get(id)
    put(held | {"paid": paid, "waits": False})
    if held["waits"]:
        tell("checkout.paid_later" if paid else "checkout.failed_later", get(id))


@acts
def open_portal(customer_id, return_url):
    """A page where the customer changes the card, pays what is open, cancels and takes that back."""
    return put(new("portal", customer=customer(customer_id)["id"], return_url=return_url))


# --- time ---------------------------------------------------------------------------------------------------


def _fall_due(thing, at):
    """Do the one thing that is due, and see to it that `put` says what is due next."""
    if thing["kind"] == "checkout":
        expire_checkout(thing["id"])
    elif thing["kind"] == "invoice":
        _collect(thing, get(thing["customer"])["card"])
    elif thing["kind"] == "payment":
        _settle_payment(thing)
    elif thing["status"] == "incomplete":
        end(thing["id"], None, "incomplete_expired")
    elif thing["cancel_at"] and thing["cancel_at"] <= at:
        end(thing["id"])
    elif thing["pause"] and thing["pause"]["resumes_at"] and thing["pause"]["resumes_at"] <= at:
        resume(thing["id"]) if thing["status"] == "paused" else pause(thing["id"], None)
    elif thing["pending"] and thing["pending"]["expires"] <= at:
        _void_what_waits(thing)
        tell("subscription.pending_expired", put(thing | {"pending": None}))
    elif thing["status"] == "trialing" and thing["trial_end"] > at:
        tell("subscription.trial_ending", put(thing | {"warned": True}))
    elif thing["status"] == "trialing":
        _end_trial(thing)
    else:
        _cycle(thing)


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

    Each thing that falls due is a transaction of its own. Refuses with Impossible to go back, or too far.
    """
    at = clock()
    target = int(to.timestamp()) if isinstance(to, datetime) else at + int(days * DAY) if to is None else to
    if not -GRACE <= target - at <= 3700 * DAY:
        raise Impossible("The clock only goes forward, ten years at most.", "to")
    while _step(target):
        pass
