"""What an organizer does with an event that people have tickets for: move it, and see how far its cancelling is."""

from flask import Blueprint, g, request

from database.clock import time_zones
from domain import Refused
from domain.events import events
from domain.events.afterwards import cancel_runs, moves
from models import TicketOrder
from views import access, pages
from views.events.events import standing

blueprint = Blueprint("running", __name__)


def _common(event):
    url = f"/{g.by.organization.slug}/events/{event.id}"
    return {"here": "events", "url": url} | standing(event)


@blueprint.get("/<organization>/events/<id:id>/move")
@access.member("events.publish")
def show_move(id):
    event = events.one(id)
    return _move(event, moves.texts(event))


def _move(event, values, errors=None, status=200):
    count = TicketOrder.select().where(TicketOrder.event == event, TicketOrder.state == "paid").count()
    return pages.page(
        "events/move.html",
        status,
        **_common(event),
        values=values,
        errors=errors or {},
        zones=[(zone, zone) for zone in time_zones()],
        now_words=moves.words(event),
        count=count,
    )


@blueprint.post("/<organization>/events/<id:id>/move")
@access.member("events.publish")
def move(id):
    """Move it; refused, the form comes back with what was typed."""
    event = events.one(id)
    try:
        said = moves.move(event.id, request.form, by=g.by)
    except Refused as refusal:
        values = {field.name: request.form.get(field.name, "") for field in moves.fields()}
        return _move(event, values, refusal.beside(), refusal.status)
    return pages.go(_common(event)["url"], said)


@blueprint.get("/<organization>/events/<id:id>/cancelling")
@access.member("orders.read")
def cancelling(id):
    event = events.one(id)
    return pages.page("events/cancel_run.html", **_common(event), run=cancel_runs.progress(event))
