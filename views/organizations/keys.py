"""Keys by which programs ask: the list, making one, and showing it the one time."""

from flask import Blueprint, g
from htmx_flask import request

from domain.base import configuration, roles
from domain.lists import rows
from domain.organizations import api_keys, key_bounds
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


def _form(refusal=None):
    form = request.form
    values = form if refusal else {f.name: f.default for f in api_keys.FIELDS}
    about = {
        "fields": {f.name: f for f in api_keys.FIELDS},
        "values": values,
        "chosen": form.getlist("scopes"),
        "scopes": [(name, roles.label(name)) for name in api_keys.SCOPES if g.by.may(name)],
        "tables": key_bounds.tables_of(g.by) if g.by.may("records.read") else (),
        "levels": key_bounds.LEVELS,
        "bounds": {name: form.getlist(name) for name in form if name.startswith(("table_", "fields_"))},
        "errors": refusal.fields if refusal else {},
        "at": f"/{g.by.organization.slug}/keys",
    }
    return pages.page("organizations/keys/new.html", refusal.status if refusal else 200, here="organization", **about)


@blueprint.post("/<organization>/keys")
@access.member("keys.manage")
@pages.again(_form)
def create():
    made, secret = api_keys.make(request.form, by=g.by, key=request.form.get("form_key", ""))
    at = f"/{g.by.organization.slug}/keys"
    about = {"made": made, "secret": secret, "at": at, "site": configuration.active.site_url}
    return pages.instead("organizations/keys/made.html", at, here="organization", **about)
