"""Tickets of an order go back: what is chosen is shown line by line, then done; and where its money goes."""

from flask import Blueprint, g, request

from domain import Invalid, NotFound, Refused
from domain.base.stepup import VerificationRequired
from domain.events import events, orders, providers
from domain.events.afterwards import returns
from domain.events.books import refund_accounts
from domain.fields.kinds import whole
from views import access, pages
from views.events.events import standing

blueprint = Blueprint("returns", __name__)
HERE = "/<organization>/events/<id:event>/orders/<id:id>/return"


def _chosen(sent):
    """(passes' ids, add-on's item → how many) of an address or a form."""
    extras = {whole(name[5:]): whole(text, 10_000) or 0 for name, text in sent.items() if name.startswith("item_")}
    return [id for text in sent.getlist("pass") if (id := whole(text))], {id: n for id, n in extras.items() if id and n}


def _order(event, id):
    """The order of this event. Refuses with NotFound."""
    found = orders.one(id)
    events.one(event)
    if found.event_id != event:
        raise NotFound("There is no such order here.")
    return found


@blueprint.get(HERE)
@access.member("orders.write")
def show(event, id):
    return _draw(_order(event, id), _chosen(request.args))


def _draw(order, chosen, refusal=None):
    found, problem = None, refusal
    try:
        found, problem = returns.preview(order, *chosen), None
    except Refused as wrong:
        problem = wrong
    errors = refusal.beside() if refusal else {}
    status = (problem or refusal).status if problem or refusal else 200
    return pages.page(
        "events/return.html",
        status,
        here="events",
        order=order,
        **standing(order.event, "orders"),
        url=f"/{g.by.organization.slug}/events/{order.event_id}/orders/{order.id}",
        found=found,
        chosen=[("pass", id) for id in chosen[0]] + [(f"item_{id}", count) for id, count in chosen[1].items()],
        problem=" ".join(problem.beside().values()) if problem else "",
        errors=errors,
        values=request.form,
    )


@blueprint.post(HERE)
@access.member("orders.write")
def do(event, id):
    """Do what was shown; refused, it is shown again with what was typed."""
    order, chosen = _order(event, id), _chosen(request.form)
    try:
        said = returns.take_back(order.id, *chosen, request.form, by=g.by)
    except VerificationRequired:
        raise
    except Refused as refusal:
        return _draw(order, chosen, refusal)
    return pages.go(f"/{g.by.organization.slug}/events/{event}/orders/{order.id}", said)


# --- where a refund goes ----------------------------------------------------------------------------------------------

ACCOUNT = "/<organization>/refunds/<id:id>/bank"


@blueprint.get(ACCOUNT)
@access.member("orders.write")
def show_account(id):
    return _ask_account(id)


def _ask_account(id, refusal=None):
    asked = refund_accounts.asked(id)
    return pages.page(
        "events/refund_account.html",
        refusal.status if refusal else 200,
        here="events",
        refund=asked.refund,
        banks=asked.banks,
        provider=providers.NAMES[asked.refund.payment.provider],
        url=f"/{g.by.organization.slug}/refunds",
        values=request.form,
        errors=refusal.beside() if refusal else {},
    )


@blueprint.post(ACCOUNT)
@access.member("orders.write")
def give_account(id):
    """Pass it on; refused, the form comes back without the number."""
    try:
        said = refund_accounts.give(id, request.form, by=g.by)
    except Invalid as refusal:
        return _ask_account(id, refusal)
    return pages.go(f"/{g.by.organization.slug}/refunds", said)
