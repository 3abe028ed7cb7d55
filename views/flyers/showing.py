"""A flyer's own addresses: its page, its pictures, how it stands, and what whoever made it may do with it."""

from flask import Blueprint, Response, jsonify, redirect, session
from htmx_flask import request

from database.scope import inside
from domain import NotFound, Refused
from domain.base import configuration
from domain.events.carriers import covers
from domain.events.referring import referrals
from domain.flyers import addresses, flyers, funnel, keeping, reported
from domain.moderation import reports
from domain.organizations import organizations
from views import access, cookies, held, pages
from views.safety.marks import unlimited

blueprint = Blueprint("flyers_showing", __name__)
ACTS = {
    "appeal": (
        lambda flyer: reports.appeal("flyer", flyer.id, request.form.get("appeal", "")),
        "Somebody looks at it.",
    ),
    "deletion": (flyers.delete, "Deleted: the picture, its words and its previews are gone."),
    "address": (lambda flyer: flyers.reach(flyer, request.form), "Noted."),
    "brought": (lambda flyer: None, ""),
    "extension": (flyers.extend, "It is kept longer."),
    "hiding": (flyers.hide_from_hub, "It isn’t shown on the page of all flyers any more."),
    "showing": (flyers.show_in_hub, "It may be shown on the page of all flyers."),
}


@blueprint.get("/f/<public_id>")
@access.public
def show(public_id):
    flyer = flyers.find_shown(public_id)
    with inside(flyer.organization_id):
        seen, looks = flyers.seen(flyer), _decides(flyer)
        response = pages.page(
            "flyers/share.html",
            200 if seen.state in ("ready", "pending") or looks else 404,
            **vars(seen),
            looks=looks,
            url=addresses.page(flyer),
            image=addresses.image(flyer) if seen.state == "ready" or looks else "",
            preview=_preview(seen),
            report=reported.address(flyer),
        )
    response.headers["Cache-Control"] = "no-store"  # once it is deleted nobody shows it again
    return response


def _decides(flyer):
    """Whether it is hidden and whoever asks decides about it for its organization: they have to see it."""
    me = access.me() if flyers.state_of(flyer) == "flagged" else None
    by = me and organizations.reach(me, flyer.organization.slug)
    return bool(by and by.may("flyers.moderate"))


def _preview(seen):
    """(address, type) of the picture that chats show: its own while there is one, else the event's."""
    if seen.state == "ready":
        return addresses.preview(seen.flyer), "image/jpeg"
    if event := seen.event:
        kind = "image/jpeg" if covers.of(event.id) else "image/png"
        return f"{configuration.active.site_url}/e/{event.slug}/share.png", kind
    return None


@blueprint.get("/f/<public_id>.jpg")
@access.public
def file(public_id):
    """The picture as it is now, for apps that can save only from a server."""
    flyer = flyers.find_shown(public_id)
    if flyers.state_of(flyer) != "ready":
        raise NotFound()
    return redirect(addresses.image(flyer) + ("?dl=1" if request.args.get("dl") else ""), 302)


@blueprint.get("/f/<public_id>/<name>")
@access.public
@unlimited
def picture(public_id, name):
    """Its picture (<hash>.jpg), the one for previews (<hash>.og.jpg) or the small one (<hash>.s.webp), named by what
    they hold. One that is hidden or gone is 404, also for who has it still and asks whether it changed."""
    flyer = flyers.find_shown(public_id)
    hash8, _, kind = name.partition(".")
    kept = {"jpg": flyer.file, "og.jpg": flyer.og, "s.webp": flyer.thumb}.get(kind)
    is_shown = flyers.state_of(flyer) == "ready"
    if kept is None or kept[:8] != hash8 or not (is_shown or _decides(flyer)):
        return _gone()
    parts = keeping.read(flyer, kept)
    if parts is None:
        return _gone()
    response = Response(parts, content_type="image/webp" if kind == "s.webp" else "image/jpeg")
    if not is_shown:
        response.headers["Cache-Control"] = "private, no-store"
        return response
    response.set_etag(kept[:32])
    response.headers["Cache-Control"] = "public, max-age=300"
    if request.args.get("dl"):
        if funnel.is_people(request.user_agent.string):
            with inside(flyer.organization_id):
                funnel.count_made(flyer, "download")
        response.headers["Content-Disposition"] = f'attachment; filename="flyer-{flyer.public_id}.jpg"'
    return response.make_conditional(request)


def _gone():
    response = Response("", 404)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/f/<public_id>/state")
@access.public
@unlimited
def state(public_id):
    """How it stands, for the page that waits for it."""
    return jsonify(addresses.told(flyers.find_shown(public_id)))


@blueprint.get("/f/<public_id>/mine")
@access.public
def mine(public_id):
    return _mine(flyers.find(public_id))


def _mine(flyer, refusal=None, done="", is_holder=False):
    with inside(flyer.organization_id):
        seen, is_own = flyers.seen(flyer), _is_own(flyer)
        via = flyer.via if is_own or is_holder else None
        page = pages.page(
            "flyers/mine.html",
            refusal.status if refusal else 200,
            life=flyers.life(),
            **vars(seen),
            url=addresses.page(flyer),
            image=addresses.image(flyer) if seen.state == "ready" else "",
            is_own=is_own,
            is_holder=is_own or is_holder,
            brought=via and referrals.brought(via)[via.id],
            first_names=referrals.first_names(via) if via else (),
            may_appeal=seen.state == "flagged" and reports.may_appeal("flyer", flyer.id),
            problem=" ".join(refusal.beside().values()) if refusal else "",
            done=done,
        )
    return held.for_its_holder(page)


def _is_own(flyer):
    """Whether this very browser made it: it says so in a cookie that we signed."""
    return flyer.public_id in (session.get(cookies.FLYERS) or {}).get("made", ())


@blueprint.post("/f/<public_id>/mine")
@access.public
def act(public_id):
    """Whoever made it deletes it, keeps it longer, hides it or shows it. Opening a link never does."""
    flyer, verb = flyers.find(public_id), request.form.get("act", "")
    if verb not in ACTS:
        raise NotFound()
    does, done = ACTS[verb]
    try:
        with inside(flyer.organization_id):
            if not _is_own(flyer):
                flyers.check_holder(flyer, request.form.get("secret", ""))
            does(flyer)
    except Refused as refusal:
        if pages.wants_json():
            raise
        return _mine(flyer, refusal)
    return _mine(flyers.find(public_id), done=done, is_holder=True)
