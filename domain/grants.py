"""What an organization may use: the union of its active grants, whatever they came from (A4.4-5)."""

from domain import providers
from domain.plans import FREE, PLANS
from models import Compiled, Grant, now, slot

_active = Compiled(
    lambda: (
        Grant.select(Grant.plan_key, Grant.capability)
        .where(Grant.revoked_at.is_null(), Grant.expires_at.is_null() | (Grant.expires_at > slot("moment")))
        .limit(200)
    )
)


def active():
    """(plan, capability) of every active grant of the organization one stands in."""
    return _active(moment=Grant.expires_at.db_value(now()))


def capabilities():
    """What the organization one stands in may use."""
    return {capability for _, capability in active()}


def plan():
    """The plan of the organization one stands in; None where billing isn't set up (no badge then)."""
    if not providers.is_configured():
        return None
    keys = {key for key, _ in active()}
    return next((PLANS[key] for key in reversed(PLANS) if key in keys), FREE)


def includes(capability):
    """Whether the organization may use it. Where no plans are sold, everybody may: nobody could buy it."""
    return not providers.is_configured() or capability in capabilities()


def seats():
    """How many members the plan has room for; None when there is no limit (A4.3-3)."""
    if includes("workspace.members.limit.unlimited"):
        return None
    return 10 if "workspace.members.limit.10" in capabilities() else 0


def revoke_all(reason):
    """Take back every active grant of the organization one stands in; returns how many."""
    return Grant.update(revoked_at=now(), revoke_reason=reason).where(Grant.revoked_at.is_null()).execute()
