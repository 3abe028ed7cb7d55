"""What it costs: the public page, and the admin's page where the prices are read anew. Both read only rows."""

from flask import Blueprint
from htmx_flask import request

from database.scope import inside
from domain.base import configuration, settings
from domain.entitlements import grants, plans
from domain.money import billing, pricing, providers
from views import access, pages

blueprint = Blueprint("pricing", __name__)


@blueprint.get("/pricing")
@access.public
def show():
    held, current, plan_page, mine, kept = pricing.catalog(), None, None, set(), set()
    user, trial = access.me(), _trial()
    offers = pricing.offers(user) if held and any(held.prices) else []
    if user:
        by = pages.where(user)
        with inside(by.organization):
            current = grants.plan()
            if current:
                mine = {key for key, _ in grants.active()} or {current.key}
                kept = {key for key in mine if plans.get(key).is_once}
            if current and by.may("billing.manage"):
                plan_page, trial = f"/{by.organization.slug}/billing", billing.trial_days(by)
    return pages.page(
        "money/pricing/index.html",
        offers=offers,
        current=current,
        plan_page=plan_page,
        mine=mine,
        kept=kept,
        trial=0 if current and current.is_paid else trial,
        synced_at=held.last_synced_at if held else None,
        open=settings.get("sign_up_open"),
        campaign=settings.get("crowdfunding_active"),
        here="pricing",
    )


def _trial():
    """How many days are free for who is new here; an owner is told of theirs by `billing.trial_days`."""
    sells = configuration.active.has_billing and "trial" in providers.active().CAN
    return settings.get("billing_trial_days") if sells else 0


@blueprint.get("/admin/pricing")
@access.platform("pricing.sync")
def prices():
    state = _state()
    around = None if state["work"] and state["work"].is_open else {"pricing_sync": "pricing_area"}
    return pages.page("money/pricing/admin.html", around=around, **state, here="pricing")


@blueprint.post("/admin/pricing/sync")
@access.platform("pricing.sync")
def sync():
    pricing.ask(by=access.me())
    if request.htmx:
        return pages.fragment("money/pricing/admin.html", "pricing_sync", **_state())
    return pages.go("/admin/pricing", "The sync begins. This page shows how far it is.", "info")


def _state():
    return {
        "work": pricing.last_sync(),
        "catalog": pricing.catalog(),
        "offers": pages.later(pricing.offers),
        "doubts": pages.later(pricing.doubts),
        "configured": configuration.active.has_billing,
        "tag": configuration.active.stripe_app_tag,
    }
