"""What the dialects that speak JSON have in common: requests without a network, moments as text, and reading
how the engine's objects hang together."""

import json
import secrets
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from domain.money.providers.sandbox.records import Impossible, find, get

MOST = 100  # of a page
UNSEEN = ("incomplete", "incomplete_expired")


class Adapter(BaseAdapter):
    """A requests adapter that has a dialect's `answer` answer, in the process."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        asked = urlsplit(request.url)
        status, headers, text = self.answer(
            request.method, asked.path, asked.query, request.body or b"", request.headers
        )
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = status, request.url, request
        answer.headers.update(headers)
        answer._content, answer.encoding = text.encode(), "utf-8"
        return answer

    def close(self):
        pass


def has_key(headers, key):
    """Whether a request brings the key as its bearer token."""
    given = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
    given = given.decode("latin-1") if isinstance(given, bytes) else given
    kind, _, token = given.partition(" ")
    return kind.lower() == "bearer" and secrets.compare_digest(token.strip().encode(), key.encode())


def read(body):
    """The object in a request's body. Refuses with Impossible."""
    if not body:
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Impossible("The body isn't JSON.") from error
    if not isinstance(found, dict):
        raise Impossible("The body isn't an object.")
    return found


def seconds(text, param):
    """A moment as seconds since 1970. Refuses with Impossible."""
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, OverflowError) as error:
        raise Impossible("This isn't a time.", param) from error


def written(moment, form):
    """A moment in seconds as text; None stays None."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime(form)


def page(found, number, size):
    """(one page of a list, the number of the last page)."""
    return found[(number - 1) * size : number * size], max(1, -(-len(found) // size))


def count(params, name, usual, most):
    """A number from 1 on in a query. Refuses with Impossible."""
    text = str(params.get(name, usual))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise Impossible(f"It must be a number from 1 to {most}.", name)
    return int(text)


# --- how things hang together -------------------------------------------------------------------------------


def payment_of(invoice):
    """The payment of an invoice, or None where nothing had to be paid, or nobody tried yet."""
    return next(iter(find("payment", invoice["id"], limit=1)), None)


def refunded(invoice):
    """How much of an invoice was given back in all."""
    payment = payment_of(invoice)
    return payment["refunded"] if payment else 0


def first_invoice(subscription):
    """The invoice a subscription began with, or None before it was made."""
    return next(iter(find("invoice", subscription["customer"], subscription=subscription["id"], reason="create")), None)


def owed(subscription):
    """The newest invoice of a subscription that is open, or None."""
    return next(iter(find("invoice", subscription["customer"], subscription=subscription["id"], status="open")), None)


def has_begun(subscription):
    """Whether the first invoice was paid: these providers make a subscription only then."""
    first = None if subscription["status"] in UNSEEN else first_invoice(subscription)
    return bool(first and first["status"] == "paid")


def is_seen(invoice):
    """Whether an invoice is one of a purchase or a subscription that these providers know of."""
    if invoice["reason"] in ("create", "once"):
        return invoice["status"] == "paid"
    return has_begun(get(invoice["subscription"]))


def changed_at(*things):
    """When things changed last, as far as anybody was told; in seconds."""
    return max(max(event["created"] for event in [*find("event", one["id"], limit=1), one]) for one in things)
