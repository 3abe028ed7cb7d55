"""Getting in line, which is the attempt to hold tickets; leaving it, and keeping one's place by letter.

One piece of work gives the number and takes the stock, so that numbers are in the order in which requests come (on
PostgreSQL: in which they get the event's row) and who comes first is served first. Who finds nothing free waits with
that number. Why: docs/decisions/tickets.md
"""

from datetime import timedelta

from database.clock import now
from database.transactions import wake, writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import history
from domain.base.changes import form_key
from domain.events import events, holds, passes, stock
from domain.events.books import buyers
from domain.events.line import calls, crowds, forms
from domain.events.referring import vias
from domain.fields.choice import Choice
from domain.fields.email import Email, Usable
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing, Sort
from domain.lists.searches import Parts
from models import Place

EARLY = timedelta(minutes=15)  # before the opening: who comes then is in the draw


class NotYet(Refused):
    """The sale hasn't opened."""

    code = "CONFLICT"


# --- getting in --------------------------------------------------------------------------------


@writes(together=crowds.join_all)
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
    if key and (place := Place.one(Place.event == event.id, Place.form_key == key)):
        if not place.stands_for(wishes, code):  # who sends it went back to the page
            raise Refused("You chose tickets on this page before. Look at your choice and press once more.", "CONFLICT")
        return place
    holds.check_selling(event)
    if event.opens_at is not None:
        forms.check(key or "")
    chosen = lines, _ = holds.lines_of(event, wishes, code, added=addon_of is not None)
    block = forms.block_of(address)
    _check_block(event, block)
    values = {
        "event": event,
        "form_key": key,
        **crowds.wished_by(lines, is_less_fine),
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
    found = crowds.arrive(event=event_id, count=1)
    if not found:
        raise NotFound("There is no such event here.")
    return found[0][0]


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
    if not must_wait and not calls.call(event, place, turn=turn, chosen=chosen) and holds.sweep(event.id):
        place = Place.one(Place.id == place.id)  # what came back may have been its own already
        if place.state == "waiting":
            calls.call(event, place, turn=turn, chosen=chosen)
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
    if Place.select().where(Place.event == event.id, Place.block == block, crowds.LIVE).count() >= event.most_block:
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
