"""What an organization settles for everybody in it: name, zone, currency, whose tasks members see, how long trash is
kept, and whether all need a second factor.

Nobody loses a membership by the last: who has none is led to set one up before any page of this organization
(domain/organizations/permissions.py refuses), and goes on in their others.
"""

from datetime import timedelta

from database.clock import now, on_another_clock
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import history, outgoing, stepup
from domain.fields.choice import TIME_ZONE
from domain.fields.forms import check_fresh, read_whole
from domain.lists import trash
from domain.organizations import organizations
from models import Automation, Membership, Organization, User

TERMS = (("0", "At once"), ("7", "In 7 days"), ("30", "In 30 days"))  # days
LACK = User.second_factor_at.is_null()


@writes
def update(name, timezone, currency, *, by, was=None):
    """What the organization is called, the zone its days are in, and the currency it begins with.

    The address stays: letters and bookmarks lead there. `was` is what the form was filled with, by field. Refuses
    with Invalid, and with Stale when somebody else changed the same meanwhile.
    """
    by.require("organization.update")
    fields = organizations.NAME, TIME_ZONE, organizations.CURRENCY
    after = read_whole(fields, {"name": name, "timezone": timezone, "currency": currency})
    held = Organization.get_by_id(by.organization.id)
    stands = {"name": held.name, "timezone": held.timezone, "currency": held.default_currency}
    check_fresh("organization", fields, stands, after, was or {})
    after["default_currency"] = after.pop("currency")
    before = {field: getattr(held, field) for field in after}
    new = {field: value for field, value in after.items() if before[field] != value}
    if not new:
        return
    Organization.update(**new).where(Organization.id == held.id).execute()
    if zone := new.get("timezone"):
        _move_clocks(held.timezone, zone)
    summary = f"Changed {', '.join(field.replace('default_', '') for field in new)}"
    history.note(
        "organization.updated", summary, held, by=by, before={field: before[field] for field in new}, after=new
    )


def _move_clocks(before, after):
    """What automations wait for comes on the same day at the same hour, on the new clock."""
    for one in Automation.select().where(Automation.due_at.is_null(False)):
        due = on_another_clock(one.due_at, before, after)
        Automation.update(due_at=due).where(Automation.id == one.id, Automation.due_at == one.due_at).execute()


@writes
def show_own_tasks_only(on, *, by):
    """Whether members and viewers see only the tasks they made or were given; owners and admins see all ever."""
    by.require("organization.update")
    held = Organization.get_by_id(by.organization.id)
    changed = Organization.update(own_tasks_only=on).where(
        Organization.id == held.id, Organization.own_tasks_only != on
    )
    if changed.execute():
        summary = "Members see only their own tasks" if on else "Members see everybody's tasks"
        moved = {"field": "own_tasks_only", "before": not on, "after": on}
        history.note("organization.updated", summary, held, by=by, **moved)


@writes
def keep_trash(days, *, by):
    """How long removed rows are kept: "30", "90" or "0" days, for ever. Refuses with Invalid."""
    by.require("organization.update")
    after = int(read_whole((trash.KEEPS,), {"trash_days": days})["trash_days"])
    held = Organization.get_by_id(by.organization.id)
    if held.trash_days != after:
        Organization.update(trash_days=after).where(Organization.id == held.id).execute()
        summary = f"Removed rows are kept {f'for {after} days' if after else 'for ever'}"
        moved = {"field": "trash_days", "before": held.trash_days, "after": after}
        history.note("organization.updated", summary, held, by=by, **moved)


# --- a second factor ------------------------------------------------------------------------------------------


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
