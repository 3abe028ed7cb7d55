"""Tickets that go back: chosen one by one, with what each brings back shown before it is done; asked for by buyers,
decided by organizers. Money follows by its sums (payments.settle), so that a part is never sent twice."""

from dataclasses import dataclass, replace
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import history
from domain.events import events, holds, passes, payments, refunds, stock
from domain.events.books import buyers
from domain.events.providers.facts import NEEDS_ACCOUNT
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.money import written
from domain.fields.price import Price
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Act
from models import OrderItem, Pass, TicketOrder, TicketPayment, TicketRefund

WHY = (Field("reason", "Why", Text(200, 3), True, missing="Say why: it stands beside the money, and in the letter."),)


@dataclass(frozen=True)
class Preview:
    """What would go back: `counts` is (item, how many), `lines` is (words, minor units), `cents` all of it."""

    passes: tuple
    counts: tuple
    lines: tuple
    cents: int


def preview(order, pass_ids, extras):
    """What giving back these passes (ids) and so many add-ons (item's id → count) brings. Refuses with NotFound what
    isn't good of this order, with Invalid where nothing or too much is chosen, and what isn't paid."""
    if order.state != "paid":
        raise events.InvalidTransition(f"Order {order.number} isn't paid, so nothing of it goes back.")
    good = {one.id: one for one in passes.of(order) if one.state != "void"}
    if not set(pass_ids) <= set(good):
        raise NotFound("One of these tickets isn't good any more.")
    chosen = tuple(good[id] for id in dict.fromkeys(pass_ids))
    items = {item.id: item for item in holds.standing(order)}
    counts = {}
    for one in chosen:
        counts[one.item_id] = counts.get(one.item_id, 0) + 1
    for id, count in extras.items():
        if id not in items or items[id].tier.kind != "addon":
            raise NotFound("This add-on isn't of this order.")
        if count > items[id].standing:
            raise Invalid({"tickets": f"Only {items[id].standing} of {items[id].tier.name} are left of this order."})
        if count:
            counts[id] = count
    if not counts:
        raise Invalid({"tickets": "Choose what goes back."})
    after, lines = [], []
    for id, item in items.items():
        left = OrderItem(**item.__data__ | {"standing": item.standing - counts.get(id, 0)})
        after.append(left)
        if id in counts:
            gone = item.total_cents * (item.quantity - left.standing) // item.quantity
            was = item.total_cents * (item.quantity - item.standing) // item.quantity
            lines.append((f"{counts[id]} × {item.tier.name}", gone - was))
    cents = payments.price_of(order, list(items.values())) - payments.price_of(order, after)
    if tax := cents - sum(part for _, part in lines):
        lines.append(("Tax on that", tax))
    return Preview(chosen, tuple((items[id], count) for id, count in counts.items()), tuple(lines), cents)


def fee_field(currency):
    """What is kept of what goes back."""
    return Field("fee", "Keep back, as a fee", Price(of=currency), default=0)


@writes
def take_back(order_id, pass_ids, extras, form, *, by):
    """Void these passes, free their places and those of so many add-ons, and send back what they cost less the fee;
    returns what to say. Step-up L2 first. Refuses as `preview` does, and with Invalid without a reason or with too
    high a fee."""
    by.require("orders.write")
    order = holds.locked(order_id)
    found = preview(order, pass_ids, extras)
    refunds.ask_proof(order)
    values = read_whole((*WHY, fee_field(order.currency)), form)
    fee = values["fee"] or 0
    if fee > found.cents:
        raise Invalid({"fee": f"It can't be more than goes back: {written(found.cents, order.currency)}."})
    back = give(order, found, values["reason"], fee, by)
    what = _number(sum(count for _, count in found.counts))
    return f"{what} taken back. {_goes(order, back)}"


def _goes(order, cents):
    return f"{written(cents, order.currency)} go back the way they came." if cents else "No money goes back."


def _number(count):
    return f"{count} ticket" if count == 1 else f"{count} tickets"


def give(order, found, reason, fee, by):
    """Do what a Preview of a locked order shows, in the present transaction, and tell its buyer; returns how much is on
    its way back because of it."""
    was = order.refunded_cents + refunds.under_way_of(order)
    why = "organizer" if by is not None and found.cents == fee else "refunded"  # taken back, and no money with it
    for one in found.passes:
        if not passes.void(one, why):
            raise Refused("One of these tickets is void already.", "PASS_VOID")
    for item, count in found.counts:
        give_back(order, item, count, reason or "a pass was cancelled")
    if fee:
        TicketOrder.update(fee_cents=TicketOrder.fee_cents + fee).where(TicketOrder.id == order.id).execute()
    _drop_requests(order, found.passes)
    payments.settle(order.id, reason, by and by.user)
    order = TicketOrder.get_by_id(order.id)
    back, count = order.refunded_cents + refunds.under_way_of(order) - was, sum(count for _, count in found.counts)
    history.note(
        "order.returned",
        f"{_number(count)} of order {order.number} went back",
        order,
        by=by,
        field="returned",
        before=None,
        after=f"{count}, {reason}",
        organization=order.organization,
    )
    if order.email:
        key = f"taken_back:{order.id}:{sum(item.standing for item in holds.standing(order))}"
        sum_back = written(back, order.currency) if back else ""
        payments.write(order, "tickets_taken_back", key, count=count, reason=reason, sum=sum_back)
    return back


# --- places that are free again --------------------------------------------------------------------------------------


def give_back(order, item, count, why):
    """So many of an item are free again, of its stocks and of what its buyer has, in the present transaction; only what
    still stands."""
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
        buyers.give_back(order.buyer_id, count)


def _wants(order, item, count):
    """What the order takes while so many of one item stand, and of the others what stands of them now."""
    others = [one for one in holds.standing(order) if one.id != item.id]
    lines = [(one.tier, one.standing, one.off(one.standing)) for one in others] + [(item.tier, count, item.off(count))]
    return stock.wanted(stock.of(order.event_id), [line for line in lines if line[1]], order.voucher)


# --- asked for by the buyer ------------------------------------------------------------------------------------------


def asking_ends(order):
    """Until when its buyer may ask for money back; None where they can't. A move of the event opens it again, where
    the event says so."""
    event = events.one(order.event_id)
    found = [] if event.refund_hours is None else [event.starts_at - timedelta(hours=event.refund_hours)]
    if event.moved_at and event.refund_when_moved and order.paid_at and order.paid_at <= event.moved_at:
        found.append(event.starts_at)
    return max(found, default=None)


def may_ask(order):
    """Whether its buyer may ask at this moment."""
    ends = asking_ends(order)
    return order.state == "paid" and order.event.state == "published" and ends is not None and now() < ends


def requested(order):
    """Pass's id → the request for its money back that waits for an answer."""
    asked = Pass.select(Pass, TicketRefund).join(TicketRefund, on=(TicketRefund.id == Pass.refund))
    asked = asked.where(TicketRefund.order == order, TicketRefund.state == "requested")
    return {one.id: one.refund for one in asked}


def askable(order):
    """The passes that their buyer may ask money back for: good, not passed on, nobody came in with them."""
    asked = requested(order)
    mine = [one for one in passes.of_buyer(order) if one.state == "active" and one.id not in asked]
    return [one for one in mine if not passes.is_in(one)]


@writes
def ask(order_id, pass_ids, form):
    """Ask for the money of some passes back, with a reason. Those that cost nothing go back at once, and their places
    are free. Returns how many of them did.

    Refuses with Invalid, and with Refused where that can't be asked (any more).
    """
    order = holds.locked(order_id)
    if not may_ask(order):
        raise Refused("It is too late to ask for money back here. Write to the organizer.")
    reason, good = read_whole(WHY, form)["reason"], {one.id: one for one in askable(order)}
    if not pass_ids:
        raise Invalid({"tickets": "Choose the tickets that you give back."})
    if not set(pass_ids) <= set(good):
        raise Invalid({"tickets": "One of these tickets can't be given back."})
    free = 0
    for id in dict.fromkeys(pass_ids):
        found = preview(TicketOrder.get_by_id(order.id), [id], {})
        if found.cents:
            _request(order, good[id], found.cents, reason)
        else:
            give(order, found, reason, 0, None)
            free += 1
    return free


def _request(order, one, cents, reason):
    mine = TicketPayment.order == order, TicketPayment.state == "paid", TicketPayment.currency == order.currency
    payment = TicketPayment.select().where(*mine).order_by(TicketPayment.id.desc()).first()
    if payment is None:
        raise Refused("Nothing was paid for this ticket.")
    number = TicketRefund.select().where(TicketRefund.order == order).count() + 1
    made = TicketRefund.create(
        order=order,
        payment=payment,
        amount_cents=cents,
        reason=reason,
        state="requested",
        key=f"asked:{one.id}:{number}",
    )
    Pass.update(refund=made).where(Pass.id == one.id).execute()
    history.note(
        "refund.requested",
        f"Money back was asked for of order {order.number}",
        order,
        by=None,
        organization=order.organization,
        field="asked back",
        after=written(cents, order.currency),
    )


def _drop_requests(order, chosen):
    """What was asked for these passes is answered by giving it: what is sent has a row of its own."""
    asked = Pass.select(Pass.refund).where(Pass.id << [one.id for one in chosen], Pass.refund.is_null(False))
    TicketRefund.delete().where(TicketRefund.id << asked, TicketRefund.state == "requested").execute()


def drop_request(one, words):
    """Decline what was asked for a pass as it was, in the present transaction, where that waits for an answer."""
    asked = TicketRefund.id == one.refund_id, TicketRefund.state == "requested"
    TicketRefund.update(state="declined", error=words).where(*asked).execute()


@writes
def approve(id, *, by):
    """Give back what was asked for: the pass is void, its place free, its money on its way. Once."""
    by.require("orders.write")
    refund, one = _asked(id)
    order = holds.locked(refund.order_id)
    refunds.ask_proof(order)
    back = give(order, preview(order, [one.id], {}), refund.reason, 0, by)
    return f"{one.holder}'s ticket is void. {_goes(order, back)}"


@writes
def decline(id, words, *, by):
    """Say no, with a reason that the buyer reads; the pass stays good."""
    by.require("orders.write")
    refund, one = _asked(id)
    moved = TicketRefund.update(state="declined", error=words, by=by.user).where(
        TicketRefund.id == refund.id, TicketRefund.state == "requested"
    )
    if not moved.execute():
        raise events.InvalidTransition("It was answered already.")
    Pass.update(refund=None).where(Pass.id == one.id).execute()
    history.note("refund.declined", "Money back was declined", refund, by=by, field="state", after="declined")
    payments.write(refund.order, "refund_declined", f"refund_declined:{refund.id}", reason=words)
    return f"{refund.order.email} gets a letter with the reason."


def _asked(id):
    """The request with this id, and the pass it is of. Refuses with NotFound, and where it was answered."""
    refund = TicketRefund.one(TicketRefund.id == id)
    if refund is None:
        raise NotFound("It was answered already: what is sent has a line of its own.")
    one = Pass.one(Pass.refund == refund)
    if refund.state != "requested" or one is None or one.state == "void":
        raise events.InvalidTransition("It was answered already.")
    return refund, one


# --- as a list -----------------------------------------------------------------------------------------------------


def _is_asked(row):
    return row.state == "requested"


ACTS = (
    Act(
        *("approval", "Approve", approve, "orders.write"),
        confirm="Give {name} the money back? The ticket is void then, and its place free.",
        when=_is_asked,
        bulk=True,
    ),
    Act(
        *("refusal", "Decline", decline, "orders.write"),
        asks=lambda row, by: Field("words", "What the buyer reads", Text(500, 3, long=True), True),
        when=_is_asked,
    ),
    Act(
        *("payment", "Note as sent back", payments.note_sent_back, "orders.write"),
        when=lambda row: refunds.is_stuck(row) or (refunds.is_by_hand(row) and row.state in refunds.UNDER_WAY),
        confirm="Has the money been sent back?",
    ),
    Act(
        *("account", "Give the bank account", None, "orders.write"),
        leads=lambda ids: f"/refunds/{ids[0]}/bank",
        when=lambda row: row.state == "sent" and row.error == NEEDS_ACCOUNT,
    ),
)
# Refunds as their list has them, and what is asked for among them.
rules = rows.Rules(replace(refunds.listing, acts=(*ACTS, *refunds.listing.acts)))
