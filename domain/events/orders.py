"""Orders as the organizer sees and changes them: cancelled, a ticket of them taken back, a transfer noted."""

from itertools import islice

from peewee import fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import allowances, history, outgoing
from domain.events import events, holds, passes, payments, refunds
from domain.events.afterwards import returns
from domain.events.books import buyers
from domain.fields.choice import Choice
from domain.fields.email import Email, Usable, normalized
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import Money, written
from domain.fields.price import Price
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from domain.lists.searches import Parts
from models import Event, OrderItem, Organization, Pass, TicketOrder, TicketRefund

SHOWN = 50  # orders on one's own page

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
    return existing(TicketOrder.one(TicketOrder.id == id), "There is no such order here.")


def of_person(user):
    """What somebody bought and that isn't over, with its event, the soonest first: signed in, or without an account by
    the address that is proven to be theirs; at most SHOWN."""
    with everywhere("what somebody bought is of many organizations"):
        coming = Event.select(Event.id).where(Event.ends_at > now())
        found = buyers.named(user.email, coming) if user.email_verified_at else []
        mine = (TicketOrder.user == user) | (TicketOrder.buyer << found)
        query = TicketOrder.select(TicketOrder, Event).join(Event).order_by(Event.starts_at, TicketOrder.id)
        query = query.where(mine, TicketOrder.state == "paid", Event.ends_at > now()).limit(1000)
        # One buyer may write an address in several ways, of which the account has proven one.
        theirs = (one for one in query if (one.user_id or normalized(one.email or "")) in (user.id, user.email_norm))
        return list(islice(theirs, SHOWN))


@writes
def cancel(id, *, by):
    """End an order: what it has is free again, its passes are void, and what was paid goes back. Once.
    Step-up L2 first, as far as money goes back."""
    by.require("orders.write")
    order = holds.locked(id)
    refunds.ask_proof(order)
    if not _end(order, "the order was cancelled"):
        raise events.InvalidTransition("This order has ended already.")
    payments.settle(order.id, by=by.user)
    history.note(
        "order.cancelled",
        f"Order {order.number} was cancelled",
        order,
        by=by,
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
        here = TicketOrder.organization.not_in(Organization.arriving())
        found = list(open_ones.where(*mine, here).order_by(TicketOrder.id).limit(limit).tuples())
    for id, organization in found:
        with inside(organization):
            _call_off(id)
    return len(found)


@writes
def _call_off(id):
    order = holds.locked(id)
    apart = [one for one in passes.of(order) if one.is_passed_on and one.state != "void" and one.email]
    if not _end(order, "the event was cancelled"):
        return
    payments.settle(order.id)
    if order.email:
        event, back = events.one(order.event_id), refunds.under_way_of(order)
        sum = written(back, order.currency) if back else ""
        payments.write(order, "event_cancelled", f"event_cancelled:{order.id}", reason=event.cancel_reason, sum=sum)
        if order.user_id:
            title, about = f"{event.title} is cancelled", {"body": event.cancel_reason, "link": holds.address(order)}
            outgoing.notify(order.user, "tickets.event_cancelled", f"event_cancelled:{order.id}", title, **about)
    for one in apart:
        said = {"number": order.number, "reason": order.event.cancel_reason, "sum": ""}
        passes.write(passes.again(one), "event_cancelled", f"event_cancelled:{order.id}:{one.id}", **said)


def _end(order, why):
    """Cancel a locked order that is held or paid, once, in the present transaction; False where it has ended."""
    if order.state in TicketOrder.LIVE:
        return holds.end(order.id, "cancelled", "release")
    moved = TicketOrder.update(state="cancelled").where(TicketOrder.id == order.id, TicketOrder.state == "paid")
    if not moved.execute():
        return False
    holds.moved(order, "cancelled")
    for item in holds.standing(order):
        returns.give_back(order, item, item.standing, why)
    for each in passes.of(order):
        passes.void(each, "cancelled")
    TicketRefund.delete().where(TicketRefund.order == order, TicketRefund.state == "requested").execute()
    return True


@writes
def take_back(pass_id, *, by):
    """Cancel one pass: its place is free again, once, and its price goes back where it was paid, by step-up L2.
    Refuses with NotFound, and where it is void."""
    by.require("orders.write")
    found = passes.locked(pass_id)
    if found.state == "void":
        raise Refused("This pass is void already.", "PASS_VOID")
    order = one(found.item.order_id)
    refunds.ask_proof(order)
    returns.give(order, returns.preview(order, [found.id], {}), "", 0, by)
    return f"{found.holder}'s pass is void, and its place free again."


@writes
def send_again(id, *, by):
    """Mail the tickets again. Refuses where there are none, and with TooOften."""
    by.require("orders.read")
    order = one(id)
    if order.state != "paid":
        raise Refused("There are no tickets to send: the order isn't paid.")
    number = history.note("order.resent", "The tickets were sent again", order, by=by).id
    payments.write(order, "tickets", f"tickets:{order.id}:{number}", at_will=True, count=len(passes.of(order)))
    return f"The tickets are on their way to {order.email}."


@writes
def find_again(event, email):
    """Mail whoever has orders of an event under this address the way to each of them; nobody is told whether there are
    any. Refuses with Invalid what is no address, and with TooOften."""
    email = read_whole((Field("email", "Your e-mail address", Usable(), True),), {"email": email})["email"]
    allowances.spend_letter(email)
    mine = (
        TicketOrder.event == event,
        TicketOrder.state << ("paid", "paying"),
        fn.LOWER(TicketOrder.email) == email.lower(),
    )
    for order in TicketOrder.select().where(*mine).order_by(TicketOrder.id).limit(20):
        number = history.note(
            "order.found", "Its link was asked for", order, by=None, organization=order.organization
        ).id
        payments.write(order, "tickets", f"tickets:{order.id}:{number}", count=len(passes.of_buyer(order)))


@writes
def correct(id, email, *, by):
    """Write down another address: who had the one before has nothing of it any more. The order has a new link, each
    ticket that wasn't passed on a new code, and what is good goes to the new address. Refuses with NotFound, with
    Invalid where it is the same, and with TooOften."""
    by.require("orders.write")
    order = holds.locked(one(id).id)
    if normalized(email) == normalized(order.email or ""):
        raise Invalid({"email": "This is the address that it has already."})
    is_theirs = order.user_id and order.user.email_norm == normalized(email)
    order.email, order.generation = email, order.generation + 1
    values = {"email": email, "generation": order.generation, "user": order.user_id if is_theirs else None}
    values["buyer"] = holds.count_to(order, email)
    TicketOrder.update(**values).where(TicketOrder.id == order.id).execute()
    for held in passes.of_buyer(order):
        if held.state == "active":
            passes.renewed(held, email=email)
    mine = Pass.item << OrderItem.select(OrderItem.id).where(OrderItem.order == order)
    Pass.update(email=email).where(mine, ~Pass.is_passed_on).execute()
    history.note("order.corrected", "The buyer's address was corrected", order, by=by)
    return send_again(id, by=by) if order.state == "paid" else f"The address is {email} now."


# --- as a list -----------------------------------------------------------------------------------------------------


LOOK = Choice(
    (
        ("trouble", "Money that doesn't fit", ""),
        ("asked", "Money asked back", ""),
        ("owes", "Owes money back", ""),
    )
)


def _looked_at(value):
    asked = TicketRefund.select(TicketRefund.order).where(TicketRefund.state == "requested")
    ended = TicketOrder.state << ("expired", "cancelled")
    return {
        "trouble": TicketOrder.trouble.is_null(False),
        "asked": TicketOrder.id << asked,
        "owes": ended & (TicketOrder.paid_cents > TicketOrder.refunded_cents),
    }[value]


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
            once=True,
            asks=_price,
            when=lambda row: row.total_cents > row.paid_cents and row.state != "cancelled",
        ),
        Act(
            *("letter", "Send again", send_again, "orders.read"),
            when=lambda row: row.state == "paid",
        ),
        Act(
            *("buyer", "Correct the address", correct, "orders.write"),
            asks=lambda row, by: Field(
                *("email", "E-mail address", Usable(), True),
                default=row.email,
                help="The link and the codes that went to the old address are void; new ones go to this one.",
            ),
            when=lambda row: row.email is not None,
        ),
        Act(
            *("cancellation", "Cancel order", cancel, "orders.write"),
            confirm="Cancel the order of {name}? Its tickets are void, and what was paid goes back.",
            when=lambda row: row.state in (*TicketOrder.LIVE, "paid"),
            bulk=True,
            tone="danger",
        ),
    ),
    notes=("Look at", _notes),
    parent=TicketOrder.event,
    stands_in=lambda id, by: events.one(id),
    hears="ticket_payment ticket_refund pass",
    conditions=((Field("look", "To look at", LOOK), _looked_at),),
    has_pages=True,
    link=True,
    also=("currency", "public_id", "refunded_cents"),
    exports=("refunded_cents",),
    reads="orders.read",
    chips="state",
    sums=("total_cents",),
    charts=True,
    grows=(TicketOrder.updated_at, TicketOrder.id),
    icon="credit-card",
    empty=(("all", "Whoever buys shows here, from the first click."),),
)
rules = rows.Rules(listing)
