"""What follows from a payment: the licence or the subscription's grants, and the credits of the period it begins."""

from database.clock import now
from database.compiled import Compiled
from database.parameters import parameter
from domain.base import changes, settings
from domain.entitlements import credits, grants, plans
from models import CreditEntry, Payment, Subscription


def settle(organization, payment, subscription=None):
    """Have licence, grants and credits be as the payment now stands, whatever made it so.

    In the present transaction, inside the organization.
    """
    if payment.reason == "once":
        grants.follow_licence(payment)
    elif payment.subscription_id:
        subscription = subscription or Subscription.get_by_id(payment.subscription_id)
        if grants.follow(subscription, organization):
            changes.record(organization, "subscription", subscription.id, "updated")
    _credit(organization, payment)


_newer = Compiled(
    lambda: (
        Payment.select(Payment.id)
        .where(Payment.status == "paid", Payment.period_start_at > parameter("begins"), Payment.id != parameter("id"))
        .limit(1)
    )
)
_used = Compiled(
    lambda: CreditEntry.select(CreditEntry.id).where(CreditEntry.idempotency_key == parameter("key")).limit(1)
)


def _credit(organization, payment):
    """A payment that begins a period brings its credits while it stands; an older one changes nothing any more.

    Proration lines begin no period, so they never bring any.
    """
    begins = payment.period_start_at or (payment.paid_at if payment.reason == "once" else None)
    if begins is None or payment.plan_key is None or payment.stands == payment.credited:
        return
    turned = (
        Payment.update(credited=payment.stands)
        .where(Payment.id == payment.id, Payment.credited == payment.credited)
        .execute()
    )
    begins_at = Payment.period_start_at.db_value(begins)
    if not turned or _newer(begins=begins_at, id=payment.id):
        return
    # One that is heard of after the month's turn brings what that turn gave, no more: the plan may be over since.
    late = (payment.paid_at or begins).strftime("%Y-%m") < now().strftime("%Y-%m")
    plan = plans.get(payment.plan_key) if payment.stands and not late else grants.plan() or plans.get("free")
    key = f"invoice:{payment.provider_payment_id}"
    if _used(key=key):  # it was taken back before, and is given again
        times = CreditEntry.select().where(CreditEntry.idempotency_key.startswith(f"{key}:")).count()
        key = f"{key}:{times + 2}"
    if credits.renew(organization, settings.get(plan.credits), key):
        changes.record(organization, "credits", None, "updated")
