"""Vouchers: codes that make tickets cheaper or show hidden ones. How often is a stock, so it holds under load."""

import secrets
from functools import cache, partial

from peewee import JOIN, IntegerField

from database.clock import now
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.events import events, stock, tiers
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.derived import Derived
from domain.fields.kinds import Field, comparable
from domain.fields.moment import Moment
from domain.fields.money import digits, written
from domain.fields.number import Number
from domain.fields.price import Price
from domain.fields.switch import Switch
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing, both
from models import Stock, TicketOrder, Voucher

DISCOUNT = Choice(
    (
        ("none", "No discount", "quiet"),
        ("percent", "Percent off", "info"),
        ("amount", "Amount off each", "info"),
        ("price", "This price each", "info"),
    )
)
COUNTS = Choice((("tickets", "Tickets", "quiet"), ("orders", "Orders", "quiet")))
AT_MOST = "All together. Empty for no end."
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another


class VoucherInvalid(Refused):
    """There is no such code, or it doesn't count now."""

    code = "CONFLICT"


def find(event_id, code):
    """The voucher with this code that counts now. Refuses with VoucherInvalid."""
    found = Voucher.one(Voucher.event == event_id, Voucher.code_norm == comparable(code)[:40])
    if found is None or found.state != "on":
        raise VoucherInvalid("There is no such code here. Check it letter by letter.")
    if found.from_at and now() < found.from_at:
        raise VoucherInvalid("This code doesn't count yet.")
    if found.until_at and now() >= found.until_at:
        raise VoucherInvalid("This code doesn't count any more.")
    return found


def _whole(currency):
    """All of it, as percents are kept: with as many places as the currency has, so that one field takes both."""
    return 100 * 10 ** digits(currency)


def counts_for(voucher, tier):
    """Whether it is good for this kind of ticket."""
    return voucher is not None and (voucher.tier_id is None or voucher.tier_id == tier.id)


def shown(event_id, code="", held=()):
    """(tiers that somebody with this code sees, the voucher that it is or None). A code may be a hidden tier's own;
    what they hold (`held`, tiers' ids) they see too. Refuses with VoucherInvalid."""
    offered = tiers.of(event_id)
    is_tiers_own = any(tier.code_hash and tiers.is_shown(tier, code) for tier in offered)
    voucher = find(event_id, code) if code and not is_tiers_own else None
    shows = lambda tier: voucher is not None and voucher.shows_hidden and counts_for(voucher, tier)  # noqa: E731
    return [tier for tier in offered if tier.id in held or tiers.is_shown(tier, code, shows(tier))], voucher


def discount(voucher, unit_cents, currency):
    """What it takes off one ticket of this price, in minor units; never more than the price."""
    whole = _whole(currency)
    off = {
        "none": 0,
        "percent": (unit_cents * voucher.value + whole // 2) // whole,
        "amount": voucher.value,
        "price": unit_cents - voucher.value,
    }[voucher.discount]
    return max(0, min(unit_cents, off))


@writes
def only_for(id, tier_id, *, by):
    """Let it count for one kind of ticket alone, or (empty) for all."""
    by.require("events.write")
    voucher = existing(Voucher.one(Voucher.id == id))
    tier = tiers.one(int(tier_id)) if tier_id else None
    if tier is not None and tier.event_id != voucher.event_id:
        raise NotFound()
    Voucher.update(tier=tier).where(Voucher.id == voucher.id).execute()
    return f"{voucher.code} counts for {tier.name if tier else 'every ticket'}."


@writes
def make_many(event_id, count, like, *, by):
    """So many codes of chance, each as the voucher `like` is; returns them."""
    by.require("events.write")
    pattern = existing(Voucher.one(Voucher.id == like, Voucher.event == event_id))
    alike = ("note", "discount", "value", "uses", "counts", "most", "budget_cents", "shows_hidden", "from_at")
    values = {name: getattr(pattern, name) for name in (*alike, "until_at", "tier")}
    made = []
    while len(made) < count:
        code = "".join(secrets.choice(LETTERS) for _ in range(10))
        voucher = Voucher.create(event=event_id, code=code, code_norm=comparable(code), **values)
        _count(voucher, by)
        made.append(voucher)
    return made


# --- as a list -----------------------------------------------------------------------------------------------------


def _joined(query):
    mine = (Stock.event == Voucher.event) & (Stock.kind == "voucher") & (Stock.thing == Voucher.id)
    return query.join(Stock, JOIN.LEFT_OUTER, on=mine)


def _words(currency, row):
    """What a code takes off, in words."""
    value, sum = row["value"], written(row["value"], currency)
    percent = f"{value * 100 / _whole(currency):.3f}".rstrip("0").rstrip(".")
    return {"percent": f"{percent} %", "amount": f"{sum} off", "price": f"{sum} each"}.get(row["discount"], "–")


def _derive(currency, voucher, values):
    asked = {name: values.get(name, getattr(voucher, name, None)) for name in ("discount", "value")}
    if asked["discount"] == "percent" and asked["value"] > _whole(currency):
        raise Invalid({"value": "No code takes off more than 100 percent."})
    if voucher is not None and "counts" in values:
        stock.lock_line(voucher.event_id)
        if TicketOrder.one(TicketOrder.voucher == voucher):
            raise Invalid({"counts": "It was used already, and those uses were counted. Make another code instead."})
    if "code" in values:
        norm, event = comparable(values["code"])[:40], voucher.event_id if voucher else values["event"]
        other = Voucher.one(Voucher.code_norm == norm, Voucher.event == event)
        if other is not None and (voucher is None or other.id != voucher.id):
            raise Invalid({"code": "There is such a code already."})
        return {"code_norm": norm}
    return {}


def _holder(code, by, event):
    found = Voucher.one(Voucher.event == event, Voucher.code_norm == comparable(code)[:40])
    return found and found.id


def _after(voucher, before, change, by):
    if before is None or {"uses", "budget_cents"} & set(change.fields):
        _count(voucher, by)


def _count(voucher, by):
    """Its uses and its budget are stocks as large as it says. Refuses with Invalid below what is taken."""
    stock.resize(voucher.event_id, "voucher", voucher.id, voucher.uses, field="uses", by=by.user)
    stock.resize(voucher.event_id, "budget", voucher.id, voucher.budget_cents, field="budget_cents", by=by.user)


def _given(currency, found, by):
    """How much of their budgets those that have one took off."""
    mine = Stock.kind == "budget", Stock.size.is_null(False), Stock.thing << [row.id for row in found]
    taken = Stock.select(Stock.thing, Stock.held + Stock.sold, Stock.size).where(*mine).tuples()
    return {
        id: (("warn" if off >= size else "quiet", f"{written(off, currency)} of {written(size, currency)}"),)
        for id, off, size in taken
    }


def _copy(id, count, *, by):
    like = existing(Voucher.one(Voucher.id == id))
    return f"{len(make_many(like.event_id, count, like.id, by=by))} more codes like {like.code} are made."


def _tier_choice(row, by):
    options = tuple((str(tier.id), tier.name, "quiet") for tier in tiers.of(row.event))
    return Field("tier", "Only for", Choice(options), help="Empty: every ticket.")


@cache
def rules_in(currency):
    """The list of an event's vouchers, whose amounts are in this currency."""
    value = f"As the discount says: 10 is 10 percent, or {written(10 * 10 ** digits(currency), currency)}."
    listing = Listing(
        *("vouchers", "code", "codes", Voucher),
        (
            Field("code", "Code", Code(40, 3), required=True),
            Field("discount", "Discount", DISCOUNT, default="none", listed=False),
            Field("value", "So much", Price(of=currency), default=0, help=value, listed=False, filters=False),
            Field("off", "Takes off", Derived(partial(_words, currency))),
            Field("uses", "Uses", Number(1, 1_000_000), help="Empty for no limit."),
            Field("held", "Held", Number(), acted=True),
            Field("sold", "Used", Number(), acted=True),
            Field("state", "State", tiers.STATE, default="on"),
            Field("budget_cents", "Takes off at most", Price(of=currency), help=AT_MOST, listed=False),
            Field("counts", "Uses count", COUNTS, default="tickets", listed=False),
            Field("most", "Most tickets in an order", Number(1, 1000), listed=False),
            Field("shows_hidden", "Shows hidden tickets", Switch(), default=False, listed=False),
            Field("from_at", "From", Moment(), listed=False),
            Field("until_at", "Until", Moment(), listed=False),
            Field("note", "Note", Text(500), listed=False),
        ),
        (*NEWEST, *both("code", "By code", "By code, backwards")),
        joins=_joined,
        elsewhere=(
            *(("held", IntegerField(), Stock.held), ("sold", IntegerField(), Stock.sold)),
            ("off", Voucher.value, None),
        ),
        notes=("Budget", partial(_given, currency)),
        acts=(
            Act(*("tier", "Choose the ticket", only_for, "events.write"), asks=_tier_choice),
            Act(
                *("copies", "Make more like it", _copy, "events.write"),
                once=True,
                asks=lambda row, by: Field("count", "How many", Number(1, 500), True, default=10),
            ),
        ),
        once=(("code", _holder),),
        parent=Voucher.event,
        moves=(Stock.updated_at,),
        stands_in=lambda id, by: events.one(id),
        hears="stock",
        also=("event", "discount", "value"),
        has_pages=True,
        link=True,
        reads="events.read",
        writes="events.write",
        icon="tag",
        version=currency,
        empty=(("all", "Make a code that takes something off, or shows hidden tickets.", "No codes yet."),),
    )
    return rows.Rules(
        listing,
        may_change=lambda row, field, by: by.may("events.write"),
        may_remove=lambda row, by: by.may("events.write") and not TicketOrder.one(TicketOrder.voucher == row),
        why=lambda row, by, verb, members: "It was used, so it stays. You can pause or archive it.",
        derive=partial(_derive, currency),
        after=_after,
    )
