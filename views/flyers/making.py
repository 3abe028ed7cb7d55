"""What strangers see of flyers: the hub, a campaign with its maker, and what they send to have a copy kept."""

from contextlib import closing

from flask import Blueprint, jsonify, redirect, session
from htmx_flask import request

from database.columns import public_id
from database.scope import inside
from domain import Refused, existing
from domain.base import allowances, configuration
from domain.events.line import forms
from domain.events.referring import vias
from domain.fields.kinds import whole
from domain.files import qr
from domain.flyers import addresses, campaign_pages, designs, flyers, funnel, hub
from views import access, cookies, pages
from views.assets import asset
from views.places import network
from views.safety import limits
from views.safety.marks import takes

blueprint = Blueprint("flyers_making", __name__)
PHOTO = 5 * 1024**2  # bytes
MADE = 10  # flyers that a browser is known by as their maker


@blueprint.get("/flyers")
@access.public
def index():
    found = hub.shown(request.args.get("before", ""))
    response = pages.page("flyers/hub.html", hub=found, addresses=addresses)
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


@blueprint.get("/flyers/<slug>")
@access.public
def show(slug):
    return _page(_open(slug))


def _open(slug):
    return existing(campaign_pages.find(slug[:80]), "There is no such campaign, or its page isn't open.")


def _page(standing, values=None, refusal=None):
    campaign, errors = standing.campaign, refusal.beside("problem") if refusal else {}
    with inside(campaign.organization_id):
        response = pages.page(
            "flyers/campaign.html",
            refusal.status if refusal else 200,
            standing=standing,
            campaign=campaign,
            life=flyers.life(),
            version=standing.version,
            url=addresses.campaign(campaign),
            site=configuration.active.site_url,
            via=vias.read(request.values.get("via", "")),
            values=values or {},
            errors=errors,
            problem=errors.get("problem", ""),
            **(_maker(standing) if standing.version else {}),
        )
    if refusal is None:
        response.headers["Cache-Control"] = "private, max-age=30"
    return response


def _maker(standing):
    """What the page of the present picture needs beside it."""
    version, campaign = standing.version, standing.campaign
    links = {"share.url": addresses.campaign(campaign), "event.url": standing.bound.get("event.url")}
    token = flyers.page_token(campaign)
    return {
        "size": version.spec["size"],
        "sample": addresses.sample(version),
        "texts": designs.own(version.spec["slots"]),
        "photo": designs.photo(version.spec),
        "token": token,
        "key": forms.fresh_token(),
        "given": {
            "spec": addresses.design(version),
            "fonts": asset("vendor/fonts.json"),
            "codes": {name: qr.rows(link) for name, link in links.items() if link},
            "file": campaign.slug,
            "share": campaign.name,
            "campaign": campaign.id,
            "version": version.id,
            "token": token,
        },
    }


@blueprint.post("/flyers/<slug>")
@access.public
@takes(PHOTO + 100_000)
def make(slug):
    """Keep a copy of what somebody made, or make it for who has no script. 202 says that it will be drawn."""
    standing = _open(slug)
    try:
        flyer, secret = _made(standing)
    except Refused as refusal:
        if pages.wants_json() or isinstance(refusal, allowances.TooOften):
            raise
        return _page(standing, request.form, refusal)
    mine = {"browser": _browser(), "made": [*_made_before(), flyer.public_id][-MADE:]}
    session[cookies.FLYERS] = mine
    if pages.wants_json():
        told = addresses.told(flyer) | {"manage": addresses.manage(flyer, secret)}
        return jsonify(told), 202
    with inside(flyer.organization_id):
        funnel.count_made(flyer)  # whoever has no script tells nothing
    return redirect(addresses.manage(flyer, secret), 303)


def _made(standing):
    """(the flyer, its secret). What is refused, and what was sent before, uses up nothing."""
    campaign = standing.campaign
    if request.form.get("website"):
        raise Refused("A field that nobody sees was filled in, as programs do. Load the page again and leave it empty.")
    limits.count("flyer")
    try:
        with inside(campaign.organization_id):
            flyers.check_token(campaign, request.form.get("token", ""))
            version = _version(standing)
            place = f"{network(limits.address())}|{request.user_agent.string[:400]}"
            asked = {"attempt": request.form.get("form_key", "")[:40], "place": place, "user": access.me()}
            flyer, secret, is_new = flyers.make(campaign, version, request.form, _photo(), **asked)
    except Refused:
        limits.forgive()
        raise
    if not is_new:
        limits.forgive()
    return flyer, secret


def _version(standing):
    """The picture that the page showed, if it still stands there: what people see is what they get."""
    if standing.version is None:
        raise Refused("Nothing is made here at the moment. What you downloaded is fine.")
    if whole(request.form.get("version", "")) != standing.version.id:
        raise Refused("The organizer has changed the picture since you opened this page. Load it again.", "PREVIEW_OLD")
    return standing.version


def _photo():
    if file := request.files.get("photo"):
        with closing(file):
            return file.read(PHOTO + 1)
    return b""


def _browser():
    """What this browser is told from others by, in a hall where all have one address."""
    return (session.get(cookies.FLYERS) or {}).get("browser") or public_id()


def _made_before():
    return (session.get(cookies.FLYERS) or {}).get("made", [])
