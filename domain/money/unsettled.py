"""What isn't settled by our own rows, of any age: the night asks the provider for each of it by its id.

A provider lists what was made lately. A dispute is decided, a bank debit settles and a refund fails long after that.
"""

from datetime import timedelta

from database.clock import now
from database.scope import everywhere
from domain.entitlements import plans
from models import Checkout, Payment

REFUNDS = timedelta(days=30)  # that a bank may still send a refund back
BATCH = 500


def payments(provider):
    """The provider's ids of payments that are open, failed or disputed, or were refunded lately; newest first."""
    waits = Payment.status.in_(("open", "failed")) | (Payment.dispute == "open")
    refunded = (Payment.amount_refunded > 0) & (Payment.updated_at > now() - REFUNDS)
    return _ids(Payment, Payment.provider_payment_id, Payment.provider == provider, waits | refunded)


def checkouts(provider):
    """The same of checkouts for something bought once that were gone through, and of whose payment nobody knows."""
    once = Checkout.plan_key.in_([key for key, plan in plans.PLANS.items() if plan.is_once])
    waits = (Checkout.status == "completed") & Checkout.settled_at.is_null()
    return _ids(Checkout, Checkout.provider_checkout_id, Checkout.provider == provider, once, waits)


def _ids(table, column, *conditions):
    last = None
    while True:
        before = [table.id < last] if last else []
        with everywhere("what isn't settled is asked for by the night"):
            query = table.select(table.id, column.alias("theirs")).where(*conditions, *before, column.is_null(False))
            rows = list(query.order_by(table.id.desc()).limit(BATCH).tuples())
        if not rows:
            return
        last = rows[-1][0]
        yield from (theirs for _, theirs in rows)
