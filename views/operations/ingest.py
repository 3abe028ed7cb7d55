"""What whoever deploys tells of a deployment, at the address that system has always had."""

import json

from flask import Blueprint, jsonify, request

from domain import Invalid
from domain.base import configuration
from domain.operations.releases import deployments
from views import access
from views.safety import bearers
from views.safety.marks import by_any_name, unlimited

blueprint = Blueprint("ingest", __name__)


@blueprint.post("/railway/deployments/ingest")
@by_any_name
@unlimited
@access.machine
def take_in():
    """Opened by DEPLOYMENT_INGEST_TOKEN as a bearer, or in the address where only an address can be given: what it
    opens is this alone, and no log has a query."""
    given = request.args.get("token") if "Authorization" not in request.headers else None
    bearers.demand("DEPLOYMENT_INGEST_TOKEN", *configuration.active.deployment_ingest_token, given=given)
    body = request.get_data(cache=True)
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid({"body": "Send a JSON object."}) from None
    row = deployments.take_in(deployments.read(told), body)
    answer = {"release": row.id, "status": row.status} if row else {"release": None, "status": "kept"}
    return jsonify(answer)
