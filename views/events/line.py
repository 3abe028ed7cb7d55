"""Somebody's place in line: one address from getting in to being called. It is whole without a script."""

from flask import Blueprint, redirect, request

from database.clock import now
from database.scope import inside
from domain import Refused
from domain.base import allowances
from domain.events import events, holds, shop, tiers
from domain.events.line import calls, forecasts, forms, places, polls
from models import Place
from views import access, held, pages

blueprint = Blueprint("line", __name__)


@blueprint.get("/line/<place>/<token>")
@access.public
def show(place, token):
    return _draw(polls.find(place, token))


def _draw(place, form=None, refusal=None):
    with inside(place.organization_id):
        place = Place.get_by_id(place.id)
        event, here, state = place.event, polls.address(place), _state(place)
        if state == "called" and refusal is None:
            return redirect(holds.address(place.order), 303)
        polls.note_seen(place.id, now().timestamp())
        ahead = polls.place_of(place) if state == "waiting" else None
        page = pages.page(
            "events/line.html",
            refusal.status if refusal else 200,
            event=event,
            place=place,
            state=state,
            here=here,
            poll=polls.poll_address(place),
            when=shop.when(event),
            moment=now(),
            opens=shop.clock_time(event, event.opens_at) if event.opens_at else "",
            ahead=ahead,
            wait=forecasts.wait(event, ahead) if ahead else None,
            chance=forecasts.chance(event, ahead) if ahead else "",
            wished=_wished(place),
            whole_order=holds.address(place.addon_of) if place.addon_of_id else "",
            seed_hash=calls.seed_hash(event),
            key=forms.fresh_token(),
            values=form or {"email": place.email or ""},
            errors=refusal.beside() if refusal else {},
        )
    return held.for_its_holder(page)


def _state(place):
    event = place.event
    if event.cancelled_at:
        return "cancelled"
    if place.state in ("called", "taken") and place.order_id:
        return "called"
    return place.state if events.is_selling(event) else "closed"


def _wished(place):
    """(its kind, how many) of what somebody stands in line for."""
    known = {tier.id: tier for tier in tiers.of(place.event_id)}
    return [(known[id], count) for id, count in place.counts.items() if id in known]


@blueprint.post("/line/<place>/<token>")
@access.public
def keep(place, token):
    place = polls.find(place, token)
    try:
        with inside(place.organization_id):
            allowances.spend_letter(places.keep(place.id, request.form).email)
    except Refused as refusal:
        return _draw(place, request.form, refusal)
    return redirect(polls.address(place), 303)


@blueprint.post("/line/<place>/<token>/part")
@access.public
def take_fewer(place, token):
    place = polls.find(place, token)
    with inside(place.organization_id):
        places.take_fewer(place.id)
    return redirect(polls.address(place), 303)


@blueprint.post("/line/<place>/<token>/departure")
@access.public
def leave(place, token):
    place = polls.find(place, token)
    with inside(place.organization_id):
        places.leave(place.id)
    return redirect(polls.address(place), 303)
