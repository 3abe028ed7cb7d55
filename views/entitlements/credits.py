"""An organization's credits: what there is, where it went; and for the platform's staff, giving and taking."""

import csv
import io
import secrets
from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, Response, g
from htmx_flask import request

from database.clock import now
from database.connections import database
from domain import Invalid
from domain.entitlements import credits, grants
from domain.fields.kinds import whole
from domain.organizations import organization_desk
from views import access, pages
from views.lists.export import inert

blueprint = Blueprint("credits", __name__)

DAYS = 30
CHUNK = 1000  # rows of an export that are read at once
RECENT = 10
FEATURES = {"ai.text": "Writing with AI"}  # what credits are spent on, as a person reads it
KINDS = {"monthly": "Monthly", "purchased": "Bought", "gift": "Given"}


@blueprint.get("/<organization>/credits")
@access.member("billing.read")
def index():
    organization = g.by.organization
    before = whole(request.args.get("before", ""), 2**31)
    found = credits.ledger(organization, before, credits.PAGE + 1)
    entries = found[: credits.PAGE]
    return pages.page(
        "entitlements/credits/index.html",
        standing=credits.standing(organization),
        plan=grants.plan(),
        days=credits.spent_by_day(organization, DAYS),
        entries=entries,
        said=said,
        more=entries[-1].id if len(found) > credits.PAGE else None,
        started=bool(before),
        may_manage=g.by.may("billing.manage"),
        KINDS=KINDS,
        here="billing",
    )


def said(entry):
    """A line of the ledger in words."""
    feature = FEATURES.get(entry.feature, entry.feature)
    match entry.reason:
        case "spend":
            return feature
        case "refund":
            return f"Back: {feature}"
        case "reset":
            return "A new month's credits"
        case "expire":
            return "Lapsed"
        case "adjust":
            return f"{'Given' if entry.delta > 0 else 'Taken back'}: {entry.note}"
    return entry.note or "The first credits"


# --- export -----------------------------------------------------------------------------------------------


@blueprint.get("/<organization>/credits/export.csv")
@access.member("billing.read")
def export():
    organization = g.by.organization
    answer = Response(_csv(organization), content_type="text/csv; charset=utf-8")
    name = f"{organization.slug}-credits-{now():%Y-%m-%d}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _csv(organization):
    """Lines of CSV, chunk by chunk, each read when the one before has left."""
    out, before = io.StringIO(), None
    write = csv.writer(out)
    write.writerow(["Id", "At", "Kind", "What", "Who", "Change", "Balance"])
    while entries := credits.ledger(organization, before, CHUNK):
        for entry in entries:
            who = entry.actor.name if entry.actor else ""
            at = f"{entry.created_at:%Y-%m-%dT%H:%M:%SZ}"
            row = [entry.id, at, entry.reason, inert(said(entry)), inert(who), entry.delta, entry.balance_after]
            write.writerow(row)
        before = entries[-1].id
        database.close()  # between chunks the connection is somebody else's
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


# --- the platform's staff ---------------------------------------------------------------------------------


@blueprint.get("/admin/organizations/<id:id>/credits")
@access.platform("credits.write")
def desk(id):
    return _desk(id)


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
        standing=credits.standing(tenant),
        entries=credits.ledger(tenant, limit=RECENT),
        said=said,
        values=values,
        errors=errors,
        key=values.get("key") or secrets.token_urlsafe(12),
        today=now().date(),
        most=credits.MOST,
        KINDS=KINDS,
        here="tenants",
    )


@blueprint.post("/admin/organizations/<id:id>/credits")
@access.platform("credits.write")
def adjust(id):
    """The key came with the form, so that a double click gives once."""
    tenant, form, me = organization_desk.one(id), request.form, access.me()
    key, reason = f"desk:{form.get('key', '').strip()}", form.get("reason", "")
    try:
        if not form.get("key", "").strip():
            raise Invalid({"key": "The form has no key."})
        amount = whole(form.get("amount", "").strip())
        if form.get("act") == "take":
            left = credits.take(tenant, amount, key=key, reason=reason, by=me)
        else:
            ends = _end_of(form.get("ends_on", ""))
            left = credits.give(tenant, amount, key=key, reason=reason, expires_at=ends, by=me)
    except (Invalid, credits.InsufficientCredits) as refusal:
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
