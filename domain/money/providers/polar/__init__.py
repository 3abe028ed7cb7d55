"""Polar: https://polar.sh/docs/api-reference/2026-10/introduction, https://polar.sh/docs/integrate/webhooks/events

What is sold is a product, so a «price id» here is a product's id. Every paid transaction is an order
(https://polar.sh/docs/features/orders): what others call an invoice. Lists are paged by `page` and `limit`.

Polar documents no idempotency key. The header is sent all the same, and writes are made safe by looking
first: a customer by its external id, a checkout and a refund by our metadata, a subscription by how it stands.
"""

from domain.money.providers.polar.asking import (
    all_prices,
    confirm,
    list_active,
    list_since,
    missed,
    payment,
    products,
    refetch,
)
from domain.money.providers.polar.reading import facts
from domain.money.providers.polar.selling import (
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
from domain.money.providers.polar.wire import CHANNEL, LABEL, NAME, PATH, verify

CAN = frozenset({"missed", "pause", "quantity", "trial"})  # its preview of a change isn't public
