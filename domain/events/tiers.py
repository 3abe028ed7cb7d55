"""Kinds of tickets and add-ons: what they cost now, who may buy them when, and how many there are."""

from functools import cache

from peewee import JOIN, IntegerField

from database.clock import now
from database.compiled import CompiledRows
from database.parameters import parameter
from database.transactions import writes
from domain import Invalid, existing
from domain.base import keys
from domain.events import events, stock
from domain.fields.choice import Choice
from domain.fields.kinds import Field, comparable
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.price import Price
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Act, Listing, Sort, both
from models import Checkpoint, OrderItem, PricePhase, Stock, Tier

KIND = Choice((("admission", "Ticket", "info"), ("addon", "Add-on", "quiet")))
STATE = Choice((("on", "On sale", "good"), ("paused", "Paused", "warn"), ("archived", "Archived", "off")))


def one(id):
    """The tier with this id. Refuses with NotFound."""
    return existing(Tier.one(Tier.id == (id or 0)), "There is no such ticket here.")


def of(event_id):
    """All tiers of an event that aren't put away, in their order."""
    return _of(event=event_id)


# Of these two each place in line is made: `order_vs_pretix`.
_of = CompiledRows(
    Tier,
    lambda: (
        Tier.select().where(Tier.event == parameter("event"), Tier.state != "archived").order_by(Tier.place, Tier.id)
    ),
)
_phases = CompiledRows(
    PricePhase,
    lambda: PricePhase.select().where(PricePhase.event == parameter("event")).order_by(PricePhase.id),
)


# --- who may buy it, and for how much -----------------------------------------------------------------------------


def hashed(code):
    """What is kept of the code that shows a hidden tier, and looked up by."""
    return keys.keyed("tier code", comparable(code))


def is_shown(tier, code="", shows_hidden=False):
    """Whether somebody with this code (or a voucher that shows hidden ones) sees it at all."""
    return (
        tier.code_hash is None
        or shows_hidden
        or (bool(code) and tier.code_hash in keys.keyed_by_each("tier code", comparable(code)))
    )


def closed(tier):
    """Why it can't be bought at this moment, whatever is left of it; empty when it can."""
    moment = now()
    if tier.state != "on":
        return "isn't on sale at the moment"
    if tier.sale_from_at and moment < tier.sale_from_at:
        return "isn't on sale yet"
    if tier.sale_until_at and moment >= tier.sale_until_at:
        return "isn't on sale any more"
    return ""


def phases(event_id):
    """Tier's id → its price phases, in the order in which they count."""
    found = {}
    for phase in _phases(event=event_id):
        found.setdefault(phase.tier_id, []).append(phase)
    return found


def price(tier, its_phases, its_stock):
    """(minor units, the phase that makes it so or None) at this moment."""
    taken = its_stock.held + its_stock.sold if its_stock else 0
    for phase in its_phases:
        is_early = phase.until_at is None or now() < phase.until_at
        is_few = phase.until_sold is None or taken < phase.until_sold
        if is_early and is_few:
            return phase.price_cents, phase
    return tier.price_cents, None


# --- acts ----------------------------------------------------------------------------------------------------------


@writes
def hide(id, code, *, by):
    """Show it only to who has this code; without one, to everybody again."""
    by.require("events.write")
    tier, code = one(id), (code or "").strip()
    Tier.update(code_hash=hashed(code) if code else None).where(Tier.id == tier.id).execute()
    return f"{tier.name} shows only with this code." if code else f"Everybody sees {tier.name} now."


@writes
def let_over(id, count, *, by):
    """Allow so many beyond its size (and the event's): named in the ledger."""
    by.require("orders.write")
    tier = one(id)
    stocks, why = stock.of(tier.event_id), f"{by.user.name} lets {count} more in"
    for one_stock in stock.wanted(stocks, [(tier, 1, None)]):
        if one_stock.size is not None:
            stock.let_over(one_stock, count, why, by=by.user)
    return f"{count} more of {tier.name} can be sold, beyond its size."


# --- as a list -----------------------------------------------------------------------------------------------------


def _joined(query):
    mine = (Stock.event == Tier.event) & (Stock.kind == "tier") & (Stock.thing == Tier.id)
    return query.join(Stock, JOIN.LEFT_OUTER, on=mine)


def _derive(tier, values):
    stands = lambda name: values[name] if name in values else tier and getattr(tier, name)  # noqa: E731
    if stands("least") and stands("most") and stands("least") > stands("most"):
        raise Invalid({"most": "It can't be less than the fewest."})
    start, end = stands("sale_from_at"), stands("sale_until_at")
    if start and end and start >= end:
        raise Invalid({"sale_until_at": "The sale must end after it begins."})
    if tier is not None and "kind" in values:
        stock.lock_line(tier.event_id)
        if OrderItem.one(OrderItem.tier == tier):  # whose places are counted by it
            raise Invalid(
                {"kind": "Some were ordered already, as what it is. Make another ticket, and archive this one."}
            )
    return {}


def _after(tier, before, change, by):
    if before is None or "size" in change.fields:
        stock.resize(tier.event_id, "tier", tier.id, tier.size, by=by.user)


def _may_remove(tier, by):
    has_gate = Checkpoint.one(Checkpoint.tier == tier)  # whose scans would go with it
    return by.may("events.write") and not has_gate and not OrderItem.one(OrderItem.tier == tier)


def _why(tier, by, verb, members):
    if Checkpoint.one(Checkpoint.tier == tier):
        return f"A gate lets in {tier.name} alone. Choose another ticket for that gate first."
    return f"Some of {tier.name} were ordered, so it stays. You can archive it."


def _notes(shown, by):
    """Why one can't be had, in words."""
    tiers = {tier.id: tier for tier in Tier.select().where(Tier.id << [row.id for row in shown])}
    stocks = stock.of(next(iter(tiers.values())).event_id) if tiers else {}
    found = {}
    for id, tier in tiers.items():
        why = stock.explain(stocks, tier) or (closed(tier) if tier.state == "on" else "")
        found[id] = ((("warn", why),) if why else ()) + ((("quiet", "Behind a code"),) if tier.code_hash else ())
    return found


@cache
def rules_in(currency):
    """The list of an event's tickets, whose prices are in this currency."""
    listing = Listing(
        *("tiers", "ticket", "tickets", Tier),
        (
            Field("name", "Name", Text(80), required=True),
            Field("kind", "Kind", KIND, default="admission"),
            Field("price_cents", f"Price, {currency}", Price(of=currency), default=0, help="0 or empty: free."),
            Field("size", "How many", Number(0, 1_000_000), help="Empty for no limit of its own."),
            Field("held", "Held", Number(), acted=True),
            Field("sold", "Sold", Number(), acted=True),
            Field("state", "State", STATE, default="on"),
            Field("about", "Description", Text(2000, long=True), listed=False),
            Field("sale_from_at", "On sale from", Moment(), listed=False),
            Field("sale_until_at", "On sale until", Moment(), listed=False),
            Field("least", "Fewest in an order", Number(1, 1000), default=1, listed=False),
            Field("most", "Most in an order", Number(1, 1000), default=10, listed=False),
            Field("place", "Place in the list", Number(0, 1000), default=0, listed=False),
        ),
        (
            Sort("place", "As buyers see them", "place"),
            *both("newest", "Oldest first", "Newest first", first="down", column="id"),
        ),
        joins=_joined,
        elsewhere=(("held", IntegerField(), Stock.held), ("sold", IntegerField(), Stock.sold)),
        acts=(
            Act(
                *("code", "Hide behind a code", hide, "events.write"),
                asks=lambda row, by: Field("code", "Code", Text(40), help="Empty: everybody sees it."),
            ),
            Act(
                *("more", "Let more in", let_over, "orders.write"),
                once=True,
                asks=lambda row, by: Field("count", "How many beyond the size", Number(1, 10_000), True),
            ),
        ),
        parent=Tier.event,
        moves=(Stock.updated_at,),
        stands_in=lambda id, by: events.one(id),
        hears="stock",
        notes=("Now", _notes),
        also=("place",),
        reads="events.read",
        writes="events.write",
        has_pages=True,
        link=True,
        icon="ticket",
        version=currency,
        empty=(("all", "Add the first kind of ticket.", "No tickets yet."),),
    )
    return rows.Rules(
        listing,
        may_change=lambda row, field, by: by.may("events.write"),
        may_remove=_may_remove,
        why=_why,
        derive=_derive,
        after=_after,
    )
