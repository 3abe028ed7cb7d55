"""Who lost the letter asks for it again: the answer is the same whether there are tickets or not."""

from flask import Blueprint, request

from database.scope import inside
from domain import Refused, existing
from domain.events import events, orders
from views import access, held, pages

blueprint = Blueprint("finding", __name__)


def _open_event(slug):
    found = existing(events.find(slug, access.me()), "There is no such event, or its page isn't open.")
    return found.event


def _draw(event, refusal=None, sent=False):
    errors = refusal.beside() if refusal else {}
    page = pages.page(
        "events/find.html",
        refusal.status if refusal else 200,
        event=event,
        sent=sent,
        errors=errors,
        problem=errors.get("form", ""),
        email=request.form.get("email", ""),
    )
    return held.for_its_holder(page)


@blueprint.get("/e/<slug>/tickets")
@access.public
def show(slug):
    return _draw(_open_event(slug))


@blueprint.post("/e/<slug>/tickets")
@access.public
def send(slug):
    event = _open_event(slug)
    try:
        with inside(event.organization_id):
            orders.find_again(event, request.form.get("email", ""))
    except Refused as refusal:
        return _draw(event, refusal)
    return _draw(event, sent=True)
