"""The inbox for webhooks: kept raw once the signature is checked, answered at once, worked off after.

Effects and the mark «processed» commit together. Events of one subject wait for each other; one that
fails is tried again after 1, 5, 30 and 120 minutes and buried, with a word to the admins, after eight.
Admins look into each: domain/money/replays.py
"""

import dataclasses
import logging
import time
import traceback
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain

from peewee import Case, Select, fn

from database.clock import now
from database.columns import spelled
from database.compiled import Compiled, CompiledRows
from database.parameters import parameter
from database.transactions import wake, writes
from domain import existing
from domain.base import outgoing
from domain.lists.lists import COUNTED
from domain.money import facts, owners, providers, trials
from domain.money.providers import http
from domain.money.providers.provider import NotOurs, ProviderFailed, StatusUnknown
from domain.people import admins
from models import WebhookEvent

log = logging.getLogger("guildhall.inbox")

TRIES = 8
BATCH = 100
PATIENCE = 3  # events in a row that the provider may fail before the others of a batch wait
STEP_BACK = timedelta(minutes=1)
RUSH, WITHIN, HELD_BACK = 8, 0.1, 2.0  # so many deliveries in these seconds go before work, which waits this long
FOLLOWING = 4  # times as many events of the same subjects as BATCH are looked at with it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOGETHER = 16  # events to a transaction: people's writes wait behind it
WAITS = "Retry:"  # how the error of an event begins that waits for another
KEPT_ATTEMPTS = 12  # of each event, with their tracebacks
TOLD_HEADERS = ("content-type", "user-agent", "x-event-name")  # and those of signatures; never a key or a cookie
FETCHED = "Fetched"  # the header of an event that we asked for, because it was never delivered
STATUSES = ("received", "processed", "ignored", "failed", "buried")
TROUBLED = ("failed", "buried")


_readers: dict[str, Callable] = {}
_arrivals: deque[float] = deque(maxlen=RUSH)


def reads(channel, reader):
    """Have events of another channel than billing's read by `reader`: (event) → facts, outside of any transaction."""
    _readers[channel] = reader


# --- taking in --------------------------------------------------------------------------------------------


@writes
def accept(channel, event, body, headers=None):
    """Keep a verified event, once. One that failed before is worked again now that it was repeated."""
    _arrivals.append(time.monotonic())
    made = (
        WebhookEvent.insert(
            channel=channel,
            event_id=event.id,
            type=event.type,
            subject=event.subject,
            payload=body,
            happened_at=event.happened_at,
            headers=_kept_headers(headers or {}),
            **(_read_by_nobody() if event.unread else {}),
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    if not made:
        made = (
            WebhookEvent.update(status="failed", next_attempt_at=None)
            .where(
                WebhookEvent.channel == channel,
                WebhookEvent.event_id == event.id,
                WebhookEvent.status.in_(TROUBLED),
            )
            .execute()
        )
    if made and not event.unread:
        wake("inbox")
    return bool(made)


def _read_by_nobody():
    """The columns of an event that is settled as it is kept: nothing waits for it, and no worker looks at it."""
    attempt = {"at": now().isoformat(), "outcome": "ignored", "ms": 0}
    return {"status": "ignored", "attempts": 1, "facts": [], "history": [attempt]}


def accept_missed(channel, missed):
    """Keep those of the events the provider couldn't deliver that aren't here yet; returns how many."""
    taken = 0
    for one in missed:
        held = WebhookEvent.one(WebhookEvent.channel == channel, WebhookEvent.event_id == one.event.id)
        if held is None:  # one that is here has tries of its own
            taken += accept(channel, one.event, one.body, {FETCHED: "from the list of what could not be delivered"})
    return taken


def _kept_headers(headers):
    return {
        name: value[:300]
        for name, value in headers.items()
        if name == FETCHED
        or name.lower() in TOLD_HEADERS
        or "signature" in name.lower()
        or name.lower().startswith("webhook-")
    }


# --- working off ------------------------------------------------------------------------------------------


def due(limit=BATCH):
    """The events whose turn it is: unsettled, not waiting, with none before them on the same subject.

    One that waits for what hasn't come yet (facts.Retry) holds nobody back: it may be waiting for them.
    """
    return _due(moment=WebhookEvent.next_attempt_at.db_value(now()), limit=limit)


IS_UNSETTLED = spelled("status IN ('received', 'failed')")


def is_due():
    """Whether it is the turn of any event."""
    return bool(due(1))


def _whose_turn_it_is():
    earlier = WebhookEvent.alias()
    same = earlier.channel == WebhookEvent.channel, earlier.subject == WebhookEvent.subject, earlier.subject != ""
    before = earlier.id < WebhookEvent.id, IS_UNSETTLED, ~fn.COALESCE(earlier.error, "").startswith(WAITS)
    may = WebhookEvent.next_attempt_at.is_null() | (WebhookEvent.next_attempt_at <= parameter("moment"))
    first = earlier.select(earlier.id).where(*same, *before).limit(1)
    query = WebhookEvent.select().where(IS_UNSETTLED, may, ~fn.EXISTS(first))
    return query.order_by(WebhookEvent.id).limit(parameter("limit"))


_due = CompiledRows(WebhookEvent, _whose_turn_it_is)  # each event is followed by one, for `events_worked_asking`


def _with_followers(firsts):
    """Due events, and behind each those that came after it on its subject and wait for nothing else."""
    groups = {}
    for event in firsts:
        groups.setdefault((event.channel, event.subject or event.id), []).append(event)
    held = {event.id for event in firsts}
    query = WebhookEvent.select().where(
        WebhookEvent.subject.in_(sorted({event.subject for event in firsts} - {""})), IS_UNSETTLED
    )
    stopped, moment = set(), now()
    for event in query.order_by(WebhookEvent.id).limit(FOLLOWING * BATCH) if firsts else ():
        key = (event.channel, event.subject)
        if event.id in held or key in stopped or key not in groups or event.id < groups[key][0].id:
            continue
        if event.next_attempt_at is None or event.next_attempt_at <= moment:
            groups[key].append(event)
        elif not (event.error or "").startswith(WAITS):
            stopped.add(key)
    return [sorted(events, key=lambda event: event.id) for events in groups.values()]


def work_off():
    """Work one batch of due events; returns how many. Called until it returns nothing.

    Where the provider fails several in a row, what else of the batch would ask it waits a minute: others go on, and
    what comes meanwhile passes.
    """
    _give_way()
    held_back, worked = set(), 0
    for events in _by_asked(chain(*_with_followers(due()))):
        for start in range(0, len(events), TOGETHER):
            some = events[start : start + TOGETHER]
            seen = _work_together(some, held_back)
            if seen < len(some):
                _step_back(events[start + seen :])
                break
            worked += seen
    return worked


def _by_asked(events):
    """Events by who would be asked about them: a channel, and of it the account that an id may begin with."""
    groups = {}
    for event in events:
        account, slash, _ = event.event_id.partition("/")
        groups.setdefault((event.channel, account if slash else ""), []).append(event)
    return groups.values()


@writes
def _step_back(events):
    mine = WebhookEvent.id.in_([event.id for event in events]), WebhookEvent.status.in_(WebhookEvent.UNSETTLED)
    WebhookEvent.update(next_attempt_at=now() + STEP_BACK).where(*mine).execute()


def _give_way():
    """While deliveries come in a rush, taking them in goes before working them off: a provider that isn't answered
    in time sends again, and gives up in the end. Not for ever, or nothing would be worked under a steady load."""
    until = time.monotonic() + HELD_BACK
    while len(_arrivals) == RUSH and (moment := time.monotonic()) < until and moment - _arrivals[0] < WITHIN:
        time.sleep(WITHIN / 4)


def _work_together(events, held_back):
    """Some events in one transaction; when one of them fails, each in its own, and what follows it on its subject is
    `held_back`. Returns how many were looked at: fewer where the provider is silent."""
    began, attempts, silent, seen = time.monotonic(), [], 0, 0
    with http.asking_once():  # all had come before the first is read: what is known of a thing now is newer than each
        for event in events:
            seen += 1
            if event.subject in held_back:
                continue
            found, error = trials.tried(read, event)
            attempts.append((event, found, error))
            _hold_back(event, error, held_back)
            silent = silent + 1 if isinstance(error, ProviderFailed) else 0
            if silent >= PATIENCE:
                break
    sound = [(event, found) for event, found, error in attempts if error is None]
    together = len(sound) > 1 and trials.tried(_settle_all, sound, began)[1] is None
    refused = set()
    for event, found, error in attempts:
        if (error is not None or not together) and event.subject not in refused:
            _hold_back(event, _finish(event, found, error, began), refused)
    held_back |= refused
    _wake_waiting(sorted({event.subject for event, _, _ in attempts} - {""}))
    return seen


def _hold_back(event, error, subjects):
    """What comes after an event that failed waits for it, but for what it may itself be waiting for."""
    if event.subject and error is not None and not isinstance(error, NotOurs | facts.Retry):
        subjects.add(event.subject)


class Once:
    """Facts to apply: what several events of one subject tell alike is applied once, as the newest of them tells it."""

    def __init__(self, pairs):
        self.newest, self.applied, self.subject = {}, {}, ""
        for event, found in pairs:
            for fact in found:
                held = self.newest.setdefault((event.subject, _content(fact)), fact)
                if fact.happened_at > held.happened_at:
                    self.newest[event.subject, _content(fact)] = fact

    def apply(self, event, fact):
        if not event.subject or event.subject != self.subject:
            self.applied, self.subject = {}, event.subject
        content, thing = _content(fact), (type(fact), getattr(fact, "id", fact.customer_id))
        if fact.asked_at is not None and self.applied.get(thing) == content:
            return
        facts.apply(self.newest[event.subject, content])
        self.applied[thing] = content


def _content(fact):
    """A fact apart from which event told it."""
    return dataclasses.replace(fact, event_id="", happened_at=EPOCH)


@writes
def _settle_all(pairs, began):
    once = Once(pairs)
    for event, found in pairs:
        _settle(event, found, began, once=once)


def _wake_waiting(subjects):
    """What waited for these subjects is due at once."""
    mine = WebhookEvent.subject.in_(subjects), WebhookEvent.status == "failed", WebhookEvent.next_attempt_at > now()
    found = [one for one in WebhookEvent.select().where(*mine).limit(BATCH) if (one.error or "").startswith(WAITS)]
    for waiting in found:
        newer = WebhookEvent.subject == waiting.subject, WebhookEvent.updated_at >= waiting.updated_at
        if WebhookEvent.one(*newer, WebhookEvent.status == "processed"):
            writes(WebhookEvent.update(next_attempt_at=None).where(WebhookEvent.id == waiting.id).execute)()


def work(event, asked=False):
    """One attempt at an event, whatever its state when it is `asked` for; returns the error that it met, or None."""
    began = time.monotonic()
    found, error = trials.tried(read, event)
    return _finish(event, found, error, began, asked)


def _finish(event, found, error, began, asked=False):
    if error is None:
        _, error = trials.tried(_settle, event, found, began, asked)
    if isinstance(error, NotOurs):
        _close(event, "ignored", str(error), began, asked)
    elif error is not None:
        log.warning("an event failed", extra={"event": event.event_id, "type": event.type})
        _fail(event, error, began, asked)
    return error


def read(event):
    """What a kept event means, as facts; asking the provider happens here, outside of any transaction.

    Refuses with NotOurs when it came from a provider that isn't connected any more.
    """
    if reader := _readers.get(event.channel):
        return reader(event)
    provider = providers.active()
    if event.channel != provider.CHANNEL:
        raise NotOurs(f"It came by {event.channel}, and that provider isn't connected any more.")
    found = [fact for fact in provider.facts(bytes(event.payload)) if fact]
    return sorted(found, key=lambda fact: isinstance(fact, StatusUnknown))  # it stops what follows


def _attempt(event, outcome, began, error=None, asked=False):
    """The list of an event's attempts, with one more."""
    one = {"at": now().isoformat(), "outcome": outcome, "ms": round(1000 * (time.monotonic() - began))}
    if asked:
        one["asked"] = True
    if error is not None:
        one["trace"] = "".join(traceback.format_exception(error))[-4000:]
    return [*event.history, one][-KEPT_ATTEMPTS:]


@writes
def _settle(event, found, began, asked=False, once=None):
    whose = [WebhookEvent.id == event.id] + ([] if asked else [WebhookEvent.status.in_(WebhookEvent.UNSETTLED)])
    outcome = "processed" if found else "ignored"
    taken = (
        WebhookEvent.update(
            status=outcome,
            attempts=event.attempts + 1,
            error=None,
            facts=trials.shown(found),
            history=_attempt(event, outcome, began, asked=asked),
        )
        .where(*whose)
        .execute()
    )
    if not taken:
        return  # another process was faster
    try:
        for fact in found:
            once.apply(event, fact) if once else facts.apply(fact)
    except owners.Unknown as unknown:
        # Stored, flagged, never granted: the provider has nothing to repeat.
        _close(event, "ignored", str(unknown), began, asked)


@writes
def _close(event, status, sentence, began, asked=False):
    history = _attempt(event, status, began, asked=asked)
    WebhookEvent.update(status=status, error=sentence[:500], attempts=event.attempts + 1, history=history).where(
        WebhookEvent.id == event.id
    ).execute()


@writes
def _fail(event, error, began, asked=False):
    """Note a failure. An event that was settled before an admin asked for it again stays settled: it holds
    nobody back."""
    tries, unsettled = event.attempts + 1, event.status in WebhookEvent.UNSETTLED
    buried = unsettled and tries >= TRIES
    status = "buried" if buried else "failed" if unsettled else event.status
    values = {"attempts": tries, "history": _attempt(event, "buried" if buried else "failed", began, error, asked)}
    if status in TROUBLED:
        values |= {"status": status, "error": f"{type(error).__name__}: {error}"[:500]}
    if unsettled:
        values["next_attempt_at"] = outgoing.next_try(tries)
    WebhookEvent.update(**values).where(WebhookEvent.id == event.id, WebhookEvent.status == event.status).execute()
    if buried:
        for admin in admins.people():
            outgoing.notify(
                admin,
                "system.webhook_buried",
                f"buried:{event.id}:{tries}",
                "A webhook was given up",
                body=f"{event.type} failed {tries} times.",
                link=f"/admin/webhooks/{event.id}",
            )


# --- the inspector: finding -------------------------------------------------------------------------------

DAYS = 14  # that the chart shows
OUTCOMES = {"processed": "worked", "ignored": "ignored", "received": "open", "failed": "open", "buried": "open"}


def one(id):
    """The event with this id. Refuses with NotFound."""
    return existing(WebhookEvent.one(WebhookEvent.id == id), "There is no such event.")


def _count_each():
    rows = [WebhookEvent.select(WebhookEvent.id).where(WebhookEvent.status == one) for one in STATUSES]
    some = [query.limit(COUNTED + 1).alias("some") for query in rows]
    return Select(columns=[Select(from_list=[one], columns=[fn.COUNT(one.c.id)]) for one in some])


_counts = Compiled(_count_each)


def counts():
    """status → how many events stand so, COUNTED + 1 for more than that: a page asks for it every few seconds."""
    return dict(zip(STATUSES, _counts()[0], strict=True))


def days():
    """The last two weeks, oldest first: (day, {"worked": n, "ignored": n, "open": n}), in UTC days."""
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    firsts = [today - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
    cases = [(WebhookEvent.created_at < first, n) for n, first in enumerate(firsts[1:])]
    day = Case(None, cases, DAYS - 1).alias("day")
    rows = (
        WebhookEvent.select(day, WebhookEvent.status, fn.COUNT(WebhookEvent.id))
        .where(WebhookEvent.status.in_(STATUSES), WebhookEvent.created_at >= firsts[0])
        .group_by(day, WebhookEvent.status)
    )
    found: list[tuple] = [(first.date(), {"worked": 0, "ignored": 0, "open": 0}) for first in firsts]
    for n, status, count in rows.tuples():
        found[n][1][OUTCOMES[status]] += count
    return found


def last_delivered(channel):
    """The newest event that came by itself, or None: one that we fetched proves no endpoint."""
    newest = WebhookEvent.select(WebhookEvent.id, WebhookEvent.type, WebhookEvent.created_at, WebhookEvent.headers)
    newest = newest.where(WebhookEvent.channel == channel)
    for event in newest.order_by(WebhookEvent.id.desc()).limit(500):
        if FETCHED not in event.headers:
            return event
    return None
