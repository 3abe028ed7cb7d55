"""Getting in line, which is the attempt to hold tickets; leaving it, and keeping one's place by letter.

One piece of work gives the number and takes the stock, so that numbers are in the order in which requests come (on
PostgreSQL: in which they get the event's row) and who comes first is served first. Who finds nothing free waits with
that number. Why: docs/decisions/tickets.md
"""

import base64
import hmac
import ipaddress
import secrets
import time
from collections import Counter
from datetime import timedelta
from functools import lru_cache

from peewee import fn

from database.clock import now
from database.columns import spelled, spoken_id
from database.compiled import Compiled
from database.parameters import parameter
from database.statements import insert_rows, new_ids
from database.transactions import wake, writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import changes, history, keys
from domain.base.changes import form_key
from domain.events import events, holds, passes, stock
from domain.events.books import buyers
from domain.events.line import calls
from domain.events.referring import referrals, vias
from domain.fields.choice import Choice
from domain.fields.email import Email, Usable
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing, Sort
from domain.lists.searches import Parts
from models import Event, OrderItem, Place, TicketOrder

YOUNGEST, OLDEST = 1.5, 2 * 3600  # seconds that a form may be old while there is a rush
EARLY = timedelta(minutes=15)  # before the opening: who comes then is in the draw


class NotYet(Refused):
    """The sale hasn't opened."""

    code = "CONFLICT"


# --- the form --------------------------------------------------------------------------------


def fresh_token(age=0):
    """What a form bears: when it was made (`age` seconds ago), and that we made it. It makes one place, however often
    it is sent."""
    text = f"{int((time.time() - age) * 10):x}-{secrets.token_hex(4)}"
    return f"{text}-{_signed(text)}"


def _signed(text):
    return keys.keyed("line form", text)[:12]


def _check_form(token):
    """Refuse with Invalid a form that we didn't make, or that was made too lately for a person or too long ago."""
    text, _, signature = token.rpartition("-")
    if not text or not hmac.compare_digest(_signed(text).encode(), signature.encode()):
        raise Invalid({"tickets": "This page is an old one. Please choose again."})
    age = time.time() - int(text.partition("-")[0], 16) / 10
    if age > OLDEST:
        raise Invalid({"tickets": "This page was open for very long. Please choose again."})
    if age < YOUNGEST:
        raise Invalid({"tickets": "That was faster than people are. Please press once more."})


@lru_cache(maxsize=50_000)
def block_of(address):
    """A hash of the network that an address is of (/24, /64); None for addresses that aren't of the outside."""
    try:
        there = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if not there.is_global:
        return None
    network = ipaddress.ip_network((there, 24 if there.version == 4 else 64), strict=False)
    return base64.urlsafe_b64encode(bytes.fromhex(keys.keyed("network", str(network))[:32])).decode()


# --- getting in --------------------------------------------------------------------------------


def _join_all(event_id, calls_):
    """`join` for many who come at once and all find what they wish: everything is read once, and each table written
    once. Ends with the first for whom that isn't plain. Returns their places."""
    stock.lock_line(event_id)  # nobody else gets in line from here on
    event = events.one(event_id)
    if not _is_plain(event):
        return []
    crowd = _Crowd(event, holds.choosing(event))
    for wishes, asked in calls_:
        if not crowd.add(wishes, **asked):
            break
    return crowd.enter() if crowd.places else []


def _is_plain(event):
    """Whether who comes is called at once as long as there is enough: the sale is open, and nobody has to be before."""
    if event.line_behind or not events.is_selling(event) or not calls.has_opened(event):
        return False
    if event.opens_at is not None and Place.one(Place.event == event, Place.state == "drawn") is not None:
        return False
    ahead = Place.event == event, Place.state == "waiting", Place.addon_of.is_null()
    return event.small_pass or Place.one(*ahead) is None


class _Crowd:
    """Those who come at once, each with the order that holds what they wish, until all are written."""

    def __init__(self, event, choose):
        self.event, self.choose, self.moment = event, choose, now()
        self.places, self.orders, self.items, self.takes = [], [], [], []
        self.keys, self.blocks, self.taken, self.wished = set(), Counter(), Counter(), {}
        until = self.moment + timedelta(minutes=event.hold_minutes)
        stamps = {"created_at": self.moment, "updated_at": self.moment, "event": event.id}
        called = {"state": "called", "called_at": self.moment, "seen_at": self.moment}
        self.usual = Place._meta.get_default_dict() | stamps | called
        self.ordered = TicketOrder._meta.get_default_dict() | stamps
        self.ordered |= {"hold_until_at": until, "currency": event.currency}

    def add(self, wishes, *, is_less_fine=False, code="", key="", user=None, address=None, addon_of=None, via=""):
        """Whether this one could be added; else nothing is changed."""
        key, block = form_key(key), block_of(address)
        is_plain = key and not code and addon_of is None and key not in self.keys
        chosen = self.choose(wishes) if is_plain else None
        if chosen is None or not self._may(key, block) or not self._fits(chosen.wants):
            return False
        self.keys.add(key)
        self.blocks[block] += 1
        for one, count in chosen.wants.items():
            self.taken[one.id] += count
        asked = {"form_key": key, "user": getattr(user, "id", user), "block": block, "is_less_fine": is_less_fine}
        asked["via"] = vias.read(via) or None
        wished = self.wished.setdefault((id(chosen), is_less_fine), _wished(chosen.lines, is_less_fine))
        self.places.append(self.usual | wished | asked | {"public_id": spoken_id()})
        self.orders.append(self.ordered | chosen.totals | {"user": asked["user"], "public_id": spoken_id()})
        self.items.append(chosen.items)
        self.takes.append(chosen.wants)
        return True

    def _may(self, key, block):
        if self.event.opens_at is not None:
            try:
                _check_form(key)
            except Invalid:
                return False
        if _known(event=self.event.id, key=key):
            return False
        if block is None or self.event.most_block is None:
            return True
        return _of_block(event=self.event.id, block=block)[0][0] + self.blocks[block] < self.event.most_block

    def _fits(self, wants):
        return all(stock.fits(one, self.taken[one.id] + count) for one, count in wants.items())

    def enter(self):
        """Write all of them; returns their places."""
        count = len(self.places)
        ((last,),) = _arrive(event=self.event.id, count=count)
        for order, id in zip(self.orders, new_ids(TicketOrder, count), strict=True):
            order["id"] = id
        insert_rows(TicketOrder, self.orders)
        ids = [order["id"] for order in self.orders]
        changes.happened(self.event.organization_id, "ticket_order", [(id, {}) for id in ids], "created")
        insert_rows(OrderItem, [item | {"order": id} for id, its in zip(ids, self.items, strict=True) for item in its])
        stock.take_all(list(zip(ids, self.takes, strict=True)))
        if came := [(id, one["via"], one["user"]) for id, one in zip(ids, self.places, strict=True) if one["via"]]:
            referrals.note_all(self.event, came)
        for at, (place, id, order) in enumerate(zip(self.places, new_ids(Place, count), ids, strict=True), 1):
            place |= {"id": id, "number": last - count + at, "order": order}
        insert_rows(Place, self.places)
        made = [Place.of(organization=self.event.organization_id, **place) for place in self.places]
        for place, order in zip(made, self.orders, strict=True):
            place.__rel__["order"] = TicketOrder.of(organization=self.event.organization_id, **order)
        wake("polls")
        return made


_known = Compiled(
    lambda: Place.select(Place.id).where(Place.event == parameter("event"), Place.form_key == parameter("key"))
)
_of_block = Compiled(
    lambda: Place.select(fn.COUNT(Place.id)).where(
        Place.event == parameter("event"),
        Place.block == parameter("block"),
        spelled("state IN ('drawn', 'waiting', 'called')"),  # Place.LIVE, as the index of blocks has it
    )
)


def _wished(lines, is_less_fine):
    """What a place has of what somebody wishes; for add-ons alone it needs no tickets."""
    people = sum(line.count for line in lines if line.tier.kind == "admission")
    return {
        "wishes": {str(line.tier.id): line.count for line in lines},
        "tiers": tuple(sorted(line.tier.id for line in lines)),
        "needs": min(people, 1) if is_less_fine else people,
    }


@writes(together=_join_all)
def join(event_id, wishes, *, is_less_fine=False, code="", key="", user=None, address=None, addon_of=None, via=""):
    """Get in line with wishes ({tier's id: how many}); returns the place: called, with an order that holds them, or
    waiting, or before the opening in the draw. `is_less_fine`: some of them will do. A form that is sent twice with
    one `key` makes one place. `via` is the code by which they came. With a paid order it is for add-ons to that alone
    (`addon_of`), called at its address.

    Refuses with NotYet before the opening, with SoldOut where nobody may wait, with VoucherInvalid, Invalid (counts,
    the form), NotFound, and Refused where nothing is sold, too many of one network wait, or it chose otherwise before.
    """
    number, key = _next_number(event_id), form_key(key) or None
    event = events.one(event_id)
    if event.opens_at is not None and calls.has_opened(event) and calls.draw(event):
        number, event = _next_number(event_id), events.one(event_id)
    if key and (made := _known(event=event.id, key=key)):
        if not (place := Place.get_by_id(made[0][0])).stands_for(wishes, code):  # who sends it went back to the page
            raise Refused("You chose tickets on this page before. Look at your choice and press once more.", "CONFLICT")
        return place
    holds.check_selling(event)
    if event.opens_at is not None:
        _check_form(key or "")
    chosen = lines, _ = holds.lines_of(event, wishes, code, added=addon_of is not None)
    block = block_of(address)
    _check_block(event, block)
    values = {
        "event": event,
        "form_key": key,
        **_wished(lines, is_less_fine),
        "is_less_fine": is_less_fine,
        "code": code or None,
        "via": vias.read(via) or None,
        "block": block,
        "user": user,
        "seen_at": now(),
    }
    if addon_of is not None:
        values |= {"addon_of": _paid(addon_of, event), "email": addon_of.email}
    if not calls.has_opened(event):
        return _enter_draw(event, values)
    return _enter(event, Place.create(number=number, state="waiting", **values), chosen)


def _paid(order, event):
    if order.event_id != event.id or not passes.stand(order):
        raise Refused("Only to tickets that are paid something can be added.")
    return order


def _next_number(event_id):
    """The next number of the line; on PostgreSQL whoever has it has the line until they commit."""
    found = _arrive(event=event_id, count=1)
    if not found:
        raise NotFound("There is no such event here.")
    return found[0][0]


_arrive = Compiled(
    lambda: (
        Event.update(arrivals=Event.arrivals + parameter("count"))
        .where(Event.id == parameter("event"))
        .returning(Event.arrivals)
    )
)


def _enter_draw(event, values):
    if event.opening != "draw" or now() < event.opens_at - EARLY:
        told = events.local(event, event.opens_at)
        raise NotYet(f"The sale opens on {told:%A}, {told.day} {told:%B}, at {told:%H:%M}. Your choice is kept here.")
    return Place.create(state="drawn", **values)


def _enter(event, place, chosen):
    """Who comes is called at once where they may be, and else waits."""
    if event.line_behind:
        calls.call_next(event.id)
        event = events.one(event.id)
    # Tickets, and what is added to some, don't wait for each other.
    alike = Place.addon_of.is_null(place.addon_of_id is None)
    ahead = Place.event == event.id, Place.state == "waiting", Place.number < place.number, alike
    must_wait = event.line_behind or (not event.small_pass and Place.one(*ahead) is not None)
    turn = timedelta(minutes=event.hold_minutes)
    if not must_wait and not calls.call(event, place, turn, chosen) and holds.sweep(event.id):
        place = Place.one(Place.id == place.id)  # what came back may have been its own already
        if place.state == "waiting":
            calls.call(event, place, turn, chosen)
    if place.state == "waiting":
        place = Place.one(Place.id == place.id)
    if place.state == "waiting":
        if not event.waits:
            raise stock.SoldOut(*_gone(event, place))
        wake("polls")
    return place


def _gone(event, place):
    stocks = stock.of(event.id)
    tiers = [stocks["tier", id] for id in place.tiers if ("tier", id) in stocks]
    ends = [one for one in (*tiers, stocks.get(("event", event.id))) if one is not None and one.size is not None]
    short = min(ends, key=lambda one: one.left)
    if short.left:
        return f"There are only {short.left} left.", short
    return "These tickets are sold out.", short


def _check_block(event, block):
    if block is None or event.most_block is None:
        return
    if _of_block(event=event.id, block=block)[0][0] >= event.most_block:
        raise Refused("Many people of your network are in line already. Try again in some minutes.", "RATE_LIMITED")


# --- one's own place --------------------------------------------------------------------------------

WHERE = (Field("email", "Your e-mail address", Usable(), True, missing="Write where we can reach you."),)


@writes
def keep(place_id, form):
    """Keep a place by letter: who isn't looking is called there, for longer. One address has one place at an event.

    Refuses with Invalid, and where the place isn't waiting any more.
    """
    email = read_whole(WHERE, form)["email"]
    place = Place.one(Place.id == place_id)
    buyer = buyers.at(place.event_id, buyers.key_of(email))
    buyers.take_anyway(buyer, 0)  # one at a time for an address
    other = Place.one(Place.event == place.event_id, Place.buyer == buyer, Place.state << Place.LIVE)
    if other is not None and other.id != place.id:
        raise Invalid({"email": "Somebody is in this line with that address already."})
    kept = Place.update(email=email, buyer=buyer).where(Place.id == place.id, Place.state << ("drawn", "waiting"))
    if not kept.execute():
        raise Refused("This place isn't waiting any more.")
    return Place.one(Place.id == place.id)


@writes
def take_fewer(place_id):
    """Let fewer tickets be fine, from now on; where some are free, they are held at once. Who doesn't wait any more
    has what they have."""
    place = Place.one(Place.id == place_id)
    stock.lock_line(place.event_id)
    Place.update(is_less_fine=True, needs=min(place.needs, 1)).where(
        Place.id == place.id, Place.state == "waiting"
    ).execute()
    calls.call_next(place.event_id)
    return Place.one(Place.id == place.id)


@writes
def leave(place_id):
    """Give a place up; what it was called with is free at once. Who has left already, has."""
    place = Place.one(Place.id == place_id)
    if place.state == "called" and place.order_id:
        return holds.give_up(place.order_id)
    left = Place.update(state="left").where(Place.id == place.id, Place.state << ("drawn", "waiting")).execute()
    wake("polls")
    return bool(left)


# --- as a list ------------------------------------------------------------------------------------------------

STATE = Choice(
    (
        ("drawn", "In the draw", "info"),
        ("waiting", "Waits", "warn"),
        ("called", "Called", "info"),
        ("taken", "Bought", "good"),
        ("lapsed", "Let it lapse", "off"),
        ("left", "Left", "off"),
    )
)


@writes
def offer(id, *, by):
    """Call somebody now, before those who stand in front of them. Refuses where there isn't enough for them."""
    by.require("orders.write")
    place = _at(id)
    stock.lock_line(place.event_id)
    if place.state != "waiting" or not calls.call(place.event, place):
        raise Refused("There isn't enough free for this place, nobody is looking, or it doesn't wait any more.")
    history.note("place.offered", f"Place {place.number} was called by hand", place, by=by)
    return f"Place {place.number} is called: the tickets are held."


@writes
def remove(id, *, by):
    """Take somebody out of the line; what they were called with is free at once."""
    by.require("orders.write")
    place = _at(id)
    if place.state not in Place.LIVE:
        raise Refused("This place is over already.")
    leave(place.id)
    history.note("place.removed", f"Place {place.number or ''} was taken out of the line", place, by=by)


def _at(id):
    return existing(Place.one(Place.id == id))


listing = Listing(
    *("line", "place", "places", Place),
    (
        Field("number", "Number", Number()),
        Field("state", "State", STATE),
        Field("needs", "Tickets at least", Number()),
        Field("email", "E-mail", Email()),
        Field("called_at", "Called", Moment(past=True)),
        Field("created_at", "Since", Moment(past=True)),
    ),
    (Sort("number", "First in line first", "number"), *NEWEST),
    search=Parts((Place.email, Place.public_id)),
    acts=(
        Act(
            *("offer", "Offer now", offer, "orders.write"),
            when=lambda row: row.state == "waiting",
            confirm="Call {name} now, before those who stand in front?",
        ),
        Act(
            *("removal", "Remove", remove, "orders.write", "It is out of the line."),
            when=lambda row: row.state in Place.LIVE,
            confirm="Take {name} out of the line?",
            bulk=True,
            tone="danger",
        ),
    ),
    parent=Place.event,
    stands_in=lambda id, by: events.one(id),
    hears="place",
    also=("public_id",),
    reads="orders.read",
    chips="state",
    icon="clock",
    empty=(("all", "Whoever finds nothing free waits here, in the order in which they came."),),
)
rules = rows.Rules(listing)
