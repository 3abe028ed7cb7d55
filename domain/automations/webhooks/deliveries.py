"""Messages to addresses outside: left in the transaction of their cause, tried until they are taken, kept for a look.

Signed as https://www.standardwebhooks.com says; the id is the same in every try, so that the other side knows one that
it has. What doesn't answer is tried ever more seldom for two days; after five days without one answer it is given up.
"""

import json
import logging
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from peewee import fn

from database.clock import now
from database.columns import public_id
from database.compiled import Compiled
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import wake, writes
from domain import Refused, existing
from domain.automations.webhooks import addresses, endpoints
from domain.base import outgoing
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing
from models import Membership, Organization, WebhookDelivery, WebhookEndpoint

log = logging.getLogger("guildhall.automations")

LANE = "webhook_deliveries"
BACKOFF = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000)  # seconds after a try that failed: 52 hours in all
GIVEN_UP = timedelta(days=5)  # without one answer
RESTS = timedelta(minutes=1)  # what else waits for one that fails or is slow, which is no try
SLOW = 2.0  # seconds until an answer
SUSPENDED = timedelta(hours=1)
KEPT = timedelta(days=30)
AT_ONCE, EACH, SHARE, ADDRESSES = 8, 4, 8, 40  # threads; in a batch: of an address, addresses of one and of all
MOST, MOST_WAITING = 256 * 1024, 1000  # signs of a message, and messages that wait for one address
TEXT_KEPT = timedelta(days=7)  # of what was taken


def written(data):
    """A body as it is sent."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def leave(endpoint, cause, data, *, run=None, type="automation.run"):
    """Leave a message in the present transaction, once for each cause. Refuses a message that is too long, and one for
    an address that MOST_WAITING wait for."""
    body = written({"type": type, "timestamp": now().isoformat(), "data": data})
    if len(body) > MOST:
        raise Refused("The message is too long to be sent.")
    waiting = WebhookDelivery.select(WebhookDelivery.id)
    waiting = waiting.where(WebhookDelivery.endpoint == endpoint, WebhookDelivery.state == "queued")
    if waiting.order_by(WebhookDelivery.next_at).limit(MOST_WAITING).count() == MOST_WAITING:
        raise Refused(f"{MOST_WAITING} messages wait for this address already: it takes too few.")
    values = {"endpoint": endpoint.id, "run": run, "cause": cause, "body": body}
    made = (
        WebhookDelivery.insert(**values, message_id=f"msg_{public_id()}").on_conflict_ignore().as_rowcount().execute()
    )
    if made:
        wake(LANE)
    return bool(made)


class Message(NamedTuple):
    """A try as it is made, with nothing of the database in it."""

    id: int
    organization: int
    url: str
    headers: dict
    body: bytes
    trouble: str = ""


def is_due():
    """Whether any message is to be delivered now."""
    return bool(_any_due(moment=WebhookDelivery.next_at.db_value(now())))


_any_due = Compiled(
    lambda: (
        WebhookDelivery.select(WebhookDelivery.id)
        .where(WebhookDelivery.state == "queued", WebhookDelivery.next_at <= parameter("moment"))
        .limit(1)
    )
)


def work():
    """One batch of messages that are due, several at a time; returns how many were due."""
    with everywhere("messages of all organizations are delivered"):
        due = WebhookDelivery.state == "queued", WebhookDelivery.next_at <= now()
        rows = [row for id in _asked(due) for row in _first(id, due)]
        prepared = [one for row in rows if (one := _prepared(row))]
    if not rows:
        return 0
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for message, result in zip(prepared, threads.map(_sent, prepared), strict=True):
            with inside(message.organization):
                _note(message.id, *result)
    return len(rows)


def _asked(due):
    """The addresses for which a message is due the longest, of each organization its share."""
    asked = WebhookDelivery.select(WebhookDelivery.endpoint, WebhookDelivery.organization).where(*due)
    asked = asked.group_by(WebhookDelivery.endpoint, WebhookDelivery.organization)
    found, shares = [], Counter()
    for id, organization in asked.order_by(fn.MIN(WebhookDelivery.next_at), WebhookDelivery.endpoint).tuples():
        shares[organization] += 1
        if shares[organization] <= SHARE and len(found) < ADDRESSES:
            found.append(id)
    return found


def _first(endpoint, due):
    """The messages to one address that are due the longest: one that is slow keeps no others waiting."""
    mine = WebhookDelivery.select().where(WebhookDelivery.endpoint == endpoint, *due)
    return list(mine.order_by(WebhookDelivery.next_at, WebhookDelivery.id).limit(EACH))


def _prepared(row):
    """The Message of a row, or None where it isn't to go now."""
    endpoint = row.endpoint
    if Organization.get_by_id(row.organization_id).status != "active":
        _put_off(row, now() + SUSPENDED)
        return None
    if endpoint.removed_at or endpoint.disabled_at:
        _fail(row, "The address is told no more.")
        return None
    moment = now()
    to = partial(Message, row.id, row.organization_id, endpoint.url)
    try:
        signed = endpoints.signatures(endpoint, row.message_id, moment, row.body)
    except addresses.NotReached as trouble:
        return to({}, b"", str(trouble))
    headers = {
        "content-type": "application/json",
        "user-agent": "Guildhall",
        "webhook-id": row.message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signed,
    }
    return to(headers, row.body.encode())


@writes
def _put_off(row, moment):
    WebhookDelivery.update(next_at=moment).where(WebhookDelivery.id == row.id).execute()


@writes
def _fail(row, why):
    waits = WebhookDelivery.id == row.id, WebhookDelivery.state == "queued"
    WebhookDelivery.update(state="failed", error=why).where(*waits).execute()


def _sent(message):
    """(status or None, its answer, what went wrong, whether it took long) of a try."""
    began = time.monotonic()
    return *_tried(message), time.monotonic() - began > SLOW


def _tried(message):
    if message.trouble:
        return None, "", message.trouble
    try:
        status, answer = addresses.post(message.url, message.body, message.headers)
    except addresses.NotReached as trouble:
        return None, "", str(trouble)
    except Exception as error:  # whatever a stranger's server does is a try that failed
        log.warning("a message couldn't be sent", extra={"delivery": message.id}, exc_info=True)
        return None, "", f"It couldn't be sent ({type(error).__name__})."
    if 200 <= status < 300:
        return status, answer, ""
    moved = " Where it leads isn't followed." if 300 <= status < 400 else ""
    return status, answer, f"It answered {status}.{moved}"


@writes
def _note(id, status, answer, trouble, is_slow):
    """What became of a try."""
    row = WebhookDelivery.one(WebhookDelivery.id == id, WebhookDelivery.state == "queued")
    if row is None:
        return
    endpoint, tries = row.endpoint, row.attempts + 1
    values: dict = {"attempts": tries, "status_code": status, "answer": answer[:2000] or None, "error": trouble or None}
    if not trouble:
        values |= {"state": "taken", "taken_at": now()}
        WebhookEndpoint.update(failing_since_at=None).where(
            WebhookEndpoint.id == endpoint.id, WebhookEndpoint.failing_since_at.is_null(False)
        ).execute()
    elif status == 410 or tries > len(BACKOFF):
        values |= {"state": "failed"}
    else:
        values |= {"next_at": now() + timedelta(seconds=BACKOFF[tries - 1])}
    WebhookDelivery.update(**values).where(WebhookDelivery.id == id).execute()
    if trouble:
        _note_failing(endpoint, status)
    if trouble or is_slow:
        _rest(endpoint)
    wake("live")


def _note_failing(endpoint, status):
    since = endpoint.failing_since_at or now()
    if status == 410 or since < now() - GIVEN_UP:
        _give_up(endpoint, "it says that it is gone (410)" if status == 410 else "nothing was taken for five days")
        return
    first = WebhookEndpoint.id == endpoint.id, WebhookEndpoint.failing_since_at.is_null()
    WebhookEndpoint.update(failing_since_at=since).where(*first).execute()


def _rest(endpoint):
    """What else waits for it would wait for the same, and others for that."""
    others = WebhookDelivery.endpoint == endpoint, WebhookDelivery.state == "queued"
    soon = WebhookDelivery.next_at < now() + RESTS
    WebhookDelivery.update(next_at=now() + RESTS).where(*others, soon, WebhookDelivery.attempts == 0).execute()


def _give_up(endpoint, why):
    on = WebhookEndpoint.id == endpoint.id, WebhookEndpoint.disabled_at.is_null()
    if not WebhookEndpoint.update(disabled_at=now()).where(*on).execute():
        return
    waiting = WebhookDelivery.endpoint == endpoint, WebhookDelivery.state == "queued"
    WebhookDelivery.update(state="failed", error="The address was given up.").where(*waiting).execute()
    organization = Organization.get_by_id(endpoint.organization_id)
    link = f"/{organization.slug}/automations/webhooks/{endpoint.id}"
    title, body = f"The address {endpoint.name} is told no more", f"It was given up: {why}."
    for user in Membership.keepers(organization):
        key = f"automation.webhook_off:{endpoint.id}:{now():%s}"
        outgoing.notify(user, "automation.webhook_off", key, title, body=body, link=link, organization=organization)


@writes
def send_again(id, *, by):
    """Have a message tried anew, under the id that it had. Refuses with NotFound, and while it waits."""
    by.require("automations.manage")
    row = existing(WebhookDelivery.one(WebhookDelivery.id == id), "This message isn't kept any more.")
    if row.endpoint.removed_at or row.endpoint.disabled_at:
        raise Refused("The address is told no more. Turn it on first.")
    if not row.body:
        raise Refused(f"Its text isn't kept any more: {TEXT_KEPT.days} days have passed since it was taken.")
    over = WebhookDelivery.id == row.id, WebhookDelivery.state != "queued"
    again = {"state": "queued", "attempts": 0, "next_at": now(), "error": None}
    if not WebhookDelivery.update(**again).where(*over).execute():
        raise Refused("It waits to be sent already.", "INVALID_TRANSITION")
    wake(LANE)
    return "It is sent again."


@writes
def try_out(endpoint_id, *, by):
    """Leave a message that says nothing, to see whether it comes. Refuses with NotFound and Forbidden."""
    by.require("automations.manage")
    endpoint = endpoints.one(endpoint_id)
    if endpoint.disabled_at:
        raise Refused("The address is told no more. Turn it on first.")
    leave(endpoint, f"trial:{public_id()}", {"organization": by.organization.slug}, type="webhook.trial")
    return "A message is on its way: see below whether it was taken."


def latest(endpoint, limit=20):
    """Its newest messages."""
    return list(
        WebhookDelivery.select()
        .where(WebhookDelivery.endpoint == endpoint)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )


def one(id):
    """One message. Refuses with NotFound."""
    return existing(WebhookDelivery.one(WebhookDelivery.id == id), "This message isn't kept any more.")


@writes
def prune(limit):
    """Remove what was sent or given up long ago, and before that the texts of what was taken; some at a time."""
    with everywhere("old messages of all organizations go alike"):
        taken = WebhookDelivery.state == "taken", WebhookDelivery.taken_at < now() - TEXT_KEPT
        full = WebhookDelivery.select(WebhookDelivery.id).where(*taken, WebhookDelivery.body != "").limit(limit)
        if emptied := WebhookDelivery.update(body="").where(WebhookDelivery.id.in_(full)).execute():
            return emptied
        old = WebhookDelivery.created_at < now() - KEPT, WebhookDelivery.state != "queued"
        ids = WebhookDelivery.select(WebhookDelivery.id).where(*old).limit(limit)
        return WebhookDelivery.delete().where(WebhookDelivery.id.in_(ids)).execute()


STATE = Choice((("queued", "Waits", "info"), ("taken", "Taken", "good"), ("failed", "Not delivered", "bad")))
listing = Listing(
    *("deliveries", "message", "messages", WebhookDelivery),
    (
        Field("endpoint_name", "Address", Text(80)),
        Field("state", "State", STATE),
        Field("created_at", "Written", Moment(past=True)),
        Field("attempts", "Tries", Number()),
        Field("status_code", "Answer", Number()),
        Field("next_at", "Next try", Moment(), listed=False),
    ),
    NEWEST,
    joins=lambda query: query.join(WebhookEndpoint, on=(WebhookEndpoint.id == WebhookDelivery.endpoint)),
    elsewhere=(("endpoint_name", WebhookEndpoint.name, None),),
    acts=(
        Act(
            *("replay", "Send again", send_again, "automations.manage"),
            when=lambda row: row.state != "queued",
            bulk=True,
        ),
    ),
    under=("error",),
    reads="automations.manage",
    chips="state",
    link=True,
    icon="send",
    title="Deliveries",
    about="Each message to an address outside, for thirty days. A message that is sent again has the id that it had.",
    empty=(("all", "What automations tell outside shows here, with what was answered."),),
)
