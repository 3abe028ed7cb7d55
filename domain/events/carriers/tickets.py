"""A pass as a wallet shows it, made of its rows."""

from datetime import timedelta

from domain import Refused
from domain.base import configuration
from domain.events import passes
from domain.events.carriers import wallets


def in_wallet(one):
    """What `wallets` makes a pass of. Refuses where the pass isn't good: such a one has no code."""
    if one.state != "active":
        raise Refused("This pass isn't good any more, so it has no code.", "PASS_VOID")
    event = one.event
    return wallets.Pass(
        serial=one.serial,
        code=passes.code(one),
        event=event.id,
        title=event.title,
        organization=event.organization.name,
        tier=one.tier.name,
        holder=one.holder or "",
        place=event.venue or event.online_url or "",
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        doors_at=event.starts_at - timedelta(minutes=event.door_minutes),
        zone=event.timezone,
        address=configuration.active.site_url + passes.address(one),
    )
