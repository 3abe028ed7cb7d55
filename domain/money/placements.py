"""What an admin decides about whose a thing at the provider is: placing a customer, moving a subscription."""

from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import audit, changes
from domain.entitlements import credits, grants
from domain.fields.kinds import clean
from domain.money import inbox, owners, providers, subscriptions
from domain.organizations import organization_desk
from models import Customer, Dispute, Grant, Payment, Subscription, WebhookEvent

MOST = 50  # events that are worked again at once; the night's comparison does the rest


def _organization(address):
    """The organization with this address, as an admin writes it. Refuses with Invalid."""
    slug = clean(address or "").strip().strip("/").rpartition("/")[2]
    found = organization_desk.by_slug(slug) if slug else None
    if found is None or found.status == "deleted":
        raise Invalid({"organization": "There is no organization with this address."})
    return found


def place(provider, customer_id, address, *, by):
    """Say which organization a customer of the provider is, and work the webhooks that were ignored for it; returns
    (the organization, how many were worked).
    Refuses with Invalid, or when the customer is another organization's."""
    customer_id = clean(customer_id or "").strip()
    if provider not in providers.MODULES or not 0 < len(customer_id) <= 120:
        raise Invalid({"customer": "Say which customer is meant."})
    organization = _organization(address)
    _bind(organization, provider, customer_id, by)
    nobodys = WebhookEvent.status == "ignored", WebhookEvent.error == owners.nobodys(customer_id)
    ignored = WebhookEvent.select().where(*nobodys, WebhookEvent.payload != b"").order_by(WebhookEvent.id)
    return organization, sum(inbox.work(event, asked=True) is None for event in list(ignored.limit(MOST)))


@writes
def _bind(organization, provider, customer_id, by):
    if owners.bind(organization, provider, customer_id, "") is None:
        raise Refused("This customer is another organization's.")
    said = f"The customer {customer_id} is {organization.name}"
    audit.record("billing.customer_placed", said, by=by, organization=organization, target=("customer", customer_id))


@writes
def move(id, address, *, by):
    """Move a subscription with its payments, its access and its customer to another organization; returns it.
    Refuses with NotFound, Invalid, or when it is there already."""
    lock("facts")
    row, organization = subscriptions.one(id), _organization(address)
    former = row.organization
    if organization.id == former.id:
        raise Refused(f"It is {former.name}'s already.")
    with everywhere("an admin moves a subscription to another organization"):
        paid = [payment.id for payment in Payment.select(Payment.id).where(Payment.subscription == row.id)]
        customer = Customer.provider == row.provider, Customer.provider_customer_id == row.provider_customer_id
        of_it = (
            (Subscription, Subscription.id == row.id),
            (Payment, Payment.id.in_(paid)),
            (Dispute, Dispute.payment.in_(paid)),
            (Grant, Grant.source == grants.source_of(row)),
            (Customer, customer[0] & customer[1]),
        )
        for table, condition in of_it:
            table.update(organization=organization).where(condition).execute()
    for one in (former, organization):
        with inside(one):
            credits.follow(one)
            changes.record(one, "subscription", row.id, "updated")
    audit.record(
        "billing.subscription_moved",
        f"{row.provider_subscription_id} was moved from {former.name} to {organization.name}",
        by=by,
        organization=organization,
        target=row,
        before=former.slug,
        after=organization.slug,
    )
    return row
