"""Links that several people may join by: making and ending them, and where they lead."""

from flask import Blueprint, g
from flask_login import current_user
from htmx_flask import request

from domain.lists import rows
from domain.organizations import invitation_links
from views import access, pages
from views.lists import routes
from views.organizations.invitations import seats

blueprint = Blueprint("invitation_links", __name__)

routes.add(
    blueprint,
    rows.Rules(invitation_links.listing),
    "/invitation-links",
    nav="members",
    template="organizations/invitation_links/index.html",
    context=lambda place: seats(place.by),
)


@blueprint.get("/<organization>/invitation-links/new")
@access.member("members.invite")
def new():
    return _form()


def _form(refusal=None):
    values = request.form if refusal else {f.name: f.default for f in invitation_links.FIELDS}
    about = {"fields": invitation_links.FIELDS, "values": values, "errors": refusal.fields if refusal else {}}
    about["at"] = f"/{g.by.organization.slug}/invitation-links"
    about |= {"here": "members", "status": refusal.status if refusal else 200}
    at = "organizations/invitation_links"
    return pages.in_dialog(f"{at}/_link_dialog.html", f"{at}/new.html", **about)


@blueprint.post("/<organization>/invitation-links")
@access.member("members.invite")
@pages.again(_form)
def create():
    made, secret = invitation_links.make(request.form, by=g.by, key=pages.form_key())
    at = f"/{g.by.organization.slug}/invitation-links"
    address = invitation_links.address(secret)
    return pages.instead(
        "organizations/invitation_links/made.html", at, made=made, address=address, at=at, here="members"
    )


@blueprint.get("/accept-invitation/<secret>")
@access.public
def look(secret):
    offer = invitation_links.look(secret, access.me())
    path = invitation_links.path(secret)
    return pages.page("organizations/invitation_links/show.html", offer=offer, path=path, here="invitation")


@blueprint.post("/accept-invitation/<secret>")
@access.signed_in
def join(secret):
    offer = invitation_links.join(secret, access.me(), current_user.session)
    return pages.go(f"/{offer.organization.slug}", f"Welcome to {offer.organization.name}.")
