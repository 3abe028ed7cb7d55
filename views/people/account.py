"""One's own pages: profile, password, signed-in browsers, leaving for good."""

from flask import Blueprint, request, session
from flask_login import current_user, logout_user

from database.clock import time_zones
from domain import Invalid
from domain.events import holds, orders
from domain.lists import rows
from domain.operations import alerts
from domain.organizations import organizations
from domain.people import accounts, admins, browsers, sessions
from models import User
from views import access, pages
from views.entrance import form
from views.lists import routes

blueprint = Blueprint("account", __name__)


@blueprint.get("/account")
@access.signed_in
def show():
    """Looking here is what puts out the dot for alerts."""
    return _account()


def _account(refusal=None):
    user, shown = User.get_by_id(access.me().id), alerts.active()
    if not current_user.only_looks:
        alerts.see(access.me())  # whose bell the page draws
    zones = time_zones()
    waits = admins.gate(user) == "two_factor_required"
    offers = {"zones": zones, "countries": accounts.countries(), "currencies": organizations.CURRENCIES}
    # Whoever looks on as somebody else gets no link by which to act as who bought.
    bought = [] if current_user.only_looks else [(one.event, holds.address(one)) for one in orders.of_person(user)]
    about = {"alerts": shown, "bought": bought, "waits": waits, "shown": user, "here": "account"}
    return form("people/accounts/show.html", refusal, **offers, **about)


@blueprint.post("/account")
@access.signed_in
@pages.again(_account)
def update():
    sent = [request.form.get(name, "") for name in ("name", "timezone", "bio", "country", "currency")]
    accounts.change_profile(access.me(), *sent)
    return pages.go("/account", "Your profile is saved.")


@blueprint.get("/account/deletion")
@access.signed_in
def deletion():
    return pages.page("people/accounts/deletion.html", ties=accounts.ties(access.me()), here="account")


@blueprint.post("/account/deletion")
@access.signed_in
def delete():
    removed = accounts.delete(access.me())
    logout_user()
    session.clear()
    return pages.go("/", f"Your account is deleted. Farewell. Removed by table: {accounts.receipt(removed)}.")


@blueprint.get("/settings/security/password")
@access.signed_in
def passwordform():
    return form("people/accounts/password.html", email=access.me().email, here="account")


@blueprint.post("/settings/security/password")
@access.signed_in
def change_password():
    try:
        ended = accounts.change_password(access.me(), request.form.get("password", ""))
    except Invalid as refusal:
        return form("people/accounts/password.html", refusal, email=access.me().email, here="account")
    others = {0: "", 1: " Your other browser was signed out."}.get(ended, f" {ended} other browsers were signed out.")
    return pages.go("/settings/security", f"Your password is changed.{others}")


@blueprint.get("/settings/security")
@access.signed_in
def security():
    return pages.page("people/accounts/security.html", has_password=accounts.has_password(access.me()), here="account")


routes.add(
    blueprint,
    rows.Rules(browsers.listing),
    "/settings/security/sessions",
    side="own",
    nav="account",
    template="people/accounts/browsers.html",
    prefix="browsers_",
)


@blueprint.post("/settings/security/sessions/end")
@access.signed_in
def end_others():
    ended = sessions.end_others(access.me(), current_user.session)
    words = "No other browser was signed in." if not ended else f"Signed out {ended} other browsers."
    return pages.go("/settings/security/sessions", words if ended != 1 else "Signed out one other browser.")
