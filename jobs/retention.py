"""What is removed, and when. Each call is one bounded batch; the runner goes on while there is a backlog."""

from domain import audit, changes, invitations, notices, people, proofs, sessions, settings, tokens, transfers, upkeep

BATCH = 200


def expired():
    return tokens.prune(BATCH) + sessions.prune(BATCH) + proofs.prune(BATCH) + people.end_lapsed(BATCH)


def lapsed():
    return invitations.expire(BATCH) + transfers.expire(BATCH)


def notifications():
    return notices.prune(BATCH)


def audit_log():
    return audit.prune(BATCH, settings.get("audit_retention_days"))


def history():
    return changes.prune(BATCH)


def settled():
    return upkeep.prune(BATCH)
