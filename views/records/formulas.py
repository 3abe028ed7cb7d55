"""A field that is worked out: written, tried on five rows while one writes, saved."""

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid, NotFound
from domain.fields.kinds import Field, whole
from domain.fields.records import registry
from domain.records import collections
from domain.records.computed import formulas
from views import access, pages
from views.records.fields import address

blueprint = Blueprint("record_formulas", __name__)
HERE = "/<organization>/records/<table>"


@blueprint.get(HERE + "/formulas")
@access.member("records.build", collections.builds)
def new(table):
    return _page(table, _kind(request.args), request.args)


@blueprint.post(HERE + "/formulas")
@access.member("records.build", collections.builds)
def create(table):
    return _act(table, None, lambda kind, form, how: formulas.add(table, form.get("label", ""), kind, form, **how))


@blueprint.get(HERE + "/fields/<id:id>/formula")
@access.member("records.build", collections.builds)
def edit(table, id):
    collection = collections.found(table)
    field = collections.field_of(collection, id)
    if field.kind not in registry.COMPUTED:
        return _page(table, _kind(request.args), request.args, field)
    return _page(table, field.kind, formulas.written(collection, field.kind, field.options), field)


@blueprint.post(HERE + "/fields/<id:id>/formula")
@access.member("records.build", collections.builds)
def change(table, id):
    field = collections.field_of(collections.found(table), id)
    return _act(table, field, lambda kind, form, how: formulas.change(table, id, kind, form, **how))


def _kind(form):
    kind = form.get("kind") or registry.COMPUTED[0]
    if kind not in registry.COMPUTED:
        raise NotFound("There is no such kind of field.")
    return kind


def _act(table, field, change):
    form, kind = request.form, _kind(request.form)
    if form.get("act") != "save":
        return _page(table, kind, form, field)
    try:
        made = change(kind, form, {"by": g.by, "shape": whole(form.get("shape"))})
    except Invalid as refusal:
        return _page(table, kind, form, field, refusal.fields, refusal.status)
    return pages.go(address(collections.found(table)), f"{made.label} is being worked out. You can work on.")


def _page(table, kind, values, field=None, errors=None, status=200):
    collection = collections.to_build(table, g.by)
    trial, wrong = None, ""
    if values.get("formula") or values.get("of"):
        try:
            trial = formulas.tried(table, kind, values, by=g.by, id=field.id if field else 0)
        except Invalid as refusal:
            wrong = refusal.fields["formula"]
            status = status if status != 200 or request.method == "GET" else refusal.status
    names, choices = formulas.offered(collection)
    return pages.page(
        "records/formula.html",
        status,
        collection=collection,
        field=field,
        kind=kind,
        offered=registry.KINDS[kind],
        values=values,
        errors=errors or {},
        trial=trial,
        result=Field("result", "Result", trial.kind, acted=True) if trial else None,
        wrong=wrong,
        names=names,
        choices=choices,
        hows=formulas.HOWS,
        usages=formulas.USAGES,
        url=address(collection),
        here="records",
    )
