"""All organizations, for the platform's staff: find, read, suspend and reactivate."""

from flask import Blueprint
from htmx_flask import request

from domain import Invalid, admins, suspensions, tenants
from domain.fields import clean, whole
from views import access, pages

blueprint = Blueprint("tenants", __name__, url_prefix="/admin/organizations")


@blueprint.get("")
@access.platform("organizations.read")
def index():
    q, status = clean(request.args.get("q", "")).strip()[:80], request.args.get("status", "")
    before = whole(request.args.get("before", ""), 2**31)
    found = tenants.find(q, status, before, tenants.PAGE + 1)
    shown = found[: tenants.PAGE]
    return pages.page(
        "tenants/index.html",
        found=shown,
        more=shown[-1].id if len(found) > tenants.PAGE else None,
        q=q,
        state=status if status in tenants.STATUSES else "",
        STATUSES=tenants.STATUSES,
        started=bool(before),
        here="tenants",
    )


@blueprint.get("/<id:id>")
@access.platform("organizations.read")
def show(id):
    return _tenant(id)


def _tenant(id, refusal=None, tried="suspend"):
    tenant = tenants.one(id)
    count, members = tenants.members(tenant)
    return pages.page(
        "tenants/show.html",
        422 if refusal else 200,
        tenant=tenant,
        uses=tenants.uses(tenant),
        count=count,
        members=members,
        can=admins.capabilities(access.me()),
        least=suspensions.LEAST,
        most=suspensions.MOST,
        error={tried: refusal.fields["reason"]} if refusal else {},
        given=request.form.get("reason", ""),
        here="tenants",
    )


@blueprint.post("/<id:id>/suspension")
@access.platform("organizations.suspend")
def suspend(id):
    try:
        suspensions.suspend_organization(id, request.form.get("reason", ""), by=access.me())
    except Invalid as refusal:
        return _tenant(id, refusal)
    return pages.go(f"/admin/organizations/{id}", "Suspended. Its owners and admins were told why.")


@blueprint.post("/<id:id>/reactivation")
@access.platform("organizations.suspend")
def reactivate(id):
    suspensions.reactivate_organization(id, by=access.me())
    return pages.go(f"/admin/organizations/{id}", "Reactivated. Everything is as it was.")
