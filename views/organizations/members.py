"""The people of an organization: who they are, which role they have, and leaving it."""

from flask import Blueprint, g, request

from domain.base import roles, settings
from domain.fields import person
from domain.lists import rows
from domain.organizations import members, organizations
from domain.tasks import handovers
from views import access, pages
from views.lists import routes
from views.organizations.invitations import seats

blueprint = Blueprint("members", __name__)


def _around(place):
    by = place.by
    left = {"left_behind": pages.later(handovers.left_behind, by), "present": pages.later(person.members)}
    return seats(by) | left | {"about_roles": roles.ABOUT, "managed": settings.get("allow_member_management")}


routes.add(
    blueprint,
    rows.Rules(members.listing),
    "/members",
    template="organizations/members/index.html",
    context=_around,
)


@blueprint.post("/<organization>/handover")
@access.member("tasks.write_all")
def hand_over():
    """Give the open tasks of somebody who has left to a member."""
    count = handovers.hand_over(request.form.get("from", ""), request.form.get("to", ""), by=g.by)
    words = f"{count} {'task has' if count == 1 else 'tasks have'} somebody new." if count else "Nothing was open."
    return pages.go(f"/{g.by.organization.slug}/members", words)


@blueprint.post("/<organization>/departure")
@access.member("members.leave")
def leave():
    members.leave(by=g.by)
    g.pop("by")
    target = f"/{organizations.home(access.me()).slug}"
    return pages.go(target, "You left the organization.", "info")
