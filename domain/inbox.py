"""The inbox for webhooks: kept raw once the signature is checked, answered at once, worked off after.

Effects and the mark «processed» commit together. Events of one subject wait for each other; one that
fails is tried again after 1, 5, 30 and 120 minutes and buried, with a word to the admins, after eight.
"""

import dataclasses
import logging
import time
import traceback
from datetime import datetime, timedelta

from peewee import fn

from domain import NotFound, admins, audit, facts, outgoing, providers
from domain.transactions import wake, writes
from models import WebhookEvent, now

log = logging.getLogger("guildhall.inbox")

BACKOFF = (1, 5, 30, 120)  # minutes, the last again and again
TRIES = 8
BATCH = 100
KEPT_ATTEMPTS = 12  # of each event, with their tracebacks
TOLD_HEADERS = ("content-type", "user-agent", "x-event-name")  # and those of signatures; never a key or a cookie


@writes
def accept(channel, event, body, headers=None):
    """Keep a verified event, once. One that failed before is worked again now that it was repeated."""
    made = (
        WebhookEvent.insert(
            channel=channel,
            event_id=event.id,
            type=event.type,
            subject=event.subject,
            payload=body,
            happened_at=event.happened_at,
            headers=_told(headers or {}),
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
                WebhookEvent.status.in_(("failed", "buried")),
            )
            .execute()
        )
    if made:
        wake("inbox")
    return bool(made)


def due(limit=BATCH):
    """The events whose turn it is: unsettled, not waiting, with none before them on the same subject."""
    earlier = WebhookEvent.alias()
    first = (
        earlier.select(earlier.id)
        .where(
            earlier.channel == WebhookEvent.channel,
            earlier.subject == WebhookEvent.subject,
            earlier.subject != "",
            earlier.id < WebhookEvent.id,
            earlier.status.in_(WebhookEvent.UNSETTLED),
        )
        .limit(1)
    )
    return list(
        WebhookEvent.select()
        .where(
            WebhookEvent.status.in_(WebhookEvent.UNSETTLED),
            WebhookEvent.next_attempt_at.is_null() | (WebhookEvent.next_attempt_at <= now()),
            ~fn.EXISTS(first),
        )
        .order_by(WebhookEvent.id)
        .limit(limit)
    )


def _told(headers):
    return {
        name: value[:300]
        for name, value in headers.items()
        if name.lower() in TOLD_HEADERS or "signature" in name.lower() or name.lower().startswith("webhook-")
    }


def work_off():
    """Work one batch of due events; returns how many. Called until it returns nothing."""
    events = due()
    for event in events:
        began = time.monotonic()
        try:
            _settle(event, read(event), began)
        except providers.NotOurs as why:
            _close(event, "ignored", str(why), began)
        except Exception as error:  # one of the two places that catch everything: it is recorded
            log.warning("an event failed", extra={"event": event.event_id, "type": event.type}, exc_info=True)
            _fail(event, error, began)
    return len(events)


def read(event):
    """What a kept event means, as facts; asking the provider happens here, outside of any transaction."""
    return [fact for fact in providers.active().facts(bytes(event.payload)) if fact]


def _plain(found):
    """Facts as the inspector shows them."""
    return [
        {"fact": type(fact).__name__}
        | {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in dataclasses.asdict(fact).items()
            if value not in (None, "", False)
        }
        for fact in found
    ]


def _attempt(event, outcome, began, error=None):
    """The list of an event's attempts, with one more."""
    one = {"at": now().isoformat(), "outcome": outcome, "ms": round(1000 * (time.monotonic() - began))}
    if error is not None:
        one["trace"] = "".join(traceback.format_exception(error))[-4000:]
    return [*event.history, one][-KEPT_ATTEMPTS:]


@writes
def _settle(event, found, began):
    taken = (
        WebhookEvent.update(
            status="processed" if found else "ignored",
            attempts=event.attempts + 1,
            error=None,
            facts=_plain(found),
            history=_attempt(event, "processed" if found else "ignored", began),
        )
        .where(WebhookEvent.id == event.id, WebhookEvent.status.in_(WebhookEvent.UNSETTLED))
        .execute()
    )
    if not taken:
        return  # another process was faster
    try:
        for fact in found:
            facts.apply(fact)
    except facts.Unknown as unknown:
        # Stored, flagged, never granted: the provider has nothing to repeat (A4.4-15).
        _close(event, "ignored", str(unknown), began)


@writes
def _close(event, status, sentence, began):
    WebhookEvent.update(
        status=status, error=sentence[:500], attempts=event.attempts + 1, history=_attempt(event, status, began)
    ).where(WebhookEvent.id == event.id).execute()


@writes
def _fail(event, error, began):
    tries = event.attempts + 1
    buried = tries >= TRIES
    WebhookEvent.update(
        status="buried" if buried else "failed",
        attempts=tries,
        error=f"{type(error).__name__}: {error}"[:500],
        next_attempt_at=now() + timedelta(minutes=BACKOFF[min(tries, len(BACKOFF)) - 1]),
        history=_attempt(event, "buried" if buried else "failed", began, error),
    ).where(WebhookEvent.id == event.id, WebhookEvent.status.in_(WebhookEvent.UNSETTLED)).execute()
    if buried:
        for admin in admins.people():
            outgoing.notify(
                admin, "system.webhook_buried", f"buried:{event.id}:{tries}", "A webhook was given up",
                body=f"{event.type} failed {tries} times.", link=f"/admin/webhooks/{event.id}",
            )  # fmt: skip


@writes
def replay(id, *, by):
    """Work an event again that failed, was buried or ignored. What it caused already isn't caused twice."""
    again = (
        WebhookEvent.update(status="failed", next_attempt_at=None)
        .where(
            WebhookEvent.id == id, WebhookEvent.status.in_(("failed", "buried", "ignored")), WebhookEvent.payload != b""
        )
        .execute()
    )
    if not again:
        raise NotFound("That event is settled, or gone.")
    audit.record("system.webhook_replayed", "A webhook was replayed", by=by, target=("webhookevent", id))
    wake("inbox")


def troubled(limit=50):
    """Events that failed, were given up, or spoke of something unknown; the newest first."""
    return list(
        WebhookEvent.select()
        .where(WebhookEvent.status.in_(("failed", "buried")) | WebhookEvent.error.is_null(False))
        .order_by(WebhookEvent.id.desc())
        .limit(limit)
    )
