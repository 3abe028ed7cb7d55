"""Holding tickets: they are one's own for some minutes, change inside the hold, and are free again at once.

A hold is an order in state held or paying. Everything that says no is asked here, by the server's clock and in one
transaction with the taking; pages only show it.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta

from database.clock import now
from database.compiled import CompiledPairs
from database.connections import database
from database.locks import lock
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import changes, keys
from domain.events import events, stock, tiers, vouchers
from domain.events.books import buyers
from domain.events.referring import referrals
from domain.fields.email import Usable
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.text import Name
from domain.organizations import permissions
from models import OrderItem, Organization, Place, TicketOrder, Tier

SWEPT = 50  # lapsed holds that a buyer who finds nothing free sweeps at most
LINES = 30  # kinds of tickets in one order


class HoldExpired(Refused):
    code, status = "HOLD_EXPIRED", 410


@dataclass(frozen=True)
class Line:
    """So many of a tier as they are held."""

    tier: Tier
    count: int
    unit_cents: int
    discount_cents: int
    is_vouched: bool

    @property
    def total_cents(self):
        return self.count * self.unit_cents - self.discount_cents


# --- what is wished for ----------------------------------------------------------------------------------------


def lines_of(event, wishes, code, held=(), added=False, known=None):
    """(lines, voucher) of what somebody asks for who has `held` (tiers' ids). Refuses what can't be bought: a closed or
    hidden tier, too few or too many, an add-on alone; where it is `added` to an order, anything but add-ons. `known`
    are the event's stocks and phases, where these were read already."""
    shown, voucher = vouchers.shown(event.id, code, held)
    if len(wishes) > LINES:
        raise Invalid({"tickets": f"At most {LINES} kinds in one order."})
    offered = {tier.id: tier for tier in shown}
    stocks, phases = known or (stock.of(event.id), tiers.phases(event.id))
    found = []
    for id, count in sorted(wishes.items()):
        if not count:
            continue
        if id not in offered:
            raise NotFound("This kind of ticket isn't here.")
        tier, is_vouched = offered[id], vouchers.counts_for(voucher, offered[id])
        _check_count(tier, count, voucher if is_vouched else None)
        unit, _ = tiers.price(tier, phases.get(id, ()), stocks.get(("tier", id)))
        off = count * vouchers.discount(voucher, unit, event.currency) if is_vouched else 0
        found.append(Line(tier, count, unit, off, is_vouched))
    if added and (not found or any(line.tier.kind == "admission" for line in found)):
        raise Invalid({"tickets": "Choose which add-ons you want with your tickets."})
    if not added and not any(line.tier.kind == "admission" for line in found):
        raise Invalid({"tickets": "Choose how many tickets you want."})
    return found, voucher


def _check_count(tier, count, voucher):
    if reason := tiers.closed(tier):
        raise Refused(f"{tier.name} {reason}.")
    most = voucher.most if voucher is not None and voucher.most else tier.most
    if count < tier.least:
        raise Invalid({"tickets": f"{tier.name} is sold from {tier.least} on."})
    if count > most:
        raise Invalid({"tickets": f"At most {most} of {tier.name} in one order."})


def _sums(event, lines):
    """(total, tax, discount) in minor units. Prices that include the tax are the truth, and it is taken out of each
    line; where it is added, it is rounded once for the order."""
    gross, discount = sum(line.total_cents for line in lines), sum(line.discount_cents for line in lines)
    if event.prices_include_tax:
        return gross, sum(tax_within(line.total_cents, event.tax_bps) for line in lines), discount
    tax = _half_up(gross * event.tax_bps, 10_000)
    return gross + tax, tax, discount


def tax_within(cents, bps):
    """The tax that a price contains, in minor units."""
    return cents - _half_up(cents * 10_000, 10_000 + bps)


def _half_up(top, bottom):
    return (2 * top + bottom) // (2 * bottom)


# --- holding ---------------------------------------------------------------------------------------------------


@writes
def hold(event_id, wishes, *, code="", key="", user=None):
    """Hold what somebody wishes ({tier's id: how many}) for the event's minutes; returns the order. A form that is sent
    twice with one `key` holds once.

    Refuses with SoldOut, VoucherInvalid, Invalid (counts), NotFound, and Refused where nothing is sold.
    """
    event, key = events.one(event_id), changes.form_key(key) or None
    if key:
        lock("form", f"{event.id} {key}")
    if key and (made := TicketOrder.one(TicketOrder.event == event, TicketOrder.form_key == key)):
        return made
    check_selling(event)
    lines, voucher = lines_of(event, wishes, code)
    until = now() + timedelta(minutes=event.hold_minutes)
    return begin(event, lines, voucher, until, form_key=key, user=user)


@dataclass(frozen=True)
class Chosen:
    """What somebody chose, as rows have it: what they take of which stock, their order's sums, and its items."""

    lines: tuple
    wants: dict
    totals: dict
    items: tuple


def choosing(event):
    """`choose(wishes)` says what that comes to (a Chosen), and None where it isn't plain: what is refused, or a price
    that depends on how many are taken. For many who choose at one moment: all is read once."""
    stocks, phases, known = stock.of(event.id), tiers.phases(event.id), {}
    is_plain = not any(phase.until_sold for its in phases.values() for phase in its)

    def choose(wishes):
        key = tuple(sorted(wishes.items()))
        if key not in known:
            known[key] = _chosen(event, wishes, stocks, phases) if is_plain else None
        return known[key]

    return choose


def _chosen(event, wishes, stocks, phases):
    try:
        lines, _ = lines_of(event, wishes, "", known=(stocks, phases))
    except Refused:
        return None
    wants = stock.wanted(stocks, [(line.tier, line.count, None) for line in lines])
    totals = _totals(event, lines, None)
    usual = OrderItem._meta.get_default_dict()
    return Chosen(
        tuple(lines), wants, totals, tuple(usual | _item(event, line) | {"tier": line.tier.id} for line in lines)
    )


def check_selling(event):
    """Refuse where nothing is sold."""
    if not events.is_selling(event):
        raise Refused(f"Tickets for {event.title} aren't sold any more.")


def begin(event, lines, voucher, until, *, sweeps=True, **values):
    """An order that holds these lines until then, in the present transaction; lapsed holds end first where that is
    needed and one `sweeps`. Refuses with SoldOut."""
    values |= _totals(event, lines, voucher)
    order = TicketOrder.create(event=event, currency=event.currency, hold_until_at=until, **values)
    changes.happened(event.organization_id, "ticket_order", [(order.id, {})], "created")
    _fill(order, event, lines, voucher, sweeps)
    return order


def moved(order, state):
    """Tell who follows that an order came from the state it has to another one, in the present transaction."""
    changes.happened(order.organization_id, "ticket_order", [(order.id, {"state": [order.state, state]})])


def _totals(event, lines, voucher):
    """What the order itself has of its lines."""
    total, tax, discount = _sums(event, lines)
    return {"voucher": voucher, "total_cents": total, "tax_cents": tax, "discount_cents": discount}


def _fill(order, event, lines, voucher, sweeps=True):
    """Take what the lines want, and write them to the order."""
    for line in lines:
        OrderItem.create(order=order, **_item(event, line))
    taken = [(line.tier, line.count, line.discount_cents if line.is_vouched else None) for line in lines]
    wants = stock.wanted(stock.of(event.id), taken, voucher)
    names = {("tier", line.tier.id): line.tier.name for line in lines} | {("event", event.id): event.title}
    if voucher is not None:
        names["voucher", voucher.id] = names["budget", voucher.id] = voucher.code
    name = lambda one: names.get((one.kind, one.thing), "this")  # noqa: E731
    try:
        stock.take(order, wants, name=name)
    except stock.SoldOut:
        if not sweeps or not sweep(event.id):
            raise
        stock.take(order, wants, name=name)


def _item(event, line):
    """What the row of a line has."""
    return {
        "tier": line.tier,
        "quantity": line.count,
        "standing": line.count,
        "unit_cents": line.unit_cents,
        "discount_cents": line.discount_cents,
        "tax_cents": tax_within(line.total_cents, event.tax_bps) if event.prices_include_tax else 0,
        "total_cents": line.total_cents,
        "is_vouched": line.is_vouched,
    }


def wants_of(order, items=None):
    """Stock → how many the order has of it: what stands of its items, where these were read already."""
    items = standing(order) if items is None else items
    lines = [(item.tier, item.standing, item.off(item.standing)) for item in items if item.standing]
    return stock.wanted(stock.of(order.event_id), lines, order.voucher)


def standing(order):
    """Its items, with their tiers, in the order in which they were chosen."""
    return _standing(order=order.id)


# For `order_vs_pretix`.
_standing = CompiledPairs(
    OrderItem.tier,
    lambda: (
        OrderItem.select(OrderItem, Tier)
        .join(Tier)
        .where(OrderItem.order == parameter("order"))
        .order_by(Tier.place, Tier.id)
    ),
)


def locked(order_id):
    """The order as it stands, and as it stays for others until the present transaction ends. Whoever decides about an
    order begins with it: before they read the order, and before they touch a stock. Refuses with NotFound."""
    if database.dialect == "postgres":
        order = TicketOrder.select().where(TicketOrder.id == order_id).for_update("FOR NO KEY UPDATE").first()
    else:  # SQLite has one writer
        order = TicketOrder.one(TicketOrder.id == order_id)
    return existing(order, "There is no such order here.")


def own(order_id):
    """The order while its hold runs, locked. Refuses as `check_live` does, or with NotFound."""
    order = locked(order_id)
    check_live(order)
    return order


def check_live(order):
    """Refuse with HoldExpired where what it holds isn't its own any more, and while its organization is suspended."""
    if not order.is_live:
        raise HoldExpired("The time to buy these tickets is over. They are free again: choose anew.")
    if order.organization.status != "active":
        raise permissions.OrganizationSuspended("Nothing is sold here for now. These tickets weren't paid for.")


@writes
def change(order_id, wishes, *, code=""):
    """Hold something else instead, within the same time; where that isn't to be had, the old hold stays.

    Refuses as `hold` does, and with HoldExpired.
    """
    order = own(order_id)
    if order.state != "held":
        raise Refused("It is being paid at the moment. Go back from there first.")
    event = events.one(order.event_id)
    items = standing(order)
    is_added = Place.one(Place.order == order, Place.addon_of.is_null(False)) is not None
    lines, voucher = lines_of(event, wishes, code, {item.tier_id for item in items}, is_added)
    counted = _people(items)
    stock.release(order, wants_of(order))
    OrderItem.delete().where(OrderItem.order == order).execute()
    values = _totals(event, lines, voucher)
    TicketOrder.update(values).where(TicketOrder.id == order.id).execute()
    _fill(order, event, lines, voucher)
    for field, value in values.items():
        setattr(order, field, value)
    if order.buyer_id:
        buyers.give_back(order.buyer_id, counted)
        buyers.take(event, order.buyer_id, sum(line.count for line in lines if line.tier.kind == "admission"))
    stock.comes_back(event.id)
    return order


@writes
def give_up(order_id):
    """Let it go: what it held is free at once. An order that has ended stays as it is."""
    return end(order_id, "cancelled", "release")


def end(order_id, state, kind):
    """Move a live order to its end and free what it held, in the present transaction; False where another did, or for
    `kind` expire where its time was prolonged. Refuses with NotFound."""
    order = locked(order_id)
    if order.state not in TicketOrder.LIVE or (kind == "expire" and order.is_live):
        return False
    TicketOrder.update(state=state, ended_at=now()).where(TicketOrder.id == order.id).execute()
    moved(order, state)
    stock.release(order, wants_of(order), kind)
    if order.buyer_id:
        buyers.give_back(order.buyer_id, _people(standing(order)))
    Place.update(state="lapsed" if state == "expired" else "left").where(
        Place.order == order.id, Place.state == "called"
    ).execute()
    stock.comes_back(order.event_id)
    return True


def any_lapsed(event_id):
    """Whether the time of a hold of an event is over and it hasn't ended yet."""
    return _lapsed(event_id).exists()


def _lapsed(event_id):
    return TicketOrder.select().where(
        TicketOrder.event == event_id, TicketOrder.state << TicketOrder.LIVE, TicketOrder.hold_until_at <= now()
    )


def sweep(event_id, limit=SWEPT):
    """End the holds of an event whose time is over, in the present transaction; returns how many. Those that somebody
    else is at are left to them: who changes an order has stocks already, and must not wait for another order."""
    due = _lapsed(event_id).order_by(TicketOrder.hold_until_at).limit(limit)
    if database.dialect == "postgres":
        due = due.for_update("FOR NO KEY UPDATE SKIP LOCKED")
    return sum(end(order.id, "expired", "expire") for order in list(due))


def sweep_all(limit=200):
    """The same for every event, by the clock: so that the figures of pages are true, not for the sale. Returns how
    many ended."""
    with everywhere("holds lapse for all events alike"):
        due = TicketOrder.select(TicketOrder.event, TicketOrder.organization).where(
            TicketOrder.state << TicketOrder.LIVE,
            TicketOrder.hold_until_at <= now(),
            TicketOrder.organization.not_in(Organization.arriving()),
        )
        found = list(due.distinct().limit(limit).tuples())
    swept = 0
    for event, organization in found:
        with inside(organization):
            swept += writes(sweep)(event, limit)
    return swept


# --- who buys --------------------------------------------------------------------------------------------------

WHO = (
    Field("name", "Your name", Name(120, 2), True, missing="Write your name: it stands on the tickets."),
    Field("email", "Your e-mail address", Usable(), True, missing="Write where the tickets go."),
)


@writes
def say_who(order_id, form):
    """Note who buys, and count their tickets against what one buyer gets of the event. `shows_name` in the form lets
    whoever brought them hear their first name.

    Refuses with Invalid, HoldExpired, and Refused above that limit.
    """
    order = own(order_id)
    note_buyer(order, standing(order), read_whole(WHO, form), "shows_name" in form)
    return TicketOrder.get_by_id(order.id)


def note_buyer(order, items, values, shows_name):
    """The same of an order that was read, with its items, and of values that were; in the present transaction."""
    key, count, buyer = buyers.key_of(values["email"]), _people(items), order.buyer_id
    if not buyer or order.buyer.key != key:
        if buyer:
            buyers.give_back(buyer, count)
        buyer = buyers.at(order.event_id, key)
        buyers.take(order.event, buyer, count)
    values |= {"buyer": buyer}
    TicketOrder.update(**values).where(TicketOrder.id == order.id).execute()
    for name, value in values.items():
        setattr(order, name, value)
    referrals.look_again(order, order.email, shows_name=shows_name)


def _people(items):
    return sum(item.standing for item in items if item.tier.kind == "admission")


def count_again(order):
    """Count an order that came back to life to its buyer, whatever their limit: it is paid."""
    buyers.take_anyway(order.buyer_id, _people(standing(order)))


def count_to(order, email):
    """The buyer of this address, to whom an order is counted from here on, whatever their limit."""
    buyer = buyers.at(order.event_id, buyers.key_of(email))
    if order.state in (*TicketOrder.LIVE, "paid"):
        buyers.give_back(order.buyer_id, _people(standing(order)))
        buyers.take_anyway(buyer, _people(standing(order)))
    return buyer


# --- finding it -------------------------------------------------------------------------------------------------


def address(order):
    """Where its buyer sees it: whoever has the address, has the order, until its e-mail address is corrected."""
    return f"/orders/{order.public_id}/{keys.keyed('ticket order', order.link)[:32]}"


def find(public_id, key):
    """The order at a buyer's address. Refuses with NotFound, also where the key isn't its own."""
    with everywhere("an order's address names no organization"):
        order = TicketOrder.one(TicketOrder.public_id == public_id[:40])
    if order is None or not any(keys_fit(made, key) for made in keys.keyed_by_each("ticket order", order.link)):
        raise NotFound("There is no such order. Open it by the link in your letter.")
    return order


def keys_fit(made, key):
    """Whether the key of an address is the one made for it, compared in constant time."""
    return hmac.compare_digest(made[:32].encode(), key[:64].encode())
