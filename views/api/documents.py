"""What programs are made with: the document of the API, and a client of it in TypeScript."""

import json

from flask import Blueprint, Response, current_app, request

from views import access
from views.machines import openapi, typescript
from views.machines.operations import Described, declared
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


def _app():
    return current_app._get_current_object()  # type: ignore[attr-defined]


def _answer(text, media):
    answer = Response(text, content_type=f"{media}; charset=utf-8" if media.startswith("text") else media)
    answer.add_etag()
    return answer.make_conditional(request)
