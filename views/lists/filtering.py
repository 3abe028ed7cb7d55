"""One more condition for a list: which field, what is asked of it, and what it is compared with."""

from htmx_flask import request

from domain import NotFound
from domain.lists import conditions
from views import pages


def condition(mounted, parts):
    """The form of one condition: first the field is chosen, then the rest is asked as its kind has it."""
    place = mounted.place(parts)
    offered = conditions.offered(place.listing)
    name = request.args.get("c_field", "")
    field = next((f for f in offered if f.name == name), None)
    if (name and field is None) or not offered:
        raise NotFound()
    about = {"place": place, "listing": place.listing, "field": field}
    if request.htmx:
        return pages.fragment("lists/_condition.html", **about)
    return pages.page("lists/condition.html", here=mounted.nav, **about)
