"""Calendar links: read by calendar programs, listed and ended by their person."""

from flask import Blueprint, Response
from htmx_flask import request

from domain.base.allowances import spend
from domain.lists import rows
from domain.people import feeds
from views import access
from views.lists import routes

blueprint = Blueprint("feeds", __name__)

routes.add(
    blueprint,
    rows.Rules(feeds.listing),
    "/settings/calendars",
    side="own",
    nav="account",
    template="people/accounts/calendars.html",
)


@blueprint.get("/calendars/<secret>.ics")
@access.holder
def calendar(secret):
    """The calendar behind a link, or that it is the same as before (by its ETag)."""
    feed, by = feeds.behind(secret)
    spend("feeds", feed)
    answer = Response(feeds.text(feed, by), mimetype="text/calendar", headers={"X-Robots-Tag": "noindex"})
    feeds.note_use(feed)
    answer.add_etag()
    answer.cache_control.private = answer.cache_control.no_cache = True
    return answer.make_conditional(request)
