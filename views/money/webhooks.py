"""Where payment providers post: the raw body, its signature, the inbox, 200. Nothing else happens here."""

from flask import Blueprint, Response, request

from domain import Refused
from domain.base import configuration
from domain.money import inbox, providers
from domain.money.providers.provider import BadSignature
from views import access
from views.safety import unlimited

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/stripe", defaults={"path": "stripe"})
@blueprint.post("/webhooks/polar", defaults={"path": "polar"})
@blueprint.post("/webhooks/lemon-squeezy", defaults={"path": "lemon-squeezy"})
@unlimited
@access.provider
def take(path):
    """Only the active provider's route is there; one whose secret isn't set takes nothing."""
    if not configuration.active.has_billing or path != providers.active().PATH:
        raise Refused("No such provider is active here.", "NOT_FOUND", 404)
    provider = providers.active()
    if not providers.account().webhook_secrets:
        raise Refused("The webhook secret isn't set.", "NOT_CONFIGURED", 503)
    body = request.get_data(cache=False)
    try:
        event = provider.verify(body, request.headers)
    except BadSignature as bad:
        raise Refused(str(bad), "INVALID_INPUT", 400) from bad
    inbox.accept(provider.CHANNEL, event, body, dict(request.headers))
    return Response('{"received": true}', content_type="application/json")
