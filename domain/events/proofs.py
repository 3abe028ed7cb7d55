"""Free tickets are given to an address that is proven: by a code that is mailed to it, or by who signed in with it.

Without that, anybody empties a free event with addresses that they invented.
"""

import hmac
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain import Refused
from domain.base import allowances, keys, tokens
from domain.events import events, holds, payments
from domain.fields.email import normalized
from domain.fields.forms import read_whole
from domain.fields.kinds import code_digits
from models import TicketOrder

LIFE, TRIES = tokens.LIFE, tokens.TRIES


def is_needed(order, user=None):
    """Whether a free order waits for its address to be proven: where its event asks for it, or gives one buyer only so
    many. `user` is who is signed in."""
    if order.total_cents or not (order.event.proves_free or order.event.most_each):
        return False
    its_own = user is not None and user.email_verified_at and order.email
    return not (its_own and normalized(user.email) == normalized(order.email))


def is_asked(order):
    """Whether a code was mailed that may be typed yet."""
    return order.code_at is not None and order.code_at > now() - LIFE and order.code_tries < TRIES


def buy_free(order, form):
    """Note who buys (as holds.say_who does), and give the passes of an order that costs nothing and needs no proof, in
    one piece: True; False where it isn't such an order.

    Refuses as those two do, and with allowances.TooOften beyond three letters an hour to an address.
    """
    if order.state != "held" or order.total_cents or is_needed(order):
        return False
    values, given = read_whole(holds.WHO, form), False
    allowances.spend_letter(values["email"])
    try:
        given = _bought(order.id, values, "shows_name" in form)
    finally:
        if not given:
            allowances.give_back_letter(values["email"])
    return given


@writes
def _bought(order_id, values, shows_name):
    order = holds.own(order_id)
    if order.state != "held" or order.total_cents or is_needed(order):  # it became so just now
        return False
    items = holds.standing(order)
    holds.note_buyer(order, items, values, shows_name)
    payments.give_free(order, items)
    return True


@writes
def take_free(order_id, user=None):
    """Give the passes of a free order, or mail a code first where its address must be proven; True once it has them.

    Refuses with HoldExpired, and with allowances.TooOften beyond three letters an hour to an address.
    """
    order = holds.locked(order_id)
    if order.state == "paid" or not is_needed(order, user):
        payments.take_free(order_id)
        return True
    holds.check_live(order)
    payments.check_known(order)
    moment = now()
    # A letter takes its time; and yet nobody holds tickets for ever by one address after the other.
    latest = order.created_at + timedelta(minutes=events.one(order.event_id).hold_minutes) + LIFE
    until = max(order.hold_until_at, min(moment + LIFE / 2, latest))
    TicketOrder.update(code_at=moment, code_tries=0, hold_until_at=until).where(TicketOrder.id == order.id).execute()
    order = TicketOrder.get_by_id(order.id)
    key = f"tickets_code:{order.id}:{moment:%Y%m%d%H%M%S%f}"
    payments.write(order, "tickets_code", key, code=_codes(order)[0], good_until=moment + LIFE)
    return False


def _codes(order):
    """Its code under every key of the site, the newest first; nothing of it is stored."""
    about = f"{order.public_id}:{normalized(order.email)}:{order.code_at.isoformat()}"
    return [f"{int(made, 16) % 1_000_000:06}" for made in keys.keyed_by_each("ticket code", about)]


@writes(keep=tokens.NotTheCode)
def prove(order_id, code):
    """Give the passes of a free order to who typed its code. A try is counted before it is judged. Refuses with
    WrongCode, OutOfTries or CodeExpired, and with HoldExpired."""
    order = holds.own(order_id)
    if order.total_cents:
        raise Refused("This order isn't free.")
    counted = TicketOrder.update(code_tries=TicketOrder.code_tries + 1).where(
        TicketOrder.id == order.id, TicketOrder.code_tries < TRIES
    )
    if not is_asked(order) or not counted.execute():
        raise tokens.gone()
    if not any(hmac.compare_digest(made, code_digits(code)) for made in _codes(order)):
        left = TRIES - order.code_tries - 1
        if not left:
            raise tokens.OutOfTries("That was the last try. Ask for a new code.")
        raise tokens.WrongCode(f"That isn't the code. You have {tokens.tries(left)} left.")
    payments.take_free(order_id)
