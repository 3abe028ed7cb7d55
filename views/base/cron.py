"""Jobs begun from outside: for schedulers that can only call an address, and don't wait for an answer."""

import hashlib

from flask import Blueprint, jsonify, request

import jobs
from database.clock import now
from domain.base import configuration
from views import access
from views.safety import bearers
from views.safety.marks import by_any_name

blueprint = Blueprint("cron", __name__)


@blueprint.get("/cron/<job>")  # some schedulers can only GET
@blueprint.post("/cron/<job>")
@by_any_name
@access.machine
def begin(job):
    """202 with the number of its run, or 200 with since when it runs already. Who asks again with the same
    Idempotency-Key, or within the same minute, gets the same run."""
    bearers.demand("CRON_TOKEN", *configuration.active.cron_token)
    run, since = jobs.begin_from_outside(job, _asked_key())
    answer = jsonify(run=run) if run else jsonify(running=since.isoformat(timespec="seconds"))
    answer.headers["Cache-Control"] = "no-store"
    return answer, 202 if run else 200


def _asked_key():
    if given := request.headers.get("Idempotency-Key", "").strip():
        return f"key:{hashlib.sha256(given.encode()).hexdigest()}"
    return f"minute:{now():%Y-%m-%dT%H:%M}"
