"""Lists as they were saved: saved under a name, and removed."""

from urllib.parse import parse_qsl

from htmx_flask import request

from domain import Invalid
from domain.lists import saved_views
from views import pages


def context(place):
    """The views that can be opened, and what of the open one can't be shown."""
    views = saved_views.of(place.listing, place.by)
    opened = next((view for view in views if str(view.id) == request.args.get("saved")), None)
    lost = set()
    if opened is not None:
        shown = {*parse_qsl(saved_views.cleaned(place.address().partition("?")[2])), ("tab", place.ask.tab)}
        shown |= {("sort", place.ask.sort), ("view", place.view)}
        lost = set(parse_qsl(opened.query)) - shown
    return {"views": views, "opened": opened, "view_lost": len(lost)}


def save_view(mounted, parts):
    place, form = mounted.place(parts), request.form
    query = form.get("query", "")
    try:
        shared = form.get("shared") == "1"
        view = saved_views.save(place.listing, form.get("name", ""), query, by=place.by, shared=shared)
    except Invalid as refusal:
        return mounted.page(
            refusal.status, parts, view_name=form.get("name", ""), view_error=" ".join(refusal.fields.values())
        )
    return pages.go(f"{place.url}?{view.query}&saved={view.id}", f"“{view.name}” is saved.")


def remove_view(mounted, parts):
    place = mounted.place(parts)
    view = saved_views.remove(place.listing, parts["view"], by=place.by)
    return pages.go(place.url, f"“{view.name}” is removed.")
