"""The page of one row: its fields, and what happened to it and was said about it, in order."""

import re

from flask import request
from markupsafe import Markup, escape

from domain import NotFound
from domain.base import changes
from domain.fields.forms import as_text
from domain.fields.kinds import whole
from domain.fields.person import drawn, names
from domain.fields.records.leftover import plain_cell, restored_cell
from domain.lists import attachments, comments, lists, markdown, rows
from views import access, pages

HISTORY = 50  # changes that are shown
PARTS = ("row_detail", "row_comment")  # of the page, that stand beside a list too
_MENTION = re.compile("\ue000(\\d+)\ue001")  # signs that mean nothing, and that Markdown leaves alone


def show(mounted, parts):
    place = mounted.place(parts)
    if request.headers.get("HX-Target") == "panel":
        return pages.answer(beside(mounted, place, parts["id"]))
    return draw(mounted, place, rows.get(place.rules, parts["id"], place.by, place.ask.parent))


def beside(mounted, place, id):
    """The same beside the list that it is opened from. Refuses with NotFound."""
    row = rows.get(place.rules, id, place.by, place.ask.parent)
    about = context(mounted, place, row) | mounted.row_context(place, row)
    parts = [Markup(pages.block_of(mounted.row_template, name, **about)) for name in PARTS]  # noqa: S704  from templates
    return Markup(pages.block_of("lists/_panel.html", None, parts=parts, **about))  # noqa: S704  likewise


def opened(mounted, place):
    """The row that stands open beside the list, if the address names one."""
    id = whole(request.args.get("open"))
    try:
        return {"panel": beside(mounted, place, id)} if id else {}
    except NotFound as refusal:
        return {"panel_lost": refusal.sentence}


def draw(mounted, place, row, values=None, errors=None, status=200, **more):
    """The page of a row, or the block of it that was asked for; with what a form was refused for."""
    about = context(mounted, place, row, values, errors) | mounted.row_context(place, row) | more
    return pages.page(mounted.row_template, status, **about)


def context(mounted, place, row, values=None, errors=None):
    """What the page of a row and its blocks need."""
    listing, rules, by = place.listing, place.rules, place.by
    texts = {f.name: as_text(f, listing.column(f.name).of(row)) for f in listing.of_row}
    noted = [_in_words(listing, c) for c in changes.history(listing.table, row.id, HISTORY) if _is_told(listing, c)]
    spoken, older = _spoken(listing, row, by) if listing.comments else ([], 0)
    return {
        "place": place,
        "listing": listing,
        "row": row,
        "was": texts,
        "values": texts | (values or {}),
        "errors": errors or {},
        "history": sorted(noted[::-1] + spoken, key=lambda told: told["at"]),
        "older": older,
        "files": _files(rules, row, by) if listing.files else [],
        "others": listing.others(row.id, by) if listing.others else [],
        "may_attach": attachments.may_write(listing, by),
        "most_mb": attachments.most() // 1024**2,
        "may_comment": comments.may_write(listing, by),
        "editable": {f.name for f in listing.written if place.may_write and rules.may_change(row, f.name, by)},
        "may_remove": place.may_write and rules.may_remove(row, by),
        "why": place.why_not(row),
        "verbs": place.verbs(row),
        "here": mounted.nav,
    }


def _is_told(listing, change):
    """Not where only fields changed that one doesn't see: that and when they changed is theirs, too."""
    return not (listing.source and change.verb == "updated" and change.fields) or bool(
        listing.by_name.keys() & change.fields.keys()
    )


def _in_words(listing, change):
    """A change in words: who, when, and for each field what it was and what it became."""
    fields = []
    for name, (before, after) in change.fields.items():
        field = listing.by_name.get(name)
        if field and (not field.acted or field.kind.holds_files) and change.verb == "updated":
            fields.append((field.label, _plain(field, before), _plain(field, after)))
    who = change.by.name if change.by_id else change.fields.get(rows.VIA, (None, "Someone who left"))[1]
    return {"verb": change.verb, "who": who, "at": change.at, "fields": fields}


def _plain(field, stored):
    return plain_cell(field.kind, restored_cell(field.kind, stored)) or "nothing"


def _files(rules, row, by):
    """(name and label of a field, whether more can be put there, its files) of each, and of the row itself."""
    listing = rules.listing
    may = attachments.may_write(listing, by)
    cells = [f for f in listing.fields if f.kind.holds_files]
    places = [(f, may and rules.may_change(row, f.name, by)) for f in cells]
    found = [(f.name, f.label, more, attachments.on(listing, row.id, f)) for f, more in places]
    found.append(("", "Files", may, attachments.on(listing, row.id)))
    return [(name, label, more, [_file(file, by) for file in files]) for name, label, more, files in found]


def _file(file, by):
    may_remove = attachments.may_remove(file, by)
    who = file.by.name if file.by_id else "Someone who left"
    return {"id": file.id, "name": file.name, "size": _size(file.size), "who": who, "at": file.created_at} | {
        "may_remove": may_remove,
        "thumbnail": file.thumbnail == "made",
    }


def _size(size):
    return f"{size} bytes" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


# --- comments ------------------------------------------------------------------------------------------------------


def _spoken(listing, row, by):
    """(comments as the page shows them, how many to ask for to see older ones)."""
    asked = min(whole(request.args.get("comments")) or comments.SHOWN, comments.TOPMOST)
    found = comments.thread(listing, row.id, asked + 1)
    shown, people = found[:asked], set()
    for comment in shown:
        people |= {comment.by_id, *comment.mentions}
    called, faces = names(people), drawn()
    writes = comments.may_write(listing, by)
    return [_as_shown(comment, called, faces, by, writes) for comment in shown[::-1]], asked * 5 if found[asked:] else 0


def _as_shown(comment, called, faces, by, writes):
    mine = writes and comment.by_id == by.user.id
    return {
        "verb": "said",
        "id": comment.id,
        "who": called.get(comment.by_id, "Someone who left"),
        "face": faces[comment.by_id].face if comment.by_id in faces else None,
        "at": comment.created_at,
        "html": _html(comment, called, by),
        "edited_at": comment.edited_at,
        "source": comments.editable(comment) if mine else "",
        "may_remove": writes and comments.may_remove(comment, by),
    }


def _html(comment, called, by):
    """The comment as HTML, with the people it mentions by their names of today."""
    text = comments.mentioned(comment, lambda id: f"\ue000{id}\ue001")

    def name(found):
        id = int(found[1])
        if id not in comment.mentions:
            return ""
        return f'<span class="mention{" mention-you" if id == by.user.id else ""}">@{escape(called.get(id, ""))}</span>'

    return Markup(_MENTION.sub(name, markdown.html(text)))  # noqa: S704  sanitized, and names are escaped


def pressed_there(place, id):
    """The page of the row that an act was pressed on, if it was pressed there; the list where the row went with it."""
    here = access.same_site(request.headers.get("HX-Current-URL") or request.referrer) or ""
    page = f"{place.url}/{id}"
    if here.partition("?")[0] not in (page, *(f"{page}/{act.key}" for act in place.listing.acts)):
        return None
    return page if lists.find(place.listing, id, place.by, place.ask.parent) else place.url


def asking(mounted, place, asked, value, refusal=None):
    """The form of what an act asks for; after a refusal with its sentence."""
    about = asked | {
        "form_key": request.form.get("form_key"),
        "place": place,
        "value": value or "",
        "errors": refusal.beside() if refusal else {},
    }
    status = refusal.status if refusal else 200
    return pages.in_dialog("lists/_act_dialog.html", "lists/act.html", status, here=mounted.nav, **about)
