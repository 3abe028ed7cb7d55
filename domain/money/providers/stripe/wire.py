"""Stripe's signatures, events and calls; and its shapes: ids, moments, amounts."""

import functools
import json
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import stripe

from domain.money import providers
from domain.money.providers import http
from domain.money.providers.provider import BadSignature, Event, Gone, ProviderFailed, readable

NAME, CHANNEL, PATH, LABEL = "stripe", "billing_stripe", "stripe", "Stripe"
TOLERANCE = 300  # seconds by which a signature's time may be off, in either direction
TIMEOUT = 20  # seconds; the library's own is 80
# ISO 4217 has no cents for these, but Stripe still wants and gives two: https://docs.stripe.com/currencies
STRIPES_CENTS = ("isk", "ugx")
EXPAND = {
    "subscription": ["latest_invoice"],
    "invoice": ["payments.data.payment.payment_intent"],
    "checkout.session": ["customer", "line_items", "payment_intent.latest_charge"],
    "charge": ["refunds"],
    "payment_intent": ["latest_charge.refunds"],
}
FAMILIES = {  # the kinds of events that mean something here
    "customer.subscription": (
        "created updated deleted paused resumed trial_will_end pending_update_applied pending_update_expired"
    ),
    "invoice": "paid payment_succeeded payment_failed payment_action_required voided marked_uncollectible",
    "checkout.session": "completed async_payment_succeeded async_payment_failed expired",
    "payment_intent": "succeeded payment_failed canceled",
    "charge": "refunded",
    "charge.refund": "updated",
    "refund": "created updated failed",
    "charge.dispute": "created updated closed funds_withdrawn funds_reinstated",
    "customer": "created updated deleted",
}
KINDS = frozenset(f"{family}.{verb}" for family, verbs in FAMILIES.items() for verb in verbs.split())


# --- calls ------------------------------------------------------------------------------------------------


@functools.lru_cache(8)
def _client(key, transport):
    return stripe.StripeClient(
        key, http_client=transport or stripe.RequestsClient(timeout=TIMEOUT), max_network_retries=2
    )


def client():
    """Stripe's own client for our account; what it raises is StripeError."""
    return _ours().v1


def client_of(account):
    """The same for another account: anything with a key and a transport."""
    return _client(account.key, account.transport).v1


def _ours():
    account = providers.account()
    return _client(account.key, account.transport)


# Stripe understood and did nothing (docs.stripe.com/error-handling).
REFUSALS = (
    stripe.InvalidRequestError,
    stripe.AuthenticationError,
    stripe.PermissionError,
    stripe.RateLimitError,
    stripe.CardError,
    stripe.IdempotencyError,
)


def called(function, *args, **kwargs):
    """What the library's function answers, as a dict. Refuses with ProviderFailed."""
    reads = getattr(function, "func", function).__name__.startswith(("retrieve", "list", "create_preview"))
    with _complaining(reads):
        return function(*args, **kwargs).to_dict()


@contextmanager
def _complaining(reads):
    """What the library raises, as ProviderFailed; `reads` is whether nothing was to change there."""
    try:
        with readable(LABEL):
            yield
    except stripe.StripeError as error:
        refused = isinstance(error, REFUSALS)
        sentence = f"Stripe: {error.user_message or type(error).__name__}"
        about_key = isinstance(error, stripe.AuthenticationError | stripe.PermissionError)
        raise ProviderFailed(sentence, asked=not (reads or refused), refuses_key=about_key) from error
    except ProviderFailed as failed:
        failed.asked = not reads
        raise


def refused_as(failed):
    """Stripe's code where it understood and said no ("gone" for a 404), else None."""
    error = failed.__cause__
    if not isinstance(error, stripe.InvalidRequestError):
        return None
    return "gone" if error.http_status == 404 else error.code or "invalid"


def fetch(kind, id):
    """(the object as Stripe has it now, when we asked); (None, None) where it is gone."""
    found, asked_at = http.anew(_retrieved, kind, id)
    return (None, None) if found is None or (kind != "customer" and found.get("deleted")) else (found, asked_at)


def _retrieved(kind, id):
    """An object as it came: the library's classes of it cost five times the asking (`events_worked_asking`).

    Refuses with Gone where Stripe doesn't know it, and with ProviderFailed.
    """
    try:
        with _complaining(reads=True):
            path = f"/v1/{kind.replace('.', '/')}s/{quote(id, safe='')}"
            found = _ours().raw_request("get", path, expand=EXPAND.get(kind, [])).data
            if not isinstance(found, dict):
                raise ProviderFailed(f"{LABEL}: the answer can't be read.")
            return found
    except ProviderFailed as failed:
        if refused_as(failed) == "gone":
            raise Gone(str(failed), asked=False) from failed
        raise


def pages(function, params):
    """(the things on a page of a list, when it was asked for), newest first."""

    def ask(after):
        return called(function, {"limit": http.PAGE} | params | ({"starting_after": after} if after else {}))

    def step(page, _):
        things = list(page["data"])
        return things, things[-1]["id"] if page["has_more"] and things else None

    return http.pages(LABEL, ask, step, "")


def expanded(kind):
    """EXPAND for a list."""
    return {"expand": [f"data.{field}" for field in EXPAND[kind]]}


def first(function, params):
    """The first thing of a list, or None."""
    with readable(LABEL, "a list"):
        return next(iter(called(function, {"limit": 1} | params)["data"]), None)


# --- shapes -----------------------------------------------------------------------------------------------


def id_in(thing):
    """The id of what may be expanded: an object, its id, or nothing."""
    id = thing["id"] if isinstance(thing, dict) else thing
    if id is not None and not isinstance(id, str):
        raise TypeError(f"{id!r} is no id")
    return id


def id_of(thing):
    """The id of what has to be there."""
    id = id_in(thing)
    if not id:
        raise ValueError("an id is missing")
    return id


def moment(seconds):
    """A time of Stripe's; None for none."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def minor(amount, currency):
    """Stripe's amount in the currency's own minor units."""
    if len(currency) != 3:
        raise ValueError(f"{currency!r} is no currency")
    return int(amount) // 100 if currency.lower() in STRIPES_CENTS else int(amount)


def price_id(item):
    """The price of a subscription's item, an invoice's line or a checkout's, where older versions say plan."""
    pricing = (item.get("pricing") or {}).get("price_details") or {}
    return id_of(item.get("price") or pricing.get("price") or item.get("plan"))


def sold_item(subscription):
    """The item of a subscription that is ours to sell; another may stand beside it."""
    items, ours = subscription["items"]["data"], providers.account().prices.values()
    return next((item for item in items if price_id(item) in ours), items[0])


def period_of(subscription, item):
    """(start, end) of a subscription's present period, in seconds."""
    return tuple(item.get(name) or subscription.get(name) for name in ("current_period_start", "current_period_end"))


def payments_in(invoice, status="paid"):
    """The payments of an invoice that stand so, wherever the version has them."""
    payments = (invoice.get("payments") or {}).get("data") or []
    return [one for one in payments if status in (None, one.get("status"))]


def intents_in(invoice, status=None):
    """The payment intents (or their ids) of an invoice that are known from the invoice itself."""
    found = [(one.get("payment") or {}).get("payment_intent") for one in payments_in(invoice, status)]
    return [intent for intent in (*found, invoice.get("payment_intent")) if intent]


# --- events -----------------------------------------------------------------------------------------------


def verify(body, headers):
    """The Event in a webhook's raw body; any of the secrets may have signed it, within five minutes of now.

    Events of one subscription have one subject, else those of one customer. Refuses with BadSignature.
    """
    if not is_signed(body, headers, providers.account().webhook_secrets):
        raise BadSignature("The signature doesn't fit.")
    try:
        return event_of(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error


def is_signed(body, headers, secrets):
    """Whether one of the secrets signed a body, within five minutes of now."""
    signature = headers.get("Stripe-Signature") or ""
    return any(_fits(body, signature, secret) for secret in secrets)


def _fits(body, signature, secret):
    """Stripe's library refuses a time that is long past; one that is yet to come is refused here."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, tolerance=TOLERANCE)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):  # TypeError: not ascii
        return False
    at = re.findall(r"(?:^|,)t=(\d+)", signature)
    return all(int(seconds) <= time.time() + TOLERANCE for seconds in at)


def event_of(event):
    """The Event that a body which is believed tells of."""
    thing = event["data"]["object"]
    subject = subscription_of(thing) or id_in(thing.get("customer")) or thing.get("id") or ""
    names = (event["id"], event["type"], subject)
    if not all(isinstance(name, str) and name.isprintable() for name in names) or not event["id"]:
        raise ValueError(names)
    # One of the other mode or of another account is told apart when it is worked off.
    unread = event["type"] not in KINDS and bool(event.get("livemode")) is providers.account().live
    return Event(event["id"][:160], event["type"][:120], subject[:160], happened_at(event), unread)


def subscription_of(thing):
    """The id of the subscription that an object is or belongs to, or None."""
    if thing.get("object") == "subscription":
        return thing.get("id")
    parent = (thing.get("parent") or {}) if thing.get("object") == "invoice" else {}
    return id_in(thing.get("subscription") or (parent.get("subscription_details") or {}).get("subscription"))


def happened_at(event):
    """Stripe's clock counts whole seconds: within one, what is created comes first and what is deleted last."""
    later = {"created": 0, "deleted": 2}.get(event["type"].rpartition(".")[2], 1)
    return moment(int(event["created"])) + timedelta(microseconds=later)
