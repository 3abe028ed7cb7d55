"""Feature flags: whether something is on for an organization. Admins set them among the settings."""

import hashlib
import logging

from database.clock import now
from domain.base import settings
from domain.base.flags.rollouts import FLAGS, setting_of

log = logging.getLogger("guildhall.flags")


BY_NAME = {flag.name: flag for flag in FLAGS}


def is_on(name, organization=None):
    """Whether the flag is on for an organization; without one, whether it is on for all. One that nobody declared is
    off, with a warning in the log."""
    flag = BY_NAME.get(name)
    if flag is None:
        log.warning("an unknown flag is off", extra={"flag": name})
        return False
    value = settings.get(setting_of(name))
    if organization is None:
        return value["percent"] == 100
    return organization.id in value.get("organizations", ()) or bucket(flag, organization) < value["percent"]


def bucket(flag, organization):
    """A number from 0 to 99 that the flag and the organization always have."""
    digest = hashlib.sha256(f"{flag.id}:{organization.id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100


def overdue():
    """(flag, the day) of those whose day is over: somebody wanted to decide by then."""
    today = now().date().isoformat()
    held = [(flag, settings.get(setting_of(flag.name)).get("until")) for flag in FLAGS]
    return [(flag, until) for flag, until in held if until and until < today]
