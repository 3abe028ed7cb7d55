"""Outages for the status page: the list of them, and a new one."""

from flask import Blueprint
from htmx_flask import request

from domain.lists import rows
from domain.operations.status import outages, status_pages
from views import access, pages
from views.lists import routes

blueprint = Blueprint("outages", __name__)

listed = routes.add(
    blueprint,
    rows.Rules(outages.listing),
    "/admin/outages",
    side="platform",
    template="admin/outages.html",
    context=lambda place: {"is_open": status_pages.is_open(), "asked": outages.FIELDS},
)


@blueprint.post("/admin/outages")
@access.platform("outages.write")
@pages.again(listed.again)
def create():
    outages.tell(request.form, by=access.me())
    return pages.go("/admin/outages", "The status page tells it.")
