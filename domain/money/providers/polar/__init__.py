"""Polar: https://polar.sh/docs/api-reference/2026-10/introduction, https://polar.sh/docs/integrate/webhooks/events

What is sold is a product, so a «price id» here is a product's id. Every paid transaction is an order
(https://polar.sh/docs/features/orders): what others call an invoice. Lists are paged by `page` and `limit`.

Polar documents no idempotency key. The header is sent all the same, and writes are made safe by looking
first: a customer by its external id, a checkout and a refund by our metadata, a subscription by how it stands.
"""

from domain.money.providers.provider import gathered

globals().update(gathered(__name__))
CAN = frozenset({"missed", "pause", "quantity", "trial"})  # its preview of a change isn't public
