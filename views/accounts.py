"""Ways in and out, and one's own pages: sign-up, sign-in, reset, set-up, account, sessions."""

import re
import secrets

from flask import Blueprint, g, make_response, redirect, request, session
from flask_login import current_user, login_user, logout_user

from domain import Invalid, Refused, accounts, alerts, configuration, factors, sessions
from views import access, pages
from views.safety import TooOften, address, limited, spend_letter, spend_session

blueprint = Blueprint("accounts", __name__)
YEAR = 365 * 24 * 3600


BROWSER = "guildhall_browser"  # the cookie by which a browser is known again: it signs nobody in


def enter(user, way, target=None):
    """They have shown who they are by `way`: on to the second factor where there is one, else in.

    A passkey is both factors already. Refuses with Refused when the account is suspended.
    """
    accounts.must_be_active(user)
    if way != "passkey" and factors.is_on(user):
        session.clear()
        session["second_factor"] = accounts.begin_second_factor(user, way, access.same_site(target))
        return pages.go("/verify-2fa")
    return admit(user, way, target)


def admit(user, way, target=None):
    """Sign this browser in; the cookie starts afresh, so that nobody can have planted it."""
    spend_session(user)
    session.clear()
    browser = request.cookies.get(BROWSER, "")
    if not re.fullmatch(r"[\w-]{43}", browser):
        browser = secrets.token_urlsafe(32)
    token = sessions.start(user, ip=address(), user_agent=request.user_agent.string, way=way, browser=browser)
    login_user(sessions.find(token))
    g.pop("by", None)
    response = make_response(pages.go(access.same_site(target) or pages.home_of(user)))
    secure = configuration.active.site_url.startswith("https://")
    response.set_cookie(BROWSER, browser, max_age=YEAR, httponly=True, samesite="Lax", secure=secure)
    return response


def _next():
    return access.same_site(request.values.get("next"))


def _form(template, refusal=None, status=None, **context):
    errors = {}
    if refusal is not None:
        fields = getattr(refusal, "fields", None) or refusal.details.get("fields")
        errors = fields or {"form": refusal.sentence}
    values = {k: v for k, v in request.form.items() if k not in ("password", "code")}
    status = status or (refusal.status if refusal else 200)
    return pages.page(template, status, values=values, errors=errors, next=_next(), **context)


# --- sign-up ------------------------------------------------------------------------------------------


@blueprint.get("/sign-up")
@access.public
def new():
    if access.me():
        return redirect("/app")
    return _form("auth/sign_up.html")


@blueprint.post("/sign-up")
@limited("sign_up")
@access.public
def create():
    form = request.form
    try:
        token = accounts.sign_up(
            form.get("email", ""), form.get("name", ""), form.get("password", ""), _next(), allow=spend_letter
        )
    except TooOften:
        raise
    except Refused as refusal:
        return _form("auth/sign_up.html", refusal)
    session["sign_up"] = token
    return pages.go("/verify")


@blueprint.get("/verify")
@access.public
def verify_form():
    token = accounts.pending(session.get("sign_up"), "verify_email")
    if not token:
        return redirect("/sign-up")
    return _form("auth/verify.html", email=token.payload["email"])


@blueprint.post("/verify")
@limited("code_verify")
@access.public
def verify():
    token = accounts.pending(session.get("sign_up"), "verify_email")
    if not token:
        return pages.go("/sign-up", "That sign-up is too old. Please start again.", "warn")
    try:
        user, target = accounts.verify(token.public_id, request.form.get("code", ""))
    except Refused as refusal:
        refusal.fields = {"code": refusal.sentence}
        return _form("auth/verify.html", refusal, email=token.payload["email"])
    return enter(user, "code", target)


@blueprint.post("/verify/resend")
@limited("code_send")
@access.public
def send_again():
    token = accounts.pending(session.get("sign_up"), "verify_email")
    if not token:
        return pages.go("/sign-up", "That sign-up is too old. Please start again.", "warn")
    _mail_again(token)
    return pages.go("/verify", "A new code is on its way. The old one is no longer good.", "info")


def _mail_again(token):
    spend_letter(token.email_norm)
    session["sign_up"] = accounts.send_again(token.public_id)


# --- sign-in -----------------------------------------------------------------------------------------


@blueprint.get("/sign-in")
@access.public
def sign_in_form():
    if access.me():
        return redirect(_next() or "/app")
    return _form("auth/sign_in.html")


@blueprint.get("/login")
@access.public
def login():
    query = request.query_string.decode("ascii", "ignore")
    return redirect("/sign-in" + (f"?{query}" if query else ""))


@blueprint.post("/sign-in")
@limited("sign_in")
@access.public
def sign_in():
    try:
        user = accounts.sign_in(request.form.get("email", ""), request.form.get("password", ""))
    except accounts.NotVerified as refusal:
        _mail_again(accounts.pending(refusal.details["token"], "verify_email"))
        return pages.go("/verify", refusal.sentence, "info")
    except Refused as refusal:
        return _form("auth/sign_in.html", refusal, status=422)
    return enter(user, "password", _next())


@blueprint.post("/sign-out")
@access.public
def sign_out():
    if current_user.is_authenticated:
        sessions.end(current_user.token)
        logout_user()
    session.clear()
    return pages.go("/")


@blueprint.get("/session-ended")
@access.public
def session_ended():
    return pages.page("auth/session_ended.html")


# --- a forgotten password --------------------------------------------------------------------------------


@blueprint.get("/forgot-password")
@access.public
def forgot_form():
    return _form("auth/forgot_password.html")


@blueprint.post("/forgot-password")
@limited("code_send")
@access.public
def forgot():
    try:
        spend_letter(accounts.address(request.form.get("email", "")))
        session["reset"] = accounts.forgot(request.form.get("email", ""))
    except Invalid as refusal:
        return _form("auth/forgot_password.html", refusal)
    return pages.go("/reset-password")


@blueprint.get("/reset-password")
@access.public
def reset_form():
    token = accounts.pending(session.get("reset"), "reset")
    if not token:
        return redirect("/forgot-password")
    return _form("auth/reset_password.html", email=token.email_norm)


@blueprint.post("/reset-password")
@limited("code_verify")
@access.public
def reset():
    token = accounts.pending(session.get("reset"), "reset")
    if not token:
        return pages.go("/forgot-password", "That is too old. Please ask for a new code.", "warn")
    try:
        user = accounts.reset(token.public_id, request.form.get("code", ""), request.form.get("password", ""))
    except Invalid as refusal:
        return _form("auth/reset_password.html", refusal, email=token.email_norm)
    except Refused as refusal:
        refusal.fields = {"code": refusal.sentence}
        return _form("auth/reset_password.html", refusal, email=token.email_norm)
    return enter(user, "code")


# --- the first account ------------------------------------------------------------------------------------


@blueprint.get("/setup/<secret>")
@access.public
def set_up_form(secret):
    accounts.setup_open(secret)
    return _form("auth/setup.html", secret=secret)


@blueprint.post("/setup/<secret>")
@limited("sign_up")
@access.public
def set_up(secret):
    form = request.form
    try:
        user = accounts.set_up(secret, form.get("email", ""), form.get("name", ""), form.get("password", ""))
    except Invalid as refusal:
        return _form("auth/setup.html", refusal, secret=secret)
    return enter(user, "password")


# --- one's own pages -------------------------------------------------------------------------------------------


@blueprint.get("/account")
@access.signed_in
def show():
    """Looking here is what puts out the dot for alerts (A0.3-6)."""
    user = access.me()
    shown = alerts.active()
    alerts.see(user)
    return pages.page("accounts/show.html", alerts=shown, here="account")


@blueprint.get("/settings/security")
@access.signed_in
def security():
    return pages.page(
        "accounts/security.html",
        sessions=list(sessions.live(access.me())),
        current=current_user.session,
        here="account",
    )


@blueprint.post("/settings/security/sessions/<id:id>/end")
@access.signed_in
def end_session(id):
    sessions.revoke(access.me(), id)
    if id == current_user.session.id:
        logout_user()
        return pages.go("/sign-in")
    return pages.go("/settings/security", "That browser is signed out.")


@blueprint.post("/settings/security/sessions/end")
@access.signed_in
def end_others():
    ended = sessions.end_all(access.me(), by=access.me(), but=current_user.session)
    words = "No other browser was signed in." if not ended else f"Signed out {ended} other browsers."
    return pages.go("/settings/security", words if ended != 1 else "Signed out one other browser.")
