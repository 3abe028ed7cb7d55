"""The second factor: asked for at sign-in after the first, and on one's own pages set up, renewed, turned off."""

import segno
from flask import Blueprint, redirect, session
from htmx_flask import request

from domain import Refused
from domain.base import tokens
from domain.base.stepup import VerificationRequired
from domain.people import accounts, factors, passkeys
from views import access, pages
from views.people import accounts as entrance
from views.safety import limited, spend_second_factor

blueprint = Blueprint("factors", __name__)

SET_UP = "totp_secret"  # of a set-up that isn't finished: in this browser's cookie alone, and sealed
SHOWN_ONCE = "backup_codes"


@blueprint.record_once
def _globals(state):
    """The card on the security page asks for itself what it shows."""
    state.app.jinja_env.globals.update(second_factor_of=factors.summary)


# --- at sign-in ------------------------------------------------------------------------------------------------


def _waiting():
    return accounts.pending(session.get("second_factor"), "second_factor")


@blueprint.get("/verify-2fa")
@access.public
def form():
    token = _waiting()
    if not token:
        return redirect("/app" if access.me() else "/sign-in")
    return _page(token, request.args.get("way"))


def _page(token, way=None, refusal=None):
    ways = factors.methods(token.user)
    way = way if way in ways else ways[0]
    options = None
    if way == "passkey":
        session["passkey_challenge"], options = passkeys.request(token.user)
    return pages.page(
        "people/auth/second_factor.html",
        refusal.status if refusal else 200,
        ways=ways,
        way=way,
        options=options,
        errors=_errors(way, refusal),
    )


def _errors(way, refusal):
    if refusal is None:
        return {}
    if way == "passkey":
        return {"form": "That passkey wasn't recognised. Try again, or use another way."}
    return {"code": refusal.sentence}


@blueprint.post("/verify-2fa")
@limited("code_verify")
@access.public
def verify():
    token = _waiting()
    if not token:
        return pages.go("/sign-in", "That took too long. Please sign in again.", "warn")
    way, challenge = request.form.get("way", ""), session.pop("passkey_challenge", None)

    def fits(user, answer):
        if way == "passkey":
            return _is_passkey_of(user, answer, challenge)
        return (factors.use_code if way == "backup" else factors.fits_totp)(user, answer)

    spend_second_factor(token.user)
    try:
        user, first, target = accounts.finish_second_factor(
            token.public_id, request.form.get("code", "")[:20_000], fits
        )
    except tokens.WrongCode as refusal:
        return _page(token, way, refusal)
    except tokens.CodeExpired:
        session.pop("second_factor", None)
        return pages.go("/sign-in", "That took too long, or was wrong too often. Please sign in again.", "bad")
    accounts.must_be_active(user)
    return entrance.admit(user, first, target)


def _is_passkey_of(user, answer, challenge):
    try:
        return bool(passkeys.answered_by(answer, challenge, user))
    except passkeys.NotRecognised:
        return False


# --- one's own ---------------------------------------------------------------------------------------------------


@blueprint.get("/settings/security/factor/new")
@access.signed_in
def new():
    """The same secret until it is confirmed: a page that is loaded twice must not outdate the phone."""
    if not _secret():
        session[SET_UP] = factors.seal(factors.new_secret())
    return _enrolment()


def _secret():
    return factors.unseal(session.get(SET_UP, ""))


def _enrolment(refusal=None):
    user, secret = access.me(), _secret()
    code = segno.make(factors.address(user, secret), error="m")
    return pages.page(
        "people/accounts/factor.html",
        refusal.status if refusal else 200,
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        picture=code.svg_data_uri(scale=5, border=3, light="#fff", xmldecl=False),
        replaces=factors.is_on(user),
        errors=refusal.fields if refusal else {},
        here="account",
    )


@blueprint.post("/settings/security/factor")
@limited("code_verify")
@access.signed_in
def enrol():
    if not _secret():
        return pages.go("/settings/security/factor/new", "That set-up is too old. Please start again.", "warn")
    try:
        codes = factors.enrol(access.me(), _secret(), request.form.get("code", ""))
    except VerificationRequired:
        raise
    except Refused as refusal:
        return _enrolment(refusal)
    session.pop(SET_UP, None)
    return _to_codes(codes, "The second factor is on. Keep these codes, then you are done.")


def _to_codes(codes, message):
    """By way of the cookie, for one look: the page that shows them is not the answer to a form."""
    session[SHOWN_ONCE] = factors.seal(" ".join(codes))
    return pages.go("/settings/security/factor/codes", message)


@blueprint.get("/settings/security/factor/codes")
@access.signed_in
def codes():
    codes = factors.unseal(session.pop(SHOWN_ONCE, "")).split()
    return pages.page("people/accounts/backup_codes.html", codes=codes or None, here="account")


@blueprint.post("/settings/security/factor/codes")
@access.signed_in
def renew():
    return _to_codes(factors.renew_codes(access.me()), "These are your new codes. The old ones are void.")


@blueprint.post("/settings/security/factor/removal")
@access.signed_in
def turn_off():
    factors.turn_off(access.me())
    return pages.go("/settings/security", "The second factor is off.")
