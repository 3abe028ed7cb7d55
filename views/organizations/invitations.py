"""Where an invitation's letter leads: what is offered, to whom, and the answer."""

from flask import Blueprint, request
from flask_login import current_user

from domain.organizations import invitations
from views import access, pages

blueprint = Blueprint("invitations", __name__)


@blueprint.get("/accept-invitation")
@access.public
def show():
    offer = invitations.look(request.args.get("invitationId", ""), access.me())
    wrong = isinstance(offer.refusal, invitations.WrongAccount)
    return pages.page("organizations/invitations/show.html", offer=offer, wrong=wrong, here="invitation")


@blueprint.post("/accept-invitation")
@access.signed_in
def accept():
    offer = invitations.accept(request.form.get("invitationId", ""), access.me(), current_user.session)
    if offer.workspace is not None:
        return pages.go(offer.path, f"You are {offer.invitation.role} in {offer.workspace.name} now.")
    return pages.go(f"/{offer.organization.slug}", f"Welcome to {offer.organization.name}.")


@blueprint.post("/accept-invitation/refusal")
@access.signed_in
def decline():
    offer = invitations.decline(request.form.get("invitationId", ""), access.me())
    return pages.go("/app", f"You declined the invitation to {offer.organization.name}.", "info")
