"""What strangers see: an event's page, and one address for their order from holding to passes. No script is needed."""

from flask import Blueprint, Response, g, redirect, session
from htmx_flask import request

from database.clock import now
from database.scope import inside
from domain import Invalid, Refused
from domain.base import allowances, configuration, tokens
from domain.events import events, holds, passes, payments, proofs, providers, reported, shop
from domain.events.afterwards import order_money, pass_transfers, returns
from domain.events.carriers import calendars, covers
from domain.events.line import calls, forms, places, polls
from domain.events.programme import sessions
from domain.events.providers import accounts, attempts
from domain.events.referring import referrals, vias
from domain.fields.kinds import clean, whole
from models import Place, TicketOrder
from views import access, cookies, held, pages
from views.places import network
from views.safety import limits
from views.safety.headers import payable

blueprint = Blueprint("buying", __name__)
HELD = 5  # events whose holds a browser remembers


# --- the event's page ------------------------------------------------------------------------------------------------


@blueprint.get("/e/<slug>")
@access.public
def show(slug):
    """Strangers have it out of memory, before it comes here: views/kept_pages.py."""
    found = reported.open_page(slug, access.me())
    if found.moved:
        return redirect(f"/e/{found.event.slug}", 301)
    return _event(found.event, _wishes(), request.args.get("code", ""), via=request.args.get("via", ""))


def _event(event, wishes=None, code="", refusal=None, via=""):
    code = clean(code)[:40].strip()
    with inside(event.organization_id):
        code_error = _code_error(event, code) if events.is_selling(event) else ""
        found = shop.offers(event, code) if events.is_selling(event) else []
        programme, url = sessions.of(event.id), f"{configuration.active.site_url}/e/{event.slug}"
        return pages.page(
            "events/shop.html",
            refusal.status if refusal else 200,
            event=event,
            offers=found,
            price=shop.price_range(event, found),
            when=shop.when(event),
            summary=shop.summary(event, found),
            cover=covers.of(event.id),
            logo=reported.logo(event),
            programme=[(shop.part_when(event, part), part, who) for part, who in programme],
            structured=shop.structured(event, found, [one.name for _, who in programme for one in who], url),
            wishes=wishes or {},
            less="less" in request.values,
            code=code,
            code_error=code_error,
            via=vias.read(via),
            is_brought=vias.has_any(event),
            problem=refusal.sentence if refusal else "",
            own=_own(event),
            is_over=events.is_over(event),
            opening=_opening(event),
            key=forms.fresh_token(),
            url=url,
        )


def _code_error(event, code):
    """Why a code counts for nothing. Whoever guesses is told nothing any more, also by what a code would show."""
    _refuse_guesses(event, code)
    if why := shop.why_not(event, code) if code else "":
        allowances.spend(*_guessed(event))
    return why


def _refuse_guesses(event, code):
    if code and allowances.is_spent(*_guessed(event)):
        raise allowances.too_often(*_guessed(event))


def _guessed(event):
    return "event_codes", f"{event.id}|{network(limits.address())}"


def _opening(event):
    """What the page says of a sale that hasn't opened; None of one that has."""
    if calls.has_opened(event):
        return None
    told = {"when": shop.clock_time(event, event.opens_at), "at": event.opens_at, "now": now()}
    is_early = now() < event.opens_at - places.EARLY
    return told | {"draws": event.opening == "draw", "is_early": is_early, "seed_hash": calls.seed_hash(event)}


def _own(event):
    """What this browser holds of the event, while it is its own, or the place in line that it has."""
    public_id = (session.get(cookies.HOLDS) or {}).get(str(event.id))
    place = Place.one(Place.public_id == public_id) if public_id else None
    if place is None or place.event_id != event.id:
        return None
    if place.state in ("drawn", "waiting"):
        return {"place": polls.place_of(place), "url": polls.address(place)}
    order = TicketOrder.one(TicketOrder.id == place.order_id) if place.order_id else None
    if order is None or not order.is_live:
        return None
    count = sum(item.quantity for item in holds.standing(order) if item.tier.kind == "admission")
    return {"count": count, "until": order.hold_until_at, "url": holds.address(order)}


@blueprint.get("/e/<slug>/event.ics")
@access.public
def calendar(slug):
    event = reported.open_page(slug, access.me()).event
    text = calendars.calendar_file(event, f"{configuration.active.site_url}/e/{event.slug}")
    headers = {"Content-Disposition": f'attachment; filename="{event.slug}.ics"'}
    return Response(text, headers=headers, content_type="text/calendar; charset=utf-8")


def _wishes():
    """{tier's id: how many} out of the form, or of the address where a code was tried; fields are called t12."""
    asked = {whole(name[1:]): text for name, text in request.values.items() if name.startswith("t")}
    return {id: whole(text, 10_000) or 0 for id, text in asked.items() if id}


@blueprint.post("/e/<slug>/orders")
@access.public
def hold(slug):
    event, wishes = reported.open_page(slug, access.me()).event, _wishes()
    code, key = clean(request.form.get("code", ""))[:40].strip(), request.form.get("form_key", "")
    via = request.form.get("via", "")
    me = access.me()
    _refuse_guesses(event, code)
    asked = {"code": code, "key": key, "user": me, "address": g.place, "via": via}
    begun = ("checkouts", me) if me else ("network_checkouts", network(limits.address()))
    allowances.spend(*begun)
    try:
        with inside(event.organization_id):
            place = places.join(event.id, wishes, is_less_fine="less" in request.form, **asked)
            there = holds.address(place.order) if place.order_id else polls.address(place)
    except Refused as refusal:
        allowances.give_back(*begun)
        return _event(event, wishes, code, refusal, via)
    kept = {**(session.get(cookies.HOLDS) or {}), str(event.id): place.public_id}
    session[cookies.HOLDS] = dict(list(kept.items())[-HELD:])
    return redirect(there, 303)


# --- the order's page -----------------------------------------------------------------------------------------------


@blueprint.get("/orders/<order>/<token>")
@access.public
def order(order, token):
    return _draw(holds.find(order, token))


def _draw(order, values=None, refusal=None):
    with inside(order.organization_id):
        order = TicketOrder.get_by_id(order.id)
        event = order.event
        errors, items = refusal.beside() if refusal else {}, holds.standing(order)
        chosen, mine = {item.tier_id: item.quantity for item in items}, passes.of_buyer(order)
        page = pages.page(
            "events/order.html",
            refusal.status if refusal else 200,
            event=event,
            order=order,
            state=_state(order),
            items=items,
            held=chosen,
            passes=[(one, passes.address(one)) for one in mine],
            offers=shop.offers(event, _code(order), chosen) if order.is_live else [],
            when=shop.when(event),
            ways=accounts.offers(order.currency, order.due_cents) if order.state == "held" else (),
            paying=attempts.under_way(order) if order.state == "paying" else None,
            until=shop.clock_time(event, order.hold_until_at),
            values=values or {"name": order.name or "", "email": order.email or ""},
            errors=errors,
            problem=errors.get("form", "") or errors.get("tickets", ""),
            here=holds.address(order),
            money=order_money.lines(order),
            asked=returns.requested(order),
            offered=pass_transfers.offered(mine) if mine else (),
            waits_for_code=order.state == "held" and not order.total_cents and proofs.is_asked(order),
            extras=_extras(order),
            key=forms.fresh_token(),
            is_brought=order.state == "held" and referrals.is_noted(order),
            askable=returns.askable(order) if returns.may_ask(order) else [],
            ask_until=shop.clock_time(event, ends) if (ends := returns.asking_ends(order)) else "",
        )
    return payable(held.for_its_holder(page))


def _extras(order):
    """The add-ons that can be had, or waited for, to tickets that are paid."""
    if order.state != "paid" or not events.is_selling(order.event) or not passes.stand(order):
        return []
    return [one for one in shop.offers(order.event) if one.tier.kind == "addon" and (one.most or one.wish)]


def _code(order):
    return order.voucher.code if order.voucher_id else ""


def _state(order):
    """What the page shows: a hold whose time is over is over, whether it was swept or not."""
    return "expired" if order.state in TicketOrder.LIVE and not order.is_live else order.state


@blueprint.post("/orders/<order>/<token>")
@access.public
def pay(order, token):
    """Who buys, and on to the way they pay by; pressed again it lands on what the first press did."""
    order = holds.find(order, token)
    try:
        with inside(order.organization_id):
            if proofs.buy_free(order, request.form):
                return redirect(holds.address(order), 303)
            is_held = order.state == "held"
            order = holds.say_who(order.id, request.form) if is_held else order
            if order.total_cents and (way := request.form.get("way", "")) in providers.MODULES:
                return redirect(attempts.begin(order.id, way), 303)
            if proofs.is_needed(order, access.me()):
                limits.count("code_send")
            elif is_held:
                allowances.spend_letter(order.email)  # at a provider none goes out before it is paid
            if order.total_cents:
                payments.promise_transfer(order.id)
            else:
                proofs.take_free(order.id, access.me())
    except Refused as refusal:
        return _draw(order, request.form, refusal)
    return redirect(holds.address(order), 303)


@blueprint.post("/orders/<order>/<token>/code")
@access.public
@limits.limited("code_verify")
def prove(order, token):
    """The code that was mailed: free tickets are theirs now."""
    order = holds.find(order, token)
    try:
        with inside(order.organization_id):
            proofs.prove(order.id, request.form.get("code", ""))
        limits.forgive()
    except tokens.NotTheCode as wrong:
        return _draw(order, None, Invalid({"code": wrong.sentence}))
    except Refused as refusal:
        return _draw(order, None, refusal)
    return redirect(holds.address(order), 303)


@blueprint.post("/orders/<order>/<token>/refund")
@access.public
def ask_back(order, token):
    """Ask for the money of some tickets back; those that were free go back at once."""
    order = holds.find(order, token)
    ids = [id for text in request.form.getlist("pass") if (id := whole(text))]
    try:
        with inside(order.organization_id):
            returns.ask(order.id, ids, request.form)
    except Refused as refusal:
        return _draw(order, request.form, refusal)
    return redirect(holds.address(order), 303)


@blueprint.post("/orders/<order>/<token>/tickets")
@access.public
def change(order, token):
    order = holds.find(order, token)
    try:
        with inside(order.organization_id):
            holds.change(order.id, _wishes(), code=_code(order))
    except Refused as refusal:
        return _draw(order, None, refusal)
    return redirect(holds.address(order), 303)


@blueprint.post("/orders/<order>/<token>/extras")
@access.public
def add(order, token):
    """Add-ons to tickets that are paid: held in an order of their own, or waited for in line."""
    order = holds.find(order, token)
    asked = {"is_less_fine": "less" in request.form, "key": request.form.get("form_key", ""), "address": g.place}
    try:
        with inside(order.organization_id):
            place = places.join(order.event_id, _wishes(), addon_of=order, user=access.me(), **asked)
            there = holds.address(place.order) if place.order_id else polls.address(place)
    except Refused as refusal:
        return _draw(order, None, refusal)
    return redirect(there, 303)


@blueprint.post("/orders/<order>/<token>/release")
@access.public
def give_up(order, token):
    order = holds.find(order, token)
    with inside(order.organization_id):
        attempts.go_back(order.id)
        holds.give_up(order.id)
        slug = order.event.slug
    return redirect(f"/e/{slug}", 303)


@blueprint.get("/orders/<order>/<token>/tickets.pdf")
@access.public
def tickets(order, token):
    order = holds.find(order, token)
    with inside(order.organization_id):
        return held.pdf(passes.printed(order.event, passes.of_buyer(order), shop.when(order.event)), order.event)
