"""A forgotten password: a code by mail, and a new one."""

from functools import partial

from flask import Blueprint, request

from domain.people import sign_ins
from views import access, cookies, pages
from views.codes import CodeFlow
from views.entrance import enter, form
from views.safety.limits import limited

blueprint = Blueprint("reset", __name__)


@blueprint.get("/forgot-password")
@access.public
def new():
    return form("people/auth/forgot_password.html")


@blueprint.post("/forgot-password")
@limited("code_send")
@access.public
@pages.again(partial(form, "people/auth/forgot_password.html"))
def create():
    email = request.form.get("email", "")
    return flow.wait(sign_ins.forgot(email))


def _reset(token, code):
    return enter(sign_ins.reset(token.public_id, code, request.form.get("password", "")), "code")


def _words(token):
    return {
        "title": "Choose a new password",
        "before": "If",
        "after": " has an account, a six-digit code is on its way there.",
        "button": "Change password",
        "asks_password": True,
    }


flow = CodeFlow(
    "reset",
    cookies.RESET,
    "/reset-password",
    "/reset-password/resend",
    "/forgot-password",
    _reset,
    _words,
)
flow.serve(blueprint)
