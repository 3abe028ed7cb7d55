"""Lists as they were saved: saved under a name, and removed."""

from urllib.parse import parse_qsl

from htmx_flask import request

from domain import Invalid
from domain.fields.kinds import whole
from domain.lists import saved_views
from views import pages


def context(place):
    """The view that is open, and whether something of it can't be shown."""
    id = whole(request.args.get("saved"))
    opened = id and saved_views.get(place.listing, id, place.by)
    if not opened:
        return {"opened": None}
    shown = {*parse_qsl(saved_views.cleaned(place.address().partition("?")[2])), ("tab", place.ask.tab)}
    shown |= {("sort", place.ask.sort), ("view", place.view)}
    return {"opened": opened, "view_lost": bool(set(parse_qsl(opened.query)) - shown)}


def saved(mounted, parts):
    return _views(mounted, mounted.place(parts), {"query": request.query_string.decode("utf-8", "replace")})


def _views(mounted, place, given, status=200):
    about = {"place": place, "listing": place.listing, "views": saved_views.of(place.listing, place.by)}
    return pages.in_dialog("lists/_views_dialog.html", "lists/views.html", status, here=mounted.nav, **about | given)


def save_view(mounted, parts):
    place, form = mounted.place(parts), request.form
    given = {"query": form.get("query", ""), "name": form.get("name", ""), "shared": form.get("shared") == "1"}
    try:
        view = saved_views.save(place.listing, given["name"], given["query"], by=place.by, shared=given["shared"])
    except Invalid as refusal:
        return _views(mounted, place, given | {"error": " ".join(refusal.fields.values())}, refusal.status)
    return pages.go(f"{place.url}?{view.query}&saved={view.id}", f"“{view.name}” is saved.")


def remove_view(mounted, parts):
    place = mounted.place(parts)
    view = saved_views.remove(place.listing, parts["view"], by=place.by)
    return pages.go(place.url, f"“{view.name}” is removed.")
