"""All subscriptions, for the platform's staff: what stands, what doesn't fit, and asking the provider anew."""

from flask import Blueprint, request

from domain.base import configuration
from domain.entitlements import plans
from domain.fields.kinds import clean
from domain.fields.number import counted
from domain.lists import rows
from domain.money import placements, providers, subscriptions
from domain.people import admins
from views import access, pages
from views.lists import routes

blueprint = Blueprint("subscriptions", __name__)


routes.add(
    blueprint,
    rows.Rules(subscriptions.listing),
    "/admin/subscriptions",
    side="platform",
    template="admin/subscriptions/index.html",
    context=lambda place: {"given_up": subscriptions.given_up(), "can": place.by.capabilities},
)


def _label(plan_key):
    return plans.get(plan_key).label if plan_key in plans.PLANS else plan_key


@blueprint.get("/admin/subscriptions/<id:id>")
@access.platform("subscriptions.read")
def show(id):
    return _subscription(id)


def _subscription(id, refusal=None):
    row = subscriptions.one(id)
    return pages.page(
        "admin/subscriptions/show.html",
        422 if refusal else 200,
        row=row,
        doubts=subscriptions.doubts([row])[row.id],
        payments=subscriptions.payments(row),
        grants=subscriptions.grants_of(row),
        unknown=bool(row.provider_price_id)
        and (row.provider, row.provider_price_id) not in subscriptions.known_prices(),
        connected=configuration.active.has_billing and row.provider == providers.name(),
        choices=[(plan.key, plan.label) for plan in plans.everything() if plan.is_paid],
        label_of=_label,
        provider=providers.label(row.provider),
        words=plans.CAPABILITIES,
        errors=refusal.fields if refusal else {},
        can=admins.capabilities(access.me()),
        here="subscriptions",
    )


@blueprint.post("/admin/subscriptions/<id:id>/sync")
@access.platform("subscriptions.sync")
def sync(id):
    subscriptions.sync(id, by=access.me())
    return pages.go(f"/admin/subscriptions/{id}", "It stands as the provider says it is now.")


@blueprint.post("/admin/subscriptions/<id:id>/price")
@access.platform("subscriptions.sync")
@pages.again(_subscription)
def name_price(id):
    """Say which plan the price of a subscription is, and have it follow."""
    row = subscriptions.one(id)
    subscriptions.name_price(row.provider, row.provider_price_id, request.form.get("plan", ""), by=access.me())
    subscriptions.sync(id, by=access.me())
    return pages.go(f"/admin/subscriptions/{id}", "The price is known now, and the subscription follows it.")


@blueprint.get("/admin/subscriptions/placement")
@access.platform("subscriptions.sync")
def placement():
    """Whose a customer is whom nobody could place."""
    return _placement()


def _placement(refusal=None):
    about = {name: clean(request.values.get(name, ""))[:120] for name in ("provider", "customer", "organization")}
    status = 422 if refusal else 200
    return pages.page(
        "admin/subscriptions/placement.html",
        status,
        about=about,
        errors=refusal.fields if refusal else {},
        here="subscriptions",
    )


@blueprint.post("/admin/subscriptions/placement")
@access.platform("subscriptions.sync")
@pages.again(_placement)
def place():
    form = request.form
    wanted = (form.get(name, "") for name in ("provider", "customer", "organization"))
    organization, worked = placements.place(*wanted, by=access.me())
    said = f"It is {organization.name}. {counted(worked, 'webhook was', 'webhooks were')} worked again."
    return pages.go(f"/admin/subscriptions?q={organization.slug}", said)


@blueprint.post("/admin/subscriptions/<id:id>/organization")
@access.platform("subscriptions.sync")
@pages.again(_subscription)
def move(id):
    """Move a subscription to another organization."""
    placements.move(id, request.form.get("organization", ""), by=access.me())
    return pages.go(f"/admin/subscriptions/{id}", "It is moved, with its payments and its access.")


@blueprint.post("/admin/subscriptions/unsent/<id:id>")
@access.platform("subscriptions.sync")
def tell_again(id):
    subscriptions.tell_again(id, by=access.me())
    return pages.go("/admin/subscriptions", "The provider is told again.", "info")
