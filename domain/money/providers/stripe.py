"""Stripe: https://docs.stripe.com/webhooks, https://docs.stripe.com/api

An event is a reason to look, not the truth: its object is fetched anew and reported whole. Fields that moved in
the 2025 «basil» versions are read in both places: a subscription's period, an invoice's subscription and payments,
a line's price. The webhooks' version is whatever the endpoint was made with; what we fetch has the library's.
"""

import functools
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stripe

from database.clock import now
from domain.money import providers
from domain.money.providers.provider import (
    BadSignature,
    CannotDo,
    CheckoutClosed,
    CustomerChanged,
    DisputeClosed,
    DisputeOpened,
    Event,
    Fact,
    Missed,
    NotOurs,
    Opened,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    Proration,
    ProviderFailed,
    SubscriptionChanged,
)

NAME, CHANNEL, PATH, LABEL = "stripe", "billing_stripe", "stripe", "Stripe"
CAN = frozenset({"pause", "preview", "quantity", "missed", "trial"})
TOLERANCE = 300  # seconds
TIMEOUT = 20  # seconds; the library's own is 80
FRESH = 3600  # seconds a preview is good for
PAGE = 100  # Stripe's most
# ISO 4217 has no cents for these, but Stripe still wants and gives two: https://docs.stripe.com/currencies
STRIPES_CENTS = ("isk", "ugx")
STATES = {
    "invoice": ("draft", "open", "paid", "void", "uncollectible"),
    "checkout.session": ("open", "complete", "expired"),
    "mode": ("subscription", "payment", "setup"),
    "dispute": (
        "needs_response",
        "under_review",
        "won",
        "lost",
        "appeal_needs_response",
        "appeal_under_review",
        "prevented",
        "warning_needs_response",
        "warning_under_review",
        "warning_closed",
    ),
}
STATUSES = ("incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused")
OVER = ("incomplete_expired", "canceled")
REASONS = {"subscription_create": "create", "subscription_cycle": "cycle", "subscription_update": "update"}
PAID = ("paid", "no_payment_required")
EXPAND = {
    "subscription": ["latest_invoice"],
    "invoice": ["payments.data.payment.payment_intent"],
    "checkout.session": ["customer", "line_items", "payment_intent.latest_charge"],
    "charge": ["refunds"],
}


@functools.lru_cache(8)
def _client(key, transport):
    return stripe.StripeClient(
        key, http_client=transport or stripe.RequestsClient(timeout=TIMEOUT), max_network_retries=2
    )


def client():
    """Stripe's own client for our account; what it raises is StripeError."""
    account = providers.account()
    return _client(account.key, account.transport).v1


def _api(kind):
    api = client()
    return {
        "subscription": api.subscriptions,
        "invoice": api.invoices,
        "checkout.session": api.checkout.sessions,
        "customer": api.customers,
        "charge": api.charges,
        "refund": api.refunds,
        "dispute": api.disputes,
        "payment_intent": api.payment_intents,
    }[kind]


# Stripe understood and did nothing (docs.stripe.com/error-handling).
REFUSALS = (
    stripe.InvalidRequestError,
    stripe.AuthenticationError,
    stripe.PermissionError,
    stripe.RateLimitError,
    stripe.CardError,
    stripe.IdempotencyError,
)


def _called(function, *args, **kwargs):
    reads = getattr(function, "func", function).__name__.startswith(("retrieve", "list", "create_preview"))
    try:
        with _readable("the answer"):
            return function(*args, **kwargs).to_dict()
    except stripe.StripeError as error:
        refused = isinstance(error, REFUSALS)
        sentence = f"Stripe: {error.user_message or type(error).__name__}"
        raise ProviderFailed(sentence, asked=not (reads or refused)) from error
    except ProviderFailed as failed:
        failed.asked = not reads
        raise


def _refused_as(failed):
    """Stripe's code where it understood and said no ("gone" for a 404), else None."""
    error = failed.__cause__
    if not isinstance(error, stripe.InvalidRequestError):
        return None
    return "gone" if error.http_status == 404 else error.code or "invalid"


@contextmanager
def _readable(what):
    """What lacks a field or has another shape is refused whole: never half a fact."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, OSError, RecursionError) as error:
        raise ProviderFailed(f"Stripe: {what} can't be read ({type(error).__name__}: {error})") from error


def _fetch(kind, id):
    """(the object as Stripe has it now, when we asked); (None, None) where it is gone, or we have no key to ask."""
    if not providers.account().key:
        return None, None
    asked_at = now()
    try:
        found = _called(_api(kind).retrieve, id, {"expand": EXPAND[kind]} if kind in EXPAND else {})
    except ProviderFailed as failed:
        if _refused_as(failed) == "gone":
            return None, None
        raise
    return (found, asked_at) if kind == "customer" or not found.get("deleted") else (None, None)


def _read(function, params, read, what):
    """A list of Stripe's, a page at a time, newest first; each read with the moment just before it was asked for."""
    params = {"limit": PAGE} | params
    while True:
        asked_at = now()
        page = _called(function, params)
        with _readable(f"the list of {what}"):
            things, more = list(page["data"]), bool(page["has_more"])
            found, last = read(things, asked_at), things[-1]["id"] if things else None
        yield found
        if not more or not things:
            return
        params = params | {"starting_after": last}


def _as_they_are(page, _asked_at):
    return page


def _expanded(kind):
    """EXPAND for a list."""
    return {"expand": [f"data.{field}" for field in EXPAND[kind]]}


def _first(function, params):
    with _readable("a list"):
        return next(iter(_called(function, {"limit": 1} | params)["data"]), None)


def _id(thing):
    """The id of what may be expanded: an object, its id, or nothing."""
    id = thing["id"] if isinstance(thing, dict) else thing
    if id is not None and not isinstance(id, str):
        raise TypeError(f"{id!r} is no id")
    return id


def _key(thing):
    """The id of what has to be there."""
    id = _id(thing)
    if not id:
        raise ValueError("an id is missing")
    return id


def _one_of(value, known):
    if value not in known:
        raise ValueError(f"{value!r} isn't known")
    return value


def _moment(seconds):
    return datetime.fromtimestamp(int(seconds), UTC)


def _at(seconds):
    return None if seconds is None else _moment(seconds)


def _minor(amount, currency):
    """Stripe's amount in the currency's own minor units."""
    if len(currency) != 3:
        raise ValueError(f"{currency!r} is no currency")
    return int(amount) // 100 if currency.lower() in STRIPES_CENTS else int(amount)


# --- what it tells us: signatures ---------------------------------------------------------------------------


def verify(body, headers):
    """The Event in a webhook's raw body; any of the secrets may have signed it, within five minutes of now.

    Events of one subscription have one subject, else those of one customer. Refuses with BadSignature.
    """
    for secret in providers.account().webhook_secrets:
        try:
            stripe.WebhookSignature.verify_header(body, headers.get("Stripe-Signature"), secret, tolerance=TOLERANCE)
            break
        except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):  # TypeError: not ascii
            continue
    else:
        raise BadSignature("The signature doesn't fit.")
    try:
        return _event(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error


def _event(event):
    thing = event["data"]["object"]
    subject = _subscription_of(thing) or _id(thing.get("customer")) or thing.get("id") or ""
    names = (event["id"], event["type"], subject)
    if not all(isinstance(name, str) and name.isprintable() for name in names) or not event["id"]:
        raise ValueError(names)
    # One of the other mode is told apart when it is worked off.
    unread = event["type"] not in READERS and bool(event.get("livemode")) is providers.account().live
    return Event(event["id"][:160], event["type"][:120], subject[:160], _happened_at(event), unread)


def _subscription_of(thing):
    if thing.get("object") == "subscription":
        return thing.get("id")
    parent = (thing.get("parent") or {}) if thing.get("object") == "invoice" else {}
    return _id(thing.get("subscription") or (parent.get("subscription_details") or {}).get("subscription"))


def _happened_at(event):
    """Stripe's clock counts whole seconds: within one, what is created comes first and what is deleted last."""
    later = {"created": 0, "deleted": 2}.get(event["type"].rpartition(".")[2], 1)
    return _moment(event["created"]) + timedelta(microseconds=later)


# --- what it tells us: facts --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Occasion:
    """Why we look: an event, or (without an id) our own asking."""

    happened_at: datetime
    event_id: str = ""
    kind: str = ""

    def of(self, customer, organization, asked_at):
        """The fields that all facts have."""
        return {
            "provider": NAME,
            "customer_id": _id(customer) or "",
            "organization": organization,
            "happened_at": self.happened_at,
            "event_id": self.event_id or f"asked:{secrets.token_hex(8)}",  # what is told of it is told once for each id
            "asked_at": asked_at,
        }


def facts(body):
    """What a stored event means: the objects it speaks of, fetched anew. Empty for kinds that don't concern us.

    An object that is gone, or can't be asked for without a key, is as the event says. Refuses with NotOurs
    where the event's mode isn't the account's, and with ProviderFailed.
    """
    with _readable("this event"):
        event = json.loads(body)
        if bool(event.get("livemode")) is not providers.account().live:
            raise NotOurs(
                "It is about real money." if event.get("livemode") else "It is a test, and here money is real."
            )
        reader = READERS.get(event["type"])
        if not reader:
            return []
        occasion = Occasion(_happened_at(event), event["id"], event["type"])
        return reader(event["data"]["object"], occasion)


def _about_subscription(thing, occasion):
    found, asked_at = _fetch("subscription", thing["id"])
    return [_subscription(found or thing, asked_at, occasion)]


def _subscription(thing, asked_at, occasion):
    item = _sold(thing)
    status, cancel_at = _one_of(thing["status"], STATUSES), thing.get("cancel_at")
    starts = item.get("current_period_start") or thing.get("current_period_start")
    ends = item.get("current_period_end") or thing.get("current_period_end")
    at_period_end, pause = bool(thing.get("cancel_at_period_end")), thing.get("pause_collection") or {}
    pending = (thing.get("pending_update") or {}).get("subscription_items") or []
    open_invoice = _open_invoice(thing, asked_at)
    optional = bool(pending) and (open_invoice or {}).get("billing_reason") == "subscription_update"
    metadata = thing.get("metadata") or {}
    return SubscriptionChanged(
        **occasion.of(_key(thing["customer"]), metadata.get("organization"), asked_at),
        id=_key(thing),
        price_id=_price_id(item),
        status=status,
        quantity=int(item.get("quantity") or 1),  # of what is metered there is none
        started_at=_at(thing.get("start_date") or thing.get("created")),
        period_start_at=_at(starts),
        period_end_at=_at(ends),
        trial_ends_at=_at(thing.get("trial_end")),
        cancel_at_period_end=at_period_end or bool(cancel_at),
        cancel_at=_at(cancel_at or (ends if at_period_end else None)),
        ended_at=_at(thing.get("ended_at")),
        # A change that waits for its payment may lapse: what is in force is paid, and nothing falls due.
        unpaid_since_at=_fell_due(open_invoice) if open_invoice and not optional else None,
        first_unpaid=bool(open_invoice) and open_invoice.get("billing_reason") == "subscription_create",
        unpaid_url=open_invoice.get("hosted_invoice_url") if open_invoice else None,
        collection_paused=bool(pause),
        resumes_at=_at(pause.get("resumes_at")),
        pending_price_id=_price_id(pending[0]) if pending else None,
        purchaser=metadata.get("user"),
    )


def _sold(subscription):
    """The item of a subscription that is ours to sell; another may stand beside it."""
    items, ours = subscription["items"]["data"], providers.account().prices.values()
    return next((item for item in items if _price_id(item) in ours), items[0])


def _price_id(item):
    """The price of a subscription's item, an invoice's line or a checkout's, where older versions say plan."""
    pricing = (item.get("pricing") or {}).get("price_details") or {}
    return _key(item.get("price") or pricing.get("price") or item.get("plan"))


def _open_invoice(thing, asked_at):
    """The newest invoice of a subscription that wants paying, or None."""
    newest = thing.get("latest_invoice")
    if isinstance(newest, dict) and newest.get("status") == "open":
        return newest if newest.get("amount_remaining", newest.get("amount_due")) else None
    if asked_at and thing["status"] in ("past_due", "unpaid"):  # the newest may be a draft for an hour, or for good
        return _first(client().invoices.list, {"subscription": thing["id"], "status": "open"})
    return None


def _fell_due(invoice):
    finalized = (invoice.get("status_transitions") or {}).get("finalized_at")
    return _moment(invoice.get("due_date") or finalized or invoice["created"])


def _about_invoice(thing, occasion):
    found, asked_at = _fetch("invoice", thing["id"])
    invoice = found or thing
    subscription_id = _subscription_of(invoice)
    subscription, then = _fetch("subscription", subscription_id) if subscription_id else (None, None)
    changed = [_subscription(subscription, then, occasion)] if subscription else []
    return changed + _invoice(invoice, asked_at, occasion, subscription)


def _invoice(thing, asked_at, occasion, subscription=None) -> list[Fact]:
    """How an invoice stands: paid, or failed, or not wanted; nothing while it is a draft or nobody tried."""
    status, attempts = _one_of(thing["status"], STATES["invoice"]), int(thing.get("attempt_count") or 0)
    told = occasion.kind in ("invoice.payment_failed", "invoice.payment_action_required")
    if status not in ("paid", "void", "uncollectible") and not (status == "open" and (attempts or told)):
        return []
    line, renews = _line(thing)
    details = (thing.get("parent") or {}).get("subscription_details") or thing.get("subscription_details") or {}
    metadata = (subscription or {}).get("metadata") or details.get("metadata") or thing.get("metadata") or {}
    reason = REASONS.get(thing.get("billing_reason") or "", "other")
    said = {
        **occasion.of(_key(thing["customer"]), metadata.get("organization"), asked_at),
        "id": _key(thing),
        "subscription_id": _subscription_of(thing),
        "price_id": _price_id(line) if line else None,
        "reason": "update" if line and not renews and reason != "other" else reason,
        "currency": thing["currency"].upper(),
        "period_start_at": _at(line["period"]["start"]) if renews else None,  # a proration begins no period
        "period_end_at": _at(line["period"]["end"]) if renews else None,
        "url": thing.get("hosted_invoice_url"),
    }
    if status == "paid":
        return [
            PaymentReceived(
                **said,
                amount=_minor(thing["amount_paid"], thing["currency"]),
                paid_at=_at((thing.get("status_transitions") or {}).get("paid_at") or thing["created"]),
                purchaser=metadata.get("user"),
                tier=_tier(line, subscription),
            )
        ]
    intents = {intent.get("status") for intent in _intents(thing) if isinstance(intent, dict)}
    if status == "open" and "processing" in intents:  # a bank debit is on its way: nothing is known yet
        return []
    asks = occasion.kind == "invoice.payment_action_required" or "requires_action" in intents
    return [
        PaymentFailed(
            **said,
            amount=_minor(thing["amount_due"], thing["currency"]),
            attempts=max(attempts, 1),
            next_attempt_at=_at(thing.get("next_payment_attempt")),
            action_required=asks and status == "open",
            void=status != "open",
        )
    ]


def _line(invoice):
    """(the line that says what is paid for, whether it is a subscription's period and no proration)."""
    lines = invoice["lines"]["data"]
    if invoice["lines"].get("has_more") and providers.account().key:
        pages = _read(functools.partial(client().invoices.line_items.list, invoice["id"]), {}, _as_they_are, "lines")
        lines = [line for page in pages for line in page]
    periods = [line for line in lines if _is_subscriptions(line) and not _is_proration(line)]
    if periods:
        return max(periods, key=lambda line: line["period"]["end"]), True
    changes = [line for line in lines if _is_proration(line) and line["amount"] >= 0]
    return (changes[-1] if changes else None), False


def _is_subscriptions(line):
    kind = (line.get("parent") or {}).get("type") or line.get("type")
    return kind in ("subscription_item_details", "subscription")


def _is_proration(line):
    parent = line.get("parent") or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    return bool(line.get("proration") or details.get("proration"))


def _tier(line, subscription=None):
    """A licence's tier, written into the price: https://docs.stripe.com/api/metadata"""
    items = ((subscription or {}).get("items") or {}).get("data") or []
    known = [item.get("price") for item in (line or {}, *items)]
    wanted = _price_id(line) if line else None
    tiers = [
        (price.get("metadata") or {}).get("tier")
        for price in known
        if isinstance(price, dict) and price["id"] == wanted
    ]
    return next((tier for tier in tiers if tier in ("personal", "commercial")), "personal")


def _intents(invoice, status=None):
    """The payment intents (or their ids) of an invoice that are known from the invoice itself."""
    payments = (invoice.get("payments") or {}).get("data") or []
    payments = [payment for payment in payments if status in (None, payment.get("status"))]
    found = [(payment.get("payment") or {}).get("payment_intent") for payment in payments]
    return [intent for intent in (*found, invoice.get("payment_intent")) if intent]


def _about_checkout(thing, occasion):
    found, asked_at = _fetch("checkout.session", thing["id"])
    return _checkout(found or thing, asked_at, occasion)


def _checkout(thing, asked_at, occasion) -> list[Fact]:
    """What a checkout session came to: its customer, its subscription and first invoice, or what was bought once."""
    metadata, kind = thing.get("metadata") or {}, _one_of(thing["mode"], STATES["mode"])
    status = _one_of(thing["status"], STATES["checkout.session"])
    organization, customer = metadata.get("organization"), thing.get("customer")
    said: list[Fact] = []
    if isinstance(customer, dict):
        said += [_customer(customer, asked_at, occasion, organization)]
    elif customer:
        email = (thing.get("customer_details") or {}).get("email") or thing.get("customer_email") or ""
        said += [CustomerChanged(**occasion.of(customer, organization, asked_at), email=email)]
    if thing.get("subscription"):
        subscription, then = _fetch("subscription", _id(thing["subscription"]))
        if subscription:
            said += [_subscription(subscription, then, occasion)]
            newest = subscription.get("latest_invoice")
            if isinstance(newest, dict) and newest["id"] == _id(thing.get("invoice")) and newest["status"] == "paid":
                said += _invoice(newest, then, occasion, subscription)
    if kind == "payment" and status == "complete":
        said += _purchase(thing, asked_at, occasion)
    if status in ("complete", "expired"):
        said += [
            CheckoutClosed(
                **occasion.of(customer, organization, asked_at), id=_key(thing), completed=status == "complete"
            )
        ]
    return said


def _purchase(thing, asked_at, occasion) -> list[Fact]:
    """What was bought once. A slow payment is none until it has come."""
    metadata, currency = thing.get("metadata") or {}, thing["currency"]
    lines = (thing.get("line_items") or {}).get("data") or []
    line, intent = lines[0] if lines else None, thing.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    charge = charge if isinstance(charge, dict) else {}
    said = {
        **occasion.of(thing.get("customer"), metadata.get("organization"), asked_at),
        "id": _id(thing.get("invoice")) or _id(thing.get("payment_intent")) or _key(thing),
        "price_id": _price_id(line) if line else providers.account().prices.get(metadata.get("plan")),
        "reason": "once",
        "amount": _minor(thing["amount_total"], currency),
        "currency": currency.upper(),
        "url": charge.get("receipt_url"),
    }
    if thing["payment_status"] in PAID:
        said |= {"paid_at": _moment(charge.get("created") or thing["created"]), "tier": _tier(line)}
        return [PaymentReceived(**said, purchaser=metadata.get("user"), checkout_id=thing["id"])]
    return [PaymentFailed(**said)] if occasion.kind == "checkout.session.async_payment_failed" else []


def _about_intent(thing, occasion):
    """The purchase an intent paid for. An invoice's intent has no checkout of its own: the invoice tells of it."""
    if thing.get("invoice"):
        return []
    session, asked_at = _session_of(thing["id"])
    if session:
        return _checkout(session, asked_at, occasion)
    metadata = thing.get("metadata") or {}
    if providers.account().key or not metadata.get("checkout") or thing.get("status") != "succeeded":
        return []
    return [
        PaymentReceived(
            **occasion.of(thing.get("customer"), metadata.get("organization"), None),
            id=_key(thing),
            price_id=providers.account().prices.get(metadata.get("plan")),
            reason="once",
            amount=_minor(thing["amount_received"], thing["currency"]),
            currency=thing["currency"].upper(),
            paid_at=_moment(thing["created"]),
            purchaser=metadata.get("user"),
        )
    ]


def _session_of(intent_id):
    if not providers.account().key:
        return None, None
    asked_at = now()
    params = {"payment_intent": intent_id} | _expanded("checkout.session")
    return _first(client().checkout.sessions.list, params), asked_at


def _payment_of(charge, occasion):
    """(the payment's id, its customer, what is known of it) for a charge or a dispute; no id where it isn't ours."""
    intent_id, invoice_id = _id(charge.get("payment_intent")), _id(charge.get("invoice"))
    if not providers.account().key:
        ours = (charge.get("metadata") or {}).get("checkout") and intent_id  # an intent's metadata is its charge's too
        if not (invoice_id or ours):
            raise ProviderFailed("Stripe: without a key it can't be asked what this charge paid for.")
        return invoice_id or intent_id, charge.get("customer"), []
    if not invoice_id and intent_id:
        paid = {"payment": {"type": "payment_intent", "payment_intent": intent_id}}
        invoice_id = _id((_first(client().invoice_payments.list, paid) or {}).get("invoice"))
    if invoice_id:
        known = _about_invoice({"id": invoice_id}, occasion)
        return (invoice_id, known[-1].customer_id, known) if known else (None, None, [])
    session, asked_at = _session_of(intent_id) if intent_id else (None, None)
    if not session or session["mode"] != "payment":
        return None, None, []
    bought = _purchase(session, asked_at, occasion)
    return _id(session.get("invoice")) or intent_id, session.get("customer"), bought


def _about_charge(thing, occasion):
    found, asked_at = _fetch("charge", thing["id"])
    return _refunded(found or thing, asked_at, occasion)


def _about_refund(thing, occasion):
    if not _id(thing.get("charge")):
        return []  # of a balance, or another account's payment: not of what we sold
    charge, asked_at = _fetch("charge", _id(thing["charge"]))
    if charge:
        return _refunded(charge, asked_at, occasion)
    raise ProviderFailed("Stripe: the charge of this refund can't be asked for, so its total isn't known.")


def _refunded(charge, asked_at, occasion) -> list[Fact]:
    payment_id, customer, known = _payment_of(charge, occasion)
    if not payment_id:
        return []
    total, refunds = charge["amount_refunded"], charge.get("refunds") or {}
    if "data" in refunds and not refunds.get("has_more"):
        total = sum(refund["amount"] for refund in refunds["data"] if refund["status"] not in ("failed", "canceled"))
    organization = known[-1].organization if known else (charge.get("metadata") or {}).get("organization")
    said = occasion.of(customer, organization, asked_at)
    back = PaymentRefunded(**said, payment_id=payment_id, amount_refunded=_minor(total, charge["currency"]))
    return [*known, back]


def _about_dispute(thing, occasion):
    found, asked_at = _fetch("dispute", thing["id"])
    return _dispute(found or thing, asked_at, occasion)


def _dispute(thing, asked_at, occasion) -> list[Fact]:
    """A bank took the money back, or gave it back. An inquiry (warning_…) hasn't, and one prevented never will."""
    status = _one_of(thing["status"], STATES["dispute"])
    if status.startswith("warning_") or status == "prevented":
        return []
    charge = thing if thing.get("payment_intent") else _fetch("charge", _id(thing["charge"]))[0] or thing
    payment_id, customer, known = _payment_of(charge, occasion)
    if not payment_id:
        return []
    said = occasion.of(customer, known[-1].organization if known else None, asked_at)
    said |= {"payment_id": payment_id, "id": _key(thing)}
    closed = status in ("won", "lost")
    return [*known, DisputeClosed(**said, won=status == "won") if closed else DisputeOpened(**said)]


def _about_customer(thing, occasion):
    found, asked_at = _fetch("customer", thing["id"])
    if found is None and (providers.account().key or occasion.kind == "customer.deleted"):
        return [_customer(thing | {"deleted": True}, asked_at, occasion)]
    return [_customer(found or thing, asked_at, occasion)]


def _customer(thing, asked_at, occasion, organization=None):
    organization = organization or (thing.get("metadata") or {}).get("organization")
    said = occasion.of(_key(thing), organization, asked_at)
    return CustomerChanged(**said, email=thing.get("email") or "", deleted=bool(thing.get("deleted")))


def _kinds(family, verbs, reader):
    return {f"{family}.{verb}": reader for verb in verbs.split()}


READERS = {
    **_kinds(
        "customer.subscription",
        "created updated deleted paused resumed trial_will_end pending_update_applied pending_update_expired",
        _about_subscription,
    ),
    **_kinds(
        "invoice",
        "paid payment_succeeded payment_failed payment_action_required voided marked_uncollectible",
        _about_invoice,
    ),
    **_kinds("checkout.session", "completed async_payment_succeeded async_payment_failed expired", _about_checkout),
    **_kinds("payment_intent", "succeeded", _about_intent),
    **_kinds("charge", "refunded", _about_charge),
    **_kinds("charge.refund", "updated", _about_refund),
    **_kinds("refund", "created updated failed", _about_refund),
    **_kinds("charge.dispute", "created updated closed funds_withdrawn funds_reinstated", _about_dispute),
    **_kinds("customer", "created updated deleted", _about_customer),
}


# --- what we look up ----------------------------------------------------------------------------------------


def refetch(subscription_id):
    """How a subscription stands now; empty where Stripe doesn't know it. Refuses with ProviderFailed."""
    occasion = Occasion(now())
    with _readable("this subscription"):
        found, asked_at = _fetch("subscription", subscription_id)
        return [_subscription(found, asked_at, occasion)] if found else []


def list_active() -> Iterator[list[Fact]]:
    """All subscriptions that aren't over, a page at a time. Refuses with ProviderFailed."""
    occasion = Occasion(now())

    def read(page, asked_at):
        return [_subscription(thing, asked_at, occasion) for thing in page if thing["status"] not in OVER]

    return _read(client().subscriptions.list, {"status": "all"} | _expanded("subscription"), read, "subscriptions")


def list_since(since) -> Iterator[list[Fact]]:
    """What was paid, failed, refunded and disputed since then, a page at a time. Refuses with ProviderFailed."""
    occasion, api, seen = Occasion(now()), client(), set()

    def invoices(page, asked_at):
        return [fact for thing in page for fact in _listed_invoice(thing, asked_at, occasion)]

    def purchases(page, asked_at):
        once = [thing for thing in page if thing["mode"] == "payment" and thing["status"] == "complete"]
        return [fact for thing in once for fact in _checkout(thing, asked_at, occasion)]

    def refunds(page, _asked_at):
        charges = dict.fromkeys(_id(thing.get("charge")) for thing in page)
        new = [{"charge": charge} for charge in charges if charge not in seen]
        seen.update(charges)
        return [fact for thing in new for fact in _about_refund(thing, occasion)]

    def disputes(page, asked_at):
        return [fact for thing in page for fact in _dispute(thing, asked_at, occasion)]

    created = {"created": {"gte": int(since.timestamp())}}
    yield from _read(api.invoices.list, created, invoices, "invoices")
    yield from _read(api.checkout.sessions.list, created | _expanded("checkout.session"), purchases, "checkouts")
    yield from _read(api.refunds.list, created, refunds, "refunds")
    yield from _read(api.disputes.list, created, disputes, "disputes")


def _listed_invoice(thing, asked_at, occasion):
    if thing["status"] != "open":
        return _invoice(thing, asked_at, occasion)
    found, asked_at = _fetch("invoice", thing["id"])  # whether the bank wants a confirmation stands further inside
    return _invoice(found, asked_at, occasion) if found else []


def missed(since) -> Iterator[Missed]:
    """The events Stripe couldn't deliver since then, the oldest first; it keeps them for 30 days
    (docs.stripe.com/webhooks/process-undelivered-events). Refuses with ProviderFailed."""
    params = {"delivery_success": False, "created": {"gte": int(since.timestamp())}}
    events = [event for page in _read(client().events.list, params, _as_they_are, "events") for event in page]
    for event in reversed(events):
        with _readable("an event"):
            body = json.dumps(event, default=str).encode()  # the library makes Decimals of Stripe's decimal strings
            found = Missed(_event(event), body) if event["type"] in READERS else None
        if found:
            yield found


def confirm(checkout_id):
    """What a checkout came to, for the page people come back to: it may know before the webhook does.
    Empty while it is open, or unknown there. Refuses with ProviderFailed."""
    occasion = Occasion(now())
    with _readable("this checkout"):
        session, asked_at = _fetch("checkout.session", checkout_id)
        if not session or session["status"] == "open":
            return []
        return _checkout(session, asked_at, occasion)


# --- what we ask of it --------------------------------------------------------------------------------------


def create_customer(organization, email, key):
    """Make the organization's customer; the same key twice makes one. Returns its id."""
    params = {"email": email, "name": organization.name, "metadata": {"organization": organization.public_id}}
    return _said(_called(client().customers.create, params, {"idempotency_key": key}), "id")


def _said(thing, field):
    with _readable(f"the answer's {field}"):
        return thing[field]


def checkout(customer_id, organization, order, return_url, cancel_url, key):
    """Open a checkout for a subscription, or for what is bought once; Stripe closes it after 24 hours.

    A trial that ends without a card ends the subscription. Returns Opened; refuses with ProviderFailed.
    """
    ours = {
        "organization": organization.public_id,
        "plan": order.plan_key,
        "user": order.purchaser,
        "checkout": order.public_id,
    }
    ours = {name: value for name, value in ours.items() if value}
    params: dict = {
        "mode": "payment" if order.once else "subscription",
        "customer": customer_id,
        "line_items": [{"price": order.price_id, "quantity": order.quantity}],
        "success_url": return_url,
        "cancel_url": cancel_url,
        "client_reference_id": organization.public_id,
        "metadata": ours,
        "payment_intent_data" if order.once else "subscription_data": {"metadata": ours},
    }
    if order.trial_days > 0 and not order.once:
        params["subscription_data"] |= {
            "trial_period_days": order.trial_days,
            "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        }
    made = _called(client().checkout.sessions.create, params, {"idempotency_key": key})
    with _readable("the checkout"):
        if not made["url"]:
            raise ValueError("no url")
        return Opened(made["id"], made["url"], _at(made.get("expires_at")))


def expire_checkout(checkout_id, key):
    """Close an open checkout, so that nobody can pay it any more. One that is closed is as good; one that was
    completed refuses with ProviderFailed, since it may have been paid."""
    try:
        _called(client().checkout.sessions.expire, checkout_id, {}, {"idempotency_key": key})
    except ProviderFailed as failed:
        if not _refused_as(failed):
            raise
        session, _ = _fetch("checkout.session", checkout_id)
        if session and session.get("status") != "expired":
            raise


def portal(customer_id, return_url, key):
    """The address of Stripe's page where a customer manages cards and invoices; good for minutes."""
    params = {"customer": customer_id, "return_url": return_url}
    return _said(_called(client().billing_portal.sessions.create, params, {"idempotency_key": key}), "url")


def preview(subscription_id, price_id, quantity):
    """What a change would cost now. The token is the moment it was reckoned for: given to `change` it charges
    exactly this (docs.stripe.com/billing/subscriptions/prorations). Refuses with ProviderFailed."""
    standing = _standing(subscription_id)
    with _readable("the preview"):
        item, moment = _sold(standing), _moment_in(standing)
        ends = item.get("current_period_end") or standing.get("current_period_end")
        details = {
            "items": [{"id": item["id"], "price": price_id, "quantity": quantity}],
            "proration_behavior": "always_invoice",
            "proration_date": moment,
        }
        shown = _called(
            client().invoices.create_preview, {"subscription": subscription_id, "subscription_details": details}
        )
        price = _called(client().prices.retrieve, price_id)
        currency, lines = shown["currency"], shown["lines"]["data"]
        ending = standing.get("cancel_at_period_end") or standing.get("cancel_at")
        each = None if ending else price.get("unit_amount")
        last = max((line["period"]["end"] for line in lines), default=ends)
        return Proration(
            due_now=_minor(shown["amount_due"] if shown["total"] > 0 else shown["total"], currency),
            currency=currency.upper(),
            lines=tuple((str(line.get("description") or ""), _minor(line["amount"], currency)) for line in lines),
            next_amount=None if each is None else _minor(each, currency) * quantity,
            next_at=None if ending else _at(last),
            token=str(moment),
        )


def change(subscription_id, price_id, quantity, key, token=""):
    """Move a subscription to a price and quantity, charging the difference at once; where that isn't paid the
    change waits (docs.stripe.com/billing/subscriptions/pending-updates) and the plan stays. Refuses with CannotDo
    where the token is over an hour old, since another moment has another price; and with ProviderFailed, also
    where Stripe can't hold a change back: bank debits, invoices sent by mail."""
    item, moment = _item(subscription_id)
    params: dict = {
        "items": [{"id": item, "price": price_id, "quantity": quantity}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    if token:
        if not token.isdecimal() or not moment - FRESH <= int(token) <= moment:
            raise CannotDo("What this costs has changed since you looked. Please look again.", "PREVIEW_OLD")
        params["proration_date"] = int(token)
    _called(client().subscriptions.update, subscription_id, params, {"idempotency_key": key})


def _standing(subscription_id):
    return _called(client().subscriptions.retrieve, subscription_id)


def _item(subscription_id):
    """(the item's id, the present moment in seconds) of a subscription to be changed."""
    standing = _standing(subscription_id)
    with _readable("this subscription"):
        return _key(_sold(standing)), _moment_in(standing)


def _moment_in(standing):
    """Now, in seconds, and never before the period: a test clock may be ahead of ours."""
    starts = _sold(standing).get("current_period_start") or standing.get("current_period_start")
    return max(int(now().timestamp()), starts or 0)


def set_cancel_at_period_end(subscription_id, cancel, key):
    """Cancel at the period's end, or take any planned end back; Stripe takes only one of its two fields at once."""
    params: dict = {"cancel_at_period_end": cancel}
    if not cancel:
        standing = _standing(subscription_id)
        if standing.get("cancel_at") and not standing.get("cancel_at_period_end"):
            params = {"cancel_at": ""}
    _called(client().subscriptions.update, subscription_id, params, {"idempotency_key": key})


def pause(subscription_id, resumes_at, key):
    """Charge nothing until then, or until it is taken back: the invoices between are void."""
    collection: dict = {"behavior": "void"}
    if resumes_at:
        collection["resumes_at"] = int(resumes_at.timestamp())
    params = {"pause_collection": collection}
    _called(client().subscriptions.update, subscription_id, params, {"idempotency_key": key})


def unpause(subscription_id, key):
    """Charge again, from the next invoice on."""
    _called(client().subscriptions.update, subscription_id, {"pause_collection": ""}, {"idempotency_key": key})


def end(subscription_id, key):
    """End the subscription now. One that is over, or that Stripe doesn't know, is as good."""
    try:
        _called(client().subscriptions.cancel, subscription_id, {}, {"idempotency_key": key})
    except ProviderFailed as failed:
        if _refused_as(failed) != "gone":
            raise


def refund(payment_id, amount, key):
    """Give back a payment, or `amount` of it (minor units). One that is given back wholly is as good.
    Refuses with CannotDo where nothing was charged, and with ProviderFailed."""
    found, currency = _charged(payment_id)
    if amount is not None:
        found["amount"] = amount * 100 if currency in STRIPES_CENTS else amount
    try:
        _called(client().refunds.create, found, {"idempotency_key": key})
    except ProviderFailed as failed:
        if _refused_as(failed) != "charge_already_refunded" or amount is not None:
            raise


def _charged(payment_id):
    """({payment_intent: id} or {charge: id}, the currency) of a payment."""
    with _readable("this payment"):
        if payment_id.startswith("pi_"):
            return {"payment_intent": payment_id}, _called(client().payment_intents.retrieve, payment_id)["currency"]
        invoice = _fetch("invoice", payment_id)[0] if payment_id.startswith("in_") else None
        if not invoice:
            raise CannotDo("Nothing was charged for it, so there is nothing to refund.")
        intent = next((_id(intent) for intent in _intents(invoice, "paid")), None)
        if intent:
            return {"payment_intent": intent}, invoice["currency"]
        asked = {"invoice": payment_id, "status": "paid"}
        paid = invoice.get("charge") or (_first(client().invoice_payments.list, asked) or {}).get("payment") or {}
        way = paid if isinstance(paid, dict) else {"charge": paid}
        for name in ("payment_intent", "charge"):
            if way.get(name):
                return {name: _id(way[name])}, invoice["currency"]
    raise CannotDo("Nothing was charged for it, so there is nothing to refund.")


# --- what it sells ------------------------------------------------------------------------------------------


def products():
    """All active products, a page at a time: (id, name, description, images, active, metadata) as dicts."""
    return _on_sale("products", _product)


def all_prices():
    """All active prices, a page at a time, as dicts; amounts in the currency's minor units."""
    return _on_sale("prices", _price)


def _on_sale(collection, read):
    function = getattr(client(), collection).list
    return _read(function, {"active": True}, lambda page, _asked_at: [read(thing) for thing in page], collection)


def _product(thing):
    return {
        "id": str(thing["id"]),
        "name": str(thing["name"]),
        "description": thing.get("description"),
        "images": [str(image) for image in thing.get("images") or ()],
        "active": bool(thing["active"]),
        "metadata": {str(k): str(v) for k, v in (thing.get("metadata") or {}).items()},
    }


def _price(thing):
    recurring, product = thing.get("recurring") or {}, thing["product"]
    amount, currency = thing.get("unit_amount"), str(thing["currency"])
    return {
        "id": str(thing["id"]),
        "product": str(_id(product)),
        "amount": None if amount is None else _minor(amount, currency),  # None where it depends on the quantity
        "currency": currency.upper(),
        "type": "recurring" if recurring else "one_time",
        "interval": recurring.get("interval", ""),
        "interval_count": int(recurring.get("interval_count") or 1),
        "active": bool(thing["active"]),
        "lookup_key": thing.get("lookup_key"),
        "nickname": thing.get("nickname"),
        "metadata": {str(k): str(v) for k, v in (thing.get("metadata") or {}).items()},
    }
