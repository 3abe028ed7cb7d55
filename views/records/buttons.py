"""Buttons of tables: what they do, as who builds says it, and pressed on a row."""

from flask import Blueprint, g, redirect
from htmx_flask import request

from domain import NotFound, Refused
from domain.fields.kinds import whole
from domain.lists import rows
from domain.records import collections, field_changes, shapes
from domain.records.handling import buttons
from models import Change
from views import access, pages
from views.lists import row_page
from views.records.fields import address
from views.records.tables import mounted

blueprint = Blueprint("record_buttons", __name__)
HERE = "/<organization>/records/<table>"
ICONS = ("click", "external-link", "arrow-right")


@blueprint.get(HERE + "/buttons")
@access.member("records.build", collections.builds)
def new(table):
    return _page(table, request.args)


@blueprint.post(HERE + "/buttons")
@access.member("records.build", collections.builds)
def create(table):
    return _saved(table, None, lambda form, how: buttons.add(table, form.get("label", ""), form, **how))


@blueprint.get(HERE + "/fields/<id:id>/button")
@access.member("records.build", collections.builds)
def edit(table, id):
    collection = collections.found(table)
    field = buttons.found(collection, id)
    written = buttons.written(shapes.read(collection), field.options)
    return _page(table, written | {"label": field.label}, field)


@blueprint.post(HERE + "/fields/<id:id>/button")
@access.member("records.build", collections.builds)
def change(table, id):
    field = buttons.found(collections.found(table), id)
    if request.form.get("act") == "away":
        field_changes.put_away(table, id, by=g.by, shape=whole(request.form.get("shape")))
        return pages.go(address(collections.found(table), "fields"), "The button was put away; it can be brought back.")
    return _saved(table, field, lambda form, how: buttons.change(table, id, form, **how))


def _saved(table, field, act):
    try:
        made = act(request.form, {"by": g.by, "shape": whole(request.form.get("shape"))})
    except Refused as refusal:
        if refusal.status in (403, 404):
            raise
        return _page(table, request.form, field, refusal)
    return pages.go(address(collections.found(table)), f"The button {made.label} stands on every row.")


def _page(table, values, field=None, refusal=None):
    collection = collections.found(table)
    cells = buttons.settable(shapes.read(collection))
    return pages.page(
        "records/button.html",
        refusal.status if refusal else 200,
        collection=collection,
        field=field,
        values=dict(values.items()),
        errors=refusal.beside() if refusal else {},
        does=buttons.DOES,
        most=buttons.MOST,
        offered=[(str(cell.id), cell.field.label) for cell in cells],
        url=address(collection),
        here="records",
    )


# --- pressed ----------------------------------------------------------------------------------------------------------


@blueprint.post(HERE + "/<id:id>/buttons/<id:button>")
@access.member("records.write")
def press(table, id, button):
    place, key = mounted.place({"table": table}), f"buttons/{button}"
    act = place.listing.act(key)
    if act is None or act.opens:
        raise NotFound("This button isn't here any more.")
    _, _, noted = rows.act(place.rules, key, [id], by=place.by)
    done, undo = (noted, None) if isinstance(noted, str) else (f"{act.label}: done.", None)
    if isinstance(noted, Change):
        undo = f"{place.url}/undo/{noted.batch}"
    page = row_page.pressed_there(place, id)
    if request.htmx and not page:
        return pages.answer(pages.notice("good", done, undo), trigger={"listChanged": True})
    return pages.go(page or place.url, done, undo=undo)


@blueprint.get(HERE + "/<id:id>/buttons/<id:button>")
@access.member("records.read")
def leave(table, id, button):
    """To the address that a button opens for this row."""
    place = mounted.place({"table": table})
    if place.listing.act(f"buttons/{button}") is None:
        raise NotFound("This button isn't here any more.")
    return redirect(buttons.address(place.rules, place.listing.source.shape.collection, button, id, by=place.by), 303)
