"""Polar: https://polar.sh/docs/api-reference/2026-10/introduction, https://polar.sh/docs/integrate/webhooks/events

What is sold is a product, so a «price id» here is a product's id. Every paid transaction is an order
(https://polar.sh/docs/features/orders): what others call an invoice. Lists are paged by `page` and `limit`.

Polar documents no idempotency key. The header is sent all the same, and writes are made safe by looking
first: a customer by its external id, a checkout and a refund by our metadata, a subscription by how it stands.
"""

import base64
import functools
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError, WebhookVerificationError

from database.clock import months_after, now
from domain.money.providers import account
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
    Opened,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    ProviderFailed,
    SubscriptionChanged,
    seats_after_plan,
)

NAME, CHANNEL, PATH, LABEL = "polar", "billing_polar", "polar", "Polar"
CAN = frozenset({"missed", "pause", "quantity", "trial"})  # its preview of a change isn't public
LIVE, SANDBOX = "https://api.polar.sh", "https://sandbox-api.polar.sh"
VERSION = "2026-10"  # https://polar.sh/docs/api-reference/2026-10/versioning
TIMEOUT = (5, 20)  # seconds, to connect and to answer
PAGE = 100  # Polar's most
STATUSES = ("incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused")
STANDING = ("trialing", "active", "past_due", "unpaid", "paused")
REASONS = {
    "purchase": "once",
    "subscription_create": "create",
    "subscription_cycle": "cycle",
    "subscription_update": "update",
}
PAID = ("paid", "refunded", "partially_refunded")
NEWEST_ORDERS = 10  # read along with one subscription
DISPUTED = timedelta(days=180)  # how far back payments may still be disputed
MISSING, OVER = "ResourceNotFound", "AlreadyCanceledSubscription"  # Polar's names for an error
MOST = 160  # characters of an event's id that are kept
READ = ("subscription", "order", "refund", "checkout", "customer")  # of whose events `facts` makes something


class Answered(ProviderFailed):
    """Polar answered, and not with what was asked for; `error` is its own name for why."""

    def __init__(self, status, error, writes=True):
        super().__init__(f"Polar answered {status}{f' ({error})' if error else ''}.", writes and status >= 500)
        self.status, self.error = status, error

    @property
    def is_gone(self):
        """Polar knows no such object. Another 404 says less: a version that was removed, a wrong address."""
        return self.status == 404 and self.error == MISSING


# --- over the wire ----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4)
def _session(transport):
    session = requests.Session()
    if transport is not None:
        for base in (LIVE, SANDBOX):
            session.mount(base, transport)
    return session


def _call(method, path, *, params=None, body=None, key=""):
    """Polar's answer as a dict. Refuses with Answered, or with ProviderFailed when there is none."""
    ours, writes = account(), method != "get"
    headers = {"Accept": "application/json", "Polar-Version": VERSION}
    if key:
        headers["Idempotency-Key"] = key

    def bearer(request):  # as `auth`, so that a .netrc can't put another in its place
        request.headers["Authorization"] = f"Bearer {ours.key}"
        return request

    ask = functools.partial(
        _session(ours.transport).request,
        method,
        (LIVE if ours.live else SANDBOX) + path,
        params=params,
        json=body,
        auth=bearer,
        timeout=TIMEOUT,
        allow_redirects=False,
    )
    try:
        answer = ask(headers=headers)
        if answer.status_code == 404 and _error(answer) != MISSING:
            # Versions are removed after nine months and then answer so: the current one is better than none.
            answer = ask(headers={name: value for name, value in headers.items() if name != "Polar-Version"})
    except requests.RequestException as error:
        sent = not isinstance(error, requests.ConnectTimeout)
        raise ProviderFailed(f"Polar couldn't be reached ({type(error).__name__}).", sent and writes) from None
    if not 200 <= answer.status_code < 300:
        raise Answered(answer.status_code, _error(answer), writes)
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProviderFailed("Polar's answer can't be read.", writes)
    return found


def _error(answer):
    try:
        name = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    return name[:60] if isinstance(name, str) and name.isidentifier() else ""


def _get(path, id=""):
    return _call("get", path + quote(str(id), safe=""))


def _pages(path, **params):
    """(items, when they were asked for), a page at a time."""
    number = 1
    while True:
        asked = now()
        page = _call("get", path, params=params | {"limit": PAGE, "page": number})
        try:
            items, last = [dict(item) for item in page["items"]], int(page["pagination"]["max_page"])
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderFailed("Polar's list can't be read.") from error
        yield items, asked
        if number >= last or not items:
            return
        number += 1


def _readable(read):
    """What Polar tells in a shape that can't be read is Polar's failure, to be tried again, and not a bug."""

    @functools.wraps(read)
    def reading(*args):
        try:
            return read(*args)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProviderFailed(f"Polar's answer can't be read: {type(error).__name__} {error}"[:200]) from error

    return reading


# --- what it tells us -------------------------------------------------------------------------------------


def verify(body, headers):
    """The Event in a webhook's raw body, also of a kind or shape we don't know. Refuses with BadSignature.

    Standard Webhooks, within five minutes: https://polar.sh/docs/integrate/webhooks/delivery. Polar gives no id
    but the header's.
    """
    held = {name.lower(): value for name, value in headers.items()}
    if not any(_fits(key, body, held) for secret in account().webhook_secrets for key in _keys(secret)):
        raise BadSignature("The signature doesn't fit.")
    try:
        return _event(held["webhook-id"], body, _seconds(held["webhook-timestamp"]))
    except (ValueError, OverflowError, OSError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error


def _keys(secret):
    """The keys a secret may stand for, as bytes, which the library takes as they are.

    Secrets that Polar made since 2026-09-08 are base64 after `whsec_`; older ones and people's own are taken
    as they are written, prefix and all: https://polar.sh/docs/changelog/api. Polar doesn't say which.
    """
    if not secret:
        return
    yield secret.encode()
    if secret.startswith("whsec_"):
        coded = secret.removeprefix("whsec_").rstrip("=")
        try:
            decoded = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
        except ValueError:
            return
        if len(decoded) >= 24:  # the standard's least: a shorter one could be guessed
            yield decoded


def _fits(key, body, headers):
    try:
        Webhook(key).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError, TypeError, OverflowError, OSError):
        return False  # ValueError: not UTF-8, not base64, not `v1,…`
    return True


def _seconds(text):
    return datetime.fromtimestamp(float(text), UTC)


def _event(id, body, sent_at):
    event = json.loads(body)
    if not id.isprintable():
        raise ValueError("an id that can't be printed")
    kind = event.get("type") if isinstance(event, dict) else None
    named = kind if isinstance(kind, str) and kind and kind.isprintable() else "unknown"
    unread = named.partition(".")[0] not in READ
    subject = _subject(event)[:MOST] or id[:MOST]
    return Event(id[:MOST], named[:120], subject, _happened(event) or sent_at, unread)


def _subject(event):
    kind, thing = _parts(event)
    first = ("id",) if kind.startswith("subscription.") else ("subscription_id", "customer_id", "id")
    for name in first:
        if isinstance(thing.get(name), str) and thing[name].isprintable():
            return thing[name]
    return ""


def _parts(event):
    """(kind, the object) of an event, empty where it has none."""
    event = event if isinstance(event, dict) else {}
    kind, thing = event.get("type"), event.get("data")
    return kind if isinstance(kind, str) else "", thing if isinstance(thing, dict) else {}


def _happened(event):
    try:
        return _moment(event["timestamp"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class _Word:
    """Whose word a fact is: an event's, or Polar's own when we asked."""

    happened_at: datetime
    event_id: str
    asked_at: datetime | None = None

    def asked(self, at):
        return _Word(self.happened_at, self.event_id, at)

    def about(self, thing, **more):
        """What every fact has, read from an object."""
        customer, metadata = thing.get("customer") or {}, thing.get("metadata") or {}
        ours = metadata.get("organization") or customer.get("external_id") or thing.get("external_customer_id")
        return {
            "provider": NAME,
            "customer_id": thing.get("customer_id") or customer.get("id") or "",
            "organization": ours if isinstance(ours, str) else None,
            "happened_at": self.happened_at,
            "event_id": self.event_id,
            "asked_at": self.asked_at,
        } | more


def _unbidden(at):
    """The word of an answer that no event led to. What is told of it is told once for each id."""
    return _Word(at, f"asked:{secrets.token_hex(8)}", at)


@_readable
def facts(body):
    """What a stored event means, asking Polar how things stand now. Empty for what doesn't concern us.

    Every event says «this object changed». Without a key, or where Polar doesn't know the object any more, the
    event is the last word. It bears no id, so facts are named by the hash of the body. Polar's environments are
    wholly apart (https://polar.sh/docs/integrate/sandbox) and events don't name theirs: a test event isn't
    signed with a live secret. Disputes have no events; list_since reads them. Refuses with ProviderFailed.
    """
    event = json.loads(body)
    kind, thing = _parts(event)
    word = _Word(_happened(event) or now(), hashlib.sha256(body).hexdigest())
    match kind.partition("."):
        case ("subscription", _, "past_due") if _asks() and "status" in thing:
            return _subscription_and_orders(thing["id"], word) or [_subscription(thing, word)]
        case ("subscription", _, _) if "status" in thing:
            return [_subscription(*_newest("subscriptions", thing, word))]
        case ("order", _, _) if "status" in thing:
            return _order(*_newest("orders", thing, word))
        case ("refund", _, _) if thing.get("order_id") and _asks():  # only the order knows the total
            found, said = _newest("orders", {"id": thing["order_id"]}, word)
            return _order(found, said) if said.asked_at else []
        case ("checkout", _, _) if "status" in thing:
            return _checkout(*_newest("checkouts", thing, word))
        case ("customer", _, "deleted"):
            return [_customer(thing, word, True)]
        case ("customer", _, "created" | "updated"):
            return [_customer(*_newest("customers", thing, word))]
        case ("customer", _, "state_changed"):
            return _state(thing, word)
    return []


def _asks():
    return bool(account().key)


def _newest(collection, thing, word):
    """(the object, whose word it is): as Polar has it now, or as it was told where it can't be asked."""
    if not _asks():
        return thing, word
    asked = now()
    try:
        return _get(f"/v1/{collection}/", thing["id"]), word.asked(asked)
    except Answered as answered:
        if answered.is_gone:
            return thing, word
        raise


@_readable
def _subscription(thing, word):
    """https://polar.sh/docs/api-reference/2026-10/subscriptions/get-subscription

    Polar begins the next period before it charges for it, so what is owed without a date is owed since then
    (https://polar.sh/docs/features/subscriptions/failed-payments). A subscription is made once its first payment
    has come, so only an incomplete one was never paid for. Where an open one can be paid is the portal.
    """
    status, ends = thing["status"], _moment(thing.get("ends_at"))
    if status not in STATUSES:
        raise ValueError(f"status {status}")
    begins, until = _moment(thing.get("current_period_start")), _moment(thing.get("current_period_end"))
    leaving, owes = bool(thing.get("cancel_at_period_end")), status in ("past_due", "unpaid")
    return SubscriptionChanged(
        **word.about(thing, organization=_ours(thing, word)),
        id=thing["id"],
        price_id=thing["product_id"],
        status=status,
        quantity=thing.get("seats") or 1,
        started_at=_moment(thing.get("started_at")),
        period_start_at=begins,
        period_end_at=until,
        trial_ends_at=_moment(thing.get("trial_end")),
        cancel_at_period_end=leaving,
        cancel_at=ends or (until if leaving else None),
        ended_at=_moment(thing.get("ended_at")),
        unpaid_since_at=(_moment(thing.get("past_due_at")) or begins) if owes else None,
        first_unpaid=status in ("incomplete", "incomplete_expired"),
        # Scheduled or begun: after what is paid nothing is charged until it is resumed.
        collection_paused=bool(thing.get("pause_at_period_end")) or status == "paused",
        resumes_at=_moment(thing.get("resumes_at")),
        pending_price_id=(thing.get("pending_update") or {}).get("product_id"),
        purchaser=_purchaser(thing),
    )


def _ours(thing, word):
    return word.about(thing)["organization"]


def _purchaser(thing):
    user = (thing.get("metadata") or {}).get("user")
    return user if isinstance(user, str) else None


def _order(thing, word):
    """An order's subscription, if it has one, and then what the order says of money."""
    found: list[Fact] = []
    id = thing.get("subscription_id")
    if id:
        held, said = _newest("subscriptions", (thing.get("subscription") or {}) | {"id": id}, word)
        if "status" in held:
            found.append(_subscription(held, said))
    return found + _payment(thing, word)


@_readable
def _payment(thing, word):
    """https://polar.sh/docs/api-reference/2026-10/orders/get-order

    Amounts are minor units, the total with tax. What was refunded is told without its tax, so both are added;
    and an order that Polar calls refunded is so in full, also where a customer's balance paid a part.
    A failed order stays `pending` and knows its next attempt. Orders have no date of payment; theirs is close.
    """
    begins, ends = _period(thing)
    said = word.about(thing)
    same: dict[str, Any] = {
        "subscription_id": thing.get("subscription_id"),
        "price_id": thing.get("product_id"),
        "reason": REASONS.get(thing.get("billing_reason"), "other"),
        "amount": int(thing["total_amount"]),
        "currency": thing["currency"].upper(),
        "period_start_at": begins,
        "period_end_at": ends,
    }
    if thing["status"] in PAID:
        refunded = (thing.get("refunded_amount") or 0) + (thing.get("refunded_tax_amount") or 0)
        whole = thing["status"] == "refunded"
        return [
            PaymentReceived(
                **said,
                **same,
                id=thing["id"],
                paid_at=_moment(thing.get("created_at")),
                purchaser=_purchaser(thing),
                tier=_tier(thing),
                checkout_id=thing.get("checkout_id"),
            ),
            PaymentRefunded(**said, payment_id=thing["id"], amount_refunded=same["amount"] if whole else refunded),
        ]
    next_at, void = _moment(thing.get("next_payment_attempt_at")), thing["status"] == "void"
    if void or next_at:
        return [PaymentFailed(**said, **same, id=thing["id"], next_attempt_at=None if void else next_at, void=void)]
    return []


def _tier(thing):
    for found in (thing, thing.get("product") or {}):
        tier = (found.get("metadata") or {}).get("tier")
        if tier in ("personal", "commercial"):
            return tier
    return "personal"


def _period(thing):
    """(start, end) of the period an order pays for; (None, None) where it begins none.

    Orders don't tell. While theirs is the subscription's present period, that one is taken; for older orders
    it is reckoned from when they were made, which is when a period begins.
    """
    made, of = _moment(thing.get("created_at")), thing.get("subscription") or {}
    reason, begins = thing.get("billing_reason"), _moment(of.get("current_period_start"))
    if made is None or reason not in ("subscription_create", "subscription_cycle", "subscription_update"):
        return None, None
    close = timedelta(minutes=5 if reason == "subscription_update" else 60)
    if reason == "subscription_update" and (begins is None or abs(made - begins) > close):
        return None, None  # a proration; with a new interval the period begins anew
    if begins is not None and made >= begins - close:
        return begins, _moment(of.get("current_period_end"))
    trial_ends = _moment(of.get("trial_end"))
    if reason == "subscription_create" and trial_ends is not None and trial_ends > made:
        return made, trial_ends
    every = next((held for held in (thing.get("product") or {}, of) if held.get("recurring_interval")), {})
    return made, _later(made, every.get("recurring_interval"), every.get("recurring_interval_count") or 1)


def _later(moment, interval, count):
    if interval in ("day", "week"):
        return moment + timedelta(**{f"{interval}s": count})
    if interval not in ("month", "year"):
        return None
    return months_after(moment, count * (12 if interval == "year" else 1))


@_readable
def _checkout(thing, word):
    """Open and confirmed (somebody clicked «pay») are no end yet."""
    if thing["status"] not in ("succeeded", "expired", "failed"):
        return []
    return [CheckoutClosed(**word.about(thing), id=thing["id"], completed=thing["status"] == "succeeded")]


@_readable
def _customer(thing, word, deleted=False):
    ours = (thing.get("metadata") or {}).get("organization") or thing.get("external_id")
    return CustomerChanged(
        **word.about(thing, customer_id=thing["id"], organization=ours if isinstance(ours, str) else None),
        email=thing.get("email") or "",
        deleted=deleted or bool(thing.get("deleted_at")),
    )


def _state(thing, word):
    """A customer and its subscriptions: all of them where we can ask, else the active ones, as the event has them."""
    found: list[Fact] = [_customer(*_newest("customers", thing, word))]
    if not _asks():
        told = thing.get("active_subscriptions") or ()
        whose = {"customer_id": thing.get("id"), "customer": {"external_id": thing.get("external_id")}}
        return found + [_subscription(held | whose, word) for held in told]
    for page, asked in _pages("/v1/subscriptions/", customer_id=thing["id"], sorting="started_at"):
        found += [_subscription(held, word.asked(asked)) for held in page]
    return found


@_readable
def _dispute(thing, asked):
    """https://polar.sh/docs/api-reference/2026-10/disputes/list-disputes

    A warning isn't a dispute yet, and a prevented one is a refund.
    """
    said = _unbidden(asked).about(thing, payment_id=thing["order_id"], id=thing["id"])
    if thing["status"] in ("needs_response", "under_review"):
        return [DisputeOpened(**said)]
    if thing["status"] in ("won", "lost"):
        return [DisputeClosed(**said, won=thing["status"] == "won")]
    return []


def _moment(text):
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


# --- asking how things stand ------------------------------------------------------------------------------


def refetch(subscription_id):
    """One subscription and its newest orders, as Polar has them now; nothing when it knows no such one."""
    return _subscription_and_orders(subscription_id, _unbidden(now()))


def _subscription_and_orders(id, word):
    asked = now()
    try:
        found: list[Fact] = [_subscription(_get("/v1/subscriptions/", id), word.asked(asked))]
    except Answered as answered:
        if answered.is_gone:
            return []
        raise
    asked = now()
    params = {"subscription_id": id, "sorting": "-created_at", "limit": NEWEST_ORDERS}
    for order in reversed(_items(_call("get", "/v1/orders/", params=params))):
        found += _payment(order, word.asked(asked))
    return found


@_readable
def _items(page):
    return [dict(item) for item in page["items"]]


def list_active():
    """All subscriptions that aren't over, a page of facts at a time, oldest first."""
    for page, asked in _pages("/v1/subscriptions/", status=STANDING, sorting="started_at"):
        yield [_subscription(thing, _unbidden(asked)) for thing in page if thing.get("status") in STANDING]


def list_since(since):
    """What happened to money since then, a page of facts at a time: orders with their subscriptions, refunds,
    and disputes, for which a key needs the scope `disputes:read`; without it there are none."""
    subscriptions: set[str] = set()
    orders: set[str] = set()
    for page in _since("/v1/orders/", since):
        orders |= {order["id"] for order, _ in page}
        yield _orders(page, subscriptions)
    for page in _since("/v1/refunds/", since):
        missing = {refund.get("order_id") for refund, _ in page} - orders - {None}
        orders |= missing
        found = []
        for id in sorted(missing):
            asked = now()
            found.append((_get("/v1/orders/", id), asked))
        yield _orders(found, subscriptions)
    try:
        for page in _since("/v1/disputes/", since - DISPUTED):
            yield [fact for dispute, asked in page for fact in _dispute(dispute, asked)]
    except Answered as answered:
        if answered.status not in (403, 404):
            raise


def _since(path, since):
    """[(object, when it was asked for)], newest first, until they are older."""
    for page, asked in _pages(path, sorting="-created_at"):
        new = [thing for thing in page if _made(thing) >= since]
        yield [(thing, asked) for thing in new]
        if len(new) < len(page):
            return


@_readable
def _made(thing):
    return _moment(thing["created_at"])


def _orders(page, known):
    """Each order's money, and before it its subscription where that wasn't told yet."""
    found: list[Fact] = []
    for order, asked in page:
        id, word = order.get("subscription_id"), _unbidden(asked)
        found += _payment(order, word) if not id or id in known else _order(order, word)
        known.add(id)
    return found


def missed(since):
    """The events since then that couldn't be delivered, oldest first, each once.

    Events of a switched-off endpoint were never tried and aren't among them; old ones have lost their body:
    https://polar.sh/docs/api-reference/2026-10/webhooks/list-webhook-deliveries
    """
    found = {}
    params = {"succeeded": "false", "start_timestamp": since.isoformat()}
    for page, _ in _pages("/v1/webhooks/deliveries", **params):
        for delivery in page:
            event = delivery.get("webhook_event") or {}
            if event.get("payload") and not event.get("succeeded"):
                found.setdefault(event.get("id"), event)
    for event in reversed(found.values()):
        yield _missed(event)


@_readable
def _missed(event):
    body = event["payload"].encode()
    return Missed(_event(event["id"], body, _moment(event["created_at"])), body)


def confirm(checkout_id):
    """What a checkout led to, for the page that the browser returns to. Empty while it is open."""
    asked = now()
    held = _get("/v1/checkouts/", checkout_id)
    closed = _checkout(held, _unbidden(asked))
    if held.get("status") != "succeeded":
        return closed
    found: list[Fact] = []
    known: set[str] = set()
    for page, asked in _pages("/v1/orders/", checkout_id=checkout_id, sorting="created_at"):
        found += _orders([(order, asked) for order in page], known)
    if not found and held.get("customer_id"):  # a trial may begin without an order
        for page, asked in _pages("/v1/subscriptions/", customer_id=held["customer_id"], sorting="-started_at"):
            theirs = [thing for thing in page if thing.get("checkout_id") == checkout_id]
            found += [_subscription(thing, _unbidden(asked)) for thing in theirs]
    return found + closed


# --- what we ask of it ------------------------------------------------------------------------------------


def create_customer(organization, email, key):
    """Make the organization's customer and return its id; the same call twice makes one.

    Polar keeps external ids and e-mail addresses unique. Somebody else's customer is never taken over by its
    address: that would open their portal. Refuses with CannotDo when the address is taken, ProviderFailed.
    """
    ours = organization.public_id
    wanted = {"external_id": ours, "email": email, "name": organization.name, "metadata": {"organization": ours}}
    try:
        return _id(_call("post", "/v1/customers/", body=wanted, key=key))
    except Answered as answered:
        if answered.status not in (409, 422):
            raise
        refused = answered
    try:
        return _id(_get("/v1/customers/external/", ours))
    except Answered as answered:
        if not answered.is_gone:
            raise
    others = [held.get("email") for page, _ in _pages("/v1/customers/", email=email) for held in page]
    if any(isinstance(other, str) and other.casefold() == email.casefold() for other in others):
        raise CannotDo(
            "Polar knows this e-mail address as another customer's. Buy with another address, "
            "or ask whoever runs this site.",
            code="CONFLICT",
        )
    raise refused


@_readable
def _id(thing):
    return str(thing["id"])


def checkout(customer_id, organization, order, return_url, cancel_url, key):
    """Open a checkout for one product; returns where to send the browser. Refuses with ProviderFailed.

    What is given along as metadata, Polar copies to the order and the subscription. An open one for the same
    order is returned again. A trial is only what the order says, whatever the product offers; seats are fixed.
    https://polar.sh/docs/api-reference/2026-10/checkouts/create-checkout-session
    """
    ours = {
        "organization": organization.public_id,
        "plan": order.plan_key,
        "user": order.purchaser,
        "checkout": order.public_id,
    }
    whose = {"customer_id": customer_id} if customer_id else {"external_customer_id": organization.public_id}
    for page, _ in _pages("/v1/checkouts/", **whose, status="open", sorting="-created_at"):
        for held in page:
            if (held.get("metadata") or {}).get("checkout") == order.public_id and held.get("status") == "open":
                return _opened(held)
    body = whose | {
        "products": [order.price_id],
        "success_url": return_url,
        "return_url": cancel_url,
        "metadata": {name: value for name, value in ours.items() if value},
        "allow_trial": order.trial_days > 0,
    }
    if not customer_id and order.email:
        body["customer_email"] = order.email
    if order.trial_days > 0 and not order.once:
        body |= {"trial_interval": "day", "trial_interval_count": order.trial_days}
    if order.quantity > 1:
        body |= dict.fromkeys(("seats", "min_seats", "max_seats"), order.quantity)
    return _opened(_call("post", "/v1/checkouts/", body=body, key=key))


@_readable
def _opened(thing):
    return Opened(str(thing["id"]), str(thing["url"]), _moment(thing.get("expires_at")))


def expire_checkout(checkout_id, key):
    """Nothing is done: Polar can't close a checkout, it expires by itself. One that is paid or being paid is
    refused with ProviderFailed, so that it is confirmed instead."""
    if _get("/v1/checkouts/", checkout_id).get("status") in ("confirmed", "succeeded"):
        raise ProviderFailed("Polar has taken the payment of this checkout, or is about to.")


def portal(customer_id, return_url, key):
    """The address of the customer's own pages at Polar; it lets in whoever has it. Refuses with ProviderFailed."""
    body = {"customer_id": customer_id, "return_url": return_url}
    return _url(_call("post", "/v1/customer-sessions/", body=body, key=key))


@_readable
def _url(thing):
    return str(thing["customer_portal_url"])


def preview(subscription_id, price_id, quantity):
    """None: what a change would cost Polar tells only its own pages, its API for that isn't public."""
    return None


def change(subscription_id, price_id, quantity, key, token=""):
    """Move a subscription to another product or number of seats, and charge or credit the difference at once.

    With `invoice` Polar changes nothing unless the payment succeeds, see
    https://polar.sh/docs/features/subscriptions/proration. What is so already is left alone, so the same call
    twice charges once. Refuses with CannotDo when the payment fails or it isn't sold by seats, ProviderFailed.
    """
    held = _get("/v1/subscriptions/", subscription_id)
    if held.get("product_id") == price_id:
        _change_seats(subscription_id, key, held, quantity)
        return
    held = _change(subscription_id, key, product_id=price_id, proration_behavior="invoice")
    with seats_after_plan():
        _change_seats(subscription_id, key, held, quantity)


def _change_seats(subscription_id, key, held, quantity):
    if (held.get("seats") or 1) == quantity:
        return
    if held.get("seats") is None:
        raise CannotDo("This plan isn't sold by seats at Polar, so their number can't be changed.")
    _change(subscription_id, f"{key}-seats", seats=quantity, proration_behavior="invoice")


def _change(subscription_id, key, **body):
    """https://polar.sh/docs/api-reference/2026-10/subscriptions/update-subscription"""
    try:
        return _call("patch", f"/v1/subscriptions/{quote(str(subscription_id), safe='')}", body=body, key=key)
    except Answered as answered:
        if answered.status == 402:
            raise CannotDo(
                "The payment didn't go through, so this wasn't changed. Check the card and try again.", code="CONFLICT"
            ) from answered
        if answered.error in (OVER, "InactiveSubscription"):
            raise CannotDo("This subscription is ending or not running, so it can't be changed.") from answered
        raise


def set_cancel_at_period_end(subscription_id, cancel, key):
    """Cancel at the period's end, or take that back; as it is already is as good. Refuses with CannotDo once it
    is over, ProviderFailed."""
    if bool(_get("/v1/subscriptions/", subscription_id).get("cancel_at_period_end")) != cancel:
        _change(subscription_id, key, cancel_at_period_end=cancel)


def pause(subscription_id, resumes_at, key):
    """Charge nothing from the end of the paid period on, until `resumes_at` or until it is resumed.

    Access ends with the period: https://polar.sh/docs/features/subscriptions/manage#pause-and-resume. Paused
    already is as good. Refuses with CannotDo for a day within the paid period, ProviderFailed.
    """
    held = _get("/v1/subscriptions/", subscription_id)
    if held.get("pause_at_period_end") or held.get("status") == "paused":
        return
    ends = _ends(held)
    if resumes_at and ends and resumes_at <= ends:
        raise CannotDo(f"Polar pauses from the end of the paid period on, so not for a day before {ends:%d %B %Y}.")
    until = {"resumes_at": resumes_at.isoformat()} if resumes_at else {}
    _change(subscription_id, key, pause_at_period_end=True, **until)


@_readable
def _ends(held):
    return _moment(held.get("current_period_end"))


def unpause(subscription_id, key):
    """Take a planned pause back, or end one that has begun, which charges at once for a new period.

    One that isn't paused is as good. Refuses with CannotDo when the payment fails, ProviderFailed.
    """
    held = _get("/v1/subscriptions/", subscription_id)
    if held.get("status") == "paused":
        _change(subscription_id, key, resume=True)
    elif held.get("pause_at_period_end"):
        _change(subscription_id, key, pause_at_period_end=False)


def end(subscription_id, key):
    """End the subscription now. One that is over, or that Polar doesn't know, is as good."""
    try:
        _call("delete", f"/v1/subscriptions/{quote(str(subscription_id), safe='')}", key=key)
    except Answered as answered:
        if answered.error not in (OVER, MISSING):
            raise
        if answered.error == OVER:
            held = _get("/v1/subscriptions/", subscription_id)
            if held.get("status") != "canceled" and not held.get("ended_at"):
                raise  # only on its way


def refund(payment_id, amount, key):
    """Give back `amount` minor units of an order, tax included, or what is left of it.

    Polar wants the amount without its tax and adds that in proportion. A refund with our key is made once;
    an order that has nothing left is as good. Refuses with CannotDo for more than is left, ProviderFailed.
    https://polar.sh/docs/api-reference/2026-10/refunds/create-refund
    """
    order = _get("/v1/orders/", payment_id)
    for page, _ in _pages("/v1/refunds/", order_id=payment_id, sorting="-created_at"):
        for made in page:
            if (made.get("metadata") or {}).get("key") == key and made.get("status") in ("pending", "succeeded"):
                return
    net = _net(order, amount)
    if net > 0:
        body = {"order_id": payment_id, "reason": "customer_request", "amount": net, "metadata": {"key": key}}
        _call("post", "/v1/refunds/", body=body, key=key)


@_readable
def _net(order, amount):
    """How much without tax makes `amount` with it, of what may still be given back."""
    net, tax = int(order["net_amount"]), int(order["tax_amount"])
    left, left_tax = int(order["refundable_amount"]), int(order["refundable_tax_amount"])
    if amount is None or amount == left + left_tax:
        return left
    if amount > left + left_tax:
        raise CannotDo("That is more than is left of this payment.", code="CONFLICT")
    near = round(amount * net / (net + tax))
    tried = [one for one in (near, near - 1, near + 1) if 0 <= one <= left]
    return min(tried, key=lambda one: abs(one + round(one * tax / net) - amount))


# --- what it sells ----------------------------------------------------------------------------------------


def products():
    """All products that aren't archived, a page at a time: (id, name, description, images, active, metadata)."""
    for page, _ in _pages("/v1/products/", is_archived="false", sorting="created_at"):
        yield [_product(thing) for thing in page]


def all_prices():
    """One price for each product that isn't archived, a page at a time, under the product's id, by which it is
    sold; amounts in minor units, None where they depend on the quantity or on the buyer.

    Of several currencies the first is shown; charges for use, which come on top, aren't.
    """
    for page, _ in _pages("/v1/products/", is_archived="false", sorting="created_at"):
        yield [price for thing in page for price in _prices(thing)]


@_readable
def _product(thing):
    return {
        "id": str(thing["id"]),
        "name": str(thing["name"]),
        "description": thing.get("description"),
        "images": [str(media["public_url"]) for media in thing.get("medias") or () if media.get("public_url")],
        "active": not thing.get("is_archived"),
        "metadata": {str(k): str(v) for k, v in (thing.get("metadata") or {}).items()},
    }


@_readable
def _prices(thing):
    """https://polar.sh/docs/features/products: at most one price for each currency doesn't measure use."""
    for price in thing.get("prices") or ():
        if price.get("is_archived") or price["amount_type"] not in ("fixed", "free", "custom", "seat_based"):
            continue
        interval = thing.get("recurring_interval") or price.get("recurring_interval") or ""
        return [
            {
                "id": str(thing["id"]),
                "product": str(thing["id"]),
                "amount": _amount(price),
                "currency": str(price.get("price_currency") or "").upper(),
                "type": "recurring" if interval else "one_time",
                "interval": interval,
                "interval_count": int(thing.get("recurring_interval_count") or 1),
                "active": not thing.get("is_archived"),
                "lookup_key": None,
                "nickname": None,
                "metadata": {str(k): str(v) for k, v in (thing.get("metadata") or {}).items()},
            }
        ]
    return []


def _amount(price):
    if price["amount_type"] == "free":
        return 0
    if price["amount_type"] == "fixed":
        return int(price["price_amount"])
    tiers = list((price.get("seat_tiers") or {}).get("tiers") or ())
    return int(tiers[0]["price_per_seat"]) if len(tiers) == 1 else None
