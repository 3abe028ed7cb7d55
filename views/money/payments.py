"""What an organization paid, and what it bought for good, as lists."""

from domain.lists import rows
from domain.money import payments
from views.lists import routes

blueprint = routes.organization(
    rows.Rules(payments.listing), "/billing/payments", nav="billing", template="money/billing/payments.html"
)
routes.add(
    blueprint,
    rows.Rules(payments.licences),
    "/billing/licences",
    nav="billing",
    template="money/billing/licences.html",
    prefix="licences_",
)
