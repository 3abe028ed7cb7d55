"""Passing a pass on: its holder names an address, who accepts gets a new pass, and the old code is void.

open → accepted, withdrawn or lapsed. No ticket is taken or given back by it, so a sold-out event is no obstacle.
"""

import hmac
from datetime import timedelta

from database.clock import now, written
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound, existing
from domain.base import allowances, history, keys
from domain.events import events, passes
from domain.events.afterwards import returns, seats
from domain.events.referring import referrals
from domain.fields.email import Usable
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.text import Name
from models import Event, Pass, PassTransfer

DAYS = timedelta(days=7)  # that somebody has to accept
TO = (Field("email", "To whom", Usable(), True, missing="Write the address of whoever gets it."),)
WHO = (Field("holder", "Your name", Name(120, 2), True, missing="Write your name: it stands on the ticket."),)


# --- whether and until when ------------------------------------------------------------------------------------------


def deadline(event):
    """Until when its passes are passed on; None where they aren't at all."""
    if event.pass_on_hours is None:
        return None
    return event.starts_at - timedelta(hours=event.pass_on_hours)


def why_not(one):
    """Why a pass can't be passed on at this moment, in a sentence; empty where it can."""
    until = deadline(one.event)
    if one.state != "active":
        return "This pass isn't good any more."
    if one.event.state != "published":
        return "The event is cancelled."
    if until is None:
        return "Tickets for this event can't be passed on."
    if now() >= until:
        return "It is too late to pass this ticket on."
    if passes.is_in(one):
        return "Somebody came in with this ticket already."
    return ""


def open_of(one):
    """The transfer of a pass that waits to be accepted, or None."""
    return PassTransfer.one(PassTransfer.ticket == one.id, PassTransfer.state == "open", PassTransfer.until_at > now())


def offered(found):
    """The ids of those of these passes that wait to be accepted by somebody else."""
    mine = PassTransfer.ticket << found, PassTransfer.state == "open", PassTransfer.until_at > now()
    return {one.ticket_id for one in PassTransfer.select(PassTransfer.ticket).where(*mine)}


# --- what its holder does --------------------------------------------------------------------------------------------


@writes
def offer(one, form, *, by=None):
    """Offer a pass to an address, which gets a letter to accept it; what was offered before is withdrawn. `by` is the
    organizer who does it for its holder.

    Refuses with Invalid, with Refused where it can't be passed on (see `why_not`), and with TooOften.
    """
    one, email = passes.locked(one.id), read_whole(TO, form)["email"]
    if words := why_not(one):
        raise events.InvalidTransition(words)
    if one.email and email.lower() == one.email.lower():
        raise Invalid({"email": "This is the address that has it already."})
    allowances.spend_letter(email)
    _end(one, "withdrawn")
    until = min(now() + DAYS, deadline(one.event))
    made = PassTransfer.create(ticket=one, email=email, until_at=until, by=by)
    told = {"who": one.holder or "Somebody", "until": written(until, one.event.timezone)}
    passes.write(one, "pass_offered", f"pass_offered:{made.id}", to=email, link=address(made), **told)
    history.note("pass.offered", "A pass was offered to somebody else", one, by=by, organization=one.event.organization)
    return made


@writes
def withdraw(one):
    """Keep it after all; where nothing is open any more, nothing happens."""
    _end(passes.locked(one.id), "withdrawn")


def _end(one, state):
    mine = PassTransfer.ticket == one.id, PassTransfer.state == "open"
    PassTransfer.update(state=state).where(*mine).execute()


@writes
def offer_by_id(id, email, *, by):
    """The same by the organizer, for a holder who asks for it."""
    by.require("orders.write")
    one = existing(Pass.one(Pass.id == id), "There is no such pass here.")
    made = offer(one, {"email": email}, by=by.user)
    return f"{made.email} got a letter to accept it. Until then {one.holder}'s code is good."


# --- what its receiver does ------------------------------------------------------------------------------------------


def address(transfer):
    """Where it is accepted: whoever has the address, may."""
    return f"/passes/offered/{transfer.public_id}/{keys.keyed('pass transfer', transfer.public_id)[:32]}"


def find(public_id, key):
    """The transfer at this address. Refuses with NotFound where the key isn't its own."""
    public_id = public_id[:40]
    fits = [
        hmac.compare_digest(made[:32].encode(), key[:64].encode())
        for made in keys.keyed_by_each("pass transfer", public_id)
    ]
    found = None
    if any(fits):
        with everywhere("the address of a pass that is passed on names no organization"):
            found = (
                PassTransfer.select(PassTransfer, Pass, Event)
                .join(Pass, on=(Pass.id == PassTransfer.ticket))
                .join(Event)
                .where(PassTransfer.public_id == public_id)
                .first()
            )
    if found is None:
        raise NotFound("There is no such ticket. Open it by the link in your letter.")
    return found


def state(transfer):
    """What stands: an open one whose time is over has lapsed, whether it was swept or not."""
    if transfer.state == "open" and (transfer.until_at <= now() or why_not(transfer.ticket)):
        return "lapsed"
    return transfer.state


@writes
def accept(transfer, form):
    """The pass is theirs: a new one with a new code, the old one void, both told. Accepted again, it is the same one.

    Refuses with Invalid without a name, and with Refused where it was withdrawn, is too late, or somebody came in.
    """
    one = passes.locked(transfer.ticket_id)
    transfer = PassTransfer.get_by_id(transfer.id)
    if transfer.state == "accepted":
        return taken(transfer)
    transfer.ticket = one
    if state(transfer) != "open":
        raise events.InvalidTransition("This ticket isn't offered to you any more.")
    holder = read_whole(WHO, form)["holder"]
    PassTransfer.update(state="accepted").where(PassTransfer.id == transfer.id).execute()
    made = passes.replace(one, holder=holder, email=transfer.email, is_passed_on=True, refund=None)
    returns.drop_request(one, "The ticket was passed on.")
    seats.hand_over(one, made)
    referrals.look_again(one.item.order, transfer.email)
    passes.write(made, "pass_accepted", f"pass_accepted:{made.id}")
    if one.email:
        passes.write(one, "pass_passed_on", f"pass_passed_on:{made.id}")
    history.note("pass.passed_on", "A pass was passed on", made, by=None, organization=one.event.organization)
    return made


def taken(transfer):
    """The pass that came of an accepted transfer, or what came of that."""
    old = Pass.get_by_id(transfer.ticket_id)
    same = Pass.item == old.item, Pass.seq == old.seq, Pass.generation == old.generation + 1
    return Pass.get(*same)


# --- by the clock ----------------------------------------------------------------------------------------------------


def lapse(limit=200):
    """End what nobody accepted in time; returns how many. What is shown doesn't wait for it."""
    with everywhere("what is passed on lapses for all organizations"):
        due = PassTransfer.select(PassTransfer.id, PassTransfer.organization)
        due = due.where(PassTransfer.state == "open", PassTransfer.until_at <= now())
        due = list(due.order_by(PassTransfer.until_at, PassTransfer.id).limit(limit).tuples())
    for id, organization in due:
        with inside(organization):
            _lapse(id)
    return len(due)


@writes
def _lapse(id):
    PassTransfer.update(state="lapsed").where(PassTransfer.id == id, PassTransfer.state == "open").execute()
