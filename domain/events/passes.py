"""Passes: one person's right to come in, made once for each ticket that was paid."""

import hmac
import secrets

from database.clock import now
from database.scope import everywhere
from database.transactions import writes
from domain import NotFound, Refused
from domain.base import history, keys
from domain.events import codes, events
from domain.events.carriers import prints
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Name, Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from domain.lists.searches import Parts
from models import Event, OrderItem, Pass, TicketOrder, Tier

STATE = Choice((("active", "Good", "good"), ("suspended", "Being refunded", "warn"), ("void", "Void", "off")))


def issue(order):
    """Make the passes of a paid order, in the present transaction; called again it makes none that are there."""
    codes.prepare()
    made = []
    for item in OrderItem.select(OrderItem, Tier).join(Tier).where(OrderItem.order == order).order_by(OrderItem.id):
        if item.tier.kind != "admission":
            continue
        have = {one.seq for one in Pass.select(Pass.seq).where(Pass.item == item)}
        for seq in range(1, item.quantity + 1):
            if seq not in have:
                about = {"event": order.event_id, "item": item, "tier": item.tier, "seq": seq}
                made.append(Pass.create(serial=secrets.token_hex(8), holder=order.name, email=order.email, **about))
    return made


def of(order):
    """All passes of an order with their tiers, also void ones."""
    query = Pass.select(Pass, Tier, OrderItem).join(Tier).switch(Pass).join(OrderItem)
    return list(query.where(OrderItem.order == order).order_by(Pass.id))


def address(one):
    """Where its holder sees it: whoever has the address, has the pass. Its serial alone, which others may read in
    the code, doesn't lead there."""
    return f"/passes/{one.serial}/{keys.keyed('pass', one.serial)[:32]}"


def find(serial, key):
    """The pass at this address, with its event and tier. Refuses with NotFound where the key isn't its own."""
    serial = serial[:40]
    fits = (hmac.compare_digest(made[:32].encode(), key[:64].encode()) for made in keys.keyed_by_each("pass", serial))
    found = None
    if any(list(fits)):
        with everywhere("a pass's address names no organization"):
            query = Pass.select(Pass, Event, Tier).join(Event).switch(Pass).join(Tier)
            found = query.where(Pass.serial == serial).first()
    if found is None:
        raise NotFound("There is no such pass. Open it by the link in your letter.")
    return found


def code(one):
    """The text of its code, signed. Refuses with NotFound where the pass isn't active: it has none then."""
    if one.state != "active":
        raise NotFound("This pass has no code any more.")
    return codes.code(one.event_id, one.tier_id, one.serial)


def drawn(one):
    """Its code as an SVG. Refuses as `code` does."""
    return prints.qr(code(one))


def printed(event, chosen, when):
    """A PDF with a page for each of the passes that are active. Refuses with NotFound where none is, and Overloaded."""
    active = [one for one in chosen if one.state == "active"]
    if not active:
        raise NotFound("There is nothing to print.")
    if len(active) > prints.MOST:
        raise Refused(f"Up to {prints.MOST} tickets are printed at once. Print them one by one.")
    tickets = [
        prints.Ticket(code(one), one.serial, one.tier.name, one.holder or "", (), number, len(active))
        for number, one in enumerate(active, 1)
    ]
    notes = [text for text in (event.entry_policy, event.age_policy) if text]
    place = ", ".join(text for text in (event.venue, event.address) if text) or "Online"
    return prints.tickets(
        title=event.title, organization=event.organization.name, when=when, place=place, notes=notes, passes=tickets
    )


def void(one, reason):
    """Make a pass void, once, in the present transaction; False where it was."""
    moved = Pass.update(state="void", void_reason=reason, voided_at=now()).where(
        Pass.id == one.id, Pass.state != "void"
    )
    return bool(moved.execute())


@writes
def rename(id, holder, *, by):
    """Write another name on it; takes no stock. Refuses with NotFound, or where it is void."""
    by.require("orders.read")
    by.require("events.write")
    one = Pass.one(Pass.id == id)
    if one is None:
        raise NotFound()
    if not Pass.update(holder=holder).where(Pass.id == id, Pass.state != "void").execute():
        raise Refused("This pass is void.", "PASS_VOID")
    history.note("pass.renamed", "A pass got another name", one, by=by, field="holder", before=one.holder, after=holder)
    return f"The pass is {holder}'s now."


# --- as a list -----------------------------------------------------------------------------------------------------


def _joined(query):
    query = query.join(Tier, on=(Tier.id == Pass.tier)).join_from(Pass, OrderItem, on=(OrderItem.id == Pass.item))
    return query.join_from(OrderItem, TicketOrder, on=(TicketOrder.id == OrderItem.order))


listing = Listing(
    *("passes", "pass", "passes", Pass),
    (
        Field("holder", "Name", Name(120)),
        Field("ticket", "Ticket", Text(80)),
        Field("state", "State", STATE),
        Field("email", "E-mail", Email()),
        Field("serial", "Serial", Code(40), listed=False),
        Field("created_at", "Since", Moment(past=True)),
    ),
    NEWEST,
    joins=_joined,
    elsewhere=(("ticket", Tier.name, None),),
    search=Parts((Pass.holder, Pass.email, Pass.serial)),
    acts=(
        Act(
            *("name", "Change name", rename, "events.write"),
            asks=lambda row, by: Field("holder", "Name", Name(120, 2), True, default=row.holder),
            when=lambda row: row.state != "void",
        ),
    ),
    parent=Pass.event,
    stands_in=lambda id, by: events.one(id),
    exports=("serial",),
    reads="orders.read",
    icon="ticket",
    chips="state",
    empty=(("all", "Whoever has paid gets a pass for each ticket."),),
)
rules = rows.Rules(listing)
