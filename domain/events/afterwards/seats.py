"""Seats in parts of the programme that have only so many: a pass takes one after it was bought, and gives it back."""

from itertools import pairwise

from database.transactions import writes
from domain import NotFound, Refused
from domain.events import holds, stock
from models import EventSession, OrderItem, Pass, SessionSeat


def of(one):
    """The ids of the parts in which a pass has a seat."""
    return {seat.session_id for seat in SessionSeat.select().where(SessionSeat.ticket == one.id)}


def taken_by(event_id):
    """Pass's id → the ids of the parts in which it has a seat, of a whole event."""
    found = {}
    query = SessionSeat.select(SessionSeat.ticket, SessionSeat.session).join(EventSession)
    for pass_id, session in query.where(EventSession.event == event_id).tuples():
        found.setdefault(pass_id, []).append(session)
    return found


def choices(one):
    """(part, its stock, whether the pass has a seat there) of the parts that have only so many seats, as they come."""
    stocks, mine = stock.of(one.event_id), of(one)
    parts = EventSession.select().where(EventSession.event == one.event_id, EventSession.seats.is_null(False))
    parts = parts.order_by(EventSession.starts_at, EventSession.id)
    return [(part, stocks.get(("session", part.id)), part.id in mine) for part in parts]


def asked_at(gate):
    """The id of the part whose seats a gate asks for: it is its door, and has only so many. None at other gates."""
    return gate.session_id if gate.session_id and gate.session.seats is not None else None


def fits(gate, one):
    """Whether a pass may come in there as far as seats go."""
    asked = asked_at(gate)
    mine = SessionSeat.ticket == one.id, SessionSeat.session == asked
    return asked is None or SessionSeat.one(*mine) is not None


@writes
def choose(one, wished):
    """Have seats in exactly these parts (ids); those of other parts are free again. All or nothing.

    Refuses with NotFound, SoldOut, and Refused where the pass isn't good or two of them are at the same time.
    """
    order = holds.locked(_order(one).id)
    one = Pass.get_by_id(one.id)
    if one.state != "active":
        raise Refused("This pass isn't good any more.", "PASS_VOID")
    parts = {part.id: (part, its) for part, its, _ in choices(one)}
    if not wished <= set(parts):
        raise NotFound("There is no such part of the programme.")
    _check_times([parts[id][0] for id in wished])
    mine = of(one)
    for id in (mine - wished) & parts.keys():  # a part that has no end of seats any more asks for none
        _leave(one, id, order, parts[id][1], "another seat was chosen")
    new = {parts[id][1]: 1 for id in wished - mine}
    stock.take(order, new, name=lambda its: f"“{parts[its.thing][0].title}”", kind="retake")
    for id in wished - mine:
        SessionSeat.create(ticket=one, session=id)
    Pass.update(seq=Pass.seq).where(Pass.id == one.id).execute()  # phones at the door hear of it


def _check_times(parts):
    parts = sorted(parts, key=lambda part: part.starts_at)
    for part, after in pairwise(parts):
        if after.starts_at < part.ends_at:
            raise Refused(f"“{part.title}” and “{after.title}” are at the same time. Choose one of them.")


def _order(one):
    return OrderItem.get_by_id(one.item_id).order


def leave(one, why):
    """All seats of a pass are free again, in the present transaction."""
    if mine := of(one):
        stocks, order = stock.of(one.event_id), _order(one)
        for id in mine:
            _leave(one, id, order, stocks["session", id], why)


def _leave(one, session, order, its, why):
    mine = SessionSeat.ticket == one.id, SessionSeat.session == session
    if SessionSeat.delete().where(*mine).execute():
        stock.give_back(order, {its: 1}, why)


def hand_over(old, new):
    """The seats of a pass are those of the one in its place."""
    SessionSeat.update(ticket=new).where(SessionSeat.ticket == old.id).execute()
