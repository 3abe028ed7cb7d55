"""The bell and its page."""

from flask import Blueprint
from htmx_flask import request

from database.scope import inside
from domain import NotFound
from domain.base import notices
from domain.fields.kinds import whole
from domain.lists import rows
from domain.operations import alerts
from domain.organizations import organizations
from domain.tasks import tasks
from views import access, pages

blueprint = Blueprint("notices", __name__)
PAGE = 30


@blueprint.get("/notifications")
@access.signed_in
def index():
    user = access.me()
    before = whole(request.args.get("before"))
    found = notices.newest(user, PAGE + 1, before)
    more = found[PAGE - 1].id if len(found) > PAGE else None
    return pages.page(
        "base/notices/index.html",
        notifications=found[:PAGE],
        more=more,
        alerts=alerts.active() if not before else [],
        unread=notices.unread(user),
        here="notifications",
    )


@blueprint.get("/notifications/bell")
@access.signed_in
def bell():
    """The newest, for the drop-down; and the bell itself, as it stands now."""
    return _bell()


def _bell():
    user = access.me()
    return pages.fragment(
        "base/notices/_bell.html",
        newest=notices.newest(user),
        bell=notices.unread(user),
        alerts=alerts.active(),
        alerts_unread=alerts.unread(user),
    )


@blueprint.post("/notifications/<id:id>/reading")
@access.signed_in
def read(id):
    notification = notices.mark_read(access.me(), id)
    if request.htmx and request.form.get("stay"):
        return _bell()
    link = access.same_site(notification.link)
    if link and (missing := _missing(link)):
        return pages.go("/notifications", missing, "info")
    return pages.go(link or "/notifications")


def _missing(link):
    """Why a task's page isn't there any more, or None: it was deleted since, or one has left its organization."""
    parts = link.strip("/").split("/")
    if len(parts) != 3 or parts[1] != tasks.listing.name:
        return None
    by = organizations.reach(access.me(), parts[0])
    if by is None or not by.may("tasks.read"):
        return "You can't open that organization any more."
    with inside(by.organization):
        try:
            rows.get(tasks.rules, whole(parts[2]), by)
        except NotFound as gone:
            return gone.sentence
    return None


@blueprint.post("/notifications/reading")
@access.signed_in
def read_all():
    count = notices.mark_all_read(access.me())
    if request.htmx and request.form.get("stay"):
        return _bell()
    return pages.go("/notifications", f"Marked {count} as read." if count else "Nothing was unread.", "info")
