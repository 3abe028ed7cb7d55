"""Those who get in line at the same moment, written together. Why: docs/decisions/tickets.md"""

from collections import Counter
from datetime import timedelta
from functools import cached_property

from peewee import fn

from database.clock import now
from database.columns import spelled, spoken_id
from database.compiled import Compiled
from database.parameters import parameter
from database.statements import insert_rows, new_ids
from database.transactions import GROUP, wake
from domain import Invalid
from domain.base import changes
from domain.base.changes import form_key
from domain.events import events, holds, stock
from domain.events.line import calls, forms
from domain.events.referring import referrals, vias
from models import Event, OrderItem, Place, TicketOrder


def join_all(event_id, calls_):
    """`places.join` for many who come at once, and find what they wish or wait for it: everything is read once, and
    each table written once. Ends with the first for whom that isn't plain. Returns their places."""
    stock.lock_line(event_id)  # nobody else gets in line from here on
    event = events.one(event_id)
    if not _is_plain(event):
        return []
    crowd = Crowd(event, holds.choosing(event), [asked for _, asked in calls_])
    for wishes, asked in calls_:
        if not crowd.add(wishes, **asked):
            break
    return crowd.enter() if crowd.places else []


def _is_plain(event):
    """Whether who comes is called at once as long as there is enough, or waits: the sale is open."""
    if event.line_behind or not events.is_selling(event) or not calls.has_opened(event):
        return False
    return event.opens_at is None or Place.one(Place.event == event, Place.state == "drawn") is None


class Crowd:
    """Those who come at once, each with the order that holds what they wish or None, until all are written."""

    def __init__(self, event, choose, asked):
        self.event, self.choose, self.moment = event, choose, now()
        self.known, self.standing = self._there(asked)
        self.places, self.called, self.orders, self.items, self.takes = [], [], [], [], []
        self.keys, self.blocks, self.taken, self.wished = set(), Counter(), Counter(), {}
        until = self.moment + timedelta(minutes=event.hold_minutes)
        stamps = {"created_at": self.moment, "updated_at": self.moment, "event": event.id}
        self.usual = Place._meta.get_default_dict() | stamps | {"seen_at": self.moment}
        self.ordered = TicketOrder._meta.get_default_dict() | stamps
        self.ordered |= {"hold_until_at": until, "currency": event.currency}
        ahead = Place.event == event, Place.state == "waiting", Place.addon_of.is_null()
        self.must_wait = not event.small_pass and Place.one(*ahead) is not None

    def _there(self, asked):
        """(forms of theirs that made a place before, how many of their networks are in line)."""
        sent = [form_key(one.get("key", "")) for one in asked]
        known = {key for (key,) in _known(event=self.event.id, **_each(sent))}
        blocks = [forms.block_of(one.get("address")) for one in asked]
        if self.event.most_block is None or not any(blocks):
            return known, {}
        return known, dict(_standing(event=self.event.id, **_each(blocks)))

    def add(self, wishes, *, is_less_fine=False, code="", key="", user=None, address=None, addon_of=None, via=""):
        """Whether this one could be added; else nothing is changed."""
        key, block = form_key(key), forms.block_of(address)
        is_plain = key and not code and addon_of is None and key not in self.keys
        chosen = self.choose(wishes) if is_plain else None
        if chosen is None or not self._may(key, block):
            return False
        is_called = not self.must_wait and self._fits(chosen.wants)
        if not is_called and not self._only_waits(is_less_fine):
            return False
        self.keys.add(key)
        self.blocks[block] += 1
        asked = {"form_key": key, "user": getattr(user, "id", user), "block": block, "is_less_fine": is_less_fine}
        asked["via"] = vias.read(via) or None
        wished = self.wished.setdefault((id(chosen), is_less_fine), wished_by(chosen.lines, is_less_fine))
        stands = {"state": "called", "called_at": self.moment} if is_called else {"state": "waiting", "called_at": None}
        self.places.append(self.usual | wished | asked | stands | {"public_id": spoken_id(), "order": None})
        if is_called:
            self._take(self.places[-1], chosen)
        else:
            self.must_wait = not self.event.small_pass
        return True

    def _take(self, place, chosen):
        """The order of one who is called."""
        for one, count in chosen.wants.items():
            self.taken[one.id] += count
        self.orders.append(self.ordered | chosen.totals | {"user": place["user"], "public_id": spoken_id()})
        self.called.append(place)
        self.items.append(chosen.items)
        self.takes.append(chosen.wants)

    def _only_waits(self, is_less_fine):
        """Whether nothing else is left to who can't have all they wish: no part of it, and no hold whose time is over
        and that would be ended for them first."""
        return self.event.waits and (self.must_wait or not (is_less_fine or self._anything_lapsed))

    @cached_property
    def _anything_lapsed(self):
        return holds.any_lapsed(self.event.id)

    def _may(self, key, block):
        if self.event.opens_at is not None:
            try:
                forms.check(key)
            except Invalid:
                return False
        if key in self.known:
            return False
        if block is None or self.event.most_block is None:
            return True
        return self.standing.get(block, 0) + self.blocks[block] < self.event.most_block

    def _fits(self, wants):
        return all(stock.fits(one, self.taken[one.id] + count) for one, count in wants.items())

    def enter(self):
        """Write all of them; returns their places."""
        count = len(self.places)
        ((last,),) = arrive(event=self.event.id, count=count)
        if self.orders:
            self._hold()
        for at, (place, id) in enumerate(zip(self.places, new_ids(Place, count), strict=True), 1):
            place |= {"id": id, "number": last - count + at}
        insert_rows(Place, self.places)
        made = [Place.of(organization=self.event.organization_id, **place) for place in self.places]
        orders = {one["id"]: one for one in self.orders}
        for place in made:
            if order := orders.get(place.order_id):
                place.__rel__["order"] = TicketOrder.of(organization=self.event.organization_id, **order)
        wake("polls")
        return made

    def _hold(self):
        """Write the orders of those who are called."""
        for place, order, id in zip(self.called, self.orders, new_ids(TicketOrder, len(self.orders)), strict=True):
            order["id"] = place["order"] = id
        insert_rows(TicketOrder, self.orders)
        ids = [order["id"] for order in self.orders]
        changes.happened(self.event.organization_id, "ticket_order", [(id, {}) for id in ids], "created")
        insert_rows(OrderItem, [item | {"order": id} for id, its in zip(ids, self.items, strict=True) for item in its])
        stock.take_all(list(zip(ids, self.takes, strict=True)))
        if came := [(one["order"], one["via"], one["user"]) for one in self.called if one["via"]]:
            referrals.note_all(self.event, came)


LIVE = spelled("state IN ('drawn', 'waiting', 'called')")  # Place.LIVE, as the index of blocks has it
_EACH = [parameter(f"each_{n}") for n in range(GROUP)]  # `holds_per_second`: of as many as come at once, what is there


def _each(values):
    return {f"each_{n}": values[n] if n < len(values) else None for n in range(GROUP)}


_known = Compiled(
    lambda: Place.select(Place.form_key).where(Place.event == parameter("event"), Place.form_key.in_(_EACH))
)
_standing = Compiled(
    lambda: (
        Place.select(Place.block, fn.COUNT(Place.id))
        .where(Place.event == parameter("event"), Place.block.in_(_EACH), LIVE)
        .group_by(Place.block)
    )
)


def wished_by(lines, is_less_fine):
    """What a place has of what somebody wishes; for add-ons alone it needs no tickets."""
    people = sum(line.count for line in lines if line.tier.kind == "admission")
    return {
        "wishes": {str(line.tier.id): line.count for line in lines},
        "tiers": tuple(sorted(line.tier.id for line in lines)),
        "needs": min(people, 1) if is_less_fine else people,
    }


# Gives the next numbers; on PostgreSQL whoever has them has the line until they commit.
arrive = Compiled(
    lambda: (
        Event.update(arrivals=Event.arrivals + parameter("count"))
        .where(Event.id == parameter("event"))
        .returning(Event.arrivals)
    )
)
