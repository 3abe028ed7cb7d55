"""All subscriptions, for the platform's staff: what stands, what doesn't fit, and asking the provider anew."""

from flask import Blueprint, request

from domain import Invalid
from domain.base import configuration
from domain.entitlements import plans
from domain.fields.kinds import clean, whole
from domain.money import providers, subscriptions
from domain.people import admins
from views import access, pages

blueprint = Blueprint("subscriptions", __name__, url_prefix="/admin/subscriptions")


@blueprint.get("")
@access.platform("subscriptions.read")
def index():
    args = request.args
    q = clean(args.get("q", "")).strip()[:120]
    status = args.get("status", "") if args.get("status") in subscriptions.STATUSES else ""
    doubt = args.get("doubt", "") if args.get("doubt") in subscriptions.DOUBTS else ""
    before = whole(args.get("before", ""))
    found = subscriptions.find(q, status, doubt, before, subscriptions.PAGE + 1)
    shown = found[: subscriptions.PAGE]
    return pages.page(
        "admin/subscriptions/index.html",
        found=shown,
        more=shown[-1].id if len(found) > subscriptions.PAGE else None,
        doubts=subscriptions.doubts(shown),
        q=q,
        state=status,
        doubt=doubt,
        started=bool(before),
        counts=subscriptions.counts(),
        STATUSES=subscriptions.STATUSES,
        DOUBTS=subscriptions.DOUBTS,
        given_up=subscriptions.given_up(),
        label_of=_label,
        can=admins.capabilities(access.me()),
        here="subscriptions",
    )


def _label(plan_key):
    return plans.get(plan_key).label if plan_key in plans.PLANS else plan_key


@blueprint.get("/<id:id>")
@access.platform("subscriptions.read")
def show(id):
    return _subscription(id)


def _subscription(id, errors=None):
    row = subscriptions.one(id)
    return pages.page(
        "admin/subscriptions/show.html",
        422 if errors else 200,
        row=row,
        doubts=subscriptions.doubts([row])[row.id],
        payments=subscriptions.payments(row),
        grants=subscriptions.grants_of(row),
        unknown=bool(row.provider_price_id)
        and (row.provider, row.provider_price_id) not in subscriptions.known_prices(),
        connected=configuration.active.has_billing and row.provider == providers.name(),
        choices=[(plan.key, plan.label) for plan in plans.everything() if plan.is_paid],
        label_of=_label,
        errors=errors or {},
        can=admins.capabilities(access.me()),
        here="subscriptions",
    )


@blueprint.post("/<id:id>/sync")
@access.platform("subscriptions.sync")
def sync(id):
    subscriptions.sync(id, by=access.me())
    return pages.go(f"/admin/subscriptions/{id}", "It stands as the provider says it is now.")


@blueprint.post("/<id:id>/price")
@access.platform("subscriptions.sync")
def name_price(id):
    """Say which plan the price of a subscription is, and have it follow."""
    row = subscriptions.one(id)
    try:
        subscriptions.name_price(row.provider, row.provider_price_id, request.form.get("plan", ""), by=access.me())
    except Invalid as refusal:
        return _subscription(id, refusal.fields)
    subscriptions.sync(id, by=access.me())
    return pages.go(f"/admin/subscriptions/{id}", "The price is known now, and the subscription follows it.")


@blueprint.post("/unsent/<id:id>")
@access.platform("subscriptions.sync")
def tell_again(id):
    subscriptions.tell_again(id, by=access.me())
    return pages.go("/admin/subscriptions", "The provider is told again.", "info")
