"""Polar's signatures, events and calls."""

import base64
import json
from datetime import UTC, datetime
from urllib.parse import quote

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError, WebhookVerificationError

from domain.money import providers
from domain.money.providers import http
from domain.money.providers.http import moment
from domain.money.providers.provider import BadSignature, Event, readable

NAME, CHANNEL, PATH, LABEL = "polar", "billing_polar", "polar", "Polar"
LIVE, SANDBOX = "https://api.polar.sh", "https://sandbox-api.polar.sh"
VERSION = "2026-10"  # https://polar.sh/docs/api-reference/2026-10/versioning
MISSING = "ResourceNotFound"  # Polar's name for it; another 404 says less: a removed version, a wrong address
MOST = 160  # characters of an event's id that are kept
READ = ("subscription", "order", "refund", "checkout", "customer")  # of whose events `facts` makes something


# --- calls ------------------------------------------------------------------------------------------------


def call(method, path, *, params=None, body=None, key=""):
    """Polar's answer as a dict. Refuses with Answered, or with ProviderFailed when there is none."""
    ours = providers.account()
    headers = {"Accept": "application/json", "Polar-Version": VERSION} | ({"Idempotency-Key": key} if key else {})
    about = (LABEL, ours, method, (LIVE if ours.live else SANDBOX) + path, _error, MISSING)
    try:
        return http.call(*about, headers=headers, params=params, body=body)
    except http.Answered as answered:
        if answered.status != 404 or answered.error == MISSING:
            raise
    # Versions are removed after nine months and then answer so: the current one is better than none.
    del headers["Polar-Version"]
    return http.call(*about, headers=headers, params=params, body=body)


def _error(document):
    name = document.get("error") if isinstance(document, dict) else ""
    return name[:60] if isinstance(name, str) and name.isidentifier() else ""


def get(path, id=""):
    """The object with this id below a path."""
    return call("GET", path + quoted(id))


def quoted(id):
    """An id as a part of a path, which it can't leave."""
    return quote(str(id), safe="")


def pages(path, **params):
    """(items, when they were asked for), a page at a time."""

    def step(page, number):
        return items(page), number + 1 if number < int(page["pagination"]["max_page"]) else None

    return http.pages(
        LABEL, lambda number: call("GET", path, params=params | {"limit": http.PAGE, "page": number}), step
    )


def items(page):
    """The objects of a page."""
    return [dict(item) for item in page["items"]]


# --- events -----------------------------------------------------------------------------------------------


def verify(body, headers):
    """The Event in a webhook's raw body, also of a kind or shape we don't know. Refuses with BadSignature.
    Standard Webhooks, within five minutes: https://polar.sh/docs/integrate/webhooks/delivery. Polar gives no id
    but the header's."""
    held = {name.lower(): value for name, value in headers.items()}
    secrets = providers.account().webhook_secrets
    if not any(_fits(key, body, held) for secret in secrets for key in _keys(secret)):
        raise BadSignature("The signature doesn't fit.")
    try:
        return event_of(held["webhook-id"], body, datetime.fromtimestamp(float(held["webhook-timestamp"]), UTC))
    except (ValueError, OverflowError, OSError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error


def _keys(secret):
    """The keys a secret may stand for, as bytes, which the library takes as they are.
    Secrets that Polar made since 2026-09-08 are base64 after `whsec_`; older ones and people's own are taken
    as they are written, prefix and all: https://polar.sh/docs/changelog/api. Polar doesn't say which."""
    if not secret:
        return
    yield secret.encode()
    if secret.startswith("whsec_"):
        coded = secret.removeprefix("whsec_").rstrip("=")
        try:
            decoded = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
        except ValueError:
            return
        if len(decoded) >= 24:  # the standard's least: a shorter one could be guessed
            yield decoded


def _fits(key, body, headers):
    try:
        Webhook(key).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError, TypeError, OverflowError, OSError):
        return False  # ValueError: not UTF-8, not base64, not `v1,…`
    return True


def event_of(id, body, sent_at):
    """The Event with this id in a body that is believed; `sent_at` where it says no time of its own."""
    event = json.loads(body)
    if not id.isprintable():
        raise ValueError("an id that can't be printed")
    kind, thing = parts(event)
    named = kind if kind and kind.isprintable() else "unknown"
    unread = named.partition(".")[0] not in READ
    return Event(id[:MOST], named[:120], (_subject(kind, thing) or id)[:MOST], happened(event) or sent_at, unread)


def _subject(kind, thing):
    for name in ("id",) if kind.startswith("subscription.") else ("subscription_id", "customer_id", "id"):
        if isinstance(thing.get(name), str) and thing[name].isprintable():
            return thing[name]
    return ""


def parts(event):
    """(kind, the object) of an event, empty where it has none."""
    event = event if isinstance(event, dict) else {}
    kind, thing = event.get("type"), event.get("data")
    return kind if isinstance(kind, str) else "", thing if isinstance(thing, dict) else {}


def happened(event):
    """When an event says it happened, or None."""
    try:
        return moment(event["timestamp"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def reads(what="the answer"):
    """A decorator: what can't be read refuses with ProviderFailed."""
    return readable(LABEL, what)
