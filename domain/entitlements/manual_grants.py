"""Plans and seats that the staff gives by hand: until a day, for a reason, to be seen and ended.

All grants of one gift have one source, «manual:…». A given plan stays as it was given, whatever the plan becomes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from database.clock import now
from database.columns import public_id
from database.locks import lock
from database.scope import inside
from database.transactions import writes
from domain import Invalid, NotFound, existing
from domain.base import changes, history, outgoing, stepup
from domain.entitlements import credits, grants, plans
from domain.fields.choice import Choice
from domain.fields.day import Day
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.number import Number
from domain.fields.text import Text
from models import Grant, Membership, Organization

SEATS = "seats"
LONGEST = timedelta(days=3 * 366)
REASON = Text(500, 10)


def fields():
    """What is asked of whoever gives: a plan or seats, how many seats, until when, and why."""
    paid = tuple((plan.key, plan.label, "") for plan in plans.everything() if plan.is_paid)
    return (
        Field("what", "What", Choice((*paid, (SEATS, "More seats", ""))), True, missing="Choose a plan or more seats."),
        Field("seats", "How many seats", Number(1, 10_000), help="Only for more seats: added to those of the plan."),
        Field("until", "Until", Day(), True, missing="Choose the last day."),
        Field("reason", "Reason", REASON, True, missing="Say why: others will read it."),
    )


@writes
def give(organization_id, form, *, by, key=""):
    """Give an organization a plan or more seats from form texts, after step-up L3 for it; returns what was given.
    A form that is sent twice with one `key` gives once.
    It lasts to the end of its last day, in UTC. Refuses with Invalid, and with NotFound for what isn't open."""
    organization = _open(organization_id)
    values = read_whole(fields(), form)
    _check(values)
    stepup.demand("admin.give_plan", organization.id)
    lock("facts")  # grants change under one lock, whoever changes them
    source = f"manual:{changes.form_key(key) or public_id()}"
    until = datetime.combine(values["until"] + timedelta(days=1), time(), UTC)
    given = {"source": source, "source_type": "manual", "expires_at": until, "reason": values["reason"]}
    label, plan_key, capabilities = _meaning(values)
    with inside(organization):
        if Grant.one(Grant.source == source):
            return label
        for capability in capabilities:
            Grant.create(plan_key=plan_key, capability=capability, **given)
        credits.follow(organization)
        history.note(
            "plan.given",
            f"{label} was given by hand",
            "subscription",
            by=by,
            organization=organization,
            target=organization,
            given=label,
            until=values["until"].isoformat(),
            reason=values["reason"],
            source=source,
        )
    for user in Membership.keepers(organization):
        outgoing.notify(
            user,
            "plan.given",
            f"plan_given:{source}",
            f"{organization.name} was given {label}",
            body=f"Until {values['until']:%-d %B %Y}.",
            link=f"/{organization.slug}/billing",
            organization=organization,
        )
    return label


def _open(id):
    organization = Organization.one(Organization.id == id)
    if organization is None or organization.status == "deleted":
        raise NotFound("There is no such organization.")
    return organization


def _check(values):
    today = now().date()
    if values["until"] < today:
        raise Invalid({"until": "Choose a day that isn't over."})
    if values["until"] > today + LONGEST:
        raise Invalid({"until": "Choose a day within three years."})
    if values["what"] == SEATS and not values["seats"]:
        raise Invalid({"seats": "Say how many."})


def _meaning(values):
    """(what is given in words, of which plan, as which capabilities)"""
    if values["what"] == SEATS:
        label = f"{values['seats']:,} more seat{'' if values['seats'] == 1 else 's'}"
        return label, "free", (f"{grants.GIVEN_SEATS}{values['seats']}", "workspace.members.invite")
    plan = plans.stored(values["what"])
    return plan.label, plan.key, plan.capabilities


@writes
def end(organization_id, source, *, by):
    """Take back what was given by hand, after step-up L3 for the organization. Refuses with NotFound."""
    organization = _open(organization_id)
    stepup.demand("admin.give_plan", organization.id)
    lock("facts")
    with inside(organization):
        gift = existing(next((gift for gift in given() if gift.source == source), None), "That was ended already.")
        grants.revoke(source, "ended by hand")
        credits.follow(organization)
        history.note(
            "plan.ended",
            f"{gift.label} that was given by hand was ended",
            "subscription",
            by=by,
            organization=organization,
            target=organization,
            given=gift.label,
            source=source,
        )


@dataclass(frozen=True)
class Gift:
    """What was given at once: in words, until when, why, since when."""

    source: str
    label: str
    until: datetime
    reason: str
    at: datetime


def given():
    """What the organization one stands in has by hand now, the newest first."""
    found = {}
    for row in Grant.active().where(Grant.source_type == "manual").order_by(Grant.id):
        found.setdefault(row.source, []).append(row)
    return [_gift(rows) for rows in reversed(found.values())]


def _gift(rows):
    first = rows[0]
    seats = next((grants.given_seats(row.capability) for row in rows if grants.given_seats(row.capability)), 0)
    label = f"{seats:,} more seat{'' if seats == 1 else 's'}" if seats else _label(first.plan_key)
    return Gift(first.source, label, first.expires_at, first.reason or "", first.created_at)


def _label(key):
    return plans.get(key).label if key in plans.PLANS else key
