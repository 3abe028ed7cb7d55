"""Inviting people; and where an invitation's letter leads: what is offered, to whom, and the answer."""

from flask import Blueprint, g
from flask_login import current_user
from htmx_flask import request

from domain import Refused
from domain.base.allowances import spend
from domain.entitlements import grants
from domain.lists import rows
from domain.organizations import invitation_lists, invitations, permissions
from domain.people import accounts
from views import access, pages
from views.lists import routes

blueprint = Blueprint("invitations", __name__)


@blueprint.get("/accept-invitation")
@access.public
def show():
    offer = invitations.look(request.args.get("invitationId", ""), access.me())
    wrong = isinstance(offer.refusal, invitations.WrongAccount)
    # Who holds the link reads the letters of this address anyway.
    known = accounts.by_email(offer.invitation.email) is not None
    return pages.page("organizations/invitations/show.html", offer=offer, wrong=wrong, known=known, here="invitation")


@blueprint.post("/accept-invitation")
@access.signed_in
def accept():
    offer = invitations.accept(request.form.get("invitationId", ""), access.me(), current_user.session)
    if offer.invitation.event_id:
        return pages.go("/door", f"You scan at {offer.where} from now on. Its door opens a week before it begins.")
    if offer.workspace is not None:
        return pages.go(offer.path, f"You are {offer.invitation.role} in {offer.workspace.name} now.")
    return pages.go(f"/{offer.organization.slug}", f"Welcome to {offer.organization.name}.")


@blueprint.post("/accept-invitation/refusal")
@access.signed_in
def decline():
    offer = invitations.decline(request.form.get("invitationId", ""), access.me())
    return pages.go("/app", f"You declined the invitation to {offer.organization.name}.", "info")


# --- for whoever invites ------------------------------------------------------------------------------------


def seats(by):
    """For whoever looks after invitations: the seats, and why nobody can be invited now (or None)."""
    if not by.may("invitations.read") or by.organization.is_personal:
        return {}
    found = {"seats": grants.seats(), "taken": permissions.taken(by.organization)}
    return found | {"refusal": permissions.judge(by, "members.invite")}


routes.add(
    blueprint,
    rows.Rules(invitation_lists.listing),
    "/invitations",
    nav="members",
    template="organizations/invitations/index.html",
    context=lambda place: seats(place.by),
)


@blueprint.get("/<organization>/invitations/new")
@access.member("members.invite")
def new():
    return _form()


def _form(refusal=None, results=()):
    """The form; with what became of each address, those that weren't invited are in it again."""
    status = refusal.status if refusal else 422 if results and all(why for _, why in results) else 200
    left = "\n".join(email for email, why in results if why) if results else request.form.get("email", "")
    about = {
        "left": left,
        "results": results,
        "errors": refusal.beside() if refusal else {},
        "roles": [(role, role.capitalize()) for role in invitations.ROLES],
        "role": request.form.get("role") or "member",
        "at": f"/{g.by.organization.slug}/invitations",
    }
    at = "organizations/invitations"
    return pages.in_dialog(f"{at}/_invite_dialog.html", f"{at}/new.html", status, here="members", **about)


@blueprint.post("/<organization>/invitations")
@access.member("members.invite")
def invite():
    form = request.form
    try:
        results = invitations.invite_all(
            form.get("email", ""),
            form.get("role", ""),
            by=g.by,
            allow=lambda: spend("invitations", g.by.organization),
        )
    except Refused as refusal:
        if refusal.status == 403 or not refusal.about_form:
            raise
        return _form(refusal)
    if len(results) > 1:
        return _form(results=results)
    words = f"{results[0][0]} is invited. The letter is on its way."
    if request.htmx:
        return pages.answer(pages.notice("good", words), trigger={"listChanged": True, "closeDialog": True})
    return pages.go(f"/{g.by.organization.slug}/invitations", words)
