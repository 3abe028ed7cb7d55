"""The admin's page of tiers: what a backer's code gives."""

from flask import Blueprint
from htmx_flask import request

from domain import Invalid
from domain.backers import tiers
from domain.entitlements import plans
from views import access, pages

blueprint = Blueprint("tiers", __name__, url_prefix="/admin/backers/tiers")


@blueprint.get("")
@access.platform("backers.write")
def index():
    return _page()


def _page(refusal=None, editing=None):
    return pages.page(
        "backers/tiers.html",
        refusal.status if refusal else 200,
        tiers=tiers.everything(),
        sizes=tiers.sizes(),
        plans=[(plan.key, plan.label) for plan in plans.everything() if plan.is_paid],
        editing=editing,
        values=request.form if refusal else {},
        errors=refusal.fields if refusal else {},
        here="backers",
    )


@blueprint.post("")
@access.platform("backers.write")
def create():
    try:
        tier = tiers.add(request.form, by=access.me())
    except Invalid as refusal:
        return _page(refusal)
    return pages.go("/admin/backers/tiers", f"The tier {tier.name} is made.")


@blueprint.get("/<id:id>")
@access.platform("backers.write")
def edit(id):
    return _page(editing=id)


@blueprint.post("/<id:id>")
@access.platform("backers.write")
def update(id):
    try:
        tier = tiers.change(id, request.form, by=access.me())
    except Invalid as refusal:
        return _page(refusal, editing=id)
    return pages.go("/admin/backers/tiers", f"The tier {tier.name} is saved.")
