"""Eight letters by which people come to an event through somebody: a code for a person and an event, not a picture.

A code in an address is only a hint, which anybody shares on and machines follow; what counts is an order.
"""

import re
import secrets
from datetime import timedelta

from peewee import fn

from database.clock import now
from database.compiled import Compiled
from database.parameters import parameter
from database.transactions import writes
from domain.fields.email import normalized
from models import FlyerVia, Referral, TicketOrder

LETTERS = "bcdfghjkmnpqrstvwxz"  # no vowels, so that they make no word; none that is taken for another
LENGTH = 8
GOOD_FOR = timedelta(days=30)  # from when somebody came by it until they order
_CODE = re.compile(f"[{LETTERS}]{{{LENGTH}}}")


def read(text):
    """A code out of an address or a form, or nothing for what can't be one."""
    text = str(text or "")[:40].strip().lower()
    return text if _CODE.fullmatch(text) else ""


@writes
def of(event, *, user=None, email="", through=""):
    """The code of a person at an event, made where they have none; somebody who isn't known has a new one each time.
    `through` is the code by which they came themselves; where they have an order that came by one, it is that.
    Returns the FlyerVia."""
    email = normalized(email) if email else (user.email_norm if user else None)
    found = known(event, user, email)
    if found is None:
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        parent = _came_by(event, email) or (read(through) and find(event, through))
        mail = None if user else email
        found = FlyerVia.create(event=event, code=code, user=user, email_norm=mail, parent=parent or None)
    return found


def known(event, user, email):
    """The code of an account, or of an address in its normal form; None where they have none."""
    if user is not None and (mine := FlyerVia.one(FlyerVia.event == event, FlyerVia.user == user)):
        return mine
    return FlyerVia.one(FlyerVia.event == event, FlyerVia.email_norm == email) if email else None


def _came_by(event, email):
    """Through whom an order of this address came, before."""
    if not email:
        return None
    query = Referral.select().join(TicketOrder, on=(Referral.order == TicketOrder.id))
    mine = TicketOrder.event == event, fn.LOWER(TicketOrder.email) == email
    found = query.where(*mine).order_by(Referral.id).first()
    return found and found.via


def find(event, code):
    """Whose code it is at this event, or None."""
    return FlyerVia.one(FlyerVia.event == event, FlyerVia.code == read(code))


_any = Compiled(lambda: FlyerVia.select(FlyerVia.id).where(FlyerVia.event == parameter("event")).limit(1))


def has_any(event):
    """Whether anybody brings people to this event: else its page needs no script for it."""
    return bool(_any(event=event.id))


def is_fresh(came_at):
    """Whether who came then still counts as brought."""
    return now() - came_at <= GOOD_FOR
