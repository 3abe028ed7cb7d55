"""Only outside production: the letters that were kept, every pattern, and the demo's one-click sign-in."""

import email
from email import policy

from flask import Blueprint, Response

from domain import NotFound
from domain.base import configuration, mail
from models import Membership, Organization, User
from views import access, entrance, pages

blueprint = Blueprint("dev", __name__, url_prefix="/dev")
SHOWN = 50


@blueprint.before_request
def _not_in_production():
    if configuration.active.production:
        raise NotFound()


def _letter(path):
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    return {"number": path.stem, "message": message, "text": _part(message, "plain")}


def _part(message, kind):
    body = message.get_body((kind,))
    return body.get_content() if body else ""


@blueprint.get("/mail")
@access.public
def letters():
    newest = sorted(mail.outbox().glob("*.eml"), reverse=True)[:SHOWN] if mail.outbox().is_dir() else []
    return pages.page("base/dev/mail.html", letters=[_letter(path) for path in newest])


@blueprint.get("/mail/<id:number>")
@access.public
def letter(number):
    """The HTML part, as the reader's mail program would show it."""
    path = mail.outbox() / f"{number:08}.eml"
    if not path.is_file():
        raise NotFound("That letter isn't kept here.")
    html = _part(_letter(path)["message"], "html")
    answer = Response(html, content_type="text/html; charset=utf-8")
    # A letter styles itself; it runs nothing and loads nothing.
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return answer


@blueprint.get("/patterns")
@access.public
def patterns():
    return pages.page("base/dev/patterns.html", here="patterns")


@blueprint.post("/sign-in/<id:id>")
@access.public
def sign_in(id):
    """The demo's cast, one click each. Anywhere else this doesn't exist."""
    user = User.one(User.id == id)
    if configuration.active.env != "demo" or user is None:
        raise NotFound()
    return entrance.admit(user, "password", counted=False)


@blueprint.get("/cast")
@access.public
def cast():
    if configuration.active.env != "demo":
        raise NotFound()
    shared = {}
    for one in Membership.select(Membership, User, Organization).join(User).switch(Membership).join(Organization):
        held = shared.get(one.user.id)
        if held is None or held.organization.is_personal:
            shared[one.user.id] = one
    return pages.page("base/dev/cast.html", people=list(shared.values()))
