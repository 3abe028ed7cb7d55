"""The people of an organization: who they are, which role they have, who is invited, and leaving it."""

from flask import Blueprint, g
from htmx_flask import request

from domain import Refused
from domain.base import roles, settings
from domain.entitlements import grants
from domain.organizations import invitations, members, organizations, permissions, workspaces
from views import access, pages
from views.safety import spend

blueprint = Blueprint("members", __name__)


@blueprint.get("/<organization>/members")
@access.member("members.read")
def index():
    return _index()


def _index(refusal=None):
    by = g.by
    values = request.form if refusal else {}
    errors = refusal.beside() if refusal else {}
    may_see = by.may("invitations.read")
    return pages.page(
        "organizations/members/index.html",
        refusal.status if refusal else 200,
        people=members.of(by.organization),
        held=members.workspaces_of(by.organization) if workspaces.are_shown() else {},
        invited=invitations.of() if may_see else [],
        invite_refusal=permissions.judge(by, "members.invite") if may_see else None,
        seats=grants.seats(),
        taken=permissions.taken(by.organization),
        roles=[(role, role.capitalize()) for role in invitations.ROLES],
        ABOUT=roles.ABOUT,
        values=values,
        errors=errors,
        managed=settings.get("allow_member_management"),
        sole_owner=permissions.owners(by.organization) < 2,
        here="members",
    )


@blueprint.post("/<organization>/invitations")
@access.member("members.invite")
def invite():
    form = request.form
    try:
        made = invitations.invite(
            form.get("email", ""), form.get("role", ""), by=g.by, allow=lambda: spend("invitations", g.by.organization)
        )
    except Refused as refusal:
        if refusal.status == 403 or not refusal.about_form:
            raise
        return _index(refusal)
    return _members(f"{made.email} is invited. The letter is on its way.")


@blueprint.post("/<organization>/invitations/<id:id>/renewal")
@access.member("invitations.cancel")
def resend(id):
    spend("invitations", g.by.organization)
    made = invitations.resend(id, by=g.by)
    return _back(made, f"{made.email} gets the letter again.")


@blueprint.post("/<organization>/invitations/<id:id>/cancellation")
@access.member("invitations.cancel")
def cancel(id):
    made = invitations.cancel(id, by=g.by)
    return _back(made, f"The invitation of {made.email} is cancelled.", "info")


def _back(invitation, words, tone="good"):
    if invitation.workspace_id and "workspaces" in (request.referrer or ""):
        return pages.go(f"/{g.by.organization.slug}/workspaces/{invitation.workspace.slug}", words, tone)
    return _members(words, tone)


@blueprint.get("/<organization>/members/<id:id>/role")
@access.member("members.change_role")
def role(id):
    return _role(members.found(g.by.organization, id))


def _role(member, error=None, status=200):
    g.by.require("members.change_role", member)
    about = {"one": member, "choices": members.choosable(g.by), "about": roles.ABOUT, "error": error}
    about["chosen"] = request.form.get("role") or member.role
    if request.htmx and request.htmx.target == "dialog":
        return pages.fragment("organizations/members/_role_dialog.html", status=status, **about)
    return pages.page("organizations/members/role.html", status, here="members", **about)


@blueprint.post("/<organization>/members/<id:id>/role")
@access.member("members.change_role")
def change_role(id):
    try:
        changed = members.change_role(id, request.form.get("role", ""), by=g.by)
    except Refused as refusal:
        if refusal.status in (403, 404):
            raise
        return _role(members.found(g.by.organization, id), refusal.sentence, refusal.status)
    if changed is None:
        return _members("They have that role already.", "info")
    return _members(f"{changed.user.name} is now {changed.role}.")


@blueprint.post("/<organization>/members/<id:id>/removal")
@access.member("members.remove")
def remove(id):
    gone = members.remove(id, by=g.by)
    return _members(f"{gone.name} is removed.")


@blueprint.post("/<organization>/departure")
@access.member("members.leave")
def leave():
    members.leave(by=g.by)
    g.pop("by")
    target = f"/{organizations.home(access.me()).slug}"
    return pages.go(target, "You left the organization.", "info")


def _members(words, tone="good"):
    return pages.go(f"/{g.by.organization.slug}/members", words, tone)
