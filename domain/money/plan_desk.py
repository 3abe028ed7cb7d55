"""The plans as the staff's list: what each costs at the provider, and who has it."""

from domain.base import configuration, settings
from domain.entitlements import plans
from domain.fields.code import Code
from domain.fields.kinds import Field
from domain.fields.money import written
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import Listing, Sort, both
from domain.lists.sources import Given
from domain.money import pricing


def _rows(_by):
    plans.forget()
    prices = {offer.plan.key: offer.price for offer in pricing.offers()}
    return [_row(plan, prices.get(plan.key)) for plan in plans.everything()]


def _row(plan, price):
    return {
        "id": plan.key,
        "label": plan.label,
        "key": plan.key,
        "price": _words(plan, price),
        "credits": settings.get(plan.credits),
        "includes": len(plan.capabilities),
        "subscribers": plans.subscribers(plan.key) if plan.is_paid else None,
    }


def _words(plan, price):
    if not plan.is_paid:
        return "No charge"
    if price:
        return f"{written(price['amount'], price['currency'])} {f'a {plan.interval}' if plan.interval else 'once'}"
    return "Not available" if configuration.active.has_billing else "No provider"


listing = Listing(
    "plans",
    "plan",
    "plans",
    None,
    (
        Field("label", "Plan", Text(80)),
        Field("price", "Price", Text(60)),
        Field("credits", "Credits a month", Number()),
        Field("includes", "Includes", Number()),
        Field("subscribers", "Subscribers", Number()),
        Field("key", "Key", Code(40), listed=False),
    ),
    (Sort("shown", "As on the price page"), *both("subscribers", "Fewest subscribers", "Most subscribers")),
    source=Given(_rows),
    search=("label", "key"),
    under=("key",),
    reads="plans.write",
    link=lambda row: f"/admin/plans/{row.id}",
    icon="stack-2",
    about="What each is called and includes. The amounts come from the payment provider.",
)
