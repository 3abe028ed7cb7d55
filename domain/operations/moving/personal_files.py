"""All that names a person, as one file for them: their account whole, and of organizations' rows which name them, where
and as what; what they wrote or bought themselves comes along word by word. A job makes it."""

import json

from peewee import ForeignKeyField

from database.clock import now
from database.scope import everywhere
from database.transactions import writes
from domain import Refused
from domain.base import audit, long_jobs, stepup
from domain.files import made_files
from domain.operations.moving import row_lines
from domain.organizations import faces
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
THEIRS = (Comment, Flyer, Invitation, PassTransfer, Place, TicketOrder)  # of organizations, and said by them
ADDRESSES = ("email_norm", "email", "recipient", "actor_email", "reply_to")
OPENS = ("hash", "secret", "salt", "token", "key", "sealed", "credential", "totp", "payload", "code")


@writes
def ask(user):
    """Have the file made, after step-up L3. Refuses while one is being made."""
    stepup.demand("account.export")
    job = long_jobs.begin(JOB, str(user.id), by=user, total=len(TABLES), key=made_files.new_key())
    if job is None:
        raise Refused("Your file is being made already. Wait until it is there.")
    audit.record("auth.user.exported", "Asked for all that names them", by=user, target=user)
    return job


def newest(user):
    """The file that they asked for last, or None."""
    return long_jobs.newest(JOB, str(user.id))


def _drop_old():
    """The file of somebody whose account was closed meanwhile names them, so it goes with it."""
    made_files.drop_old(JOB)
    theirs = LongJob.select(LongJob, User).join(User).where(LongJob.kind == JOB, User.status == "deleted")
    for job in theirs.where(LongJob.finished_at > now() - made_files.KEPT):
        made_files.place(job).unlink(missing_ok=True)


@long_jobs.worker(JOB, before=_drop_old)
def work(job):
    """Make the file that was asked for."""
    user, onward = User.get_by_id(int(job.subject)), long_jobs.telling(job)
    if user.status == "deleted":
        raise Refused("Their account was closed.")
    with everywhere("what names a person may be in any organization"), made_files.being_made(job) as out:
        for done, table in enumerate(TABLES):
            onward(done)
            if told := [_about(row, names) for row, names in _naming(table, user)]:
                out.writestr(f"{row_lines.name_of(table)}.json", json.dumps(told, ensure_ascii=False, indent=1))
        if user.profile.avatar_url:
            out.writestr("picture.webp", faces.content(user.public_id, user)[1])
    long_jobs.finish(job)


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
