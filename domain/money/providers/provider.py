"""What a payment provider is to the rest of the house: facts it tells, and what we ask of it, through one shape.

Facts know nothing of a provider's shapes; domain/money/facts.py turns them into rows. How to add a provider:
docs/providers.md
"""

import importlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from domain import Refused


class BadSignature(Exception):
    """Not from the provider, or not fresh: nothing about it is kept."""


class ProviderFailed(Exception):
    """The provider didn't answer as it should; try again later.
    `asked` is whether something that was to change there may have been done all the same: a request that was cut
    off, or answered by a fault of theirs. What was only read, refused, or never sent was not. `refuses_key` is whether
    the key isn't taken, or not for this: that stays so until somebody sets another."""

    def __init__(self, sentence="", asked=True, refuses_key=False):
        super().__init__(sentence)
        self.asked, self.refuses_key = asked, refuses_key


@contextmanager
def after_asking():
    """What fails within, though it only read or was refused, comes after a change that was or may have been made."""
    try:
        yield
    except ProviderFailed as failed:
        failed.asked = True
        raise


class Gone(ProviderFailed):
    """The provider answered that it knows no such object."""


class NotOurs(Exception):
    """A true event that isn't for this install, such as a test event where money is real. It is kept and ignored."""


class CannotDo(Refused):
    """This provider has no such thing, or not for this subscription."""

    code, status = "NOT_SUPPORTED", 409
    asked = False  # as ProviderFailed says it


@contextmanager
def seats_after_plan():
    """A change of seats that follows a changed plan: a refusal of it says that the plan did change."""
    try:
        with after_asking():
            yield
    except CannotDo as refused:
        half = CannotDo(f"The plan was changed, but not the seats: {refused.sentence}", refused.code)
        half.asked = True
        raise half from refused


@contextmanager
def readable(who, what="the answer"):
    """What lacks a field or has another shape is the provider's failure, refused whole: never half a fact."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, OSError, RecursionError) as error:
        raise ProviderFailed(f"{who}: {what} can't be read ({type(error).__name__}: {error})"[:300]) from error


def is_known(status, known):
    """Whether a status is one that we have a word for. What isn't even a word raises ValueError: it can't be read."""
    if not isinstance(status, str) or not status:
        raise ValueError(f"{status!r} is no status")
    return status in known


@dataclass(frozen=True)
class Event:
    """What a webhook says of itself, before anything is believed beyond its signature."""

    id: str
    type: str
    subject: str  # the object it speaks of: events of one subject are worked off in order
    happened_at: datetime
    unread: bool = False  # a kind that means nothing here: it is settled as it is kept


# --- facts ------------------------------------------------------------------------------------------------
# Each says how one thing stands, whole, and never what changed: the same facts in any order end in the same
# rows. Amounts are minor units, currencies ISO 4217 in capitals, times aware and UTC.


@dataclass(frozen=True, kw_only=True)
class Fact:
    provider: str
    customer_id: str = ""
    organization: str | None = None  # our public id, from what we gave along; else it is found by the customer
    happened_at: datetime
    event_id: str
    asked_at: datetime | None = None  # by our clock, just before the provider was asked; None: only an event says so


@dataclass(frozen=True, kw_only=True)
class SubscriptionChanged(Fact):
    id: str
    price_id: str
    status: str  # one of Subscription.status
    quantity: int = 1
    started_at: datetime | None = None
    period_start_at: datetime | None = None
    period_end_at: datetime | None = None
    trial_ends_at: datetime | None = None  # also when it is over
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None  # when it will end, if it will
    ended_at: datetime | None = None
    unpaid_since_at: datetime | None = None  # when the newest invoice fell due, while it is open and wants paying
    first_unpaid: bool = False  # that open invoice is the very first: nothing was ever paid
    unpaid_url: str | None = None
    collection_paused: bool = False
    resumes_at: datetime | None = None
    pending_price_id: str | None = None  # a change that waits for its payment
    purchaser: str | None = None  # the public id of the user who bought, from what we gave along


@dataclass(frozen=True, kw_only=True)
class PaymentReceived(Fact):
    """Money came, or nothing was due: an invoice's `paid` is trusted, not a charge."""

    id: str  # the invoice's, or where there is none the payment's: the key of what it causes
    subscription_id: str | None = None
    price_id: str | None = None  # of the period it pays for, or of what was bought once
    reason: str = "other"  # create and cycle begin a period; update, once, other
    amount: int = 0
    currency: str = ""
    period_start_at: datetime | None = None
    period_end_at: datetime | None = None
    paid_at: datetime | None = None
    url: str | None = None
    purchaser: str | None = None
    tier: str = "personal"
    checkout_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(Fact):
    id: str
    subscription_id: str | None = None
    price_id: str | None = None
    reason: str = "other"
    amount: int = 0
    currency: str = ""
    period_start_at: datetime | None = None
    period_end_at: datetime | None = None
    attempts: int = 1
    next_attempt_at: datetime | None = None
    action_required: bool = False  # the bank wants its customer to confirm (3-D Secure)
    checkout_id: str | None = None
    void: bool = False  # it isn't wanted any more
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class PaymentRefunded(Fact):
    """How much of a payment is refunded in all; less than before when a refund failed or was taken back."""

    payment_id: str
    amount_refunded: int


@dataclass(frozen=True, kw_only=True)
class CustomerChanged(Fact):
    email: str = ""
    deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class DisputeOpened(Fact):
    payment_id: str
    id: str


@dataclass(frozen=True, kw_only=True)
class DisputeClosed(Fact):
    payment_id: str
    id: str
    won: bool
    fraud: bool = False  # the provider itself took the payment for a fraud, and no bank asked


@dataclass(frozen=True, kw_only=True)
class StatusUnknown(Fact):
    """A known thing has a status that we have no word for: nothing follows from it, but admins hear of it."""

    thing: str  # order, subscription, …
    id: str
    status: str


@dataclass(frozen=True, kw_only=True)
class CheckoutClosed(Fact):
    """A checkout came to its end; what was bought is said by other facts."""

    id: str
    completed: bool


@dataclass(frozen=True)
class Occasion:
    """Why we look: an event, or (without an id) our own asking, which has a name of its own each time."""

    provider: str
    happened_at: datetime
    event_id: str = ""
    kind: str = ""

    def of(self, customer_id, organization, asked_at):
        """The fields that every fact has."""
        return {
            "provider": self.provider,
            "customer_id": customer_id or "",
            "organization": organization,
            "happened_at": self.happened_at,
            "event_id": self.event_id or f"asked:{secrets.token_hex(8)}",
            "asked_at": asked_at,
        }


# --- what we ask ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """A checkout that was opened: the browser goes to `url`."""

    id: str
    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Proration:
    """What a change would cost: `due_now` may be negative (a credit). `token` makes the charge be what was shown."""

    due_now: int
    currency: str
    lines: tuple[tuple[str, int], ...]  # (what, amount)
    next_amount: int | None
    next_at: datetime | None
    token: str = ""


@dataclass(frozen=True)
class Missed:
    """An event the provider couldn't deliver, with the body it would have posted."""

    event: Event
    body: bytes


class Provider(Protocol):
    """The functions of a provider's module. All but `verify` and `facts` ask it over the network and refuse
    with ProviderFailed; each that writes takes an idempotency key made of stable ids."""

    NAME: str  # in our rows
    CHANNEL: str  # in the inbox
    PATH: str  # /webhooks/<PATH>
    LABEL: str  # for people
    CAN: frozenset[str]  # of pause, preview, quantity, missed, trial

    def verify(self, body: bytes, headers) -> Event: ...
    def facts(self, body: bytes) -> list[Fact]: ...
    def refetch(self, subscription_id: str) -> list[Fact]: ...
    def list_active(self) -> Iterator[list[Fact]]: ...
    def list_since(self, since: datetime) -> Iterator[list[Fact]]: ...
    def missed(self, since: datetime) -> Iterator[Missed]: ...
    def payment(self, payment_id: str) -> list[Fact]: ...
    def confirm(self, checkout_id: str) -> list[Fact]: ...
    def buyer(self, customer_id: str) -> list[Fact]: ...
    def create_customer(self, organization, email: str, key: str) -> str: ...
    def checkout(self, customer_id: str, organization, order, return_url: str, cancel_url: str, key: str) -> Opened: ...
    def expire_checkout(self, checkout_id: str, key: str) -> None: ...
    def portal(self, customer_id: str, return_url: str, key: str) -> str: ...
    def preview(self, subscription_id: str, price_id: str, quantity: int) -> Proration | None: ...
    def change(self, subscription_id: str, price_id: str, quantity: int, key: str, token: str = "") -> None: ...
    def set_cancel_at_period_end(self, subscription_id: str, cancel: bool, key: str) -> None: ...
    def pause(self, subscription_id: str, resumes_at: datetime | None, key: str) -> None: ...
    def unpause(self, subscription_id: str, key: str) -> None: ...
    def end(self, subscription_id: str, key: str) -> None: ...
    def refund(self, payment_id: str, amount: int | None, key: str) -> None: ...
    def products(self) -> Iterator[list[dict]]: ...
    def all_prices(self) -> Iterator[list[dict]]: ...


PARTS = ("wire", "reading", "asking", "selling")


def gathered(package):
    """Name → what the parts of an adapter's package define of a Provider: the package is one of itself."""
    wanted = {*Provider.__annotations__, *(name for name in vars(Provider) if not name.startswith("_"))}
    found = {}
    for part in PARTS:
        module = importlib.import_module(f"{package}.{part}")
        for name in wanted & vars(module).keys():
            if getattr(vars(module)[name], "__module__", module.__name__) == module.__name__:  # not what it imports
                found[name] = vars(module)[name]
    return found


@dataclass(frozen=True)
class Order:
    """What a checkout is for."""

    public_id: str  # our Checkout's
    plan_key: str
    price_id: str
    once: bool  # bought once, for good; else a subscription
    quantity: int = 1
    trial_days: int = 0
    purchaser: str = ""  # the user's public id
    email: str = ""


@dataclass(frozen=True)
class Account:
    """Our account at the provider: its credentials, what it sells for us, and how it is reached."""

    key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    prices: dict[str, str]  # plan key → price, product or variant id
    live: bool
    store: str = ""
    transport: Any = None  # None: the network. Stripe: a stripe.HTTPClient; others: a requests adapter


def given_along(organization, order):
    """What a checkout takes along, so that events of what was bought there say whose it is."""
    ours = {
        "organization": organization.public_id,
        "plan": order.plan_key,
        "user": order.purchaser,
        "checkout": order.public_id,
    }
    return {name: str(value) for name, value in ours.items() if value}


# --- what is sold: one shape for the catalog ---------------------------------------------------------------


def product(thing, description, images, active=True):
    """A product as `products` tells it; `thing` has its id, name and metadata."""
    return {
        "id": str(thing["id"]),
        "name": str(thing["name"]),
        "description": description,
        "images": [str(image) for image in images],
        "active": active,
        "metadata": texts(thing),
    }


def price(id, product, amount, currency, interval="", count=1, **more):
    """A price as `all_prices` tells it: minor units, None where they depend on the quantity or the buyer; without
    an interval it is paid once."""
    return {
        "id": str(id),
        "product": str(product),
        "amount": amount,
        "currency": str(currency).upper(),
        "type": "recurring" if interval else "one_time",
        "interval": interval,
        "interval_count": int(count or 1),
        "active": True,
        "lookup_key": None,
        "nickname": None,
        "metadata": {},
    } | more


def texts(thing):
    """A thing's metadata, as texts."""
    return {str(name): str(value) for name, value in (thing.get("metadata") or {}).items()}
