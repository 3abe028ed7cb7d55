"""Payment providers: what each says, turned into facts; what we ask of them, through one shape.

The next provider is a file with these functions and a line in `ACTIVE`. Facts know nothing of a
provider's shapes; domain/billing.py turns them into rows.
"""

import importlib
from dataclasses import dataclass
from datetime import datetime

from domain import NotConfigured, configuration

# configured provider → module; the sandbox is Stripe's own code talking to a Stripe of ours.
MODULES = {"stripe": "domain.providers.stripe", "sandbox": "domain.providers.stripe"}


class BadSignature(Exception):
    """Not from the provider, or not fresh: nothing about it is kept."""


class ProviderFailed(Exception):
    """The provider didn't answer as it should; try again later."""


@dataclass(frozen=True)
class Event:
    """What a webhook says of itself, before anything is believed beyond its signature."""

    id: str
    type: str
    subject: str  # the object it speaks of: events of one subject are worked off in order
    happened_at: datetime


@dataclass(frozen=True)
class SubscriptionFact:
    """How a subscription stands. `fresh` when it was asked for just now, and so beats any event's order."""

    provider: str
    id: str
    customer_id: str
    organization: str | None  # our public id, from the metadata we set
    price_id: str
    status: str
    period_end_at: datetime | None
    cancel_at_period_end: bool
    happened_at: datetime
    event_id: str
    fresh: bool = False


@dataclass(frozen=True)
class InvoiceFact:
    """An invoice was paid, or its payment failed. `renews` when it opens a period."""

    provider: str
    id: str
    customer_id: str
    subscription_id: str
    paid: bool
    renews: bool
    happened_at: datetime
    event_id: str
    fresh: bool = False  # its subscription was asked for just now


@dataclass(frozen=True)
class CustomerFact:
    """A customer belongs to an organization."""

    provider: str
    customer_id: str
    organization: str | None
    email: str
    happened_at: datetime
    event_id: str


def active():
    """The one configured provider. Refuses with NotConfigured."""
    name = configuration.active.billing_provider
    if name not in MODULES:
        raise NotConfigured("Paid plans aren't set up on this site.")
    return importlib.import_module(MODULES[name])


def is_configured():
    return configuration.active.billing_provider in MODULES
