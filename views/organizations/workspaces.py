"""Areas inside an organization and their people."""

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid, Refused
from domain.base import roles
from domain.base.allowances import spend
from domain.lists import rows
from domain.organizations import invitations, members, permissions, workspaces
from views import access, pages
from views.lists import routes

blueprint = Blueprint("workspaces", __name__)
HERE = "/<organization>/workspaces"


def _at(workspace=None):
    return f"/{g.by.organization.slug}/workspaces" + (f"/{workspace.slug}" if workspace else "")


mounted = routes.add(
    blueprint,
    rows.Rules(workspaces.listing),
    "/workspaces",
    nav="organization",
    template="organizations/workspaces/index.html",
    context=lambda place: {"values": {}, "errors": {}, "alone": not workspaces.are_shown()},
)


@blueprint.post(HERE)
@access.member("workspaces.manage")
def create():
    try:
        made = workspaces.create(request.form.get("name", ""), by=g.by)
    except Invalid as refusal:
        return mounted.page(refusal.status, values=request.form, errors=refusal.fields)
    return pages.go(_at(made), f"{made.name} is there. Choose who works in it.")


@blueprint.get(HERE + "/<slug>")
@access.member("workspaces.read")
def show(slug):
    return _show(workspaces.found(slug))


def _show(workspace, refusal=None):
    by = g.by
    errors = refusal.beside() if refusal else {}
    manages = by.may("workspaces.manage")
    people = workspaces.people(workspace)
    inside = {one.user_id for one in people}
    return pages.page(
        "organizations/workspaces/show.html",
        refusal.status if refusal else 200,
        workspace=workspace,
        people=people,
        free=[one for one in members.of(by.organization) if one.user_id not in inside] if manages else [],
        invited=invitations.of(workspace) if by.may("invitations.read") else [],
        invite_refusal=permissions.judge(by, "members.invite_staff") if manages else None,
        roles=[(role, role.capitalize()) for role in roles.WORKSPACE_ROLES],
        ABOUT=roles.ABOUT_WORKSPACE,
        values=request.form if refusal else {},
        errors=errors,
        manages=manages,
        here="organization",
    )


@blueprint.post(HERE + "/<id:id>/name")
@access.member("workspaces.manage")
def rename(id):
    try:
        held = workspaces.rename(id, request.form.get("name", ""), by=g.by)
    except Invalid as refusal:
        return _show(workspaces.found(id), refusal)
    return pages.go(_at(held), "Saved.")


@blueprint.post(HERE + "/<id:id>/people")
@access.member("workspaces.manage")
def assign(id):
    try:
        made = workspaces.assign(id, request.form.get("user", ""), request.form.get("role", ""), by=g.by)
    except Invalid as refusal:
        return _show(workspaces.found(id), refusal)
    return pages.go(_at(workspaces.found(id)), f"{made.user.name} is {made.role} here now.")


@blueprint.post(HERE + "/<id:id>/people/<id:person>/removal")
@access.member("workspaces.manage")
def release(id, person):
    gone = workspaces.release(id, person, by=g.by)
    return pages.go(_at(workspaces.found(id)), f"{gone.name} is no longer in this workspace.", "info")


@blueprint.post(HERE + "/<id:id>/invitations")
@access.member("members.invite_staff")
def invite(id):
    form, held = request.form, workspaces.found(id)
    try:
        made = invitations.invite(
            form.get("email", ""),
            form.get("workspace_role", ""),
            by=g.by,
            workspace=id,
            allow=lambda: spend("invitations", g.by.organization),
        )
    except Refused as refusal:
        if refusal.status == 403 or not refusal.about_form:
            raise
        return _show(held, refusal)
    return pages.go(_at(held), f"{made.email} is invited. The letter is on its way.")
