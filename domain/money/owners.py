"""Whose a thing at the provider is: a subscription, a payment, a customer."""

import logging

from database.compiled import CompiledRows
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import writes
from domain.money import announcements, pricing
from domain.money.providers.provider import (
    CheckoutClosed,
    CustomerChanged,
    PaymentFailed,
    PaymentReceived,
    SubscriptionChanged,
)
from models import Checkout, Customer, Organization, Payment, Subscription

log = logging.getLogger("guildhall.facts")


class Unknown(Exception):
    """The event speaks of something that isn't ours. The sentence goes to the inbox."""


def organization_of(fact):
    """Whose it is: by what we know of the thing, by what we gave along, by the customer. Refuses with Unknown.
    What names another organization than the one we know is not moved: admins are asked."""
    with everywhere("a provider's event names its organization only inside"):
        known = next((row for row in _traces(fact) if row is not None), None)
        ours = named(fact.organization)
        if fact.organization and not ours:
            log.error("an event names an organization that isn't here", extra={"event": fact.event_id})
        if known is not None:
            owner = _owner.first(id=known.organization_id)
            if ours and ours.id != owner.id:
                announcements.ask_to_move(fact, owner, ours)
            return owner
        # One address may be one customer for two organizations, so what was given along counts before it.
        customer = None if ours or not fact.customer_id else customer_row.first(**_at(fact, fact.customer_id))
        owner = _owner.first(id=customer.organization_id) if customer else ours
    if not owner:
        if is_money(fact):
            announcements.ask_to_place(fact)
        raise Unknown(nobodys(fact.customer_id))
    return owner


def named(public_id):
    """The organization that a thing at the provider names, or None."""
    return _named.first(public_id=public_id) if public_id else None


def nobodys(customer_id):
    """What is said of a customer whom nobody could place."""
    return f"No organization of ours has the customer {customer_id or '(none)'}."


def is_money(fact):
    """Whether something of ours is paid or runs: it has the price of a plan, or names an organization."""
    paid = isinstance(fact, PaymentReceived) and fact.amount > 0
    runs = isinstance(fact, SubscriptionChanged) and fact.status in Subscription.LIVE
    return (paid or runs) and bool(fact.organization or pricing.plan_of(fact.provider, fact.price_id))


def _at(fact, id):
    return {"provider": fact.provider, "id": str(id)}


def _traces(fact):
    """The rows of the thing that a fact speaks of, or of what it belongs to."""
    subscription = fact.id if isinstance(fact, SubscriptionChanged) else getattr(fact, "subscription_id", None)
    if subscription:
        yield subscription_row.first(**_at(fact, subscription))
    payment = fact.id if isinstance(fact, PaymentReceived | PaymentFailed) else getattr(fact, "payment_id", None)
    if payment:
        yield payment_row.first(**_at(fact, payment))
    checkout = fact.id if isinstance(fact, CheckoutClosed) else getattr(fact, "checkout_id", None)
    if checkout:
        yield Checkout.one(Checkout.provider == fact.provider, Checkout.provider_checkout_id == checkout)
    if isinstance(fact, CustomerChanged):
        yield customer_row.first(**_at(fact, fact.customer_id))


def _by_id(model, column):
    """The row with this id at this provider: asked for by every event, so built once."""
    return CompiledRows(
        model, lambda: model.select().where(model.provider == parameter("provider"), column == parameter("id")).limit(1)
    )


customer_row = _by_id(Customer, Customer.provider_customer_id)
subscription_row = _by_id(Subscription, Subscription.provider_subscription_id)
payment_row = _by_id(Payment, Payment.provider_payment_id)
_named = CompiledRows(
    Organization, lambda: Organization.select().where(Organization.public_id == parameter("public_id")).limit(1)
)
_owner = CompiledRows(Organization, lambda: Organization.select().where(Organization.id == parameter("id")).limit(1))


@writes
def bind(organization, provider, customer_id, email):
    """Note that a customer of the provider is this organization; returns its id. An organization may have several.
    None when it is another organization's: some providers have one customer for one address."""
    with inside(organization):
        Customer.insert(provider=provider, provider_customer_id=customer_id, email=email).on_conflict_ignore().execute()
        row = Customer.one(Customer.provider == provider, Customer.provider_customer_id == customer_id)
        if row is not None and email and row.email != email:
            row.email = email
            row.save()
    return row and row.provider_customer_id


def customer(provider):
    """The provider's id of the customer that the organization one stands in buys as: the first that isn't deleted."""
    here = Customer.select().where(Customer.provider == provider, Customer.deleted_at.is_null())
    row = here.order_by(Customer.id).first()
    return row and row.provider_customer_id
