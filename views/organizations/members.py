"""The people of an organization: who they are, which role they have, and leaving it."""

from flask import Blueprint, g

from domain.base import roles, settings
from domain.lists import rows
from domain.organizations import members, organizations
from views import access, pages
from views.lists import routes
from views.organizations.invitations import seats

blueprint = Blueprint("members", __name__)


def _around(place):
    by = place.by
    return seats(by) | {"about_roles": roles.ABOUT, "managed": settings.get("allow_member_management")}


routes.add(
    blueprint,
    rows.Rules(members.listing),
    "/members",
    template="organizations/members/index.html",
    context=_around,
)


@blueprint.post("/<organization>/departure")
@access.member("members.leave")
def leave():
    members.leave(by=g.by)
    g.pop("by")
    target = f"/{organizations.home(access.me()).slug}"
    return pages.go(target, "You left the organization.", "info")
