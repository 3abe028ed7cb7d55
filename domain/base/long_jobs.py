"""Long work as a row: asked for once, done by a job, told with a figure that survives a reload and a kill.

Whoever takes a piece of work up signs it and holds it for a while, longer with each progress; what an
earlier taker still says after that is not heard.
"""

import hashlib
import os
import secrets
import threading
import time
from datetime import timedelta

from database.clock import now
from database.columns import public_id
from database.compiled import Compiled
from database.parameters import parameter
from database.transactions import wake, writes
from models import LongJob

HOLD = timedelta(minutes=1)  # without progress; then its taker counts as dead
TOLD_EVERY = 0.3  # seconds between two words about how far it is
MOST = 3  # times that work is taken up again after it was cut off
_PROCESS = secrets.token_hex(8)


def begin(kind, subject="", *, by=None, total=None, **facts):
    """Ask for work, in the present transaction; returns its row, or None when the same is open already."""
    row = {"kind": kind, "subject": subject, "asked_by": by, "total": total, "facts": facts}
    if not LongJob.insert(**row).on_conflict_ignore().as_rowcount().execute():
        return None
    wake(kind)
    return newest(kind, subject)


def newest(kind, subject=""):
    """The row that was asked for last, open or over; None when there was never one."""
    return LongJob.select().where(LongJob.kind == kind, LongJob.subject == subject).order_by(LongJob.id.desc()).first()


def runs(kind, limit):
    """The newest of this kind, the newest first; the first may still run."""
    return list(LongJob.select().where(LongJob.kind == kind).order_by(LongJob.id.desc()).limit(limit))


def all_open():
    """Whatever is asked for and not over, of all kinds."""
    return list(LongJob.select().where(LongJob.status.in_(("waiting", "running"))))


def replace(kind, subject=""):
    """Close what is open of this, because something newer makes it pointless. In the present transaction."""
    LongJob.update(status="replaced", finished_at=now()).where(*_open(kind), LongJob.subject == subject).execute()


def claim(kind):
    """Take up the oldest open work of a kind that nobody else holds; None when there is none.
    Of two who ask at once, or while another thread or process is at it, one gets it. What a thread left
    half done it may take up again at once, for its next batch."""
    if not _any_open(kind=kind):  # most often, and no reason to write
        return None
    me = f"{os.getpid()}:{threading.get_native_id()}"
    return _claim(kind, hashlib.sha256((_PROCESS + me).encode()).hexdigest()[:12])


@writes
def _claim(kind, me):
    unheld = LongJob.held_until_at.is_null() | (LongJob.held_until_at < now()) | LongJob.taker.startswith(me)
    row = LongJob.select().where(*_open(kind), unheld).order_by(LongJob.id).first()
    if row is None:
        return None
    if row.attempts >= MOST:
        finish(row, error="It was cut off several times. Look at the server's log before you try again.")
        return None
    signed = {"taker": f"{me}:{public_id()}", "held_until_at": now() + HOLD}
    take = LongJob.update(status="running", attempts=row.attempts + 1, **signed)
    if not take.where(LongJob.id == row.id, *_open(kind), unheld).execute():
        return None  # another process got there first
    return LongJob.get_by_id(row.id)


def put_off(row, span):
    """Give work back that can't be done yet, for at least a while; in the present transaction."""
    later = LongJob.update(status="waiting", taker=None, attempts=0, held_until_at=now() + span)
    later.where(*_mine(row)).execute()


def progress(row, done, *, lasting=False, **facts):
    """Note how far it is, in the present transaction; False when the work isn't the taker's any more.
    `lasting`: what was done stays done, so the next taker goes on from here and not from the beginning."""
    row.done, row.facts = done, row.facts | facts
    values = {"done": done, "facts": row.facts, "held_until_at": now() + HOLD} | ({"attempts": 0} if lasting else {})
    return bool(LongJob.update(**values).where(*_mine(row)).execute())


def note(row, facts):
    """Note something of work that is over, in the present transaction."""
    LongJob.update(facts=facts).where(LongJob.id == row.id).execute()


def telling(row):
    """A function to call with how far it is, as often as one likes: it is noted a few times a second, in a transaction
    of its own. It returns False when the work isn't the taker's any more."""
    told = time.monotonic()
    note = writes(progress)

    def onward(done):
        nonlocal told
        if time.monotonic() - told < TOLD_EVERY:
            return True
        told = time.monotonic()
        return note(row, done)

    return onward


def finish(row, *, error=None, **facts):
    """The work is over, in the present transaction; False when it isn't the taker's any more."""
    over = {"status": "failed" if error else "done", "error": error and error[:500], "finished_at": now()}
    return bool(LongJob.update(facts=row.facts | facts, **over).where(*_mine(row)).execute())


def _open(kind):
    return LongJob.kind == kind, LongJob.status.in_(("waiting", "running"))


_any_open = Compiled(lambda: LongJob.select(LongJob.id).where(*_open(parameter("kind"))).limit(1))


def _mine(row):
    return LongJob.id == row.id, LongJob.taker == row.taker, LongJob.status.in_(("waiting", "running"))
