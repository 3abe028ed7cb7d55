"""Who is told of what money did: owners and admins of the organization, and the platform's admins.

All of it goes out with the commit of what it tells, and once for each key however often it is said.
"""

from urllib.parse import quote

from database.clock import written_day
from domain.base import audit, changes, configuration, outgoing
from domain.entitlements import plans
from domain.fields import money
from domain.money.providers.provider import (
    SubscriptionChanged,
)
from domain.people import admins
from models import Membership


def tell_of_subscription(organization, row, before, fact):
    """A subscription's row changed: the log, open pages, and where it is news owners and admins of the organization.
    `before` is what its row showed, None for a new one."""
    plan = plans.get(row.plan_key)
    name = plan.name
    audit.record(
        "billing.subscription_updated" if before else "billing.subscription_created",
        f"{plan.label}: {before['status'] + ' → ' if before else ''}{row.status}",
        organization=organization,
        target=row,
        event=fact.event_id,
        status=row.status,
        cancel_at_period_end=row.cancel_at_period_end,
    )
    moved = {name: [before and before.get(name), getattr(row, name)] for name in ("status", "plan_key", "quantity")}
    changes.record(organization, "subscription", row.id, "updated" if before else "created", moved)
    ends = row.cancel_at_period_end or row.cancel_at is not None
    ending = ends and row.is_live and not (before and (before["cancel_at_period_end"] or before["cancel_at"]))
    over = row.status == "canceled" and before and before["status"] != "canceled"
    began = row.is_live and (before is None or before["status"] in ("incomplete", "incomplete_expired"))
    end = row.cancel_at or row.current_period_end_at
    if ending or (over and not (before["cancel_at_period_end"] or before["cancel_at"])):
        type, title = "billing.subscription_canceled", f"The {name} plan was cancelled"
        when = end.timestamp() if end else 0
        key = f"{type}:{fact.id if isinstance(fact, SubscriptionChanged) else row.id}:{when:.0f}:"
        key += fact.event_id if ending else "over"
        tell_keepers(organization, type, key, title, "subscription_canceled", name, end)
    elif began:
        type = "billing.subscription_created"
        key = f"{type}:{row.provider_subscription_id}"
        tell_keepers(organization, type, key, f"Welcome to {name}", "subscription_success", name, end)
    elif row.status == "incomplete_expired" and before and before["status"] == "incomplete":
        type = "billing.payment_failed"
        key = f"{type}:never:{row.provider_subscription_id}"
        tell_keepers(organization, type, key, f"The {name} plan didn’t begin", "subscription_error", name)
    elif before is not None:
        type = "billing.subscription_updated"
        tell_keepers(organization, type, f"{type}:{fact.event_id}", f"The {name} plan {_news(row, before)}")


def _news(row, before):
    if row.plan_key != before["plan_key"]:
        return f"is now {plans.get(row.plan_key).label}"
    if row.status != before["status"]:
        said = {
            "past_due": "has an open payment",
            "canceled": "has ended",
            "unpaid": "is switched off until it is paid",
            "paused": "is paused",
        }
        return said.get(row.status, "runs again" if before["status"] in ("past_due", "unpaid", "paused") else "changed")
    if row.collection_paused != before["collection_paused"]:
        return "is paused" if row.collection_paused else "goes on"
    if row.quantity != before["quantity"]:
        return f"has {row.quantity} seats now" if row.quantity > 1 else "has 1 seat now"
    if before["cancel_at_period_end"] and not row.cancel_at_period_end:
        return "goes on after all"
    if row.pending_plan_key and not before["pending_plan_key"]:
        return "changes once the payment has gone through"
    return "was updated"


def tell_of_licence(organization, payment, plan_key):
    """Something was bought once."""
    name = plans.get(plan_key).label
    audit.record(
        "billing.licence_bought",
        f"{name} bought for {amount_of(payment.amount, payment)}",
        organization=organization,
        target=("payment", payment.id),
    )
    type = "billing.subscription_created"
    key = f"{type}:{payment.provider_payment_id}"
    tell_keepers(organization, type, key, f"{name} is yours", "subscription_success", name)


def amount_of(amount, payment):
    """An amount of this payment's currency, as people read it."""
    return money.written(amount, payment.currency)


def tell_keepers(organization, type, key, title, letter=None, plan=None, until=None, pay=None):
    """Tell owners and admins in the bell, and by letter where the matter is grave. Days are those of each reader;
    a `title` that names one is a function of their zone."""
    link = f"/{organization.slug}/billing"
    for user in Membership.keepers(organization):
        ends = written_day(until, user.timezone) if until else "what was paid is over"
        words = title(user.timezone) if callable(title) else title
        outgoing.notify(user, type, key, words, link=link, organization=organization)
        if letter:
            outgoing.letter(
                letter,
                user.email,
                f"{key}:{user.id}:mail",
                about=(user, organization),
                organization=organization.name,
                plan=plan,
                until=ends,
                link=pay or configuration.active.site_url + link,
            )


def tell_of_failure(organization, fact, plan, until):
    """A payment didn't go through, or the bank wants its customer to confirm it; `until` the plan lasts so far."""
    if fact.action_required:
        what, title = "payment_action", f"A payment for {plan.name} wants your confirmation"
    else:
        what, title = "payment_failed", f"A payment for {plan.name} didn't go through"
    type = f"billing.{what}"
    tell_keepers(organization, type, f"{type}:{fact.id}", title, what, plan.name, until, pay=fact.url)


def tell_of_refund(organization, fact, payment, more):
    """The refunded part of a payment changed: there is `more` of it than before, or less."""
    written = amount_of(payment.amount_refunded, payment)
    audit.record(
        "billing.payment_refunded" if more else "billing.refund_undone",
        f"{written} of {amount_of(payment.amount, payment)} refunded",
        organization=organization,
        target=("payment", payment.id),
        event=fact.event_id,
    )
    key = f"billing.payment_refunded:{fact.payment_id}:{fact.amount_refunded}"
    title = f"{written} of a payment came back" if more else "A refund was undone"
    tell_keepers(organization, "billing.payment_refunded", key, title)


DISPUTES = {"open": "disputes a payment", "won": "lost a dispute: the money stays", "lost": "won a dispute"}
FRAUD = "has a payment that the provider takes for a fraud"


def tell_of_dispute(organization, fact, payment):
    """A dispute of a payment was opened, won or lost: the platform's admins hear of it."""
    state, written = payment.dispute, amount_of(payment.amount, payment)
    audit.record(
        f"billing.dispute_{'opened' if state == 'open' else state}",
        f"A payment of {written} is disputed" if state == "open" else f"A dispute was {state}",
        organization=organization,
        target=("payment", payment.id),
        event=fact.event_id,
    )
    warn_admins(
        f"dispute:{fact.id}:{state}",
        f"{organization.name} {FRAUD if getattr(fact, 'fraud', False) else DISPUTES[state]}",
        f"{fact.payment_id}, {written}",
        f"/admin/subscriptions?q={organization.slug}",
    )


def warn_of_price(fact):
    """A fact names a price that is no plan of ours."""
    warn_admins(
        f"price:{fact.provider}:{fact.price_id}",
        "A subscription has a price that is no plan",
        f"{fact.price_id or 'A missing price'} isn't known. What was granted stays; say which plan it is.",
        f"/admin/subscriptions?q={fact.id}",
    )


def warn_of_status(fact):
    """A known thing has a status that nobody taught us: it stays as it was until somebody has looked."""
    warn_admins(
        f"status:{fact.provider}:{fact.thing}:{fact.id}:{fact.status}"[:120],
        f"The provider says {fact.status!r}, and we don't know what that means",
        f"It is said of the {fact.thing} {fact.id}. Nothing here was changed: please look at the provider's pages.",
        "/admin/webhooks",
    )


def ask_to_move(fact, owner, named):
    """What is one organization's names another in the provider's dashboard: a move is an admin's act."""
    which = getattr(fact, "subscription_id", None) or getattr(fact, "id", None) or fact.customer_id
    warn_admins(
        f"move:{fact.provider}:{which}:{named.public_id}",
        f"{LABEL.get(type(fact).__name__, 'A payment')} of {owner.name} names {named.name} at the provider",
        f"{which} stays {owner.name}'s. If {named.name} is right, move it.",
        f"/admin/subscriptions?q={which}",
    )


def ask_to_place(fact):
    """Something was paid, or runs, of a customer who is nobody here."""
    whose = f"customer={quote(fact.customer_id)}" if fact.customer_id else ""
    warn_admins(
        f"nobody:{fact.provider}:{fact.customer_id or fact.id}",
        "Somebody pays whom nobody knows here",
        f"{fact.customer_id or fact.id} has a plan of ours at the provider, and no organization. Say whose it is.",
        f"/admin/subscriptions/placement?provider={fact.provider}&{whose}",
    )


LABEL = {"SubscriptionChanged": "A subscription", "CustomerChanged": "A customer", "CheckoutClosed": "A checkout"}


def warn_admins(key, title, body, link):
    """Tell the platform's admins of a doubt about money, once for each key."""
    for admin in admins.people():
        outgoing.notify(admin, "system.billing", key, title, body=body, link=link)
