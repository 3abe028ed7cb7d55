"""What a provider of ticket payments is asked and tells: whole states, amounts in minor units of ISO 4217."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.money.providers.provider import Fact


class Declined(Exception):
    """The provider understood what it was asked, and said no for good; the sentence says why."""


@dataclass(frozen=True)
class Account:
    """An account at a provider: this site's own (`id` is empty), or an organization's."""

    provider: str
    key: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)  # of its webhooks
    id: str = ""
    transport: Any = None  # None: the network. Stripe: a stripe.HTTPClient; others: a requests adapter
    is_refused: bool = False  # whether the provider didn't take its key the last time


@dataclass(frozen=True)
class Sale:
    """What is to be paid, and where the buyer comes back to."""

    reference: str  # the attempt's public id: a try that is repeated stays one
    order: str
    about: str
    cents: int
    currency: str
    email: str
    name: str
    until: datetime  # then the page of the provider ends, where it can
    back: str
    away: str


@dataclass(frozen=True)
class Started:
    """The provider's page to pay on, and what it calls it."""

    reference: str
    url: str


@dataclass(frozen=True)
class Told:
    """What a webhook says of itself: which attempt to look at, by its reference or by a payment at the provider."""

    id: str
    type: str
    reference: str = ""
    payment: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Money:
    """Money that came, by what the provider says of it now; `reference` is the attempt's public id."""

    provider: str
    id: str
    reference: str
    state: str  # pending, paid, failed
    amount_cents: int
    currency: str
    refunded_cents: int = 0
    dispute: str | None = None  # open, won, lost; None where the provider says nothing of one
    at: datetime | None = None
    account: str = ""


@dataclass(frozen=True)
class Refund:
    """Money that goes back, as the provider tells it; `key` is what we gave along, if it was ours."""

    id: str
    payment: str  # the provider's id of the payment
    state: str  # sent, succeeded, failed
    amount_cents: int
    key: str = ""
    error: str = ""


NEEDS_ACCOUNT = "The provider needs the buyer’s bank account to send it."  # as the error of a refund


@dataclass(frozen=True)
class Part:
    """What of one payment is in a payout; fees are what the provider kept, and `net_cents` what is left."""

    payment: str  # the provider's id of the payment
    net_cents: int
    amount_cents: int = 0
    refunded_cents: int = 0
    fee_cents: int = 0


@dataclass(frozen=True)
class PaidOut:
    """Money that went from an account at a provider to its owner's bank, as the provider tells it."""

    id: str
    state: str  # pending, paid, failed
    amount_cents: int
    currency: str
    at: datetime
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Ended:
    """A try at paying that is over without money."""

    reference: str
    state: str  # failed, expired, abandoned


@dataclass(frozen=True, kw_only=True)
class Looked(Fact):
    """All that a provider says of one attempt, asked at one moment."""

    id: str  # the attempt's public id
    told: tuple = ()
