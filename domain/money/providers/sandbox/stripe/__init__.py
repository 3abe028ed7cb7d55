"""The sandbox in Stripe's words: https://docs.stripe.com/api, in the version of the installed library.

It plays Stripe's part, so it shares the library's version and signature with the world, and nothing with
our own adapter.
"""

import functools
import hashlib
import json
import secrets
from base64 import b64decode
from urllib.parse import parse_qsl, urlsplit

import stripe

from domain import NotFound
from domain.money.providers.sandbox.records import DAY, Declined, Impossible, acts, clock, find, get, keep, stumbles
from domain.money.providers.sandbox.stripe.asking import act
from domain.money.providers.sandbox.stripe.forms import many_in, nested
from domain.money.providers.sandbox.stripe.lists import expand
from domain.money.providers.sandbox.stripe.objects import KEY, NAME, PATH, PREFIXES, PRICES, PRODUCT, STORE, new_id
from domain.money.providers.sandbox.stripe.telling import is_asked, signed, told, type_of


class HTTPClient(stripe.HTTPClient):
    """Answers Stripe's API in the process."""

    name = "sandbox"

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        asked = urlsplit(url)
        status, more, text = answer(method, asked.path, asked.query, post_data or "", headers)
        return text, status, more

    def close(self):
        pass


@functools.cache
def transport():
    """What `stripe.StripeClient` reaches the sandbox through without a network; always the same one."""
    return HTTPClient()


def answer(method, path, query, body, headers):
    """(status, headers, text) for a request of Stripe's API; `body` is form-encoded, as `query` is."""
    headers = {name.lower(): value for name, value in headers.items()}
    said = {"Request-Id": "req_" + secrets.token_hex(7), "Stripe-Version": stripe.api_version}
    if not _has_key(headers.get("authorization", "")):
        status, text = _refusal(401, "invalid_request_error", "This API key isn't the sandbox's.")
        return status, said, text
    body = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)
    if any("\0" in name + value for name, value in pairs):  # a database may refuse it
        return 400, said, _refusal(400, "invalid_request_error", "Invalid UTF-8 sequence.")[1]
    params = nested(pairs)
    key, method = headers.get("idempotency-key"), method.lower()
    stumbled = stumbles()
    if stumbled != "before":
        if method == "post" and key:
            status, text, again = _once(key, method, path, params, headers)
            said |= {"Idempotency-Key": key[:255]} | ({"Idempotent-Replayed": "true"} if again else {})
        else:
            status, text = _answered(method, path, params, headers)
    if stumbled:
        status, text = _refusal(500, "api_error", "The sandbox stumbles, as it was told to.")
    return status, said, text


def _has_key(authorization):
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "basic":  # curl -u sk_test_…:
        try:
            rest = b64decode(rest, validate=True).decode().partition(":")[0]
        except ValueError:
            return False
    return secrets.compare_digest(rest.strip().encode(), KEY.encode())


@acts
def _once(key, method, path, params, headers):
    """The same answer for the same key, for 24 hours; what was refused before it began may be tried again."""
    id = "idem:" + hashlib.sha256(key.encode()).hexdigest()
    asked = hashlib.sha256(json.dumps([method, path, params], sort_keys=True).encode()).hexdigest()
    known = next(iter(find("idempotency", id)), None)
    if known and known["created"] > clock() - DAY:
        if known["asked"] != asked:
            told = "Keys for idempotent requests can only be used with the parameters they were first used with."
            return *_refusal(400, "idempotency_error", told), False
        return known["status"], known["text"], True
    status, text = _answered(method, path, params, headers)
    if status in (200, 402):
        keep(id, "idempotency", id, {"asked": asked, "status": status, "text": text, "created": clock()})
    return status, text, False


def _answered(method, path, params, headers):
    try:
        said = act(method, path, params, headers)
        for wanted in many_in(params.get("expand")):
            expand(said, str(wanted))
        return 200, json.dumps(said)
    except NotFound as missing:
        return _refusal(404, "invalid_request_error", missing.sentence, code="resource_missing", param="id")
    except Declined as no:
        more = {"decline_code": "generic_decline"} if no.why == "card_declined" else {}
        return _refusal(402, "card_error", no.sentence, code=no.why, **more)
    except Impossible as no:
        return _refusal(400, "invalid_request_error", no.sentence, code=no.why, param=no.param)


def _refusal(status, type, message, **more):
    about = {key: value for key, value in more.items() if value}
    return status, json.dumps({"error": {"type": type, "message": message} | about})
