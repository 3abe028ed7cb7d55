"""What somebody in line may hope for, in honest words: how long it will be, and whether it will be at all."""

from datetime import timedelta

from peewee import fn

from database.clock import now
from models import Place, TicketOrder

LATELY = timedelta(minutes=15)
FEWEST = 5  # calls, or orders that ended, of which anything can be said


def wait(event, place_number):
    """How long it is until so many are called, as it went lately: (least, most) minutes, or None where too few were
    called to say."""
    since = now() - LATELY
    mine = Place.event == event.id, Place.called_at > since, Place.called_at > Place.created_at
    called = Place.select().where(*mine).count()
    if called < FEWEST or not place_number:
        return None
    minutes = place_number * LATELY.total_seconds() / 60 / called
    return max(1, round(minutes * 0.7)), max(2, round(minutes * 1.5))


def chance(event, place_number):
    """What the holds that run let one expect, in a sentence: so many of them lapse as lapsed before."""
    query = TicketOrder.select(TicketOrder.state, fn.COUNT(TicketOrder.id)).where(TicketOrder.event == event.id)
    counts = {"held": 0, "lapsed": 0, "paid": 0}
    for state, count in query.group_by(TicketOrder.state).tuples():
        counts[{"paid": "paid", "held": "held", "paying": "held"}.get(state, "lapsed")] += count
    ended = counts["lapsed"] + counts["paid"]
    if not counts["held"]:
        return "Nobody is buying at the moment: a place comes free only when somebody gives tickets back."
    if ended < FEWEST:
        return "Some are still buying. Who doesn't finish in time lets the next in line in."
    likely = counts["held"] * counts["lapsed"] / ended
    share = round(100 * counts["lapsed"] / ended)
    words = "good" if likely >= (place_number or 1) else "fair" if likely * 2 >= (place_number or 1) else "small"
    return (
        f"Your chance is {words}: {counts['held']} are still buying, and {share} % of those before them didn't finish."
    )
