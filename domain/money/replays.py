"""Kept webhooks looked into by admins: what one means and would change, and working it again, one or many."""

import dataclasses
import json

from peewee import fn

from database.scope import everywhere
from database.transactions import writes
from domain import Refused
from domain.base import audit, long_jobs
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number, counted
from domain.fields.text import Text
from domain.lists.listing import Act, Listing
from domain.lists.searches import Parts
from domain.money import inbox, trials
from domain.money.providers.provider import ProviderFailed
from models import Organization, Payment, Subscription, WebhookEvent

GONE = "The body of this event was removed after its time; there is nothing left to work."
REPLAYS = "webhook_replays"
MOST_CHOSEN = 200
AT_ONCE = 20
PATIENCE = 5  # events in a row that the provider's silence may fail before a replay of many rests


# --- what it speaks of -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Named:
    """The rows of ours that an event speaks of."""

    organizations: list
    subscriptions: list
    payments: list

    def __bool__(self):
        return bool(self.organizations or self.subscriptions or self.payments)


def named(event):
    """The organizations, subscriptions and payments that an event names, by its facts or at least its subject."""
    ids: set = {event.subject}
    payments: set = set()
    publics: set = set()
    for fact in event.facts or ():
        ids |= {fact.get("subscription_id"), fact.get("id") if fact["fact"] == "SubscriptionChanged" else None}
        payments |= {fact.get("payment_id"), fact.get("id") if fact["fact"].startswith("Payment") else None}
        publics.add(fact.get("organization"))
    for mentioned in (ids, payments, publics):
        mentioned.discard(None)
        mentioned.discard("")
    with everywhere("an event is looked into by the platform's staff"):
        paid = Payment.select(Payment, Organization).join(Organization, on=Payment.organization == Organization.id)
        paid = (
            list(paid.where(Payment.provider_payment_id.in_(list(payments))).order_by(Payment.id).limit(20))
            if payments
            else []
        )
        held = Subscription.select(Subscription, Organization)
        held = held.join(Organization, on=Subscription.organization == Organization.id)
        held = (
            list(held.where(Subscription.provider_subscription_id.in_(list(ids))).order_by(Subscription.id).limit(20))
            if ids
            else []
        )
        whose = {row.organization.id: row.organization for row in (*held, *paid)}
        if publics:
            query = (
                Organization.select()
                .where(Organization.public_id.in_(list(publics)))
                .order_by(Organization.id)
                .limit(20)
            )
            whose |= {row.id: row for row in query}
    return Named(list(whose.values()), held, paid)


def body(event):
    """An event's body for reading: JSON in lines, or its text as it came."""
    raw = bytes(event.payload)
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "backslashreplace")


# --- what would change -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Look:
    """What an event means now and would do: its facts, the changes (see trials.as_rows), what would be sent, and a
    sentence when it can't be worked."""

    facts: list
    changes: list
    sent: tuple
    refusal: str = ""


def try_out(id, *, by):
    """Read what an event means now and what it would change, and keep nothing; returns the Look.

    A provider that is down or a body that can't be read is a sentence in it. Refuses with NotFound, or when the
    body is gone.
    """
    event = _with_body(id)
    _note("system.webhook_tried", f"{event.type} was tried out", event, by)
    found, error = trials.tried(inbox.read, event)
    if error is not None:
        return Look([], [], (), trials.sentence(error))
    trial = trials.try_out(found)
    return Look(trials.shown(found), trials.as_rows(trial.differences), trial.sent, trial.refusal)


def _with_body(id):
    event = inbox.one(id)
    if not event.payload:
        raise Refused(GONE)
    return event


@writes
def _note(action, said, event, by):
    audit.record(action, said, by=by, target=event, event=event.event_id)


# --- again -------------------------------------------------------------------------------------------------


def replay(id, *, by):
    """Work an event now, whatever its state: what it caused already isn't caused twice. Returns it as it then is
    and the sentence of what went wrong, or "".

    Refuses with NotFound, or when its body is gone.
    """
    event = _with_body(id)
    _note("system.webhook_replayed", f"{event.type} was replayed", event, by)
    error = inbox.work(event, asked=True)
    return inbox.one(id), trials.sentence(error) if error else ""


@writes
def replay_many(ids, *, by):
    """Have the events with these ids worked again by a job, or all that failed when it is None; returns the work.

    Refuses when none is left to be worked, or while another replay runs.
    """
    able = WebhookEvent.payload != b""
    if ids is None:
        query = WebhookEvent.select(fn.COUNT(WebhookEvent.id), fn.MAX(WebhookEvent.id))
        total, last = query.where(WebhookEvent.status.in_(inbox.TROUBLED), able).tuples().first()
        row = {"last": last}
    else:
        query = WebhookEvent.select(WebhookEvent.id).where(WebhookEvent.id.in_(list(ids)[:MOST_CHOSEN]), able)
        row = {"ids": sorted(id for (id,) in query.tuples())}
        total = len(row["ids"])
    if not total:
        raise Refused("None of them can be worked again." if ids else "Choose events first, or none has failed.")
    work = long_jobs.begin(REPLAYS, by=by, total=total, upto=0, failed=0, **row)
    if work is None:
        raise Refused("A replay is running already. Wait until it is through.")
    summary = f"{counted(total, 'webhook')} to be replayed"
    audit.record("system.webhooks_replayed", summary, by=by, target=work, events=total)
    return work


def last_replays():
    """The newest replay of many, running or over; None before the first."""
    return long_jobs.newest(REPLAYS)


@long_jobs.worker(REPLAYS)
def replay_some(work):
    """The next few of a replay of many; returns how many."""
    query = WebhookEvent.select().where(WebhookEvent.id > work.facts["upto"], WebhookEvent.payload != b"")
    if "ids" in work.facts:
        query = query.where(WebhookEvent.id.in_(work.facts["ids"]))
    else:
        query = query.where(WebhookEvent.id <= work.facts["last"], WebhookEvent.status.in_(inbox.TROUBLED))
    batch = list(query.order_by(WebhookEvent.id).limit(AT_ONCE))
    for event in batch:
        error = inbox.work(event, asked=True)
        silent = work.facts.get("silent", 0) + 1 if isinstance(error, ProviderFailed) else 0
        failed = work.facts["failed"] + bool(error)
        long_jobs.progress(work, work.done + 1, lasting=True, upto=event.id, failed=failed, silent=silent)
        if silent >= PATIENCE:
            raise Refused(f"The provider doesn't answer ({error}). The others wait; replay them later.")
    if len(batch) < AT_ONCE:
        long_jobs.finish(work)
    return len(batch)


# --- the list ----------------------------------------------------------------------------------------------

STATUS = Choice(
    (
        ("received", "Waiting", "info"),
        ("processed", "Processed", "good"),
        ("ignored", "Ignored", "quiet"),
        ("failed", "Failed", "warn"),
        ("buried", "Given up", "bad"),
    )
)


def _replay_one(id, *, by):
    event, sentence = replay(id, by=by)
    if sentence:
        raise Refused(f"It failed: {sentence}")
    return event.error or "It means nothing to this site." if event.status == "ignored" else "Worked."


def _replay_chosen(ids, *, by):
    replay_many(ids, by=by)
    return "They are replayed one after the other. This page shows how far it is."


listing = Listing(
    "webhooks",
    "webhook",
    "webhooks",
    WebhookEvent,
    (
        Field("type", "Event", Text(120)),
        Field("subject", "Subject", Code(160)),
        Field("status", "Status", STATUS),
        Field("attempts", "Tries", Number()),
        Field("created_at", "Came", Moment(past=True)),
        Field("next_attempt_at", "Tried again", Moment(past=True)),
        Field("channel", "Channel", Code(30, filters=True, typed=True), listed=False),
    ),
    search=Parts((WebhookEvent.event_id, WebhookEvent.type, WebhookEvent.subject, WebhookEvent.error)),
    conditions=(
        (Field("begins", "Type begins with", Text(120, filters=True, typed=True)), WebhookEvent.type.startswith),
    ),
    ranges=("created_at",),
    acts=(Act("work", "Replay", _replay_one, "jobs.run", icon="refresh", bulk=True, many=_replay_chosen),),
    under=("event_id", "error"),
    exports=("channel",),
    reads="jobs.run",
    link=lambda row: f"/admin/webhooks/{row.id}",
    chips="status",
    icon="inbox",
    about="What the payment provider told, as it came, and what became of it.",
    empty=(
        (
            "all",
            "Each event that the payment provider posts is kept here, with its body and what became of it. "
            "Point an endpoint of the provider to this site to begin.",
        ),
    ),
)
