"""The organization's plan: what it is, what it could be, what was paid, and what happens after a checkout."""

from contextlib import suppress

from flask import Blueprint, g
from htmx_flask import request
from itsdangerous import BadData, URLSafeTimedSerializer

from database.clock import local, now
from domain import Refused
from domain.base import configuration, keys, settings
from domain.base.allowances import spend
from domain.entitlements import credit_standings, grants, plans
from domain.fields.kinds import whole
from domain.fields.number import counted
from domain.money import billing, pricing, providers
from domain.money.payments import REASONS
from domain.money.providers.provider import ProviderFailed
from domain.organizations import permissions
from models import Checkout
from views import access, pages

blueprint = Blueprint("billing", __name__, url_prefix="/<organization>/billing")

SEEN = 1800  # seconds that the figures of a preview hold
OF_WHAT_RUNS = (
    "bought",
    "pending",
    "ours",
    "ending",
    "ends",
    "changeable",
    "pausable",
    "paused",
    "paid_until",
    "rests",
    "owes",
    "price",
)
PATIENCE = 60  # seconds after which the page that waits says what to do


@blueprint.get("")
@access.member("billing.read")
def show():
    about = {"configured": configuration.active.has_billing, "here": "billing", "free": plans.get("free")}
    if about["configured"]:
        about |= _standing()
    return pages.page("money/billing/show.html", **about)


def _standing():
    """All that the page shows of an organization whose plans are sold."""
    balance, allowance = credit_standings.balance(g.by.organization)
    subscription, payments, licences = billing.subscription(), billing.payments(), billing.licences()
    manages, current, provider = g.by.may("billing.manage"), grants.plan(), providers.active()
    standing = subscription if subscription and subscription.is_standing else None
    kept = {licence.plan_key for licence in licences if licence.ended_at is None}
    running = _running(standing, payments, manages) if standing else dict.fromkeys(OF_WHAT_RUNS)
    return running | {
        "current": current,
        "goes": _goes(standing, kept, permissions.taken(g.by.organization, invited=False), allowance)
        if standing
        else "",
        "subscription": subscription,
        "standing": standing,
        "portal": manages and ((payments and grants.includes("billing.portal")) or running["owes"]),
        "mine": kept | ({standing.plan_key} if standing else set()) or {current.key},
        "kept": kept,
        "offers": pricing.offers(g.by.user),
        "trial": billing.trial_days(g.by) if manages and not standing else 0,
        "payments": payments,
        "licences": licences,
        "taken": permissions.taken(g.by.organization),
        "most": billing.SEATS,
        "months": billing.PAUSES,
        "can": provider.CAN,
        "balance": balance,
        "allowance": allowance,
        "sandboxed": configuration.active.has_sandbox,
        "may_manage": manages,
        "campaign": settings.get("crowdfunding_active"),
        "plan_of": {key: plans.get(key) for key in plans.PLANS},
        "reasons": REASONS,
    }


def _goes(row, kept, taken, allowance):
    """What ends with the plan, for whoever is about to end it: lines of text."""
    plan, free, until = plans.get(row.plan_key), plans.get("free"), row.current_period_end_at
    lasts = row.status in ("active", "trialing") and until
    lines = [
        f"It lasts until {local(until):%-d %B %Y}, and nothing more is charged."
        if lasts
        else "Nothing more is charged."
    ]
    if kept:  # what was bought for good gives the same
        return lines[0]
    monthly = settings.get(free.credits)
    if allowance > monthly:
        rest = f"{free.name} has {counted(monthly, 'credit')} a month." if monthly else f"{free.name} has none."
        lines.append(f"Its {allowance:,} credits a month end with it, with what is left of them. {rest}")
    if "workspace.members.invite" in set(plan.capabilities) - set(free.capabilities):
        seats = f"{counted(row.quantity, 'seat')} end" if plan.has_seats else "Its seats end"
        lines.append(f"{seats} with it: nobody new can be invited.")
    who = "Your access stays" if taken == 1 else f"All {taken} keep their access"
    lines.append(f"{who}; nobody is removed, and nothing is deleted.")
    return "\n".join(lines)


def _running(row, payments, manages):
    """What the page says of the subscription that runs, and what it offers for it: OF_WHAT_RUNS."""
    bought, ending = plans.get(row.plan_key), bool(row.cancel_at_period_end or row.cancel_at)
    ours, paused = row.provider == providers.name(), row.collection_paused or row.status == "paused"
    runs, holds = row.status in ("active", "trialing"), row.plan_key in {key for key, _ in grants.active()}
    changeable = manages and ours and runs and not ending and not row.pending_plan_key
    monthly = bought.interval == "month" and row.status == "active" and not paused
    return {
        "bought": bought,
        "pending": plans.get(row.pending_plan_key) if row.pending_plan_key else None,
        "ours": ours,
        "ending": ending,
        "ends": (row.cancel_at or row.current_period_end_at) if ending else None,
        "changeable": changeable,
        "pausable": changeable and monthly and "pause" in providers.active().CAN,
        "paused": paused,
        "paid_until": grants.until(row) if paused and holds else None,
        "rests": runs and not paused and not holds,
        "owes": ours and row.status in ("past_due", "unpaid"),
        "price": _price(row, payments),
    }


def _price(subscription, payments):
    """(minor units, currency) of a period with all seats: of the price it has, or of what was paid last."""
    held = pricing.catalog()
    for price in held.prices if held else ():
        if price["id"] == subscription.provider_price_id and price["amount"] is not None:
            return price["amount"] * subscription.quantity, price["currency"]
    for paid in payments:
        begins = paid.status == "paid" and paid.amount and paid.reason in ("create", "cycle")
        if begins and paid.subscription_id == subscription.id:
            return paid.amount, paid.currency
    return None


def _page():
    return f"/{g.by.organization.slug}/billing"


def _quantity():
    """How many seats the form asks for; without a number as many as there are. What is none is refused below."""
    text = request.form.get("quantity", "").strip()
    if text:
        return whole(text) or 0
    current = billing.subscription()
    return current.quantity if current is not None and current.is_standing else 1


# --- buying ---------------------------------------------------------------------------------------------------


@blueprint.post("/checkout")
@access.member("billing.manage")
def checkout():
    spend("checkouts", g.by.user)
    form = request.form
    quantity = (whole(form["quantity"]) or 0) if form.get("quantity", "").strip() else 1
    return pages.go(billing.checkout(form.get("plan", ""), by=g.by, quantity=quantity))


@blueprint.get("/return")
@access.member("billing.read")
def back():
    """After the provider's page: «confirming» until the provider has said it is paid. The address proves nothing."""
    if not configuration.active.has_billing:
        return pages.go(_page())
    return _back(asked="asked" in request.args)


@blueprint.post("/confirmation")
@access.member("billing.manage")
def confirm():
    """Ask the provider, once, as nobody should wait for a late webhook; what it says comes by the live page too."""
    with suppress(ProviderFailed):  # the webhook comes all the same, and the page goes on waiting
        billing.confirm(by=g.by)
    if request.htmx:
        return _back(asked=True)
    return pages.go(f"{_page()}/return?asked=1&since={_since()}")


def _since():
    return whole(request.values.get("since")) or int(now().timestamp())


def _back(asked):
    plan, row = grants.plan(), Checkout.select().order_by(Checkout.id.desc()).first()
    held = {key for key, _ in grants.active()}
    waited = row is not None and row.status == "open" and row.expires_at > now()
    paid = bool(plan and plan.is_paid) and (not waited or row.plan_key in held)
    if paid and row is not None and row.plan_key in held:
        plan = plans.get(row.plan_key)
    since = _since()
    return pages.page(
        "money/billing/return.html",
        paid=paid,
        current=plan,
        asked=asked,
        since=since,
        late=now().timestamp() - since >= PATIENCE,
        patience=PATIENCE,
        checkout=row if waited else None,
        here="billing",
    )


# --- changing -------------------------------------------------------------------------------------------------


@blueprint.post("/change/preview")
@access.member("billing.manage")
def preview():
    """What a change would cost, before it is confirmed; in the dialog, or as a page of its own."""
    plan_key, quantity = request.form.get("plan", ""), _quantity()
    shown = billing.preview_change(plan_key, quantity, by=g.by)
    current, plan = billing.subscription(), plans.get(plan_key)
    offer = next((offer for offer in pricing.offers(g.by.user) if offer.plan.key == plan_key), None)
    about = {
        "plan": plan,
        "quantity": quantity if plan.has_seats else 1,
        "current": plans.get(current.plan_key),
        "subscription": current,
        "shown": shown,
        "token": _sealed().dumps([current.id, plan_key, quantity, shown.token]) if shown else "",
        "price": offer.price if offer else None,
        "label": providers.label(),
        "taken": permissions.taken(g.by.organization),
    }
    return pages.in_dialog("money/billing/_change_dialog.html", "money/billing/change.html", here="billing", **about)


@blueprint.get("/change/preview")
@access.member("billing.manage")
def unasked():
    """A refusal sends browsers back to where they were, and a preview is nowhere: on to the plan."""
    return pages.go(_page())


@blueprint.post("/change")
@access.member("billing.manage")
def change():
    form = request.form

    quantity = _quantity()
    current = billing.change(form.get("plan", ""), quantity, by=g.by, token=_seen(form, quantity))
    if current.pending_plan_key:
        return pages.go(_page(), "The change waits for its payment; the plan stays as it is until then.", "info")
    if (current.plan_key, current.quantity) == (form.get("plan"), quantity):
        seats = f" with {counted(quantity, 'seat')}" if _has_seats(current) else ""
        return pages.go(_page(), f"The plan is {plans.get(current.plan_key).label}{seats} now.")
    return pages.go(_page(), "The change is asked for. This page shows it as soon as it is made.", "info")


def _sealed():
    """For the moment that a change is reckoned from: whoever could choose it would choose the price."""
    return URLSafeTimedSerializer(keys.every()[::-1], salt="billing change")


def _seen(form, quantity):
    """The provider's token of the figures that were shown; empty where none were."""
    if not form.get("token"):
        return ""
    try:
        id, *seen, token = _sealed().loads(form["token"][:2000], max_age=SEEN)
    except (BadData, ValueError, TypeError):
        raise Refused("These figures don't hold any more. Look at the change again; nothing was changed.") from None
    current = billing.subscription()
    if [id, *seen] != [current and current.id, form.get("plan", ""), quantity]:
        raise Refused("These figures were for another change. Look at this one again; nothing was changed.")
    return token


def _has_seats(subscription):
    return plans.get(subscription.plan_key).has_seats


@blueprint.post("/cancellation")
@access.member("billing.manage")
def cancel():
    billing.set_cancel_at_period_end(True, by=g.by)
    return pages.go(_page(), "The plan will end with its period.", "info")


@blueprint.post("/resumption")
@access.member("billing.manage")
def resume():
    billing.set_cancel_at_period_end(False, by=g.by)
    return pages.go(_page(), "The plan goes on.")


@blueprint.post("/pause")
@access.member("billing.manage")
def pause():
    current = billing.pause(whole(request.form.get("months")) or 0, by=g.by)
    until = f" until {local(current.resumes_at):%-d %B %Y}" if current.resumes_at else ""
    return pages.go(_page(), f"The plan is paused{until}. Nothing is charged.", "info")


@blueprint.post("/continuation")
@access.member("billing.manage")
def unpause():
    billing.unpause(by=g.by)
    return pages.go(_page(), "The plan goes on, and is charged again.")


@blueprint.post("/portal")
@access.member("billing.manage")
def portal():
    """On to the provider's own pages for cards and invoices."""
    return pages.go(billing.portal(by=g.by))
