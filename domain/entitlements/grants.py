"""What an organization may use: the union of its active grants, whatever they came from."""

from datetime import UTC, datetime, timedelta

from peewee import fn

from database.clock import now
from database.compiled import Compiled, CompiledRows
from database.locks import lock
from database.parameters import parameter
from database.scope import everywhere, inside, scope
from database.transactions import writes
from domain.base import audit, changes, configuration, long_jobs, outgoing, settings
from domain.entitlements import plans
from domain.entitlements.plans import PLANS
from domain.fields.number import counted
from models import Grant, Licence, Membership, Payment, Subscription

# On every page: `list_1m_vs_jinja_page`.
_active = Compiled(
    lambda: (
        Grant.select(Grant.plan_key, Grant.capability)
        .where(Grant.revoked_at.is_null(), Grant.expires_at.is_null() | (Grant.expires_at > parameter("moment")))
        .limit(200)
    )
)


def active():
    """(plan, capability) of every active grant of the organization one stands in."""
    return _active(moment=Grant.expires_at.db_value(now()))


def capabilities():
    """What the organization one stands in may use: what its grants give, and what the free plan gives everybody."""
    return {capability for _, capability in active()} | set(plans.get("free").capabilities)


def plan():
    """The plan of the organization one stands in; None where billing isn't set up (no badge then)."""
    if not configuration.active.has_billing:
        return None
    keys = {key for key, _ in active()}
    return plans.get(next((key for key in reversed(PLANS) if key in keys), "free"))


def includes(capability):
    """Whether the organization may use it. Where no plans are sold, everybody may: nobody could buy it."""
    return not configuration.active.has_billing or capability in capabilities()


def seats():
    """How many members the plan has room for; None when there is no limit."""
    if includes("workspace.members.limit.unlimited"):
        return None
    held = capabilities()
    bought = 0
    if "workspace.members.limit.seats" in held:
        bought = (
            Subscription.select(fn.SUM(Subscription.quantity))
            .where(Subscription.status.in_(Subscription.LIVE))
            .scalar()
            or 0
        )
    given = sum(given_seats(capability) for _, capability in active())
    return max(bought, *(seats for name, seats in plans.SEATS.items() if name in held), 0) + given


GIVEN_SEATS = "workspace.members.seats."  # and how many: what staff gives by hand beside a plan


def given_seats(capability):
    """How many seats a capability adds: 0 but for those that were given by hand."""
    return int(capability.removeprefix(GIVEN_SEATS)) if capability.startswith(GIVEN_SEATS) else 0


def revoke_all(reason):
    """Take back every active grant of the organization one stands in; returns how many."""
    return Grant.update(revoked_at=now(), revoke_reason=reason).where(Grant.revoked_at.is_null()).execute()


LATE = timedelta(days=7)  # what a server that was off kept back so long is said no more


def tell_of_ends():
    """Tell owners and admins, once, that what was given until a day (by hand, or by a backer's code) is over; returns
    of how much. What was paid for tells of itself when it ends."""
    with everywhere("what was given ends in all organizations"):
        over = Grant.expires_at <= now(), Grant.expires_at > now() - LATE, Grant.revoked_at.is_null()
        rows = Grant.select().where(Grant.provider.is_null(), *over).order_by(Grant.id.desc())
        found = {row.source: row for row in rows}  # of each source its first
    return sum(_tell_of_end(row) for row in found.values())


@writes
def _tell_of_end(grant):
    organization, seats = grant.organization, given_seats(grant.capability)
    label = counted(seats, "more seat") if seats else plans.get(grant.plan_key).label
    about = {"organization": organization, "link": f"/{organization.slug}/billing"}
    key = f"plan_over:{grant.source}:{grant.expires_at:%Y%m%d}"
    title = f"What {organization.name} was given has ended: {label}"
    told = [outgoing.notify(user, "plan.over", key, title, **about) for user in Membership.keepers(organization)]
    return any(told)


# --- when a plan comes to include something else ----------------------------------------------------------


def include(source, plan, *, provider, expires_at, source_type="subscription"):
    """Have a source's grants (a subscription's, a backer's) be what its plan includes, until `expires_at`.
    In the present transaction, inside the organization; returns whether that was news."""
    news = 0
    held = {grant.capability: grant for grant in _of_source(source=source)}
    for capability in plan.capabilities:
        values = {"plan_key": plan.key, "expires_at": expires_at, "revoked_at": None, "revoke_reason": None}
        known = held.get(capability)
        if known is None:
            made = {"capability": capability, "source": source, "source_type": source_type, "provider": provider}
            Grant.create(**made, **values)
            news += 1
        elif any(getattr(known, name) != value for name, value in values.items()):
            news += Grant.update(**values).where(Grant.id == known.id).execute()
    if provider and plan.capabilities and not any(one.revoked_at is None for one in held.values()):
        audit.record("billing.grant_created", f"{plan.label}: access has begun", organization=scope(), source=source)
    if any(one.revoked_at is None and one.capability not in plan.capabilities for one in held.values()):
        news += revoke(source, "not in the plan any more", kept=plan.capabilities)
    return bool(news)


# For every event of a subscription: `events_worked_per_second`.
_of_source = CompiledRows(Grant, lambda: Grant.select().where(Grant.source == parameter("source")))


def revoke(source, reason, kept=()):
    """Take back what a source gave, but for the capabilities `kept`; returns how many grants."""
    query = Grant.update(revoked_at=now(), revoke_reason=reason).where(
        Grant.source == source, Grant.revoked_at.is_null()
    )
    return (query.where(Grant.capability.not_in(kept)) if kept else query).execute()


def _end(source, plan_key, reason):
    """Take back what was paid for; returns whether there was any of it, which the audit log says."""
    ended = revoke(source, reason)
    if ended:
        about = {"organization": scope(), "source": source, "reason": reason}
        audit.record("billing.grant_revoked", f"{plans.get(plan_key).label}: access has ended ({reason})", **about)
    return bool(ended)


def follow(subscription, organization=None):
    """Have a subscription's grants be what it and its payments say now; returns whether that was news.
    In the present transaction, inside the organization. Access follows what was paid."""
    until, refusal = lasts(subscription, organization)
    source = source_of(subscription)
    if refusal:
        return _end(source, subscription.plan_key, refusal)
    plan = plans.stored(subscription.plan_key)
    return include(source, plan, provider=subscription.provider, expires_at=until)


# For every event of a subscription: `events_worked_per_second`.
_newest_paid = CompiledRows(
    Payment,
    lambda: (
        Payment.select()
        .where(
            Payment.subscription == parameter("subscription"),
            Payment.status == "paid",
            Payment.period_start_at.is_null(False),
            Payment.period_start_at <= parameter("begun"),
        )
        .order_by(Payment.period_start_at.desc(), Payment.id.desc())
        .limit(1)
    ),
)
ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


def newest_paid(subscription):
    """The payment of a subscription's newest period, standing or not, of those begun by its row's present one.
    What was renewed ahead of time and then left by a change is none of them."""
    begun = Payment.period_start_at.db_value(subscription.current_period_start_at or ALWAYS)
    return _newest_paid.first(subscription=subscription.id, begun=begun)


def lasts(subscription, organization=None):
    """(until when a subscription gives access, why it gives none), by its row and its payments."""
    if (organization or subscription.organization).status == "deleted":
        return None, "the organization was deleted"
    if not subscription.is_live:
        return None, subscription.status
    newest = newest_paid(subscription)
    if newest is not None and not newest.stands:
        return None, "refunded" if newest.is_refunded else "disputed"
    if subscription.status == "past_due":
        return _in_grace(subscription, newest)
    if subscription.collection_paused and subscription.status != "trialing":
        # Nothing is charged and the periods go on: what was paid lasts, no more.
        until = newest and newest.period_end_at
        return until, "" if until else "paused"
    began = subscription.current_period_start_at
    if began and (newest is None or newest.period_start_at < began):
        this = Payment.subscription == subscription, Payment.period_start_at == began
        if Payment.one(*this, Payment.status == "void"):
            # A period whose invoice is void is no gift: going on after a pause would make one each month.
            return (newest.period_end_at, "") if newest is not None else (None, "never paid")
        if Payment.one(*this, Payment.status == "failed"):
            return _in_grace(subscription, newest)  # active by a later invoice, of seats, that was voided
    ends = [subscription.current_period_end_at, subscription.cancel_at]
    if not began and newest is not None and newest.plan_key in (None, subscription.plan_key):
        # Where none says when a period began, one that nothing was paid for (a pause, which was ended) is believed for
        # the days that a payment may take to be heard of. A change of plan is paid for without naming a period.
        ends.append(newest.period_end_at and newest.period_end_at + timedelta(days=settings.get("billing_grace_days")))
    return min((end for end in ends if end is not None), default=None), ""


def _in_grace(subscription, newest):
    """What `lasts` says of one whose period isn't paid: some days beyond what was, or nothing where nothing was."""
    began = subscription.unpaid_since_at or subscription.last_event_at
    paid_until = newest.period_end_at if newest is not None else subscription.trial_ends_at
    first = Payment.subscription == subscription, Payment.reason == "create", Payment.status.in_(("failed", "void"))
    if paid_until is None and Payment.one(*first):
        return None, "never paid"
    # Days of grace follow what was paid: the next invoice that stays open brings no new ones.
    grace = min(began, paid_until or began) + timedelta(days=settings.get("billing_grace_days"))
    return max(grace, paid_until or grace), ""  # what stays open may be some seats of a plan that is paid for longer


def until(subscription):
    """Until when a subscription gives access, as its grants say; None for one without an end or without access."""
    mine = Grant.source == source_of(subscription), Grant.revoked_at.is_null()
    row = Grant.one(*mine)
    return row.expires_at if row else None


def follow_licence(payment):
    """Have the grants and the licence of something bought once be what its payment says now."""
    licence = Licence.one(Licence.payment == payment)
    source = source_of_purchase(payment)
    if payment.organization.status == "deleted" or not payment.stands:
        reason = (
            "refunded" if payment.is_refunded else f"dispute {payment.dispute}" if payment.dispute != "none" else ""
        )
        reason = reason or "the organization was deleted"
        ended_at = licence.ended_at or now()
        Licence.update(ended_at=ended_at, end_reason=reason).where(Licence.id == licence.id).execute()
        return _end(source, licence.plan_key, reason)
    Licence.update(ended_at=None, end_reason=None).where(Licence.id == licence.id).execute()
    plan = plans.stored(licence.plan_key)
    return include(source, plan, provider=payment.provider, expires_at=None, source_type="one_time")


def source_of(subscription):
    """What the grants of a subscription name as their source."""
    return f"{subscription.provider}:subscription:{subscription.provider_subscription_id}"


def source_of_purchase(payment):
    """The same of what was bought once."""
    return f"{payment.provider}:payment:{payment.provider_payment_id}"


BATCH = 100


@long_jobs.worker(plans.RESYNC)
def follow_plans(work):
    """One batch of subscribers gets what their changed plan now includes; returns how many."""
    with everywhere("a changed plan reaches all of its subscribers"):
        batch = list(plans.sources(work.subject, after=work.facts["upto"]).limit(BATCH))
    if not batch:
        long_jobs.finish(work)
    for source in batch:
        _follow(work, source)
    return len(batch)


@writes
def _follow(work, given):
    """The next source, and the mark that it is done, in one transaction."""
    long_jobs.progress(work, work.done + 1, lasting=True, upto=given.source)
    lock("facts")  # behind a webhook that is at it; one that comes later sees the plan as it is now
    with inside(given.organization_id):
        rows = list(Grant.active().where(Grant.source == given.source, Grant.plan_key == work.subject))
        if rows:
            one, plan = rows[0], plans.stored(work.subject)
            until = None if any(row.expires_at is None for row in rows) else max(row.expires_at for row in rows)
            if include(one.source, plan, provider=one.provider, expires_at=until, source_type=one.source_type):
                changes.record(one.organization, "subscription", None, "updated")
