"""What people ask of their plan: buy it, change it, pause it, end it. What then is, the provider tells
(domain/money/facts.py); what an organization may use, its grants say (domain/entitlements/grants.py)."""

import hashlib
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta

from database.clock import now
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import audit, configuration, settings, stepup
from domain.base.outgoing import MONEY, sends
from domain.entitlements import grants, plans
from domain.entitlements.plans import PLANS
from domain.money import facts, owners, pricing, providers, trials
from domain.money.providers.provider import CannotDo, Order, ProviderFailed, after_asking
from domain.organizations.permissions import CapabilityRequired
from models import Checkout, Customer, Licence, Organization, Payment, Subscription

CHECKOUT_LASTS = timedelta(hours=24)
SEATS = 1000  # the most that are bought at once


class HasSubscription(Refused):
    """There is one already: it is changed, never doubled."""

    code = "HAS_SUBSCRIPTION"


# --- how things stand -------------------------------------------------------------------------------------


def subscription():
    """The subscription to show: active before trialing before past due before others."""
    order = ("active", "trialing", "past_due", "unpaid", "paused", "incomplete")
    rows = list(Subscription.select().order_by(Subscription.id.desc()).limit(20))
    return min(rows, key=lambda s: order.index(s.status) if s.status in order else 9, default=None)


def payments(limit=24):
    """The newest payments of the organization one stands in."""
    return list(Payment.select().order_by(Payment.id.desc()).limit(limit))


def licences():
    """What the organization one stands in bought once, the newest first, also what ended."""
    return list(Licence.select().order_by(Licence.id.desc()).limit(100))


def trial_days(by):
    """How many days a first subscription would be free: none for who had a trial, here or elsewhere."""
    days = settings.get("billing_trial_days")
    if not days or "trial" not in providers.active().CAN or Subscription.select().exists():
        return 0
    with everywhere("one trial for each person, whatever they founded"):
        had = Subscription.one(Subscription.purchaser == by.user, Subscription.trial_ends_at.is_null(False))
    return 0 if had else days


# --- buying -----------------------------------------------------------------------------------------------


def checkout(plan_key, *, by, quantity=1):
    """Open a checkout for a paid plan; returns the address to send the browser to.
    Refuses with Forbidden, NotFound, PriceAmbiguous, or HasSubscription when one runs (it is changed, never
    doubled). Asked again for the same it returns the same checkout; for another plan the first one is closed.
    Nothing is granted here: only what the provider tells does that."""
    by.require("billing.manage")
    provider, organization = providers.active(), Organization.get_by_id(by.organization.id)
    if plan_key not in providers.account().prices or plan_key not in PLANS:
        raise NotFound("There is no such plan on sale.")
    plan, quantity = plans.get(plan_key), _seats(plan_key, quantity)
    if settings.get("crowdfunding_active"):
        raise Refused("Nothing can be bought while the campaign for backers runs.")
    price_id = _price(plan_key, by)
    _refuse_second(plan, organization)
    row = _reserve(plan_key, quantity, 0 if plan.is_once else trial_days(by), by)
    closed = row.plan_key != plan_key or row.quantity != quantity
    if closed:
        _close(row, provider)
        row = _reserve(plan_key, quantity, row.trial_days, by)
    elif row.url:  # is it paid already, and only its webhook late?
        apply(provider.confirm(row.provider_checkout_id))
        _refuse_second(plan, organization)
        row = Checkout.get_by_id(row.id)
        if row.status == "open":
            return row.url
        row = _reserve(plan_key, quantity, row.trial_days, by)
    buyer = row.by or by.user  # who began it: asked again for the same, the same is sent
    order = Order(
        public_id=row.public_id,
        plan_key=plan_key,
        price_id=price_id,
        once=plan.is_once,
        quantity=quantity,
        trial_days=row.trial_days,
        purchaser=buyer.public_id,
        email=buyer.email,
    )
    site = f"{configuration.active.site_url}/{organization.slug}/billing"
    try:
        customer = _customer(organization, buyer.email)
        sent = customer, organization, order, f"{site}/return", site
        opened = provider.checkout(*sent, _key_of("checkout", row.public_id, customer, order, site))
    except ProviderFailed as failed:
        failed.asked = failed.asked or closed  # the earlier checkout is gone by now
        raise
    return _note_opened(row, opened)


def _price(plan_key, by):
    """The id of the price this person buys at; a backers' price becomes known as that plan."""
    price_id = pricing.for_person(plan_key, by.user)["id"]
    if price_id not in providers.account().prices.values():
        pricing.remember_price(price_id, plan_key)
    return price_id


def _seats(plan_key, quantity):
    if not 1 <= quantity <= SEATS:
        raise Invalid({"quantity": f"Choose 1 to {SEATS:,} seats."})
    return quantity if plans.get(plan_key).has_seats else 1


def _refuse_second(plan, organization):
    current = subscription()
    if not plan.is_once and current is not None and current.is_standing:
        raise HasSubscription(f"{organization.name} has a subscription already. Change it instead.")


@writes
def _reserve(plan_key, quantity, days, by):
    """The open checkout, or a new one: the partial index lets an organization have one."""
    lock("checkout", by.organization.id)
    Checkout.update(status="expired").where(Checkout.status == "open", Checkout.expires_at <= now()).execute()
    return Checkout.one(Checkout.status == "open") or Checkout.create(
        provider=providers.name(),
        plan_key=plan_key,
        quantity=quantity,
        trial_days=days,
        by=by.user,
        expires_at=now() + CHECKOUT_LASTS,
    )


def _close(row, provider):
    """Close a checkout that nobody wants any more. One that was paid meanwhile can't be closed, and is told."""
    if row.provider_checkout_id:
        try:
            provider.expire_checkout(row.provider_checkout_id, f"expire-{row.public_id}")
        except ProviderFailed as failed:
            with after_asking() if failed.asked else nullcontext():
                apply(provider.confirm(row.provider_checkout_id))
            if Checkout.get_by_id(row.id).status == "completed":
                raise HasSubscription("The checkout that was open has just been paid.") from None
            raise
    writes(Checkout.update(status="expired").where(Checkout.id == row.id, Checkout.status == "open").execute)()


@writes
def _note_opened(row, opened):
    values = {"provider_checkout_id": opened.id, "url": opened.url}
    if opened.expires_at:
        values["expires_at"] = opened.expires_at
    Checkout.update(**values).where(Checkout.id == row.id).execute()
    return opened.url


def _customer(organization, email):
    """The organization's customer at the provider, made before its first checkout."""
    known = owners.customer(providers.name())
    if known:
        return known
    # One that is deleted there, so that its key isn't asked with again; another click's new one is no such.
    deleted = Customer.select().where(Customer.provider == providers.name(), Customer.deleted_at.is_null(False))
    gone = deleted.order_by(Customer.id.desc()).first()
    key = _key_of("customer", organization.public_id, email, organization.name, gone and gone.provider_customer_id)
    made = providers.active().create_customer(organization, email, key)
    return owners.bind(organization, providers.name(), made, email) or made


@writes
def apply(found):
    """Apply facts the provider was just asked for; what isn't ours is left alone."""
    for fact in found:
        try:
            facts.apply(fact)
        except (owners.Unknown, facts.Retry):
            facts.log.warning("an answer could not be applied", exc_info=True)


def confirm(*, by):
    """Ask the provider how the newest checkout and the subscription stand: nobody waits for a late webhook.
    The address people come back to proves nothing; this does."""
    by.require("billing.manage")
    provider = providers.active()
    row = Checkout.select().where(Checkout.provider == providers.name()).order_by(Checkout.id.desc()).first()
    if row is not None and row.provider_checkout_id:
        apply(provider.confirm(row.provider_checkout_id))


def _as_it_is(row):
    """A subscription as the provider says it is after what it was just asked to do.
    That is done: when the answer can't be had, its webhook brings it."""
    with suppress(ProviderFailed):
        apply(providers.active().refetch(row.provider_subscription_id))
    return Subscription.get_by_id(row.id)


# --- changing ---------------------------------------------------------------------------------------------


def _running(by, *, statuses=("active", "trialing"), why="Pay what is open first; then it can be changed."):
    by.require("billing.manage")
    current = subscription()
    if current is None or not current.is_standing:
        raise NotFound("There is no running subscription.")
    if current.provider != providers.name():
        raise Refused("This subscription is with a provider that isn't connected any more.")
    if current.status not in statuses:
        raise Refused(why)
    return current


def _key_of(verb, about, *sent):
    """An idempotency key: it follows from what is sent, since providers refuse a key that comes with something else."""
    return f"{verb}-{about}-{hashlib.sha256(repr(sent).encode()).hexdigest()[:24]}"


def _change_key(verb, current, *sent):
    """The same wish on the same state of the subscription is one call."""
    return _key_of(verb, current.provider_subscription_id, current.updated_at, *sent)


def _wanted(current, plan_key, quantity, by):
    plan = PLANS.get(plan_key) and plans.get(plan_key)
    if plan is None or plan_key not in providers.account().prices or plan.is_once or not plan.is_paid:
        raise NotFound("There is no such plan to change to.")
    quantity = _seats(plan_key, quantity)
    if quantity > 1 and plan_key == current.plan_key and "quantity" not in providers.active().CAN:
        raise CannotDo(f"{providers.label()} can't change the number of seats.")
    if current.pending_plan_key:
        raise Refused("A change is waiting for its payment already.")
    if current.cancel_at_period_end or current.cancel_at:
        raise Refused("The plan is cancelled. Keep it first; then it can be changed.")
    if plan_key == current.plan_key and quantity == current.quantity:
        raise Refused("That is what the plan is already.")
    return _price(plan_key, by), quantity


def preview_change(plan_key, quantity=1, *, by):
    """What changing to a plan and a number of seats would cost now and from then on: a Proration.
    None where the provider can't tell beforehand. Refuses as `change` does."""
    current = _running(by)
    price_id, quantity = _wanted(current, plan_key, quantity, by)
    if "preview" not in providers.active().CAN:
        return None
    return providers.active().preview(current.provider_subscription_id, price_id, quantity)


def change(plan_key, quantity=1, *, by, token=""):
    """Change the plan or the number of seats of the running subscription; returns it as it then is.
    `token` comes with the Proration that was shown, so that what is charged is what was seen. The plan changes
    once the provider says it is paid: until then `pending_plan_key` says what is waited for."""
    current = _running(by)
    price_id, quantity = _wanted(current, plan_key, quantity, by)
    key = _change_key("change", current, price_id, quantity, token)
    seats = f", {quantity} seats" if quantity > 1 else ""
    with _asking("billing.change_requested", f"Asked to change to {plans.get(plan_key).label}{seats}", current, by):
        providers.active().change(current.provider_subscription_id, price_id, quantity, key, token)
    return _as_it_is(current)


def set_cancel_at_period_end(cancel, *, by):
    """Ask the provider to end the subscription with its period, or to go on; returns it as it then is.
    Ending asks for step-up L3."""
    why = "A subscription with an open payment can't be taken up again; pay it first."
    ending = ("active", "trialing", "past_due", "unpaid", "paused")
    current = _running(by, statuses=ending if cancel else ("active", "trialing"), why=why)
    if cancel:
        stepup.demand("billing.cancel", by.organization.id)
    key = _change_key("cancel" if cancel else "resume", current)
    action = "billing.cancel_requested" if cancel else "billing.resume_requested"
    said = "Asked to end the subscription with its period" if cancel else "Asked to go on with the subscription"
    with _asking(action, said, current, by):
        providers.active().set_cancel_at_period_end(current.provider_subscription_id, cancel, key)
    return _as_it_is(current)


PAUSES = (1, 2, 3)  # months


def pause(months, *, by):
    """Ask the provider to charge nothing for some months after the paid period; access rests with it.
    Refuses with CannotDo where the provider or the plan has no pause: a year isn't paused for a month."""
    current = _running(by, statuses=("active",))
    if "pause" not in providers.active().CAN:
        raise CannotDo(f"{providers.label()} can't pause a subscription.")
    if plans.get(current.plan_key).interval != "month":
        raise CannotDo("Only a plan that is paid every month can be paused.")
    if months not in PAUSES:
        raise Invalid({"months": "Choose one, two or three months."})
    if current.cancel_at_period_end or current.collection_paused:
        raise Refused("The plan is cancelled or paused already.")
    resumes_at = max(now(), current.current_period_end_at or now()) + timedelta(days=30 * months)
    with _asking("billing.pause_requested", f"Asked to pause until {resumes_at:%-d %B %Y}", current, by):
        providers.active().pause(
            current.provider_subscription_id, resumes_at, _change_key("pause", current, resumes_at)
        )
    return _as_it_is(current)


def unpause(*, by):
    """Ask the provider to charge again."""
    current = _running(by, statuses=("active", "trialing", "paused"))
    if not current.collection_paused and current.status != "paused":
        raise Refused("The plan isn't paused.")
    with _asking("billing.unpause_requested", "Asked to go on after a pause", current, by):
        providers.active().unpause(current.provider_subscription_id, _change_key("unpause", current))
    return _as_it_is(current)


def portal(*, by):
    """The address of the provider's own pages for cards and invoices, made for this visit.
    Wants `billing.manage`, a plan with the portal and step-up L1. Who owes may always go there to pay."""
    by.require("billing.manage")
    current = subscription()
    owes = current is not None and current.status in ("past_due", "unpaid")
    if not owes and not grants.includes("billing.portal"):
        raise CapabilityRequired("The customer portal comes with a paid plan.")
    runs = current is not None and current.is_standing and current.provider == providers.name()
    customer_id = current.provider_customer_id if runs else owners.customer(providers.name())
    if not customer_id:
        raise NotFound("Nothing was bought here yet, so there is nothing to see there.")
    stepup.demand("billing.open_portal", by.organization.id)
    site = f"{configuration.active.site_url}/{by.organization.slug}/billing"
    return providers.active().portal(customer_id, site, f"portal-{customer_id}-{now():%Y%m%d%H%M%S}")


@contextmanager
def _asking(action, said, current, by):
    """Note what the provider is asked to do, also where it may have been done though an error came back."""
    try:
        yield
    except (ProviderFailed, CannotDo) as failed:
        if failed.asked:
            _note_asked(
                action, f"{said}; the provider answered: {trials.sentence(failed)}"[:500], current, by, "failure"
            )
            _as_it_is(current)
        raise
    _note_asked(action, said, current, by)


@writes
def _note_asked(action, said, current, by, result="success"):
    audit.record(action, said, by=by.user, organization=by.organization, target=current, result=result)


# --- what is left for the provider ------------------------------------------------------------------------


@sends("subscription_end", lane=MONEY)
def end_at_provider(row):
    """End a subscription whose organization was deleted; one that is over already is as good."""
    _provider_of(row).end(row.payload["subscription"], row.key)


@sends("subscription_double", lane=MONEY)
def end_double(row):
    """End the later of two subscriptions of one organization, and give its money back.
    All that run are asked for first: the event that ended the earlier one may only be late."""
    provider, id = _provider_of(row), row.payload["subscription"]
    with everywhere("a doubled subscription names its organization"):
        mine = Subscription.provider == provider.NAME, Subscription.provider_subscription_id == id
        organization = Subscription.get(*mine).organization
    with inside(organization):
        for one in Subscription.select().where(Subscription.status.in_(Subscription.LIVE)).order_by(Subscription.id):
            apply(provider.refetch(one.provider_subscription_id))
        second = next((one for one in facts.doubles(provider.NAME) if one.provider_subscription_id == id), None)
        if second is None:
            return
        provider.end(id, row.key)
        for payment in Payment.select().where(Payment.subscription == second, Payment.amount > 0).order_by(Payment.id):
            if payment.stands:
                provider.refund(payment.provider_payment_id, None, f"refund-{payment.provider_payment_id}")


def _provider_of(row):
    if not configuration.active.has_billing or row.payload["provider"] != providers.name():
        raise owners.Unknown(f"The provider {row.payload['provider']} isn't set up any more.")
    return providers.active()
