"""What became of a rehearsed sale, out of the rows that it left: figures, what mustn't have happened, and the sale over
time.
"""

import heapq

from peewee import fn

from domain.events import payments, stock, tiers
from models import Place, StockMove, TicketOrder, TicketPayment, TicketRefund

BARS = 48  # steps of the chart


def of(crowd):
    """All that is told of the sale of a Crowd that is through, as JSON has it."""
    event, opens = crowd.event, crowd.opens
    places = list(Place.select().where(Place.event == event).order_by(Place.number))
    waits = sorted(
        (one.called_at - max(one.created_at, opens)).total_seconds()
        for one in places
        if one.called_at and one.called_at > max(one.created_at, opens)
    )
    orders = _counts(TicketOrder, TicketOrder.event == event)
    back = TicketRefund.select(fn.COUNT(TicketRefund.id), fn.COALESCE(fn.SUM(TicketRefund.amount_cents), 0))
    refunds, refunded = back.join(TicketOrder).where(TicketOrder.event == event).tuples().first()
    paid = TicketPayment.select(fn.COALESCE(fn.SUM(TicketPayment.amount_cents), 0)).where(TicketPayment.state == "paid")
    return {
        "currency": type(event).get_by_id(event.id).currency,
        "tiers": [_tier(crowd, tier) for tier in tiers.of(event.id) if tier.kind == "admission"],
        "buyers": len(crowd.buyers),
        "paid": orders.get("paid", 0),
        "expired": orders.get("expired", 0) + orders.get("cancelled", 0),
        "in_line": sum(one.state in ("waiting", "drawn") for one in places),
        "waited": len(waits),
        "longest_wait": round(waits[-1]) if waits else 0,
        "usual_wait": round(waits[len(waits) // 2]) if waits else 0,
        "refunds": refunds,
        "refunded_cents": int(refunded),
        "taken_cents": int(paid.scalar()),
        "twice": crowd.twice,
        "refused": sorted(crowd.refused.items(), key=lambda pair: -pair[1])[:5],
        "inversions": inversions(places),
        "wrong": wrong(crowd),
        "samples": _thinned(crowd.samples),
        "ended_after": crowd.samples[-1]["at"],
    }


def _counts(table, mine):
    return dict(table.select(table.state, fn.COUNT(table.id)).where(mine).group_by(table.state).tuples())


def _tier(crowd, tier):
    """When nothing of it was free for the first time: seconds from the opening, or None."""
    stocks = stock.of(crowd.event.id)
    own, room = stocks["tier", tier.id], stocks.get(("event", crowd.event.id))
    gone = [moment for one in (own, room) if one is not None and (moment := _gone_at(one))]
    after = max(0, round((min(gone) - crowd.opens).total_seconds())) if gone else None
    return {"name": tier.name, "size": tier.size, "sold": own.sold, "gone_after": after}


def _gone_at(one):
    """When a stock was used up first, by its ledger."""
    taken = 0
    moves = StockMove.select(StockMove.d_held, StockMove.d_sold, StockMove.created_at).where(StockMove.stock == one)
    for held, sold, moment in moves.order_by(StockMove.id).tuples():
        taken += held + sold
        if taken == one.size:
            return moment
    return None


def inversions(places):
    """How many were called while somebody stood before them who wanted no more of the same; must be none."""
    found, lines = 0, {}
    for one in places:
        if one.number is not None:
            lines.setdefault(tuple(one.tiers), []).append(one)
    for line in lines.values():
        ahead, called = {}, set()
        for one in line:
            heapq.heappush(ahead.setdefault(one.needs, []), one.number)
        served = (one for one in line if one.called_at)
        for one in sorted(served, key=lambda one: (one.called_at, one.number)):
            for needs, numbers in ahead.items():
                while numbers and numbers[0] in called:
                    heapq.heappop(numbers)
                found += bool(numbers) and needs <= one.needs and numbers[0] < one.number
            called.add(one.number)
    return found


def wrong(crowd):
    """Sentences about all that mustn't have happened; none where all is well."""
    event = crowd.event
    found = crowd.odd + stock.check(event.id)
    found += [
        f"{one.sold + one.held} of {one.size} are sold" for one in stock.of(event.id).values() if (one.left or 0) < 0
    ]
    found += [
        f"Order {order.number} is paid and has neither tickets nor a refund" for order in payments.paid_for_nothing()
    ]
    return found


def _thinned(samples):
    """So many of them that a chart shows each, the last one always."""
    step = max(1, -(-len(samples) // BARS))
    kept = samples[::step]
    return kept if kept[-1] is samples[-1] else [*kept, samples[-1]]
