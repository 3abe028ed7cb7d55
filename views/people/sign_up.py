"""Sign-up, with a password or without one, and the first account of all."""

from functools import partial

from flask import Blueprint, redirect, request

from domain import Refused
from domain.people import accounts
from views import access, cookies, pages
from views.backers.backers import carried, let_go
from views.codes import CodeFlow
from views.entrance import enter, form, onward
from views.safety.limits import limited

blueprint = Blueprint("sign_up", __name__)


@blueprint.get("/sign-up")
@access.public
def new():
    return redirect("/app") if access.me() else form("people/auth/sign_up.html")


@blueprint.post("/sign-up")
@limited("sign_up")
@access.public
def create():
    return _begin("people/auth/sign_up.html", request.form.get("password", ""))


@blueprint.get("/sign-up/code")
@access.public
def new_with_code():
    return redirect("/app") if access.me() else form("people/auth/sign_up_code.html")


@blueprint.post("/sign-up/code")
@limited("sign_up")
@access.public
def create_with_code():
    """An account without a password: its address is the way in."""
    return _begin("people/auth/sign_up_code.html", None)


def _begin(template, password):
    email, name = request.form.get("email", ""), request.form.get("name", "")
    try:
        token = accounts.sign_up(email, name, password, onward(), backer=carried())
    except Refused as refusal:
        let_go(refusal)
        return form(template, refusal)
    return verification.wait(token)


def _verify(token, code):
    user, target = accounts.verify(token.public_id, code, carried())
    return enter(user, "code", target)


verification = CodeFlow(
    "verify_email",
    cookies.SIGN_UP,
    "/verify",
    "/verify/resend",
    "/sign-up",
    _verify,
    lambda token: {"button": "Confirm e-mail"},
    too_old="That sign-up is too old. Please start again.",
    asked="sign_up",
)
verification.serve(blueprint)


# --- the first account ------------------------------------------------------------------------------------


@blueprint.get("/setup/<secret>")
@access.public
def set_up_form(secret):
    accounts.setup_open(secret)
    return form("people/auth/setup.html", secret=secret)


@blueprint.post("/setup/<secret>")
@limited("sign_up")
@access.public
@pages.again(partial(form, "people/auth/setup.html"))
def set_up(secret):
    sent = request.form
    user = accounts.set_up(secret, sent.get("email", ""), sent.get("name", ""), sent.get("password", ""))
    return enter(user, "password")
