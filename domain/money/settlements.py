"""What follows from a payment: the licence or the subscription's grants, and the credits of the period it begins."""

from domain.base import changes
from domain.entitlements import credits, grants
from models import Subscription


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
    if payment.reason == "once" or payment.period_start_at:  # a proration begins no period
        credits.follow(organization)
