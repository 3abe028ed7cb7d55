"""All that names a person, as one file for them: their account whole, and of organizations' rows which name them, where
and as what; what they wrote or bought themselves comes along word by word. A job makes it."""

import json
import secrets
import zipfile
from datetime import timedelta

from peewee import ForeignKeyField

from database.clock import now
from database.scope import everywhere
from database.transactions import writes
from domain import NotFound, Refused
from domain.base import audit, configuration, long_jobs, stepup
from domain.operations.moving import row_lines
from models import (
    TABLES,
    Comment,
    Flyer,
    Invitation,
    LongJob,
    Owned,
    PassTransfer,
    Place,
    TicketOrder,
    User,
)

JOB = "personal_export"
KEPT = timedelta(days=7)
THEIRS = (Comment, Flyer, Invitation, PassTransfer, Place, TicketOrder)  # of organizations, and said by them
ADDRESSES = ("email_norm", "email", "recipient", "actor_email")
OPENS = ("hash", "secret", "salt", "token", "key", "sealed", "credential", "totp", "payload", "code")


def path(job):
    """Where the file lies. Refuses with NotFound once its days are over."""
    where = _place(job)
    if job.status != "done" or job.finished_at < now() - KEPT or not where.exists():
        raise NotFound("This file isn't kept any more. Have it made once more.")
    return where


def _place(job):
    return configuration.active.data / "archives" / f"{job.facts['key']}.zip"


@writes
def ask(user):
    """Have the file made, after step-up L3. Refuses while one is being made."""
    stepup.demand("account.export")
    job = long_jobs.begin(JOB, str(user.id), by=user, total=len(TABLES), key=secrets.token_hex(16))
    if job is None:
        raise Refused("Your file is being made already. Wait until it is there.")
    audit.record("auth.user.exported", "Asked for all that names them", by=user, target=user)
    return job


def newest(user):
    """The file that they asked for last, or None."""
    return long_jobs.newest(JOB, str(user.id))


def work():
    """Make the file that was asked for; returns 1, or 0 when there is none."""
    for old in LongJob.select().where(LongJob.kind == JOB, LongJob.finished_at < now() - KEPT).limit(20):
        _place(old).unlink(missing_ok=True)
    job = long_jobs.claim(JOB)
    if job is None:
        return 0
    half = _place(job).with_suffix(".part")
    half.parent.mkdir(parents=True, exist_ok=True)
    try:
        with everywhere("what names a person may be in any organization"):
            _make(half, job, User.get_by_id(int(job.subject)))
        half.replace(_place(job))
        _finish(job)
    finally:
        half.unlink(missing_ok=True)
    return 1


@writes
def _finish(job):
    long_jobs.finish(job)


def _make(half, job, user):
    onward = long_jobs.telling(job)
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as out:
        for done, table in enumerate(TABLES):
            onward(done)
            if told := [_about(row, names) for row, names in _naming(table, user)]:
                out.writestr(f"{row_lines.name_of(table)}.json", json.dumps(told, ensure_ascii=False, indent=1))


def _naming(table, user):
    """(row, the fields in which it names them)."""
    found = {}
    for field in table._meta.sorted_fields:
        if isinstance(field, ForeignKeyField):
            if field.rel_model is not User:
                continue
            is_theirs = field == user
        elif field.name in ADDRESSES:
            is_theirs = field.in_([user.email, user.email_norm])
        elif table is User and field.name == "id":
            is_theirs = field == user.id
        else:
            continue
        for row in table.select().where(is_theirs).order_by(table.id).iterator():
            found.setdefault(row.id, (row, []))[1].append(field.name)
    return found.values()


def _about(row, names):
    """A row as they may have it: nothing that opens anything, and what is others' only by its number."""
    told = json.loads(row_lines.written(row))
    if isinstance(row, Owned) and type(row) not in THEIRS:
        return {"organization": told["organization"], "row": told["id"], "names you as": names} | {
            "made_at": told["created_at"]
        }
    return {name: value for name, value in told.items() if not any(word in name for word in OPENS)}
