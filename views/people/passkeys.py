"""Passkeys: in by one, and one's own: add, rename, remove. The browser's side is static/js/passkeys.js."""

from urllib.parse import urlencode

from flask import Blueprint, Response, request, session

from domain import Refused
from domain.people import passkeys
from views import access, cookies, entrance, pages
from views.machines.operations import Described, declared
from views.safety.limits import forgive, limited

blueprint = Blueprint("passkeys", __name__)


@blueprint.record_once
def _globals(state):
    """The card on the security page asks for itself what it shows."""
    state.app.jinja_env.globals.update(passkeys_of=passkeys.of)


@blueprint.post("/sign-in/passkey/options")
@limited("passkey")
@declared(Described("What a browser is to answer with a passkey (WebAuthn)", {"type": "object"}))
@access.public
def options():
    """What the browser is to answer, asked for when the button is pressed: a page may stand open for long."""
    session[cookies.PASSKEY], wanted = passkeys.request()
    return Response(wanted, content_type="application/json", headers={"Cache-Control": "no-store"})


@blueprint.post("/sign-in/passkey")
@limited("passkey")
@access.public
def sign_in():
    target = access.same_site(request.form.get("next"))
    try:
        user = passkeys.answered_by(_answer(), session.pop(cookies.PASSKEY, None))
        forgive("passkey")
        return entrance.enter(user, "passkey", target)
    except Refused as refusal:
        back = f"/sign-in?{urlencode({'next': target})}" if target else "/sign-in"
        return pages.go(back, refusal.sentence, "bad")


def _answer():
    return request.form.get("answer", "")[:20_000]


@blueprint.get("/settings/security/passkeys/new")
@access.signed_in
def new():
    """The challenge holds as long as this is the page that was opened last."""
    session[cookies.PASSKEY_CREATION], wanted = passkeys.creation(access.me())
    return pages.page("people/accounts/passkey.html", options=wanted, here="account")


@blueprint.post("/settings/security/passkeys")
@limited("passkey")
@access.signed_in
def create():
    try:
        made = passkeys.keep(
            access.me(), _answer(), session.get(cookies.PASSKEY_CREATION), request.form.get("name", "")
        )
    except passkeys.NotRecognised as refusal:
        return pages.go("/settings/security/passkeys/new", refusal.sentence, "bad")
    forgive()
    session.pop(cookies.PASSKEY_CREATION, None)
    return pages.go("/settings/security", f"The passkey “{made.name}” can sign you in from now on.")


@blueprint.post("/settings/security/passkeys/<id:id>/name")
@access.signed_in
def rename(id):
    name = passkeys.rename(access.me(), id, request.form.get("name", ""))
    return pages.go("/settings/security", f"It is called “{name}” now.")


@blueprint.post("/settings/security/passkeys/<id:id>/removal")
@access.signed_in
def remove(id):
    passkeys.remove(access.me(), id)
    return pages.go("/settings/security", "The passkey is removed. Remove it from your device too.")
