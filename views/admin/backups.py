"""Copies of the database for the staff: the list, one with what its drill looked at, and making one now."""

from flask import Blueprint

from domain.base import configuration
from domain.lists import rows
from domain.operations.copies import backup_desk, copies, deltas, restoring
from domain.people import admins
from views import access, pages
from views.lists import routes

blueprint = Blueprint("backups", __name__)


def _state(place):
    chosen = configuration.active
    return {
        "running": "admin/backups/_standing.html",
        "standing": copies.standing(),
        "moments": deltas.newest(),
        "working": backup_desk.working(),
        "is_possible": copies.is_possible(),
        "is_away": bool(chosen.backup_url),
        "is_sealed": bool(chosen.backup_recipients),
        "opened": restoring.opened_at(),
    }


routes.add(
    blueprint,
    rows.Rules(backup_desk.listing),
    "/admin/backups",
    side="platform",
    template="admin/backups/index.html",
    context=_state,
)


@blueprint.get("/admin/backups/<id:id>")
@access.platform("backups.run")
def show(id):
    return pages.page("admin/backups/show.html", copy=backup_desk.one(id), STATE=backup_desk.STATE, here="backups")


@blueprint.post("/admin/backups")
@access.platform("backups.run")
def create():
    copies.begin(by=admins.staff(access.me()))
    return pages.go("/admin/backups", "A copy is being made. This page tells when it is proven.")
