"""Ways in and out, and one's own pages: sign-up, sign-in, reset, set-up, account, sessions."""

import re
import secrets

from flask import Blueprint, g, make_response, redirect, request, session
from flask_login import current_user, login_user, logout_user

from domain import Invalid, Refused
from domain.backers import backers
from domain.base import alerts, stepup
from domain.organizations import organizations
from domain.people import accounts, admins, factors, sessions
from views import access, pages
from views.backers.backers import carried, let_go, to_the_gate
from views.safety import TooOften, address, cookie_name, is_https, limited, spend_letter, spend_session

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


def admit(user, way, target=None, counted=True):
    """Sign this browser in; the cookie starts afresh, so that nobody can have planted it."""
    if counted:
        spend_session(user)
    if current_user.is_authenticated:  # what this browser held before is over, not only forgotten
        sessions.end(current_user.token)
    session.clear()
    browser = request.cookies.get(cookie_name(BROWSER), "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", browser):
        browser = secrets.token_urlsafe(32)
    token = sessions.start(user, ip=address(), user_agent=request.user_agent.string, way=way, browser=browser)
    login_user(sessions.find(token))
    g.pop("by", None)
    response = make_response(pages.go(access.same_site(target) or pages.home_of(user)))
    name, secure = cookie_name(BROWSER), is_https()
    response.set_cookie(name, browser, max_age=YEAR, httponly=True, samesite="Lax", secure=secure)
    return response


def _next():
    return access.same_site(request.values.get("next"))


def _form(template, refusal=None, status=None, beside="form", **context):
    errors = refusal.beside(beside) if refusal else {}
    if refusal:
        context["elsewhere"] = refusal.details.get("elsewhere")
    given = request.form if request.method == "POST" else {"email": request.args.get("email", "")[:254]}
    values = {k: v for k, v in given.items() if k not in ("password", "code")}
    status = status or (refusal.status if refusal else 200)
    return pages.page(template, status, values=values, errors=errors, next=_next(), **context)


# --- sign-up ------------------------------------------------------------------------------------------


@blueprint.get("/sign-up")
@access.public
def new():
    if access.me():
        return redirect("/app")
    return _form("people/auth/sign_up.html")


@blueprint.post("/sign-up")
@limited("sign_up")
@access.public
def create():
    form = request.form
    try:
        token = accounts.sign_up(
            form.get("email", ""),
            form.get("name", ""),
            form.get("password", ""),
            _next(),
            backer=carried(),
            allow=spend_letter,
        )
    except TooOften:
        raise
    except Refused as refusal:
        let_go(refusal)
        return _form("people/auth/sign_up.html", refusal)
    session["sign_up"] = token
    return pages.go("/verify")


@blueprint.get("/sign-up/code")
@access.public
def new_with_code():
    if access.me():
        return redirect("/app")
    return _form("people/auth/sign_up_code.html")


@blueprint.post("/sign-up/code")
@limited("sign_up")
@access.public
def create_with_code():
    """An account without a password: its address is the way in."""
    form = request.form
    try:
        token = accounts.sign_up(
            form.get("email", ""), form.get("name", ""), None, _next(), backer=carried(), allow=spend_letter
        )
    except TooOften:
        raise
    except Refused as refusal:
        let_go(refusal)
        return _form("people/auth/sign_up_code.html", refusal)
    session["sign_up"] = token
    return pages.go("/verify")


@blueprint.get("/verify")
@access.public
def verify_form():
    token = accounts.pending(session.get("sign_up"), "verify_email")
    if not token:
        return redirect("/sign-up")
    return _form("people/auth/verify.html", email=token.payload["email"])


@blueprint.post("/verify")
@limited("code_verify")
@access.public
def verify():
    token = accounts.pending(session.get("sign_up"), "verify_email")
    if not token:
        return pages.go("/sign-up", "That sign-up is too old. Please start again.", "warn")
    try:
        user, target = accounts.verify(token.public_id, request.form.get("code", ""), carried())
    except backers.NotClaimed as refusal:
        return to_the_gate(refusal, "/verify")
    except Refused as refusal:
        return _form("people/auth/verify.html", refusal, beside="code", email=token.payload["email"])
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
    return _form("people/auth/sign_in.html")


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
        return _form("people/auth/sign_in.html", refusal, status=422)
    return enter(user, "password", _next())


# --- in by mail -----------------------------------------------------------------------------------------


@blueprint.get("/sign-in/code")
@access.public
def ask_code_form():
    if access.me():
        return redirect(_next() or "/app")
    return _form("people/auth/sign_in_code.html")


@blueprint.post("/sign-in/code")
@limited("code_send")
@access.public
def ask_code():
    email = request.form.get("email", "")
    try:
        spend_letter(accounts.address(email))
        session["sign_in"] = accounts.ask_code(email, _next())
    except TooOften:
        raise
    except Refused as refusal:
        return _form("people/auth/sign_in_code.html", refusal)
    return pages.go("/sign-in/code/answer")


@blueprint.get("/sign-in/code/answer")
@access.public
def code_form():
    token = accounts.pending(session.get("sign_in"), "sign_in")
    if not token:
        return redirect("/sign-in/code")
    return _form("people/auth/code.html", email=token.payload["email"])


@blueprint.post("/sign-in/code/answer")
@limited("code_verify")
@access.public
def sign_in_with_code():
    token = accounts.pending(session.get("sign_in"), "sign_in")
    if not token:
        return pages.go("/sign-in/code", "That is too old. Please ask for a new code.", "warn")
    try:
        user, target = accounts.sign_in_with_code(token.public_id, request.form.get("code", ""))
    except Refused as refusal:
        return _form("people/auth/code.html", refusal, beside="code", email=token.payload["email"])
    return enter(user, "code", target)


@blueprint.post("/sign-in/code/resend")
@limited("code_send")
@access.public
def send_code_again():
    token = accounts.pending(session.get("sign_in"), "sign_in")
    if not token:
        return pages.go("/sign-in/code", "That is too old. Please ask for a new code.", "warn")
    spend_letter(token.email_norm)
    session["sign_in"] = accounts.send_again(token.public_id)
    return pages.go("/sign-in/code/answer", "A new code is on its way. The old one is no longer good.", "info")


@blueprint.get("/sign-in/link")
@access.public
def ask_link_form():
    if access.me():
        return redirect(_next() or "/app")
    return _form("people/auth/sign_in_link.html", sent=session.pop("link_sent", None))


@blueprint.post("/sign-in/link")
@limited("code_send")
@access.public
def ask_link():
    email = request.form.get("email", "")
    try:
        spend_letter(accounts.address(email))
        accounts.ask_link(email, _next())
    except TooOften:
        raise
    except Refused as refusal:
        return _form("people/auth/sign_in_link.html", refusal)
    session["link_sent"] = accounts.address(email)
    return pages.go("/sign-in/link")


@blueprint.get("/sign-in/link/<link>")
@access.public
def open_link(link):
    """Opening doesn't use it up: mail programs look ahead. The button does."""
    try:
        token = accounts.link_open(link)
    except Refused as refusal:
        return pages.go("/sign-in/link", refusal.sentence, "bad")
    return _form("people/auth/open_link.html", link=link, email=token.user.email)


@blueprint.post("/sign-in/link/<link>")
@limited("code_verify")
@access.public
def sign_in_with_link(link):
    try:
        user, target = accounts.sign_in_with_link(link)
    except Refused as refusal:
        return pages.go("/sign-in/link", refusal.sentence, "bad")
    return enter(user, "link", target)


@blueprint.post("/sign-out")
@access.public
def sign_out():
    if current_user.is_authenticated:
        sessions.end(current_user.token)
        logout_user()
    session.clear()
    return pages.go(_next() or "/")


@blueprint.get("/session-ended")
@access.public
def session_ended():
    """The account was signed in to somewhere else; this browser forgets its own session."""
    if not current_user.is_authenticated:
        session.clear()
    return pages.page("people/auth/session_ended.html")


@blueprint.get("/session-elsewhere")
@access.public
def other_tab():
    """One tab for each session: this is the later one, so the application isn't loaded in it."""
    return pages.page("people/auth/other_tab.html", me=None)


# --- a forgotten password --------------------------------------------------------------------------------


@blueprint.get("/forgot-password")
@access.public
def forgot_form():
    return _form("people/auth/forgot_password.html")


@blueprint.post("/forgot-password")
@limited("code_send")
@access.public
def forgot():
    try:
        spend_letter(accounts.address(request.form.get("email", "")))
        session["reset"] = accounts.forgot(request.form.get("email", ""))
    except Invalid as refusal:
        return _form("people/auth/forgot_password.html", refusal)
    return pages.go("/reset-password")


@blueprint.get("/reset-password")
@access.public
def reset_form():
    token = accounts.pending(session.get("reset"), "reset")
    if not token:
        return redirect("/forgot-password")
    return _form("people/auth/reset_password.html", email=token.email_norm)


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
        return _form("people/auth/reset_password.html", refusal, email=token.email_norm)
    except Refused as refusal:
        return _form("people/auth/reset_password.html", refusal, beside="code", email=token.email_norm)
    return enter(user, "code")


# --- the first account ------------------------------------------------------------------------------------


@blueprint.get("/setup/<secret>")
@access.public
def set_up_form(secret):
    accounts.setup_open(secret)
    return _form("people/auth/setup.html", secret=secret)


@blueprint.post("/setup/<secret>")
@limited("sign_up")
@access.public
def set_up(secret):
    form = request.form
    try:
        user = accounts.set_up(secret, form.get("email", ""), form.get("name", ""), form.get("password", ""))
    except Invalid as refusal:
        return _form("people/auth/setup.html", refusal, secret=secret)
    return enter(user, "password")


# --- one's own pages -------------------------------------------------------------------------------------------


@blueprint.get("/account")
@access.signed_in
def show():
    """Looking here is what puts out the dot for alerts."""
    return _account()


def _account(refusal=None):
    user, shown = access.me(), alerts.active()
    if not current_user.only_looks:
        alerts.see(user)
    zones = organizations.timezones()
    waits = admins.gate(user) == "two_factor_required"
    return _form(
        "people/accounts/show.html", refusal, alerts=shown, zones=zones, waits=waits, shown=user, here="account"
    )


@blueprint.post("/account")
@access.signed_in
def update():
    try:
        accounts.change_profile(access.me(), request.form.get("name", ""), request.form.get("timezone", ""))
    except Invalid as refusal:
        return _account(refusal)
    return pages.go("/account", "Your profile is saved.")


@blueprint.get("/account/address")
@access.signed_in
def address_form():
    token = accounts.pending(session.get("address"), "change_email")
    return _form("people/accounts/address.html", waiting=token, here="account")


@blueprint.post("/account/address")
@limited("code_send")
@access.signed_in
def ask_new_address():
    email = request.form.get("email", "")
    try:
        session["address"] = accounts.ask_new_address(access.me(), email)
    except stepup.VerificationRequired:
        raise
    except Refused as refusal:
        return _form("people/accounts/address.html", refusal, waiting=None, here="account")
    return pages.go("/account/address")


@blueprint.post("/account/address/answer")
@limited("code_verify")
@access.signed_in
def change_address():
    token = accounts.pending(session.get("address"), "change_email")
    try:
        new = accounts.change_address(access.me(), session.get("address"), request.form.get("code", ""))
    except Refused as refusal:
        return _form("people/accounts/address.html", refusal, beside="code", waiting=token, here="account")
    session.pop("address", None)
    return pages.go("/account", f"Your address is {new} now. We told both addresses.")


@blueprint.post("/account/address/cancellation")
@access.signed_in
def cancel_address():
    session.pop("address", None)
    return pages.go("/account", "Your address stays as it is.", "info")


@blueprint.get("/account/deletion")
@access.signed_in
def deletion():
    return pages.page("people/accounts/deletion.html", ties=accounts.ties(access.me()), here="account")


@blueprint.post("/account/deletion")
@access.signed_in
def delete():
    accounts.delete(access.me())
    logout_user()
    session.clear()
    return pages.go("/", "Your account is deleted. Farewell.")


@blueprint.get("/settings/security/password")
@access.signed_in
def password_form():
    return _form("people/accounts/password.html", email=access.me().email, here="account")


@blueprint.post("/settings/security/password")
@access.signed_in
def change_password():
    try:
        ended = accounts.change_password(access.me(), request.form.get("password", ""))
    except Invalid as refusal:
        return _form("people/accounts/password.html", refusal, email=access.me().email, here="account")
    others = {0: "", 1: " Your other browser was signed out."}.get(ended, f" {ended} other browsers were signed out.")
    return pages.go("/settings/security", f"Your password is changed.{others}")


@blueprint.get("/settings/security")
@access.signed_in
def security():
    return pages.page(
        "people/accounts/security.html",
        sessions=list(sessions.live(access.me())),
        current=current_user.session,
        has_password=accounts.has_password(access.me()),
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
