"""The picture of an event: put and taken away by its organizers, and as all who see its page have it."""

from contextlib import closing

from flask import Blueprint, g, request

from database.scope import inside
from domain import Invalid
from domain.events import reported
from domain.events.carriers import covers
from domain.files import gate, names
from views import access, pages
from views.safety.marks import takes

blueprint = Blueprint("event_covers", __name__)
AT = "/<organization>/events/<id:id>/cover"


@blueprint.get("/e/<slug>/cover.webp")
@access.public
def public(slug):
    """Kept for as short as a flyer's: what is hidden or taken away is soon gone."""
    event = reported.open_page(slug, access.me()).event
    keeps = "private" if event.visibility == "private" else "public"
    with inside(event.organization_id):
        return pages.picture(*covers.content(event.id), keeps=f"{keeps}, max-age=300")


@blueprint.get(AT)
@access.member("events.read")
def show(id):
    return pages.picture(*covers.content(id), keeps="private, max-age=86400")


@blueprint.post(AT)
@access.member("events.write")
@takes(gate.MOST_BYTES + 100_000)
def put(id):
    file = request.files.get("photo")
    if not file:
        raise Invalid({"photo": "Choose a photo first."})
    with closing(file):
        covers.put(id, file.read(gate.MOST_BYTES + 1), names.cleaned(file.filename or "photo"), by=g.by)
    return _back(id, "The picture stands on the event’s page.")


@blueprint.post(f"{AT}/removal")
@access.member("events.write")
def remove(id):
    covers.remove(id, by=g.by)
    return _back(id, "The picture is gone from the event’s page.")


def _back(id, words):
    return pages.go(f"/{g.by.organization.slug}/events/{id}?part=about", words)
