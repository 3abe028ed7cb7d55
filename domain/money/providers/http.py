"""What the adapters share on the wire: one call with its failures, lists in pages, moments, and asking anew."""

import functools
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

import requests

from database.clock import months_after, now
from domain.money.providers.provider import Gone, ProviderFailed, readable

TIMEOUT = (5, 20)  # seconds, to connect and to answer
PAGE = 100  # the most that each of them gives


class Answered(ProviderFailed):
    """The provider answered, and not with what was asked for; `error` is its own word for why."""

    def __init__(self, who, status, error="", writes=True):
        sentence = f"{who} answered {status}{f' ({error})' if error else ''}."
        super().__init__(sentence, writes and status >= 500, refuses_key=status == 401)
        self.status, self.error = status, error


class NotThere(Answered, Gone):
    """The answer that there is no such object."""


@functools.lru_cache(maxsize=8)
def session(transport):
    """A requests.Session that reaches providers through this adapter; the network for None."""
    made = requests.Session()
    if transport is not None:
        made.mount("https://", transport)
        made.trust_env = False  # it reaches no network, so no proxy is looked for
    return made


def call(who, ours, method, url, complaint, missing="", *, headers, params=None, body=None):
    """The provider's answer as a dict. Refuses with Answered, or with ProviderFailed when there is none.

    `complaint` reads its word for why out of a refusal's document; a 404 with the word `missing` (any, where that
    is empty) says that the object isn't there. No sentence holds anything secret.
    """
    writes = method != "GET"

    def bearer(request):  # as `auth`, so that a .netrc can't put another in its place
        request.headers["Authorization"] = f"Bearer {ours.key}"
        return request

    try:
        answer = session(ours.transport).request(
            method,
            url,
            params=params,
            json=body,
            headers=headers,
            auth=bearer,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except (requests.RequestException, UnicodeError) as error:  # UnicodeError: a key that is no header
        sent = isinstance(error, requests.RequestException) and not isinstance(error, requests.ConnectTimeout)
        raise ProviderFailed(f"{who} couldn't be reached ({type(error).__name__}).", sent and writes) from None
    try:
        document = answer.json() if answer.content or not writes else {}
    except ValueError:
        document = None
    if not 200 <= answer.status_code < 300:
        word = complaint(document)
        gone = answer.status_code == 404 and missing in ("", word)
        raise (NotThere if gone else Answered)(who, answer.status_code, word, writes)
    if not isinstance(document, dict):
        raise ProviderFailed(f"{who}: the answer can't be read.", writes)
    return document


def pages(who, ask, step, place=1):
    """(a page, when it was asked for), page by page: `ask(place)` gives a document, and `step(document, place)` its
    things and the place of the next page, None after the last. An empty page is the last."""
    while place is not None:
        asked_at = now()
        document = ask(place)
        with readable(who, "the list"):
            page, place = step(document, place)
        yield page, asked_at
        if not page:
            return


_known: ContextVar[dict | None] = ContextVar("known", default=None)


@contextmanager
def asking_once():
    """Within, the same thing is asked for once: for events that had all come before the first is read."""
    before = _known.set({})
    try:
        yield
    finally:
        _known.reset(before)


def anew(fetch, *args):
    """(the object as it is now, when we asked); (None, None) where the provider doesn't know it any more."""
    known = _known.get()
    if known is None or not all(isinstance(arg, str) for arg in args):
        return _anew(fetch, args)
    key = (fetch, *args)
    if key not in known:
        known[key] = _anew(fetch, args)
    return known[key]


def _anew(fetch, args):
    asked_at = now()
    try:
        return fetch(*args), asked_at
    except Gone:
        return None, None


def moment(text):
    """An ISO 8601 time, aware and UTC; None for none."""
    if not text:
        return None
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def later(moment, unit, count, day=None):
    """The moment some days, weeks, months or years on; None for another unit. `day` is the one of the month that is
    billed on: after a month that was too short for it, it's that day again."""
    if unit in ("day", "week"):
        return moment + timedelta(**{f"{unit}s": count})
    if unit not in ("month", "year"):
        return None
    was_short = (moment + timedelta(days=1)).month != moment.month and (day or 0) > moment.day
    return months_after(moment, count * (12 if unit == "year" else 1), day if was_short else None)
