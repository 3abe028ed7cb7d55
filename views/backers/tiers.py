"""The admin's page of tiers: what a backer's code gives."""

from flask import Blueprint
from htmx_flask import request

from domain.backers import tiers
from domain.entitlements import plans
from views import access, pages

blueprint = Blueprint("tiers", __name__, url_prefix="/admin/backers/tiers")


@blueprint.get("")
@access.platform("backers.write")
def index():
    return _page()


def _page(refusal=None, id=None):
    return pages.page(
        "backers/tiers.html",
        refusal.status if refusal else 200,
        tiers=tiers.everything(),
        sizes=tiers.sizes(),
        plans=[(plan.key, plan.label) for plan in plans.everything() if plan.is_paid],
        editing=id,
        values=request.form if refusal else {},
        errors=refusal.fields if refusal else {},
        here="backers",
    )


@blueprint.post("")
@access.platform("backers.write")
@pages.again(_page)
def create():
    tier = tiers.add(request.form, by=access.me())
    return pages.go("/admin/backers/tiers", f"The tier {tier.name} is made.")


@blueprint.get("/<id:id>")
@access.platform("backers.write")
def edit(id):
    return _page(id=id)


@blueprint.post("/<id:id>")
@access.platform("backers.write")
@pages.again(_page)
def update(id):
    tier = tiers.change(id, request.form, by=access.me())
    return pages.go("/admin/backers/tiers", f"The tier {tier.name} is saved.")
