"""Where Resend tells what becomes of letters: the raw body, its signature, the inbox, 200."""

from flask import Blueprint, Response, request

from domain import Refused
from domain.base import configuration
from domain.money.providers.provider import BadSignature
from domain.operations.mail import deliveries
from views import access
from views.machines.operations import Described, declared
from views.machines.schemas import BOOLEAN, obj
from views.safety.marks import unlimited

blueprint = Blueprint("mail_events", __name__)


@blueprint.post("/webhooks/resend")
@unlimited
@declared(Described("What becomes of letters, with Resend's signature", obj({"received": BOOLEAN})))
@access.provider
def take():
    """Without a secret nothing is taken; a letter that isn't ours is taken too, and means nothing."""
    if not configuration.active.resend_webhook_secret:
        raise Refused("The webhook secret isn't set.", "NOT_CONFIGURED", 503)
    try:
        deliveries.take(request.get_data(cache=False), dict(request.headers))
    except BadSignature as bad:
        raise Refused(str(bad), "INVALID_INPUT", 400) from bad
    return Response(b'{"received": true}', content_type="application/json")
