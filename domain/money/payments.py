"""Payments: what follows from one (licence, grants, credits of its period); payments and licences as lists."""

from peewee import JOIN, Case, CharField, fn

from domain.base import changes
from domain.entitlements import credits, grants, plans
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.link import Link
from domain.fields.moment import Moment
from domain.fields.money import Money
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Listing, both
from domain.lists.searches import Parts
from models import Licence, Payment, Profile, Subscription


def settle(organization, payment, subscription=None):
    """Have licence, grants and credits be as the payment now stands, whatever made it so.
    In the present transaction, inside the organization."""
    if payment.reason == "once":
        grants.follow_licence(payment)
    elif payment.subscription_id:
        subscription = subscription or Subscription.get_by_id(payment.subscription_id)
        if grants.follow(subscription, organization):
            changes.record(organization, "subscription", subscription.id, "updated")
    if payment.reason == "once" or payment.period_start_at:  # a proration begins no period
        credits.follow(organization)


# --- as lists ----------------------------------------------------------------------------------------------

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

HELD = Choice((("held", "Yours", "good"), ("ended", "Ended", "quiet")))
TIERS = Choice((("personal", "Personal", "quiet"), ("commercial", "Commercial", "info")))


def _plan_in_words(row):
    return plans.get(row["plan_key"]).label if row["plan_key"] in plans.PLANS else row["plan_key"]


licences = Listing(
    *("licences", "licence", "licences", Licence),
    (
        Field("what", "What", Derived(_plan_in_words)),
        Field("tier", "Licence", TIERS, filters=False),
        Field("status", "Status", HELD),
        Field("created_at", "Since", Moment(past=True)),
        Field("ended_at", "Ended", Moment(past=True)),
        Field("end_reason", "Why", Text(40), listed=False),
        Field("who", "Bought by", Text(120)),
    ),
    (*NEWEST, *both("ended_at", "Ended long ago first", "Ended last first", first="down")),
    joins=lambda query: query.join(Profile, JOIN.LEFT_OUTER, on=(Profile.user == Licence.purchaser)),
    elsewhere=(
        ("what", Licence.plan_key, None),
        ("who", Profile.full_name, None),
        ("status", CharField(), Case(None, ((Licence.ended_at.is_null(), "held"),), "ended")),
    ),
    search=Parts((Licence.plan_key, fn.coalesce(Profile.full_name, "")), numbered=False),
    also=("plan_key",),
    under=("end_reason",),
    ranges=("created_at",),
    chips="status",
    hears="payment",
    reads="billing.read",
    icon="receipt",
    empty=(("all", "What is bought once, for good, stands here."),),
)
