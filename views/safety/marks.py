"""What a view may say of itself to the protections; they ask whether the view of a request bears it."""

from flask import current_app, request


def _mark(name):
    def put(view):
        setattr(view, name, True)
        return view

    return put


def is_marked(name):
    """Whether the view that is asked for bears this mark."""
    return getattr(view_of(), name, False)


def view_of():
    """The view that is asked for, or None."""
    return current_app.view_functions.get(request.endpoint) if request.endpoint else None


# Not a page: machines and open pages ask it as often as they must.
unlimited = _mark("unlimited")
# May be posted to by staff that looks on as somebody: the way out.
for_lookers = _mark("for_lookers")
# May be posted to from another site: an answer that is checked by what it holds, not by where it comes from.
from_anywhere = _mark("from_anywhere")
# May be asked under whatever name the site is reached by.
by_any_name = _mark("by_any_name")


def takes(size):
    """May be sent so many bytes. The last word of its address is one of
    gathering.LARGE, by which the worker knows it;
    or it is a campaign's page, to which strangers bring a photo."""

    def put(view):
        view.takes = size
        return view

    return put
