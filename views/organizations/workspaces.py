"""Areas inside an organization and their people."""

from flask import Blueprint, g
from htmx_flask import request

from domain import Refused
from domain.base.allowances import spend
from domain.lists import rows
from domain.organizations import assignments, invitations, members, permissions, workspaces
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
@pages.again(mounted.again)
def create():
    made = workspaces.create(request.form.get("name", ""), by=g.by, key=pages.form_key())
    return pages.go(_at(made), f"{made.name} is there. Choose who works in it.")


def _around(place):
    by, workspace = place.by, workspaces.one(place.ask.parent)
    manages = by.may("workspaces.manage")
    inside = assignments.assigned(workspace) if manages else ()
    return {
        "workspace": workspace,
        "free": [one for one in members.of(by.organization) if one.user_id not in inside] if manages else [],
        "invited": pages.later(invitations.of, workspace) if by.may("invitations.read") else [],
        "invite_refusal": permissions.judge(by, "members.invite_staff") if manages else None,
        "roles": assignments.ROLE.choices,
        "manages": manages,
        "values": {},
        "errors": {},
    }


people = routes.add(
    blueprint,
    rows.Rules(assignments.listing),
    "/workspaces/<id:parent>/people",
    nav="organization",
    template="organizations/workspaces/show.html",
    context=_around,
    prefix="people_",
)


@blueprint.get(HERE + "/<slug>")
@access.member("workspaces.read")
def show(slug):
    return people.page(parts={"parent": workspaces.one(slug).id})


def _refused(id, refusal):
    return people.again(refusal, parent=id)


@blueprint.post(HERE + "/<id:id>/name")
@access.member("workspaces.manage")
@pages.again(_refused)
def rename(id):
    held = workspaces.rename(id, request.form.get("name", ""), by=g.by)
    return pages.go(_at(held), "Saved.")


@blueprint.post(HERE + "/<id:id>/people")
@access.member("workspaces.manage")
@pages.again(_refused)
def assign(id):
    made = assignments.assign(id, request.form.get("user", ""), request.form.get("role", ""), by=g.by)
    return pages.go(_at(made.workspace), f"{made.user.name} is {made.role} here now.")


@blueprint.post(HERE + "/<id:id>/invitations")
@access.member("members.invite_staff")
def invite(id):
    form, held = request.form, workspaces.one(id)
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
        return _refused(id, refusal)
    return pages.go(_at(held), f"{made.email} is invited. The letter is on its way.")
