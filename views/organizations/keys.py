"""Keys by which programs ask: the list, making one, and showing it the one time."""

import contextlib

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid
from domain.base import configuration, roles
from domain.fields.kinds import Unfit
from domain.fields.person import members
from domain.lists import conditions, rows
from domain.lists.programs import bounds
from domain.organizations import api_keys, key_bounds
from domain.records.rows import row_conditions
from views import access, pages
from views.lists import routes
from views.organizations.organizations import sections

blueprint = Blueprint("keys", __name__)

routes.add(
    blueprint,
    rows.Rules(api_keys.listing),
    "/keys",
    nav="organization",
    template="organizations/keys/index.html",
    context=lambda place: {"sections": sections},
)


@blueprint.get("/<organization>/keys/new")
@access.member("keys.manage")
def new():
    return _form()


def _form(refusal=None, form=None):
    form = request.form if form is None else form
    tables = key_bounds.tables_of(g.by) if g.by.may("records.read") else ()
    about = {
        "fields": {f.name: f for f in api_keys.FIELDS},
        "values": form or {f.name: f.default for f in api_keys.FIELDS},
        "chosen": form.getlist("scopes"),
        "scopes": [(name, roles.label(name)) for name in api_keys.SCOPES if g.by.may(name)],
        "tables": [(table.id, table.name) for table in tables],
        "bounds": [_bound(table, form) for table in tables if form.get(f"table_{table.id}")],
        "lists": [_rows_of(one, form) for one in key_bounds.lists_of(g.by).values() if form.getlist(f"where_{one.id}")],
        "levels": key_bounds.LEVELS,
        **_asked(tables, form),
        "errors": refusal.fields if refusal else {},
        "at": f"/{g.by.organization.slug}/keys",
    }
    return pages.page("organizations/keys/new.html", refusal.status if refusal else 200, here="organization", **about)


def _bound(table, form):
    """What the form has said of a table: only of those that it chose is anything drawn."""
    texts = key_bounds.several(form, f"where_{table.id}")
    return {
        "table": table,
        "may": form.get(f"table_{table.id}"),
        "fields": key_bounds.several(form, f"fields_{table.id}"),
        "where": list(zip(texts, _words(table, texts), strict=True)),
    }


def _rows_of(table, form):
    """The same of a list of the house."""
    texts, found = key_bounds.several(form, f"where_{table.id}"), []
    with contextlib.suppress(Unfit):
        found = [bounds.said(table.shape, text, members()) for text in texts]
    return {"table": table, "where": list(zip(texts, found or texts, strict=True))}


def _words(table, texts):
    with contextlib.suppress(Unfit):
        kept = row_conditions.read(table.shape, texts)
        return [row_conditions.joined([one], table.shape, members()) for one in kept]
    return texts


def _asked(tables, form):
    """What is asked of one more condition: of which table and field, and then the rest as its kind has it."""
    mine = [table for table in tables if form.get(f"table_{table.id}")]
    abouts = [
        (f"{table.id}:{one.key}", f"{table.name}: {one.label}")
        for table in mine
        for one in row_conditions.offered(table.shape)
    ]
    lists = key_bounds.lists_of(g.by)
    abouts += [
        (f"{name}:{one.key}", f"{table.name}: {one.label}")
        for name, table in lists.items()
        for one in bounds.offered(table.shape)
    ]
    id, _, key = form.get(key_bounds.ABOUT, "").partition(":")
    table = next((one for one in mine if str(one.id) == id), None)
    about = table and row_conditions.about(table.shape, key)
    if id in lists:
        about = next((one for one in bounds.offered(lists[id].shape) if one.key == key), None)
    typed = conditions.of_form(form, key) if about and "c_op" in form else None
    found = {"abouts": abouts, "about": about, "offers": row_conditions.choices(about), "typed": typed}
    return found | {"joins": about and bool(form.getlist(f"where_{id}"))}


def _again(form):
    """The form with one more table or condition, or one less: nothing is made."""
    do, _, which = form["do"].partition(":")
    form.setlist(f"table_{form['table']}", ["see"]) if form.get("table") else None
    refusal = None
    if do == "forget":
        id, _, number = which.partition(":")
        kept = [text for n, text in enumerate(form.getlist(f"where_{id}"), 1) if str(n) != number]
        form.setlist(f"where_{id}", kept)
    elif do == "condition" and (about := form.get(key_bounds.ABOUT)):
        id = about.partition(":")[0]
        table = next((one for one in key_bounds.tables_of(g.by) if str(one.id) == id), None)
        texts, house = form.getlist(f"where_{id}") + key_bounds.one_more(form, id), key_bounds.lists_of(g.by).get(id)
        try:
            row_conditions.read(table.shape, texts) if table else None
            bounds.read(house.shape, texts) if house else None
        except Unfit as unfit:
            refusal = Invalid({"tables": str(unfit)})
        else:
            form.setlist(f"where_{id}", texts)
            form.poplist(key_bounds.ABOUT)
    return _form(refusal, form)


@blueprint.post("/<organization>/keys")
@access.member("keys.manage")
@pages.again(_form)
def create():
    if request.form.get("do"):
        return _again(request.form.copy())
    made, secret = api_keys.make(request.form, by=g.by, key=pages.form_key())
    at = f"/{g.by.organization.slug}/keys"
    about = {"made": made, "secret": secret, "at": at, "site": configuration.active.site_url}
    return pages.instead("organizations/keys/made.html", at, here="organization", **about)
