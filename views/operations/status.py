"""The public status page, where admins switched it on."""

from flask import Blueprint

from domain import NotFound
from domain.operations.status import outages, status_pages
from views import access, pages

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
@access.public
def show():
    if not status_pages.is_open():
        raise NotFound("This site has no status page.")
    parts, still, over = status_pages.shown()
    answer = pages.page(
        "base/status.html",
        parts=parts,
        outages=still,
        over=over,
        overall=status_pages.overall(parts, still),
        WORDS=status_pages.WORDS,
        STATE=outages.STATE,
        COMPONENT=outages.COMPONENT,
        DAYS=status_pages.DAYS,
    )
    if access.me() is None:
        answer.headers["Cache-Control"] = "public, max-age=30"
    return answer
