"""Files of organizations that staff brings by the browser: looked at on one page, asked for on the next."""

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

from database.clock import now
from database.transactions import writes
from domain import Invalid, NotFound
from domain.base import audit, configuration, stepup
from domain.operations.moving import arrivals, findings, packages

KEPT = timedelta(days=1)


def folder():
    """Where files lie that are looked at."""
    return configuration.active.data / "archives" / "brought"


def keep(stream):
    """Keep a file for a day, to be looked at; returns its SHA-256. Refuses with Invalid what is no such file."""
    folder().mkdir(parents=True, exist_ok=True)
    for old in folder().iterdir():
        if datetime.fromtimestamp(old.stat().st_mtime, UTC) < now() - KEPT:
            old.unlink()
    coming, hashed = folder() / f"coming-{secrets.token_hex(8)}", hashlib.sha256()
    try:
        with open(coming, "wb") as out:
            while piece := stream.read(1 << 20):
                hashed.update(piece)
                out.write(piece)
        packages.opened(coming)[0].close()
        coming.replace(folder() / hashed.hexdigest())
    finally:
        coming.unlink(missing_ok=True)
    return hashed.hexdigest()


def path(sha256):
    """Where a file lies that is looked at. Refuses with NotFound once its day is over."""
    found = folder() / sha256
    if not re.fullmatch("[0-9a-f]{64}", sha256) or not found.exists():
        raise NotFound("This file isn't kept any more. Bring it once more.")
    return found


def ask(sha256, slug, *, by):
    """Have a file brought in that was looked at, after step-up L3; `by` (a user) owns it then. Refuses with Invalid,
    with what stands in its way."""
    held = path(sha256)
    told = findings.look(held, slug)
    if told["findings"]:
        raise Invalid({"slug": " ".join(told["findings"])})
    job = arrivals.kept(held, lambda sha256: _ask(told, sha256, by))
    held.unlink(missing_ok=True)
    return job


@writes
def _ask(told, sha256, by):
    stepup.demand("admin.import_organization")
    audit.record("admin.import_asked", f"Asked for {told['name']} to be brought in", by=by, source=told["source"])
    return arrivals.start(told, sha256, by, False)
