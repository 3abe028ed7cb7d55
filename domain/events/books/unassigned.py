"""Money that came and whose order isn't known: it is never guessed. Somebody says which order it is for, or it goes
back."""

from dataclasses import replace

from database.clock import now
from database.columns import public_id
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import history, outgoing
from domain.events import holds, payments, providers, refunds
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import written
from domain.fields.price import Price
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from models import TicketOrder, TicketPayment

KIND = "ticket_money_back"  # of what is left for providers: domain/events/providers/refunding.py


def _mine(id):
    """Money that is nobody's yet. Refuses with NotFound, and once it was assigned or went back."""
    found = existing(TicketPayment.one(TicketPayment.id == id), "There is no such money here.")
    if found.order_id:
        raise Refused("It was assigned to an order meanwhile.")
    if left(found) <= 0 or found.sent_back_at:
        raise Refused("It was sent back already.")
    return found


def left(payment):
    """Minor units of it that didn't go back."""
    return payment.amount_cents - payment.refunded_cents


@writes
def assign(id, number, *, by):
    """It is for the order with this number: what follows is as with all money of an order, in its currency or not.

    Refuses with Invalid where no order, or more than one, begins so; and once it was assigned or sent back.
    """
    by.require("orders.write")
    payment, begins = _mine(id), number.strip().lstrip("#").lower()
    found = list(TicketOrder.select().where(TicketOrder.public_id.startswith(begins)).order_by(TicketOrder.id).limit(2))
    if len(begins) < 8 or not found:
        raise Invalid({"number": "There is no order with this number. It has eight signs or more."})
    if len(found) > 1:
        raise Invalid({"number": "More than one order begins so: write more of its number, as its address has it."})
    order = holds.locked(found[0].id)
    if order.state in TicketOrder.LIVE and not order.email:
        raise Invalid({"number": "Nobody has said yet where the tickets of this order go."})
    free = TicketPayment.id == payment.id, TicketPayment.order.is_null(), TicketPayment.sent_back_at.is_null()
    if not TicketPayment.update(order=order.id).where(*free).execute():
        raise Refused("It was assigned or sent back meanwhile.")
    sum = written(payment.amount_cents, payment.currency)
    payments.settle(order.id)
    history.note("payment.assigned", f"{sum} were assigned to order {order.number}", order, by=by)
    return f"{sum} belong to order {order.number}."


@writes
def send_back(id, *, by):
    """Have it go back to where it came from: by its provider, once; what somebody sends back by hand is noted so.
    Refuses once it was assigned or sent back."""
    by.require("orders.write")
    payment = _mine(id)
    free = TicketPayment.id == payment.id, TicketPayment.order.is_null(), TicketPayment.sent_back_at.is_null()
    if not TicketPayment.update(sent_back_at=now(), trouble=None).where(*free).execute():
        raise Refused("It was assigned or sent back meanwhile.")
    sum = written(left(payment), payment.currency)
    history.note("payment.sent_back", f"{sum} that were nobody's go back", payment, by=by)
    if refunds.is_by_hand(payment):
        payments.note_refunded(payment, payment.amount_cents)
        return f"Noted: {sum} went back."
    about = {"payment": payment.id, "organization": payment.organization_id}
    outgoing.enqueue(KIND, f"{KIND}:{payment.id}:{now():%Y%m%d%H%M%S}", about)
    return f"{sum} are on their way back."


def note_trouble(id, why):
    """It couldn't be sent back, and may be again, in the present transaction."""
    TicketPayment.update(sent_back_at=None, trouble=why[:500]).where(TicketPayment.id == id).execute()


# --- as a list -----------------------------------------------------------------------------------------------------


def _notes(found, by):
    rows = TicketPayment.select().where(TicketPayment.id << [row.id for row in found]) if found else ()
    return {row.id: note for row in rows if (note := _note(row))}


def _note(row):
    if row.trouble:
        return (("bad", row.trouble),)
    if not left(row):
        return (("good", "Went back"),)
    return (("info", "On its way back"),) if row.sent_back_at else ()


def _is_open(row):
    return row.sent_back_at is None


_listing = Listing(
    *("money", "amount", "amounts", TicketPayment),
    (
        Field("note", "What it says", Text(300), required=True, help="As the statement of the bank has it."),
        Field("sum", "Amount", Derived(lambda row: written(row["amount_cents"], row["currency"]))),
        Field("amount_cents", "How much came", Price(), required=True, listed=False, filters=False),
        Field("paid_at", "Came", Moment(past=True), required=True),
        Field("provider", "By", providers.BY, acted=True, filters=False),
    ),
    NEWEST,
    only=TicketPayment.order.is_null(),
    elsewhere=(("sum", TicketPayment.amount_cents, None),),
    also=("amount_cents", "currency", "sent_back_at"),
    acts=(
        Act(
            *("order", "Belongs to an order", assign, "orders.write"),
            asks=lambda row, by: Field("number", "The order’s number", Text(40), True),
            when=_is_open,
        ),
        Act(
            *("return", "Send back", send_back, "orders.write"),
            confirm="Send it back? A transfer is sent by you, at your bank: this notes that it went.",
            when=_is_open,
            tone="danger",
        ),
    ),
    notes=("State", _notes),
    hears="ticket_payment",
    title="Money without an order",
    about="Money that came and fits no order. Say which order it is for: its tickets follow. Nothing is ever guessed.",
    reads="orders.read",
    writes="orders.write",
    icon="credit-card",
    empty=(("all", "All money that came has its order. What doesn’t say which, is noted here.", "No such money."),),
)


def rules_in(currency):
    """The list, whose amounts are typed in this currency."""

    def derive(row, values):
        if row is not None:
            return {}
        if not values.get("amount_cents"):
            raise Invalid({"amount_cents": "Write how much came."})
        name = f"noted:{public_id()}"
        return {"provider": "transfer", "provider_payment_id": name, "state": "paid", "currency": currency}

    fields = tuple(
        replace(field, kind=Price(of=currency), label=f"How much came, {currency}")
        if field.name == "amount_cents"
        else field
        for field in _listing.fields
    )
    changes = lambda row, field, by: field == "note" and by.may("orders.write")  # noqa: E731
    return rows.Rules(replace(_listing, fields=fields, version=currency), may_change=changes, derive=derive)


rules = rules_in("EUR")
