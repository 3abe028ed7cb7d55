"""Stripe: https://docs.stripe.com/webhooks, https://docs.stripe.com/api

An event is a reason to look, not the truth: its object is fetched anew and reported whole. Fields that moved in
the 2025 «basil» versions are read in both places: a subscription's period, an invoice's subscription and payments,
a line's price. The webhooks' version is whatever the endpoint was made with; what we fetch has the library's.
"""

from domain.money.providers.provider import gathered

globals().update(gathered(__name__))
CAN = frozenset({"pause", "preview", "quantity", "missed", "trial"})
