"""One operation of the API, declared where it is done: its words for OpenAPI, and the door, the head and the way of
answering that all have.

    @operations.get(blueprint, "/api/…/tasks", "tasks.read", Described("Tasks", answer=…))
    def tasks_index(): return Answer(…)
"""

import functools
import json
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flask import Response, g, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from domain import Invalid
from domain.base import allowances
from domain.organizations import api_answers
from views import access
from views.safety.marks import unlimited

WRITING = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Described:
    """What a program may know of an operation: `query` are parameters of OpenAPI, `body` and `answer` JSON Schemas."""

    summary: str
    answer: Any = None
    status: int = 200
    query: tuple = ()
    body: Any = None
    pin: int = 0  # the number of the shape that a client made of it knows
    versioned: bool = False  # answers have an ETag; writing takes If-Match
    matches: bool = False  # also a POST takes it
    tag: str = ""
    scope: str = ""
    is_keyed: bool = False  # for programs with a key
    sent: str = ""  # the type of a body that isn't JSON
    errors: tuple = ()  # statuses besides those that all have
    media: str = "application/json"
    reads: bool = False  # by a method that writes elsewhere: done anew each time, and no answer of it is kept


@dataclass(frozen=True)
class Answer:
    body: Any = None
    status: int = 200
    headers: dict = field(default_factory=dict)
    media: str = "application/json"
    rows: int = 0  # how many it read or wrote, where those are more than one


def declared(described):
    """Say of a view that has a door of its own what it answers."""

    def put(view):
        view.described = described
        return view

    return put


def operation(blueprint, method, rule, scope, described, also="", takes=0, first=None):
    """Make a view an operation of the API, for programs whose key has the scope; `also` is another address of it.

    `first` (parts of the address) refuses what isn't theirs any more, before they hear an answer that was kept, and
    returns the names of a row's fields that they may still hear in it."""

    def put(view):
        made = unlimited(access.program(scope)(_answering(view, takes or described.reads, first)))
        if takes:
            made.takes = takes
        made.described = Described(
            **{**vars(described), "scope": scope, "is_keyed": True, "tag": described.tag or blueprint.name}
        )
        blueprint.add_url_rule(rule, view.__name__, made, methods=[method])
        if also:
            blueprint.add_url_rule(also, f"{view.__name__}_beside", made, methods=[method])
        return view

    return put


def _answering(view, is_plain, first):
    @functools.wraps(view)
    def call(**parts):
        is_once = request.method in WRITING and not is_plain
        names = first(**parts) if is_once and first and request.headers.get("Idempotency-Key") else None
        made = once(lambda: view(**parts), request.get_data(cache=True), names) if is_once else view(**parts)
        return made if isinstance(made, Response) else _response(made)

    return call


def once(act, body, names=None):
    """The Answer of `act()`; under an Idempotency-Key done once, whose repeat of the same request and `body` gets the
    same, of rows no more than the fields of these `names`. Refuses with Invalid a key that is none, and as
    api_answers.once."""
    word = request.headers.get("Idempotency-Key")
    if word is None:
        return act()
    if not 0 < len(word) <= 255 or not word.isprintable():
        raise Invalid({"Idempotency-Key": "Send 1 to 255 signs."})

    def done():
        made = act()
        allowances.charge("calls", g.by.api_key, made.rows)
        return made.status, made.headers, text_of(made.body)

    head = [request.method, request.path, request.query_string.decode("latin-1"), request.headers.get("If-Match", "")]
    head += filter(None, [request.headers.get("Records-Shape")])
    asked = "\n".join(head).encode() + b"\n" + body
    status, headers, text, is_repeat = api_answers.once(g.by.api_key, word, asked, done)
    said = _still_told(text, names) if is_repeat and names else text
    if said != text:  # a version is a hash of all that it was
        headers = {name: value for name, value in headers.items() if name != "ETag"}
    response = _sent(status, headers, said)
    if is_repeat:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _still_told(text, names):
    """An answer that was kept, without fields of its rows that are hidden by now, and what was hashed of them."""
    told, is_less = json.loads(text or "null"), False
    steps = [told] if not isinstance(told, dict) or "id" in told else [told, *told.get("results", ())]
    for step in filter(lambda one: isinstance(one, dict), steps):
        row = step if "id" in step else step.get("row") or {}
        for held in (row, row.get("_left_over", {})):
            if hidden := held.keys() - names:
                is_less = True
                for name in hidden:
                    del held[name]
                if step is not row:
                    step.pop("version", None)
    return text_of(told) if is_less else text


def text_of(body):
    return body if isinstance(body, str) else "" if body is None else json.dumps(body, ensure_ascii=False)


def _response(made):
    allowances.charge("calls", g.by.api_key, made.rows)
    return _sent(made.status, made.headers, text_of(made.body), made.media)


def _sent(status, headers, body, media="application/json"):
    response = Response(body, status, headers, content_type=media if body else None)
    if not body:
        del response.headers["Content-Type"]
    limit = allowances.limit_of("calls", g.by.api_key)
    reset, left = allowances.standing("calls", g.by.api_key)
    response.headers["RateLimit-Policy"] = f'"key";q={limit.amount};w={int(limit.get_expiry())}'
    response.headers["RateLimit"] = f'"key";r={left};t={max(0, int(reset - time.time()))}'
    return response.make_conditional(request) if request.method in ("GET", "HEAD") else response


def sent_object(mends=True):
    """The JSON object that was sent, `mends` without NUL and halves of signs. Refuses others: 415, 400 or 422."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json.")
    try:
        text = request.get_data(cache=True).decode()
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
        if mends and "\\u" in text:
            found = _mended(found)
    except (ValueError, ArithmeticError, RecursionError):  # also 1e99999999999999999999
        raise BadRequest("This isn't JSON.") from None
    if not isinstance(found, dict):
        raise Invalid({"body": "Send a JSON object."})
    return found


_NO_SIGN = dict.fromkeys([0, *range(0xD800, 0xE000)])


def _mended(sent):
    """JSON without NUL and halves of signs, which go as they go out of forms."""
    match sent:
        case str():
            return sent.translate(_NO_SIGN)
        case list():
            return [_mended(one) for one in sent]
        case dict():
            return {_mended(name): _mended(one) for name, one in sent.items()}
    return sent


def _no_number(word):
    raise ValueError(f"{word} is no number of JSON")


def versions():
    """The versions that If-Match names, without their quotes: none where it wasn't sent, and where it is empty one that
    no row has."""
    sent = request.headers.get("If-Match")
    return () if sent is None else tuple(one.strip().removeprefix("W/").strip('"') for one in sent.split(","))
