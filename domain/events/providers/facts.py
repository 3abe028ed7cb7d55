"""What a provider of ticket payments tells, as whole states and in minor units of ISO 4217."""

from dataclasses import dataclass
from datetime import datetime


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
    is_disputed: bool = False
    at: datetime | None = None


@dataclass(frozen=True)
class Ended:
    """A try at paying that is over without money."""

    reference: str
    state: str  # failed, expired, abandoned
