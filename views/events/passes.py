"""A pass as its holder sees it: its code, on paper, seats in the programme, and passing it on. No script is needed."""

from flask import Blueprint, Response, redirect, request

from database.scope import inside
from domain import Refused
from domain.events import events, passes, shop
from domain.events.afterwards import pass_transfers, seats
from domain.events.carriers import wallets
from domain.fields.kinds import whole
from views import access, held, pages

blueprint = Blueprint("passes", __name__)


@blueprint.get("/passes/<serial>/<token>")
@access.public
def show(serial, token):
    return _draw(passes.find(serial, token))


def _draw(one, refusal=None):
    with inside(one.organization_id):
        one = passes.again(one)
        event = one.event
        page = pages.page(
            "events/pass.html",
            refusal.status if refusal else 200,
            one=one,
            event=event,
            tier=one.tier,
            when=shop.when(event),
            here=passes.address(one),
            wallets={"apple": wallets.has_apple(), "google": wallets.has_google()},
            words=passes.words_of(one),
            offered=pass_transfers.open_of(one),
            may_pass_on=not pass_transfers.why_not(one),
            until=_until(event),
            seats=[(part, shop.part_when(event, part), its, mine) for part, its, mine in seats.choices(one)],
            errors=refusal.beside() if refusal else {},
            email=request.form.get("email", ""),
        )
    return held.for_its_holder(page)


def _until(event):
    until = pass_transfers.deadline(event)
    return until and shop.clock_time(event, until)


@blueprint.get("/passes/<serial>/<token>/code.svg")
@access.public
def code(serial, token):
    one = passes.find(serial, token)
    with inside(one.organization_id):
        return held.for_its_holder(Response(passes.drawn(one), content_type="image/svg+xml"))


@blueprint.get("/passes/<serial>/<token>/ticket.pdf")
@access.public
def ticket(serial, token):
    one = passes.find(serial, token)
    with inside(one.organization_id):
        return held.pdf(passes.printed(one.event, [one], shop.when(one.event)), one.event)


# --- what its holder does --------------------------------------------------------------------------------------------


def _doing(serial, token, do):
    """Do something with a pass and show it again, or why it can't be done."""
    one = passes.find(serial, token)
    try:
        with inside(one.organization_id):
            do(one)
    except Refused as refusal:
        return _draw(one, refusal)
    return redirect(passes.address(one), 303)


@blueprint.post("/passes/<serial>/<token>/transfer")
@access.public
def pass_on(serial, token):
    """Offer it to an address, which gets a letter."""
    return _doing(serial, token, lambda one: pass_transfers.offer(one, request.form))


@blueprint.post("/passes/<serial>/<token>/transfer/withdrawal")
@access.public
def keep(serial, token):
    """Keep it after all."""
    return _doing(serial, token, pass_transfers.withdraw)


@blueprint.post("/passes/<serial>/<token>/seats")
@access.public
def choose_seats(serial, token):
    """Have seats in the parts of the programme that are ticked."""
    wished = {id for text in request.form.getlist("session") if (id := whole(text))}
    return _doing(serial, token, lambda one: seats.choose(one, wished))


# --- what somebody does who is offered one ---------------------------------------------------------------------------


@blueprint.get("/passes/offered/<transfer>/<token>")
@access.public
def offered(transfer, token):
    return _offered(pass_transfers.find(transfer, token))


def _offered(transfer, refusal=None):
    with inside(transfer.organization_id):
        one, event = transfer.ticket, transfer.ticket.event
        state = pass_transfers.state(transfer)
        page = pages.page(
            "events/transfer.html",
            refusal.status if refusal else 200,
            event=event,
            one=one,
            state=state,
            when=shop.when(event),
            until=shop.clock_time(event, transfer.until_at),
            taken=passes.address(pass_transfers.taken(transfer)) if state == "accepted" else "",
            is_over=events.is_over(event),
            errors=refusal.beside() if refusal else {},
            name=request.form.get("holder", ""),
        )
    return held.for_its_holder(page)


@blueprint.post("/passes/offered/<transfer>/<token>")
@access.public
def accept(transfer, token):
    """Take the ticket that is offered, and land on its page; pressed again on the same."""
    found = pass_transfers.find(transfer, token)
    try:
        with inside(found.organization_id):
            made = pass_transfers.accept(found, request.form)
    except Refused as refusal:
        return _offered(pass_transfers.find(transfer, token), refusal)
    return redirect(passes.address(made), 303)
