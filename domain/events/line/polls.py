"""Where somebody stands in line, answered from memory, and who was seen looking.

A poll asks nothing of the database: for each event that is polled the numbers that wait are read again after each
change (views/polls.py does it), and one's place is how many of them are smaller. Numbers are only ever given upwards,
so a place never grows.
"""

import hmac
import json
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from database.clock import now
from database.compiled import Compiled
from database.parameters import parameter
from database.scope import everywhere
from database.transactions import writes
from database.waking import wakes
from domain import NotFound
from domain.base import keys
from domain.events import events, holds
from models import Event, Place

AGAIN = 10  # seconds after which it is written down anew that somebody was seen

_seen: dict[int, float] = {}  # place → when it was seen last
_kept: dict[int, float] = {}  # the same, as far as it is written down


def _forget():
    _seen.clear()
    _kept.clear()


wakes.on_wake(wakes.OPENED, _forget)


@dataclass(frozen=True)
class Standing:
    """How the line of an event stood when it was read: the numbers that wait, the last one given, whether a draw is
    still to come, and whether anything is sold at all."""

    waiting: tuple
    last: int
    is_drawing: bool
    is_open: bool

    def answer(self, number):
        """What who has this number is told: their place, or to look at their page."""
        if not self.is_open or (not number and not self.is_drawing):
            return LOOK
        if not number:
            return WAIT
        place = bisect_left(self.waiting, number)
        if place < len(self.waiting) and self.waiting[place] == number:
            return json.dumps({"place": place + 1}).encode()
        return WAIT if number > self.last else LOOK


WAIT, LOOK = b'{"place": null}', b'{"look": true}'

_numbers = Compiled(
    lambda: (
        Place.select(Place.number)
        .where(Place.event == parameter("event"), Place.state == "waiting")
        .order_by(Place.number)
    )
)


def read(event_id):
    """How the line of an event stands now."""
    with everywhere("polls are answered for the lines of all organizations"):
        event = Event.one(Event.id == event_id)
        if event is None:
            return Standing((), 0, False, False)
        last = event.arrivals  # before the numbers: who comes between them is told to wait
        waiting = tuple(number for (number,) in _numbers(event=event_id))
        is_drawing = Place.one(Place.event == event_id, Place.state == "drawn") is not None
    return Standing(waiting, last, is_drawing, events.is_selling(event))


def place_of(place):
    """How many are called before this place, and it itself; None for one that has no number yet."""
    if place.number is None:
        return None
    ahead = Place.event == place.event_id, Place.state == "waiting", Place.number < place.number
    return Place.select().where(*ahead).count() + 1


# --- addresses -----------------------------------------------------------------------------------------------------


def address(place):
    """Where it is seen: whoever has the address, has the place."""
    return f"/line/{place.public_id}/{keys.keyed('place', place.public_id)[:32]}"


def find(public_id, key):
    """The place at this address. Refuses with NotFound, also where the key isn't its own."""
    public_id = public_id[:40]
    if any(holds.keys_fit(made, key) for made in keys.keyed_by_each("place", public_id)):
        with everywhere("a place's address names no organization"):
            if place := Place.one(Place.public_id == public_id):
                return place
    raise NotFound("There is no such place in line. Open it by the link in your letter.")


def poll_address(place):
    """Where its page asks how it stands."""
    text = f"{place.event_id}.{place.number or 0}.{place.id}"
    return f"/line/polls/{text}.{_signed(text)}"


def _signed(text):
    return keys.keyed("poll", text)[:16]


@lru_cache(maxsize=50_000)
def parsed(word):
    """(event, number, place) that a poll's address speaks of; None for one that we didn't make."""
    text, _, signature = word.rpartition(".")
    if not hmac.compare_digest(_signed(text).encode(), signature.encode()):
        return None
    event, number, place = map(int, text.split("."))
    return event, number, place


# --- who is looking ------------------------------------------------------------------------------------------------


def note_seen(place_id, moment):
    """Somebody looks at this place (`moment` in seconds); it is written down by `keep_seen`."""
    _seen[place_id] = moment


def seen_at(place):
    """When it was seen last, in seconds."""
    return max(place.seen_at.timestamp(), _seen.get(place.id, 0))


def keep_seen():
    """Write down who was seen, for other processes and the next start; returns how many."""
    moment = now()
    fresh = [(id, at) for id, at in _seen.copy().items() if at - _kept.get(id, 0) >= AGAIN]
    for id, at in fresh:
        _kept[id] = at
    for id in [id for id, at in _seen.copy().items() if moment.timestamp() - at > 600]:
        _seen.pop(id, None)
        _kept.pop(id, None)
    return _write_seen(moment, [id for id, _ in fresh]) if fresh else 0


@writes
def _write_seen(moment, ids):
    with everywhere("who is seen in lines is written down for all organizations"):
        for n in range(0, len(ids), 500):
            Place.update(seen_at=moment).where(Place.id << ids[n : n + 500], Place.state << Place.LIVE).execute()
    return len(ids)
