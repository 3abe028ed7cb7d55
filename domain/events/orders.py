"""Orders as the organizer sees and changes them: cancelled, a ticket of them taken back, a transfer noted."""

from database.scope import everywhere, inside
from database.transactions import writes
from domain import NotFound, Refused
from domain.base import history
from domain.events import events, holds, passes, payments, refunds, stock
from domain.fields.choice import Choice
from domain.fields.email import Email, Usable
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import Money, written
from domain.fields.price import Price
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from domain.lists.searches import Parts
from models import Buyer, Event, OrderItem, Pass, TicketOrder, Tier

STATE = Choice(
    (
        ("held", "Being bought", "info"),
        ("paying", "Being paid", "info"),
        ("paid", "Paid", "good"),
        ("expired", "Lapsed", "off"),
        ("cancelled", "Cancelled", "bad"),
    )
)


def one(id):
    """The order with this id. Refuses with NotFound."""
    found = TicketOrder.one(TicketOrder.id == id)
    if found is None:
        raise NotFound("There is no such order here.")
    return found


@writes
def cancel(id, *, by):
    """End an order: what it has is free again, its passes are void, and what was paid goes back. Once."""
    by.require("orders.write")
    order = holds.locked(id)
    if not _end(order, "the order was cancelled"):
        raise events.InvalidTransition("This order has ended already.")
    payments.settle(order.id)
    history.note(
        "order.cancelled",
        f"Order {order.number} was cancelled",
        order,
        by=by,
        field="state",
        after="cancelled",
        before=order.state,
    )
    return f"Order {order.number} is cancelled."


def call_off(limit=50):
    """Of events that were cancelled: what is held ends, passes are void, money goes back and who bought hears of it.
    Each order in a transaction of its own, so that a restart goes on where it stopped; returns how many."""
    with everywhere("cancelled events are worked off for all organizations"):
        open_ones = TicketOrder.select(TicketOrder.id, TicketOrder.organization).join(Event)
        mine = Event.cancelled_at.is_null(False), TicketOrder.state << (*TicketOrder.LIVE, "paid")
        found = list(open_ones.where(*mine).order_by(TicketOrder.id).limit(limit).tuples())
    for id, organization in found:
        with inside(organization):
            _call_off(id)
    return len(found)


@writes
def _call_off(id):
    order = holds.locked(id)
    if not _end(order, "the event was cancelled"):
        return
    payments.settle(order.id)
    if order.email:
        event, back = events.one(order.event_id), refunds.under_way_of(order)
        sum = written(back, order.currency) if back else ""
        payments.write(order, "event_cancelled", f"event_cancelled:{order.id}", reason=event.cancel_reason, sum=sum)


def _end(order, why):
    """Cancel a locked order that is held or paid, once, in the present transaction; False where it has ended."""
    if order.state in TicketOrder.LIVE:
        return holds.end(order.id, "cancelled", "release")
    moved = TicketOrder.update(state="cancelled").where(TicketOrder.id == order.id, TicketOrder.state == "paid")
    if not moved.execute():
        return False
    for item in holds.standing(order):
        _give_back(order, item, item.standing, why)
    for each in passes.of(order):
        passes.void(each, "cancelled")
    return True


def _give_back(order, item, count, why):
    """So many of an item are free again: of its stocks, and of what its buyer has. Only what still stands."""
    if not count:
        return
    moved = OrderItem.update(standing=OrderItem.standing - count).where(
        OrderItem.id == item.id, OrderItem.standing >= count
    )
    if not moved.execute():
        return
    before, after = _wants(order, item, item.standing), _wants(order, item, item.standing - count)
    stock.give_back(order, {one: n - after.get(one, 0) for one, n in before.items() if n > after.get(one, 0)}, why)
    if order.buyer_id and item.tier.kind == "admission":
        Buyer.update(taken=Buyer.taken - count).where(Buyer.id == order.buyer_id, Buyer.taken >= count).execute()


def _wants(order, item, count):
    """What the order takes while so many of one item stand, and of the others what stands of them now."""
    others = [one for one in holds.standing(order) if one.id != item.id]
    lines = [(one.tier, one.standing, one.is_vouched) for one in others] + [(item.tier, count, item.is_vouched)]
    return stock.wanted(stock.of(order.event_id), [line for line in lines if line[1]], order.voucher)


@writes
def take_back(pass_id, *, by):
    """Cancel one pass: its place is free again, once, and its price goes back where it was paid."""
    by.require("orders.write")
    found = Pass.one(Pass.id == pass_id)
    if found is None:
        raise NotFound()
    order = holds.locked(found.item.order_id)
    if not passes.void(found, "refunded"):
        raise Refused("This pass is void already.", "PASS_VOID")
    item = OrderItem.select(OrderItem, Tier).join(Tier).where(OrderItem.id == found.item_id).get()
    _give_back(order, item, 1, "a pass was cancelled")
    payments.settle(order.id)
    history.note("pass.voided", "A pass was cancelled", found, by=by, field="state", before=found.state, after="void")
    return f"{found.holder}'s pass is void, and its place free again."


@writes
def send_again(id, *, by):
    """Mail the tickets again. Refuses where there are none."""
    by.require("orders.read")
    order = one(id)
    if order.state != "paid":
        raise Refused("There are no tickets to send: the order isn't paid.")
    number = history.note("order.resent", "The tickets were sent again", order, by=by).id
    payments.write(order, "tickets", f"tickets:{order.id}:{number}", count=len(passes.of(order)))
    return f"The tickets are on their way to {order.email}."


@writes
def correct(id, email, *, by):
    """Write down another address, and send the tickets there."""
    by.require("orders.write")
    order = one(id)
    TicketOrder.update(email=email).where(TicketOrder.id == order.id).execute()
    history.note("order.corrected", "The buyer's address was corrected", order, by=by)
    return send_again(id, by=by) if order.state == "paid" else f"The address is {email} now."


# --- as a list -----------------------------------------------------------------------------------------------------


def _notes(found, by):
    troubled = TicketOrder.select().where(
        TicketOrder.id << [row.id for row in found], TicketOrder.trouble.is_null(False)
    )
    notes = {order.id: (("warn", order.trouble),) for order in troubled}
    for row in found:
        if row.refunded_cents:
            word = "All refunded" if row.refunded_cents >= row.paid_cents else "Part refunded"
            notes[row.id] = (*notes.get(row.id, ()), ("info", word))
    return notes


def _price(row, by):
    return Field("cents", f"How much came, {row.currency}", Price(of=row.currency), True)


listing = Listing(
    *("orders", "order", "orders", TicketOrder),
    (
        Field("email", "Buyer", Email()),
        Field("name", "Name", Text(120)),
        Field("state", "State", STATE),
        Field("total_cents", "Total", Money()),
        Field("paid_cents", "Paid", Money()),
        Field("refunded_cents", "Refunded", Money(), listed=False),
        Field("created_at", "Ordered", Moment(past=True)),
    ),
    NEWEST,
    search=Parts((TicketOrder.email, TicketOrder.name, TicketOrder.public_id)),
    acts=(
        Act(
            *("transfer", "Note a transfer", payments.note_transfer, "orders.write"),
            asks=_price,
            when=lambda row: row.total_cents > row.paid_cents and row.state != "cancelled",
        ),
        Act(
            *("letter", "Send again", send_again, "orders.read"),
            when=lambda row: row.state == "paid",
        ),
        Act(
            *("buyer", "Correct the address", correct, "orders.write"),
            asks=lambda row, by: Field("email", "E-mail address", Usable(), True, default=row.email),
            when=lambda row: row.email is not None,
        ),
        Act(
            *("cancellation", "Cancel", cancel, "orders.write"),
            confirm="Cancel the order of {name}? Its tickets are void, and what was paid goes back.",
            when=lambda row: row.state in (*TicketOrder.LIVE, "paid"),
            bulk=True,
            tone="danger",
        ),
    ),
    notes=("Look at", _notes),
    parent=TicketOrder.event,
    stands_in=lambda id, by: events.one(id),
    hears="ticket_payment",
    also=("currency", "public_id", "refunded_cents"),
    exports=("refunded_cents",),
    reads="orders.read",
    chips="state",
    sums=("total_cents",),
    icon="credit-card",
    empty=(("all", "Whoever buys shows here, from the first click."),),
)
rules = rows.Rules(listing)
