"""What Stripe holds in the measures: customers with a subscription each and its invoices, shaped as its API shows them.

Shapes: https://docs.stripe.com/api/subscriptions/object, https://docs.stripe.com/api/invoices/object
"""

import time
from collections.abc import Iterator
from typing import Any

Thing = dict[str, Any]

PERIOD = 30 * 86_400
BEGAN = int(time.time()) // 86_400 * 86_400 - 40 * 86_400  # of the first period: the second is the present one
PRODUCT, AMOUNT, CURRENCY = "prod_bench", 1200, "usd"
EVENTS_EACH = 4  # of a subscriber in `life`


def customer_id(number: int) -> str:
    return f"cus_bench{number:06}"


def subscription_id(number: int) -> str:
    return f"sub_bench{number:06}"


def account() -> Thing:
    about = {"id": "acct_bench", "object": "account", "type": "standard", "country": "DE", "created": BEGAN}
    more = {"email": "owner@example.test", "default_currency": CURRENCY, "settings": {"dashboard": {}, "branding": {}}}
    return about | more | {"business_profile": {"name": "Bench"}, "charges_enabled": True, "metadata": {}}


def product() -> Thing:
    about = {"id": PRODUCT, "object": "product", "name": "Pro", "active": True, "type": "service", "images": []}
    return about | {"livemode": False, "metadata": {}, "created": BEGAN, "description": None, "default_price": None}


def price(id: str) -> Thing:
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None}
    about = {"id": id, "object": "price", "active": True, "product": PRODUCT, "currency": CURRENCY, "created": BEGAN}
    more = {"unit_amount": AMOUNT, "unit_amount_decimal": str(AMOUNT), "recurring": recurring, "type": "recurring"}
    return about | more | {"billing_scheme": "per_unit", "livemode": False, "metadata": {}, "nickname": None}


def plan(id: str) -> Thing:
    about = {"id": id, "object": "plan", "active": True, "product": PRODUCT, "currency": CURRENCY, "created": BEGAN}
    more = {"amount": AMOUNT, "amount_decimal": str(AMOUNT), "interval": "month", "interval_count": 1}
    return about | more | {"billing_scheme": "per_unit", "livemode": False, "metadata": {}, "usage_type": "licensed"}


def customer(number: int) -> Thing:
    about = {"id": customer_id(number), "object": "customer", "email": f"payer{number}@example.test", "balance": 0}
    more = {"currency": CURRENCY, "delinquent": False, "description": None, "discount": None, "default_source": None}
    settings = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}
    return about | more | {"invoice_settings": settings, "livemode": False, "metadata": {}, "created": BEGAN}


def subscription(number: int, price_id: str, period: int = 0) -> Thing:
    starts = BEGAN + period * PERIOD
    item = {
        "id": f"si_bench{number:06}",
        "object": "subscription_item",
        "subscription": subscription_id(number),
        "quantity": 1,
        "created": BEGAN,
        "current_period_start": starts,
        "current_period_end": starts + PERIOD,
        "price": price(price_id),
        "plan": plan(price_id),
        "discounts": [],
        "metadata": {},
        "tax_rates": [],
        "billing_thresholds": None,
    }
    return {
        "id": subscription_id(number),
        "object": "subscription",
        "customer": customer_id(number),
        "status": "active",
        "livemode": False,
        "created": BEGAN,
        "start_date": BEGAN,
        "billing_cycle_anchor": BEGAN,
        "currency": CURRENCY,
        "items": {
            "object": "list",
            "data": [item],
            "has_more": False,
            "total_count": 1,
            "url": f"/v1/subscription_items?subscription={subscription_id(number)}",
        },
        "collection_method": "charge_automatically",
        "automatic_tax": {"enabled": False, "liability": None, "disabled_reason": None},
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "default_payment_method": None,
        "default_tax_rates": [],
        "discounts": [],
        "ended_at": None,
        "latest_invoice": invoice_id(number, period),
        "metadata": {},
        "pause_collection": None,
        "payment_settings": {"payment_method_options": None, "payment_method_types": None},
        "pending_update": None,
        "schedule": None,
        "trial_end": None,
        "trial_start": None,
    }


def invoice_id(number: int, period: int) -> str:
    return f"in_bench{number:06}x{period}"


def invoice(number: int, price_id: str, period: int = 0) -> Thing:
    """The paid invoice of a period."""
    id, starts = invoice_id(number, period), BEGAN + period * PERIOD
    of = {"subscription": subscription_id(number), "subscription_item": f"si_bench{number:06}", "proration": False}
    line = {
        "id": f"il_bench{number:06}x{period}",
        "object": "line_item",
        "invoice": id,
        "amount": AMOUNT,
        "subtotal": AMOUNT,
        "currency": CURRENCY,
        "description": "1 × Pro (at $12.00 / month)",
        "period": {"start": starts, "end": starts + PERIOD},
        "parent": {"type": "subscription_item_details", "subscription_item_details": of},
        "pricing": {"type": "price_details", "price_details": {"price": price_id, "product": PRODUCT}},
        "quantity": 1,
        "discounts": [],
        "livemode": False,
        "metadata": {},
    }
    details = {"subscription": subscription_id(number), "metadata": {}}
    return {
        "id": id,
        "object": "invoice",
        "customer": customer_id(number),
        "customer_email": f"payer{number}@example.test",
        "status": "paid",
        "billing_reason": "subscription_cycle" if period else "subscription_create",
        "currency": CURRENCY,
        "amount_due": AMOUNT,
        "amount_paid": AMOUNT,
        "amount_remaining": 0,
        "total": AMOUNT,
        "subtotal": AMOUNT,
        "attempt_count": 1,
        "attempted": True,
        "auto_advance": False,
        "collection_method": "charge_automatically",
        "created": starts,
        "due_date": None,
        "next_payment_attempt": None,
        "number": f"B-{number:06}-{period}",
        "period_start": starts,
        "period_end": starts + PERIOD,
        "hosted_invoice_url": f"https://invoice.example.test/{id}",
        "invoice_pdf": f"https://invoice.example.test/{id}/pdf",
        "lines": {"object": "list", "data": [line], "has_more": False, "url": f"/v1/invoices/{id}/lines"},
        "parent": {"type": "subscription_details", "subscription_details": details, "quote_details": None},
        "status_transitions": {"finalized_at": starts, "paid_at": starts, "voided_at": None},
        "discounts": [],
        "livemode": False,
        "metadata": {},
    }


def event(id: str, kind: str, thing: Thing, happened_at: int, version: str) -> Thing:
    return {
        "id": id,
        "object": "event",
        "api_version": version,
        "created": happened_at,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": thing},
    }


def life(subscribers: int, price_id: str, version: str) -> Iterator[Thing]:
    """The events of subscribers who buy and are renewed once, in waves: EVENTS_EACH of each."""
    for period, verb in ((0, "created"), (1, "updated")):
        at = BEGAN + period * PERIOD
        for kind, thing in ((f"customer.subscription.{verb}", subscription), ("invoice.paid", invoice)):
            for number in range(subscribers):
                id = f"evt_{kind}_{number:06}x{period}".replace(".", "_")
                yield event(id, kind, thing(number, price_id, period), at, version)


def addresses(subscribers: int, price_id: str, period: int = 0) -> dict[str, Thing]:
    """path → what Stripe's API answers there."""
    found = {"/v1/account": account(), "/v1/accounts/acct_bench": account()}
    found |= {f"/v1/products/{PRODUCT}": product(), f"/v1/prices/{price_id}": price(price_id)}
    none: Thing = {"object": "list", "data": [], "has_more": False, "url": f"/v1/products/{PRODUCT}/features"}
    found |= {f"/v1/plans/{price_id}": plan(price_id), none["url"]: none}
    for number in range(subscribers):
        found[f"/v1/customers/{customer_id(number)}"] = customer(number)
        found[f"/v1/subscriptions/{subscription_id(number)}"] = subscription(number, price_id, period)
        found[f"/v1/invoices/{invoice_id(number, period)}"] = invoice(number, price_id, period)
    return found
