"""Orders that came through somebody: one row an order, in the order's own transaction, whatever is told twice.

Whether one counts is asked of the order as it stands today: paid, not wholly paid back, with a ticket that is good. So
a refund, a chargeback or a late payment needs no second bookkeeping. Why: docs/decisions/referrals.md
"""

from collections import namedtuple

from peewee import JOIN, Case, IntegerField, TextField, fn

from database.scope import everywhere
from database.statements import insert_rows
from domain import existing
from domain.events import events
from domain.events.referring import vias
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.email import Email, normalized
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Listing, both
from domain.lists.searches import Parts
from models import Flyer, FlyerVia, OrderItem, Pass, Referral, TicketOrder, Tier, User

DEEP = 3  # how far a tree of who brought whom is shown
COUNTS = Choice((("yes", "Counts", "good"), ("no", "Not now", "off"), ("self", "Their own", "quiet")))


# --- noting ---------------------------------------------------------------------------------------------


def note(order, code, came_at):
    """Note that an order came by a code, in the present transaction; a code that isn't one of its event is nothing.
    What is noted stays: whoever pays, is told twice, or tries again."""
    if not code or not vias.is_fresh(came_at):
        return
    if via := vias.find(order.event_id, code):
        _insert([_row(order.id, via, order.user_id)])


def note_all(event, came):
    """The same of many who came just now: (order's id, code, user's id) each."""
    codes = {vias.read(code) for _, code, _ in came}
    known = {via.code: via for via in FlyerVia.select().where(FlyerVia.event == event, FlyerVia.code << codes)}
    _insert([_row(id, known[code], user) for id, code, user in came if code in known])


def _row(order_id, via, user_id):
    is_self = user_id is not None and via.user_id == user_id
    return {**Referral._meta.get_default_dict(), "order": order_id, "via": via.id} | {
        "kind": "self" if is_self else "counted"
    }


def _insert(found):
    insert_rows(Referral, found, or_leave=True)


def look_again(order, *emails, shows_name=None):
    """Say anew whether who brought an order is its own buyer, now that `emails` are known to be in it, and whether they
    may hear the buyer's first name; in the present transaction."""
    row = Referral.one(Referral.order == order)
    if row is None:
        return
    values: dict = {} if shows_name is None else {"shows_name": bool(shows_name)}
    if row.kind != "self" and _is_own(row.via, order, emails):
        values["kind"] = "self"
    if values:
        Referral.update(**values).where(Referral.id == row.id).execute()


def _is_own(via, order, emails):
    theirs = {normalized(via.email_norm or "")} | ({via.user.email_norm} if via.user_id else set())
    if {_mailbox(email) for email in emails if email} & {_mailbox(email) for email in theirs if email}:
        return True
    its = Flyer.select().join(Pass, on=(Flyer.ticket == Pass.id)).join(OrderItem, on=(Pass.item == OrderItem.id))
    return its.where(Flyer.via == via, OrderItem.order == order).exists()


def _mailbox(email):
    """One mailbox in one form: without what stands behind a +, and for Gmail without dots."""
    name, _, domain = normalized(email).partition("@")
    name = name.partition("+")[0]
    return (name.replace(".", ""), "gmail.com") if domain in ("gmail.com", "googlemail.com") else (name, domain)


def is_noted(order):
    """Whether an order came through somebody else."""
    return Referral.one(Referral.order == order, Referral.kind == "counted") is not None


# --- counting -------------------------------------------------------------------------------------------

IS_PAID = (TicketOrder.state == "paid") & (
    (TicketOrder.total_cents == 0) | (TicketOrder.refunded_cents < TicketOrder.paid_cents)
)


def _good_passes(order):
    """How many tickets of an order (a column) are good today."""
    its = Pass.select(fn.COUNT(Pass.id)).join(OrderItem, on=(Pass.item == OrderItem.id))
    its = its.join_from(Pass, Tier, on=(Pass.tier == Tier.id))
    return its.where(OrderItem.order == order, Pass.state == "active", Tier.kind == "admission")


Brought = namedtuple("Brought", "people passes cents")
NOBODY = Brought(0, 0, 0)


def brought(*found):
    """FlyerVia's id → Brought: how many people (buyers) with how many good tickets came by each, and what they paid."""
    passes = _good_passes(Referral.order)
    query = (
        Referral.select(
            Referral.via,
            TicketOrder.buyer,
            TicketOrder.id,
            TicketOrder.paid_cents - TicketOrder.refunded_cents,
            passes,
        )
        .join(TicketOrder, on=(Referral.order == TicketOrder.id))
        .where(Referral.via << [via.id for via in found], Referral.kind == "counted", IS_PAID)
    )
    sums, buyers = {}, {}
    for via, buyer, order, cents, good in query.tuples():
        if good:
            buyers.setdefault(via, set()).add(buyer or f"order {order}")
            before = sums.get(via, NOBODY)
            sums[via] = Brought(len(buyers[via]), before.passes + good, before.cents + cents)
    return {via.id: sums.get(via.id, NOBODY) for via in found}


def first_names(via, limit=20):
    """The first names of who came by a code and said that it may be told, the newest first."""
    query = Referral.select(TicketOrder.name).join(TicketOrder, on=(Referral.order == TicketOrder.id))
    mine = Referral.via == via, Referral.kind == "counted", Referral.shows_name, IS_PAID
    found = query.where(*mine).order_by(Referral.id.desc()).limit(limit).tuples()
    return [name.split()[0] for (name,) in found if name and name.strip()]


def tree(via, depth=DEEP):
    """Who came through whom: [(how deep, FlyerVia, Brought)] from one person on, three deep at most."""
    found, level, seen = [], [via], {via.id}
    for deep in range(1, depth + 1):
        level = [
            one for one in FlyerVia.select().where(FlyerVia.parent << [one.id for one in level]) if one.id not in seen
        ]
        if not level:
            break
        seen |= {one.id for one in level}
        found += [(deep, one, figures) for one, figures in zip(level, brought(*level).values(), strict=True)]
    return found


# --- as lists -------------------------------------------------------------------------------------------

_BY = fn.COALESCE(User.email, FlyerVia.email_norm, "Somebody without an address")
with everywhere("who came by a code is asked of the code's own rows, and those are in scope"):
    _GOOD = _good_passes(TicketOrder.id)
    _ITS = Pass.select(fn.COUNT(Pass.id)).join(OrderItem, on=(Pass.item == OrderItem.id))
    _ITS = _ITS.join_from(OrderItem, Referral, on=(Referral.order == OrderItem.order))
    _ITS = _ITS.join_from(Referral, TicketOrder, on=(Referral.order == TicketOrder.id))
    _ITS = _ITS.join_from(Pass, Tier, on=(Pass.tier == Tier.id)).where(
        Referral.via == FlyerVia.id,
        Referral.kind == "counted",
        IS_PAID,
        Pass.state == "active",
        Tier.kind == "admission",
    )
    _PEOPLE = _ITS.select(fn.COUNT(TicketOrder.buyer.distinct()))
_COUNTS = Case(None, ((Referral.kind == "self", "self"), (IS_PAID & (_GOOD > 0), "yes")), "no")


def _with_person(query):
    return query.join(User, JOIN.LEFT_OUTER, on=(User.id == FlyerVia.user))


bringers = rows.Rules(
    Listing(
        *("bringers", "person", "people", FlyerVia),
        (
            Field("who", "Who", Email()),
            Field("people", "People", Number(), filters=False),
            Field("passes", "Tickets", Number(), filters=False),
            Field("code", "Code", Code()),
            Field("created_at", "Since", Moment(past=True)),
        ),
        (*both("people", "Fewest people first", "Most people first", "down"), *NEWEST),
        joins=_with_person,
        elsewhere=(
            ("who", TextField(), _BY),
            ("people", IntegerField(), fn.COALESCE(_PEOPLE, 0)),
            ("passes", IntegerField(), fn.COALESCE(_ITS, 0)),
        ),
        search=Parts((User.email, FlyerVia.email_norm, FlyerVia.code)),
        parent=FlyerVia.event,
        stands_in=lambda id, by: events.one(id),
        hears="ticket_order pass",
        reads="orders.read",
        has_pages=True,
        link=True,
        beside=False,
        icon="users",
        title="Who brought whom",
        about="People first, tickets second: what was paid and is good today. Orders of their own don’t count.",
        empty=(("all", "Nobody has made a flyer for this event yet. Who does brings others by its link."),),
    )
)


def _with_order(query):
    query = query.join(TicketOrder, on=(TicketOrder.id == Referral.order))
    return query.join_from(Referral, FlyerVia, on=(FlyerVia.id == Referral.via)).join(
        User, JOIN.LEFT_OUTER, on=(User.id == FlyerVia.user)
    )


orders_brought = rows.Rules(
    Listing(
        *("brought", "order", "orders", Referral),
        (
            Field("buyer", "Who came", Text(120)),
            Field("by_whom", "Brought by", Email()),
            Field("tickets", "Tickets", Number(), filters=False),
            Field("counts", "Counts", COUNTS),
            Field("created_at", "Ordered", Moment(past=True)),
        ),
        NEWEST,
        joins=_with_order,
        elsewhere=(
            ("buyer", TicketOrder.name, None),
            ("by_whom", TextField(), _BY),
            ("tickets", IntegerField(), fn.COALESCE(_GOOD, 0)),
            ("counts", TextField(), _COUNTS),
            ("event", FlyerVia.event, None),
        ),
        search=Parts((TicketOrder.name, TicketOrder.email)),
        parent=FlyerVia.event,
        stands_in=lambda id, by: events.one(id),
        hears="ticket_order pass",
        reads="orders.read",
        icon="ticket",
        title="Orders that were brought",
        about="Each order that came through somebody’s link, and whether it counts today.",
        empty=(("all", "No order came through anybody’s link yet."),),
    )
)


def one(id):
    """A bringer's FlyerVia by its id. Refuses with NotFound."""
    return existing(FlyerVia.one(FlyerVia.id == id), "There is nobody here who brings people.")


def whom(via, limit=200):
    """[(order, good tickets, «yes», «no» or «self»)] that came by a code, the newest first."""
    query = (
        Referral.select(Referral, TicketOrder, _good_passes(TicketOrder.id).alias("good"), _COUNTS.alias("counts"))
        .join(TicketOrder, on=(Referral.order == TicketOrder.id))
        .where(Referral.via == via)
    )
    return [(one.order, one.good, one.counts) for one in query.order_by(Referral.id.desc()).limit(limit)]
