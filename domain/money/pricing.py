"""What is on sale and for how much: one snapshot of the provider's products and prices.

The provider owns the amounts. Pages read only the snapshot and never ask the provider; an admin has it
made anew. A sync that fails leaves the old one standing, with what went wrong and when. Why:
docs/decisions/pricing.md
"""

from dataclasses import dataclass
from typing import Any

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Forbidden, NotConfigured, Refused
from domain.base import audit, configuration, long_jobs, settings
from domain.entitlements import plans
from domain.fields.code import Code
from domain.fields.kinds import Field
from domain.fields.money import written
from domain.fields.number import Number, counted
from domain.fields.text import Text
from domain.lists.listing import Listing, Sort, both
from domain.lists.sources import Given
from domain.money import providers
from domain.money.providers.provider import ProviderFailed
from domain.people import admins
from models import PlanPrice, PricingCatalog, User

SYNC = "pricing"  # the work, and the job that does it


class PriceAmbiguous(Refused):
    """None or several of the snapshot's prices fit a plan; what to do about it is an admin's matter."""

    code, status = "PRICE_AMBIGUOUS", 500


@dataclass(frozen=True)
class Offer:
    """A plan as pages show it: `price` is None where it isn't available, `saving` in minor units a year."""

    plan: plans.Plan
    price: dict[str, Any] | None
    saving: int = 0


# --- reading the snapshot ---------------------------------------------------------------------------------


def catalog():
    """The snapshot's row, or None when none was ever tried."""
    return PricingCatalog.one(PricingCatalog.key == "catalog")


def match(plan_key, *, interval=None, audience="public", held=None):
    """The one active price of a plan in the snapshot, as a dict. Refuses with NotFound, or PriceAmbiguous.
    It is the one whose id is configured for the plan. Without a configured id, and for another audience
    than the public (backers), it is the one tagged so: by its lookup key, or by metadata `plan` or `tier`
    on price or product. Interval (month, year, empty for once) and audience must fit in any case."""
    plan = plans.get(plan_key)
    held = catalog() if held is None else held
    wanted = plan.interval if interval is None else interval
    products = {product["id"]: product for product in held.products} if held else {}
    ours = providers.account().prices.get(plan_key) if audience == "public" else None
    found = []
    for price in held.prices if held else ():
        tags = products.get(price["product"], {}).get("metadata", {}) | price["metadata"]
        tier = tags.get("plan") == plan_key or tags.get("tier") == plan_key.partition("_")[0]
        meant = price["id"] == ours if ours else price["lookup_key"] == plan_key or tier
        on_sale = price["active"] and products.get(price["product"], {}).get("active")
        every = (price["interval"], price["interval_count"]) if wanted else (price["interval"], 1)
        if meant and on_sale and every == (wanted, 1) and tags.get("audience", "public") == audience:
            found.append(price)
    if len(found) != 1:
        reason = f"{len(found)} prices fit {plan_key}; there must be one." if found else f"No price fits {plan_key}."
        if ours and not found:
            reason = f"{ours} isn't among the active prices, or isn't paid {f'every {wanted}' if wanted else 'once'}."
        raise PriceAmbiguous(
            f"The price of {plan.label} isn't clear at the moment, so it can't be bought. "
            "Nothing was charged; try again later, or tell whoever runs this site.",
            reason=reason,
            prices=[price["id"] for price in found],
        )
    return found[0]


def for_person(plan_key, user=None, held=None):
    """The price at which this person buys a plan: the backers', where there is one and they are one."""
    if user is not None and user.backer_access_granted_at is not None:
        try:
            return match(plan_key, audience="backer", held=held)
        except PriceAmbiguous as unclear:
            if unclear.details["prices"]:
                raise
    return match(plan_key, held=held)


def offers(user=None):
    """Every plan that pages show, in their order, the paid ones with their price; empty where nothing is sold.
    Plans without an id of the provider aren't on sale."""
    if not configuration.active.has_billing:
        return []
    on_sale, held = providers.account().prices, catalog()
    shown = [plan for plan in plans.everything() if plan.key in on_sale or not plan.is_paid]
    priced = {plan.key: _priced(plan, user, held) for plan in shown if plan.is_paid}
    return [Offer(plan, priced.get(plan.key), _saving(plan, shown, priced)) for plan in shown]


def _priced(plan, user, held):
    try:
        price = for_person(plan.key, user, held)
    except PriceAmbiguous:
        return None
    return price if price["amount"] is not None else None


def _saving(plan, shown, priced):
    """12 × monthly − yearly, of plans of one name and one currency."""
    yearly = priced.get(plan.key) if plan.interval == "year" else None
    sisters = [priced.get(other.key) for other in shown if other.interval == "month" and other.name == plan.name]
    for monthly in filter(None, sisters):
        if yearly and monthly["currency"] == yearly["currency"]:
            return max(0, 12 * monthly["amount"] - yearly["amount"])
    return 0


def doubts():
    """plan key → why its price isn't available, for admins."""
    held, found = catalog(), {}
    for key in providers.account().prices if configuration.active.has_billing else ():
        try:
            if match(key, held=held)["amount"] is None:
                found[key] = "Its price depends on the quantity, which can't be shown."
        except PriceAmbiguous as doubt:
            found[key] = doubt.details["reason"]
    return found


# --- which plan a price is ------------------------------------------------------------------------------


def plan_of(provider, price_id):
    """The plan a price is, or once was; None for one that isn't ours."""
    if not price_id:
        return None
    known = providers.plan_of(price_id) if configuration.active.has_billing else None
    if known is None:
        row = PlanPrice.one(PlanPrice.provider == provider, PlanPrice.price_id == price_id)
        known = row.plan_key if row and row.plan_key in plans.PLANS else None
    return known


@writes
def remember_prices():
    """Keep which plan each configured price is, so that its subscribers are known when it is replaced."""
    if configuration.active.has_billing:
        for plan_key, price_id in providers.account().prices.items():
            remember_price(price_id, plan_key)


@writes
def remember_price(price_id, plan_key, by=None):
    """From now on this price of the configured provider is that plan."""
    PlanPrice.insert(provider=providers.name(), price_id=price_id, plan_key=plan_key, by=by).on_conflict(
        conflict_target=[PlanPrice.provider, PlanPrice.price_id],
        update={PlanPrice.plan_key: plan_key, PlanPrice.by: by},
    ).execute()


# --- making it anew ---------------------------------------------------------------------------------------


@writes
def ask(*, by):
    """Have the snapshot made anew, by a job; returns the work. Refuses with Forbidden, NotConfigured, or when
    a sync is running already."""
    if not admins.may(by, "pricing.sync"):
        raise Forbidden("Only admins who may sync prices can do this.")
    providers.active()
    work = long_jobs.begin(SYNC, by=by)
    if work is None:
        raise Refused("A sync is running already. Its figures are on this page.")
    return work


def last_sync():
    """The newest sync's work, running or over; None before the first."""
    return long_jobs.newest(SYNC)


def _begin_the_first():
    """The sandbox's prices are always there, so an install without keys need not be told to read them."""
    if configuration.active.has_sandbox and catalog() is None:
        writes(_begin_once)()


def _begin_once():
    if catalog() is None:
        long_jobs.begin(SYNC)


@long_jobs.worker(SYNC, before=_begin_the_first)
def sync(work):
    """Do the sync that was asked for: read all pages, then replace the snapshot at once.
    Returns how many products and prices were read, 0 when nothing was asked for. A failing provider is
    recorded, not raised."""
    products: dict[str, dict] = {}
    prices: dict[str, dict] = {}
    try:
        provider = providers.active()
        for found, pages in ((products, provider.products()), (prices, provider.all_prices())):
            for page in pages:
                found |= {thing["id"]: thing for thing in page}
                figures = {"products": len(products), "prices": len(prices)}
                long_jobs.progress(work, len(products) + len(prices), **figures)
    except (ProviderFailed, NotConfigured) as failed:
        return _keep_old(work, str(failed))
    _replace(work, *_ours(products, prices))
    return len(products) + len(prices) + 1


def _ours(products, prices):
    """Of all that the account sells what is this site's: tagged with its name, or of a product that is."""
    tag = configuration.active.stripe_app_tag
    if not tag:
        return list(products.values()), [price for price in prices.values() if price["product"] in products]
    mine = {id for id, product in products.items() if product["metadata"].get("app") == tag}
    kept = [p for p in prices.values() if p["product"] in mine or p["metadata"].get("app") == tag]
    kept = [price for price in kept if price["product"] in products]  # its product may be archived
    shown = mine | {price["product"] for price in kept}
    return [product for id, product in products.items() if id in shown], kept


@writes
def _replace(work, products, prices):
    long_jobs.finish(work, products=len(products), prices=len(prices))
    lock("pricing catalog")
    held = catalog()
    before, after = ({p["id"]: p for p in found} for found in (held.prices if held else (), prices))
    new, gone = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    changed = sum(before[id] != after[id] for id in before.keys() & after.keys())
    _put(products=products, prices=prices, last_synced_at=now(), last_sync_error=None, last_sync_failed_at=None)
    audit.record(
        "pricing.synced",
        f"{counted(len(products), 'product')} and {counted(len(prices), 'price')} read",
        by=_asker(work),
        category="billing",
        target=("pricing", "catalog"),
        new=new,
        gone=gone,
        changed=changed,
    )


@writes
def _keep_old(work, error):
    long_jobs.finish(work, error=error)
    lock("pricing catalog")
    _put(last_sync_error=error[:500], last_sync_failed_at=now())
    audit.record(
        "pricing.sync_failed",
        "The prices could not be read; the old ones stay",
        by=_asker(work),
        result="failure",
        category="billing",
        target=("pricing", "catalog"),
        error=error[:300],
    )


def _put(**values):
    PricingCatalog.insert(key="catalog").on_conflict_ignore().execute()
    PricingCatalog.update(**values).where(PricingCatalog.key == "catalog").execute()


def _asker(work):
    return User.get_by_id(work.asked_by_id) if work.asked_by_id else None


# --- the plans as the staff's list: what each costs, and who has it -------------------------------------------


def _rows(_by):
    plans.forget()
    prices = {offer.plan.key: offer.price for offer in offers()}
    return [_row(plan, prices.get(plan.key)) for plan in plans.everything()]


def _row(plan, price):
    return {
        "id": plan.key,
        "label": plan.label,
        "key": plan.key,
        "price": _words(plan, price),
        "credits": settings.get(plan.credits),
        "includes": len(plan.capabilities),
        "subscribers": plans.subscribers(plan.key) if plan.is_paid else None,
    }


def _words(plan, price):
    if not plan.is_paid:
        return "No charge"
    if price:
        return f"{written(price['amount'], price['currency'])} {f'a {plan.interval}' if plan.interval else 'once'}"
    return "Not available" if configuration.active.has_billing else "No provider"


plans_listing = Listing(
    "plans",
    "plan",
    "plans",
    None,
    (
        Field("label", "Plan", Text(80)),
        Field("price", "Price", Text(60)),
        Field("credits", "Credits a month", Number()),
        Field("includes", "Includes", Number()),
        Field("subscribers", "Subscribers", Number()),
        Field("key", "Key", Code(40), listed=False),
    ),
    (Sort("shown", "As on the price page"), *both("subscribers", "Fewest subscribers", "Most subscribers")),
    source=Given(_rows),
    search=("label", "key"),
    under=("key",),
    reads="plans.write",
    link=lambda row: f"/admin/plans/{row.id}",
    icon="stack-2",
    about="What each is called and includes. The amounts come from the payment provider.",
)
