"""What Polar's events and objects mean."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from database.clock import now
from domain.money.providers import provider
from domain.money.providers.http import anew, later, moment
from domain.money.providers.polar.wire import NAME, call, get, happened, items, pages, parts, reads
from domain.money.providers.provider import Fact, Occasion, StatusUnknown, is_known

STATUSES = ("incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused")
REASONS = {
    "purchase": "once",
    "subscription_create": "create",
    "subscription_cycle": "cycle",
    "subscription_update": "update",
}
PAID = ("paid", "refunded", "partially_refunded")
OPEN = ("draft", "pending", "void")
CHECKOUTS = ("open", "confirmed", "succeeded", "expired", "failed")
NEWEST_ORDERS = 10  # read along with one subscription


@reads("the event")
def facts(body):
    """What a stored event means, asking Polar how things stand now. Empty for what doesn't concern us.

    Every event says «this object changed». Where Polar doesn't know the object any more, the event is the last
    word. It bears no id, so facts are named by the hash of the body. Polar's environments are wholly apart
    (https://polar.sh/docs/integrate/sandbox) and events don't name theirs: a test event isn't signed with a live
    secret. Disputes have no events; list_since reads them. Refuses with ProviderFailed.
    """
    event = json.loads(body)
    kind, thing = parts(event)
    family, _, verb = kind.partition(".")
    why = Occasion(NAME, happened(event) or now(), hashlib.sha256(body).hexdigest())
    if family in READERS and "status" in thing:
        if kind == "subscription.past_due" and (found := subscription_and_orders(thing["id"], why)):
            return found
        collection, read = READERS[family]
        held, asked_at = anew(get, f"/v1/{collection}/", thing["id"])
        return read(held or thing, asked_at, why)
    if family == "refund" and thing.get("order_id"):  # only the order knows the total
        held, asked_at = anew(get, "/v1/orders/", thing["order_id"])
        return order(held, asked_at, why) if held else []
    if family == "customer" and verb in ("created", "updated", "deleted", "state_changed"):
        return _about_customer(thing, verb, why)
    return []


def _about_customer(thing, verb, why):
    """A customer; after a change of its state with all its subscriptions, which the event has only in part."""
    held, asked_at = (None, None) if verb == "deleted" else anew(get, "/v1/customers/", thing["id"])
    found = [buyer(held or thing, asked_at, why, deleted=verb == "deleted")]
    if verb == "state_changed":
        for page, asked_at in pages("/v1/subscriptions/", customer_id=thing["id"], sorting="started_at"):
            for held in page:
                found += subscription(held, asked_at, why)
    return found


def about(thing, asked_at, why):
    """What every fact has, read from an object."""
    customer = thing.get("customer") or {}
    ours = _given(thing, "organization") or customer.get("external_id") or thing.get("external_customer_id")
    customer_id = thing.get("customer_id") or customer.get("id")
    return why.of(customer_id, ours if isinstance(ours, str) else None, asked_at)


def _given(thing, name):
    """What we gave along under a name, and may be anything by now."""
    return (thing.get("metadata") or {}).get(name)


def _purchaser(thing):
    user = _given(thing, "user")
    return user if isinstance(user, str) else None


def unknown(kind, thing, asked_at, why):
    """The one fact about a thing whose status we have no word for."""
    return [StatusUnknown(**about(thing, asked_at, why), thing=kind, id=thing["id"], status=str(thing["status"])[:40])]


@reads()
def subscription(thing, asked_at, why) -> list[Fact]:
    """https://polar.sh/docs/api-reference/2026-10/subscriptions/get-subscription
    Polar begins the next period before it charges for it, so what is owed without a date is owed since then
    (https://polar.sh/docs/features/subscriptions/failed-payments). A subscription is made once its first payment
    has come, so only an incomplete one was never paid for. Where an open one can be paid is the portal."""
    status, ends = thing["status"], moment(thing.get("ends_at"))
    if not is_known(status, STATUSES):
        return unknown("subscription", thing, asked_at, why)
    begins, until = moment(thing.get("current_period_start")), moment(thing.get("current_period_end"))
    leaving, owes = bool(thing.get("cancel_at_period_end")), status in ("past_due", "unpaid")
    changed = provider.SubscriptionChanged(
        **about(thing, asked_at, why),
        id=thing["id"],
        price_id=thing["product_id"],
        status=status,
        quantity=thing.get("seats") or 1,
        started_at=moment(thing.get("started_at")),
        period_start_at=begins,
        period_end_at=until,
        trial_ends_at=moment(thing.get("trial_end")),
        cancel_at_period_end=leaving,
        cancel_at=ends or (until if leaving else None),
        ended_at=moment(thing.get("ended_at")),
        unpaid_since_at=(moment(thing.get("past_due_at")) or begins) if owes else None,
        first_unpaid=status in ("incomplete", "incomplete_expired"),
        # Scheduled or begun: after what is paid nothing is charged until it is resumed.
        collection_paused=bool(thing.get("pause_at_period_end")) or status == "paused",
        resumes_at=moment(thing.get("resumes_at")),
        pending_price_id=(thing.get("pending_update") or {}).get("product_id"),
        purchaser=_purchaser(thing),
    )
    return [changed]


def subscription_and_orders(id, why) -> list[Fact]:
    """A subscription and its newest orders, the oldest first; nothing where Polar knows no such one."""
    held, asked_at = anew(get, "/v1/subscriptions/", id)
    if held is None:
        return []
    found, asked_at = subscription(held, asked_at, why), now()
    params = {"subscription_id": id, "sorting": "-created_at", "limit": NEWEST_ORDERS}
    with reads():
        newest = items(call("GET", "/v1/orders/", params=params))
    for one in reversed(newest):
        found += payment(one, asked_at, why)
    return found


def order(thing, asked_at, why) -> list[Fact]:
    """An order's subscription, if it has one, and then what the order says of money."""
    found: list[Fact] = []
    if id := thing.get("subscription_id"):
        held, then = anew(get, "/v1/subscriptions/", id)
        held = held or (thing.get("subscription") or {}) | {"id": id}
        found = subscription(held, then, why) if "status" in held else []
    return found + payment(thing, asked_at, why)


@reads()
def payment(thing, asked_at, why) -> list[Fact]:
    """https://polar.sh/docs/api-reference/2026-10/orders/get-order
    Amounts are minor units, the total with tax. What was refunded is told without its tax, so both are added;
    and an order that Polar calls refunded is so in full, also where a customer's balance paid a part.
    A failed order stays `pending` and knows its next attempt. Orders have no date of payment; theirs is close."""
    status, said = thing["status"], about(thing, asked_at, why)
    if not is_known(status, PAID + OPEN):
        return unknown("order", thing, asked_at, why)
    begins, ends = _period(thing)
    same: dict[str, Any] = {
        "id": thing["id"],
        "subscription_id": thing.get("subscription_id"),
        "price_id": thing.get("product_id"),
        "reason": REASONS.get(thing.get("billing_reason"), "other"),
        "amount": int(thing["total_amount"]),
        "currency": thing["currency"].upper(),
        "period_start_at": begins,
        "period_end_at": ends,
    }
    if status in PAID:
        refunded = (thing.get("refunded_amount") or 0) + (thing.get("refunded_tax_amount") or 0)
        back = same["amount"] if status == "refunded" else refunded
        bought = {"purchaser": _purchaser(thing), "tier": _tier(thing), "checkout_id": thing.get("checkout_id")}
        return [
            provider.PaymentReceived(**said, **same, **bought, paid_at=moment(thing.get("created_at"))),
            provider.PaymentRefunded(**said, payment_id=thing["id"], amount_refunded=back),
        ]
    next_at, void = moment(thing.get("next_payment_attempt_at")), status == "void"
    if void or next_at:
        return [provider.PaymentFailed(**said, **same, next_attempt_at=None if void else next_at, void=void)]
    return []


def _tier(thing):
    tiers = (_given(found, "tier") for found in (thing, thing.get("product") or {}))
    return next((tier for tier in tiers if tier in ("personal", "commercial")), "personal")


def _period(thing):
    """(start, end) of the period an order pays for; (None, None) where it begins none.
    Orders don't tell. While theirs is the subscription's present period, that one is taken; for older orders
    it is reckoned from when they were made, which is when a period begins."""
    made, of = moment(thing.get("created_at")), thing.get("subscription") or {}
    reason, begins = thing.get("billing_reason"), moment(of.get("current_period_start"))
    if made is None or reason not in ("subscription_create", "subscription_cycle", "subscription_update"):
        return None, None
    close = timedelta(minutes=5 if reason == "subscription_update" else 60)
    if reason == "subscription_update" and (begins is None or abs(made - begins) > close):
        return None, None  # a proration; with a new interval the period begins anew
    if begins is not None and made >= begins - close:
        return begins, moment(of.get("current_period_end"))
    trial_ends = moment(of.get("trial_end"))
    if reason == "subscription_create" and trial_ends is not None and trial_ends > made:
        return made, trial_ends
    every = next((held for held in (thing.get("product") or {}, of) if held.get("recurring_interval")), {})
    return made, later(made, every.get("recurring_interval"), every.get("recurring_interval_count") or 1)


@reads()
def checkout(thing, asked_at, why) -> list[Fact]:
    """Open and confirmed (somebody clicked «pay») are no end yet."""
    status = thing["status"]
    if not is_known(status, CHECKOUTS):
        return unknown("checkout", thing, asked_at, why)
    said, over = about(thing, asked_at, why), status not in ("open", "confirmed")
    return [provider.CheckoutClosed(**said, id=thing["id"], completed=status == "succeeded")] if over else []


READERS = {
    "subscription": ("subscriptions", subscription),
    "order": ("orders", order),
    "checkout": ("checkouts", checkout),
}


@reads()
def buyer(thing, asked_at, why, deleted=False):
    """https://polar.sh/docs/api-reference/customers/get"""
    ours = _given(thing, "organization") or thing.get("external_id")
    said = why.of(thing["id"], ours if isinstance(ours, str) else None, asked_at)
    deleted = deleted or bool(thing.get("deleted_at"))
    return provider.CustomerChanged(**said, email=thing.get("email") or "", deleted=deleted)


@reads()
def dispute(thing, asked_at, why) -> list[Fact]:
    """https://polar.sh/docs/api-reference/2026-10/disputes/list-disputes
    A warning isn't a dispute yet, and a prevented one is a refund."""
    said = about(thing, asked_at, why) | {"payment_id": thing["order_id"], "id": thing["id"]}
    match thing["status"]:
        case "needs_response" | "under_review":
            return [provider.DisputeOpened(**said)]
        case "won" | "lost" as status:
            return [provider.DisputeClosed(**said, won=status == "won")]
        case "prevented" | "early_warning":
            return []
    return unknown("dispute", thing, asked_at, why)
