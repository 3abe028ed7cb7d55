"""How far the cancelling of an event is: a question to its rows, so that a restart changes nothing of the answer.

The work itself is orders.call_off, each minute; money is sent by the outgoing lane, and what failed is listed here.
"""

from dataclasses import dataclass

from peewee import fn

from domain.events import refunds
from models import Pass, TicketOrder, TicketPayment, TicketRefund

SHOWN = 100  # refunds that didn't arrive, of those that are listed


@dataclass(frozen=True)
class Progress:
    """Orders that are done and yet to do, passes that are void, and money by its state: state → (how many, sum)."""

    done: int
    to_do: int
    void: int
    money: dict
    failed: tuple  # refunds that didn't arrive, with their orders
    by_hand: tuple  # what somebody has to send back

    @property
    def total(self):
        return self.done + self.to_do

    @property
    def is_done(self):
        """Whether nothing moves any more by itself."""
        return not self.to_do and not any(self.money.get(state) for state in ("approved", "sent")) and not self.failed


def progress(event):
    """The Progress of a cancelled event; of one that isn't, what there would be to do."""
    orders = TicketOrder.select(TicketOrder.state, fn.COUNT(TicketOrder.id)).where(TicketOrder.event == event)
    counts = dict(orders.group_by(TicketOrder.state).tuples())
    mine = TicketOrder.event == event, TicketRefund.state != "requested", TicketRefund.state != "declined"
    found = TicketRefund.select(TicketRefund, TicketOrder, TicketPayment).join(TicketOrder)
    found = found.switch(TicketRefund).join(TicketPayment).where(*mine)
    sums = TicketRefund.select(TicketRefund.state, fn.COUNT(TicketRefund.id), fn.SUM(TicketRefund.amount_cents))
    sums = sums.join(TicketOrder).where(*mine).group_by(TicketRefund.state).tuples()
    elsewhere = TicketPayment.account == TicketPayment.ELSEWHERE
    by_hand = (TicketPayment.provider == "transfer") | elsewhere, TicketRefund.state << refunds.UNDER_WAY
    return Progress(
        done=counts.get("cancelled", 0),
        to_do=sum(counts.get(state, 0) for state in (*TicketOrder.LIVE, "paid")),
        void=Pass.select().where(Pass.event == event, Pass.state == "void").count(),
        money={state: (count, int(cents)) for state, count, cents in sums},
        failed=tuple(found.where(TicketRefund.state == "failed").order_by(TicketRefund.id).limit(SHOWN)),
        by_hand=tuple(found.where(*by_hand).order_by(TicketRefund.id).limit(SHOWN)),
    )
