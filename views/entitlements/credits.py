"""An organization's credits: what there is, where it went; and for the platform's staff, giving and taking."""

import secrets
from datetime import UTC, date, datetime, timedelta

from flask import Blueprint
from htmx_flask import request

from database.clock import now
from database.scope import inside
from domain import Invalid
from domain.entitlements import credit_accounts, credit_ledger, credit_standings, credits, grants
from domain.fields.kinds import clean, whole
from domain.lists import rows
from domain.organizations import organization_desk
from views import access, pages
from views.lists import routes

blueprint = Blueprint("credits", __name__)

DAYS = 30
RECENT = 10
KINDS = {"monthly": "Monthly", "purchased": "Bought", "gift": "Given"}


def _around(place):
    organization = place.by.organization
    return {
        "standing": credit_standings.standing(organization),
        "plan": grants.plan(),
        "days": credit_standings.spent_by_day(organization, DAYS),
        "may_manage": place.by.may("billing.manage"),
        "kinds": KINDS,
    }


routes.add(
    blueprint,
    rows.Rules(credit_ledger.listing),
    "/credits",
    nav="billing",
    template="entitlements/credits/index.html",
    context=_around,
)


# --- the platform's staff ---------------------------------------------------------------------------------


@blueprint.get("/admin/organizations/<id:id>/credits")
@access.platform("credits.write")
def desk(id):
    return _desk(id)


def _recent(organization):
    """The newest lines of an organization's ledger: (what it says, the entry)."""
    with inside(organization):
        return [(credit_ledger.in_words(entry.__data__), entry) for entry in credit_standings.newest(RECENT)]


def _desk(id, refusal=None):
    tenant = organization_desk.one(id)
    values = request.form if refusal else {}
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    errors = fields or ({"amount": f"Only {refusal.details['left']:,} can be taken."} if refusal else {})
    if "key" in errors:
        errors["form"] = "This form was sent without its key. Load the page again."
    return pages.page(
        "entitlements/credits/desk.html",
        refusal.status if refusal else 200,
        tenant=tenant,
        standing=credit_standings.standing(tenant),
        entries=_recent(tenant),
        values=values,
        errors=errors,
        key=values.get("key") or secrets.token_urlsafe(12),
        today=now().date(),
        most=credit_accounts.MOST,
        kinds=KINDS,
        here="organizations",
    )


@blueprint.post("/admin/organizations/<id:id>/credits")
@access.platform("credits.write")
def adjust(id):
    """The key came with the form, so that a double click gives once."""
    tenant, form, me = organization_desk.one(id), request.form, access.me()
    key, reason = f"desk:{clean(form.get('key', '')).strip()}", form.get("reason", "")
    try:
        if key == "desk:":
            raise Invalid({"key": "The form has no key."})
        amount = whole(form.get("amount", "").strip())
        if form.get("act") == "take":
            left = credits.take(tenant, amount, key=key, reason=reason, by=me)
        else:
            ends = _end_of(form.get("ends_on", ""))
            left = credits.give(tenant, amount, key=key, reason=reason, expires_at=ends, by=me)
    except (Invalid, credit_accounts.InsufficientCredits) as refusal:
        return _desk(id, refusal)
    return pages.go(f"/admin/organizations/{id}/credits", f"{tenant.name} has {left:,} credits now.")


def _end_of(text):
    """The end of a day in UTC. Refuses with Invalid."""
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Invalid({"expires_at": "Choose a day."}) from None
