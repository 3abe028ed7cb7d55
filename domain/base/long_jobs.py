"""Long work as a row: asked for once, done by a job, told with a figure that survives a reload and a kill.

Whoever takes a piece of work up signs it and holds it for a while, longer with each progress; an earlier taker
who still says something after that meets TakenOver, and what it wrote beside it is undone. `worker` makes of a
piece the job that does it: how work is taken up, put off, given up and ended is said here and nowhere else.
"""

import functools
import hashlib
import logging
import os
import secrets
import threading
import time
from contextlib import nullcontext, suppress
from datetime import timedelta

from database.clock import now
from database.columns import public_id
from database.compiled import Compiled
from database.parameters import parameter
from database.scope import inside
from database.transactions import wake, writes
from domain import Refused
from models import LongJob

log = logging.getLogger("guildhall.long_jobs")

HOLD = timedelta(minutes=1)  # without progress; then its taker counts as dead
LATER = timedelta(minutes=1)  # until what couldn't be done is tried again
TOLD_EVERY = 0.3  # seconds between two words about how far it is
MOST = 3  # times that work is taken up again after it was cut off
CUT_OFF = "It was cut off several times. Look at the server's log before you try again."
_PROCESS = secrets.token_hex(8)


class TakenOver(Exception):
    """The work isn't its taker's any more: another goes on with it, or something newer made it pointless."""


def worker(kind, *, before=None, waits=(), gives_up=None, place=None):
    """Make of `piece(job)` the function that does work of a kind, for the calendar: it takes the oldest up, standing in
    the organization that its facts name or that `place(job)` says. It returns what the piece does, 1 where that says
    nothing, 0 when nothing was asked for; what is to be done `before` looks at the work is done first.

    A piece notes how far it is with `progress` and the end with `finish`. What it refuses with ends the work, as does
    that it was cut off again and again: `gives_up(job, sentence)` finishes it then where that takes more than to note
    the sentence. After an exception of `waits` it is tried again LATER.
    """

    def made(piece):
        def is_due():
            if before:
                before()
            return bool(_any_open(kind=kind))

        @functools.wraps(piece)
        def work():
            job = claim(kind) if is_due() else None
            if job is None:
                return 0
            with suppress(TakenOver), _standing(place(job) if place else job.facts.get("organization")):
                try:
                    if job.attempts > MOST:
                        raise Refused(CUT_OFF)
                    return piece(job) or 1
                except waits:
                    log.warning("long work waits", extra={"kind": kind, "job": job.id}, exc_info=True)
                    put_off(job, LATER)
                except Refused as refusal:
                    (gives_up or _fail)(job, refusal.sentence)
            return 1

        work.is_due = is_due  # type: ignore[attr-defined]
        return work

    return made


def _standing(organization):
    return inside(organization) if organization else nullcontext()


def _fail(job, sentence):
    finish(job, error=sentence)


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
    """Take up the oldest open work of a kind that nobody else holds, for `worker`; None when there is none.
    Of two who ask at once, or while another thread or process is at it, one gets it. What a thread left
    half done it may take up again at once, for its next batch."""
    me = f"{os.getpid()}:{threading.get_native_id()}"
    return _claim(kind, hashlib.sha256((_PROCESS + me).encode()).hexdigest()[:12])


@writes
def _claim(kind, me):
    unheld = LongJob.held_until_at.is_null() | (LongJob.held_until_at < now()) | LongJob.taker.startswith(me)
    row = LongJob.select().where(*_open(kind), unheld).order_by(LongJob.id).first()
    if row is None:
        return None
    signed = {"taker": f"{me}:{public_id()}", "held_until_at": now() + HOLD}
    take = LongJob.update(status="running", attempts=row.attempts + 1, **signed)
    if not take.where(LongJob.id == row.id, *_open(kind), unheld).execute():
        return None  # another process got there first
    return LongJob.get_by_id(row.id)


@writes
def put_off(row, span):
    """Give work back that can't be done yet, for at least a while. Refuses with TakenOver."""
    _put(row, status="waiting", taker=None, attempts=0, held_until_at=now() + span)


@writes
def progress(row, done, *, lasting=False, **facts):
    """Note how far it is. Refuses with TakenOver.
    `lasting`: what was done stays done, so the next taker goes on from here and not from the beginning."""
    row.done, row.facts = done, row.facts | facts
    _put(row, done=done, facts=row.facts, held_until_at=now() + HOLD, **({"attempts": 0} if lasting else {}))


def note(row, facts):
    """Note something of work that is over, in the present transaction."""
    LongJob.update(facts=facts).where(LongJob.id == row.id).execute()


def telling(row):
    """A function to call with how far it is, as often as one likes: it is noted a few times a second. It refuses with
    TakenOver."""
    told = time.monotonic()

    def onward(done):
        nonlocal told
        if time.monotonic() - told >= TOLD_EVERY:
            told = time.monotonic()
            progress(row, done)

    return onward


@writes
def finish(row, *, error=None, **facts):
    """The work is over. Refuses with TakenOver."""
    row.status = "failed" if error else "done"
    _put(row, status=row.status, facts=row.facts | facts, error=error and error[:500], finished_at=now())


def _open(kind):
    return LongJob.kind == kind, LongJob.status.in_(("waiting", "running"))


_any_open = Compiled(lambda: LongJob.select(LongJob.id).where(*_open(parameter("kind"))).limit(1))


def _put(row, **values):
    mine = LongJob.id == row.id, LongJob.taker == row.taker, LongJob.status.in_(("waiting", "running"))
    if not LongJob.update(**values).where(*mine).execute():
        raise TakenOver
