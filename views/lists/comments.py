"""Comments on a row's page: said, said otherwise, and taken away."""

from htmx_flask import request

from domain import Invalid, Stale
from domain.lists import comments, rows
from views import pages
from views.lists import row_page


def comment(mounted, parts):
    place, form, id = mounted.place(parts), request.form, parts["id"]
    key = form.get("form_key", "")
    try:
        made, unseen = comments.add(
            place.rules, id, form, by=place.by, page=place.url, parent=place.ask.parent, key=pages.form_key()
        )
    except Invalid as refusal:
        about = {"comment": form.get("text", ""), "comment_error": refusal.fields["text"], "form_key": key}
        return row_page.draw(mounted, place, _row(place, id), status=refusal.status, **about)
    if not request.htmx:
        return pages.go(f"{place.url}/{id}#comment_{made.id}", _not_told(place, unseen) or "Your comment is there.")
    about = row_page.context(mounted, place, _row(place, id))
    return pages.answer(
        pages.fragment("lists/show.html", "row_comment", **about),
        pages.fragment("lists/show.html", "row_detail", out_of_band=True, **about),
        pages.notice("info", _not_told(place, unseen)) if unseen else "",
    )


def change_comment(mounted, parts):
    place, form, id = mounted.place(parts), request.form, parts["id"]
    about = {"by": place.by, "page": place.url, "parent": place.ask.parent, "was": pages.was()}
    try:
        made, unseen = comments.change(place.rules, id, parts["comment"], form, **about)
    except (Invalid, Stale) as refusal:
        refused = {"refused": (parts["comment"], form.get("text", ""), refusal.fields.get("text", refusal.sentence))}
        return row_page.draw(mounted, place, _row(place, id), status=refusal.status, **refused)
    if not request.htmx:
        return pages.go(f"{place.url}/{id}#comment_{made.id}", _not_told(place, unseen) or "Comment saved.")
    note = pages.notice("info", _not_told(place, unseen)) if unseen else ""
    return pages.answer(row_page.draw(mounted, place, _row(place, id)), note)


def remove_comment(mounted, parts):
    place, id = mounted.place(parts), parts["id"]
    comments.remove(place.rules, id, parts["comment"], by=place.by, parent=place.ask.parent)
    return pages.go(f"{place.url}/{id}", "Comment removed.")


def _row(place, id):
    return rows.get(place.rules, id, place.by, place.ask.parent)


def _not_told(place, unseen):
    """A sentence about who is mentioned and can't see the row."""
    if not unseen:
        return ""
    shown, more = ", ".join(unseen[:5]), f" and {len(unseen) - 5} more" if len(unseen) > 5 else ""
    return f"Not told: {shown}{more} can't see this {place.listing.thing}."
