"""What an organization paid, as a list."""

from domain.lists import rows
from domain.money import payments
from views.lists import routes

blueprint = routes.organization(
    rows.Rules(payments.listing), "/billing/payments", nav="billing", template="money/billing/payments.html"
)
