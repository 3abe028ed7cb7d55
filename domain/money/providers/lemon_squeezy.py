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

import functools
import hashlib
import hmac
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit, urlunsplit

import requests

from database.clock import months_after, now
from domain.entitlements import plans
from domain.money import providers
from domain.money.providers.provider import (
    BadSignature,
    CannotDo,
    CustomerChanged,
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
    after_asking,
    seats_after_plan,
)

NAME = "lemon_squeezy"
CHANNEL = "billing_lemon_squeezy"
PATH = "lemon-squeezy"
LABEL = "Lemon Squeezy"
# A trial is the variant's own matter: a checkout can only leave it out, so its length isn't ours to promise.
CAN = frozenset({"pause", "quantity"})

BASE = "https://api.lemonsqueezy.com"
TIMEOUT = (5, 20)  # seconds to connect, to answer
PAGE = 100  # its most: https://docs.lemonsqueezy.com/api/getting-started/requests
CHECKOUT_LASTS = timedelta(hours=1)  # short, because it can't be closed
SEARCHED = timedelta(days=2)  # how far back checkouts are looked through
REFUNDABLE = timedelta(days=60)  # how long before `since` a payment may be that was refunded after it
SIGNATURE = "X-Signature"

STATUSES = {
    "on_trial": "trialing",
    "active": "active",
    "paused": "active",  # only the collection rests; access follows what was paid
    "past_due": "past_due",
    "unpaid": "unpaid",
    "cancelled": "active",  # "still technically active and valid", until ends_at
    "expired": "canceled",
}
REASONS = {"initial": "create", "renewal": "cycle", "updated": "update"}
PAID = ("paid", "refunded", "partial_refund")

SUBSCRIPTION_EVENTS = (
    "subscription_created",
    "subscription_updated",
    "subscription_cancelled",
    "subscription_resumed",
    "subscription_expired",
    "subscription_paused",
    "subscription_unpaused",
    "subscription_plan_changed",  # can be ticked there, though the documentation doesn't list it
)
PAYMENT_EVENTS = (
    "subscription_payment_success",
    "subscription_payment_failed",
    "subscription_payment_recovered",
    "subscription_payment_refunded",
)
ORDER_EVENTS = ("order_created", "order_refunded")
CUSTOMER_EVENTS = ("customer_created", "customer_updated")  # not listed either; harmless where they never come


# --- the wire -----------------------------------------------------------------------------------------------


class _Answered(ProviderFailed):
    """It answered, and the answer is no."""

    def __init__(self, sentence, status, writes=True):
        super().__init__(sentence, writes and status >= 500)
        self.status = status


@functools.lru_cache(maxsize=4)
def _session(key, transport):
    session = requests.Session()
    session.headers.update(
        {
            "Accept": "application/vnd.api+json",
            "Content-Type": "application/vnd.api+json",
            "Authorization": f"Bearer {key}",
        }
    )
    if transport is not None:
        session.mount(BASE, transport)
    return session


def _call(method, path, params=None, data=None) -> dict[str, Any]:
    """The answer's document. Refuses with ProviderFailed; its sentence holds nothing secret."""
    account = providers.account()
    if not account.key:
        raise ProviderFailed("Lemon Squeezy can't be asked: there is no key.")
    body = None if data is None else json.dumps({"data": data})
    session = _session(account.key, account.transport)
    try:
        answer = session.request(
            method, f"{BASE}/v1/{path}", params=params, data=body, timeout=TIMEOUT, allow_redirects=False
        )
    except (requests.RequestException, UnicodeError) as error:  # UnicodeError: a key that is no header
        sent = isinstance(error, requests.RequestException) and not isinstance(error, requests.ConnectTimeout)
        asked = sent and method != "GET"
        raise ProviderFailed(f"Lemon Squeezy can't be reached ({type(error).__name__}).", asked) from None
    try:
        document = answer.json() if answer.content else {}
    except ValueError:
        document = None
    if not answer.ok or answer.is_redirect:
        sentence = f"Lemon Squeezy: {_complaint(document)} ({answer.status_code})"
        raise _Answered(sentence, answer.status_code, method != "GET")
    if not isinstance(document, dict):
        raise ProviderFailed("Lemon Squeezy: the answer can't be read.", method != "GET")
    return document


def _complaint(document):
    """What a JSON:API error says (docs.lemonsqueezy.com/api/getting-started/errors)."""
    try:
        first = document["errors"][0]
        said = str(first.get("detail") or first.get("title") or "")
    except (TypeError, KeyError, IndexError, AttributeError):
        said = ""
    return "".join(c for c in said if c.isprintable())[:200].rstrip(".") or "it refused"


def _unreadable(what) -> NoReturn:
    raise ProviderFailed(f"Lemon Squeezy: {what} can't be read.")


def _thing(document):
    data = document.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("attributes"), dict) or not data.get("id"):
        _unreadable("the answer")
    return data


def _get(kind, id):
    return _thing(_call("GET", f"{kind}/{_in_path(id)}"))


def _find(kind, id):
    """An object as it is now; None for one it doesn't know, or where there is no key to ask with."""
    if not providers.account().key:
        return None
    try:
        return _get(kind, id)
    except _Answered as answered:
        if answered.status == 404:
            return None
        raise


def _in_path(id):
    return quote(str(id), safe="")


def _pages(path, **params) -> Iterator[dict[str, Any]]:
    """Documents of a list, page by page; newest first (docs.lemonsqueezy.com/api/getting-started/requests)."""
    number = 1
    while True:
        document = _call("GET", path, {**params, "page[number]": number, "page[size]": PAGE})
        found = document.get("data")
        if not isinstance(found, list):
            _unreadable(f"the list of {path.split('/')[-1]}")
        yield document
        try:
            last = int(document["meta"]["page"]["lastPage"])
        except (KeyError, TypeError, ValueError):
            last = number if len(found) < PAGE else number + 1
        if not found or number >= last:
            return
        number += 1


def _listed(path, **params) -> Iterator[dict[str, Any]]:
    """The objects of a list that are our store's. An entry may come twice where things are made meanwhile."""
    for thing, _asked_at in _stamped(path, **params):
        yield thing


def _stamped(path, **params) -> Iterator[tuple[dict[str, Any], datetime]]:
    """The same, each with when its page was asked for."""
    pages, asked_at = _pages(path, **params), now()
    while (document := next(pages, None)) is not None:
        for thing in document["data"]:
            if _is_here(_thing({"data": thing})):
                yield thing, asked_at
        asked_at = now()


def _is_here(thing):
    account, attributes = providers.account(), thing["attributes"]
    if isinstance(attributes.get("test_mode"), bool) and attributes["test_mode"] == account.live:
        raise ProviderFailed(_wrong_mode(account.live))
    return not account.store or str(attributes.get("store_id", account.store)) == str(account.store)


def _wrong_mode(live):
    if live:
        return "Lemon Squeezy: the key is one for tests, and money is real here."
    return "Lemon Squeezy: the key takes real money, and this site only tests."


def _in_store():
    store = providers.account().store
    return {"filter[store_id]": store} if store else {}


def _number(id):
    """The API wants ids as numbers in some places."""
    if not str(id).isdecimal():
        raise ProviderFailed(f"Lemon Squeezy: {str(id)[:40]} isn't an id of theirs.")
    return int(id)


def _moment(text):
    """An ISO 8601 time of theirs, aware and UTC; None for none."""
    if not text:
        return None
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _written(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- what it tells us ---------------------------------------------------------------------------------------


def verify(body: bytes, headers) -> Event:
    """The Event in a webhook's raw body. Refuses with BadSignature.

    X-Signature is the hex HMAC-SHA256 of the raw body (docs.lemonsqueezy.com/help/webhooks/signing-requests).
    It covers no time, so an old request can be sent again: it is the same event then.
    """
    sent = (headers.get(SIGNATURE) or "").encode("utf-8", "replace")
    fits = [
        hmac.compare_digest(hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode(), sent)
        for secret in providers.account().webhook_secrets
        if secret
    ]
    if not any(fits):
        raise BadSignature("The signature doesn't fit.")
    try:
        event = json.loads(body)
        name, thing = event["meta"]["event_name"], event["data"]
        happened_at = _moment(thing["attributes"].get("updated_at") or thing["attributes"].get("created_at"))
        subject = _subject(thing)
        if not isinstance(name, str) or not name or not (name + subject).isprintable() or happened_at is None:
            raise ValueError(name)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error
    return Event(f"{name[:90]}:{hashlib.sha256(body).hexdigest()}", name[:120], subject[:160], happened_at)


def _subject(thing):
    """Whatever belongs to one subscription is worked off in order; ids of different kinds may be equal."""
    match thing["type"]:
        case "subscriptions":
            return str(thing["id"])
        case "subscription-invoices":
            return str(thing["attributes"]["subscription_id"])
        case "orders":
            return f"order_{thing['id']}"
    return f"{thing['type']}_{thing['id']}"


@dataclass(frozen=True)
class _Said:
    """What goes with a fact: how we came to know, and what we gave along when something was bought."""

    event_id: str = ""  # empty: we asked by ourselves
    happened_at: datetime | None = None
    organization: str | None = None
    purchaser: str | None = None
    checkout: str | None = None

    def of(self, thing, asked_at):
        """The fields every fact has."""
        attributes = thing["attributes"]
        changed_at = _moment(attributes.get("updated_at") or attributes.get("created_at"))
        return {
            "provider": NAME,
            "customer_id": str(attributes.get("customer_id") or ""),
            "organization": self.organization,
            "happened_at": self.happened_at or changed_at or now(),
            "event_id": self.event_id or f"{thing['type']}:{thing['id']}:{attributes.get('updated_at') or ''}"[:160],
            "asked_at": asked_at,
        }


def _text(value):
    return str(value)[:80] if isinstance(value, (str, int)) and str(value).isprintable() and str(value) else None


def _said(event, event_id=""):
    custom = event["meta"].get("custom_data")
    custom = custom if isinstance(custom, dict) else {}
    attributes = event["data"]["attributes"]
    return _Said(
        event_id,
        _moment(attributes.get("updated_at") or attributes.get("created_at")),
        _text(custom.get("organization")),
        _text(custom.get("user")),
        _text(custom.get("checkout")),
    )


def facts(body: bytes) -> list[Fact]:
    """What a stored event means, asking how things stand now. Empty for what doesn't concern us.

    Refuses with ProviderFailed, and with NotOurs for another store or the other mode. An event says only that
    an object changed (docs.lemonsqueezy.com/help/webhooks/event-types): the object is fetched anew, and read
    from the event where there is no key, or it is gone. The custom data is the event's: only there it is.
    """
    event = json.loads(body)
    _refuse_foreign(event)
    kind, thing = event["meta"]["event_name"], event["data"]
    said = _said(event, f"{kind[:90]}:{hashlib.sha256(body).hexdigest()}")
    try:
        if kind in SUBSCRIPTION_EVENTS:
            return _subscription_facts(thing["id"], said, told=thing)
        if kind in PAYMENT_EVENTS:
            return _invoice_event(kind, thing, said)
        if kind in ORDER_EVENTS:
            thing, asked_at = _now("orders", thing["id"], told=thing)
            return _order_facts(thing, said, asked_at, refunds=kind == "order_refunded")
        if kind in CUSTOMER_EVENTS:
            return [CustomerChanged(**_customer_fields(thing, said), email=thing["attributes"].get("email") or "")]
    except (KeyError, TypeError, ValueError, AttributeError):
        _unreadable(f"the event {kind[:60]}")
    return []


def _refuse_foreign(event):
    account, attributes = providers.account(), event["data"]["attributes"]
    for mode in (event["meta"].get("test_mode"), attributes.get("test_mode")):
        if isinstance(mode, bool) and mode == account.live:
            raise NotOurs(
                "This is a test event, and money is real here."
                if account.live
                else "This is a live event, and this site only tests."
            )
    if account.store and str(attributes.get("store_id", account.store)) != str(account.store):
        raise NotOurs(f"This event is of the store {str(attributes['store_id'])[:40]}, not of ours.")


def _now(kind, id, told=None):
    """(an object as it is now, when we asked); (what we were told, None) where asking leads to nothing."""
    asked_at = now()
    found = _find(kind, id)
    if found is not None and _is_here(found):
        return found, asked_at
    return told, None


def _customer_fields(thing, said):
    return said.of(thing, None) | {"customer_id": str(thing["id"])}


# --- subscriptions


def _subscription_facts(id, said, told=None):
    thing, asked_at = _now("subscriptions", id, told)
    return [] if thing is None else [_subscription(thing, said, asked_at)]


def _subscription(thing, said, asked_at, invoices=None):
    """https://docs.lemonsqueezy.com/api/subscriptions/the-subscription-object"""
    attributes = thing["attributes"]
    their = attributes["status"]
    if their not in STATUSES:
        raise ProviderFailed(f"Lemon Squeezy: the status {str(their)[:40]} isn't known.")
    ends_at, trial_ends_at = _moment(attributes.get("ends_at")), _moment(attributes.get("trial_ends_at"))
    status, owes = STATUSES[their], their in ("past_due", "unpaid")
    if their == "cancelled" and trial_ends_at and trial_ends_at > (asked_at or said.happened_at or now()):
        status = "trialing"
    over, cancelled = their == "expired", their == "cancelled"
    fields = said.of(thing, asked_at)
    item, pause = attributes.get("first_subscription_item") or {}, attributes.get("pause") or {}
    return SubscriptionChanged(
        **fields,
        id=str(thing["id"]),
        price_id=str(attributes["variant_id"]),
        status=status,
        quantity=int(item.get("quantity") or 1),  # there is no item in a free trial
        started_at=_moment(attributes.get("created_at")),
        period_end_at=ends_at or _moment(attributes.get("renews_at")),
        trial_ends_at=trial_ends_at,
        cancel_at_period_end=cancelled,
        cancel_at=ends_at if cancelled else None,
        ended_at=(ends_at or fields["happened_at"]) if over else None,
        unpaid_since_at=_unpaid_since(thing, asked_at, invoices) if owes else None,
        unpaid_url=_unsigned_portal(attributes) if owes else None,
        collection_paused=their == "paused",
        resumes_at=_moment(pause.get("resumes_at")) if their == "paused" else None,
        purchaser=said.purchaser,
    )


def _unpaid_since(thing, asked_at, invoices):
    """When the invoice that is waiting for payment was made; else when we heard of it."""
    if invoices is None and asked_at:
        invoices = _invoices(thing["id"])
    for invoice in invoices or ():
        if invoice["attributes"]["status"] == "pending":
            return _moment(invoice["attributes"]["created_at"])
    return _moment(thing["attributes"].get("updated_at"))


def _unsigned_portal(attributes):
    """The portal's lasting address: the signed ones are good for a day, and would differ each time we ask.

    https://docs.lemonsqueezy.com/guides/developer-guide/customer-portal
    """
    signed = urlsplit((attributes.get("urls") or {}).get("customer_portal") or "")
    return urlunsplit((signed.scheme, signed.netloc, signed.path, "", "")) if signed.scheme == "https" else None


def _invoices(subscription_id):
    """The newest invoices of a subscription, by the way its object names for them.

    The list's filter[subscription_id] is documented, but is said to find nothing.
    """
    path = f"subscriptions/{_in_path(subscription_id)}/subscription-invoices"
    found = next(_pages(path))["data"]
    theirs = [one for one in found if str(one["attributes"].get("subscription_id")) == str(subscription_id)]
    return sorted(theirs, key=lambda one: one["attributes"]["created_at"], reverse=True)


# --- payments


def _invoice_event(kind, told, said):
    invoice, asked_at = _now("subscription-invoices", told["id"], told)
    subscription, asked_then = _now("subscriptions", invoice["attributes"]["subscription_id"])
    found: list[Fact] = []
    if subscription is not None:
        found.append(_subscription(subscription, said, asked_then))
    refunds = kind == "subscription_payment_refunded"
    failed = kind == "subscription_payment_failed"
    return found + _payment_facts(invoice, subscription, said, asked_at, refunds, failed)


def _payment_facts(invoice, subscription, said, asked_at, refunds=False, failed=False):
    """https://docs.lemonsqueezy.com/api/subscription-invoices/the-subscription-invoice-object

    One that is pending has failed only if an event says so, or the subscription is behind with its payments.
    """
    attributes, fields = invoice["attributes"], said.of(invoice, asked_at)
    status, id = attributes["status"], f"si_{invoice['id']}"
    reason = REASONS.get(attributes.get("billing_reason"), "other")
    begin, end = _period(attributes, reason, subscription)
    about = {
        "id": id,
        "subscription_id": str(attributes["subscription_id"]),
        "price_id": str(subscription["attributes"]["variant_id"]) if subscription else None,
        "reason": reason,
        "amount": int(attributes["total"]),
        "currency": str(attributes["currency"]).upper(),
        "period_start_at": begin,
        "period_end_at": end,
    }
    if status in PAID:
        # Neither invoice nor order says when it was paid; a change of one that is paid is its payment.
        paid_at = _moment(attributes.get("updated_at") if status == "paid" else attributes.get("created_at"))
        url = (attributes.get("urls") or {}).get("invoice_url")
        received = PaymentReceived(**fields, **about, paid_at=paid_at, url=url, purchaser=said.purchaser)
        return [received, *_refund_facts(invoice, id, fields, refunds)]
    their = subscription["attributes"] if subscription else {}
    owes = their.get("status") in ("past_due", "unpaid")
    if status == "void" or (status == "pending" and (failed or owes)):
        return [
            PaymentFailed(
                **fields,
                **about,
                void=status == "void",
                # While it is past due, renews_at is the next attempt.
                next_attempt_at=_moment(their.get("renews_at")) if their.get("status") == "past_due" else None,
                url=_unsigned_portal(their),
            )
        ]
    return []


def _refund_facts(thing, id, fields, refunds):
    """The running total of what was refunded; in old answers only whether all of it was."""
    attributes = thing["attributes"]
    whole = int(attributes["total"]) if attributes.get("refunded") or attributes["status"] == "refunded" else 0
    total = attributes.get("refunded_amount")
    total = whole if total is None else int(total)
    if not total and not refunds:
        return []
    return [PaymentRefunded(**fields, payment_id=id, amount_refunded=total)]


def _period(attributes, reason, subscription):
    """(begin, end) of what an invoice pays for; nothing for a change within a period."""
    if reason not in ("create", "cycle"):
        return None, None
    begin = _moment(attributes["created_at"])
    if subscription is None:
        return begin, None
    trial_ends_at = _moment(subscription["attributes"].get("trial_ends_at"))
    if reason == "create" and trial_ends_at and trial_ends_at > begin:
        return begin, trial_ends_at
    unit, count = _interval(subscription["attributes"])
    return begin, _later(begin, unit, count) if unit else None


def _interval(attributes):
    """(unit, count) of a subscription's periods, by our plan, else by its price; (None, 0) where neither tells."""
    plan = plans.PLANS.get(providers.plan_of(str(attributes["variant_id"])) or "")
    if plan is not None and plan.interval:
        return plan.interval, 1
    price_id = (attributes.get("first_subscription_item") or {}).get("price_id")
    price = _find("prices", price_id) if price_id else None
    unit = price and price["attributes"].get("renewal_interval_unit")
    return (unit, int(price["attributes"].get("renewal_interval_quantity") or 1)) if price and unit else (None, 0)


def _later(moment, unit, count):
    if unit in ("day", "week"):
        return moment + timedelta(days=count * (7 if unit == "week" else 1))
    return months_after(moment, count * (12 if unit == "year" else 1))


def _order_facts(order, said, asked_at, refunds=False):
    """An order of a subscription tells of that subscription; another one is a purchase for good.

    https://docs.lemonsqueezy.com/api/orders/the-order-object; an order_created comes with every
    subscription_created (docs.lemonsqueezy.com/help/webhooks/event-types).
    """
    variant = str((order["attributes"].get("first_order_item") or {}).get("variant_id") or "")
    if not _is_once(variant):
        return _facts_of_order(order["id"], said)
    return _purchase_facts(order, variant, said, asked_at, refunds)


def _is_once(variant):
    """Whether a variant is bought for good: our plans know, else its price tells. Without either it isn't taken so."""
    plan = plans.PLANS.get(providers.plan_of(variant) or "")
    if plan is not None:
        return plan.is_once
    if not variant or not providers.account().key:
        return False
    found = next(_pages("prices", **{"filter[variant_id]": variant}))["data"]
    prices = [one["attributes"] for one in found if str(one["attributes"].get("variant_id")) == variant]
    return bool(prices) and all(one.get("category") in ("one_time", "pwyw") for one in prices)


def _facts_of_order(order_id, said):
    """The subscriptions of an order and what was paid for them, where we can ask."""
    found: list[Fact] = []
    if not providers.account().key:
        return found
    asked_at = now()
    for thing in _listed("subscriptions", **_in_store(), **{"filter[order_id]": str(order_id)}):
        if str(thing["attributes"].get("order_id")) == str(order_id):
            found += _whole(thing, said, asked_at)
    return found


def _whole(subscription, said, asked_at):
    """A subscription and its newest payments."""
    asked_then = now()
    invoices = _invoices(subscription["id"])
    found: list[Fact] = [_subscription(subscription, said, asked_at, invoices)]
    for invoice in reversed(invoices):
        found += _payment_facts(invoice, subscription, said, asked_then)
    return found


def _purchase_facts(order, variant, said, asked_at, refunds):
    attributes, fields, id = order["attributes"], said.of(order, asked_at), f"order_{order['id']}"
    about = {
        "id": id,
        "price_id": variant,
        "reason": "once",
        "amount": int(attributes["total"]),
        "currency": str(attributes["currency"]).upper(),
        "url": (attributes.get("urls") or {}).get("receipt"),
    }
    if attributes["status"] == "failed":
        return [PaymentFailed(**fields, **about)]
    if attributes["status"] not in PAID:
        return []
    received = PaymentReceived(
        **fields,
        **about,
        paid_at=_moment(attributes.get("created_at")),
        purchaser=said.purchaser,
        checkout_id=said.checkout,
    )
    return [received, *_refund_facts(order, id, fields, refunds)]


# --- what we ask of it: reading -----------------------------------------------------------------------------


def refetch(subscription_id: str) -> list[Fact]:
    """How a subscription and its newest payments stand now; nothing for one that is gone."""
    asked_at = now()
    thing = _find("subscriptions", subscription_id)
    return [] if thing is None or not _is_here(thing) else _reading(_whole, thing, _Said(), asked_at)


def _reading(read, *args):
    try:
        return read(*args)
    except (KeyError, TypeError, ValueError, AttributeError):
        _unreadable("the answer")


def list_active() -> Iterator[list[Fact]]:
    """Every subscription of the store that isn't over, one at a time."""
    for thing, asked_at in _stamped("subscriptions", **_in_store()):
        if thing["attributes"].get("status") != "expired":
            yield [_reading(_subscription, thing, _Said(), asked_at)]


def list_since(since: datetime) -> Iterator[list[Fact]]:
    """What was paid, failed or was refunded since then, one payment at a time, the newest first.

    Lists are in the order of making, and a refund changes what was made earlier: so they are read some way
    beyond `since`. A refund of something older still is found by its webhook only.
    """
    known: dict[str, Any] = {}
    for invoice, asked_at in _made_since("subscription-invoices", since):
        id = str(invoice["attributes"].get("subscription_id"))
        if id not in known:
            known[id] = _now("subscriptions", id)
        subscription, asked_then = known[id]
        found = [_reading(_subscription, subscription, _Said(), asked_then)] if subscription else []
        found += _reading(_payment_facts, invoice, subscription, _Said(), asked_at)
        if found:
            yield found
    for order, asked_at in _made_since("orders", since):
        variant = str((order["attributes"].get("first_order_item") or {}).get("variant_id") or "")
        if _is_once(variant):
            found = _reading(_purchase_facts, order, variant, _Said(), asked_at, False)
            if found:
                yield found


def _made_since(kind, since):
    for thing, asked_at in _stamped(kind, **_in_store()):
        made_at, changed_at = (_reading(_moment, thing["attributes"].get(n)) for n in ("created_at", "updated_at"))
        if made_at is None or made_at < since - REFUNDABLE:
            return
        if (changed_at or made_at) >= since:
            yield thing, asked_at


def missed(since: datetime) -> Iterator[Missed]:
    """Nothing: it doesn't tell what it couldn't deliver. A person can send an event again from its pages."""
    return iter(())


def confirm(checkout_id: str) -> list[Fact]:
    """What was bought at our checkout, as far as that can be told; nothing where it can't.

    A checkout has no state there, and an order doesn't say which checkout it came from. So it is an order of the
    checkout's address and variant, made after it; and where a checkout of another organization would fit as
    well, the webhook has to tell, which carries the organization.
    """
    if not providers.account().key:
        return []
    return _reading(_confirmed, checkout_id)


def _confirmed(checkout_id):
    made = []
    for thing in _listed("checkouts", **_in_store()):
        if _moment(thing["attributes"]["created_at"]) < now() - SEARCHED:
            break
        made.append(thing["attributes"])
    ours = next((one for one in made if _custom(one).get("checkout") == checkout_id), None)
    if ours is None or not _email(ours):
        return []
    custom, variant = _custom(ours), str(ours["variant_id"])
    said = _Said("", None, _text(custom.get("organization")), _text(custom.get("user")), checkout_id)
    found: list[Fact] = []
    asked_at = now()
    for order in _listed("orders", **_in_store(), **{"filter[user_email]": _email(ours)}):
        attributes = order["attributes"]
        if _moment(attributes["created_at"]) < _moment(ours["created_at"]):
            break
        bought = str((attributes.get("first_order_item") or {}).get("variant_id"))
        same = bought == variant and str(attributes.get("user_email")).lower() == _email(ours)
        if same and not any(_rivals(one, ours, attributes) for one in made):
            found += _order_facts(order, said, asked_at)
    return found


def _custom(checkout):
    custom = (checkout.get("checkout_data") or {}).get("custom")
    return custom if isinstance(custom, dict) else {}


def _email(checkout):
    return str((checkout.get("checkout_data") or {}).get("email") or "").lower()


def _rivals(other, ours, order):
    """Whether an order may as well have come from another organization's checkout."""
    return (
        _custom(other).get("organization") != _custom(ours).get("organization")
        and str(other["variant_id"]) == str(ours["variant_id"])
        and _email(other) == _email(ours)
        and _moment(other["created_at"]) <= _moment(order["created_at"])
    )


def portal(customer_id: str, return_url: str, key: str) -> str:
    """The address of the customer portal, signed for a day, made for this visit; it knows no way back.

    https://docs.lemonsqueezy.com/guides/developer-guide/customer-portal. Refuses with CannotDo where the
    customer never had a subscription.
    """
    url = (_get("customers", customer_id)["attributes"].get("urls") or {}).get("customer_portal")
    if not url:
        raise CannotDo("Lemon Squeezy opens its portal only for customers with a subscription.")
    return str(url)


def preview(subscription_id: str, price_id: str, quantity: int) -> Proration | None:
    """None: it can't tell beforehand what a change would cost."""
    return None


# --- what we ask of it: writing -----------------------------------------------------------------------------


def create_customer(organization, email: str, key: str) -> str:
    """The id of the store's customer with this address, made where there is none.

    An address is one customer of a store, whatever organizations it looks after. https://docs.lemonsqueezy.com/
    api/customers/create-customer documents no idempotency, and refuses a second customer: so it is looked for.
    """
    if known := _customer_with(email):
        return known
    store = {"store": {"data": {"type": "stores", "id": str(providers.account().store)}}}
    attributes = {"name": organization.name, "email": email}
    try:
        made = _thing(_call("POST", "customers", data=_made("customers", attributes, store)))
    except _Answered as answered:
        known = _customer_with(email) if answered.status == 422 else None  # another process was faster
        if not known:
            raise
        return known
    return str(made["id"])


def _customer_with(email):
    for thing in _listed("customers", **_in_store(), **{"filter[email]": email}):
        if str(thing["attributes"].get("email") or "").lower() == email.lower():
            return str(thing["id"])
    return None


def _made(kind, attributes, relationships):
    return {"type": kind, "attributes": attributes, "relationships": relationships}


def checkout(customer_id: str, organization, order, return_url: str, cancel_url: str, key: str) -> Opened:
    """Open a checkout for one variant: https://docs.lemonsqueezy.com/api/checkouts/create-checkout

    `Opened.id` is the order's own public id, not theirs: their webhooks bring back our custom data, and never
    the id of the checkout. Made twice it is two addresses, of which nobody sees the first. It can't be given a
    customer or a way back, and can't be closed, so it lasts an hour. Whoever had a subscription gets no second
    trial.
    """
    account = providers.account()
    variant, expires_at = _number(order.price_id), now() + CHECKOUT_LASTS
    custom = {
        "organization": organization.public_id,
        "plan": order.plan_key,
        "user": order.purchaser,
        "checkout": order.public_id,
    }
    options = {} if order.once or not _had_subscription(order.email) else {"skip_trial": True}
    attributes = {
        "product_options": {"redirect_url": return_url, "enabled_variants": [variant]},
        "checkout_options": options,
        "checkout_data": {
            "email": order.email,
            "custom": {name: str(value) for name, value in custom.items() if value},
            "variant_quantities": [{"variant_id": variant, "quantity": order.quantity}],
        },
        "expires_at": _written(expires_at),
        "test_mode": not account.live,
    }
    relationships = {
        "store": {"data": {"type": "stores", "id": str(account.store)}},
        "variant": {"data": {"type": "variants", "id": str(variant)}},
    }
    opened = _thing(_call("POST", "checkouts", data=_made("checkouts", attributes, relationships)))
    url = opened["attributes"].get("url")
    if not isinstance(url, str) or not url.startswith("https://" if account.live else ("https://", "http://")):
        _unreadable("the checkout's address")
    return Opened(order.public_id, url, expires_at)


def _had_subscription(email):
    if not email:
        return False
    found = _listed("subscriptions", **_in_store(), **{"filter[user_email]": email})
    return any(str(thing["attributes"].get("user_email") or "").lower() == email.lower() for thing in found)


def expire_checkout(checkout_id: str, key: str) -> None:
    """Nothing: it has no call that closes a checkout. Its hour passes."""


def _change(subscription_id, attributes, done):
    """Change a subscription; `done` says of the answer whether it did.

    Refuses with CannotDo where it didn't: of a subscription that is paid by PayPal nothing is changed, without an
    error (docs.lemonsqueezy.com/api/subscriptions/update-subscription).
    """
    data = {"type": "subscriptions", "id": str(subscription_id), "attributes": attributes}
    changed = _thing(_call("PATCH", f"subscriptions/{_in_path(subscription_id)}", data=data))
    if not done(changed["attributes"]):
        raise CannotDo("Lemon Squeezy didn't change this subscription. Change it in the customer portal instead.")
    return changed


def change(subscription_id: str, price_id: str, quantity: int, key: str, token: str = "") -> None:
    """Move a subscription to another variant or number of seats, and have the difference invoiced at once.

    Asks first and sends only what differs, so the same wish twice is charged once. The variant changes at once;
    whether its invoice is paid is told by the events that follow. There is no preview, so `token` is nothing.
    """
    thing = _get("subscriptions", subscription_id)
    if thing["attributes"].get("payment_processor") == "paypal":
        raise CannotDo("This subscription is paid by PayPal: change it in the customer portal of Lemon Squeezy.")
    variant = _number(price_id)
    if str(thing["attributes"].get("variant_id")) == str(variant):
        _change_seats(thing, quantity)
        return
    asked = {"variant_id": variant, "invoice_immediately": True}
    thing = _change(subscription_id, asked, lambda it: str(it.get("variant_id")) == str(variant))
    with seats_after_plan():
        _change_seats(thing, quantity)


def _change_seats(thing, quantity):
    item = thing["attributes"].get("first_subscription_item") or {}
    if int(item.get("quantity") or 1) == quantity:
        return
    if not item.get("id"):
        raise CannotDo("The number of seats can be changed once the trial is over.")
    asked = {"quantity": quantity, "invoice_immediately": True}
    data = {"type": "subscription-items", "id": str(item["id"]), "attributes": asked}
    _call("PATCH", f"subscription-items/{_in_path(item['id'])}", data=data)


def set_cancel_at_period_end(subscription_id: str, cancel: bool, key: str) -> None:
    """Cancel: it lasts to its period's end, and then is over. Or take that back while it lasts.

    https://docs.lemonsqueezy.com/api/subscriptions/cancel-subscription; twice is once. Refuses with CannotDo to
    take up again what is over.
    """
    if cancel:
        _cancel(subscription_id)
        return
    thing = _get("subscriptions", subscription_id)
    if thing["attributes"].get("status") == "expired":
        raise CannotDo("This subscription is over.")
    if thing["attributes"].get("cancelled"):
        _change(subscription_id, {"cancelled": False}, lambda it: not it.get("cancelled"))


def _cancel(subscription_id):
    thing = _find("subscriptions", subscription_id)
    if thing is None or thing["attributes"].get("status") in ("cancelled", "expired"):
        return
    try:
        _call("DELETE", f"subscriptions/{_in_path(subscription_id)}")
    except _Answered as answered:
        if answered.status != 404:
            raise


def pause(subscription_id: str, resumes_at: datetime | None, key: str) -> None:
    """Collect nothing until then, or until it is unpaused; its invoices are void. Twice is once."""
    asked = {"mode": "void"} | ({"resumes_at": _written(resumes_at)} if resumes_at else {})
    _change(subscription_id, {"pause": asked}, lambda it: it.get("pause"))


def unpause(subscription_id: str, key: str) -> None:
    """Collect again. Twice is once."""
    _change(subscription_id, {"pause": None}, lambda it: not it.get("pause"))


def end(subscription_id: str, key: str) -> None:
    """Cancel the subscription: it has no call that ends one before its period does, so nothing more is charged.

    One that is over, or that it doesn't know, is as good.
    """
    if not providers.account().key:
        raise ProviderFailed("Lemon Squeezy can't be asked: there is no key.")
    _cancel(subscription_id)


def refund(payment_id: str, amount: int | None, key: str) -> None:
    """Give back some of a payment in minor units, or all that is left of it.

    https://docs.lemonsqueezy.com/api/orders/issue-refund, and the same of /v1/subscription-invoices. Asks first:
    what is refunded in full already isn't again. Where no answer comes it asks whether the refund was made; a
    part that was given by a call from elsewhere in between can't be told from it. Refuses with CannotDo more
    than is left.
    """
    kind, id = _payment_path(payment_id)
    total, refunded = _refunded(_get(kind, id))
    left = total - refunded
    if amount is None and left <= 0:
        return
    given = left if amount is None else amount
    if not 0 < given <= left:
        raise CannotDo("That is more than is left of this payment.")
    data = {"type": kind, "id": id, "attributes": {"amount": given}}
    try:
        _call("POST", f"{kind}/{_in_path(id)}/refund", data=data)
    except _Answered:
        raise
    except ProviderFailed:
        with after_asking():
            given_back = _refunded(_get(kind, id))[1]
        if given_back < refunded + given:
            raise


def _payment_path(payment_id):
    prefix, _, id = payment_id.partition("_")
    kinds = {"si": "subscription-invoices", "order": "orders"}
    if prefix not in kinds or not id.isdecimal():
        raise CannotDo("This payment isn't one of Lemon Squeezy's.")
    return kinds[prefix], id


def _refunded(thing):
    attributes = thing["attributes"]
    total = int(attributes.get("total") or 0)
    whole = attributes.get("refunded") or attributes.get("status") == "refunded"
    return total, total if whole else int(attributes.get("refunded_amount") or 0)


# --- what it sells ------------------------------------------------------------------------------------------


def products() -> Iterator[list[dict]]:
    """All published products, a page at a time: (id, name, description, images, active, metadata) as dicts.

    https://docs.lemonsqueezy.com/api/products/the-product-object; it has no metadata.
    """
    for document in _pages("products", **_in_store()):
        things = [thing for thing in document["data"] if _is_here(_thing({"data": thing}))]
        yield [_reading(_product, thing) for thing in things if thing["attributes"].get("status") == "published"]


def _product(thing):
    attributes = thing["attributes"]
    plain = html.unescape(re.sub(r"<[^>]*>", " ", attributes.get("description") or ""))
    return {
        "id": str(thing["id"]),
        "name": str(attributes["name"]),
        "description": " ".join(plain.split()) or None,
        "images": [str(attributes["large_thumb_url"])] if attributes.get("large_thumb_url") else [],
        "active": True,
        "metadata": {},
    }


def all_prices() -> Iterator[list[dict]]:
    """All variants on sale with their present price, as dicts; amounts in the currency's minor units.

    A price has no currency and a variant no store: they are the store's and the product's
    (docs.lemonsqueezy.com/api/stores, /api/variants/the-variant-object, /api/prices/the-price-object). The only
    variant of a product is `pending` and on sale all the same; beside others, `pending` isn't shown.
    """
    ours = {str(thing["id"]) for thing in _listed("products", **_in_store())}
    currency = str(_get("stores", providers.account().store)["attributes"].get("currency") or "").upper()
    found, models = [], {}
    for document in _pages("variants", include="price-model"):
        found += [one for one in document["data"] if str(_thing({"data": one})["attributes"].get("product_id")) in ours]
        for one in document.get("included") or ():
            if one.get("type") == "prices":
                models[str(one["attributes"].get("variant_id"))] = one["attributes"]
    sisters: dict[str, int] = {}
    for one in found:
        product = str(one["attributes"]["product_id"])
        sisters[product] = sisters.get(product, 0) + 1
    on_sale = []
    for one in filter(_is_here, found):
        status, alone = one["attributes"].get("status"), sisters[str(one["attributes"]["product_id"])] == 1
        if status == "published" or (status == "pending" and alone):
            on_sale.append(_reading(_price, one, models.get(str(one["id"])), currency))
    for at in range(0, len(on_sale), PAGE):
        yield on_sale[at : at + PAGE]


def _price(variant, model, currency):
    attributes = variant["attributes"]
    if model is None:  # what a variant says of itself is deprecated, but complete
        recurring, amount = bool(attributes.get("is_subscription")), attributes.get("price")
        interval, count = attributes.get("interval"), attributes.get("interval_count")
        fixed = not attributes.get("pay_what_you_want")
    else:
        recurring, amount = model["category"] == "subscription", model.get("unit_price")
        interval, count = model.get("renewal_interval_unit"), model.get("renewal_interval_quantity")
        fixed = model.get("scheme") == "standard" and model["category"] != "pwyw" and not model.get("usage_aggregation")
    return {
        "id": str(variant["id"]),
        "product": str(attributes["product_id"]),
        "amount": int(amount) if fixed and amount is not None else None,  # None where it depends on the quantity
        "currency": currency,
        "type": "recurring" if recurring else "one_time",
        "interval": (interval or "") if recurring else "",
        "interval_count": int(count or 1) if recurring else 1,
        "active": True,
        "lookup_key": None,
        "nickname": attributes.get("name"),
        "metadata": {},
    }
