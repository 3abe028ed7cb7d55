"""Releases for the staff: the list, one with its health and history, and notes."""

from datetime import datetime

from flask import Blueprint
from htmx_flask import request

from domain.lists import rows
from domain.operations.releases import deployments, pulses, release_desk
from domain.people import admins
from views import access, pages
from views.lists import routes

blueprint = Blueprint("releases", __name__)

routes.add(
    blueprint,
    rows.Rules(release_desk.listing),
    "/admin/releases",
    side="platform",
    template="admin/releases/index.html",
)
routes.add(
    blueprint,
    rows.Rules(release_desk.previews),
    "/admin/releases/previews",
    side="platform",
    nav="releases",
    template="admin/releases/index.html",
    prefix="previews_",
)


def _release(id, refusal=None):
    row = release_desk.one(id)
    running = deployments.current().get((row.environment, row.service))
    return pages.page(
        "admin/releases/show.html",
        refusal.status if refusal else 200,
        release=row,
        compared=pulses.compared(row),
        told=[one | {"at": datetime.fromisoformat(one["at"])} for one in reversed(row.events)],
        is_current=running is not None and running.id == row.id,
        may_write=admins.may(access.me(), "releases.annotate"),
        may_be_marked=release_desk.may_be_marked(row),
        notes=request.form.get("notes", row.notes) if refusal else row.notes,
        errors=refusal.fields if refusal else {},
        STATUS=release_desk.STATUS,
        VERDICT=release_desk.VERDICT,
        here="releases",
    )


@blueprint.get("/admin/releases/<id:id>")
@access.platform("releases.read")
def show(id):
    return _release(id)


@blueprint.post("/admin/releases/<id:id>/notes")
@access.platform("releases.annotate")
@pages.again(_release)
def annotate(id):
    release_desk.annotate(id, request.form.get("notes", ""), by=access.me(), was=pages.was().get("notes"))
    return pages.go(f"/admin/releases/{id}", "Saved.")
