"""How things stand at Polar, and what it sells."""

from datetime import timedelta

from database.clock import now
from domain.money.providers import provider
from domain.money.providers.http import Answered, anew, moment
from domain.money.providers.polar import reading
from domain.money.providers.polar.wire import LABEL, NAME, event_of, get, pages, reads
from domain.money.providers.provider import Fact, Missed, Occasion, readable

STANDING = ("trialing", "active", "past_due", "unpaid", "paused")
DISPUTED = timedelta(days=180)  # how far back payments may still be disputed


def _ourselves():
    """Nothing but our own wish to know."""
    return Occasion(NAME, now())


def refetch(subscription_id):
    """One subscription and its newest orders, as Polar has them now; nothing when it knows no such one."""
    return reading.subscription_and_orders(subscription_id, _ourselves())


def list_active():
    """All subscriptions that aren't over, a page of facts at a time, oldest first."""
    for page, asked_at in pages("/v1/subscriptions/", status=STANDING, sorting="started_at"):
        standing = [thing for thing in page if thing.get("status") in STANDING]
        yield [fact for thing in standing for fact in reading.subscription(thing, asked_at, _ourselves())]


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
        found = [anew(get, "/v1/orders/", id) for id in sorted(missing)]
        yield _orders([(order, asked_at) for order, asked_at in found if order], subscriptions)
    try:
        for page in _since("/v1/disputes/", since - DISPUTED):
            yield [fact for thing, asked_at in page for fact in reading.dispute(thing, asked_at, _ourselves())]
    except Answered as answered:
        if answered.status not in (403, 404):
            raise


def _since(path, since):
    """[(object, when it was asked for)], newest first, until they are older."""
    for page, asked_at in pages(path, sorting="-created_at"):
        with readable(LABEL, "the list"):
            new = [thing for thing in page if moment(thing["created_at"]) >= since]
        yield [(thing, asked_at) for thing in new]
        if len(new) < len(page):
            return


def _orders(page, known):
    """Each order's money, and before it its subscription where that wasn't told yet."""
    found: list[Fact] = []
    for order, asked_at in page:
        id = order.get("subscription_id")
        read = reading.payment if not id or id in known else reading.order
        found += read(order, asked_at, _ourselves())
        known.add(id)
    return found


def payment(payment_id):
    """One order with its subscription, what came back of it and its disputes; nothing for one that is gone."""
    thing, asked_at = anew(get, "/v1/orders/", payment_id)
    found = _orders([(thing, asked_at)], set()) if thing else []
    try:
        for page, then in pages("/v1/disputes/", order_id=payment_id):
            theirs = [one for one in page if one.get("order_id") == payment_id]
            found += [fact for one in theirs for fact in reading.dispute(one, then, _ourselves())]
    except Answered as answered:
        if answered.status not in (403, 404):
            raise
    return found


def buyer(customer_id):
    """How a customer stands. Polar knows none that was deleted; it made ours, so one it doesn't know was."""
    found, asked_at = anew(get, "/v1/customers/", customer_id)
    return [reading.buyer(found or {"id": customer_id}, asked_at or now(), _ourselves(), deleted=not found)]


def missed(since):
    """The events since then that couldn't be delivered, oldest first, each once.
    Events of a switched-off endpoint were never tried and aren't among them; old ones have lost their body:
    https://polar.sh/docs/api-reference/2026-10/webhooks/list-webhook-deliveries"""
    found = {}
    for page, _ in pages("/v1/webhooks/deliveries", succeeded="false", start_timestamp=since.isoformat()):
        for delivery in page:
            event = delivery.get("webhook_event") or {}
            if event.get("payload") and not event.get("succeeded"):
                found.setdefault(event.get("id"), event)
    for event in reversed(found.values()):
        with reads("an event"):
            body = event["payload"].encode()
            one = Missed(event_of(event["id"], body, moment(event["created_at"])), body)
        yield one


def confirm(checkout_id):
    """What a checkout led to, for the page that the browser returns to. Empty while it is open."""
    asked_at = now()
    held = get("/v1/checkouts/", checkout_id)
    closed = reading.checkout(held, asked_at, _ourselves())
    if held.get("status") != "succeeded":
        return closed
    found: list[Fact] = []
    known: set[str] = set()
    for page, asked_at in pages("/v1/orders/", checkout_id=checkout_id, sorting="created_at"):
        found += _orders([(order, asked_at) for order in page], known)
    if not found and held.get("customer_id"):  # a trial may begin without an order
        for page, asked_at in pages("/v1/subscriptions/", customer_id=held["customer_id"], sorting="-started_at"):
            for thing in page:
                if thing.get("checkout_id") == checkout_id:
                    found += reading.subscription(thing, asked_at, _ourselves())
    return found + closed


# --- what it sells ----------------------------------------------------------------------------------------


def products():
    """All products that aren't archived, a page at a time, as provider.product tells them."""
    for page, _ in pages("/v1/products/", is_archived="false", sorting="created_at"):
        with reads():
            found = [_product(thing) for thing in page]
        yield found


def _product(thing):
    images = [media["public_url"] for media in thing.get("medias") or () if media.get("public_url")]
    return provider.product(thing, thing.get("description"), images, not thing.get("is_archived"))


def all_prices():
    """One price for each product that isn't archived, a page at a time, under the product's id, by which it is
    sold; amounts in minor units, None where they depend on the quantity or on the buyer.
    Of several currencies the first is shown; charges for use, which come on top, aren't."""
    for page, _ in pages("/v1/products/", is_archived="false", sorting="created_at"):
        with reads():
            found = [price for thing in page for price in _prices(thing)]
        yield found


def _prices(thing):
    """https://polar.sh/docs/features/products: at most one price for each currency doesn't measure use."""
    for price in thing.get("prices") or ():
        if price.get("is_archived") or price["amount_type"] not in ("fixed", "free", "custom", "seat_based"):
            continue
        every = thing.get("recurring_interval") or price.get("recurring_interval") or ""
        said = (thing["id"], thing["id"], _amount(price), price.get("price_currency") or "", every)
        more = {"active": not thing.get("is_archived"), "metadata": provider.texts(thing)}
        return [provider.price(*said, thing.get("recurring_interval_count"), **more)]
    return []


def _amount(price):
    if price["amount_type"] == "free":
        return 0
    if price["amount_type"] == "fixed":
        return int(price["price_amount"])
    tiers = list((price.get("seat_tiers") or {}).get("tiers") or ())
    return int(tiers[0]["price_per_seat"]) if len(tiers) == 1 else None
