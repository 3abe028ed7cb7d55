"""Who may do what: the table that the code uses, the reasons for one person, and a look through lesser eyes."""

from flask import Blueprint, g, session
from htmx_flask import request

from domain import existing
from domain.base import roles
from domain.fields.kinds import whole
from domain.organizations import organizations, permissions
from models import User
from views import access, cookies, pages

blueprint = Blueprint("permissions", __name__)


@blueprint.get("/<organization>/permissions")
@access.member("permissions.read")
def index():
    people = organizations.everybody(g.by.organization)
    person = people.get(whole(request.args.get("person", ""), 2**31) or 0)
    return pages.page(
        "organizations/permissions/index.html",
        groups=permissions.table(),
        rules_of=permissions.rules_of,
        people=people,
        about=_about(person),
        chosen=request.args,
        lesser=roles.below(g.by.role),
        here="organization",
    )


def _about(member):
    """The chain of reasons for the permission that was asked for, or None when nothing was."""
    name = request.args.get("permission", "")
    if member is None or name not in roles.ORGANIZATION:
        return None
    steps = list(permissions.verdict(member, name, whose=f"{member.user.name}'s"))
    refusal = next((step.refusal for step in steps if step.refusal), None)
    return {"who": member.user.name, "label": roles.label(name), "name": name, "steps": steps, "refusal": refusal}


@blueprint.post("/<organization>/permissions/preview")
@access.member("permissions.read")
def preview():
    """Look at this organization as somebody with a lesser role would; nothing can be changed meanwhile."""
    role = request.form.get("role", "")
    g.by.seen_as(role)
    session[cookies.VIEW_AS] = [g.by.organization.id, role]
    return pages.go(f"/{g.by.organization.slug}")


@blueprint.post("/preview/end")
@access.signed_in
def end_preview():
    organization, _, _, back = (*(session.pop(cookies.VIEW_AS, None) or ()), None, None, None, None)[:4]
    mine = next((o for o in organizations.of(access.me()) if o.id == organization), None)
    target = f"/{mine.slug}{back or '/permissions'}" if mine else "/app"
    return pages.go(target, "You see everything with your own eyes again.", "info")


@blueprint.get("/admin/users/<id:id>/permissions")
@access.platform("users.read")
def why(id):
    """For support: the same reasons for anybody, in any organization they are a member of."""
    user = existing(User.one(User.id == id), "There is no such person.")
    theirs = {o.slug: o for o in organizations.of(user)}
    slug = request.args.get("organization", "")
    member = organizations.reach(user, slug) if slug in theirs else None
    return pages.page(
        "organizations/permissions/why.html",
        person=user,
        organizations_of=theirs,
        groups=permissions.table(),
        about=_about(member),
        chosen=request.args,
        here="people",
    )
