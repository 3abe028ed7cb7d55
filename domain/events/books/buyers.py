"""How many tickets of an event an address has, over all its orders: kept under a hash of it."""

from domain import Invalid
from domain.base import keys
from domain.fields.email import normalized
from models import Buyer


def key_of(email, key=None):
    """A hash of an address as one mailbox has it: without tags, and for Gmail without dots."""
    name, _, domain = normalized(email).partition("@")
    name = name.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        name, domain = name.replace(".", ""), "gmail.com"
    return keys.keyed("ticket buyer", f"{name}@{domain}", key)


def at(event_id, key):
    """The buyer of an event with this key, who may be new."""
    for made in Buyer.insert(event=event_id, key=key).on_conflict_ignore().returning(Buyer.id).execute():
        return made.id
    return Buyer.one(Buyer.event == event_id, Buyer.key == key).id


def named(email, events):
    """The buyers with this address, of these events."""
    theirs = Buyer.event << events, Buyer.key << [key_of(email, one) for one in keys.every()]
    return [buyer.id for buyer in Buyer.select(Buyer.id).where(*theirs)]


def take(event, buyer_id, count):
    """Count so many more to a buyer. Refuses with Invalid above the limit of the event."""
    room = Buyer.id == buyer_id
    if event.most_each is not None:
        room &= Buyer.taken + count <= event.most_each
    if not _add(room, count):
        had = Buyer.get_by_id(buyer_id).taken
        raise Invalid(
            {"email": f"One buyer gets {event.most_each} tickets at most; with this address you have {had} already."}
        )


def take_anyway(buyer_id, count):
    """The same whatever the limit."""
    _add(Buyer.id == buyer_id, count)


def give_back(buyer_id, count):
    """Count so many less to a buyer."""
    _add((Buyer.id == buyer_id) & (Buyer.taken >= count), -count)


def _add(whose, count):
    return Buyer.update(taken=Buyer.taken + count).where(whose).execute()
