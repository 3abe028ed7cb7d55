"""Stock: how many there are of a thing and how many of them are held and sold. One `take`, one ledger, one check.

Everything that can run out has a row of it: an event's room, a tier's tickets, a session's seats, a voucher's uses
and its budget, which is counted in minor units.
A figure moves by one conditional UPDATE, in the transaction of the row that it follows, and leaves a move in the
ledger; nobody else writes these tables, a house test says so. Why: docs/decisions/tickets.md
"""

from collections import Counter

from peewee import fn

from database.clock import local
from database.compiled import Compiled, CompiledRows
from database.connections import database
from database.parameters import parameter
from database.statements import insert_rows
from database.transactions import writes
from domain import Invalid, Refused
from domain.fields.money import written
from models import Event, EventSession, OrderItem, SessionSeat, Stock, StockMove, TicketOrder, Tier

_calls = []  # who is told where stock came back


class SoldOut(Refused):
    """Not so many are left. `stock` is what has run out, and `left` how many of it there still are."""

    code = "SOLD_OUT"

    def __init__(self, sentence, stock):
        super().__init__(sentence, left=stock.left)
        self.stock = stock


# --- what there is -------------------------------------------------------------------------------------------


def of(event_id):
    """(kind, id of the thing) → Stock of all that an event has."""
    return {(one.kind, one.thing): one for one in _of(event=event_id)}


_of = CompiledRows(Stock, lambda: Stock.select().where(Stock.event == parameter("event")))


def wanted(stocks, lines, voucher=None):
    """What an order takes: Stock → how many. `lines` are (tier, how many, what the voucher takes off them in minor
    units, or None where it doesn't count them)."""
    wants = {}

    def add(kind, thing, count):
        if count and (one := stocks.get((kind, thing))) is not None:
            wants[one] = wants.get(one, 0) + count

    for tier, count, _ in lines:
        add("tier", tier.id, count)
        if tier.kind == "admission":
            add("event", tier.event_id, count)
    if voucher is not None:
        vouched = sum(count for _, count, off in lines if off is not None)
        add("voucher", voucher.id, vouched if voucher.counts == "tickets" else min(vouched, 1))
        add("budget", voucher.id, sum(off or 0 for *_, off in lines))
    return wants


def binds(stocks, tier):
    """The stock that a tier's buyers run into first, or None where there is no end; the page, the hold and the
    organizer's «why?» all ask this."""
    lines = [(tier, 1, None)]
    ends = [one for one in wanted(stocks, lines) if one.size is not None]
    return min(ends, key=lambda one: (one.left, one.kind), default=None)


# --- taking and giving back, within the transaction of the order -------------------------------------------------


@writes
def take(order, wants, *, name=str, kind="hold"):
    """Set aside what an order wants, all of it or nothing: held for `kind` hold, sold at once for retake.

    `name(stock)` is what refusals call it. Refuses with SoldOut, which names what has run out; nothing is taken then.
    """
    column = "held" if kind == "hold" else "sold"
    for stock, count in _in_order(wants):
        if not _set_aside[column](stock=stock.id, count=count):
            now_there = Stock.get_by_id(stock.id)
            raise SoldOut(_too_few(now_there, count, name(now_there)), now_there)
    _note_all(order, wants, kind, **{f"d_{column}": 1})


def _in_order(wants):
    """Whoever needs several has them one after the other in the order of their ids, and waits for nobody in a ring."""
    return sorted(wants.items(), key=lambda pair: pair[0].id)


def fits(stock, count):
    """Whether so many are free, as the stock was read."""
    return stock.left is None or count <= stock.left


def take_all(orders):
    """Set aside what many orders want, [(id, wants)], each in the present transaction: held. Refuses with SoldOut where
    it isn't there for all of them; nothing is taken then."""
    sums, stocks, moves = Counter(), {}, []
    for order, wants in orders:
        for stock, count in wants.items():
            sums[stock.id] += count
            stocks[stock.id] = stock
        moves += [
            {"event": stock.event_id, "stock": stock.id, "order": order, "kind": "hold", "d_held": count}
            for stock, count in wants.items()
        ]
    for id, count in sorted(sums.items()):
        if not _set_aside["held"](stock=id, count=count):
            stock = stocks[id]
            raise SoldOut(_too_few(stock, count, str(stock)), stock)
    usual = StockMove._meta.get_default_dict()
    insert_rows(StockMove, [usual | move for move in moves])


def _taking(column):
    """An UPDATE that takes `count` of a stock where so many are free, and tells whether it did: a hold costs this."""
    count = parameter("count")
    room = Stock.size.is_null() | (Stock.held + Stock.sold + count <= Stock.size + Stock.over)
    return Compiled(
        lambda: Stock.update({column: column + count}).where(Stock.id == parameter("stock"), room).returning(Stock.id)
    )


_set_aside = {"held": _taking(Stock.held), "sold": _taking(Stock.sold)}


def _too_few(stock, count, name):
    if stock.kind == "voucher":
        return f"The code {name} can't be used so often any more: {stock.left} left, {count} wanted."
    if stock.kind == "budget":
        left, off = (written(cents, Event.get_by_id(stock.event_id).currency) for cents in (stock.left, count))
        return f"The code {name} takes off no more than {left} now, and would take off {off}. Choose fewer tickets."
    if not stock.left:
        return f"{name} is sold out."
    return f"There are only {stock.left} left of {name}, and you want {count}."


def sell(order, wants):
    """What was held is sold."""
    _move(order, wants, "sell", held=-1, sold=1)


def release(order, wants, kind="release"):
    """What was held is free again: given up, or for `kind` expire run out of time. Whoever releases says
    `comes_back` when they are through."""
    lock_line(order.event_id)
    _move(order, wants, kind, held=-1)


def give_back(order, wants, why):
    """What was sold is free again."""
    lock_line(order.event_id)
    _move(order, wants, "refund", sold=-1, why=why)
    comes_back(order.event_id)


def lock_line(event_id):
    """Before stock comes back or is given to who waits: one at a time for an event, so that who finds nothing and who
    frees something can't miss each other. SQLite has one writer and needs no lock."""
    if database.dialect == "postgres":
        Event.update(arrivals=Event.arrivals).where(Event.id == event_id).execute()


def on_return(call):
    """Have `call(event_id)` done in each transaction in which stock comes back."""
    _calls.append(call)


def comes_back(event_id):
    """Stock is free again, in the present transaction: who waits in line is next."""
    for call in _calls:
        call(event_id)


def _move(order, wants, kind, held=0, sold=0, why=None):
    for stock, count in _in_order(wants):
        _moved(stock=stock.id, held=held * count, sold=sold * count)
    _note_all(order, wants, kind, why, d_held=held, d_sold=sold)


_moved = Compiled(
    lambda: (
        Stock.update({Stock.held: Stock.held + parameter("held"), Stock.sold: Stock.sold + parameter("sold")})
        .where(Stock.id == parameter("stock"))
        .returning(Stock.id)
    )
)


def _note_all(order, wants, kind, why=None, **each):
    """Write to the ledger what an order moves of each stock: so many times `each`."""
    usual = StockMove._meta.get_default_dict() | {"order": order.id, "kind": kind, "why": why}
    moves = [({name: sign * count for name, sign in each.items()}, stock) for stock, count in _in_order(wants)]
    insert_rows(StockMove, [usual | moved | {"event": stock.event_id, "stock": stock.id} for moved, stock in moves])


def _note(stock, order, kind, why=None, by=None, **moved):
    StockMove.create(event=stock.event_id, stock=stock, order=order, kind=kind, why=why, by=by, **moved)


# --- its size ----------------------------------------------------------------------------------------------------


def resize(event_id, kind, thing, size, *, field="size", by=None):
    """Make the stock of a thing, or say how large it is; None for without end.

    Refuses with Invalid (beside `field`) a size below what is held and sold.
    """
    stock = Stock.one(Stock.event == event_id, Stock.kind == kind, Stock.thing == thing)
    if stock is None:
        stock = Stock.create(event=event_id, kind=kind, thing=thing, size=size)
        _note(stock, None, "resize", by=by, d_size=size or 0)
        return stock
    if stock.size == size:
        return stock
    lock_line(event_id)
    change = Stock.update(size=size).where(Stock.id == stock.id)
    if size is not None:
        change = change.where(Stock.held + Stock.sold <= size + Stock.over)
    if not change.execute():
        there = Stock.get_by_id(stock.id)
        taken = f"{there.sold} are sold and {there.held} held"
        raise Invalid({field: f"It can't be less than {there.held + there.sold - there.over}: {taken}."})
    _note(stock, None, "resize", by=by, d_size=(size or 0) - (stock.size or 0))
    comes_back(event_id)
    return Stock.get_by_id(stock.id)


def let_over(stock, count, why, *, by):
    """Allow so many beyond the size, under the name of whoever decides it. Refuses with Invalid without a reason."""
    if not why:
        raise Invalid({"why": "Say why: it stands in the ledger."})
    lock_line(stock.event_id)
    Stock.update(over=Stock.over + count).where(Stock.id == stock.id).execute()
    _note(stock, None, "override", why, by, d_over=count)
    comes_back(stock.event_id)


# --- the check, and words ------------------------------------------------------------------------------------------


def check(event_id):
    """Sentences about stocks whose figures, ledger and orders tell different sums; none where all is well."""
    moved = {
        row[0]: row[1:]
        for row in StockMove.select(
            StockMove.stock,
            fn.SUM(StockMove.d_held),
            fn.SUM(StockMove.d_sold),
            fn.SUM(StockMove.d_size),
            fn.SUM(StockMove.d_over),
        )
        .where(StockMove.event == event_id)
        .group_by(StockMove.stock)
        .tuples()
    }
    stocks, wrong = of(event_id), []
    ordered = _ordered(event_id, stocks)
    for stock in stocks.values():
        stands = stock.held, stock.sold, stock.size or 0, stock.over
        ledger, rows = tuple(map(int, moved.get(stock.id, (0, 0, 0, 0)))), ordered.get(stock, (0, 0))
        if stands != ledger:
            wrong.append(f"{stock.kind} {stock.thing}: figures {stands}, ledger {ledger}")
        if stands[:2] != tuple(rows):
            wrong.append(f"{stock.kind} {stock.thing}: held and sold {stands[:2]}, orders {tuple(rows)}")
    return wrong


def _ordered(event_id, stocks):
    """Stock → [held, sold] as the orders have it."""
    lines = {}
    query = OrderItem.select(OrderItem, TicketOrder, Tier).join(TicketOrder).switch(OrderItem).join(Tier)
    for item in query.where(TicketOrder.event == event_id, TicketOrder.state << (*TicketOrder.LIVE, "paid")):
        lines.setdefault(item.order, []).append((item.tier, item.standing, item.off(item.standing)))
    found = {}
    for order, its in lines.items():
        for stock, count in wanted(stocks, its, order.voucher).items():
            found.setdefault(stock, [0, 0])[order.state == "paid"] += count
    seats = SessionSeat.select(SessionSeat.session, fn.COUNT(SessionSeat.id)).join(EventSession)
    for session, count in seats.where(EventSession.event == event_id).group_by(SessionSeat.session).tuples():
        if (stock := stocks.get(("session", session))) is not None:
            found[stock] = [0, count]
    return found


def explain(stocks, tier, next_free=None):
    """Why a tier can't be had, in a sentence for the organizer; empty while it can. `next_free` is when the next
    hold ends."""
    stock = binds(stocks, tier)
    if stock is None or stock.left:
        return ""
    whose = f"All {stock.size} of {tier.name}" if stock.kind == "tier" else f"All {stock.size} places of the event"
    parts = [f"{stock.sold} sold"]
    if stock.held:
        when = f", the next until {local(next_free):%H:%M}" if next_free else ""
        parts.append(f"{stock.held} held by people who are buying{when}")
    if stock.kind == "event" and (own := stocks.get(("tier", tier.id))) and own.left:
        parts.append(f"{tier.name} itself has {own.left} left")
    return f"{whose} are taken: {', '.join(parts)}."
