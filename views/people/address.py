"""A new e-mail address, proven by a code that is mailed there."""

from functools import partial

from flask import Blueprint, redirect, request

from domain import Refused
from domain.people import accounts
from views import access, cookies, pages
from views.codes import CodeFlow
from views.entrance import form
from views.safety.limits import limited

blueprint = Blueprint("address", __name__)
TEMPLATE = "people/accounts/address.html"


@blueprint.get("/account/address")
@access.signed_in
def new():
    return redirect(flow.path) if flow.token else form(TEMPLATE, here="account")


@blueprint.post("/account/address")
@limited("code_send")
@access.signed_in
@pages.again(partial(form, TEMPLATE, here="account"), Refused)
def create():
    return flow.wait(accounts.ask_new_address(access.me(), request.form.get("email", "")))


def _change(token, code):
    new = accounts.change_address(access.me(), token.public_id, code)
    flow.end()
    return pages.go("/account", f"Your address is {new} now. We told both addresses.")


def _words(token):
    return {
        "title": "Prove your new address",
        "button": "Use this address",
        "cancel": ("Keep the old one", "/account/address/cancellation"),
        "here": "account",
    }


flow = CodeFlow(
    "change_email",
    cookies.ADDRESS,
    "/account/address/answer",
    "/account/address/resend",
    "/account/address",
    _change,
    _words,
    door=access.signed_in,
)
flow.serve(blueprint)


@blueprint.post("/account/address/cancellation")
@access.signed_in
def cancel():
    flow.end()
    return pages.go("/account", "Your address stays as it is.", "info")
