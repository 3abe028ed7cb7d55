"""The mark that an organization's name was looked at: asking for it, and the staff's list of who asks."""

from flask import Blueprint, g, request

from domain import Refused
from domain.lists import rows
from domain.support import verifications
from models import Organization
from views import access, pages
from views.lists import routes

blueprint = Blueprint("verifications", __name__)

routes.add(blueprint, rows.Rules(verifications.listing), "/admin/verifications", side="platform", prefix="desk_")


def _draw(refusal=None):
    organization = Organization.get_by_id(g.by.organization.id)  # whole
    return pages.page(
        "support/verification.html",
        refusal.status if refusal else 200,
        fields=verifications.FORM,
        values=request.form,
        errors=refusal.beside() if refusal else {},
        newest=verifications.newest(organization),
        is_verified=organization.is_verified,
        here="organization",
    )


@blueprint.get("/<organization>/verification")
@access.member("organization.verify")
def show():
    return _draw()


@blueprint.post("/<organization>/verification")
@access.member("organization.verify")
def ask():
    try:
        verifications.ask(request.form, by=g.by)
    except Refused as refusal:
        return _draw(refusal)
    return pages.go(f"/{g.by.organization.slug}/verification", "Somebody will look. You hear what was decided.")


@blueprint.post("/<organization>/verification/withdrawal")
@access.member("organization.verify")
def take_back():
    verifications.take_back(by=g.by)
    return pages.go(f"/{g.by.organization.slug}/verification", "It is taken back.")
