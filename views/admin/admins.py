"""Who looks after the site: the list, and what narrows whom."""

from flask import Blueprint, request

from domain import Invalid
from domain.base import roles
from domain.people import admins
from views import access, pages

blueprint = Blueprint("admins", __name__, url_prefix="/admin/admins")


@blueprint.get("")
@access.platform("admins.write")
def index():
    return _index()


def _index(refusal=None):
    return pages.page(
        "admin/admins/index.html",
        422 if refusal else 200,
        listed=admins.everybody(),
        STAFF=roles.STAFF,
        PLATFORM=roles.PLATFORM,
        own=access.me().email_norm,
        errors=refusal.fields if refusal else {},
        values=request.form,
        most=admins.NOTE,
        here="admins",
    )


@blueprint.post("")
@access.platform("admins.write")
def add():
    email = request.form.get("email", "")
    try:
        admins.add(email, request.form.get("note", ""), by=access.me())
    except Invalid as refusal:
        return _index(refusal)
    return pages.go("/admin/admins", f"{email.strip()} is on the list.")


@blueprint.post("/<id:id>/removal")
@access.platform("admins.write")
def remove(id):
    admins.remove(id, by=access.me())
    return pages.go("/admin/admins", "Taken off the list. The admin side is gone for them.")


@blueprint.post("/<id:id>/roles")
@access.platform("admins.write")
def grant(id):
    role = request.form.get("role", "")
    admins.grant(id, role, by=access.me())
    return pages.go("/admin/admins", f"The role {roles.STAFF[role][0].lower()} was given.")


@blueprint.post("/<id:id>/roles/removal")
@access.platform("admins.write")
def revoke(id):
    admins.revoke(id, request.form.get("role", ""), by=access.me())
    return pages.go("/admin/admins", "The role was taken back.")
