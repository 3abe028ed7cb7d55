"""Payments: what follows from one (licence, grants, credits of its period), and an organization's as a list."""

from peewee import Case, CharField, fn

from domain.base import changes
from domain.entitlements import credits, grants, plans
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.link import Link
from domain.fields.moment import Moment
from domain.fields.money import Money
from domain.lists.listing import NEWEST, Listing, both
from domain.lists.searches import Parts
from models import Payment, Subscription


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


# --- as a list ----------------------------------------------------------------------------------------------

# What a payment was for, by its reason.
REASONS = {"create": "first period", "cycle": "renewal", "update": "change of plan", "once": "bought once", "other": ""}
STATUS = Choice(
    (
        ("paid", "Paid", "good"),
        ("open", "Open", "warn"),
        ("refunded", "Refunded", "quiet"),
        ("disputed", "Disputed", "warn"),
        ("dispute_lost", "Dispute lost", "bad"),
        ("void", "Not wanted any more", "quiet"),
    )
)
_STATUS = Case(
    None,
    (
        (Payment.dispute == "open", "disputed"),
        (Payment.dispute == "lost", "dispute_lost"),
        ((Payment.amount > 0) & (Payment.amount_refunded >= Payment.amount), "refunded"),
        (Payment.status == "failed", "open"),
    ),
    Payment.status,
)
_PAGE = Case(
    None,
    (
        (Payment.url.is_null(), None),
        (Payment.status == "paid", "Invoice"),
        (Payment.status.in_(("open", "failed")), "Pay"),
    ),
    "See it",
)


def in_words(row):
    """What a payment, a dict of its values, was for: «Pro, monthly: renewal»."""
    plan = plans.get(row["plan_key"]).label if row["plan_key"] in plans.PLANS else "Payment"
    return f"{plan}: {REASONS[row['reason']]}" if REASONS[row["reason"]] else plan


listing = Listing(
    *("payments", "payment", "payments", Payment),
    (
        Field("what", "What", Derived(in_words)),
        Field("paid_on", "Date", Moment(past=True)),
        Field("status", "Status", STATUS),
        Field("amount", "Amount", Money()),
        Field("back", "Refunded", Money()),
        Field("page", "Invoice", Link(address=lambda row: row["url"], is_outside=True)),
        Field("period_start_at", "Period from", Moment(past=True), listed=False),
        Field("period_end_at", "Period to", Moment(past=True), listed=False),
    ),
    (*NEWEST, *both("amount", "Smallest amount first", "Greatest amount first", first="down")),
    elsewhere=(
        ("what", Payment.plan_key, None),
        ("paid_on", Payment.paid_at, fn.coalesce(Payment.paid_at, Payment.created_at)),
        ("status", CharField(), _STATUS),
        ("back", Payment.amount_refunded, fn.nullif(Payment.amount_refunded, 0)),
        ("page", CharField(null=True), _PAGE),
    ),
    search=Parts((Payment.plan_key, Payment.provider_payment_id), numbered=False),
    also=("plan_key", "reason", "currency", "url", "dispute"),
    exports=("period_start_at", "period_end_at"),
    ranges=("paid_on",),
    sums=("amount",),
    chips="status",
    reads="billing.read",
    icon="receipt",
    empty=(("all", "What is paid stands here with its invoice."),),
)
