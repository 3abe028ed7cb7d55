"""Stripe Checkout: https://docs.stripe.com/api/checkout/sessions. Cards only, since other ways to pay take longer than
tickets are held."""

import json
from datetime import timedelta

from domain.events.providers import units
from domain.events.providers.facts import Declined, Ended, Money, PaidOut, Part, Refund, Started, Told
from domain.events.providers.units import from_provider, to_provider
from domain.money.providers.provider import BadSignature, NotOurs, ProviderFailed, readable
from domain.money.providers.stripe import wire

LABEL = "Stripe"
LASTS = timedelta(minutes=31)  # Stripe wants half an hour at least
REPEATS = True
_FAMILIES = {
    "checkout.session": "completed async_payment_succeeded async_payment_failed expired",
    "charge": "refunded",
    "refund": "created updated failed",
    "charge.dispute": "created updated closed",
}
KINDS = frozenset(f"{family}.{verb}" for family, verbs in _FAMILIES.items() for verb in verbs.split())
EXPAND = ["payment_intent.latest_charge.refunds"]
REFUNDS = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}  # else it is on its way
SALES = ("charge", "payment")  # of https://docs.stripe.com/reports/balance-transaction-types; others take or give back
PAYOUTS = {"paid": "paid", "failed": "failed", "canceled": "failed"}  # else it is on its way
# A question of a bank that has taken nothing yet, and that a refund answers: https://docs.stripe.com/disputes/how-disputes-work
INQUIRIES = ("warning_needs_response", "warning_under_review")
DISPUTES = {"won": "won", "warning_closed": "won", "prevented": "won", "lost": "lost"}  # else it is open
# What Stripe says where no repetition would help; else it may be asked again.
FOR_GOOD = (  # https://docs.stripe.com/error-codes
    *("charge_already_refunded", "charge_disputed", "refund_disputed_payment", "charge_not_refundable"),
    *("insufficient_funds", "balance_insufficient", "gone"),
)


def start(account, sale):
    """Open a page to pay on."""
    line = {
        "price_data": {
            "currency": sale.currency.lower(),
            "unit_amount": to_provider("stripe", sale.cents, sale.currency),
            "product_data": {"name": sale.about[:250]},
        },
        "quantity": 1,
    }
    params = {
        "mode": "payment",
        "line_items": [line],
        "customer_email": sale.email,
        "client_reference_id": sale.order,
        "metadata": {"attempt": sale.reference},
        "payment_intent_data": {"metadata": {"attempt": sale.reference}},
        "payment_method_types": ["card"],
        "success_url": sale.back,
        "cancel_url": sale.away,
        "expires_at": int(sale.until.timestamp()),
    }
    options = {"idempotency_key": f"attempt:{sale.reference}"}
    made = wire.called(_client(account).checkout.sessions.create, params, options)
    with readable(LABEL, "the checkout"):
        return Started(wire.id_of(made), str(made["url"]))


def _client(account):
    return wire.client_of(account)


def end(account, attempt):
    """Close the page; one that is paid or over stays as it is."""
    try:
        wire.called(_client(account).checkout.sessions.expire, attempt.reference, {})
    except ProviderFailed as failed:
        if wire.refused_as(failed) is None:
            raise


def look(account, attempt, refunds=()):
    """The page as Stripe has it now, the money that came by it, and what went back."""
    page = wire.called(_client(account).checkout.sessions.retrieve, attempt.reference, {"expand": EXPAND})
    with readable(LABEL, "the checkout"):
        if bool(page.get("livemode")) is not account.key.startswith(("sk_live_", "rk_live_")):
            raise NotOurs("It is of the other mode than this account's key.")
        intent = page.get("payment_intent")
        charge = intent.get("latest_charge") if isinstance(intent, dict) else None
        if isinstance(charge, dict) and charge.get("status") == "succeeded" and charge.get("captured"):
            return _money(account, attempt, intent, charge)
        if page["status"] == "expired":
            return (Ended(attempt.public_id, "expired"),)
        if page["status"] == "complete" and isinstance(charge, dict) and charge.get("status") == "failed":
            return (Ended(attempt.public_id, "failed"),)
        return ()


def _money(account, attempt, intent, charge):
    currency = str(charge["currency"]).upper()
    dispute, taken = _dispute(account, charge, wire.id_of(intent)) if charge.get("disputed") else (None, 0)
    money = Money(
        provider=account.provider,
        account=account.id,
        id=wire.id_of(intent),
        reference=attempt.public_id,
        state="paid",
        amount_cents=from_provider("stripe", charge["amount_captured"], currency),
        currency=currency,
        refunded_cents=from_provider("stripe", charge["amount_refunded"] + taken, currency),
        dispute=dispute,
        at=wire.moment(charge["created"]),
    )
    listed = charge.get("refunds") or {}
    refunds = _refunds(account, money.id) if listed.get("has_more") else listed.get("data") or ()
    return (money, *(_refund(one, money.id) for one in refunds))


def _refunds(account, payment):
    """All refunds of a payment: a charge has ten of them at most with it."""
    asked = wire.pages(_client(account).refunds.list, {"payment_intent": payment})
    return [one for page, _ in asked for one in page]


def _dispute(account, charge, intent):
    """(how the disputes of a charge stand, what a bank took of it without taking all). A bank may dispute a part, such
    as one ticket of many: then the rest is ours, and that part went back. Nearly all is all: currencies move.
    https://docs.stripe.com/api/disputes/object#dispute_object-amount"""
    found = wire.called(_client(account).disputes.list, {"payment_intent": intent, "limit": 10})["data"]
    states = {DISPUTES.get(one["status"], "open") for one in found if one["status"] not in INQUIRIES}
    state = next((state for state in ("lost", "open", "won") if state in states), None if found else "open")
    lost = sum(one["amount"] for one in found if one["status"] == "lost" and one["currency"] == charge["currency"])
    if state == "lost" and 0 < 10 * lost < 9 * (charge["amount_captured"] - charge["amount_refunded"]):
        return "open" if "open" in states else "won", lost
    return state, 0


def _refund(thing, payment):
    return Refund(
        id=wire.id_of(thing),
        payment=payment,
        state=REFUNDS.get(thing["status"], "sent"),
        amount_cents=from_provider("stripe", thing["amount"], str(thing["currency"]).upper()),
        key=str((thing.get("metadata") or {}).get("refund") or ""),
        error=str(thing.get("failure_reason") or "").replace("_", " "),
    )


def refund(account, payment, refund, key):
    """Give back so much of a payment; the same key gives it once."""
    params = {
        "payment_intent": payment.provider_payment_id,
        "amount": to_provider("stripe", units.rounded(refund.amount_cents, payment.currency), payment.currency),
        "metadata": {"refund": key},
    }
    try:
        made = wire.called(
            _client(account).refunds.create, params, {"idempotency_key": f"{key}:{payment.provider_payment_id}"}
        )
    except ProviderFailed as failed:
        if wire.refused_as(failed) in FOR_GOOD:
            raise Declined(str(failed)) from failed
        raise
    with readable(LABEL, "the refund"):
        return _refund(made, payment.provider_payment_id)


def made(account, payment, key):
    """The refund of a payment that was made with this key. Stripe forgets its own keys after a day, and then makes
    another one: https://docs.stripe.com/api/idempotent_requests"""
    with readable(LABEL, "its refunds"):
        id = payment.provider_payment_id
        told = [_refund(one, id) for one in _refunds(account, id)]
    return next((one for one in told if one.key == key), None)


def payouts(account, since):
    """What went to the bank since then. Of automatic ones Stripe tells what is in them, of others it doesn't know:
    https://docs.stripe.com/payouts/reconciliation"""
    client, told = _client(account), []
    for page, _ in wire.pages(client.payouts.list, {"created": {"gte": int(since.timestamp())}}):
        for one in page:
            if one["amount"] > 0:  # below, Stripe takes from the bank what is owed to it
                told.append(_payout(client, one))
    return told


def _payout(client, one):
    currency, parts = str(one["currency"]).upper(), []
    if one.get("automatic"):
        asked = {"payout": wire.id_of(one), "expand": ["data.source"]}
        for page, _ in wire.pages(client.balance_transactions.list, asked):
            parts += [_part(entry, currency) for entry in page if entry["type"] != "payout"]
    return PaidOut(
        id=wire.id_of(one),
        state=PAYOUTS.get(one["status"], "pending"),
        amount_cents=from_provider("stripe", one["amount"], currency),
        currency=currency,
        at=wire.moment(one["arrival_date"]),
        parts=tuple(parts),
    )


def _part(entry, currency):
    """https://docs.stripe.com/api/balance_transactions/object: amounts are in the currency of the payout."""

    def cents(name):
        amount = int(entry[name])
        return from_provider("stripe", abs(amount), currency) * (-1 if amount < 0 else 1)

    source = entry.get("source")
    payment = wire.id_in(source.get("payment_intent")) if isinstance(source, dict) else None
    amount = cents("amount")
    came = max(amount, 0) if entry["type"] in SALES or not payment else 0  # a refund that failed didn't go back
    return Part(payment or "", cents("net"), amount_cents=came, refunded_cents=came - amount, fee_cents=cents("fee"))


def check(account, body, headers):
    """Refuses with BadSignature what none of the account's secrets signed within five minutes of now."""
    if not wire.is_signed(body, headers, account.secrets):
        raise BadSignature("The signature doesn't fit.")


def about(body):
    """Which attempt an event is about; nothing where it is about none of ours. Refuses with ValueError."""
    event = json.loads(body)
    thing, kind = event["data"]["object"], str(event["type"])
    told = {"id": str(event["id"]), "type": kind, "at": wire.moment(event["created"])}
    if kind not in KINDS or event.get("account"):  # of a connected account
        return Told(**told)
    given = str((thing.get("metadata") or {}).get("attempt") or "")
    payment = wire.id_in(thing.get("payment_intent")) or ""
    return Told(**told, reference=given, payment="" if kind.startswith("checkout.") else payment)


def attempt_of(account, payment):
    """What an attempt gave along to a payment; empty where it is none of an attempt's."""
    intent = wire.called(_client(account).payment_intents.retrieve, payment)
    return str((intent.get("metadata") or {}).get("attempt") or "")
