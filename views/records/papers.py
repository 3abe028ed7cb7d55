"""Rows on paper: a sheet of labels for what a list shows, and one row as a page."""

from flask import Blueprint, Response, g
from htmx_flask import request

from domain import Refused
from domain.fields.kinds import whole
from domain.lists.listing import demand
from domain.records import collections, shapes
from domain.records.handling import papers
from views import access, held, pages
from views.records.fields import address
from views.records.tables import mounted

blueprint = Blueprint("record_papers", __name__)
HERE = "/<organization>/records/<table>"
ICONS = ("printer", "barcode")
ASKED = ("code", "how", "line", "sheet")


def _place(table):
    place = mounted.place({"table": table}, "list")
    demand(place.by, place.listing.reads)
    return place


@blueprint.get(HERE + "/labels")
@access.member("records.read")
def labels(table):
    """What labels are to have on them."""
    return _labels(table)


def _labels(table, refusal=None):
    place = _place(table)
    kept = [(name, text) for name, text in place.kept if name not in ASKED]
    return pages.page(
        "records/labels.html",
        refusal.status if refusal else 200,
        collection=collections.found(table),
        place=place,
        kept=kept,
        total=place.listing.source.total(place.listing, place.ask, place.by),
        codes=papers.CODES,
        coded=papers.coded(place.listing),
        lines=[(field.name, field.label) for field in place.listing.fields[1:]],
        sheets=[(key, sheet.name) for key, sheet in papers.SHEETS.items()],
        values=request.args,
        errors=refusal.beside() if refusal else {},
        most=papers.MOST,
        here="records",
    )


@blueprint.get(HERE + "/labels.pdf")
@access.member("records.read")
def printed_labels(table):
    """The PDF; where it can't be made, the page says why."""
    place = _place(table)
    given = {name: request.args[name] for name in ASKED if request.args.get(name)}
    try:
        data = papers.labels(place.rules, place.ask, table, by=place.by, **given)
    except Refused as refusal:
        return _labels(table, refusal)
    return _pdf(data, f"{table}-labels")


def _pdf(data, name):
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return held.for_its_holder(Response(data, headers=headers, content_type="application/pdf"))


@blueprint.get(HERE + "/<id:id>/page.pdf")
@access.member("records.read")
def printed_row(table, id):
    """One row as a page."""
    place = _place(table)
    return _pdf(papers.page(place.rules, collections.found(table), id, by=place.by), f"{table}-{id}")


@blueprint.get(HERE + "/page")
@access.member("records.build", collections.builds)
def page(table):
    """What the page of a row has on it."""
    collection = collections.to_build(table, g.by)
    shape = shapes.read(collection)
    return _page(collection, shape, papers.written_page(shape, papers.page_of(collection, shape)))


@blueprint.post(HERE + "/page")
@access.member("records.build", collections.builds)
def say_page(table):
    form = request.form
    try:
        papers.say_page(table, form, by=g.by, shape=whole(form.get("shape")))
    except Refused as refusal:
        if refusal.status in (403, 404):
            raise
        collection = collections.found(table)
        values = dict(form.items()) | {"fields": [whole(text) for text in form.getlist("fields")]}
        return _page(collection, shapes.read(collection), values, refusal)
    return pages.go(address(collections.found(table), "page"), "Saved. A row's page is printed so from now on.")


def _page(collection, shape, values, refusal=None):
    return pages.page(
        "records/paper.html",
        refusal.status if refusal else 200,
        collection=collection,
        values=values,
        papers=papers.PAGES,
        cells=[(cell.id, cell.field.label) for cell in shape.cells],
        errors=refusal.beside() if refusal else {},
        url=address(collection),
        here="records",
    )
