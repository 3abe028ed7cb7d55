"""In: how a browser gets its session, once somebody has shown who they are, and the forms on the way there."""

import re
import secrets

from flask import g, make_response, request, session
from flask_login import current_user, login_user

from domain.base.allowances import spend
from domain.people import accounts, factors, sessions, sign_ins
from views import access, cookies, pages
from views.safety.headers import cookie_name, is_https
from views.safety.limits import address, forgive

YEAR = 365 * 24 * 3600


def enter(user, way, target=None):
    """They have shown who they are by `way`: on to the second factor where there is one, else in.
    A passkey is both factors already. Refuses with Suspended."""
    accounts.must_be_active(user)
    forgive()
    if way != "passkey" and factors.is_on(user):
        session.clear()
        session[cookies.SECOND_FACTOR] = sign_ins.begin_second_factor(user, way, access.same_site(target))
        return pages.go("/verify-2fa")
    return admit(user, way, target)


def admit(user, way, target=None, counted=True):
    """Sign this browser in; the cookie starts afresh, so that nobody can have planted it."""
    if counted:
        spend("sessions", user)
    if current_user.is_authenticated:  # what this browser held before is over, not only forgotten
        sessions.end(current_user.token)
    session.clear()
    browser = request.cookies.get(cookie_name(cookies.BROWSER), "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", browser):
        browser = secrets.token_urlsafe(32)
    token = sessions.start(user, ip=address(), user_agent=request.user_agent.string, way=way, browser=browser)
    login_user(sessions.find(token))
    g.pop("by", None)
    response = make_response(pages.go(access.same_site(target) or pages.home_of(user)))
    name, secure = cookie_name(cookies.BROWSER), is_https()
    response.set_cookie(name, browser, max_age=YEAR, httponly=True, samesite="Lax", secure=secure)
    return response


def onward():
    """Where they were going, if it is on this site."""
    return access.same_site(request.values.get("next"))


def form(template, refusal=None, status=None, beside="form", **context):
    """A page with a form; after a refusal with what was sent, and a sentence beside each field.
    A refusal that is about something else than the form is passed on."""
    if refusal and not refusal.about_form:
        raise refusal
    errors = refusal.beside(beside) if refusal else {}
    if refusal:
        context["elsewhere"] = refusal.details.get("elsewhere")
    given = request.form if request.method == "POST" else {"email": request.args.get("email", "")[:254]}
    values = {k: v for k, v in given.items() if k not in ("password", "code")}
    status = status or (refusal.status if refusal else 200)
    return pages.page(template, status, values=values, errors=errors, next=onward(), **context)
