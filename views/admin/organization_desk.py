"""All organizations, for the platform's staff: find, read, suspend and reactivate."""

from flask import Blueprint
from htmx_flask import request

from domain.entitlements import manual_grants
from domain.lists import rows
from domain.organizations import api_keys, organization_desk
from domain.people import admins, suspensions
from views import access, pages
from views.lists import routes

blueprint = Blueprint("organization_desk", __name__)


routes.add(
    blueprint, rows.Rules(organization_desk.listing), "/admin/organizations", side="platform", nav="organizations"
)
routes.add(blueprint, rows.Rules(api_keys.desk), "/admin/keys", side="platform", prefix="keys_")


@blueprint.get("/admin/organizations/<id:id>")
@access.platform("organizations.read")
def show(id):
    return _tenant(id)


def _tenant(id, refusal=None, tried="suspend"):
    tenant = organization_desk.one(id)
    count, members = organization_desk.members(tenant)
    return pages.page(
        "admin/organization_desk/show.html",
        422 if refusal else 200,
        tenant=tenant,
        uses=organization_desk.uses(tenant),
        count=count,
        members=members,
        can=admins.capabilities(access.me()),
        least=suspensions.LEAST,
        most=suspensions.MOST,
        error={tried: refusal.fields["reason"]} if refusal and tried == "suspend" else {},
        given=request.form.get("reason", ""),
        gift=manual_grants.fields(),
        gift_errors=refusal.fields if refusal and tried == "give" else {},
        values=request.form,
        here="organizations",
    )


@blueprint.post("/admin/organizations/<id:id>/suspension")
@access.platform("organizations.suspend")
@pages.again(_tenant)
def suspend(id):
    suspensions.suspend_organization(id, request.form.get("reason", ""), by=access.me())
    return pages.go(f"/admin/organizations/{id}", "Suspended. Its owners and admins were told why.")


@blueprint.post("/admin/organizations/<id:id>/gifts")
@access.platform("grants.write")
@pages.again(_tenant, tried="give")
def give(id):
    label = manual_grants.give(id, request.form, by=access.me(), key=pages.form_key())
    return pages.go(f"/admin/organizations/{id}", f"{label} was given. Its owners and admins are told.")


@blueprint.post("/admin/organizations/<id:id>/gifts/end")
@access.platform("grants.write")
def end_gift(id):
    manual_grants.end(id, request.form.get("source", ""), by=access.me())
    return pages.go(f"/admin/organizations/{id}", "It was ended.", "info")


@blueprint.post("/admin/organizations/<id:id>/reactivation")
@access.platform("organizations.suspend")
def reactivate(id):
    suspensions.reactivate_organization(id, by=access.me())
    return pages.go(f"/admin/organizations/{id}", "Reactivated. Everything is as it was.")
