"""Everybody with an account, for the platform's staff: find, read, suspend, and look on as them."""

from flask import Blueprint, session
from flask_login import current_user, login_user
from htmx_flask import request

from domain import Refused
from domain.base import audit
from domain.lists import rows
from domain.people import admins, browsers, people, sessions, suspensions
from views import access, cookies, pages
from views.lists import routes
from views.safety.limits import address
from views.safety.marks import for_lookers

blueprint = Blueprint("people", __name__)


routes.add(blueprint, rows.Rules(people.listing), "/admin/users", side="platform")
routes.add(
    blueprint,
    rows.Rules(browsers.anybodys),
    "/admin/users/<id:parent>/sessions",
    side="platform",
    nav="people",
    template="admin/people/browsers.html",
    context=lambda place: {"person": people.one(place.ask.parent)},
    prefix="browsers_",
)


@blueprint.get("/admin/users/<id:id>")
@access.platform("users.read")
def show(id):
    return _person(id)


def _person(id, refusal=None, tried="suspend"):
    person = people.one(id)
    can = admins.capabilities(access.me())
    return pages.page(
        "admin/people/show.html",
        422 if refusal else 200,
        person=person,
        memberships=people.memberships(person),
        signed_in=sessions.live(person).count(),
        ways=people.ways_in(person),
        events=audit.about(person),
        listed=admins.is_listed(person),
        is_me=person.id == access.me().id,
        can=can,
        least=suspensions.LEAST,
        most=suspensions.MOST,
        error={tried: refusal.fields["reason"]} if refusal else {},
        given=request.form.get("reason", ""),
        here="people",
    )


@blueprint.post("/admin/users/<id:id>/suspension")
@access.platform("users.suspend")
@pages.again(_person)
def suspend(id):
    suspensions.suspend_user(id, request.form.get("reason", ""), by=access.me())
    return pages.go(f"/admin/users/{id}", "Suspended, and signed out everywhere.")


@blueprint.post("/admin/users/<id:id>/reactivation")
@access.platform("users.suspend")
def reactivate(id):
    suspensions.reactivate_user(id, by=access.me())
    return pages.go(f"/admin/users/{id}", "Reactivated. They can sign in again.")


@blueprint.post("/admin/users/<id:id>/impersonation")
@access.platform("users.impersonate")
@pages.again(_person, tried="look")
def look_on(id):
    """From here on this browser sees what they see; one's own session is kept for the way back."""
    token = people.look_on(id, request.form.get("reason", ""), by=access.me(), ip=address())
    own = current_user.token
    session.clear()
    session[cookies.STAFF] = own
    login_user(sessions.find(token))
    return pages.go("/app")


@blueprint.post("/impersonation/end")
@for_lookers
@access.signed_in
def stop_looking():
    if not current_user.only_looks:
        raise Refused("You aren't looking on as anybody.")
    person = access.me().id
    people.stop(current_user.session.id)
    back = access.yourself_again()
    return pages.go(f"/admin/users/{person}" if back else "/sign-in")
