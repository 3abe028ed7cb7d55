"""What Stripe posts when something happened."""

import json

import stripe

from domain.money.providers.sandbox.records import get
from domain.money.providers.sandbox.stripe.objects import RENDER, new_id, render_customer
from domain.money.providers.sandbox.stripe.tickets import DESK

# What happened at the sandbox → the events Stripe sends of it, each with the object it shows.
TOLD: dict[str, tuple[tuple[str, str], ...]] = {
    **{f"customer.{verb}": ((f"customer.{verb}", "customer"),) for verb in ("created", "updated", "deleted")},
    "checkout.completed": (("checkout.session.completed", "checkout"),),
    "checkout.expired": (("checkout.session.expired", "checkout"),),
    "checkout.paid_later": (("checkout.session.async_payment_succeeded", "checkout"),),
    "checkout.failed_later": (("checkout.session.async_payment_failed", "checkout"),),
    "subscription.ended": (("customer.subscription.deleted", "subscription"),),
    "subscription.trial_ending": (("customer.subscription.trial_will_end", "subscription"),),
    "subscription.pending_applied": (("customer.subscription.pending_update_applied", "subscription"),),
    "subscription.pending_expired": (("customer.subscription.pending_update_expired", "subscription"),),
    **{
        f"subscription.{verb}": ((f"customer.subscription.{verb}", "subscription"),)
        for verb in ("created", "updated", "paused", "resumed")
    },
    "invoice.drafted": (("invoice.created", "invoice"),),
    "invoice.opened": (("invoice.created", "invoice"), ("invoice.finalized", "invoice")),
    "invoice.paid": (("invoice.paid", "invoice"), ("invoice.payment_succeeded", "invoice")),
    "invoice.failed": (("invoice.payment_failed", "invoice"),),
    "invoice.action_required": (("invoice.payment_action_required", "invoice"),),
    "invoice.voided": (("invoice.voided", "invoice"),),
    "invoice.uncollectible": (("invoice.marked_uncollectible", "invoice"),),
    "payment.succeeded": (("charge.succeeded", "charge"), ("payment_intent.succeeded", "payment")),
    "payment.failed": (("charge.failed", "charge"), ("payment_intent.payment_failed", "payment")),
    "payment.processing": (("payment_intent.processing", "payment"), ("charge.pending", "charge")),
    "payment.action_required": (("payment_intent.requires_action", "payment"),),
    "refund.created": (("refund.created", "refund"), ("charge.refunded", "charge")),
    "refund.failed": (("refund.updated", "refund"), ("charge.refund.updated", "refund"), ("refund.failed", "refund")),
    "dispute.opened": (("charge.dispute.created", "dispute"), ("charge.dispute.funds_withdrawn", "dispute")),
    "dispute.closed": (("charge.dispute.closed", "dispute"), ("charge.dispute.funds_reinstated", "dispute")),
}

TICKETS = ("checkout.session.", "charge.refunded", "charge.dispute.", "refund.")


def told(type, thing, previous, at):
    """The events of one change, as Stripe posts them; none for what Stripe has no object of."""
    if thing["kind"] == "invoice" and thing["reason"] == "once":
        return []
    events = []
    for name, kind in TOLD[type]:
        if name.endswith("funds_reinstated") and thing["status"] != "won":
            continue
        of = get(thing["payment"]) if kind == "charge" and thing["kind"] == "refund" else thing
        data = {
            "object": RENDER[kind](of) if type != "customer.deleted" else render_customer(thing | {"deleted": False})
        }
        if previous is not None and name.endswith(".updated"):
            before = RENDER[kind](thing | previous)
            data["previous_attributes"] = {k: v for k, v in before.items() if v != data["object"][k]}
        events.append(
            {
                "id": new_id("event"),
                "object": "event",
                "api_version": stripe.api_version,
                "created": at,
                "livemode": False,
                "pending_webhooks": 1,
                "type": name,
                "data": data,
                "request": {"id": None, "idempotency_key": None},
            }
        )
    return events


def type_of(payload):
    """What an event says happened."""
    return payload["type"]


def is_asked(type, desk):
    """Whether an endpoint asks for such events, as `enabled_events` at https://docs.stripe.com/api/webhook_endpoints/create
    say; that for tickets asks for what docs/providers.md tells to send it."""
    return desk != DESK or type.startswith(TICKETS)


def signed(payload, secret):
    """(body, headers) of an event, signed as Stripe signs it."""
    body = json.dumps(payload, separators=(",\n", ": "))  # on many lines, as Stripe's: written anew it wouldn't fit
    signature = stripe.WebhookSignature.generate_signature_header(body, secret)
    return body.encode(), {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
