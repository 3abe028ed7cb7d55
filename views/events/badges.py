"""Badges of an event, on the paper that one has: for all of it, one kind of ticket, or the people that were chosen."""

from flask import Blueprint, g, request

from domain import Refused
from domain.events import events, passes, tiers
from domain.events.carriers import prints
from domain.fields.kinds import whole
from domain.files.worker_process import Overloaded
from views import access, held, pages
from views.events.events import standing

blueprint = Blueprint("badges", __name__)


def _ids():
    return [id for text in request.args.getlist("pass")[: prints.MOST + 1] if (id := whole(text))]


def _draw(event, refusal=None):
    ids = _ids()
    found = passes.of_event(event, ids=ids)
    return pages.page(
        "events/badges.html",
        refusal.status if refusal else 200,
        here="events",
        **standing(event, "passes"),
        url=f"/{g.by.organization.slug}/events/{event.id}",
        ids=ids,
        count=len(found),
        sheets=[(key, sheet.name) for key, sheet in prints.SHEETS.items()],
        tiers=[(tier.id, tier.name) for tier in tiers.of(event.id) if tier.kind == "admission"],
        problem=refusal.sentence if refusal else "",
        unprintable=_unprintable(found),
    )


def _unprintable(found):
    """The signs of their names that no font has; none where nobody can say at the moment."""
    try:
        return " ".join(prints.unprintable("".join({sign for one in found for sign in one.holder or ""})))
    except Overloaded:
        return ""


@blueprint.get("/<organization>/events/<id:id>/badges")
@access.member("orders.read")
def show(id):
    return _draw(events.one(id))


@blueprint.get("/<organization>/events/<id:id>/badges.pdf")
@access.member("orders.read")
def printed(id):
    """The PDF; where it can't be made, the page says why."""
    event, sheet = events.one(id), request.args.get("sheet", "")
    chosen = passes.of_event(event, whole(request.args.get("tier", "")), _ids())
    try:
        data = passes.badges(event, chosen, sheet if sheet in prints.SHEETS else "a4", "codes" in request.args)
    except Refused as refusal:
        return _draw(event, refusal)
    return held.pdf(data, event)
