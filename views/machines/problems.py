"""Refusals for programs, as RFC 9457 has them (application/problem+json), wherever below the API they arise."""

import json
from http import HTTPStatus

from flask import Response, g, request

BELOW = ("/api/mobile/backend", "/api/v1", "/api/openapi.json", "/api/client.ts", "/api/client.py")
_FURTHER = tuple(f"{start}/" for start in BELOW)
TYPE = "application/problem+json"


def is_api(path=None):
    """Whether an address (the one that is asked for) is the API's."""
    path = request.path if path is None else path
    return path in BELOW or path.startswith(_FURTHER)


def body(code, sentence, status, *, fields=None, retry_after=None, present=None):
    """The refusal as JSON. `fields` are sentences by name: all that is wrong, not the first; `present` is the row that
    stands there instead of the one that was read."""
    title = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Refused"
    found = {"title": title, "status": status, "detail": sentence, "code": code, "request_id": g.get("request_id")}
    if fields:
        found["errors"] = [{"field": name, "code": "invalid", "message": text} for name, text in fields.items()]
    found |= {"retry_after": retry_after} if retry_after else {}
    return found | ({"present": present} if present is not None else {})


def answer(code, sentence, status, **more):
    """The same as an answer."""
    response = Response(json.dumps(body(code, sentence, status, **more)), status, content_type=TYPE)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
