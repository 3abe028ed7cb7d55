"""What Lemon Squeezy's events and objects mean."""

import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from database.clock import now
from domain.entitlements import plans
from domain.money import providers
from domain.money.providers import provider
from domain.money.providers.http import anew, later, moment
from domain.money.providers.lemon_squeezy.wire import (
    NAME,
    changed_at,
    documents,
    get,
    id_of,
    listed,
    path_of,
    present,
    reads,
    refuse_foreign,
)
from domain.money.providers.provider import Fact, is_known

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
FRAUD = "fraudulent"  # the provider keeps the buyer's money from us
PAID = ("paid", "refunded", "partial_refund", FRAUD)
OPEN = ("pending", "failed", "void")

SUBSCRIPTION_EVENTS = tuple(
    f"subscription_{verb}"
    for verb in (
        *("created", "updated", "cancelled", "resumed", "expired", "paused", "unpaused"),
        "plan_changed",  # can be ticked there, though the documentation doesn't list it
    )
)
PAYMENT_EVENTS = tuple(f"subscription_payment_{verb}" for verb in ("success", "failed", "recovered", "refunded"))
ORDER_EVENTS = ("order_created", "order_refunded")
CUSTOMER_EVENTS = ("customer_created", "customer_updated")  # not listed either; harmless where they never come


@dataclass(frozen=True)
class Why:
    """How we came to know, and what we gave along when something was bought."""

    event_id: str = ""  # empty: we asked by ourselves
    happened_at: datetime | None = None
    kind: str = ""
    organization: str | None = None
    purchaser: str | None = None
    checkout: str | None = None

    def of(self, thing, asked_at):
        """The fields every fact has."""
        asked = f"{thing['type']}:{thing['id']}:{thing['attributes'].get('updated_at') or ''}"[:160]
        why = provider.Occasion(NAME, self.happened_at or changed_at(thing) or now(), self.event_id or asked)
        return why.of(str(thing["attributes"].get("customer_id") or ""), self.organization, asked_at)


ASKED = Why()


def why_of(custom, event_id="", happened_at=None, kind="", **more):
    """Why, with what the custom data says, which may have any shape."""
    custom = custom if isinstance(custom, dict) else {}
    ours = {"organization": "organization", "purchaser": "user", "checkout": "checkout"}
    return Why(event_id, happened_at, kind, **({name: _text(custom.get(word)) for name, word in ours.items()} | more))


def _text(value):
    return str(value)[:80] if isinstance(value, (str, int)) and str(value).isprintable() and str(value) else None


@reads("the event")
def facts(body) -> list[Fact]:
    """What a stored event means, asking how things stand now. Empty for what doesn't concern us.
    Refuses with ProviderFailed, and with NotOurs for another store or the other mode. An event says only that
    an object changed (docs.lemonsqueezy.com/help/webhooks/event-types): the object is fetched anew, and read
    from the event where it is gone. The custom data is the event's: only there it is."""
    event = json.loads(body)
    refuse_foreign(event)
    kind, told = event["meta"]["event_name"], event["data"]
    why = why_of(event["meta"].get("custom_data"), id_of(kind, body), changed_at(told), kind)
    if kind in SUBSCRIPTION_EVENTS:
        thing, asked_at = present("subscriptions", told["id"])
        return subscription(thing or told, why, asked_at)
    if kind in PAYMENT_EVENTS:
        thing, asked_at = present("subscription-invoices", told["id"])
        thing = thing or told
        sold, then = present("subscriptions", thing["attributes"]["subscription_id"])
        return (subscription(sold, why, then) if sold else []) + payment(thing, sold, why, asked_at)
    if kind in ORDER_EVENTS:
        thing, asked_at = present("orders", told["id"])
        return order(thing or told, why, asked_at)
    if kind in CUSTOMER_EVENTS:
        said = why.of(told, None) | {"customer_id": str(told["id"])}
        return [provider.CustomerChanged(**said, email=told["attributes"].get("email") or "")]
    return []


def _unknown(kind, thing, fields):
    """The one fact about a thing whose status we have no word for."""
    status = str(thing["attributes"]["status"])[:40]
    return [provider.StatusUnknown(**fields, thing=kind, id=str(thing["id"]), status=status)]


# --- subscriptions ----------------------------------------------------------------------------------------


@reads()
def subscription(thing, why, asked_at, bills=None) -> list[Fact]:
    """https://docs.lemonsqueezy.com/api/subscriptions/the-subscription-object"""
    attributes, fields = thing["attributes"], why.of(thing, asked_at)
    their = attributes["status"]
    if not is_known(their, STATUSES):
        return _unknown("subscription", thing, fields)
    ends_at, trial_ends_at = moment(attributes.get("ends_at")), moment(attributes.get("trial_ends_at"))
    status, owes, cancelled = STATUSES[their], their in ("past_due", "unpaid"), their == "cancelled"
    if cancelled and trial_ends_at and trial_ends_at > (asked_at or why.happened_at or now()):
        status = "trialing"
    item, pause = attributes.get("first_subscription_item") or {}, attributes.get("pause") or {}
    resumes_at = moment(pause.get("resumes_at"))
    is_over = resumes_at is not None and resumes_at < (asked_at or why.happened_at or now())
    is_paused = their == "paused" or (cancelled and bool(pause) and not is_over)
    changed = provider.SubscriptionChanged(
        **fields,
        id=str(thing["id"]),
        price_id=str(attributes["variant_id"]),
        status=status,
        quantity=int(item.get("quantity") or 1),  # there is no item in a free trial
        started_at=moment(attributes.get("created_at")),
        period_end_at=ends_at or moment(attributes.get("renews_at")),
        trial_ends_at=trial_ends_at,
        cancel_at_period_end=cancelled,
        cancel_at=ends_at if cancelled else None,
        ended_at=(ends_at or fields["happened_at"]) if their == "expired" else None,
        unpaid_since_at=_unpaid_since(thing, asked_at, bills) if owes else None,
        unpaid_url=_unsigned_portal(attributes) if owes else None,
        collection_paused=is_paused,
        resumes_at=resumes_at if is_paused else None,
        purchaser=why.purchaser,
    )
    return [changed]


def _unpaid_since(thing, asked_at, bills):
    """When the invoice that is waiting for payment was made; else when we heard of it."""
    if bills is None and asked_at:
        bills = _newest_bills(thing["id"])
    waiting = (bill["attributes"] for bill in bills or () if bill["attributes"]["status"] == "pending")
    since = next((bill["created_at"] for bill in waiting), thing["attributes"].get("updated_at"))
    return moment(since)


def _unsigned_portal(attributes):
    """The portal's lasting address: the signed ones are good for a day, and would differ each time we ask.
    https://docs.lemonsqueezy.com/guides/developer-guide/customer-portal"""
    signed = urlsplit((attributes.get("urls") or {}).get("customer_portal") or "")
    return urlunsplit((signed.scheme, signed.netloc, signed.path, "", "")) if signed.scheme == "https" else None


def _newest_bills(subscription_id):
    """The newest invoices of a subscription, by the way its object names for them.
    The list's filter[subscription_id] is documented, but is said to find nothing."""
    found = _first_page(f"{path_of('subscriptions', subscription_id)}/subscription-invoices")
    theirs = [one for one in found if str(one["attributes"].get("subscription_id")) == str(subscription_id)]
    return sorted(theirs, key=lambda one: one["attributes"]["created_at"], reverse=True)


def _first_page(path, **params):
    return next((document["data"] for document, _ in documents(path, **params)), [])


@reads()
def whole(thing, why, asked_at) -> list[Fact]:
    """A subscription and its newest payments."""
    asked_then, bills = now(), _newest_bills(thing["id"])
    found = subscription(thing, why, asked_at, bills)
    for bill in reversed(bills):
        found += payment(bill, thing, why, asked_then)
    return found


# --- payments ---------------------------------------------------------------------------------------------


@reads()
def payment(bill, sold, why, asked_at) -> list[Fact]:
    """https://docs.lemonsqueezy.com/api/subscription-invoices/the-subscription-invoice-object
    One that is pending has failed only if an event says so, or the subscription is behind with its payments."""
    attributes, fields = bill["attributes"], why.of(bill, asked_at)
    status = attributes["status"]
    if not is_known(status, PAID + OPEN):
        return _unknown("invoice", bill, fields)
    reason = REASONS.get(attributes.get("billing_reason"), "other")
    begin, end = _period(attributes, reason, sold)
    about = _paid_for(attributes, f"si_{bill['id']}", reason) | {
        "subscription_id": str(attributes["subscription_id"]),
        "price_id": str(sold["attributes"]["variant_id"]) if sold else None,
        "period_start_at": begin,
        "period_end_at": end,
    }
    if status in PAID:
        # Neither invoice nor order says when it was paid; a change of one that is paid is its payment.
        paid_at = moment(attributes.get("updated_at") if status == "paid" else attributes.get("created_at"))
        about |= {"url": (attributes.get("urls") or {}).get("invoice_url"), "purchaser": why.purchaser}
        return [
            provider.PaymentReceived(**fields, **about, paid_at=paid_at),
            *_taken_back(attributes, about, fields, why),
        ]
    their = sold["attributes"] if sold else {}
    failed = why.kind == "subscription_payment_failed" or their.get("status") in ("past_due", "unpaid")
    if status != "pending" or failed:
        # While it is past due, renews_at is the next attempt.
        next_at = moment(their.get("renews_at")) if their.get("status") == "past_due" else None
        about |= {"void": status == "void", "next_attempt_at": next_at, "url": _unsigned_portal(their)}
        return [provider.PaymentFailed(**fields, **about)]
    return []


def _paid_for(attributes, id, reason):
    """What facts about a payment say alike."""
    amount, currency = int(attributes["total"]), str(attributes["currency"]).upper()
    return {"id": id, "reason": reason, "amount": amount, "currency": currency}


def _taken_back(attributes, about, fields, why) -> list[Fact]:
    """The running total of what was refunded (in old answers only whether all of it was); and a fraud, of which
    no bank has to tell us."""
    fields, total = fields | {"payment_id": about["id"]}, _refunded(attributes)
    found: list[Fact] = []
    if total or why.kind in ("subscription_payment_refunded", "order_refunded"):
        found.append(provider.PaymentRefunded(**fields, amount_refunded=total))
    if attributes["status"] == FRAUD:
        found.append(provider.DisputeClosed(**fields, id=f"fraud:{about['id']}", won=False, fraud=True))
    return found


def _refunded(attributes):
    """How much of a payment was refunded."""
    total = attributes.get("refunded_amount")
    whole = attributes.get("refunded") or attributes["status"] == "refunded"
    return int(total) if total is not None else int(attributes["total"]) if whole else 0


def _period(attributes, reason, sold):
    """(begin, end) of what an invoice pays for; nothing for a change within a period."""
    if reason not in ("create", "cycle"):
        return None, None
    begin = moment(attributes["created_at"])
    if sold is None:
        return begin, None
    trial_ends_at = moment(sold["attributes"].get("trial_ends_at"))
    if reason == "create" and trial_ends_at and trial_ends_at > begin:
        return begin, trial_ends_at
    unit, count = _interval(sold["attributes"])
    return begin, later(begin, unit, count, sold["attributes"].get("billing_anchor"))


def _plan_of(variant):
    return plans.PLANS.get(providers.plan_of(variant) or "")


def _interval(attributes):
    """(unit, count) of a subscription's periods, by our plan, else by its price; (None, 0) where neither tells."""
    plan = _plan_of(str(attributes["variant_id"]))
    if plan is not None and plan.interval:
        return plan.interval, 1
    price_id = (attributes.get("first_subscription_item") or {}).get("price_id")
    price = anew(get, "prices", price_id)[0] if price_id else None
    every = price["attributes"] if price else {}
    return every.get("renewal_interval_unit"), int(every.get("renewal_interval_quantity") or 1)


@reads()
def order(thing, why, asked_at) -> list[Fact]:
    """What was bought once; or, of a subscription's order, that subscription and its payments.
    https://docs.lemonsqueezy.com/api/orders/the-order-object; an order_created comes with every
    subscription_created (docs.lemonsqueezy.com/help/webhooks/event-types)."""
    attributes, fields, variant = thing["attributes"], why.of(thing, asked_at), variant_of(thing)
    status = attributes["status"]
    if not is_known(status, PAID + OPEN):
        return _unknown("order", thing, fields)
    if not is_once(variant):
        return _of_order(thing, why)
    about = _paid_for(attributes, f"order_{thing['id']}", "once") | {
        "price_id": variant,
        "url": (attributes.get("urls") or {}).get("receipt"),
    }
    if status in PAID:
        bought = {"purchaser": why.purchaser, "checkout_id": why.checkout}
        paid = provider.PaymentReceived(**fields, **about, **bought, paid_at=moment(attributes.get("created_at")))
        return [paid, *_taken_back(attributes, about, fields, why)]
    return [provider.PaymentFailed(**fields, **about)] if status == "failed" else []


def variant_of(order):
    """The variant that was ordered, as text."""
    return str((order["attributes"].get("first_order_item") or {}).get("variant_id") or "")


def is_once(variant):
    """Whether a variant is bought for good: our plans know, else its price tells. Without either it isn't taken so."""
    plan = _plan_of(variant)
    if plan is not None:
        return plan.is_once
    found = _first_page("prices", **{"filter[variant_id]": variant}) if variant else ()
    prices = [one["attributes"] for one in found if str(one["attributes"].get("variant_id")) == variant]
    return bool(prices) and all(one.get("category") in ("one_time", "pwyw") for one in prices)


def _of_order(order, why) -> list[Fact]:
    """The subscriptions of an order and what was paid for them; its fraud is that of their first payment."""
    found: list[Fact] = []
    for thing, asked_at in listed("subscriptions", **{"filter[order_id]": str(order["id"])}):
        if str(thing["attributes"].get("order_id")) == str(order["id"]):
            found += whole(thing, why, asked_at)
    if order["attributes"]["status"] == FRAUD:
        for first in [one for one in found if isinstance(one, provider.PaymentReceived) and one.reason == "create"]:
            fields = why.of(order, first.asked_at) | {"payment_id": first.id, "id": f"fraud:{first.id}"}
            found.append(provider.DisputeClosed(**fields, won=False, fraud=True))
    return found
