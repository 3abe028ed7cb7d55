"""The trash of a list: what was removed, by whom and when, and the way back."""

from htmx_flask import request

from domain import Refused
from domain.fields.kinds import clean, whole
from domain.fields.person import names
from domain.lists import trash
from views import pages


def removed(mounted, parts):
    place = mounted.place(parts)
    q = " ".join(clean(request.args.get("q", "")).split())[:200]
    found, more = trash.removed(place.listing, place.by, q, whole(request.args.get("before")))
    return pages.page(
        "lists/trash.html",
        place=place,
        listing=place.listing,
        found=found,
        people=names({change.by_id for change, _ in found}),
        more=more,
        q=q,
        days=place.by.organization.trash_days,
        sees_all=place.by.may("trash.restore_all"),
        here=mounted.nav,
    )


def restore(mounted, parts):
    place = mounted.place(parts)
    one = request.form.get("one")  # its own button, whatever is ticked
    ids = [id for text in ([one] if one else request.form.getlist("ids")) if (id := whole(text)) is not None]
    if not ids:
        raise Refused(f"Choose some {place.listing.things} first.", "INVALID_INPUT", 422)
    count = trash.restore(place.rules, ids, by=place.by)
    thing = place.listing.thing if count == 1 else place.listing.things
    return pages.go(f"{place.url}/trash", f"{count} {thing} restored.")
