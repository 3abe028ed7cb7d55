"""Addresses outside that automations tell, and each message to them: the lists, one of each, a new secret."""

from flask import Blueprint, g
from htmx_flask import request

from domain.automations.webhooks import deliveries, endpoints
from domain.lists import rows
from views import access, pages
from views.lists import routes

blueprint = Blueprint("automation_webhooks", __name__)
HERE = "/<organization>/automations/webhooks"
routes.add(
    blueprint,
    rows.Rules(endpoints.listing),
    "/automations/webhooks",
    nav="automations",
    template="automations/webhooks/index.html",
)
routes.add(
    blueprint,
    rows.Rules(deliveries.listing),
    "/automations/deliveries",
    nav="automations",
    template="automations/webhooks/deliveries.html",
    prefix="deliveries_",
)


def _at(id=""):
    return f"/{g.by.organization.slug}/automations/webhooks{f'/{id}' if id else ''}"


@blueprint.get(HERE + "/new")
@access.member("automations.manage")
def new():
    return _form()


def _form(refusal=None):
    about = {
        "fields": {f.name: f for f in endpoints.FIELDS},
        "values": request.form if refusal else {},
        "errors": refusal.beside() if refusal else {},
        "at": _at(),
        "here": "automations",
    }
    return pages.page("automations/webhooks/new.html", refusal.status if refusal else 200, **about)


@blueprint.post(HERE)
@access.member("automations.manage")
@pages.again(_form)
def create():
    return _once(*endpoints.make(request.form, by=g.by, key=pages.form_key()))


def _once(made, secret):
    """The page that shows a secret this one time."""
    at = _at(made.id)
    return pages.instead("automations/webhooks/made.html", at, made=made, secret=secret, at=at, here="automations")


@blueprint.get(HERE + "/<id:id>")
@access.member("automations.manage")
def show(id):
    return _shown(id)


def _shown(id, refusal=None):
    row = endpoints.one(id)
    return pages.page(
        "automations/webhooks/show.html",
        refusal.status if refusal else 200,
        row=row,
        fields={f.name: f for f in endpoints.FIELDS},
        values=request.form if refusal else {"name": row.name, "url": row.url},
        errors=refusal.beside() if refusal else {},
        messages=deliveries.latest(row),
        STATE=deliveries.STATE,
        at=_at(id),
        list_at=_at(),
        here="automations",
    )


@blueprint.post(HERE + "/<id:id>")
@access.member("automations.manage")
@pages.again(_shown)
def update(id):
    row = endpoints.change(id, request.form, by=g.by)
    return pages.go(_at(id), f"{row.name} is saved.")


@blueprint.post(HERE + "/<id:id>/secret")
@access.member("automations.manage")
def rotate(id):
    return _once(*endpoints.rotate(id, by=g.by))


@blueprint.post(HERE + "/<id:id>/trial")
@access.member("automations.manage")
def try_out(id):
    return pages.go(_at(id), deliveries.try_out(id, by=g.by))


@blueprint.get("/<organization>/automations/deliveries/<id:id>")
@access.member("automations.manage")
def message(id):
    row = deliveries.one(id)
    return pages.page(
        "automations/webhooks/message.html",
        row=row,
        endpoint=row.endpoint,
        STATE=deliveries.STATE,
        at=f"/{g.by.organization.slug}/automations",
        here="automations",
    )
