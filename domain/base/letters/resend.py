"""Letters by Resend: https://resend.com/docs/api-reference

A letter is asked for with a key and the very body that was kept for it, so that a try whose answer got lost is the
same letter there for a day. What a refusal means is decided here; what follows from it, in domain/base/outgoing.py.
"""

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import requests
from urllib3.exceptions import NewConnectionError

from database.clock import now
from domain.base import configuration
from domain.base.outgoing import Later, NeverSent, Uncertain

NAME, LABEL = "resend", "Resend"
PASSED_ON = ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id")  # headers of a letter
BASE = "https://api.resend.com"
TIMEOUT = (5, 20)  # seconds, to connect and to answer
REMEMBERED = timedelta(hours=23)  # that a key is good for: they keep it for 24
TOGETHER = 100  # letters of one request
LONGEST_WAIT = 2.0  # seconds between two requests, of which a team has two a second
QUOTAS = {"daily_quota_exceeded": timedelta(hours=1), "monthly_quota_exceeded": timedelta(hours=6)}
# What is wrong with our account or sender, not with a letter: it is tried again, and admins are told.
OURS = {401, 403, 404, 405, 451}
OUR_SENDER = {"invalid_from_address", "missing_api_key", "restricted_api_key", "invalid_api_key"}


class Unreachable(Exception):
    """No answer that can be read: what was asked for may have been done all the same, unless it was never asked."""

    def __init__(self, why, in_doubt=True):
        super().__init__(why)
        self.in_doubt = in_doubt


class Refused(Exception):
    """They answered, and no; `name` is their word for why."""

    in_doubt = False

    def __init__(self, status, name="", wait=None):
        super().__init__(f"{LABEL} answered {status}{f' ({name})' if name else ''}.")
        self.status, self.name, self.wait = status, name, wait


class Known(Uncertain):
    """They know the key, by other letters than it was asked for now."""


_free_at = 0.0  # by the monotonic clock: not before then


def call(method, path, *, body=None, key=""):
    """Their answer as a dict. Refuses with Refused and Unreachable; no sentence holds anything secret."""
    _pace()
    secret = configuration.active.resend_api_key

    def bearer(request):  # as `auth`, so that a .netrc can't put another in its place
        request.headers["Authorization"] = f"Bearer {secret}"
        return request

    headers = {"Accept": "application/json", "User-Agent": "guildhall"} | ({"Idempotency-Key": key} if key else {})
    try:
        answer = requests.request(
            method, BASE + path, json=body, headers=headers, auth=bearer, timeout=TIMEOUT, allow_redirects=False
        )
    except (requests.RequestException, ValueError) as error:  # ValueError: a key that is no header, and stands in it
        why = f"{LABEL} couldn't be reached ({type(error).__name__})."
        raise Unreachable(why, in_doubt=not _never_connected(error)) from None
    document = _document(answer)
    _note_pace(answer)
    if 200 <= answer.status_code < 300:
        if document is None:
            raise Unreachable(f"{LABEL}: the answer can't be read.")
        return document
    name = document.get("name") if document else ""
    name = name if isinstance(name, str) and name.isidentifier() else ""
    if answer.status_code >= 500:
        raise Unreachable(f"{LABEL} answered {answer.status_code}.")
    raise Refused(answer.status_code, name[:60], _seconds(answer.headers.get("retry-after")))


def _never_connected(error):
    """Whether there was no connection at all over which anything could be asked."""
    why = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(why, NewConnectionError)


def _document(answer):
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _seconds(text):
    try:
        return min(max(float(text), 0.0), 3600.0)
    except (TypeError, ValueError):
        return None


def _note_pace(answer):
    """When the next request may be made, as they say it."""
    global _free_at
    wait = _seconds(answer.headers.get("retry-after"))
    if wait is None and answer.headers.get("ratelimit-remaining") == "0":
        wait = _seconds(answer.headers.get("ratelimit-reset"))
    if wait:
        _free_at = time.monotonic() + min(wait, LONGEST_WAIT)


def _pace():
    if (wait := _free_at - time.monotonic()) > 0:
        time.sleep(min(wait, LONGEST_WAIT))


# --- a letter ---------------------------------------------------------------------------------------------------


def body_of(message, letter):
    """What is asked for, of a composed message and its Letter."""
    headers = {name: message[name] for name in PASSED_ON if message[name]}
    return {
        "from": str(message["From"]),
        "to": [str(message["To"])],
        "subject": str(message["Subject"]),
        "html": message.get_body(("html",)).get_content(),
        "text": message.get_body(("plain",)).get_content(),
        "headers": headers,
        "tags": [{"name": "kind", "value": letter.template}, {"name": "letter", "value": letter.public_id}],
    }


def asked(body):
    """What is kept of a letter before it is asked for: its body, and when that was first."""
    return {"body": body, "epoch": int(now().timestamp())}


def send(row, kept):
    """Ask for a letter as it was kept; returns Resend's id of it. Refuses with NeverSent, Uncertain, Later, and with
    Unreachable or Refused where it is worth another try."""
    return _id(_asked_for("/emails", kept["body"], kept["epoch"], f"outgoing/{row.id}/{kept['epoch']}"))


def send_together(kept):
    """Ask in one request for up to TOGETHER letters as they were kept, under the `key` that they have in common;
    returns Resend's ids of them, in that order. Refuses as `send` does."""
    bodies = [one["body"] for one in kept]
    found = _asked_for("/emails/batch", bodies, kept[0]["epoch"], kept[0]["key"]).get("data")
    if not isinstance(found, list) or len(found) != len(kept):
        raise Unreachable(f"{LABEL}: the answer names not as many letters.")
    return [_id(one) for one in found]


def _asked_for(path, body, epoch, key):
    if now() - datetime.fromtimestamp(epoch, UTC) > REMEMBERED:
        raise Uncertain(f"{LABEL} never answered, and the day is over in which asking again is the same letter.")
    try:
        return call("POST", path, body=body, key=key)
    except Refused as refused:
        raise _meaning(refused) from refused


def _id(found):
    id = found.get("id") if isinstance(found, dict) else None
    if not isinstance(id, str) or not id.isprintable() or not 0 < len(id) <= 160:
        raise Unreachable(f"{LABEL}: the answer names no letter.")
    return id


def _meaning(refused):
    """What a refusal means for a letter, as what is to be raised."""
    if refused.status == 429:
        if refused.name in QUOTAS:
            month = "month" if refused.name.startswith("monthly") else "day"
            why = f"{LABEL} takes no more letters: the quota of the {month} is used up."
            return Later(QUOTAS[refused.name].total_seconds(), why, pauses=NAME)
        return Later(max(refused.wait or 1.0, 1.0))
    if refused.name == "concurrent_idempotent_requests":
        return Later(60, in_doubt=True)
    if refused.name == "invalid_idempotent_request":
        return Known(f"{LABEL} has another letter under the key of this one.")
    if refused.status in OURS or refused.name in OUR_SENDER:
        return refused
    return NeverSent(f"{LABEL} refused it: {refused.status} {refused.name}")


# --- what else is asked -----------------------------------------------------------------------------------------


def last_event(id):
    """The last thing that happened to a letter, as they call it (delivered, bounced, …). Refuses as `call` does."""
    found = call("GET", f"/emails/{quote(id, safe='')}").get("last_event")
    return found if isinstance(found, str) else ""


def unblock(email):
    """Take an address off their own list of suppressions; one that isn't on it is fine. Refuses as `call` does."""
    try:
        call("DELETE", f"/suppressions/{quote(email, safe='@')}")
    except Refused as refused:
        if refused.status != 404:
            raise
