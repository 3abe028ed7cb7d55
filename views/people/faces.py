"""The pictures of people: put and taken away by themselves, seen by their colleagues and by staff."""

from contextlib import closing

from flask import Blueprint, request

from domain import Invalid
from domain.base.allowances import spend
from domain.files import gate, names
from domain.organizations import faces
from domain.people import admins
from views import access, pages
from views.safety.marks import takes

blueprint = Blueprint("faces", __name__)


@blueprint.get("/files/faces/<public_id>")
@access.signed_in
def show(public_id):
    viewer = access.me()
    found = faces.content(public_id, viewer, sees_all=admins.may(viewer, "users.read"))
    return pages.picture(*found, keeps="private, max-age=86400")


@blueprint.post("/account/picture")
@access.signed_in
@takes(gate.MOST_BYTES + 100_000)
def put():
    file = request.files.get("photo")
    if not file:
        raise Invalid({"photo": "Choose a picture first."})
    spend("pictures", access.me())
    with closing(file):
        faces.put(access.me(), file.read(gate.MOST_BYTES + 1), names.cleaned(file.filename or "picture"))
    return pages.go("/account", "Your picture stands beside your name.")


@blueprint.post("/account/picture/removal")
@access.signed_in
def remove():
    faces.remove(access.me())
    return pages.go("/account", "Your picture is gone.")
