"""Paying an order with a provider: to its page and back, and where its webhooks come in."""

from flask import Blueprint, Response, redirect, request

from database.scope import inside
from domain import NotFound, Refused
from domain.events import holds, providers
from domain.events.providers import attempts
from domain.money.providers.provider import BadSignature, NotOurs
from views import access
from views.machines.operations import Described, declared
from views.machines.schemas import BOOLEAN, obj
from views.safety.marks import unlimited

blueprint = Blueprint("paying", __name__)
RECEIVED = obj({"received": BOOLEAN})
HELD = "/orders/<order>/<token>"


@blueprint.get(HELD + "/back")
@access.public
def back(order, token):
    """The buyer comes back and may have paid: that proves nothing, but the provider is asked."""
    order = holds.find(order, token)
    with inside(order.organization_id):
        attempts.look(order.id)
    return redirect(holds.address(order), 303)


@blueprint.get(HELD + "/away")
@blueprint.post(HELD + "/away")
@access.public
def away(order, token):
    """The buyer comes back without having paid, or wants to pay another way."""
    order = holds.find(order, token)
    with inside(order.organization_id):
        attempts.go_back(order.id)
    return redirect(holds.address(order), 303)


@blueprint.post("/api/webhooks/<provider>")
@blueprint.post("/webhooks/tickets/<provider>")
@blueprint.post("/webhooks/tickets/<provider>/<account>")
@unlimited
@declared(Described("Events of an account that tickets are paid to, with their signature", RECEIVED))
@access.provider
def take(provider, account=""):
    """Kept raw once the signature is checked, and worked off after."""
    if provider not in providers.MODULES:
        raise NotFound("There is no such provider.")
    try:
        attempts.take(provider, account[:40], request.get_data(cache=False), dict(request.headers))
    except BadSignature as bad:
        raise Refused(str(bad), "INVALID_INPUT", 400) from bad
    except NotOurs as other:
        raise Refused("No such account is connected here.", "NOT_FOUND", 404) from other
    return Response(b'{"received": true}', content_type="application/json")
