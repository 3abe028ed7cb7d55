"""What Stripe's events and objects mean."""

import functools
import json

from domain.money import providers
from domain.money.providers import http, provider
from domain.money.providers.provider import Fact, NotOurs, Occasion, ProviderFailed, is_known, readable
from domain.money.providers.stripe.wire import (
    KINDS,
    LABEL,
    NAME,
    client,
    expanded,
    fetch,
    first,
    happened_at,
    id_in,
    id_of,
    intents_in,
    minor,
    moment,
    pages,
    payments_in,
    period_of,
    price_id,
    sold_item,
    subscription_of,
)

STATUSES = ("incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused")
OVER = ("incomplete_expired", "canceled")
INVOICES = ("draft", "open", "paid", "void", "uncollectible")
CHECKOUTS, MODES = ("open", "complete", "expired"), ("subscription", "payment", "setup")
DISPUTED = ("needs_response", "under_review", "appeal_needs_response", "appeal_under_review")
REASONS = {"subscription_create": "create", "subscription_cycle": "cycle", "subscription_update": "update"}
PAID = ("paid", "no_payment_required")
TICKETS = dict.fromkeys(("checkout.session", "payment_intent", "charge"), "attempt") | {"refund": "refund"}
FAILED = ("requires_payment_method", "canceled")  # of an intent that was to pay what was bought


def facts(body):
    """What a stored event means: the objects it speaks of, fetched anew. Empty for kinds that don't concern us.
    An object that is gone is as the event says. Refuses with NotOurs where the event is of a connected account
    (https://docs.stripe.com/connect/webhooks) or its mode isn't our account's, and with ProviderFailed."""
    with readable(LABEL, "this event"):
        event = json.loads(body)
        if event.get("account"):
            raise NotOurs(f"It is of the connected account {str(event['account'])[:40]}, not of ours.")
        if bool(event.get("livemode")) is not providers.account().live:
            raise NotOurs(
                "It is about real money." if event.get("livemode") else "It is a test, and here money is real."
            )
        thing, read = event["data"]["object"], READERS.get(event["type"].rpartition(".")[0])
        if not read or event["type"] not in KINDS or is_of_tickets(thing):
            return []
        return read(thing, Occasion(NAME, happened_at(event), event["id"], event["type"]))


def _unknown(kind, thing, asked_at, why, customer=None, metadata=None, word="status") -> list[Fact]:
    """The one fact about a thing whose status we have no word for."""
    said = why.of(id_in(customer or thing.get("customer")), _given(metadata or thing, "organization"), asked_at)
    return [provider.StatusUnknown(**said, thing=kind, id=id_of(thing), status=str(thing[word])[:40])]


def _given(thing, name):
    """What we gave along under a name."""
    return (thing.get("metadata") or {}).get(name)


def is_of_tickets(thing):
    """Whether a checkout, its intent, a charge or a refund is of a sale of tickets, which says so where it makes them
    (domain/events/providers/stripe.py) and reads them at a desk of its own. Nothing is asked about them here: a hot
    sale would be thousands of questions. Charges have what their intents were given: https://docs.stripe.com/metadata"""
    return bool(_given(thing, TICKETS.get(thing["object"], "")))


# --- subscriptions ----------------------------------------------------------------------------------------


def subscription(thing, asked_at, why) -> list[Fact]:
    """https://docs.stripe.com/api/subscriptions/object"""
    item, status, cancel_at = sold_item(thing), thing["status"], thing.get("cancel_at")
    if not is_known(status, STATUSES):
        return _unknown("subscription", thing, asked_at, why)
    starts, ends = period_of(thing, item)
    at_period_end, pause = bool(thing.get("cancel_at_period_end")), thing.get("pause_collection") or {}
    pending = (thing.get("pending_update") or {}).get("subscription_items") or []
    bill = _open_invoice(thing, asked_at) or {}
    # A change that waits for its payment may lapse: what is in force is paid, and nothing falls due.
    optional = bool(pending) and bill.get("billing_reason") == "subscription_update"
    changed = provider.SubscriptionChanged(
        **why.of(id_of(thing["customer"]), _given(thing, "organization"), asked_at),
        id=id_of(thing),
        price_id=price_id(item),
        status=status,
        quantity=int(item.get("quantity") or 1),  # of what is metered there is none
        started_at=moment(thing.get("start_date") or thing.get("created")),
        period_start_at=moment(starts),
        period_end_at=moment(ends),
        trial_ends_at=moment(thing.get("trial_end")),
        cancel_at_period_end=at_period_end or bool(cancel_at),
        cancel_at=moment(cancel_at or (ends if at_period_end else None)),
        ended_at=moment(thing.get("ended_at")),
        unpaid_since_at=_fell_due(bill) if bill and not optional else None,
        first_unpaid=bill.get("billing_reason") == "subscription_create",
        unpaid_url=bill.get("hosted_invoice_url"),
        collection_paused=bool(pause),
        resumes_at=moment(pause.get("resumes_at")),
        pending_price_id=price_id(pending[0]) if pending else None,
        purchaser=_given(thing, "user"),
    )
    return [changed]


def _open_invoice(thing, asked_at):
    """The newest invoice of a subscription that wants paying, or None."""
    newest = thing.get("latest_invoice")
    if isinstance(newest, dict) and newest.get("status") == "open":
        return newest if newest.get("amount_remaining", newest.get("amount_due")) else None
    if asked_at and thing["status"] in ("past_due", "unpaid"):  # the newest may be a draft for an hour, or for good
        return first(client().invoices.list, {"subscription": thing["id"], "status": "open"})
    return None


def _fell_due(bill):
    finalized = (bill.get("status_transitions") or {}).get("finalized_at")
    return moment(int(bill.get("due_date") or finalized or bill["created"]))


# --- invoices ---------------------------------------------------------------------------------------------


def _with_subscription(bill, asked_at, why):
    """An invoice, and before it its subscription."""
    id = subscription_of(bill)
    sold, then = fetch("subscription", id) if id else (None, None)
    return (subscription(sold, then, why) if sold else []) + invoice(bill, asked_at, why, sold)


def invoice(thing, asked_at, why, sold=None) -> list[Fact]:
    """How an invoice stands: paid, or failed, or not wanted; nothing while it is a draft or nobody tried."""
    status, attempts = thing["status"], int(thing.get("attempt_count") or 0)
    details = (thing.get("parent") or {}).get("subscription_details") or thing.get("subscription_details") or {}
    given = next((one for one in (sold or {}, details, thing) if one.get("metadata")), {})
    if not is_known(status, INVOICES):
        return _unknown("invoice", thing, asked_at, why, metadata=given)
    told = why.kind in ("invoice.payment_failed", "invoice.payment_action_required")
    if status == "draft" or (status == "open" and not (attempts or told)):
        return []
    line, renews = _line(thing)
    reason = REASONS.get(thing.get("billing_reason") or "", "other")
    said = {
        **why.of(id_of(thing["customer"]), _given(given, "organization"), asked_at),
        "id": id_of(thing),
        "subscription_id": subscription_of(thing),
        "price_id": price_id(line) if line else None,
        "reason": "update" if line and not renews and reason != "other" else reason,
        "currency": thing["currency"].upper(),
        "period_start_at": moment(line["period"]["start"]) if renews else None,  # a proration begins no period
        "period_end_at": moment(line["period"]["end"]) if renews else None,
        "url": thing.get("hosted_invoice_url"),
    }
    if status == "paid":
        paid_at = moment((thing.get("status_transitions") or {}).get("paid_at") or thing["created"])
        said |= {"amount": minor(thing["amount_paid"], thing["currency"]), "paid_at": paid_at}
        return [provider.PaymentReceived(**said, purchaser=_given(given, "user"), tier=_tier(line, sold))]
    intents = {intent.get("status") for intent in intents_in(thing) if isinstance(intent, dict)}
    if status == "open" and "processing" in intents:  # a bank debit is on its way: nothing is known yet
        return []
    asks = why.kind == "invoice.payment_action_required" or "requires_action" in intents
    return [
        provider.PaymentFailed(
            **said,
            amount=minor(thing["amount_due"], thing["currency"]),
            attempts=max(attempts, 1),
            next_attempt_at=moment(thing.get("next_payment_attempt")),
            action_required=asks and status == "open",
            void=status != "open",
        )
    ]


def _line(bill):
    """(the line that says what is paid for, whether it is a subscription's period and no proration)."""
    lines = bill["lines"]["data"]
    if bill["lines"].get("has_more"):
        every = pages(functools.partial(client().invoices.line_items.list, bill["id"]), {})
        lines = [line for page, _ in every for line in page]
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


def _tier(line, sold=None):
    """A licence's tier, written into the price: https://docs.stripe.com/api/metadata"""
    items = ((sold or {}).get("items") or {}).get("data") or []
    known = [item.get("price") for item in (line or {}, *items)]
    wanted = price_id(line) if line else None
    tiers = [_given(price, "tier") for price in known if isinstance(price, dict) and price["id"] == wanted]
    return next((tier for tier in tiers if tier in ("personal", "commercial")), "personal")


# --- checkouts --------------------------------------------------------------------------------------------


def checkout(thing, asked_at, why) -> list[Fact]:
    """What a checkout session came to: its customer, its subscription and first invoice, or what was bought once."""
    status, buyer, organization = thing["status"], thing.get("customer"), _given(thing, "organization")
    for word, known in (("status", CHECKOUTS), ("mode", MODES)):
        if not is_known(thing[word], known):
            return _unknown("checkout", thing, asked_at, why, word=word)
    found: list[Fact] = []
    if isinstance(buyer, dict):
        found += customer(buyer, asked_at, why, organization)
    elif buyer:
        email = (thing.get("customer_details") or {}).get("email") or thing.get("customer_email") or ""
        found.append(provider.CustomerChanged(**why.of(buyer, organization, asked_at), email=email))
    if thing.get("subscription"):
        sold, then = fetch("subscription", id_in(thing["subscription"]))
        if sold:
            found += subscription(sold, then, why)
            newest = sold.get("latest_invoice")
            if isinstance(newest, dict) and newest["id"] == id_in(thing.get("invoice")) and newest["status"] == "paid":
                found += invoice(newest, then, why, sold)
    if thing["mode"] == "payment" and status == "complete":
        found += purchase(thing, asked_at, why)
    if status != "open":
        said = why.of(id_in(buyer), organization, asked_at)
        found.append(provider.CheckoutClosed(**said, id=id_of(thing), completed=status == "complete"))
    return found


def purchase(thing, asked_at, why) -> list[Fact]:
    """What was bought once. A slow payment is none until it has come, and failed once its intent says so: an
    event's kind counts only where the intent itself can't be seen."""
    currency, intent = thing["currency"], thing.get("payment_intent")
    lines = (thing.get("line_items") or {}).get("data") or []
    line = next((one for one in lines if one.get("price")), None)  # a price may be missing: tickets have amounts alone
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    charge = charge if isinstance(charge, dict) else {}
    said = {
        **why.of(id_in(thing.get("customer")), _given(thing, "organization"), asked_at),
        "id": id_in(thing.get("invoice")) or id_in(intent) or id_of(thing),
        "price_id": price_id(line) if line else providers.account().prices.get(_given(thing, "plan")),
        "reason": "once",
        "amount": minor(thing["amount_total"], currency),
        "currency": currency.upper(),
        "url": charge.get("receipt_url"),
        "checkout_id": thing["id"],
    }
    if thing["payment_status"] in PAID:
        said |= {"paid_at": moment(charge.get("created") or thing["created"]), "tier": _tier(line)}
        return [provider.PaymentReceived(**said, purchaser=_given(thing, "user"))]
    stands = intent.get("status") if isinstance(intent, dict) else None
    failed = stands in FAILED if stands else why.kind == "checkout.session.async_payment_failed"
    return [provider.PaymentFailed(**said)] if failed else []


def _about_intent(thing, why):
    """The purchase an intent was to pay for. An invoice's has no checkout of its own: the invoice tells of it."""
    found, asked_at = (None, None) if thing.get("invoice") else _session_of(thing["id"])
    return checkout(found, asked_at, why) if found else []


@readable(LABEL, "this payment")
def known_of(payment_id, why):
    """(what is said of a payment by its invoice or its checkout, the intents that paid it)."""
    if not payment_id.startswith("in_"):
        return _about_intent({"id": payment_id}, why), [payment_id]
    bill, asked_at = fetch("invoice", payment_id)
    intents = [id_in(intent) for intent in intents_in(bill or {}, "paid")]
    return _with_subscription(bill, asked_at, why) if bill else [], intents


def _session_of(intent_id):
    with_intent = {"payment_intent": intent_id} | expanded("checkout.session")
    return http.anew(first, client().checkout.sessions.list, with_intent)


# --- refunds, disputes ------------------------------------------------------------------------------------


def _paid_for(charge, why):
    """(the payment's id, its customer, what is known of it, its invoice) for a charge or a dispute; no id where it
    isn't ours."""
    intent_id, invoice_id = id_in(charge.get("payment_intent")), id_in(charge.get("invoice"))
    if not invoice_id and intent_id:
        paid = {"payment": {"type": "payment_intent", "payment_intent": intent_id}}
        invoice_id = id_in((first(client().invoice_payments.list, paid) or {}).get("invoice"))
    if invoice_id:
        bill, asked_at = fetch("invoice", invoice_id)
        known = _with_subscription(bill, asked_at, why) if bill else []
        return (invoice_id, known[-1].customer_id, known, bill) if known else (None, None, [], None)
    session, asked_at = _session_of(intent_id) if intent_id else (None, None)
    if not session or session["mode"] != "payment" or is_of_tickets(session):
        return None, None, [], None
    bought = purchase(session, asked_at, why)
    return id_in(session.get("invoice")) or intent_id, id_in(session.get("customer")), bought, None


def about_refund(thing, why):
    """What came back of the payment that a refund is of."""
    if not id_in(thing.get("charge")):
        return []  # of a balance, or another account's payment: not of what we sold
    charge, asked_at = fetch("charge", id_in(thing["charge"]))
    if charge:
        return _refunded(charge, asked_at, why)
    raise ProviderFailed("Stripe: the charge of this refund can't be asked for, so its total isn't known.", asked=False)


def _refunded(charge, asked_at, why) -> list[Fact]:
    if is_of_tickets(charge):
        return []
    payment_id, buyer, known, bill = _paid_for(charge, why)
    if not payment_id:
        return []
    total = came_back(charge) + sum(came_back(other) for other in charges_of(bill or {}) if other["id"] != charge["id"])
    said = why.of(id_in(buyer), known[-1].organization if known else _given(charge, "organization"), asked_at)
    back = minor(total, charge["currency"])
    return [*known, provider.PaymentRefunded(**said, payment_id=payment_id, amount_refunded=back)]


def came_back(charge):
    """How much of a charge was refunded, without refunds that failed, in Stripe's units."""
    refunds = charge.get("refunds") or {}
    if "data" not in refunds or refunds.get("has_more"):
        return charge["amount_refunded"]
    return sum(refund["amount"] for refund in refunds["data"] if refund["status"] not in ("failed", "canceled"))


def charges_of(bill):
    """The charges of an invoice that several payments paid (docs.stripe.com/api/invoice-payment); of one that has
    only one, none: whoever asks has that one."""
    payments = [one.get("payment") or {} for one in payments_in(bill)]
    for paid in payments if len(payments) > 1 else ():
        intent = paid.get("payment_intent")
        found = fetch("payment_intent", id_in(intent))[0] if intent else fetch("charge", id_in(paid.get("charge")))[0]
        charge = (found or {}).get("latest_charge") if intent else found
        if isinstance(charge, dict):
            yield charge


def dispute(thing, asked_at, why) -> list[Fact]:
    """A bank took the money back, or gave it back. An inquiry (warning_…) hasn't, and one prevented never will."""
    status = thing["status"]
    if status.startswith("warning_") or status == "prevented":
        return []
    charge = thing if thing.get("payment_intent") else fetch("charge", id_in(thing["charge"]))[0] or thing
    payment_id, buyer, known, _ = _paid_for(charge, why)
    if not payment_id:
        return []
    said = why.of(id_in(buyer), known[-1].organization if known else None, asked_at)
    said |= {"payment_id": payment_id, "id": id_of(thing)}
    if not is_known(status, (*DISPUTED, "won", "lost")):
        return known + _unknown("dispute", thing, asked_at, why, buyer)
    closed = status not in DISPUTED
    return [*known, provider.DisputeClosed(**said, won=status == "won") if closed else provider.DisputeOpened(**said)]


# --- customers --------------------------------------------------------------------------------------------


def _about_customer(thing, why):
    found, asked_at = fetch("customer", thing["id"])
    return customer(found or thing | {"deleted": True}, asked_at, why)


def customer(thing, asked_at, why, organization=None) -> list[Fact]:
    """https://docs.stripe.com/api/customers/object"""
    said = why.of(id_of(thing), organization or _given(thing, "organization"), asked_at)
    return [provider.CustomerChanged(**said, email=thing.get("email") or "", deleted=bool(thing.get("deleted")))]


def _anew(kind, read):
    """A reader of events about such objects: each as Stripe has it now, or as it was told where it is gone."""

    def about(thing, why):
        found, asked_at = fetch(kind, thing["id"])
        return read(found or thing, asked_at, why)

    return about


READERS = {
    "customer.subscription": _anew("subscription", subscription),
    "invoice": _anew("invoice", _with_subscription),
    "checkout.session": _anew("checkout.session", checkout),
    "payment_intent": _about_intent,
    "charge": _anew("charge", _refunded),
    "charge.refund": about_refund,
    "refund": about_refund,
    "charge.dispute": _anew("dispute", dispute),
    "customer": _about_customer,
}
