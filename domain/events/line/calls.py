"""Calling who waits: in the order of their numbers, in the very transaction in which stock comes back.

Who is called holds real stock: ten minutes where they were seen just now, else for as long as a letter needs. What one
transaction leaves undone is marked on the event, and newcomers wait until it is done.
"""

import hashlib
from datetime import timedelta
from functools import cached_property, reduce
from operator import or_

from database.clock import now, written
from database.compiled import Compiled
from database.scope import everywhere, inside
from database.statements import update_values
from database.transactions import wake, writes
from domain import Refused
from domain.base import configuration, outgoing
from domain.events import events, holds, passes, reported, stock, tiers
from domain.events.line import polls
from domain.events.referring import referrals
from models import Event, Organization, Place

TURN = timedelta(minutes=10)  # to buy, for whoever is looking
OFFER = timedelta(hours=12)  # for whoever is called by letter
LEAST = timedelta(minutes=5)  # an offer that would end sooner isn't made
SEEN = 60  # seconds: who was seen so lately is looking
GONE = 240  # seconds: who left no address has gone, unseen for so long; a hidden tab asks once a minute at most
CALLS = 20  # in the transaction of somebody else
BATCH = 100  # in one of the job's own
LOOKS = 500  # places that one transaction looks at
AT_FIRST = 20  # of these, as many are read at first: mostly the first few take all there is


# --- whose turn it is ----------------------------------------------------------------------------------------------


def call_next(event_id, limit=CALLS):
    """Call those who are next and for whom there is enough, in the present transaction; returns how many. Where more
    could be called than `limit`, the event is marked so and the job goes on."""
    if not _waiting(event_id).limit(1).exists():
        return 0
    event = events.one(event_id)
    if not events.is_selling(event) or event.ends_at - now() < LEAST:
        return 0
    called, moved, looked, blocked, left = 0, 0, 0, set(), Left(event)
    for place in _candidates(event, left):
        looked += 1
        kind = place.addon_of_id is None  # tickets and what is added to them don't wait for each other
        if kind in blocked:
            continue
        if called == limit:
            _mark(event, True)
            return called
        made = call(event, place, left)
        moved += made is not False
        if made is True:
            called, left = called + 1, Left(event)
            if not left.free:
                break
        if made is False and not event.small_pass:
            blocked.add(kind)
    # Where nothing fits anybody, newcomers needn't wait for it.
    _mark(event, looked == LOOKS and moved > 0 and bool(left.free))
    return called


def _mark(event, is_behind):
    if event.line_behind != is_behind:
        Event.update(line_behind=is_behind).where(Event.id == event.id).execute()
    if is_behind:
        wake("line")


def _waiting(event_id):
    return Place.select().where(Place.event == event_id, Place.state == "waiting")


class Left:
    """What an event has left, as it is read once: by kind and thing its `stocks`, and the tiers that are `free`."""

    def __init__(self, event):
        self.event, self.stocks = event, stock.of(event.id)
        self.free = {one.thing: one.left for one in self.stocks.values() if one.kind == "tier" and one.left != 0}
        room = self.stocks.get(("event", event.id))
        self.people = room.left if room is not None else None

    @cached_property
    def kinds(self):
        """Tier's id → its kind."""
        return {tier.id: tier.kind for tier in tiers.of(self.event.id)}

    def fitting(self, wishes, is_less_fine):
        """What of some wishes ({tier's id: how many}) can be had: all, where less is fine some, else nothing."""
        people, found = self.people, {}
        for id, count in sorted(wishes.items()):
            own, takes_room = self.stocks.get(("tier", id)), self.kinds.get(id) == "admission"
            lefts = [own.left if own else None, people if takes_room else None]
            part = min([count, *(left for left in lefts if left is not None)])
            if part < count and not is_less_fine:
                return {}
            if part:
                found[id] = part
                people = people - part if takes_room and people is not None else people
        return found


def _candidates(event, left):
    """Those who wait and for whom there may be enough, the first in line first."""
    free = left.free
    if not free:
        return
    ends = [left.people] if left.people is not None else []
    if None not in free.values():
        ends.append(sum(free.values()))
    query = _waiting(event.id)
    if event.small_pass:
        query = query.where(reduce(or_, [Place.tiers.contains_id(id) for id in free]))
        if gone := [
            Place.tiers.contains_id(one.thing) for one in left.stocks.values() if one.kind == "tier" and not one.left
        ]:
            query = query.where(Place.is_less_fine | ~reduce(or_, gone))
        if ends:
            query = query.where(Place.needs <= min(ends))
    last, few = 0, min(AT_FIRST, LOOKS)
    for count in (few, LOOKS - few):
        some = list(query.where(Place.number > last).order_by(Place.number).limit(count))
        yield from some
        if not some or len(some) < count:
            return
        last = some[-1].number


def call(event, place, left=None, turn=None, chosen=None):
    """Let one place have what it wishes, or what there is of it where less is fine, in the present transaction: True;
    False where there isn't enough or it isn't sold at the moment, None where nobody is there to be called. What is
    `left` is read anew unless it is given. A newcomer has a `turn` of their own length, what they have `chosen` just
    now (`holds.lines_of`), and hears of any other refusal."""
    if place.addon_of_id is not None and not passes.stand(place.addon_of):
        _move(place, "left")
        return None
    wishes = (left or Left(event)).fitting(place.counts, place.is_less_fine)
    if not wishes:
        return False
    unseen = now().timestamp() - polls.seen_at(place)
    if unseen > GONE and not place.email:
        _move(place, "lapsed", called_at=now())
        return None
    is_looking = unseen <= SEEN or not place.email
    try:
        if chosen is None or wishes != place.counts:
            chosen = holds.lines_of(event, wishes, place.code or "", added=place.addon_of_id is not None)
        return _hold(event, place, *chosen, turn, is_looking)
    except Refused as refusal:
        is_gone = isinstance(refusal, stock.SoldOut) and refusal.stock.kind not in ("voucher", "budget")
        if turn is None or is_gone:
            return False  # they keep their place
        raise


@writes
def _hold(event, place, lines, voucher, turn, is_looking):
    moment = now()
    end = moment + turn if turn else _end(event, lines, moment + (TURN if is_looking else OFFER))
    if not turn and end - moment < LEAST:
        return False
    whose = {"name": place.addon_of.name, "email": place.addon_of.email} if place.addon_of_id else {}
    order = holds.begin(event, lines, voucher, end, sweeps=False, user=place.user_id, **whose)
    if place.via:
        referrals.note(order, place.via, place.created_at)
    _move(place, "called", order=order, called_at=moment)
    if not is_looking:
        _write(event, place, "line_called", f"line:{place.id}:called", end)
    return True


def _end(event, lines, wish):
    """No offer outlives the sale of what is offered."""
    return min([wish, event.ends_at, *(line.tier.sale_until_at for line in lines if line.tier.sale_until_at)])


def _move(place, state, **values):
    Place.update(state=state, **values).where(Place.id == place.id, Place.state == "waiting").execute()
    for name, value in {"state": state, **values}.items():
        setattr(place, name, value)
    wake("polls")


def _write(event, place, template, key, until):
    link = configuration.active.site_url + polls.address(place)
    said = {"event": event.title, "emblem": reported.emblem(event), "link": link}
    outgoing.letter(template, place.email, key, until=written(until, event.timezone), **said)


# --- the draw --------------------------------------------------------------------------------------------------------


def has_opened(event):
    """Whether tickets are given out already."""
    return event.opens_at is None or event.opens_at <= now()


def seed_hash(event):
    """What is shown before a draw, so that the seed shown after it can't have been chosen to fit."""
    return hashlib.sha256((event.draw_seed or "").encode()).hexdigest()


def rank(seed, public_id):
    """Where a place comes in a draw: the order of these."""
    return hashlib.sha256(f"{seed}:{public_id}".encode()).hexdigest()


def draw(event):
    """Give numbers to all who came before the opening, in the order that the seed makes, once; in the present
    transaction. Returns how many."""
    stock.lock_line(event.id)
    came = list(Place.select(Place.id, Place.public_id).where(Place.event == event.id, Place.state == "drawn"))
    if not came:
        return 0
    last = events.one(event.id).arrivals
    came.sort(key=lambda one: rank(event.draw_seed, one.public_id))
    update_values(Place, ("number", "state"), [(last + n, "waiting", one.id) for n, one in enumerate(came, 1)])
    Event.update(arrivals=last + len(came), line_behind=True).where(Event.id == event.id).execute()
    wake("line")
    wake("polls")
    return len(came)


# --- by the clock -----------------------------------------------------------------------------------------------------


def is_due():
    """Whether anybody stands in a line."""
    return bool(_any_place())


_any_place = Compiled(lambda: Place.select(Place.id).where(Place.state << ("drawn", "waiting")).limit(1))


def work(limit=BATCH):
    """For all events with a line: holds that lapsed end, draws are made, and who is next is called. Returns how many
    were drawn or called."""
    with everywhere("lines are called for all events alike"):
        mine = Place.state << ("drawn", "waiting"), Place.organization.not_in(Organization.arriving())
        found = list(
            Place.select(Place.event, Place.organization).where(*mine).distinct().order_by(Place.event).tuples()
        )
    done = 0
    for event, organization in found:
        with inside(organization):
            done += _go_on(event, limit)
    return done


def catch_up(event_id):
    """The same for one event, where something of it is due: for whoever reads its line anyhow, so that it goes on while
    the job stands still. A process that was killed keeps its jobs for a minute. Returns how many were drawn or called.
    """
    with everywhere("a line is read for whoever stands in it"):
        event = Event.one(Event.id == event_id)
        drawn = Place.event == event_id, Place.state == "drawn"
        if not event or not (
            event.line_behind or holds.any_lapsed(event_id) or (has_opened(event) and Place.one(*drawn))
        ):
            return 0
    with inside(event.organization_id):
        return _go_on(event_id, BATCH)


@writes
def _go_on(event_id, limit):
    stock.lock_line(event_id)
    event = events.one(event_id)
    drawn = draw(event) if has_opened(event) else 0
    holds.sweep(event_id)
    is_behind = drawn or events.one(event_id).line_behind
    return drawn + (call_next(event_id, limit) if is_behind else 0)


stock.on_return(call_next)
