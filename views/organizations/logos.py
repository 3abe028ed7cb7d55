"""An organization's logo: put and taken away by its admins, shown to its members and on its events' pages."""

from contextlib import closing

from flask import Blueprint, g, request

from database.scope import inside
from domain import Invalid, NotFound
from domain.events import reported
from domain.files import gate, names
from domain.organizations import logos
from views import access, pages
from views.safety.marks import takes

blueprint = Blueprint("logos", __name__)
AT = "/<organization>/logo"


@blueprint.get("/e/<slug>/logo.webp")
@access.public
def public(slug):
    """Kept for as short as an event's picture: what is hidden or taken away is soon gone."""
    event = reported.open_page(slug, access.me()).event
    if not reported.logo(event):
        raise NotFound("Its organizer has no logo.")
    return _shown(event.organization, logos.content)


@blueprint.get("/organizations/<public_id>/logo.png")
@access.public
def in_letters(public_id):
    """By the name of its own that an organization has, since letters aren't all about events."""
    return _shown(reported.bearer(public_id), logos.in_letters, kind="png")


def _shown(organization, drawn, **how):
    with inside(organization):
        return pages.picture(*drawn(organization), keeps="public, max-age=300", **how)


@blueprint.get(AT)
@access.member("organization.read")
def show():
    return pages.picture(*logos.content(g.by.organization), keeps="private, max-age=86400")


@blueprint.post(AT)
@access.member("organization.update")
@takes(gate.MOST_BYTES + 100_000)
def put():
    file = request.files.get("photo")
    if not file:
        raise Invalid({"photo": "Choose a picture first."})
    with closing(file):
        logos.put(file.read(gate.MOST_BYTES + 1), names.cleaned(file.filename or "logo"), by=g.by)
    return pages.go(f"/{g.by.organization.slug}/settings", "The logo stands beside the name.")


@blueprint.post(f"{AT}/removal")
@access.member("organization.update")
def remove():
    logos.remove(by=g.by)
    return pages.go(f"/{g.by.organization.slug}/settings", "The logo is gone.")
