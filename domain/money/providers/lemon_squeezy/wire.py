"""Lemon Squeezy's signatures, events and calls."""

import hashlib
import hmac
import json
from urllib.parse import quote

from domain.money import providers
from domain.money.providers import http
from domain.money.providers.http import anew, moment
from domain.money.providers.provider import BadSignature, CannotDo, Event, NotOurs, ProviderFailed, readable

NAME, CHANNEL, PATH, LABEL = "lemon_squeezy", "billing_lemon_squeezy", "lemon-squeezy", "Lemon Squeezy"
API, JSON_API = "https://api.lemonsqueezy.com/v1/", "application/vnd.api+json"
HEADERS = {"Accept": JSON_API, "Content-Type": JSON_API}


# --- calls ------------------------------------------------------------------------------------------------


def call(method, path, params=None, data=None):
    """The answer's document. Refuses with Answered, or with ProviderFailed when there is none."""
    body = None if data is None else {"data": data}
    ours = providers.account()
    return http.call(LABEL, ours, method, API + path, _complaint, headers=HEADERS, params=params, body=body)


def _complaint(document):
    """What a JSON:API error says (docs.lemonsqueezy.com/api/getting-started/errors)."""
    try:
        first = document["errors"][0]
        said = str(first.get("detail") or first.get("title") or "")
    except (TypeError, KeyError, IndexError, AttributeError):
        said = ""
    return "".join(c for c in said if c.isprintable())[:200].rstrip(".") or "it refused"


def reads(what="the answer"):
    """A decorator and a context: what can't be read refuses with ProviderFailed."""
    return readable(LABEL, what)


def thing_in(document):
    """The object that an answer holds."""
    data = document.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("attributes"), dict) or not data.get("id"):
        raise ProviderFailed("Lemon Squeezy: the answer can't be read.")
    return data


def path_of(kind, id):
    """The address of an object, which its id can't leave."""
    return f"{kind}/{quote(str(id), safe='')}"


def payment_path(payment_id):
    """(kind, id) there of a payment. Refuses with CannotDo where it isn't one of theirs."""
    prefix, _, id = payment_id.partition("_")
    kinds = {"si": "subscription-invoices", "order": "orders"}
    if prefix not in kinds or not id.isdecimal():
        raise CannotDo("This payment isn't one of Lemon Squeezy's.")
    return kinds[prefix], id


def get(kind, id):
    """An object as it is now."""
    return thing_in(call("GET", path_of(kind, id)))


def present(kind, id):
    """(an object as it is now, when we asked); (None, None) for one it doesn't know, or of another store."""
    found, asked_at = anew(get, kind, id)
    return (found, asked_at) if found is not None and is_here(found) else (None, None)


def documents(path, **params):
    """(the document of a page, when it was asked for), newest first."""

    def step(document, number):
        if not isinstance(document.get("data"), list):
            raise TypeError(path)
        try:
            last = int(document["meta"]["page"]["lastPage"])
        except (KeyError, TypeError, ValueError):
            last = number if len(document["data"]) < http.PAGE else number + 1
        return document if document["data"] else None, number + 1 if number < last else None

    paged = {"page[size]": http.PAGE}
    ask = lambda number: call("GET", path, {**params, "page[number]": number, **paged})  # noqa: E731
    return ((document, at) for document, at in http.pages(LABEL, ask, step) if document)


def listed(path, **params):
    """(an object of our store, when its page was asked for). One may come twice where things are made meanwhile."""
    for document, asked_at in documents(path, **in_store(), **params):
        for thing in document["data"]:
            if is_here(thing_in({"data": thing})):
                yield thing, asked_at


def in_store():
    """What asks a list for our store's alone."""
    store = providers.account().store
    return {"filter[store_id]": store} if store else {}


def is_here(thing):
    """Whether an object is our store's. Refuses where the key is one for the other mode."""
    account, attributes = providers.account(), thing["attributes"]
    if isinstance(attributes.get("test_mode"), bool) and attributes["test_mode"] == account.live:
        wrong = "is one for tests, and money is real here" if account.live else "takes real money, and here are tests"
        raise ProviderFailed(f"Lemon Squeezy: the key {wrong}.")
    return not account.store or str(attributes.get("store_id", account.store)) == str(account.store)


def written(moment):
    """A time as they want it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- events -----------------------------------------------------------------------------------------------


def verify(body, headers):
    """The Event in a webhook's raw body. Refuses with BadSignature.
    X-Signature is the hex HMAC-SHA256 of the raw body (docs.lemonsqueezy.com/help/webhooks/signing-requests).
    It covers no time, so an old request can be sent again: it is the same event then."""
    sent = (headers.get("X-Signature") or "").encode("utf-8", "replace")
    fits = [
        hmac.compare_digest(hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode(), sent)
        for secret in providers.account().webhook_secrets
        if secret
    ]
    if not any(fits):
        raise BadSignature("The signature doesn't fit.")
    try:
        event = json.loads(body)
        name, thing = event["meta"]["event_name"], event["data"]
        happened_at, subject = changed_at(thing), _subject(thing)
        if not isinstance(name, str) or not name or not (name + subject).isprintable() or happened_at is None:
            raise ValueError(name)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error
    return Event(id_of(name, body), name[:120], subject[:160], happened_at)


def id_of(name, body):
    """The id of an event: its name and its body's hash."""
    return f"{name[:90]}:{hashlib.sha256(body).hexdigest()}"


def changed_at(thing):
    """When an object was changed last, or made."""
    return moment(thing["attributes"].get("updated_at") or thing["attributes"].get("created_at"))


def _subject(thing):
    """Whatever belongs to one subscription is worked off in order; ids of different kinds may be equal."""
    match thing["type"]:
        case "subscriptions":
            return str(thing["id"])
        case "subscription-invoices":
            return str(thing["attributes"]["subscription_id"])
        case "orders":
            return f"order_{thing['id']}"
    return f"{thing['type']}_{thing['id']}"


def refuse_foreign(event):
    """Refuses with NotOurs an event of the other mode or of another store."""
    account, attributes = providers.account(), event["data"]["attributes"]
    if account.live in (event["meta"].get("test_mode"), attributes.get("test_mode")):
        here = "This is a test event, and money is real here."
        raise NotOurs(here if account.live else "This is a live event, and this site only tests.")
    if account.store and str(attributes.get("store_id", account.store)) != str(account.store):
        raise NotOurs(f"This event is of the store {str(attributes['store_id'])[:40]}, not of ours.")
