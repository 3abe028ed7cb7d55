"""Which monthly credits an organization has coming, and what begins them: each period has one source.

A plan that is paid monthly has them from its payments, one allowance for each period; every other plan, and Free,
from the calendar (UTC). Within a period a change moves them by the difference of the allowances, never anew.
"""

from datetime import datetime
from typing import NamedTuple

from database.clock import month_of, next_month, now
from database.compiled import CompiledRows
from database.parameters import parameter
from domain.base import settings
from domain.entitlements import grants, plans
from models import Grant, Payment, Subscription


class Allowance(NamedTuple):
    """`begins` is the key of the period that begins now and replaces the credits, empty where one goes on."""

    amount: int
    begins: str
    ends_at: datetime  # when time alone changes something


def current(held, last_reset_at, resets_at, entered):
    """The Allowance of the organization one stands in, which has `held` a month so far.
    `entered(key)` says whether a period brought its credits before. A month begins only when the period before it is
    over: who changes to a longer plan within one has the next month's."""
    moment = now()
    month = f"reset:{moment:%Y-%m}"
    begun = resets_at > moment or month_of(last_reset_at) == month_of(moment) or entered(month)
    month = "" if begun else month
    plan = grants.plan()
    if plan is None:  # where no plans are sold, what one had stays
        return Allowance(max(held, settings.get("credits_free")), month, next_month(moment))
    rows = _active(plan=plan.key, moment=Grant.expires_at.db_value(moment))
    ends = [] if any(row.expires_at is None for row in rows) else [row.expires_at for row in rows]
    bought = _bought(rows) if plan.interval == "month" else []
    if not bought:
        if month and not plan.is_paid and _taken_back(moment):
            month = ""
        return Allowance(settings.get(plan.credits), month, min([next_month(moment), *ends]))
    ends_at = max(ends, default=next_month(moment))
    paid = [payment for row in bought if (payment := grants.newest_paid(row)) is not None and payment.stands]
    if not paid:  # a trial without an invoice, or its invoice isn't known yet
        return Allowance(settings.get("credits_free"), month, min(ends_at, next_month(moment)))
    newest = max(paid, key=lambda payment: payment.period_start_at)
    key = f"invoice:{newest.provider_payment_id}"
    begins = newest.plan_key == plan.key and _begins(newest) and not entered(key)
    return Allowance(settings.get(plan.credits), key if begins else "", ends_at)


# For every event about money: `events_worked_asking`.
_active = CompiledRows(
    Grant,
    lambda: Grant.select().where(
        Grant.revoked_at.is_null(),
        Grant.expires_at.is_null() | (Grant.expires_at > parameter("moment")),
        Grant.plan_key == parameter("plan"),
    ),
)
_subscriptions = CompiledRows(
    Subscription, lambda: Subscription.select().where(Subscription.provider_subscription_id == parameter("id"))
)


def _bought(rows):
    """The subscriptions among what gave these grants."""
    sources = {row.source for row in rows if row.source_type == "subscription"}
    ids = {source.partition(":subscription:")[2] for source in sources}
    return [row for id in sorted(ids) for row in _subscriptions(id=id) if grants.source_of(row) in sources]


def _begins(payment):
    """Whether a payment begins a period of its own: the first, or a renewal. A change doesn't, within a period that
    was paid already."""
    if payment.reason in ("create", "cycle"):
        return True
    other = Payment.subscription == payment.subscription_id, Payment.id != payment.id, Payment.status == "paid"
    covers = Payment.period_start_at <= payment.period_start_at, Payment.period_end_at > payment.period_start_at
    return not Payment.select().where(*other, *covers).exists()


def _taken_back(moment):
    """Whether a month runs whose payment was taken back: should it stand again, its credits go on, not begin anew."""
    running = Payment.period_end_at > moment, Payment.period_start_at <= moment, Payment.status == "paid"
    monthly = [key for key, plan in plans.PLANS.items() if plan.interval == "month"]
    mine = Payment.select().where(*running, Payment.plan_key.in_(monthly)).order_by(Payment.id.desc()).limit(20)
    return any(not payment.stands for payment in mine)
