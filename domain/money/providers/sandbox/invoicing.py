"""Who owes the sandbox what: invoices, payments, refunds, disputes; and what follows for a subscription."""

from typing import Any

from domain.money.providers.sandbox.records import (
    DAY,
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
    settings,
    tell,
)
from domain.money.providers.sandbox.selling import customer

RETRIES = (1, 3, 5, 7)  # days after the first failure
DEBIT_TAKES = 3 * DAY


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


def issue(invoice):
    """Keep an invoice and tell of it; the customer's credit is used, or grows."""
    invoice["number"] = f"SANDBOX-{count('invoice') + 1:04}"
    if invoice["status"] == "open":
        put(get(invoice["customer"]) | {"balance": invoice["balance_after"]})
    put(invoice)
    tell("invoice.opened" if invoice["status"] == "open" else "invoice.drafted", invoice)
    return invoice


def collect(invoice, card, confirmed=False, by_itself=True):
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
        held = become(held, **held["pending"]["wanted"], pending=None, pending_lines=[])
        tell("subscription.pending_applied", held)
    elif held["status"] in ("incomplete", "past_due", "unpaid") and held["latest_invoice"] == invoice["id"]:
        become(held, status="active")
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
            become(held, status=outcome)
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
    outcome = collect(invoice, card or customer(invoice["customer"])["card"], confirmed, by_itself=False)
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


def void_what_waits(held):
    """Void the invoice of a change that waits, if it is open still: somebody may have voided it by hand."""
    if get(held["pending"]["invoice"])["status"] in ("open", "uncollectible"):
        void_invoice(held["pending"]["invoice"])


def settle_payment(payment):
    """The bank debit arrives, or doesn't."""
    works, invoice = payment["card"] == "debit", get(payment["invoice"])
    payment = put(payment | {"settles_at": None, "status": "succeeded" if works else "failed"})
    tell(f"payment.{payment['status']}", payment)
    if works:
        _paid(invoice)
    else:
        _not_paid(invoice)


def become(held, **values):
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
        return become(held, **about)
    held = put(held | about | {"ended_because": because})
    tell("subscription.ended", held)
    return held


def _settle_checkout(id, paid):
    """What was bought there is paid or not: at once, or when the bank debit says so."""
    held = get(id)
    put(held | {"paid": paid, "waits": False})
    if held["waits"]:
        tell("checkout.paid_later" if paid else "checkout.failed_later", get(id))
