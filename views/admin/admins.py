"""Who looks after the site: the list, and what narrows whom."""

from flask import Blueprint, request

from domain.base import roles
from domain.lists import rows
from domain.people import admin_desk, admins
from views import access, pages
from views.lists import routes

blueprint = Blueprint("admins", __name__)

listed = routes.add(
    blueprint,
    rows.Rules(admin_desk.listing),
    "/admin/admins",
    side="platform",
    template="admin/admins/index.html",
    context=lambda place: {"staff": roles.STAFF, "platform": roles.PLATFORM, "most": admins.NOTE},
)


@blueprint.post("/admin/admins")
@access.platform("admins.write")
@pages.again(listed.again)
def add():
    email = request.form.get("email", "")
    admins.add(email, request.form.get("note", ""), by=access.me())
    return pages.go("/admin/admins", f"{email.strip()} is on the list.")
