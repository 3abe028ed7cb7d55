"""Reminders about money: a trial that is about to end, a payment that stays open, access that rests for it.

What is due is asked of the rows each time, and each reminder has a key: a missed hour loses nothing, two at
once send nothing twice. Who paid in between gets nothing, for the row is read again in the transaction that
leaves the letter. What happens at the provider, and the letter about the failure itself: domain/money/announcements.py
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from database.clock import now, written_day
from database.compiled import Compiled
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain.base import changes, configuration, outgoing, settings
from domain.entitlements import grants, plans
from domain.fields import days
from domain.money import announcements, providers
from models import Membership, Outgoing, Subscription

TRIAL_NOTICE = timedelta(days=3)
LATE = timedelta(days=7)  # what a stopped clock kept back so long is said no more; well below outgoing.SENT_KEPT
BATCH = 100


@dataclass(frozen=True)
class Reminder:
    """Something to tell owners and admins from `at` on; once for each key, which also names the subscription."""

    at: datetime
    type: str
    which: str  # of one type: which end of a trial, which open payment, which day of it
    title: Any  # a text, or one for a reader's zone
    letter: str
    until: datetime | None  # when access ends
    lapses_at: datetime  # from here on it would be no news


@dataclass(frozen=True)
class Matter:
    """What wants an owner's attention: a payment that is open, or a change that waits for its own."""

    kind: str  # open (access goes on), rests, change
    plan: plans.Plan  # that it is about
    until: datetime | None = None  # when access ends
    url: str | None = None  # the provider's page where one pays or confirms


_open_matters = Compiled(
    lambda: (
        Subscription.select(Subscription.id)
        .where(Subscription.status.in_(("past_due", "unpaid")) | Subscription.pending_plan_key.is_null(False))
        .order_by(Subscription.id.desc())
        .limit(1)
    )
)


def open_matter():
    """The Matter of the organization one stands in, or None: one indexed query where all is well."""
    found = _open_matters()
    if not found or not configuration.active.has_billing:
        return None
    row = Subscription.get_by_id(found[0][0])
    if row.status in ("past_due", "unpaid") and _is_covered(row):
        return Matter("open", plans.get(row.plan_key), None, row.unpaid_url)
    if row.status == "unpaid":
        return Matter("rests", plans.get(row.plan_key), None, row.unpaid_url)
    if row.status == "past_due":
        until = grants.until(row)
        kind = "open" if until and until > now() else "rests"
        return Matter(kind, plans.get(row.plan_key), until, row.unpaid_url)
    if row.pending_plan_key and row.is_standing:
        return Matter("change", plans.get(row.pending_plan_key), None, row.unpaid_url)
    return None


def _is_covered(row):
    """Whether another grant (bought for good, given) gives a plan too, so that nothing rests for an open payment."""
    return any(key != row.plan_key for key, _ in grants.active())


def remind():
    """Leave every reminder that is due, and give plans with an open payment the days of grace that are set now.

    Returns how many organizations were reminded. Each is sent once (A4.4: grace, then rest; case 18).
    """
    if not configuration.active.has_billing:
        return 0
    reminded, last = 0, 0
    while batch := _watched(last):
        last = batch[-1].id
        reminded += sum(_remind(row) for row in batch)
    return reminded


def _watched(after):
    """The next subscriptions that a reminder may be due for, or whose grace may have been set anew."""
    ending = (Subscription.status == "trialing") & (Subscription.trial_ends_at <= now() + TRIAL_NOTICE)
    with everywhere("reminders about open payments go out for all"):
        query = Subscription.select().where(
            Subscription.id > after,
            Subscription.provider == providers.name(),
            Subscription.status.in_(("past_due", "unpaid")) | ending,
        )
        return list(query.order_by(Subscription.id).limit(BATCH))


@writes
def _remind(row):
    """In one transaction, behind any webhook that is at this subscription: how it stands now, and what that wants."""
    lock("facts")
    with inside(row.organization_id):
        row = Subscription.get_by_id(row.id)
        followed = row.status == "past_due" and grants.follow(row)
        due = None if row.status != "trialing" and _is_covered(row) else next_due(row)
        told = _tells_anybody(row, due) if due else False
        if followed or (due and told and due.type == "billing.grace_over"):
            changes.record(row.organization, "subscription", row.id, "updated")  # open pages show what rests now
    return told


def _tells_anybody(row, due):
    """Tell owners and admins, once each; whether anybody hadn't heard."""
    key = f"{due.type}:{row.provider_subscription_id}:{due.which}"
    keys = [f"{key}:{user.id}" for user in Membership.keepers(row.organization)]
    if Outgoing.select().where(Outgoing.key.in_(keys)).count() == len(keys):
        return False
    plan = plans.get(row.plan_key).name
    announcements.tell_keepers(
        row.organization, due.type, key, due.title, due.letter, plan, due.until, pay=row.unpaid_url
    )
    return True


def next_due(subscription):
    """The newest Reminder whose time has come for a subscription as it stands, or None. Inside its organization.

    Of several that were missed only the newest is news.
    """
    found = [one for one in _reminders(subscription) if one.at <= now() < one.lapses_at]
    return max(found, key=lambda one: one.at, default=None)


def _reminders(row):
    """All reminders of its present state; of two at one time the graver comes first."""
    name, ends = plans.get(row.plan_key).name, row.trial_ends_at
    if row.status == "trialing" and ends and not (row.cancel_at_period_end or row.cancel_at):
        return [
            Reminder(
                ends - TRIAL_NOTICE,
                "billing.trial_ending",
                _stamp(ends),
                partial(_trial_ends, name, ends),
                "trial_ending",
                ends,
                ends,
            )
        ]
    if row.status not in ("past_due", "unpaid"):
        return []
    began = row.unpaid_since_at or row.last_event_at
    ends = grants.until(row) or began + timedelta(days=settings.get("billing_grace_days"))
    title = f"{name} rests until the open payment has gone through"
    over = Reminder(ends, "billing.grace_over", _stamp(began), title, "grace_over", None, ends + LATE)
    if row.status == "unpaid":  # the provider gave up, whatever days of grace were left; it is the same news
        return [replace(over, at=began, lapses_at=began + outgoing.SENT_KEPT)]
    marks = [(ends - timedelta(days=1), f"{name} rests from tomorrow on if its payment stays open")]
    for day in days.numbers(settings.get("billing_dunning_days")):
        marks.append((began + timedelta(days=day), f"A payment for {name} is still open"))
    return [over] + [
        Reminder(at, "billing.grace_ending", f"{_stamp(began)}:{_stamp(at)}", said, "grace_ending", ends, ends)
        for at, said in marks
        if began < at < ends
    ]


def _trial_ends(plan, moment, zone):
    return f"The trial of {plan} ends on {written_day(moment, zone)}"


def _stamp(moment):
    return f"{moment:%Y%m%d%H%M}"
