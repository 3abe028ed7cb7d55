"""What is removed, and when. Each call is one bounded batch; the runner goes on while there is a backlog."""

from domain.backers import backer_imports
from domain.base import audit, changes, notices, retention, settings, tokens
from domain.organizations import invitations, transfers
from domain.people import people, proofs, sessions

BATCH = 200


def expired():
    old = (tokens.prune, sessions.prune, proofs.prune, people.end_lapsed, backer_imports.prune)
    return sum(prune(BATCH) for prune in old)


def lapsed():
    return invitations.expire(BATCH) + transfers.expire(BATCH)


def notifications():
    return notices.prune(BATCH)


def audit_log():
    return audit.prune(BATCH, settings.get("audit_retention_days"))


def history():
    return changes.prune(BATCH)


def settled():
    return retention.prune(BATCH)
