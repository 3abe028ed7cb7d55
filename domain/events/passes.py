"""Passes: one person's right to come in, made once for each ticket that was paid."""

import hmac

from peewee import fn

from database.clock import now
from database.compiled import Compiled
from database.parameters import parameter
from database.scope import everywhere
from database.transactions import writes
from domain import NotFound, Refused
from domain.base import changes, configuration, history, keys, outgoing
from domain.events import codes, holds, reported
from domain.events.afterwards import seats
from domain.events.carriers import prints
from domain.files import qr
from models import Event, OrderItem, Pass, Presence, Tier


def issue(order, items):
    """Make the passes of a paid order with these items, in the present transaction; called again it makes none that are
    there."""
    codes.prepare()
    made, whose = [], {"event": order.event_id, "holder": order.name, "email": order.email}
    for item in sorted(items, key=lambda one: one.id):
        if item.tier.kind != "admission":
            continue
        have = {seq for (seq,) in _made(item=item.id)}
        for seq in range(1, item.quantity + 1):
            if seq not in have:
                made.append(Pass.put(serial=codes.serial(), item=item.id, tier=item.tier_id, seq=seq, **whose))
    if made:
        changes.happened(order.organization_id, "pass", [(one.id, {}) for one in made], "created")
    return made


_made = Compiled(lambda: Pass.select(Pass.seq).where(Pass.item == parameter("item")))  # for `order_vs_pretix`


def of(order):
    """All passes of an order with their tiers, also void ones."""
    query = Pass.select(Pass, Tier, OrderItem).join(Tier).switch(Pass).join(OrderItem)
    return list(query.where(OrderItem.order == order).order_by(Pass.id))


def stand(order):
    """Whether an order is paid, and any pass of it isn't void."""
    return order.state == "paid" and any(one.state != "void" for one in of(order))


def of_buyer(order):
    """The same as its buyer sees them: neither what they passed on, nor codes that have newer ones."""
    mine = [one for one in of(order) if not one.is_passed_on]
    return [one for one in mine if one.void_reason != "transferred"]


def again(one):
    """The pass as it stands now, with its event and tier."""
    return Pass.select(Pass, Event, Tier).join(Event).switch(Pass).join(Tier).where(Pass.id == one.id).get()


def locked(id):
    """The pass as it stands, with its event, and as it stays for others until the present transaction ends; its order
    with it. Refuses with NotFound."""
    found = Pass.select(Pass, OrderItem).join(OrderItem).where(Pass.id == id).first()
    if found is None:
        raise NotFound("There is no such pass here.")
    holds.locked(found.item.order_id)
    return Pass.select(Pass, Event).join(Event).where(Pass.id == id).get()


def is_in(one):
    """Whether somebody came in with it, at any gate, and it wasn't taken back."""
    return Presence.one(Presence.ticket == one.id, Presence.entries > 0) is not None


def replace(one, **values):
    """Make it void and a new one in its place, with a serial of its own, in the present transaction. What was asked of
    it (its money back) is asked of the new one. Refuses with Refused where it isn't good any more."""
    codes.prepare()
    if not void(one, "transferred", "active"):
        raise Refused("This pass isn't good any more.", "PASS_VOID")
    about = {"event": one.event_id, "item": one.item_id, "tier": one.tier_id, "seq": one.seq}
    kept = {"holder": one.holder, "email": one.email, "is_passed_on": one.is_passed_on, "refund": one.refund_id}
    Pass.update(refund=None).where(Pass.id == one.id).execute()
    generation = Pass.select(fn.MAX(Pass.generation)).where(Pass.item == one.item_id, Pass.seq == one.seq).scalar()
    return Pass.create(serial=codes.serial(), generation=generation + 1, **about, **kept | values)


def renewed(one, **values):
    """The same person's next one, which keeps its seats. Refuses as `replace` does."""
    made = replace(one, **values)
    seats.hand_over(one, made)
    return made


def at_the_door(state, void_reason):
    """The state of a pass as a door calls it: whose code is old is told so."""
    return "passed_on" if state == "void" and void_reason == "transferred" else state


def words_of(one):
    """Why it isn't good, for who opens it; empty while it is. Never who has it now."""
    if one.state == "suspended":
        return "This ticket is being refunded."
    if one.state == "active":
        return ""
    if one.void_reason == "transferred":
        return "This ticket was passed on or has a new code. What you see here doesn't let in any more."
    if one.void_reason == "refunded":
        return "This ticket was given back. It doesn't let in any more."
    return "This ticket is void. The organizer knows why."


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
            held = Pass.one(Pass.serial == serial)
            found = held and again(held)
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
    return qr.svg(code(one))


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
    about = {"title": event.title, "organization": event.organization.name, "when": when, "place": event.where}
    return prints.tickets(**about, notes=notes, passes=tickets)


def badges(event, chosen, sheet, has_codes=True):
    """A PDF of badges for the passes that are good, in the order of their names, on a key of prints.SHEETS. Refuses
    with NotFound where none is, with Refused beyond prints.MOST, and with Overloaded."""
    good = sorted((one for one in chosen if one.state == "active"), key=lambda one: (one.holder or "").casefold())
    if not good:
        raise NotFound("There is nothing to print.")
    if len(good) > prints.MOST:
        raise Refused(f"Up to {prints.MOST} badges are printed at once. Choose one kind of ticket, or fewer people.")
    people = [prints.Badge(one.holder or "", "", one.tier.name, code(one) if has_codes else "") for one in good]
    return prints.badges(title=event.title, organization=event.organization.name, sheet=sheet, people=people)


def of_event(event, tier=None, ids=()):
    """The good passes of an event, of one tier or with these ids where that is said."""
    query = Pass.select(Pass, Tier).join(Tier).where(Pass.event == event, Pass.state == "active")
    if ids:
        query = query.where(Pass.id << list(ids))
    return list((query.where(Pass.tier == tier) if tier else query).order_by(Pass.id).limit(prints.MOST + 1))


def void(one, reason, *states):
    """Make a pass void, once, in the present transaction; False where it was, or isn't in one of the `states`."""
    states = states or ("active", "suspended")
    moved = Pass.update(state="void", void_reason=reason, voided_at=now()).where(
        Pass.id == one.id, Pass.state << states
    )
    if not moved.execute():
        return False
    changes.happened(one.organization_id, "pass", [(one.id, {"state": [one.state, "void"]})])
    if reason != "transferred":  # then whoever has the next one keeps them
        seats.leave(one, "a pass is void")
    return True


def suspend(order):
    """Let nobody in with an order's passes for now, in the present transaction; what is void stays so."""
    _move(order, "active", "suspended")


def resume(order):
    """Have passes that were suspended, and not for money that goes back, count again; those that a lost dispute made
    void, too, since a bank may give the money back later: https://docs.stripe.com/disputes/withdrawing"""
    _move(order, "suspended", "active")
    for one in of(order):
        good = {"state": "active", "void_reason": None, "voided_at": None}
        if Pass.update(good).where(Pass.id == one.id, Pass.void_reason == "dispute").execute():
            changes.happened(one.organization_id, "pass", [(one.id, {"state": ["void", "active"]})])


def _move(order, before, after):
    mine = Pass.item << OrderItem.select(OrderItem.id).where(OrderItem.order == order)
    Pass.update(state=after).where(mine, Pass.state == before, Pass.refund.is_null()).execute()


@writes
def rename(id, holder, *, by):
    """Write another name on it; takes no stock. Refuses with NotFound, or where it is void."""
    by.require("orders.read")
    by.require("events.write")
    one = locked(id)
    if not Pass.update(holder=holder).where(Pass.id == id, Pass.state != "void").execute():
        raise Refused("This pass is void.", "PASS_VOID")
    history.note("pass.renamed", "A pass got another name", one, by=by, field="holder", before=one.holder, after=holder)
    return f"The pass is {holder}'s now."


@writes
def new_code(id, *, by):
    """Another code for a pass that somebody else may have seen; the old one is void, and its holder gets a letter.
    Refuses with NotFound, with TooOften, and with Refused where it isn't good."""
    by.require("orders.write")
    one = locked(id)
    made = renewed(one)
    history.note("pass.renewed", "A pass got a new code", made, by=by)
    write(made, "pass_sent", f"pass_renewed:{made.id}", at_will=True, is_new=True)
    return f"{made.holder} has a new code, and gets it by letter. The old one is void."


@writes
def send_again(id, *, by):
    """Mail one pass to its holder again. Refuses with NotFound, with TooOften, and with Refused where it isn't good."""
    by.require("orders.read")
    one = locked(id)
    if one.state != "active" or not one.email:
        raise Refused("This pass isn't good any more, so it isn't sent.", "PASS_VOID")
    number = history.note("pass.resent", "A pass was sent again", one, by=by).id
    write(one, "pass_sent", f"pass_sent:{one.id}:{number}", at_will=True, is_new=False)
    return f"The ticket is on its way to {one.email}."


def write(one, template, key, *, to=None, link=None, **values):
    """Leave a letter about a pass to its holder, or `to` somebody else; its link is to the pass's page unless given."""
    site, event = configuration.active.site_url, one.event
    said = {"name": one.holder or "", "event": event.title, "organization": event.organization.name}
    said["emblem"] = reported.emblem(event)
    said |= {"when": event.when, "where": event.where} | values
    outgoing.letter(template, to or one.email, key, link=site + (link or address(one)), **said)
