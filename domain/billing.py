"""Plans of organizations: what the provider told us becomes rows, and access is
computed from grants (domain/grants.py).

Facts may repeat, come late or out of order. What happened is keyed by its own id (a subscription, an
invoice), never by the event that told of it.
"""

import logging

from domain import (
    NotFound,
    Refused,
    audit,
    changes,
    configuration,
    credits,
    grants,
    organizations,
    outgoing,
    plans,
    pricing,
    providers,
    settings,
    stepup,
)
from domain.outgoing import sends
from domain.plans import PLANS
from domain.providers import CustomerFact, InvoiceFact, SubscriptionFact
from domain.transactions import writes
from models import (
    Customer,
    GrantSource,
    Organization,
    Subscription,
    everywhere,
    inside,
    public_id,
    stand_in_line,
)

log = logging.getLogger("guildhall.billing")

# Statuses that give access until the period's end, and those that never come back without a fetch.
GIVES = ("active", "trialing", "past_due")
TERMINAL = ("canceled", "incomplete_expired")


class Unknown(Exception):
    """The event speaks of something that isn't ours, or isn't known yet. The sentence goes to the inbox."""


def subscription():
    """The subscription to show: active before trialing before past due before others."""
    order = ("active", "trialing", "past_due")
    rows = list(Subscription.select().order_by(Subscription.id.desc()).limit(20))
    return min(rows, key=lambda s: order.index(s.status) if s.status in order else 9, default=None)


# --- what a person asks for ---------------------------------------------------------------------------


def checkout(plan_key, *, by):
    """Open a checkout for a paid plan; returns the address to send the browser to.

    Refuses with Forbidden, NotFound, PriceAmbiguous, or when there is a subscription already (it is
    changed, never doubled). Nothing is granted here: only the provider's webhook does that.
    """
    by.require("billing.manage")
    provider, organization = providers.active(), by.organization
    if plan_key not in provider.prices() or plan_key not in PLANS:
        raise NotFound("There is no such plan on sale.")
    if settings.get("crowdfunding_active"):
        raise Refused("Nothing can be bought while the campaign for backers runs.")
    pricing.match(plan_key)
    current = subscription()
    if current is not None and current.is_live:
        raise Refused(f"{organization.name} has a subscription already.")
    organization = Organization.get_by_id(organization.id)
    customer = Customer.one(Customer.provider == provider.NAME)
    if customer is None:
        made = provider.create_customer(organization, by.user.email)
        customer_id = _bind(organization, provider.NAME, made, by.user.email)
    else:
        customer_id = customer.provider_customer_id
    site = f"{configuration.active.site_url}/{organization.slug}/billing"
    return provider.checkout(customer_id, organization, plan_key, f"{site}/return", site, f"checkout-{public_id()}")


@writes
def _bind(organization, provider, customer_id, email):
    with inside(organization):
        Customer.insert(provider=provider, provider_customer_id=customer_id, email=email).on_conflict_ignore().execute()
        bound = Customer.one(Customer.provider == provider)
    if bound is None:
        raise Unknown(f"The customer {customer_id} belongs to another organization.")
    return bound.provider_customer_id


def set_cancel_at_period_end(cancel, *, by):
    """Ask the provider to end the subscription with its period, or to go on. The webhook makes it so.

    Ending asks for step-up L3.
    """
    by.require("billing.manage")
    current = subscription()
    if current is None or current.status not in ("active", "trialing", "past_due"):
        raise NotFound("There is no running subscription.")
    if cancel:
        stepup.demand("billing.cancel", by.organization.id)
    if not cancel and current.status == "past_due":
        raise Refused("A subscription with an open payment can't be taken up again; pay it first.")
    providers.active().set_cancel_at_period_end(current.provider_subscription_id, cancel)
    _note_asked(current, cancel, by)


@writes
def _note_asked(current, cancel, by):
    audit.record(
        "billing.cancel_requested" if cancel else "billing.resume_requested",
        "Asked to end the subscription with its period" if cancel else "Asked to go on with the subscription",
        by=by.user,
        organization=by.organization,
        target=current,
    )


@sends("subscription_end")
def end_at_provider(row):
    """End a subscription whose organization was deleted; one that is over already is as good."""
    provider = providers.active()
    if row.payload["provider"] != provider.NAME:
        raise Unknown(f"The provider {row.payload['provider']} isn't set up any more.")
    provider.end(row.payload["subscription"])


# --- what the provider tells ----------------------------------------------------------------------------


def apply(fact):
    """Turn one fact into rows, in the present transaction. Refuses with Unknown what isn't ours."""
    with everywhere("a provider's event names its organization only inside"):
        organization = _organization_of(fact)
    with inside(organization):
        match fact:
            case CustomerFact():
                _bind(organization, fact.provider, fact.customer_id, fact.email)
            case SubscriptionFact():
                _apply_subscription(organization, fact)
            case InvoiceFact():
                _apply_invoice(organization, fact)


def _organization_of(fact):
    ours = getattr(fact, "organization", None)
    found = ours and Organization.one(Organization.public_id == ours)
    if found:
        return found
    customer = Customer.one(Customer.provider == fact.provider, Customer.provider_customer_id == fact.customer_id)
    if customer:
        return customer.organization
    raise Unknown(f"No organization of ours has the customer {fact.customer_id}.")


def _apply_subscription(organization, fact):
    plan_key = providers.active().plan_of(fact.price_id) if providers.is_configured() else None
    stand_in_line(f"subscription {fact.id}")
    row = Subscription.one(Subscription.provider == fact.provider, Subscription.provider_subscription_id == fact.id)
    if plan_key is None:
        # A price that isn't on our list never grants; what is granted already stays (specification, billing 30).
        raise Unknown(f"No plan of ours has the price {fact.price_id}.")
    source = f"{fact.provider}:subscription:{fact.id}"
    if not _is_news(source, fact, row):
        return
    values = {
        "plan_key": plan_key,
        "status": fact.status,
        "current_period_end_at": fact.period_end_at,
        "cancel_at_period_end": fact.cancel_at_period_end,
        "provider_customer_id": fact.customer_id,
        "last_event_at": max(fact.happened_at, row.last_event_at) if row else fact.happened_at,
    }
    before = row and {name: getattr(row, name) for name in values}
    if row is None:
        row = Subscription.create(provider=fact.provider, provider_subscription_id=fact.id, **values)
    else:
        Subscription.update(**values).where(Subscription.id == row.id).execute()
    _sync_grants(organization, source, fact, plan_key)
    if organization.status == "deleted" and fact.status in GIVES:  # paid for while it was being deleted
        organizations.end_subscription(row)
    if before is None or any(before[name] != values[name] for name in values if name != "last_event_at"):
        _tell(organization, row, before, fact, plan_key)


def _is_news(source, fact, row):
    """Whether the fact is newer than what we know; a state that is over doesn't come back by an old event."""
    held = GrantSource.one(GrantSource.source == source)
    if not fact.fresh and held is not None:
        if fact.happened_at < held.last_event_at:
            return False
        if row is not None and row.status in TERMINAL and fact.status not in TERMINAL:
            return False
    newest = max(fact.happened_at, held.last_event_at) if held else fact.happened_at
    GrantSource.insert(source=source, last_event_id=fact.event_id, last_event_at=newest).on_conflict(
        conflict_target=[GrantSource.source],
        update={GrantSource.last_event_id: fact.event_id, GrantSource.last_event_at: newest},
    ).execute()
    return True


def _sync_grants(organization, source, fact, plan_key):
    if fact.status in GIVES and organization.status != "deleted":
        plan = plans.stored(plan_key)
        grants.include(source, plan, provider=fact.provider, expires_at=fact.period_end_at)
    else:
        grants.revoke(source, fact.status)


def _tell(organization, row, before, fact, plan_key):
    name = plans.get(plan_key).name
    audit.record(
        "billing.subscription_updated" if before else "billing.subscription_created",
        f"{name}: {before['status'] + ' → ' if before else ''}{fact.status}",
        organization=organization,
        target=row,
        event=fact.event_id,
        status=fact.status,
        cancel_at_period_end=fact.cancel_at_period_end,
    )
    changes.record(organization, "subscription", row.id, "updated" if before else "created")
    ending = fact.cancel_at_period_end and not (before and before["cancel_at_period_end"])
    over = fact.status == "canceled" and before and before["status"] != "canceled"
    if ending or (over and not before["cancel_at_period_end"]):
        type, title = "billing.subscription_canceled", f"The {name} plan was cancelled"
        when = fact.period_end_at.timestamp() if fact.period_end_at else 0
        key = f"{type}:{fact.id}:{when:.0f}:{fact.event_id if ending else 'over'}"
        _to_keepers(organization, type, key, title, "subscription_canceled", name, fact.period_end_at)
    elif before is None and fact.status in GIVES:
        type = "billing.subscription_created"
        _to_keepers(organization, type, f"{type}:{fact.id}", f"Welcome to {name}")
    elif before is not None:
        type = "billing.subscription_updated"
        news = {"past_due": "has an open payment", "canceled": "has ended"}.get(fact.status, "was updated")
        _to_keepers(organization, type, f"{type}:{fact.event_id}", f"The {name} plan {news}")


def _apply_invoice(organization, fact):
    row = Subscription.one(
        Subscription.provider == fact.provider, Subscription.provider_subscription_id == fact.subscription_id
    )
    if row is None:
        raise Retry(f"The subscription {fact.subscription_id} of this invoice isn't known yet.")
    plan = plans.get(row.plan_key)
    if fact.paid:
        if fact.renews and credits.renew(organization, settings.get(plan.credits), f"invoice:{fact.id}"):
            changes.record(organization, "credits", None, "updated")
        return
    # Where the subscription was fetched with this event, its status is known already and is newer.
    if not fact.fresh and row.status == "active" and fact.happened_at >= row.last_event_at:
        Subscription.update(status="past_due").where(Subscription.id == row.id).execute()
        changes.record(organization, "subscription", row.id, "updated")
    type = "billing.payment_failed"
    title = f"A payment for {plan.name} didn't go through"
    _to_keepers(organization, type, f"{type}:{fact.id}", title, "payment_failed", plan.name, row.current_period_end_at)


class Retry(Exception):
    """Not yet: what this event needs hasn't come. The inbox tries again."""


def _to_keepers(organization, type, key, title, letter=None, plan=None, until=None):
    """Tell owners and admins in the bell, and by letter where the matter is grave (A4.8-3, 4)."""
    link = f"/{organization.slug}/billing"
    for user in organizations.keepers(organization):
        outgoing.notify(user, type, key, title, link=link, organization=organization)
        if letter:
            outgoing.letter(
                letter, user.email, f"{key}:{user.id}:mail", organization=organization.name, plan=plan,
                until=f"{until:%d %B %Y}" if until else "its end", link=configuration.active.site_url + link,
            )  # fmt: skip
