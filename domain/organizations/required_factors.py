"""An organization asks everybody in it for a second factor, at once or after a term.

Nobody loses a membership by it: who has none is led to set one up before any page of this organization
(domain/organizations/permissions.py refuses), and goes on in their others.
"""

from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import history, outgoing, stepup
from models import Membership, Organization, User

TERMS = (("0", "At once"), ("7", "In 7 days"), ("30", "In 30 days"))  # days
LACK = User.second_factor_at.is_null()


@writes
def require(on, days, *, by):
    """Ask everybody for a second factor, so many days from now (one of TERMS), or nobody any more; step-up L3 first.
    Who lacks one gets a notice. Refuses with Forbidden, with Invalid for another term, and who lacks one themselves."""
    by.require("organization.require_factor")
    stepup.demand("organization.require_factor", by.organization.id)
    if days not in dict(TERMS):
        raise Invalid({"days": "Choose one of the terms."})
    if on and User.get_by_id(by.user.id).second_factor_at is None:
        raise Refused("Set up your own second factor first: you would be outside yourself.")
    held = Organization.get_by_id(by.organization.id)
    before, after = held.second_factor_from, now() + timedelta(days=int(days)) if on else None
    if before is None and after is None:
        return
    Organization.update(second_factor_from=after).where(Organization.id == held.id).execute()
    summary = "Everybody needs a second factor" if on else "Nobody needs a second factor any more"
    moved = {"before": before and f"{before:%Y-%m-%d %H:%M} UTC", "after": after and f"{after:%Y-%m-%d %H:%M} UTC"}
    change = history.note("organization.updated", summary, held, by=by, field="second_factor_from", **moved)
    for user in _lacking(held) if on else ():
        title, key = f"{held.name} asks everybody for a second factor", f"second_factor:{change.id}"
        outgoing.notify(user, "organization.second_factor", key, title, link=f"/{held.slug}", organization=held)


def _lacking(organization):
    here = Membership.select(Membership.user).where(Membership.organization == organization)
    return list(User.select().where(User.id.in_(here), User.status == "active", LACK).order_by(User.id))


def lacking(organization):
    """How many of its members have no second factor."""
    return Membership.select().join(User).where(Membership.organization == organization, LACK).count()
