"""What whoever deploys tells of a deployment: Railway's webhooks, their older form, and a plain one of our own.

Railway signs nothing and repeats what it likes in any order. So a state is a rank that never goes back; what each has
told is kept as it came. https://docs.railway.com/observability/webhooks
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Invalid
from domain.base import audit
from models import Release, WebhookEvent

CHANNEL = "railway"
KEPT = 50  # tellings of one deployment

# What is told → how it stands here. The parts of a type that Railway's documentation and its GraphQL have; what isn't
# among them is kept and moves nothing.
STATES = {
    **dict.fromkeys(("queued", "waiting", "needs_approval"), "queued"),
    "initializing": "initializing",
    "building": "building",
    "deploying": "deploying",
    **dict.fromkeys(("success", "active", "completed", "deployed", "sleeping", "slept"), "success"),
    "failed": "failed",
    **dict.fromkeys(("crashed", "oom_killed"), "crashed"),
    **dict.fromkeys(("removing", "removed"), "removed"),
}
RANKS = {
    "unknown": -1,
    **{state: rank for rank, state in enumerate(("queued", "initializing", "building", "deploying", "success"))},
    **{"failed": 5, "crashed": 5, "removed": 6},
}
MOST = {"deployment_id": 120, "service": 120, "environment": 120, "branch": 200, "commit_sha": 80}
MOST |= {"commit_message": 2000, "commit_author": 200, "url": 500}


@dataclass(frozen=True)
class Told:
    """One telling: of which deployment ("" for an alert about something else), how it stands, when, and what else."""

    deployment_id: str
    state: str
    said: str
    type: str
    at: datetime
    is_ephemeral: bool = False
    severity: str = ""
    about: dict = field(default_factory=dict)


def read(told):
    """What a body tells. Refuses with Invalid what names nothing."""
    if not isinstance(told, dict):
        raise Invalid({"body": "Send a JSON object."})
    if "deployment_id" in told:
        return _plain(told)
    details, resource = _part(told, "details"), _part(told, "resource")
    place = resource or told
    deployment, environment = _part(place, "deployment"), _part(place, "environment")
    type = _text(told.get("type"), 80)
    said = _text(details.get("status") or told.get("status"), 60)
    id = _text(deployment.get("id"), 120) or (_text(details.get("id"), 120) if _is_of_deployment(type) else "")
    if not (id or type):
        raise Invalid({"deployment_id": "Say which deployment it is."})
    about = {
        "service": _part(place, "service").get("name"),
        "environment": environment.get("name"),
        "branch": details.get("branch"),
        "commit_sha": details.get("commitHash"),
        "commit_message": details.get("commitMessage"),
        "commit_author": details.get("commitAuthor"),
        "url": details.get("url"),
    }
    state = STATES.get(type.rpartition(".")[2].lower()) or STATES.get(said.lower(), "unknown")
    ephemeral, severity = environment.get("isEphemeral") is True, _text(told.get("severity"), 20)
    return Told(id, state, said or type, type, _moment(told.get("timestamp")), ephemeral, severity, _texts(about))


def _plain(told):
    """Our own form, for CI and hooks: {"deployment_id", "status", "commit", "branch", "author", "message", …}."""
    id, said = _text(told["deployment_id"], 120), _text(told.get("status"), 60)
    wrong = {"deployment_id": "Say which deployment it is."} if not id else {}
    if wrong := wrong | ({} if said else {"status": "Say how it stands, such as success."}):
        raise Invalid(wrong)
    names = {"commit_sha": "commit", "commit_author": "author", "commit_message": "message"}
    about = {name: told.get(names.get(name, name)) for name in MOST if name != "deployment_id"}
    state, ephemeral = STATES.get(said.lower(), "unknown"), told.get("ephemeral") is True
    return Told(id, state, said, "", _moment(told.get("at")), ephemeral, "", _texts(about))


def _is_of_deployment(type):
    return type.lower().startswith("deploy")


def _part(whole, name):
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any, most):
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", str(value)).strip()[:most]


def _texts(about):
    return {name: found for name, value in about.items() if (found := _text(value, MOST[name]))}


def _moment(text):
    """When it happened; the present for what can't be read, and for what is still to come."""
    try:
        at = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return now()
    return at if now() - timedelta(days=3650) < at <= now() + timedelta(minutes=5) else now()


# --- keeping it ---------------------------------------------------------------------------------------------


@writes
def take_in(told, body):
    """Keep what was told, and move the deployment if that is news; returns its Release, or None for an alert that is
    about no deployment. The same body again changes nothing, and neither does what comes late."""
    WebhookEvent.insert(
        channel=CHANNEL,
        event_id=hashlib.sha256(body).hexdigest(),
        type=told.type or f"deployment.{told.state}",
        subject=told.deployment_id,
        payload=body,
        happened_at=told.at,
        status="ignored",
    ).on_conflict_ignore().execute()
    if not told.deployment_id:
        return None
    lock("releases", told.deployment_id)
    fresh = {"deployment_id": told.deployment_id, "is_ephemeral": told.is_ephemeral}
    Release.insert(**fresh, **told.about, began_at=told.at, happened_at=told.at).on_conflict_ignore().execute()
    row = Release.get(Release.deployment_id == told.deployment_id)
    _fill(row, told)
    if _move(row, told):
        audit.record(
            "releases.ingested",
            f"{told.about.get('service') or row.service or 'A deployment'}: {told.state}",
            target=row,
            deployment=told.deployment_id,
        )
    return Release.get_by_id(row.id)


def _fill(row, told):
    """What wasn't known of it before; of moments the first, and how each telling went."""
    values = {name: value for name, value in told.about.items() if not getattr(row, name)}
    one = {"at": told.at.isoformat(), "said": told.said, "type": told.type, "severity": told.severity}
    if one not in row.events:
        values["events"] = sorted([*row.events, one], key=lambda event: event["at"])[-KEPT:]
    if told.at < row.began_at:
        values["began_at"] = told.at
    if told.state == "success" and (row.succeeded_at is None or told.at < row.succeeded_at):
        values["succeeded_at"] = told.at
    if told.is_ephemeral:
        values["is_ephemeral"] = True
    if values:
        Release.update(**values).where(Release.id == row.id).execute()


def _move(row, told):
    """Its state, unless it came further already; of two of one rank the later stands."""
    rank = RANKS[told.state]
    is_news = (Release.rank < rank) | ((Release.rank == rank) & (Release.happened_at < told.at))
    values = {"status": told.state, "rank": rank, "said": told.said, "happened_at": told.at}
    return bool(Release.update(**values).where(Release.id == row.id, is_news).execute())


def current(environment=None):
    """environment → its newest release, by when it began, that runs and wasn't rolled back."""
    rows = Release.select().where(Release.status == "success", Release.rolled_back_at.is_null())
    found = {}
    for row in rows.order_by(Release.began_at, Release.id):
        found[row.environment, row.service] = row
    return found


def alerts(since):
    """What was told since a moment that is about no deployment, such as a volume that fills."""
    return list(
        WebhookEvent.select()
        .where(WebhookEvent.channel == CHANNEL, WebhookEvent.subject == "", WebhookEvent.created_at > since)
        .order_by(WebhookEvent.id.desc())
        .limit(20)
    )
