"""What strangers see first."""

from flask import Blueprint, Response, current_app, redirect

from domain.base import settings
from views import access, pages
from views.safety.marks import unlimited

blueprint = Blueprint("front", __name__)


@blueprint.get("/")
@access.public
def index():
    user = access.me()
    if user:
        return redirect(pages.home_of(user))
    return pages.page("base/front/index.html", open=settings.get("sign_up_open"))


@blueprint.get("/faq")
@access.public
def faq():
    return pages.page("base/front/faq.html", open=settings.get("sign_up_open"), here="faq")


# --- what every site is asked for ---------------------------------------------------------------------------------


@blueprint.get("/robots.txt")
@unlimited
@access.public
def robots():
    """Everything that strangers may read may be found; the rest asks for a sign-in anyway."""
    return Response("User-agent: *\nDisallow: /sign-in/link/\nDisallow: /setup/\n", mimetype="text/plain")


@blueprint.get("/favicon.ico")
@unlimited
@access.public
def favicon():
    return current_app.send_static_file("favicon.svg")


@blueprint.get("/.well-known/change-password")
@access.public
def password_page():
    """Where password managers send people (W3C, «A Well-Known URL for Changing Passwords»)."""
    return redirect("/settings/security/password")


@blueprint.get("/app")
@access.signed_in
def app_home():
    return redirect(pages.home_of(access.me()))


@blueprint.get("/tasks", defaults={"place": "tasks"})
@blueprint.get("/records", defaults={"place": "records"})
@blueprint.get("/organizer/events", defaults={"place": "events"})
@blueprint.get("/organizer/events/create", defaults={"place": "events/new"})
@blueprint.get("/settings/organization", defaults={"place": "settings"})
@blueprint.get("/settings/members", defaults={"place": "members"})
@blueprint.get("/settings/workspaces", defaults={"place": "workspaces"})
@blueprint.get("/settings/billing", defaults={"place": "billing"})
@access.signed_in
def app_place(place):
    """Addresses that name no organization lead to the one that was opened last."""
    return redirect(f"{pages.home_of(access.me())}/{place}")


@blueprint.get("/settings/profile")
@access.signed_in
def app_profile():
    return redirect("/account")
