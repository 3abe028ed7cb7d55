"""An order's money line by line, in words: what it costs, what was given back, what came, what went back, what is owed.

The lines are made of the same rows as every decision about the order, and their sum is the last of them.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.events import events, holds, payments
from domain.fields.money import written
from models import TicketOrder, TicketPayment, TicketRefund

WHY = {"late": "it came too late", "ended": "the order was cancelled", "double": "it was more than due"}
GOING = {
    "approved": ("on its way", "info"),
    "sent": ("on its way", "info"),
    "succeeded": ("arrived", "good"),
    "failed": ("didn't arrive", "bad"),
}


@dataclass(frozen=True)
class Line:
    """One line: what it is, so many minor units that count (0: none of it does), and what is to know."""

    words: str
    cents: int
    note: str = ""
    tone: str = ""
    is_sum: bool = False
    at: datetime | None = None  # when it came or went


def lines(order):
    """All lines of an order, in their order: its price, what came and went, and where that leaves both sides."""
    return [*_price(order), *_came(order), *_went(order), *_stands(order)]


def _price(order):
    items = holds.standing(order)
    for item in items:
        yield Line(f"{item.quantity} × {item.tier.name}", item.total_cents, _off(order, item))
    if order.tax_cents and not events.one(order.event_id).prices_include_tax:
        yield Line("Tax", order.total_cents - sum(item.total_cents for item in items))
    if not _is_all_due(order):
        yield Line("Price", order.total_cents, is_sum=True)
    if order.state != "paid":
        return
    for item in items:
        if gone := item.quantity - item.standing:
            yield Line(f"{gone} × {item.tier.name} given back", -share(item, gone))
    gone = sum(share(item, item.quantity - item.standing) for item in items)
    if extra := order.total_cents - gone + order.fee_cents - payments.price_of(order, items):
        yield Line("Tax on that", -extra)
    if order.fee_cents:
        yield Line("Fee that was kept", order.fee_cents)
    if gone or order.fee_cents:
        yield Line("What stands costs", payments.price_of(order, items), is_sum=True)


def _is_all_due(order):
    """Whether nothing of it is paid yet: what it costs is what is to pay."""
    return order.is_live and order.total_cents > 0 == order.paid_cents


def _off(order, item):
    return f"{written(item.discount_cents, order.currency)} less by the code" if item.discount_cents else ""


def share(item, count):
    """Minor units that so many of an item's tickets cost; of all of them, exactly its price."""
    return item.total_cents * count // item.quantity


def _came(order):
    for payment in TicketPayment.select().where(TicketPayment.order == order).order_by(TicketPayment.id):
        foreign = payment.currency if payment.currency != order.currency else ""
        note = {"pending": "under way", "failed": "failed"}.get(payment.state, "")
        if foreign:
            note = "another currency, so it counts for nothing"
        tone = "bad" if payment.state == "failed" or foreign else ""
        counts = payment.state == "paid" and not foreign
        words = (
            "Paid by transfer" if payment.provider == "transfer" else f"Paid through {payment.provider.capitalize()}"
        )
        words += "" if counts else f" ({written(payment.amount_cents, payment.currency)})"
        yield Line(words, payment.amount_cents if counts else 0, note, tone, at=payment.paid_at)


def _went(order):
    known = 0
    found = TicketRefund.select(TicketRefund, TicketPayment).join(TicketPayment).where(TicketRefund.order == order)
    for refund in found.order_by(TicketRefund.id):
        if refund.state not in GOING:
            continue
        foreign = refund.payment.currency if refund.payment.currency != order.currency else ""
        words, tone = GOING[refund.state]
        if refund.state == "succeeded" and not foreign:
            known += refund.amount_cents
        why, counts = WHY.get(refund.reason, refund.reason), refund.state != "failed" and not foreign
        why += "" if counts else f" ({written(refund.amount_cents, refund.payment.currency)})"
        yield Line(f"Sent back: {why}", -refund.amount_cents if counts else 0, words, tone, at=refund.created_at)
    if order.refunded_cents > known:
        yield Line("Sent back at the provider", known - order.refunded_cents, "arrived", "good")


def _stands(order):
    """Where it leaves both: who owes whom what is left, or that nobody does."""
    order = TicketOrder.get_by_id(order.id)
    owed = payments.owed_back(order)
    missing = order.due_cents if order.is_live else 0
    if owed:
        yield Line("Owed to the buyer", owed, tone="warn", is_sum=True)
    elif missing > 0:
        yield Line("To pay" if _is_all_due(order) else "Still to be paid", missing, is_sum=True)
    elif order.paid_cents:
        yield Line("Nothing is owed", 0, is_sum=True)
