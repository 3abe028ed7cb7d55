"""Whose a thing at the provider is: a subscription, a payment, a customer."""

import logging

from database.compiled import CompiledRows
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import writes
from domain.money.providers.provider import CheckoutClosed, SubscriptionChanged
from models import Checkout, Customer, Organization, Payment, Subscription

log = logging.getLogger("guildhall.facts")


class Unknown(Exception):
    """The event speaks of something that isn't ours. The sentence goes to the inbox."""


def organization_of(fact):
    """Whose it is: by what we gave along, by the customer, or by what we know of the thing. Refuses with Unknown."""
    with everywhere("a provider's event names its organization only inside"):
        ours = fact.organization and _named.first(public_id=fact.organization)
        if ours:
            return ours
        if fact.organization:
            log.error("an event names an organization that isn't here", extra={"event": fact.event_id})
        for row in _traces(fact):
            if row is not None:
                return _owner.first(id=row.organization_id)
    raise Unknown(f"No organization of ours has the customer {fact.customer_id or '(none)'}.")


def _traces(fact):
    """The thing itself before its customer: one address may be one customer for two organizations."""
    subscription = fact.id if isinstance(fact, SubscriptionChanged) else getattr(fact, "subscription_id", None)
    if subscription:
        yield subscription_row.first(provider=fact.provider, id=str(subscription))
    payment = getattr(fact, "payment_id", None)
    if payment:
        yield payment_row.first(provider=fact.provider, id=str(payment))
    if isinstance(fact, CheckoutClosed):
        yield Checkout.one(Checkout.provider == fact.provider, Checkout.provider_checkout_id == fact.id)
    if fact.customer_id:
        yield customer_row.first(provider=fact.provider, id=fact.customer_id)


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
    """Note that a customer of the provider is this organization; returns the id that is bound.

    The first stays, unless the provider deleted it. None when it is another organization's: some providers
    have one customer for one address.
    """
    with inside(organization):
        Customer.insert(provider=provider, provider_customer_id=customer_id, email=email).on_conflict_ignore().execute()
        row = Customer.one(Customer.provider == provider)
        if row is None:
            return None
        if row.provider_customer_id != customer_id and row.deleted_at:
            row.provider_customer_id, row.deleted_at, row.email = customer_id, None, email
        elif row.provider_customer_id == customer_id and email:
            row.email = email
        row.save()
    return row.provider_customer_id
