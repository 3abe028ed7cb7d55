"""The second factor: asked for at sign-in after the first, and on one's own pages set up, renewed, turned off."""

from urllib.parse import urlencode

from flask import Blueprint, redirect, session
from htmx_flask import request

from domain import Refused
from domain.base import allowances, keys, tokens
from domain.files import qr
from domain.organizations import organizations
from domain.people import accounts, codes, factors, passkeys, sign_ins
from views import access, cookies, entrance, pages
from views.safety.limits import forgive, limited, recognise

blueprint = Blueprint("factors", __name__)


@blueprint.record_once
def _globals(state):
    """The card on the security page asks for itself what it shows."""
    state.app.jinja_env.globals.update(second_factor_of=factors.summary)


# --- at sign-in ------------------------------------------------------------------------------------------------


def _waiting():
    return codes.pending(session.get(cookies.SECOND_FACTOR), "second_factor")


@blueprint.get("/verify-2fa")
@access.public
def form():
    token = _waiting()
    if not token:
        return redirect("/app" if access.me() else "/sign-in")
    return _page(token, request.args.get("way"))


def _page(token, way=None, refusal=None):
    ways = factors.methods(token.user)
    if not ways:
        raise Refused(
            "Your authenticator app was set up under a key that this site has withdrawn, and no backup code or passkey "
            "is left. Ask whoever runs this site."
        )
    way = way if way in ways else ways[0]
    options = None
    if way == "passkey":
        session[cookies.PASSKEY], options = passkeys.request(token.user)
    return pages.page(
        "people/auth/second_factor.html",
        refusal.status if refusal else 200,
        ways=ways,
        way=way,
        lost=factors.is_lost(token.user),
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
    way, challenge = request.form.get("way", ""), session.pop(cookies.PASSKEY, None)

    def fits(user, answer):
        if way == "passkey":
            return passkeys.fits(user, answer, challenge)
        return (factors.use_code if way == "backup" else factors.fits_totp)(user, answer)

    recognise(token.user.email)
    allowances.spend("second_factors", token.user)
    try:
        user, first, target = sign_ins.finish_second_factor(
            token.public_id, request.form.get("code", "")[:20_000], fits
        )
    except tokens.WrongCode as refusal:
        return _page(token, way, refusal)
    except tokens.CodeExpired:
        session.pop(cookies.SECOND_FACTOR, None)
        return pages.go("/sign-in", "That took too long, or was wrong too often. Please sign in again.", "bad")
    accounts.must_be_active(user)
    forgive()
    allowances.give_back("second_factors", user)
    return entrance.admit(user, first, target)


# --- one's own ---------------------------------------------------------------------------------------------------


@blueprint.get("/settings/security/factor/required")
@access.signed_in
def required():
    """Before an organization that asks for one: why, and the way there."""
    by = organizations.reach(access.me(), request.args.get("organization", "")[:80])
    if by is None or not by.needs_factor_from:
        return redirect(entrance.onward() or "/app")
    others = [one for one in organizations.of(by.user) if one.id != by.organization.id and one.status == "active"]
    return pages.page(
        "people/accounts/factor_required.html", asks=by, others=others, next=entrance.onward(), here="account"
    )


@blueprint.post("/settings/security/factor/beginning")
@access.signed_in
def begin():
    factors.begin()
    target = entrance.onward()
    return pages.go("/settings/security/factor/new" + (f"?{urlencode({'next': target})}" if target else ""))


@blueprint.get("/settings/security/factor/new")
@access.signed_in
def new():
    """The same secret until it is confirmed: a page that is loaded twice must not outdate the phone."""
    if not _secret():
        session[cookies.APP_SET_UP] = keys.seal(factors.new_secret())
    return _enrolment()


def _secret():
    return keys.unseal(session.get(cookies.APP_SET_UP, ""))


def _enrolment(refusal=None):
    user, secret = access.me(), _secret()
    return pages.page(
        "people/accounts/factor.html",
        refusal.status if refusal else 200,
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        picture=qr.address(factors.address(user, secret)),
        replaces=factors.is_on(user),
        errors=refusal.fields if refusal else {},
        next=entrance.onward(),
        here="account",
    )


@blueprint.post("/settings/security/factor")
@limited("code_verify")
@access.signed_in
def enrol():
    if not _secret():
        return pages.go("/settings/security/factor/new", "That set-up is too old. Please start again.", "warn")
    try:
        made = factors.enrol(access.me(), _secret(), request.form.get("code", ""))
    except Refused as refusal:
        if not refusal.about_form:
            raise
        return _enrolment(refusal)
    forgive()
    session.pop(cookies.APP_SET_UP, None)
    return _shown_once(made, "The second factor is on. Keep these codes, then you are done.")


def _shown_once(made, words):
    """In the answer to the form, never by way of the cookie: that can be read, and sent again."""
    about = {"codes": made, "words": words, "next": entrance.onward(), "here": "account"}
    return pages.instead("people/accounts/backup_codes.html", "/settings/security/factor/codes", **about)


@blueprint.get("/settings/security/factor/codes")
@access.signed_in
def backup_codes():
    return pages.page("people/accounts/backup_codes.html", here="account")


@blueprint.post("/settings/security/factor/codes")
@access.signed_in
def renew():
    return _shown_once(factors.renew_codes(access.me()), "These are your new codes. The old ones are void.")


@blueprint.post("/settings/security/factor/removal")
@access.signed_in
def turn_off():
    factors.turn_off(access.me())
    return pages.go("/settings/security", "The second factor is off.")
