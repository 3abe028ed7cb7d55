"""Sign-in with a password, by a mailed code or link; and out."""

from contextlib import suppress
from functools import partial

from flask import Blueprint, redirect, request, session
from flask_login import current_user, logout_user

from database.transactions import GaveUp
from database.troubles import Unavailable
from domain import Invalid, Refused
from domain.base import allowances
from domain.fields.email import address, normalized
from domain.people import codes, sessions, sign_ins
from views import access, cookies, pages
from views.codes import CodeFlow
from views.entrance import enter, form, onward
from views.people.sign_up import verification
from views.safety.limits import forgive, limited

blueprint = Blueprint("sign_in", __name__)
MISSING = {"email": "Write your e-mail address.", "password": "Type your password."}


def _form(template, **context):
    return redirect(onward() or "/app") if access.me() else form(template, **context)


@blueprint.get("/sign-in")
@access.public
def new():
    return _form("people/auth/sign_in.html")


@blueprint.get("/login")
@access.public
def login():
    query = request.query_string.decode("ascii", "ignore")
    return redirect("/sign-in" + (f"?{query}" if query else ""))


@blueprint.post("/sign-in")
@limited("sign_in")
@access.public
def create():
    email, password = request.form.get("email", ""), request.form.get("password", "")
    if allowances.is_spent("guesses", normalized(email)[:254]) and not allowances.known.get():
        return _prove_by_mail_too(email, password)
    try:
        if missing := {name: say for name, say in MISSING.items() if not request.form.get(name, "").strip()}:
            raise Invalid(missing)
        user = sign_ins.sign_in(email, password)
    except Invalid as refusal:
        _count_guess(email)
        return form("people/auth/sign_in.html", refusal)
    except sign_ins.NotVerified as refusal:
        forgive()
        verification.mail_again(codes.pending(refusal.details["token"], "verify_email"))
        return pages.go("/verify", refusal.sentence, "info")
    except Refused as refusal:
        _count_guess(email)
        return form("people/auth/sign_in.html", refusal, status=422)
    return enter(user, "password", onward())


def _count_guess(email):
    with suppress(allowances.TooOften):
        allowances.spend("guesses", normalized(email)[:254])


def _prove_by_mail_too(email, password):
    """Somebody guesses the password of this address from many places, and this browser wasn't here before.
    Nobody is locked out: whoever knows the password proves the address as well. A wrong one is answered alike."""
    session[cookies.SIGN_IN] = sign_ins.ask_code_too(email, password, onward())
    return pages.go(by_code.path, "This address had many wrong tries. If the password was right, a code is on its way.")


# --- a code by mail -------------------------------------------------------------------------------------


@blueprint.get("/sign-in/code")
@access.public
def ask_code_form():
    return _form("people/auth/sign_in_code.html")


@blueprint.post("/sign-in/code")
@limited("code_send")
@access.public
@pages.again(partial(form, "people/auth/sign_in_code.html"), Refused)
def ask_code():
    email = request.form.get("email", "")
    return by_code.wait(sign_ins.ask_code(email, onward()))


def _sign_in(token, code):
    user, target = sign_ins.sign_in_with_code(token.public_id, code)
    return enter(user, "code", target)


by_code = CodeFlow(
    "sign_in",
    cookies.SIGN_IN,
    "/sign-in/code/answer",
    "/sign-in/code/resend",
    "/sign-in/code",
    _sign_in,
    lambda token: {"button": "Sign in"},
)
by_code.serve(blueprint)


# --- a link by mail -------------------------------------------------------------------------------------


@blueprint.get("/sign-in/link")
@access.public
def ask_link_form():
    return _form("people/auth/sign_in_link.html", sent=session.pop(cookies.LINK_SENT, None))


@blueprint.post("/sign-in/link")
@limited("code_send")
@access.public
@pages.again(partial(form, "people/auth/sign_in_link.html"), Refused)
def ask_link():
    email = request.form.get("email", "")
    sign_ins.ask_link(email, onward())
    session[cookies.LINK_SENT] = address(email)
    return pages.go("/sign-in/link")


@blueprint.get("/sign-in/link/<link>")
@access.public
def open_link(link):
    """Opening doesn't use it up: mail programs look ahead. The button does."""
    try:
        token = sign_ins.link_open(link)
    except Refused as refusal:
        return pages.go("/sign-in/link", refusal.sentence, "bad")
    return form("people/auth/open_link.html", link=link, email=token.user.email)


@blueprint.post("/sign-in/link/<link>")
@limited("code_verify")
@access.public
def sign_in_with_link(link):
    try:
        user, target = sign_ins.sign_in_with_link(link)
    except Refused as refusal:
        return pages.go("/sign-in/link", refusal.sentence, "bad")
    return enter(user, "link", target)


# --- out ------------------------------------------------------------------------------------------------


@blueprint.post("/sign-out")
@access.public
def sign_out():
    """Also while nothing can be written: the browser forgets its session in any case."""
    half = None
    if current_user.is_authenticated:
        try:
            sessions.end(current_user.token)
        except (Unavailable, GaveUp):
            half = "This browser is signed out. The site couldn't note it: once it can, sign in and sign out again."
        logout_user()
    session.clear()
    return pages.go(onward() or "/", half, "warn")


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
