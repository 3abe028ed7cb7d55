"""What a provider tells becomes rows; domain/providers says what a fact is.

A fact says how one thing stands. What follows from it (grants, licences, credits) is computed from the
rows, never from the event. So facts may repeat, come late or in another order, and end in the same rows.
Why: docs/decisions/facts.md
"""

import logging
from functools import singledispatch

from database.clock import now
from database.compiled import CompiledRows
from database.locks import lock
from database.parameters import parameter
from database.scope import inside
from database.transactions import writes
from domain.base import changes, outgoing, settings
from domain.entitlements import credits, grants, plans
from domain.money import announcements, owners, payments, pricing
from domain.money.providers.provider import (
    CheckoutClosed,
    CustomerChanged,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    StatusUnknown,
    SubscriptionChanged,
)
from domain.organizations import organizations
from models import (
    Checkout,
    Customer,
    Dispute,
    GrantSource,
    Licence,
    Payment,
    Subscription,
    User,
)

log = logging.getLogger("guildhall.facts")


class Retry(Exception):
    """Not yet: what this fact needs hasn't come. The inbox tries again."""


def apply(fact):
    """Turn one fact into rows, in the present transaction. Refuses with owners.Unknown or Retry, changing nothing."""
    if isinstance(fact, StatusUnknown):
        announcements.warn_of_status(fact)
        raise owners.Unknown(f"This {fact.thing} is {fact.status!r}, and what that means isn't known.")
    if of_nobody := _OF_NOBODY.get(type(fact)):
        of_nobody(fact)
        return
    lock("facts")  # one after the other: several in one transaction may speak of the same things in any order
    organization = owners.organization_of(fact)
    with inside(organization):
        _apply(fact, organization)


@writes
def apply_each(found):
    """Apply facts; returns why one of them can't be applied, or "". The others are."""
    why = None
    for fact in found:
        try:
            apply(fact)
        except (owners.Unknown, Retry) as refused:
            why = why or refused
    return str(why) if why else ""


@singledispatch
def _apply(fact, organization):
    raise TypeError(f"{type(fact).__name__} is no fact")


_known_source = CompiledRows(
    GrantSource, lambda: GrantSource.select().where(GrantSource.source == parameter("source")).limit(1)
)


def _is_news(side, id, fact, over=False):
    """Whether a fact is newer than what we know of this side of this thing, and the note that it is known now.
    What the provider said when it was asked beats any event's time; what is `over` doesn't come back unasked."""
    source = f"{fact.provider}:{side}:{id}"
    held = _known_source.first(source=source)
    if held is not None:
        if fact.asked_at is None and (fact.happened_at < held.last_event_at or over):
            return False
        if fact.asked_at and held.asked_at and fact.asked_at < held.asked_at:
            return False
    values = {
        "last_event_id": fact.event_id,
        "last_event_at": max(fact.happened_at, held.last_event_at) if held else fact.happened_at,
        "asked_at": fact.asked_at or (held and held.asked_at),
    }
    if held is None:
        GrantSource.create(source=source, **values)
    else:
        GrantSource.update(**values).where(GrantSource.id == held.id).execute()
    return True


applies = _apply.register  # marks what turns another room's facts into rows: (fact, organization)

_OF_NOBODY = {}


def applies_to_all(kind):
    """Marks the same for facts of this kind, which are of no organization: (fact)."""

    def keep(function):
        _OF_NOBODY[kind] = function
        return function

    return keep


# --- customers, checkouts ---------------------------------------------------------------------------------


@_apply.register
def _customer(fact: CustomerChanged, organization):
    if not _is_news("customer", fact.customer_id, fact):
        return
    if not fact.deleted:
        owners.bind(organization, fact.provider, fact.customer_id, fact.email)
        return
    mine = Customer.provider == fact.provider, Customer.provider_customer_id == fact.customer_id
    Customer.update(deleted_at=fact.happened_at).where(*mine, Customer.deleted_at.is_null()).execute()
    # Deleting a customer ends its subscriptions at once: https://docs.stripe.com/api/customers/delete
    theirs = Subscription.provider_customer_id == fact.customer_id, Subscription.status.not_in(Subscription.TERMINAL)
    for row in list(
        Subscription.select().where(Subscription.provider == fact.provider, *theirs).order_by(Subscription.id)
    ):
        before = _shown(row)
        _set(row, {"status": "canceled", "ended_at": fact.happened_at} | OVER)
        _followed(row, organization, before, fact)


@_apply.register
def _checkout(fact: CheckoutClosed, organization):
    status = "completed" if fact.completed else "expired"
    mine = Checkout.provider == fact.provider, Checkout.provider_checkout_id == fact.id
    if Checkout.update(status=status).where(*mine, Checkout.status == "open").execute():
        changes.record(organization, "subscription", None, "updated")


# --- subscriptions ----------------------------------------------------------------------------------------


@_apply.register
def _subscription(fact: SubscriptionChanged, organization):
    row = owners.subscription_row.first(provider=fact.provider, id=fact.id)
    plan_key = pricing.plan_of(fact.provider, fact.price_id)
    if plan_key is None:
        announcements.warn_of_price(fact)
        if row is None:  # nothing of it was ever granted, and nothing is
            raise owners.Unknown(f"No plan of ours has the price {fact.price_id}.")
    if not _is_news("subscription", fact.id, fact, over=row is not None and _stays_over(row, fact)):
        return
    before = row and _shown(row)
    values = columns(fact, row, plan_key or (row and row.plan_key))
    if row is None:
        row = Subscription.create(provider=fact.provider, provider_subscription_id=fact.id, **values)
    else:
        _set(row, values)
    if row.is_standing and (before is None or before["status"] != row.status):
        Checkout.update(status="completed").where(Checkout.status == "open").execute()
    _followed(row, organization, before, fact)
    if organization.status == "deleted" and row.is_standing:  # paid for while it was being deleted
        organizations.end_subscription(row)
    elif row.is_live:
        _end_doubles(organization, row)


def _set(row, values):
    """Write what differs."""
    for name, value in values.items():
        if row.__data__.get(name) != getattr(value, "id", value):
            setattr(row, name, value)
    if row.dirty_fields:
        row.save()


def _stays_over(row, fact):
    return row.status in Subscription.TERMINAL and fact.status not in Subscription.TERMINAL


# What no subscription has that is over, whatever ended it.
OVER = dict.fromkeys(("cancel_at", "unpaid_since_at", "unpaid_url", "pending_plan_key"))


def columns(fact, row, plan_key):
    """What a subscription's row holds once it says what the fact says; `row` is the one there is, or None."""
    status = fact.status
    if status == "active" and fact.first_unpaid:  # a bank debit is under way: nothing was paid yet
        status = "incomplete"
    elif status == "past_due" and fact.first_unpaid:  # it didn't come: days of grace are for who has paid before
        status = "unpaid"
    over = status in Subscription.TERMINAL
    purchaser = fact.purchaser and User.one(User.public_id == fact.purchaser)
    return {
        "plan_key": plan_key,
        "provider_price_id": fact.price_id,
        "status": status,
        "quantity": max(fact.quantity, 1),
        "started_at": fact.started_at or (row and row.started_at),
        "current_period_start_at": fact.period_start_at,
        "current_period_end_at": fact.period_end_at,
        "trial_ends_at": fact.trial_ends_at or (row and row.trial_ends_at),
        "cancel_at_period_end": fact.cancel_at_period_end,
        "cancel_at": fact.cancel_at,
        "ended_at": (fact.ended_at or (row and row.ended_at) or fact.happened_at) if over else None,
        "unpaid_since_at": (fact.unpaid_since_at or fact.period_start_at) if status in ("past_due", "unpaid") else None,
        "unpaid_url": fact.unpaid_url,
        "collection_paused": fact.collection_paused,
        "resumes_at": fact.resumes_at if fact.collection_paused else None,
        "pending_plan_key": pricing.plan_of(fact.provider, fact.pending_price_id),
        "provider_customer_id": fact.customer_id or (row and row.provider_customer_id) or "",
        "purchaser": purchaser or (row and row.purchaser_id) or None,
        "last_event_at": max(fact.happened_at, row.last_event_at) if row else fact.happened_at,
    } | (OVER if over else {})


SHOWN = (
    *("plan_key", "status", "quantity", "current_period_end_at", "cancel_at_period_end", "cancel_at"),
    *("collection_paused", "resumes_at", "pending_plan_key", "unpaid_url"),
)


def _shown(row):
    return {name: getattr(row, name) for name in SHOWN}


def _followed(row, organization, before, fact):
    """Grants as the row now says, and whoever looks after the plan is told of what changed."""
    followed = grants.follow(row, organization)
    if followed:
        credits.follow(organization)
    after = _shown(row)
    if before != after:
        announcements.tell_of_subscription(organization, row, before, fact)
    elif followed:
        changes.record(organization, "subscription", row.id, "updated")


def doubles(provider):
    """The subscriptions of the organization one stands in that began while another was running, and still run.
    One that runs out anyway isn't doubled by the next."""
    live = _lasting(provider=provider)
    live.sort(key=lambda one: (one.started_at or one.created_at, one.provider_subscription_id))
    return live[1:]


_lasting = CompiledRows(
    Subscription,
    lambda: Subscription.select().where(
        Subscription.provider == parameter("provider"),
        Subscription.status.in_(Subscription.LIVE),
        Subscription.cancel_at_period_end == False,  # noqa: E712
        Subscription.cancel_at.is_null(),
    ),
)


def _end_doubles(organization, row):
    """Two checkouts that were both paid: the later subscription is ended and its money goes back."""
    for second in doubles(row.provider):
        id = second.provider_subscription_id
        ends = settings.get("billing_second_subscription") == "end"
        if ends:
            payload = {"provider": second.provider, "subscription": id}
            outgoing.enqueue("subscription_double", f"subscription_double:{second.provider}:{id}", payload)
        announcements.warn_admins(
            f"double:{second.provider}:{id}",
            f"{organization.name} has two subscriptions",
            f"{id} began while another ran. " + ("It is ended and refunded." if ends else "Decide which stays."),
            f"/admin/subscriptions?q={id}",
        )


# --- payments ---------------------------------------------------------------------------------------------


@_apply.register
def _received(fact: PaymentReceived, organization):
    subscription = _subscription_for(fact)
    row = owners.payment_row.first(provider=fact.provider, id=fact.id)
    plan_key = _plan_paid(fact, row, subscription)
    if fact.reason == "once" and plan_key is None:
        announcements.warn_of_price(fact)
        raise owners.Unknown(f"No plan of ours has the price {fact.price_id}.")
    # Paid is paid: no later word about the same invoice takes that back, only a refund or a dispute does.
    if not _is_news("payment", fact.id, fact) and row is not None and row.status == "paid":
        return
    row, before = _kept(fact, row, subscription, plan_key, status="paid", paid_at=fact.paid_at or fact.happened_at)
    _settle_checkout(fact)
    if fact.reason == "once":
        buyer = fact.purchaser and User.one(User.public_id == fact.purchaser)
        Licence.insert(payment=row, plan_key=plan_key, tier=fact.tier, purchaser=buyer).on_conflict_ignore().execute()
    payments.settle(organization, row, subscription)
    if before != "paid":
        changes.record(organization, "payment", row.id, "created" if before is None else "updated")
        if fact.reason == "once":
            announcements.tell_of_licence(organization, row, plan_key)


def _settle_checkout(fact):
    """What a checkout was for is paid, or won't be."""
    if fact.checkout_id:
        mine = Checkout.provider == fact.provider, Checkout.provider_checkout_id == fact.checkout_id
        Checkout.update(settled_at=now()).where(*mine, Checkout.settled_at.is_null()).execute()
        Checkout.update(status="completed").where(*mine, Checkout.status == "open").execute()


@_apply.register
def _failed(fact: PaymentFailed, organization):
    subscription = _subscription_for(fact)
    row = owners.payment_row.first(provider=fact.provider, id=fact.id)
    if not _is_news("payment", fact.id, fact) or (row is not None and row.status == "paid"):
        return
    _settle_checkout(fact)
    plan_key = _plan_paid(fact, row, subscription)
    row, before = _kept(fact, row, subscription, plan_key, status="void" if fact.void else "failed", paid_at=None)
    if before != row.status:
        changes.record(organization, "payment", row.id, "created" if before is None else "updated")
    if subscription is None:
        return
    payments.settle(organization, row, subscription)
    if fact.void:
        return
    # Where the provider can be asked, the subscription's own fact comes with this one and says it better.
    if fact.asked_at is None and subscription.status == "active" and fact.happened_at >= subscription.last_event_at:
        shown, subscription.status = _shown(subscription), "past_due"
        subscription.unpaid_since_at, subscription.unpaid_url = fact.period_start_at or fact.happened_at, fact.url
        subscription.save()
        if grants.follow(subscription, organization):
            credits.follow(organization)
        if shown != _shown(subscription):
            changes.record(organization, "subscription", subscription.id, "updated")
    plan = plans.get(plan_key or subscription.plan_key)
    announcements.tell_of_failure(organization, fact, plan, grants.until(subscription))


def _plan_paid(fact, row, subscription):
    """The plan that is paid for: by its price, as it was known before, or what the subscription is."""
    known = pricing.plan_of(fact.provider, fact.price_id)
    return known or (row and row.plan_key) or (subscription and subscription.plan_key)


def _subscription_for(fact):
    if not fact.subscription_id:
        return None
    row = owners.subscription_row.first(provider=fact.provider, id=fact.subscription_id)
    if row is None:
        raise Retry(f"The subscription {fact.subscription_id} of this payment isn't known yet.")
    return row


def _kept(fact, row, subscription, plan_key, **more):
    """The payment's row as the fact says; and its status before, None for a new one. The period that it paid for stays
    once it is known: Polar tells it by the subscription's present one alone, and later not at all."""
    values = {
        "subscription": subscription,
        "plan_key": plan_key,
        "reason": fact.reason,
        "amount": fact.amount,
        "currency": fact.currency,
        "period_start_at": fact.period_start_at or (row and row.period_start_at),
        "period_end_at": fact.period_end_at or (row and row.period_end_at),
        "url": fact.url,
    } | more
    if row is None:
        return Payment.create(provider=fact.provider, provider_payment_id=fact.id, **values), None
    before = row.status
    _set(row, values)
    return row, before


@_apply.register
def _refunded(fact: PaymentRefunded, organization):
    row = _known_payment(fact)
    if not _is_news("refunds", fact.payment_id, fact) or row.amount_refunded == fact.amount_refunded:
        return
    more = fact.amount_refunded > row.amount_refunded
    # The provider's running total is set, never subtracted by event: two parts in any order end the same.
    row.amount_refunded = fact.amount_refunded
    row.save()
    payments.settle(organization, row)
    changes.record(organization, "payment", row.id, "updated")
    announcements.tell_of_refund(organization, fact, row, more)


@_apply.register
def _disputed(fact: DisputeOpened, organization):
    _dispute(fact, organization, "open")


@_apply.register
def _dispute_over(fact: DisputeClosed, organization):
    _dispute(fact, organization, "won" if fact.won else "lost")


def _dispute(fact, organization, state):
    """Access is frozen while the bank asks, comes back when we win all of them and is gone when we lose one."""
    row = _known_payment(fact)
    about = {"provider": fact.provider, "provider_dispute_id": fact.id}
    held = Dispute.one(*[getattr(Dispute, name) == value for name, value in about.items()])
    over = held is not None and held.state != "open" and state == "open"
    if not _is_news("dispute", fact.id, fact, over=over) or (held is not None and held.state == state):
        return
    if held is None:
        Dispute.create(payment=row, state=state, **about)
    else:
        _set(held, {"state": state})
    states = {one.state for one in Dispute.select().where(Dispute.payment == row)}
    row.dispute = next(one for one in ("lost", "open", "won") if one in states)
    row.save()
    payments.settle(organization, row)
    changes.record(organization, "payment", row.id, "updated")
    announcements.tell_of_dispute(organization, fact, row)


def _known_payment(fact):
    row = owners.payment_row.first(provider=fact.provider, id=str(fact.payment_id))
    if row is None:
        raise Retry(f"The payment {fact.payment_id} isn't known yet.")
    return row
