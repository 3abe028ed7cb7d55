"""The honest log: who did what to whom, in the transaction of the change itself."""

import contextvars
import re
from datetime import timedelta

from domain.transactions import writes
from models import AuditEvent, now

CATEGORIES = ("auth", "organization", "member", "billing", "security", "admin", "system")
_SECRET = re.compile(r"password|secret|token|code|hash|cookie|key$", re.I)

# Where the present act comes from: views fill it in, jobs leave it empty.
origin: contextvars.ContextVar = contextvars.ContextVar("origin", default=None)


def record(action, summary, *, by=None, organization=None, target=None, result="success", category=None, **facts):
    """Write one event. `action` is `noun.verb` past tense; `facts` are flat and are redacted by name.

    `target` is a row, or a pair (type, id) where there is none.
    """
    came = origin.get() or {}
    if target is not None and not isinstance(target, tuple):
        target = (type(target).__name__.lower(), target.id)
    AuditEvent.insert(
        category=category or action.split(".")[0],
        action=action,
        result=result,
        actor=by,
        actor_email=by.email if by else None,
        organization=organization,
        target_type=target[0] if target else None,
        target_id=str(target[1]) if target else None,
        summary=summary[:500],
        metadata={name: _redacted(name, value) for name, value in facts.items()},
        ip=came.get("ip"),
        request_id=came.get("request_id"),
    ).execute()


@writes
def deny(tried, code, *, by, organization=None):
    """A refused change, in a transaction of its own: what refused it has rolled its own back."""
    action = "organization.access_denied" if organization else "admin.access_denied"
    record(action, f"Denied: {tried}", by=by, organization=organization, result="denied", reason=code)


def _redacted(name, value):
    return "•••" if value is not None and _SECRET.search(name) else value


@writes
def prune(limit, days):
    """Remove events older than so many days, a batch at a time."""
    old = AuditEvent.select(AuditEvent.id).where(AuditEvent.at < now() - timedelta(days=days)).limit(limit)
    return AuditEvent.delete().where(AuditEvent.id.in_(old)).execute()
