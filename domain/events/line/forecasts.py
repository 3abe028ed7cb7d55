"""What somebody in line may hope for, in honest words: how long it will be, and whether it will be at all."""

import time
from dataclasses import dataclass
from datetime import timedelta

from peewee import fn

from database.clock import now
from models import Place, TicketOrder

LATELY = timedelta(minutes=15)
FEWEST = 5  # calls, or orders that ended, of which anything can be said
SECONDS = 1  # as old as this may be what is said: it looks at all who were called, and at all orders
MOST = 200  # events of which it is kept


@dataclass(frozen=True)
class Lately:
    """How it went in an event's line: how many were `called` lately, and of all its orders how many run, ended without
    being paid, and were paid."""

    called: int
    held: int
    lapsed: int
    paid: int
    at: float


_kept: dict[int, Lately] = {}


def lately(event):
    """The Lately of an event, read once a second however many look at their place."""
    found = _kept.get(event.id)
    if found is None or time.monotonic() - found.at >= SECONDS:
        if len(_kept) >= MOST:
            _kept.clear()
        found = _kept[event.id] = _read(event)
    return found


def _read(event):
    since = now() - LATELY
    mine = Place.event == event.id, Place.called_at > since, Place.called_at > Place.created_at
    counts = {"held": 0, "lapsed": 0, "paid": 0}
    query = TicketOrder.select(TicketOrder.state, fn.COUNT(TicketOrder.id)).where(TicketOrder.event == event.id)
    for state, count in query.group_by(TicketOrder.state).tuples():
        counts[{"paid": "paid", "held": "held", "paying": "held"}.get(state, "lapsed")] += count
    return Lately(Place.select().where(*mine).count(), **counts, at=time.monotonic())


def wait(event, place_number):
    """How long it is until so many are called, as it went lately: (least, most) minutes, or None where too few were
    called to say."""
    called = lately(event).called
    if called < FEWEST or not place_number:
        return None
    minutes = place_number * LATELY.total_seconds() / 60 / called
    return max(1, round(minutes * 0.7)), max(2, round(minutes * 1.5))


def chance(event, place_number):
    """What the holds that run let one expect, in a sentence: so many of them lapse as lapsed before."""
    so_far = lately(event)
    ended = so_far.lapsed + so_far.paid
    if not so_far.held:
        return "Nobody is buying at the moment: a place comes free only when somebody gives tickets back."
    if ended < FEWEST:
        return "Some are still buying. Who doesn't finish in time lets the next in line in."
    likely = so_far.held * so_far.lapsed / ended
    share = round(100 * so_far.lapsed / ended)
    words = "good" if likely >= (place_number or 1) else "fair" if likely * 2 >= (place_number or 1) else "small"
    return f"Your chance is {words}: {so_far.held} are still buying, and {share} % of those before them didn't finish."
