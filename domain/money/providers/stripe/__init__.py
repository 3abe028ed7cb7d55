"""Stripe: https://docs.stripe.com/webhooks, https://docs.stripe.com/api

An event is a reason to look, not the truth: its object is fetched anew and reported whole. Fields that moved in
the 2025 «basil» versions are read in both places: a subscription's period, an invoice's subscription and payments,
a line's price. The webhooks' version is whatever the endpoint was made with; what we fetch has the library's.
"""

from domain.money.providers.stripe.asking import (
    all_prices,
    confirm,
    list_active,
    list_since,
    missed,
    payment,
    products,
    refetch,
)
from domain.money.providers.stripe.reading import facts
from domain.money.providers.stripe.selling import (
    change,
    checkout,
    create_customer,
    end,
    expire_checkout,
    pause,
    portal,
    preview,
    refund,
    set_cancel_at_period_end,
    unpause,
)
from domain.money.providers.stripe.wire import CHANNEL, KINDS, LABEL, NAME, PATH, verify

CAN = frozenset({"pause", "preview", "quantity", "missed", "trial"})
