"""Rows pasted out of a spreadsheet: where they go and what becomes of them, then one click makes them."""

from htmx_flask import request

from database.columns import public_id
from domain import Invalid
from domain.base.allowances import spend
from domain.imports import additions, mappings, pasting
from views import pages
from views.lists.incoming import imports


def paste(mounted, parts):
    """A place to paste into, for who has no script, or a phone."""
    return _draw(mounted, mounted.place(parts))


def pasted(mounted, parts):
    """What was pasted, as it is understood; with `put` it is made."""
    place, form = mounted.place(parts), request.form
    text = form.get("text", "")
    try:
        found = pasting.look(text, place.listing)
    except Invalid as refusal:
        return _draw(mounted, place, text, refusal=refusal)
    mapping = pasting.propose(place.listing, found, place.by)
    try:
        if "to_0" in form:
            builds = additions.offered(place.listing, place.by)
            mapping = mappings.understood(place.listing, found.columns, form, builds)
        if "put" in form:
            spend("imports", place.by.user)
            return _made(place, *_put(place, found, mapping))
        lines, mapping = pasting.judged(place.rules, found, mapping, place.by)
    except Invalid as refusal:
        return _draw(mounted, place, text, found, mapping, refusal=refusal, is_asked="to_0" in form)
    return _draw(mounted, place, text, found, mapping, lines)


def _put(place, found, mapping):
    about = {"by": place.by, "parent": place.ask.parent, "key": pages.form_key()}
    return pasting.put(place.rules, found, mapping, **about)


def _made(place, batch, count, refused):
    things = place.listing.thing if count == 1 else place.listing.things
    said = f"{count:,} {things} added."
    if refused:
        said += f" {len(refused):,} {'was' if len(refused) == 1 else 'were'} refused. {refused[0].note}"
    return pages.go(place.url, said, "warn" if refused else "good", f"{place.url}/undo/{batch}" if count else None)


def _draw(mounted, place, text="", found=None, mapping=None, lines=(), refusal=None, is_asked=True):
    about = {} if found is None else imports.columns_shown(place, found, mapping)
    problems = refusal.beside("text") if refusal and found is None else refusal.beside() if refusal else {}
    return pages.page(
        "lists/paste.html",
        refusal.status if refusal and is_asked else 200,
        place=place,
        listing=place.listing,
        text=text,
        found=found,
        mapping=mapping,
        lines=lines,
        fit=sum(line.verdict == "new" for line in lines),
        errors=problems,
        form_key=request.form.get("form_key") or public_id(),
        most=pasting.MOST,
        here=mounted.nav,
        **about,
    )
