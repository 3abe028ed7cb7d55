"""Ids and objects as Stripe shows them: https://docs.stripe.com/api"""

import secrets

from domain.base import configuration
from domain.money.providers.sandbox import selling
from domain.money.providers.sandbox.records import clock, find, get

NAME = "stripe"
PATH = "stripe"
KEY = "sk_test_sandbox"
STORE = ""
PRODUCT = "prod_sandbox_pro"
PRICES = {plan: f"price_sandbox_{plan}" for plan in selling.AMOUNTS}
PREFIXES = {
    "customer": "cus",
    "product": "prod",
    "price": "price",
    "checkout": "cs_test",
    "subscription": "sub",
    "item": "si",
    "invoice": "in",
    "line": "il",
    "payment": "pi",
    "refund": "re",
    "dispute": "du",
    "event": "evt",
    "portal": "bps",
}


def new_id(kind):
    """An id as Stripe would give it."""
    return f"{PREFIXES[kind]}_{secrets.token_hex(12)}"


def _base(thing, object, **more):
    about = {"id": thing["id"], "object": object, "created": thing["created"], "livemode": False}
    return about | {"metadata": thing["metadata"]} | more


def render_product(thing):
    """https://docs.stripe.com/api/products/object"""
    if "object" in thing:  # somebody put it there in Stripe's own words
        return thing
    names = ("active", "name", "description", "images", "default_price")
    return _base(thing, "product", type="service", **{name: thing.get(name) for name in names})


def render_price(thing):
    """https://docs.stripe.com/api/prices/object"""
    if "object" in thing:
        return thing
    names = ("active", "currency", "product", "lookup_key", "nickname")
    recurring = {"interval": thing["interval"], "interval_count": 1, "usage_type": "licensed"}
    return _base(
        thing,
        "price",
        **{name: thing.get(name) for name in names},
        billing_scheme="per_unit",
        type="recurring" if thing["interval"] else "one_time",
        recurring=recurring if thing["interval"] else None,
        unit_amount=thing["amount"],
        unit_amount_decimal=str(thing["amount"]),
    )


def render_customer(thing):
    """https://docs.stripe.com/api/customers/object"""
    if thing["deleted"]:
        return {"id": thing["id"], "object": "customer", "deleted": True}
    about = {name: thing[name] for name in ("email", "name", "balance")}
    return _base(thing, "customer", **about, currency=selling.CURRENCY, delinquent=False, description=None)


def _site(path):
    return f"{configuration.active.site_url}/sandbox/{path}"


def intent_of(checkout):
    """The payment intent of what was bought once, or None."""
    if checkout.get("payment"):
        return checkout["payment"]
    if not checkout["once"] or not checkout["invoice"]:
        return None
    return next((payment["id"] for payment in find("payment", checkout["invoice"])), None)


def render_session(thing):
    """https://docs.stripe.com/api/checkout/sessions/object"""
    status = "paid" if thing["paid"] and thing["amount"] else "no_payment_required" if thing["paid"] else "unpaid"
    status = "no_payment_required" if not thing["amount"] and thing["status"] == "open" else status
    state = "expired" if thing["status"] == "open" and thing["expires"] <= clock() else thing["status"]
    buyer = get(thing["customer"]) if thing["customer"] else {}
    email = buyer.get("email") or thing["email"]
    return _base(
        thing,
        "checkout.session",
        mode="payment" if thing["once"] else "subscription",
        status=state,
        payment_status=status,
        customer=thing["customer"],
        customer_email=thing["email"],
        customer_details={"email": email, "name": buyer.get("name")} if email else None,
        subscription=thing["subscription"],
        invoice=None if thing["once"] else thing["invoice"],
        payment_intent=intent_of(thing),
        currency=thing["currency"],
        amount_total=thing["amount"],
        amount_subtotal=thing["amount"],
        client_reference_id=thing["reference"],
        expires_at=thing["expires"],
        success_url=thing["success_url"],
        cancel_url=thing["cancel_url"],
        url=_site(f"checkout/{thing['id']}") if state == "open" else None,
    )


def lines_bought(thing):
    """A checkout's lines."""
    if "lines" in thing:
        data = [_own_line(thing, number, one) for number, one in enumerate(thing["lines"])]
        return {"object": "list", "has_more": False, "data": data}
    price = selling.price(thing["price"])
    line = {
        "id": "li_" + thing["id"][8:],
        "object": "item",
        "description": _product_name(price["product"]),
        "amount_total": thing["amount"],
        "amount_subtotal": thing["amount"],
        "currency": thing["currency"],
        "quantity": thing["quantity"],
        "price": render_price(price),
    }
    return {
        "object": "list",
        "has_more": False,
        "data": [line],
        "url": f"/v1/checkout/sessions/{thing['id']}/line_items",
    }


def _own_line(thing, number, line):
    about = {"description": line["name"], "quantity": line["quantity"], "currency": thing["currency"]}
    total = line["amount"] * line["quantity"]
    return {"id": f"li_{number}_{thing['id'][8:]}", "object": "item", "amount_total": total, "price": None} | about


def render_portal(thing):
    """https://docs.stripe.com/api/customer_portal/sessions/object"""
    about = {"customer": thing["customer"], "return_url": thing["return_url"], "url": _site(f"portal/{thing['id']}")}
    return _base(thing, "billing_portal.session", configuration="bpc_sandbox", locale=None, **about)


def _render_item(thing, **changed):
    held = thing | changed
    return {
        "id": thing["item"],
        "object": "subscription_item",
        "created": thing["created"],
        "metadata": {},
        "subscription": thing["id"],
        "quantity": held["quantity"],
        "price": render_price(selling.price(held["price"])),
        "current_period_start": thing["period_start"],
        "current_period_end": thing["period_end"],
    }


def render_subscription(thing):
    """https://docs.stripe.com/api/subscriptions/object"""
    pending = thing["pending"]
    same = (
        "customer",
        "status",
        "currency",
        "cancel_at",
        "cancel_at_period_end",
        "canceled_at",
        "ended_at",
        "trial_start",
        "trial_end",
        "latest_invoice",
    )
    return _base(
        thing,
        "subscription",
        **{name: thing[name] for name in same},
        start_date=thing["start"],
        billing_cycle_anchor=thing["anchor"],
        collection_method="charge_automatically",
        days_until_due=None,
        cancellation_details={"reason": thing["ended_because"], "comment": None, "feedback": None},
        items={
            "object": "list",
            "has_more": False,
            "data": [_render_item(thing)],
            "total_count": 1,
            "url": f"/v1/subscription_items?subscription={thing['id']}",
        },
        pause_collection=thing["pause"],
        default_payment_method=None,
        schedule=None,
        discounts=[],
        test_clock=None,
        pending_update=pending
        and {
            "expires_at": pending["expires"],
            "billing_cycle_anchor": None,
            "trial_end": None,
            "trial_from_plan": None,
            "subscription_items": [
                _render_item(thing, **{key: pending["wanted"][key] for key in ("price", "quantity")})
            ],
        },
        trial_settings={"end_behavior": {"missing_payment_method": thing["without_card"]}},
    )


REASONS = {"create": "subscription_create", "cycle": "subscription_cycle", "update": "subscription_update"}


def _render_line(line, invoice):
    what = (
        "Unused time on"
        if line["amount"] < 0
        else "Remaining time on"
        if line["proration"]
        else f"{line['quantity']} ×"
    )
    details = {"subscription": invoice["subscription"], "proration": line["proration"], "invoice_item": None}
    return {
        "id": line["id"],
        "object": "line_item",
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "amount": line["amount"],
        "subtotal": line["amount"],
        "currency": invoice["currency"],
        "discounts": [],
        "quantity": line["quantity"],
        "period": {"start": line["start"], "end": line["end"]},
        "description": f"{what} {_product_name(line['product'])}",
        "parent": {"type": "subscription_item_details", "subscription_item_details": details},
        "pricing": {
            "type": "price_details",
            "unit_amount_decimal": str(line["unit"]),
            "price_details": {"price": line["price"], "product": line["product"]},
        },
    }


def _product_name(id):
    return next((one["name"] for one in selling.products() if one["id"] == id), "a product")


def render_invoice(thing):
    """https://docs.stripe.com/api/invoices/object"""
    held = get(thing["subscription"]) if thing["subscription"] else None
    open_ = thing["status"] in ("open", "uncollectible")
    first = thing["lines"][0] if thing["lines"] else {"start": thing["created"], "end": thing["created"]}
    finalized = None if thing["status"] == "draft" else thing["created"]
    details = held and {"subscription": held["id"], "metadata": held["metadata"]}
    return _base(
        thing,
        "invoice",
        customer=thing["customer"],
        customer_email=get(thing["customer"])["email"],
        status=thing["status"],
        billing_reason=REASONS.get(thing["reason"], "manual"),
        currency=thing["currency"],
        collection_method="charge_automatically",
        number=thing["number"],
        total=thing["total"],
        subtotal=thing["total"],
        amount_due=thing["due"],
        amount_paid=thing["paid"],
        amount_remaining=thing["due"] - thing["paid"],
        starting_balance=thing["balance_before"],
        ending_balance=thing["balance_after"],
        attempt_count=thing["attempts"],
        attempted=thing["attempts"] > 0,
        next_payment_attempt=thing["next_attempt"],
        auto_advance=open_ and thing["next_attempt"] is not None,
        due_date=None,
        effective_at=finalized,
        period_start=first["start"],
        period_end=first["end"],
        parent=held and {"type": "subscription_details", "subscription_details": details, "quote_details": None},
        status_transitions={
            "finalized_at": finalized,
            "paid_at": thing["paid_at"],
            "voided_at": None,
            "marked_uncollectible_at": None,
        },
        hosted_invoice_url=finalized and _site(f"invoices/{thing['id']}"),
        invoice_pdf=None,
        discounts=[],
        lines={
            "object": "list",
            "has_more": False,
            "url": f"/v1/invoices/{thing['id']}/lines",
            "data": [_render_line(line, thing) for line in thing["lines"]],
            "total_count": len(thing["lines"]),
        },
    )


def render_invoice_payment(thing):
    """https://docs.stripe.com/api/invoice-payment/object"""
    invoice, paid = get(thing["invoice"]), thing["status"] == "succeeded"
    status = "paid" if paid else "canceled" if invoice["status"] in ("void", "paid") else "open"
    return {
        "id": "inpay_" + thing["id"][3:],
        "object": "invoice_payment",
        "created": thing["created"],
        "livemode": False,
        "amount_paid": thing["amount"] if paid else None,
        "amount_requested": thing["amount"],
        "is_default": True,
        "currency": thing["currency"],
        "invoice": thing["invoice"],
        "status": status,
        "payment": {"type": "payment_intent", "payment_intent": thing["id"]},
        "status_transitions": {"paid_at": invoice["paid_at"] if paid else None, "canceled_at": None},
    }


FAILED = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
}


def render_payment_intent(thing):
    """https://docs.stripe.com/api/payment_intents/object"""
    status = {"failed": "requires_payment_method", "action_required": "requires_action"}
    return _base(
        thing,
        "payment_intent",
        amount=thing["amount"],
        currency=thing["currency"],
        customer=thing["customer"],
        amount_received=thing["amount"] if thing["status"] == "succeeded" else 0,
        latest_charge="ch_" + thing["id"][3:],
        status=status.get(thing["status"], thing["status"]),
        payment_method=None,
        description=None,
        last_payment_error=FAILED if thing["status"] == "failed" else None,
    )


def render_charge(thing):
    """https://docs.stripe.com/api/charges/object"""
    paid, failed = thing["status"] == "succeeded", thing["status"] in ("failed", "action_required")
    return _base(
        thing,
        "charge",
        amount=thing["amount"],
        amount_captured=thing["amount"] if paid else 0,
        paid=paid,
        amount_refunded=thing["refunded"],
        refunded=thing["refunded"] >= thing["amount"],
        captured=paid,
        status="succeeded" if paid else "failed" if failed else "pending",
        disputed=thing["disputed"],
        currency=thing["currency"],
        customer=thing["customer"],
        payment_intent=thing["id"],
        description=None,
        failure_code="card_declined" if failed else None,
        receipt_url=_site(f"invoices/{thing['invoice']}") if thing["invoice"] else None,
        billing_details={"email": get(thing["customer"])["email"] if thing["customer"] else thing["email"]},
    ) | {"id": "ch_" + thing["id"][3:]}


def render_refund(thing):
    """https://docs.stripe.com/api/refunds/object"""
    about = {name: thing[name] for name in ("amount", "currency", "status", "reason")}
    about |= {"payment_intent": thing["payment"], "charge": "ch_" + thing["payment"][3:]}
    if thing["status"] == "failed":
        about["failure_reason"] = "expired_or_canceled_card"
    return _base(thing, "refund", **about)


def render_dispute(thing):
    """https://docs.stripe.com/api/disputes/object"""
    status = "needs_response" if thing["status"] == "open" else thing["status"]
    about = {"payment_intent": thing["payment"], "charge": "ch_" + thing["payment"][3:], "status": status}
    about |= {name: thing[name] for name in ("amount", "currency", "reason")}
    return _base(thing, "dispute", is_charge_refundable=False, **about)


def render_event(thing):
    """https://docs.stripe.com/api/events/object"""
    return thing["payload"] | {"pending_webhooks": 0 if thing["delivered"] else 1}


RENDER = {
    "customer": render_customer,
    "product": render_product,
    "price": render_price,
    "checkout": render_session,
    "subscription": render_subscription,
    "invoice": render_invoice,
    "payment": render_payment_intent,
    "charge": render_charge,
    "refund": render_refund,
    "dispute": render_dispute,
    "event": render_event,
}


SHOWN = {
    "products": render_product,
    "prices": render_price,
    "customers": render_customer,
    "subscriptions": render_subscription,
    "invoices": render_invoice,
    "invoice_payments": render_invoice_payment,
    "payment_intents": render_payment_intent,
    "charges": render_charge,
    "refunds": render_refund,
    "disputes": render_dispute,
    "events": render_event,
    "checkout/sessions": render_session,
}
