"""Where payment providers post: the raw body, its signature, the inbox, 200. Nothing else happens here."""

import io
import secrets
import time

from flask import Blueprint, Response, request
from werkzeug.datastructures import EnvironHeaders

from database.connections import database
from domain import Refused
from domain.base import configuration
from domain.money import inbox, providers
from domain.money.providers.provider import BadSignature
from views import access
from views.machines.operations import Described, declared
from views.machines.schemas import BOOLEAN, obj
from views.safety.gathering import BODY
from views.safety.headers import is_https, protecting
from views.safety.marks import unlimited
from views.safety.requests import note

blueprint = Blueprint("webhooks", __name__)
PATHS = {f"/webhooks/{path}": path for path in ("stripe", "polar", "lemon-squeezy")}
ANSWER = b'{"received": true}'
FAILED = "guildhall.webhook_failed"  # why it couldn't be kept, for the route to raise where errors are answered


@blueprint.post("/webhooks/stripe", defaults={"path": "stripe"})
@blueprint.post("/webhooks/polar", defaults={"path": "polar"})
@blueprint.post("/webhooks/lemon-squeezy", defaults={"path": "lemon-squeezy"})
@unlimited
@declared(Described("Events of the payment provider, with its signature", obj({"received": BOOLEAN})))
@access.provider
def take(path):
    """Only the active provider's route is there; one whose secret isn't set takes nothing."""
    if failed := request.environ.get(FAILED):
        raise failed
    if not configuration.active.has_billing or path != providers.active().PATH:
        raise Refused("No such provider is active here.", "NOT_FOUND", 404)
    if not providers.account().webhook_secrets:
        raise Refused("The webhook secret isn't set.", "NOT_CONFIGURED", 503)
    try:
        _keep(request.get_data(cache=False), request.headers)
    except BadSignature as bad:
        raise Refused(str(bad), "INVALID_INPUT", 400) from bad
    return Response(ANSWER, content_type="application/json")


def _keep(body, headers):
    provider = providers.active()
    inbox.accept(provider.CHANNEL, provider.verify(body, headers), body, dict(headers))


class ShortWay:
    """In front of the application: an event that is in order is kept and answered without what pages need, such as
    sessions and limits. Whatever isn't in order goes on to the route, which refuses it. For `webhook_vs_bare`."""

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        began, request_id = time.perf_counter(), secrets.token_hex(8)
        if not _is_kept(environ):
            return self.application(environ, start_response)
        headers = protecting(configuration.active.billing_provider, is_https())
        headers = headers | {"Content-Type": "application/json", "Content-Length": str(len(ANSWER))}
        start_response("200 OK", list((headers | {"X-Request-Id": request_id, "Cache-Control": "no-cache"}).items()))
        note("POST", environ["PATH_INFO"], 200, began, request_id)
        return [ANSWER]


def _is_kept(environ):
    path = PATHS.get(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
    length = environ.get("CONTENT_LENGTH") or ""
    if not path or environ.get("QUERY_STRING") or not (length.isdecimal() and int(length) <= BODY):
        return False
    if not configuration.active.has_billing or path != providers.active().PATH:
        return False
    body = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    try:
        _keep(body, EnvironHeaders(environ))
    except BadSignature:
        return False
    except Exception as error:
        environ[FAILED] = error
        return False
    finally:
        database.close()
    return True


def init_app(app):
    app.wsgi_app = ShortWay(app.wsgi_app)
