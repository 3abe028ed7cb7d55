"""Reports and appeals for the platform's staff: the line, one with all that was said, and what was decided."""

from flask import Blueprint, Response, request

from domain import existing
from domain.flyers import reported
from domain.moderation import desk, reports
from views import access, pages
from views.lists import routes

blueprint = Blueprint("moderation", __name__)
TABS = (("reports", "To decide", "/admin/reports"), ("decided", "Decided", "/admin/reports/decided"))


def _around(here):
    return lambda place: {"sections": TABS, "section": here, "unscreened": reported.unscreened_lately()}


ABOUT = {"side": "platform", "nav": "moderation", "template": "moderation/list.html"}
routes.add(blueprint, desk.platform, "/admin/reports", context=_around("reports"), **ABOUT)
routes.add(
    blueprint, desk.platform_decided, "/admin/reports/decided", prefix="decided_", context=_around("decided"), **ABOUT
)


@blueprint.get("/admin/reports/<id:id>")
@access.platform("moderation.review")
def show(id):
    item = desk.anywhere(id)
    return pages.page(
        "moderation/show.html",
        item=item,
        said=desk.reports_of(item),
        STATE=desk.STATE,
        SUBJECT=desk.SUBJECT,
        REASON=reports.REASON,
        here="moderation",
    )


@blueprint.get("/admin/reports/<id:id>/picture.jpg")
@access.platform("moderation.review")
def picture(id):
    """A reported flyer's picture, also while it is hidden."""
    data = existing(reported.picture(desk.anywhere(id)), "There is no picture here.")
    return Response(data, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


@blueprint.post("/admin/reports/<id:id>/decision")
@access.platform("moderation.review")
def decide(id):
    verdict = "removed" if "remove" in request.form else "approved"
    return pages.go("/admin/reports", desk.decide(id, verdict, by=access.me()))
