"""All subscriptions, as the platform's staff sees them: what stands, what doesn't fit, and asking the provider."""

from peewee import fn

from database.locks import lock
from database.scope import everywhere
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import audit, configuration, outgoing
from domain.entitlements import grants, plans
from domain.fields.choice import Choice
from domain.fields.kinds import Field, clean
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Listing, both
from domain.lists.searches import Parts
from domain.money import billing, providers
from models import Grant, Organization, Outgoing, Payment, PlanPrice, Subscription

STATUS = Choice(
    (
        ("active", "Active", "good"),
        ("trialing", "Trialing", "info"),
        ("past_due", "Past due", "warn"),
        ("unpaid", "Unpaid", "bad"),
        ("paused", "Paused", "quiet"),
        ("incomplete", "Incomplete", "warn"),
        ("canceled", "Canceled", "quiet"),
        ("incomplete_expired", "Incomplete expired", "quiet"),
    )
)
DOUBTS = {
    "price": "Price unknown",
    "plan": "Price is another plan",
    "double": "Two at once",
    "provider": "Other provider",
}


# --- finding ----------------------------------------------------------------------------------------------


def one(id):
    """The subscription with this id, with its organization. Refuses with NotFound."""
    with everywhere("the platform's staff looks at one subscription"):
        row = _with_organization().where(Subscription.id == id).first()
    if row is None:
        raise NotFound("There is no such subscription.")
    return row


def _with_organization():
    query = Subscription.select(Subscription, Organization)
    return query.join(Organization, on=Subscription.organization == Organization.id)


def _doubtful(doubt):
    standing = Subscription.status.in_(Subscription.STANDING)
    if doubt == "provider":
        return standing & (Subscription.provider != (providers.name() or ""))
    if doubt == "double":
        return Subscription.status.in_(Subscription.LIVE) & Subscription.organization.in_(_doubled())
    known = known_prices()
    priced = Subscription.provider_price_id != ""
    if doubt == "price":
        pairs = [price for provider, price in known if provider == providers.name()]
        mine = Subscription.provider == (providers.name() or "")
        return standing & priced & mine & Subscription.provider_price_id.not_in(pairs)
    other = Subscription.id.is_null()
    for (provider, price), plan_key in known.items():
        same = (Subscription.provider == provider) & (Subscription.provider_price_id == price)
        other |= same & (Subscription.plan_key != plan_key)
    return standing & other


def _doubled(*conditions):
    """Organizations with two live subscriptions of which neither runs out."""
    running = (
        Subscription.status.in_(Subscription.LIVE),
        Subscription.cancel_at_period_end == False,  # noqa: E712
        Subscription.cancel_at.is_null(),
    )
    query = Subscription.select(Subscription.organization).where(*running, *conditions)
    return query.group_by(Subscription.organization).having(fn.COUNT(Subscription.id) > 1)


def payments(row, limit=50):
    """The newest payments of a subscription."""
    with everywhere("the platform's staff looks at one subscription"):
        query = Payment.select().where(Payment.subscription == row).order_by(Payment.id.desc())
        return list(query.limit(limit))


def grants_of(row):
    """What a subscription gave, also what was taken back."""
    with everywhere("the platform's staff looks at one subscription"):
        query = Grant.select().where(Grant.source == grants.source_of(row)).order_by(Grant.capability)
        return list(query.limit(100))


# --- what doesn't fit -------------------------------------------------------------------------------------


def known_prices():
    """(provider, price) → plan key, of every price that is a plan of ours, or once was."""
    query = (
        PlanPrice.select(PlanPrice.provider, PlanPrice.price_id, PlanPrice.plan_key).order_by(PlanPrice.id).limit(5000)
    )
    found = {(provider, price): key for provider, price, key in query.tuples() if key in plans.PLANS}
    if configuration.active.has_billing:
        found |= {(providers.name(), price): key for key, price in providers.account().prices.items()}
    return found


def doubts(rows):
    """id → what doesn't fit about a subscription: [(tone, words)]; at most a few queries for all of the rows."""
    found: dict[int, list] = {row.id: [] for row in rows}
    if not found:
        return found
    known, off = known_prices(), misgiven(rows)
    whose = [row.organization_id for row in rows]
    with everywhere("the platform's staff sees all subscriptions"):
        doubled = {id for (id,) in _doubled(Subscription.organization.in_(whose)).tuples()}
    for row in rows:
        said = found[row.id]
        plan_key = known.get((row.provider, row.provider_price_id))
        if row.is_standing and row.provider != providers.name():
            said.append(("warn", "Other provider than the one that is connected"))
        elif row.is_standing and row.provider_price_id and plan_key is None:
            said.append(("bad", "Price unknown"))
        if row.is_standing and plan_key and plan_key != row.plan_key:
            said.append(("bad", f"Its price is {plans.get(plan_key).label}"))
        if row.is_live and row.organization_id in doubled:
            said.append(("bad", "One of two at once"))
        if row.id in off:
            said.append(("bad", off[row.id]))
    return found


def misgiven(rows):
    """id → "Access missing", "Access too long" or "Access too short", of subscriptions whose grants aren't what they
    and their payments say now. A few queries for all of the rows, and one more for each that isn't ordinary."""
    sources = {grants.source_of(row): row for row in rows}
    held: dict[int, dict] = {row.id: {} for row in rows}
    with everywhere("grants are compared with what was paid"):
        query = Grant.select().where(Grant.source.in_(list(sources)), Grant.revoked_at.is_null())
        for grant in query:
            held[sources[grant.source].id][grant.capability] = (grant.plan_key, grant.expires_at)
        refunded = (Payment.amount > 0) & (Payment.amount_refunded >= Payment.amount)
        taken = refunded | Payment.dispute.in_(("open", "lost")) | (Payment.status == "void")
        back = Payment.select(Payment.subscription).where(Payment.subscription.in_(list(held)), taken)
        back = {id for (id,) in back.tuples()}
        stored, found = {key: plans.stored(key) for key in {row.plan_key for row in rows} & plans.PLANS.keys()}, {}
        for row in rows:
            if row.plan_key not in stored:
                continue
            # Ordinarily access lasts as long as the period, or to the day it was cancelled for; all else is asked.
            ordinary = row.status in ("active", "trialing") and not row.collection_paused and row.id not in back
            if ordinary and row.organization.status != "deleted":
                until, refusal = min(filter(None, (row.current_period_end_at, row.cancel_at)), default=None), ""
            else:
                until, refusal = grants.lasts(row)
            capabilities = () if refusal else stored[row.plan_key].capabilities
            wanted = dict.fromkeys(capabilities, (row.plan_key, until))
            if held[row.id] != wanted:
                found[row.id] = _in_words(held[row.id], wanted, until)
    return found


def _in_words(held, wanted, until):
    if wanted.keys() - held.keys():
        return "Access missing"
    if held.keys() - wanted.keys():
        return "Access too long" if not wanted else "More access than the plan gives"
    longer = until is not None and any(end is None or end > until for _, end in held.values())
    shorter = any(end is not None and (until is None or end < until) for _, end in held.values())
    return "Access too long" if longer else "Access too short" if shorter else "Access by another plan"


# --- what is done about it --------------------------------------------------------------------------------


def sync(id, *, by):
    """Have a subscription be as the provider says it is now; returns it as it then is.
    Refuses with NotFound, ProviderFailed, or when the provider isn't connected or doesn't know it."""
    row = one(id)
    if not configuration.active.has_billing or row.provider != providers.name():
        raise Refused(f"It was bought at {providers.label(row.provider)}, and that provider isn't connected.")
    found = providers.active().refetch(row.provider_subscription_id)
    if not found:
        raise Refused(f"{providers.label()} doesn't know {row.provider_subscription_id}. Nothing was changed.")
    billing.apply(found)
    _note_synced(row, by)
    return one(id)


@writes
def _note_synced(row, by):
    audit.record(
        "billing.subscription_synced",
        f"{row.provider_subscription_id} was read anew from the provider",
        by=by,
        organization=row.organization,
        target=row,
    )


def unknown_prices(event):
    """[(provider, price)] that an event's facts name and that are no plan of ours."""
    named = {(fact.get("provider"), fact.get("price_id")) for fact in event.facts or ()}
    named = {pair for pair in named if all(pair)}
    return sorted(named - known_prices().keys()) if named else []


@writes
def name_price(provider, price_id, plan_key, *, by):
    """Say which plan a price of the provider is; subscriptions of it follow when they are synced or replayed.
    Refuses with Invalid, or when the configuration says another plan already."""
    price_id = clean(price_id).strip()
    if provider not in providers.MODULES or not 0 < len(price_id) <= 120:
        raise Invalid({"price": "Say which price is meant."})
    plan = plans.PLANS.get(plan_key)
    if plan is None or not plan.is_paid:
        raise Invalid({"plan": "Choose the plan that this price is."})
    if provider == providers.name() and providers.plan_of(price_id) not in (None, plan_key):
        raise Refused(f"{price_id} is {plans.get(providers.plan_of(price_id)).label} by the site's configuration.")
    lock("price", f"{provider} {price_id}")
    held = PlanPrice.one(PlanPrice.provider == provider, PlanPrice.price_id == price_id)
    if held is not None and held.plan_key == plan_key:
        return
    PlanPrice.insert(provider=provider, price_id=price_id, plan_key=plan_key, by=by).on_conflict(
        conflict_target=[PlanPrice.provider, PlanPrice.price_id],
        update={PlanPrice.plan_key: plan_key, PlanPrice.by: by},
    ).execute()
    audit.record(
        "billing.price_named",
        f"{price_id} is {plans.get(plan_key).label}",
        by=by,
        target=("price", price_id),
        before=held and held.plan_key,
        after=plan_key,
    )


# --- what is left for the provider ------------------------------------------------------------------------


def given_up():
    """What the provider was to be told and wasn't, because it failed too often: to end a subscription."""
    query = Outgoing.select().where(Outgoing.status == "buried", Outgoing.kind.in_(outgoing.KEPT))
    return list(query.order_by(Outgoing.id.desc()).limit(50))


@writes
def tell_again(id, *, by):
    """Have the provider told again what was given up. Refuses with NotFound."""
    row = Outgoing.one(Outgoing.id == id, Outgoing.kind.in_(outgoing.KEPT), Outgoing.status == "buried")
    if row is None or not outgoing.again(row):
        raise NotFound("That isn't waiting to be told again.")
    audit.record("billing.end_asked_again", f"Asked again: {row.key}"[:500], by=by, target=row)


# --- the list ---------------------------------------------------------------------------------------------


def counts():
    """status → how many subscriptions stand so, of all organizations."""
    with everywhere("the platform's staff counts subscriptions"):
        query = Subscription.select(Subscription.status, fn.COUNT(Subscription.id)).group_by(Subscription.status)
        return dict.fromkeys(STATUS.words, 0) | dict(query.tuples())


def _notes(listed, by):
    with everywhere("the platform's staff sees all subscriptions"):
        rows = list(_with_organization().where(Subscription.id.in_([row.id for row in listed])))
    return {id: tuple(found) for id, found in doubts(rows).items()}


FIELDS = (
    Field("plan_key", "Plan", Choice(tuple((key, plan.label, "quiet") for key, plan in plans.PLANS.items()))),
    Field("status", "Status", STATUS),
    Field("quantity", "Seats", Number()),
    Field("current_period_end_at", "Period ends", Moment(past=True)),
)

# An organization's own, for its automations and programs.
own = Listing(
    *("own_subscriptions", "subscription", "subscriptions", Subscription),
    FIELDS,
    reads="billing.read",
    title="Subscriptions",
)

listing = Listing(
    "subscriptions",
    "subscription",
    "subscriptions",
    Subscription,
    (
        Field("organization_name", "Organization", Text(120)),
        *FIELDS,
        Field("unpaid_since_at", "Unpaid since", Moment(past=True)),
    ),
    (*NEWEST, *both("current_period_end_at", "Ending soonest", "Ending last")),
    joins=lambda query: query.join(Organization, on=Subscription.organization == Organization.id),
    elsewhere=(("organization_name", Organization.name, None),),
    search=Parts(
        (
            *(Organization.name, Organization.slug),
            *(Subscription.provider_subscription_id, Subscription.provider_customer_id),
        )
    ),
    under=("provider_subscription_id",),
    ranges=("current_period_end_at",),
    conditions=((Field("doubt", "Doubt", Choice(tuple((*pair, "") for pair in DOUBTS.items()))), _doubtful),),
    notes=("Problems", _notes),
    reads="subscriptions.read",
    link=lambda row: f"/admin/subscriptions/{row.id}",
    chips="status",
    icon="credit-card",
    empty=(("all", "Each subscription shows here once the payment provider tells of it."),),
)
