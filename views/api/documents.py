"""What programs are made with: the document of the API, and clients of it in TypeScript and Python."""

import json

from flask import Blueprint, Response, current_app, g, request

from domain.base import allowances
from views import access
from views.api import listings
from views.machines import openapi, python, typescript
from views.machines.operations import Answer, Described, declared, operation
from views.safety.marks import unlimited

blueprint = Blueprint("api", __name__)


@blueprint.get("/api/openapi.json")
@unlimited
@declared(Described("This document", {"type": "object"}))
@access.public
def document():
    return _answer(json.dumps(openapi.of(_app())), "application/json")


@blueprint.get("/api/client.ts")
@unlimited
@access.public
def client():
    return _answer(typescript.client(openapi.of(_app())), "text/plain")


@blueprint.get("/api/client.py")
@unlimited
@access.public
def client_py():
    return _answer(python.client(openapi.of(_app())), "text/plain")


AT = "/api/v1/<organization>"
EACH = 20  # what each list costs in a document: as so many rows


def _keyed(path, summary, media, answer=None):
    described = Described(summary, answer or {"type": "string"}, media=media)
    return operation(blueprint, "GET", AT + path, "", described)


@_keyed("/openapi.json", "This document, as the key sees it", "application/json", {"type": "object"})
def key_document():
    return Answer(_of_key())


@_keyed("/client.ts", "A client of it in TypeScript", "text/plain")
def key_client_ts():
    return Answer(typescript.client(_of_key()), media="text/plain; charset=utf-8")


@_keyed("/client.py", "A client of it in Python", "text/plain")
def key_client_py():
    return Answer(python.client(_of_key()), media="text/plain; charset=utf-8")


def _of_key():
    lists = list(listings.every(g.by))
    allowances.charge("calls", g.by.api_key, EACH * len(lists))
    return openapi.of_key(_app(), g.by, lists)


def _app():
    return current_app._get_current_object()  # type: ignore[attr-defined]


def _answer(text, media):
    answer = Response(text, content_type=f"{media}; charset=utf-8" if media.startswith("text") else media)
    answer.add_etag()
    return answer.make_conditional(request)
