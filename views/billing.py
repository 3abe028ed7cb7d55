"""The organization's plan: what it is, what it could be, and how it is paid."""

from flask import Blueprint, g, request

from domain import Refused, billing, configuration, credits, grants, plans, pricing, providers, settings
from domain.providers import ProviderFailed
from views import access, pages

blueprint = Blueprint("billing", __name__, url_prefix="/<organization>/billing")


@blueprint.get("")
@access.member("billing.read")
def show():
    balance, allowance = credits.balance(g.by.organization)
    return pages.page(
        "billing/show.html",
        current=grants.plan(),
        subscription=billing.subscription(),
        offers=pricing.offers(),
        balance=balance,
        allowance=allowance,
        configured=providers.is_configured(),
        sandboxed=configuration.active.billing_provider == "sandbox",
        may_manage=g.by.may("billing.manage"),
        free=plans.get("free"),
        campaign=settings.get("crowdfunding_active"),
        here="billing",
    )


@blueprint.post("/checkout")
@access.member("billing.manage")
def checkout():
    return _asked(lambda: pages.go(billing.checkout(request.form.get("plan", ""), by=g.by)))


@blueprint.post("/cancellation")
@access.member("billing.manage")
def cancel():
    def ask():
        billing.set_cancel_at_period_end(True, by=g.by)
        return pages.go(f"/{g.by.organization.slug}/billing", "The plan will end with its period.", "info")

    return _asked(ask)


@blueprint.post("/resumption")
@access.member("billing.manage")
def resume():
    def ask():
        billing.set_cancel_at_period_end(False, by=g.by)
        return pages.go(f"/{g.by.organization.slug}/billing", "The plan goes on.", "good")

    return _asked(ask)


def _asked(ask):
    try:
        return ask()
    except ProviderFailed as failed:
        raise Refused(f"{failed}. Nothing was changed; try again in a minute.", "PROVIDER_FAILED", 502) from failed


@blueprint.get("/return")
@access.member("billing.read")
def back():
    """After the provider's page: «processing» until the webhook has landed. The address proves nothing."""
    plan = grants.plan()
    return pages.page("billing/return.html", paid=bool(plan and plan.is_paid), current=plan, here="billing")
