"""One run of a job: its lease and heartbeat, its batches, its end; and the threads that runs have of their own."""

import logging
import os
import secrets
import socket
import threading
from contextlib import suppress
from datetime import timedelta

from database.clock import now
from database.connections import database
from database.moving import freezing
from database.troubles import Unavailable
from database.waking import wakes
from domain.operations.runs import leases

log = logging.getLogger("guildhall.jobs")

HEARTBEAT = 15  # seconds
LOOKS = 3  # at once: the clock wakes thirty lanes in one moment, and each look takes a connection
LONGEST = timedelta(minutes=10)  # a run with a backlog ends then; the next tick goes on

PLACE, START = socket.gethostname()[:40], secrets.token_hex(4)

_looks = threading.BoundedSemaphore(LOOKS)
is_ending = threading.Event()  # this process is told to stop: each run ends after the batch it is at


def take(name, trigger, *, by=None, key=None):
    """The job's lease for the present thread, as domain/operations/runs/leases.py says, or None."""
    return leases.take(name, _owner(), trigger, by=by, key=key)


def _owner():
    """The present thread, as no other: processes that were forked from one have threads of the same numbers."""
    return f"{PLACE}:{os.getpid()}:{START}:{threading.get_ident()}"


def is_due(job):
    """Whether the job may find something; asked before its lease is taken, of a few at once."""
    with _looks:
        try:
            return job.is_due()
        finally:
            database.close()


def work(job, taken, *, quiet=False):
    """Do what was taken, batch by batch, until nothing is left, it is told to stop, or the lease is lost; returns how
    many it did."""
    affected, error, is_cut = 0, None, False
    heart = Heart(taken)
    try:
        with leases.fenced(taken):
            while done := job.work():
                affected += done
                is_cut = is_ending.is_set() and not job.once
                if job.once or now() - taken.started_at > LONGEST or is_cut or _is_to_stop(taken, heart):
                    break
    except Exception as failure:
        error = failure
        log.exception("a job failed", extra={"job": job.name})
    finally:
        heart.rest()
        leaves_no_trace = quiet and not affected and error is None
        leases.end(taken, affected, error, label=job.label, leaves_no_trace=leaves_no_trace, is_cut=is_cut)
        database.close()
    return affected


def _is_to_stop(taken, heart):
    return heart.is_lost or leases.is_to_stop(taken)


class Heart:
    """A thread that holds on to a lease; `is_lost` once it is another's, or couldn't be held twice in a row."""

    def __init__(self, taken):
        self.taken, self.is_lost, self._over = taken, False, threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def _beat(self):
        missed = 0
        while not self._over.wait(HEARTBEAT):
            held = None
            with suppress(Unavailable):  # the next beat may find the database again, before the lease is over
                held = leases.hold(self.taken)
            missed = 0 if held else missed + 1
            if held is False or missed > 1:
                self.is_lost = True
                log.error("a lease was lost", extra={"job": self.taken.job})

    def rest(self):
        """It is over."""
        self._over.set()
        self._thread.join(10)  # seconds: one that still writes must not meet what closes next


class Lane:
    """A job that is woken: one thread, which sleeps until a commit has left something for it."""

    def __init__(self, job):
        self.job, self.bell, self.over = job, threading.Event(), False
        self.thread = threading.Thread(target=self._live, name=f"lane-{job.name}", daemon=True)
        wakes.on_wake(job.woken_by, self.bell.set, is_worked=True)
        self.thread.start()

    def _live(self):
        while not self.over:
            self.bell.wait()
            self.bell.clear()
            if self.over:
                return
            if freezing.is_frozen():  # the database moves: what is due is asked of the new one
                continue
            try:
                if not is_due(self.job):
                    continue
                taken = take(self.job.name, "woken")
                if taken is not None:
                    work(self.job, taken, quiet=True)
                elif not self.over:
                    # Another process holds it; it may have looked before our commit. Look again soon.
                    threading.Timer(0.3, self.bell.set).start()
            except Exception:
                log.exception("a lane failed", extra={"job": self.job.name})
            finally:
                database.close()

    def end(self):
        """Let what is running finish, and sleep no more."""
        self.over = True
        self.bell.set()
        self.thread.join(20)
        wakes.let_sleep(self.job.woken_by, self.bell.set)


# --- begun from outside --------------------------------------------------------------------------------------

_aside: list = []


def begin_aside(job, key):
    """Begin a job in a thread of its own: (the number of its run, None), or (None, since when it runs already).
    The same key finds the same run. Refuses with Unavailable."""
    found, is_known = [], threading.Event()

    def live():
        try:
            found.append(take(job.name, "cron", key=key))
        finally:
            is_known.set()
        if found[0] is not None and found[0].is_new:
            work(job, found[0])
        database.close()

    thread = threading.Thread(target=live, name=f"cron-{job.name}", daemon=True)
    thread.start()
    _aside[:] = [*(one for one in _aside if one.is_alive()), thread]
    is_known.wait()
    if not found:
        raise Unavailable("The job couldn't be begun. Nothing was done; ask again.")
    if found[0] is not None:
        return found[0].run, None
    since = leases.running().get(job.name)
    return None, since.started_at if since else now()


def join_aside():
    """Let what was begun from outside finish the batch it is at."""
    for thread in _aside:
        thread.join(20)
