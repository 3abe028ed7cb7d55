"""What Resend tells of letters, by webhook: https://resend.com/docs/webhooks

Each is an event of the inbox (channel `resend`), whose subject is Resend's id of the letter. The events are of a whole
team, so letters of other programs come too: they are kept and mean nothing here.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from database.clock import now
from database.transactions import writes
from domain.base import configuration
from domain.base.letters import log, resend, suppressions
from domain.money import facts, inbox
from domain.money.providers import http
from domain.money.providers.provider import BadSignature, Event, Fact, NotOurs
from models import Letter

CHANNEL = "resend"
MOST = 160  # characters of an id that are kept
LOOKS = 4  # for the letter of an event: at once, after 1, 5 and 30 minutes
STATUSES = {
    "email.sent": "sent",
    "email.delivery_delayed": "delayed",
    "email.delivered": "delivered",
    "email.failed": "failed",
    "email.suppressed": "suppressed",
    "email.bounced": "bounced",
    "email.complained": "complained",
}


@dataclass(frozen=True, kw_only=True)
class LetterMoved(Fact):
    """How a letter stands, as its provider told it."""

    id: str  # the provider's
    letter: str = ""  # our public id, from what we gave along
    status: str
    reason: str = ""
    bounce: str = ""  # permanent or transient; about_us where it is no fault of the mailbox


# --- taking in --------------------------------------------------------------------------------------------------


def take(body, headers):
    """Keep an event that one of our secrets signed. Refuses with BadSignature."""
    inbox.accept(CHANNEL, verify(body, headers), body, headers)


def verify(body, headers):
    """The Event in a webhook's raw body. Refuses with BadSignature, also what was signed over five minutes ago.
    Svix's signatures are those of https://www.standardwebhooks.com under other names."""
    held = {name.lower().replace("svix-", "webhook-", 1): value for name, value in headers.items()}
    if not any(_fits(secret, body, held) for secret in configuration.active.resend_webhook_secret):
        raise BadSignature("The signature doesn't fit.")
    id = held["webhook-id"]
    if not id.isprintable() or len(id) > MOST:
        raise BadSignature("This isn't an event.")
    try:
        told = json.loads(body)
        sent_at = datetime.fromtimestamp(float(held["webhook-timestamp"]), UTC)
    except (ValueError, OverflowError, OSError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error
    kind, data = _parts(told)
    subject = data.get("email_id") if isinstance(data.get("email_id"), str) else ""
    known = subject.isprintable() and 0 < len(subject) <= MOST and kind in STATUSES
    named = kind if kind.isprintable() and kind else "unknown"
    return Event(id, named[:120], subject if known else "", _happened(told) or sent_at, unread=not known)


def _fits(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError, TypeError, RuntimeError, OverflowError, OSError):
        return False
    return True


def _parts(told):
    told = told if isinstance(told, dict) else {}
    kind, data = told.get("type"), told.get("data")
    return kind if isinstance(kind, str) else "", data if isinstance(data, dict) else {}


def _happened(told):
    try:
        return http.moment(told["created_at"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return None


# --- reading ----------------------------------------------------------------------------------------------------


def read(event):
    """The fact in a kept event. Refuses with NotOurs, and with facts.Retry while its letter may still come: what we
    were answered may be written later than what is told of it."""
    kind, data = _parts(json.loads(bytes(event.payload)))
    letter = find(event.subject, tag(data, "letter"))
    if letter is None:
        if event.attempts + 1 < LOOKS:
            raise facts.Retry("No letter of ours has this id, so far.")
        raise NotOurs("It is about no letter of this site.")
    reason, bounce = _why(kind, data)
    return [
        LetterMoved(
            provider=CHANNEL,
            happened_at=event.happened_at,
            event_id=event.event_id,
            id=event.subject,
            letter=letter.public_id,
            status=STATUSES[kind],
            reason=reason,
            bounce=bounce,
        )
    ]


inbox.reads(CHANNEL, read)


def find(provider_id, public_id=""):
    """The Letter by the provider's id, else by ours; None where it is none of ours."""
    found = Letter.one(Letter.provider_id == provider_id)
    return found or (Letter.one(Letter.public_id == public_id) if public_id else None)


def tag(data, name):
    """What we gave along by this name. Resend shows tags as an object in one place, as a list of pairs in another."""
    tags = data.get("tags")
    if isinstance(tags, list):
        tags = {one.get("name"): one.get("value") for one in tags if isinstance(one, dict)}
    value = tags.get(name) if isinstance(tags, dict) else None
    return value if isinstance(value, str) else ""


def _why(kind, data):
    """(why, which kind of bounce) of an event."""
    about = data.get(kind.partition(".")[2])
    about = about if isinstance(about, dict) else {}
    code: Any = about.get("diagnosticCode")
    codes: list = code if isinstance(code, list) else [code]
    words = [word for word in (about.get("message"), about.get("reason"), *codes) if isinstance(word, str) and word]
    reason = " ".join(dict.fromkeys(words))[:500]
    if kind != "email.bounced":
        return reason, ""
    return reason, suppressions.judged(f"{reason} {about.get('subType') or ''}", about.get("type") == "Permanent")


# --- what follows -----------------------------------------------------------------------------------------------


@facts.applies_to_all(LetterMoved)
@writes
def apply(fact):
    """Let the letter stand as it was told, and write to its address no more where that is why."""
    letter = find(fact.id, fact.letter)
    if letter is None:
        return
    if letter.provider_id is None:  # our own answer isn't written yet, or never came
        mine = Letter.id == letter.id, Letter.provider_id.is_null()
        Letter.update(provider=resend.NAME, provider_id=fact.id, sent_at=letter.sent_at or now()).where(*mine).execute()
    more = {"bounce": fact.bounce} if fact.bounce else {}
    log.move(letter.id, fact.status, at=fact.happened_at, reason=fact.reason or None, **more)
    about = {"note": fact.reason, "letter": letter, "at": fact.happened_at}
    if not letter.email_norm:
        return  # whose it was has left, and is forgotten
    if fact.status == "complained":
        suppressions.suppress(letter.email_norm, suppressions.ALL, "complained", **about)
    elif fact.status == "suppressed" or fact.bounce == "permanent":
        suppressions.suppress(letter.email_norm, suppressions.ALL, "bounced", **about)
    elif fact.bounce == "transient":
        suppressions.count_bounce(letter)
