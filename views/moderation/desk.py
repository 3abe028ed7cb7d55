"""What was reported of an organization, for who looks after it: the line, and what was decided."""

from flask import Blueprint

from domain.moderation import desk
from views.lists import routes

blueprint = Blueprint("reports", __name__)
TABS = (("reports", "To decide", "/reports"), ("decided", "Decided", "/reports/decided"))


def _around(here):
    def context(place):
        base = f"/{place.by.organization.slug}"
        return {"parts": [(key, label, base + path) for key, label, path in TABS], "part": here}

    return context


ABOUT = {"nav": "organization", "template": "moderation/of_organization.html"}
routes.add(blueprint, desk.of_organization, "/reports", context=_around("reports"), **ABOUT)
routes.add(
    blueprint,
    desk.of_organization_decided,
    "/reports/decided",
    prefix="decided_",
    context=_around("decided"),
    **ABOUT,
)
