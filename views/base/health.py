"""For machines that watch: is it well."""

import json
import logging

from flask import Blueprint, Response

from database import housekeeping, troubles
from database.clock import now
from database.moving import freezing
from database.transactions import writes
from domain.base import configuration
from domain.operations.copies import copies
from models import Lease
from views import access
from views.machines.operations import Described, declared
from views.machines.schemas import BOOLEAN, obj
from views.safety import bearers
from views.safety.marks import by_any_name, unlimited

blueprint = Blueprint("health", __name__)
log = logging.getLogger("guildhall.health")
HEALTH = Described(
    "Whether it is well; with METRICS_TOKEN also how old the newest proven copy is", obj({"ok": BOOLEAN})
)


@writes
def _write():
    """A real write, committed: a stuck writer shows here. It is so small that it may pass where others don't, so
    that others failed within half a minute and that the disk is all but full is asked too."""
    Lease.insert(job="health", owner="", until_at=now()).on_conflict(
        conflict_target=[Lease.job], update={Lease.until_at: now()}
    ).execute()


@blueprint.get("/health")
@blueprint.get("/api/health")
@by_any_name
@unlimited
@declared(HEALTH)
@access.public
def health():
    try:
        if not freezing.is_frozen():  # reading goes on, and whoever watches must not end it
            _write()
        is_well = housekeeping.has_room(configuration.active.database_url) and not troubles.is_recent()
    except Exception:  # whatever it is, the answer is «not well»; it tells strangers nothing more
        log.exception("not well")
        is_well = False
    if not is_well:
        return Response(json.dumps({"ok": False}), 503, content_type="application/json")
    told = {"ok": True} | ({"backup": copies.ages()} if _is_keeper() else {})
    return Response(json.dumps(told), content_type="application/json")


def _is_keeper():
    """Whether who asks shows METRICS_TOKEN; one that is old must not restart anything, so it is told them alone."""
    return bearers.is_shown(configuration.active.metrics_token)
