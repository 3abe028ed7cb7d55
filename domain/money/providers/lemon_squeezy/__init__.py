"""Lemon Squeezy: https://docs.lemonsqueezy.com/api, https://docs.lemonsqueezy.com/help/webhooks

What is peculiar to it, and what follows:

- What we sell by is a variant; its id, as text, is our price id. Amounts are minor units, tax included.
- A customer is an e-mail address in a store, not what we made: a checkout takes no customer, and who types
  another address there is another customer. So the organization goes along as custom data. Only webhooks
  give that back (docs.lemonsqueezy.com/help/checkout/passing-custom-data); no object of the API carries it.
- Events have no id (docs.lemonsqueezy.com/help/webhooks/webhook-requests): the hash of the body is one.
- It tries a webhook four times within some minutes, and doesn't list what it couldn't deliver: asking it
  now and then (`list_active`, `list_since`) matters more than elsewhere.
- No idempotency keys are documented. What would do harm twice asks first how things stand.
- Invoices name no period. One that begins a period begins it when it was made; the interval is the plan's.
"""

from domain.money.providers.provider import gathered

globals().update(gathered(__name__))
# A trial is the variant's own matter: a checkout can only leave it out, so its length isn't ours to promise.
CAN = frozenset({"pause", "quantity"})
