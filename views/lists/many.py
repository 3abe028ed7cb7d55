"""Many rows of a list at once, and the way back: undo, and one's last changes."""

from itertools import groupby

from htmx_flask import request

from domain import NotFound, Refused
from domain.base import changes
from domain.lists import rows
from domain.lists.listing import demand
from views import pages


def bulk(mounted, parts):
    place, form = mounted.place(parts), request.form
    listing = place.listing
    ids = list(dict.fromkeys(id for text in form.getlist("ids") if (id := listing.id(text)) is not None))
    # «act» names an act or a field; a field's value comes in a control of that name, so that one form serves all.
    name = form.get("act", "")
    if not ids:
        raise Refused(f"Choose some {listing.things} first.", "INVALID_INPUT", 422)
    undo = None
    if (act := listing.act(name)) and act.leads:
        return lead(place, act, ids)
    if act:
        done, refusals, said = rows.act(place.rules, name, ids, by=place.by, parent=place.ask.parent)
        left_out, verb = [refusal.sentence for refusal in refusals], listing.act(name).label.lower()
        note = said if listing.act(name).many and isinstance(said, str) else f"{_number(listing, done)}: {verb}."
    else:
        note, done, left_out, undo = _change_many(place, name, ids)
    if left_out:
        told = list(dict.fromkeys(left_out))
        note += f" {len(left_out)} not: {' '.join(told[:3])}{' …' if len(told) > 3 else ''}"
    if request.htmx:
        notice = pages.notice("good" if done else "warn", note, undo)
        return pages.answer(notice, trigger={"listChanged": True, "unselect": True, "closeDialog": True})
    return pages.go(place.url, note)


def lead(place, act, ids):
    """On to the page where an act is gone on with for these rows."""
    demand(place.by, act.capability)
    return pages.go(place.url.rpartition("/")[0] + act.leads(ids))


def _change_many(place, name, ids):
    listing, removing = place.listing, name == "remove"
    if not removing and not (listing.writes and any(f.name == name for f in listing.written)):
        raise Refused("Choose what to change.", "INVALID_INPUT", 422)
    values = {} if removing else {name: request.form.get(f"to_{name}", "")}
    batch, done, left_out = rows.bulk(place.rules, ids, values, by=place.by, removing=removing, parent=place.ask.parent)
    same = not done and not left_out
    note = "Nothing was different." if same else f"{_number(listing, done)} {'deleted' if removing else 'changed'}."
    return note, done, left_out, f"{place.url}/undo/{batch}" if done else None


def undo(mounted, parts):
    place = mounted.place(parts)
    note = f"Put back {_number(place.listing, rows.undo(place.rules, parts['batch'][:40], by=place.by))}."
    if request.htmx:
        return pages.answer(pages.notice("info", note), trigger={"listChanged": True})
    return pages.go(place.url, note)


def _number(listing, count):
    return f"{count} {listing.thing if count == 1 else listing.things}"


def changes_of_mine(mounted, parts):
    """What this person changed within the time of undo, newest first, each with its way back."""
    place = mounted.place(parts)
    noted = changes.latest(place.by, place.listing.table, rows.UNDO_FOR)
    acts = [_together(place, list(group)) for _, group in groupby(noted, key=lambda change: change.batch)]
    return pages.page("lists/changes.html", place=place, listing=place.listing, acts=acts, here=mounted.nav)


VERBS = {"created": "Created", "deleted": "Deleted", "updated": "Changed"}


def _brought(place, change):
    """A file that came in, or was taken back: its own page has the way back."""
    before, after = change.fields["import"]
    about = after or before
    words = f"{'Brought in' if after else 'Took back'} {about['name']}"
    return {"words": words, "names": [], "left": 0, "at": change.at, "link": f"{place.url}/imports/{about['id']}"}


def _name(place, id):
    """What a row is called now, for who sees it."""
    try:
        row = rows.get(place.rules, id, place.by, place.ask.parent)
    except NotFound:
        return None
    return place.listing.column(place.listing.first).of(row)


def _together(place, noted):
    """The changes of one batch as one act, with up to three of the rows by name."""
    listing, first = place.listing, noted[0]
    if "import" in first.fields:
        return _brought(place, first)
    ids = list(dict.fromkeys(change.row_id for change in noted))
    found = {id: _name(place, id) for id in ids[:3]}
    gone = {
        change.row_id: (change.fields.get(listing.first) or [None])[0] for change in noted if change.verb == "deleted"
    }
    labels = [field.label.lower() for field in listing.written if field.name in first.fields]
    what = f" ({', '.join(labels)})" if first.verb == "updated" else ""
    return {
        "words": f"{VERBS[first.verb]} {_number(listing, len(ids))}{what}",
        "names": [name for id in ids[:3] if (name := found.get(id) or gone.get(id))],
        "left": max(0, len(ids) - 3),
        "at": first.at,
        "undo": f"{place.url}/undo/{first.batch}",
    }
