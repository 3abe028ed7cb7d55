"""The edge of the API: what of a request's head comes in, what of an answer's goes out, and whose pages may ask.

A key and a handful of headers come in; no cookie, no forwarded address, no other method than the one that was sent. Out
go no cookie, no redirect to a page and no word of the server. Pages of other sites may ask where a setting names their
origin exactly, and never with credentials. Why: docs/decisions/keys.md
"""

from flask import Response, request

from domain.base import settings
from views.machines import problems
from views.safety import headers

TAKEN = (
    """
    Authorization X-Mobile-Api-Key Accept Accept-Language Accept-Encoding User-Agent Host Connection If-None-Match
    If-Match Idempotency-Key Records-Shape X-Request-Id Origin
    Access-Control-Request-Method Access-Control-Request-Headers
""".upper()
    .replace("-", "_")
    .split()
)
HEAD = "http_".upper()  # how WSGI calls what came in the head
KEPT_BACK = ("set-cookie", "server")
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = (
    "Authorization, Content-Type, Accept, Accept-Language, If-Match, If-None-Match, Idempotency-Key, "
    "Records-Shape, X-Request-Id"
)
SEEN = "Deprecation, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, Sunset, X-Request-Id"
PREFLIGHT = {
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": HEADERS,
    "Access-Control-Max-Age": "600",
}


def init_app(app):
    """Registered first: its question comes before all others, and its answer is the last word."""
    app.wsgi_app = _Clean(app.wsgi_app)
    app.before_request(_preflight)
    app.after_request(_close)


class _Clean:
    """Drops heads before anything reads them, and after everything wrote them (a session's cookie comes last)."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        if not problems.is_api(environ.get("PATH_INFO", "")):
            return self.app(environ, start_response)
        for name in [name for name in environ if name[:5] == HEAD and name[5:] not in TAKEN]:
            del environ[name]

        def start(status, told, exc_info=None):
            return start_response(status, [pair for pair in told if pair[0].lower() not in KEPT_BACK], exc_info)

        return self.app(environ, start)


def _preflight():
    """Answered before anybody is asked who they are, and counted against nobody."""
    if problems.is_api() and request.method == "OPTIONS":
        return Response(status=204, headers=PREFLIGHT if _origin() else {})
    return None


def _origin():
    """The origin of the page that asks, if a setting names it."""
    origin = request.headers.get("Origin", "")
    return origin if origin and origin in (settings.get("api_origins") or "").splitlines() else None


def _close(response):
    if not problems.is_api():
        return response
    if 300 <= response.status_code < 400 and response.status_code != 304:
        kept = {name: value for name, value in response.headers.items() if name.startswith("X-")}
        response = problems.answer("NOT_FOUND", "There is nothing here. Addresses have no slash too many.", 404)
        response.headers.update(kept)
    if origin := _origin():
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = SEEN
    headers.vary(response, "Origin")
    response.headers["Cache-Control"] = "no-store"
    return response
