"""The write seam: the one place where a write transaction begins.

On SQLite one thread does all the writing. It takes what is waiting, runs each piece of work in its own
savepoint and commits the group once: first come, first served, and nobody fights for the lock. On
PostgreSQL the same decorator is an ordinary transaction. Why: docs/decisions/writer.md
"""

import contextlib
import contextvars
import functools
import itertools
import logging
import sqlite3
import threading
from collections import deque

import peewee

from database import troubles
from database.connections import BUSY, database
from database.moving import freezing
from database.scope import _scope, ask_fence, is_fenced
from database.waking import wakes

log = logging.getLogger("guildhall.writer")

GROUP = 128  # pieces to a commit: bounds what the last of them waits for
PATIENCE = 20  # seconds a caller waits for its piece to begin
IDLE = 30  # seconds without a write, after which the log is put into the file and cut

_piece: contextvars.ContextVar = contextvars.ContextVar("piece", default=None)


class WriterDown(Exception):
    """The change was not made: the writer is stopping, or died and is being replaced."""


class GaveUp(Exception):
    """The change was not made: it had to wait too long."""


class Piece:
    """One call of a public domain function, from its queueing to its commit."""

    __slots__ = (
        "args",
        "context",
        "done",
        "error",
        "function",
        "keep",
        "kwargs",
        "locks",
        "refusal",
        "result",
        "state",
        "together",
        "wakes",
    )

    def __init__(self, function, args, kwargs, keep=(), together=None):
        self.function, self.args, self.kwargs, self.keep = function, args, kwargs, keep
        self.together = together
        self.context = contextvars.copy_context()
        self.done = threading.Lock()
        self.done.acquire()
        self.result = self.error = self.refusal = None
        self.state = "waiting"
        self.wakes = set()
        self.locks = {}  # (matter, id) in the order they were taken: database/locks.py

    def run(self):
        _piece.set(self)
        self.locks.clear()
        ask_fence()
        try:
            self.result = self.function(*self.args, **self.kwargs)
        except self.keep as refusal:
            self.refusal = refusal

    def run_all(self, pieces):
        """The results of as many of the pieces, this one first, as can be had together."""
        _piece.set(self)
        return self.together(self.args[0], [(*piece.args[1:], piece.kwargs) for piece in pieces])

    @property
    def kind(self):
        """What is the same for pieces that may be done together."""
        alone = not self.together or not self.args or is_fenced(self.context)
        return self if alone else (self.together, self.args[0], self.context.get(_scope))

    def outcome(self):
        """What the caller gets once it has committed."""
        if self.refusal is not None:
            raise self.refusal
        return self.result


def wake(topic):
    """Once the present piece has committed, wake whoever waits for `topic`. A hint: the rows are the truth."""
    piece = _piece.get()
    if piece is not None:
        piece.wakes.add(topic)
    else:
        wakes.rouse({topic})


# --- the decorator ---------------------------------------------------------------------------------


def writes(function=None, *, keep=(), together=None):
    """Run `function` in a write transaction. Called within another one, it is a savepoint of it.
    What it raises undoes what it did, except `keep` (an exception or several): that is committed, then
    raised, so that the counted try of a wrong code or the audit row of a refused act stays.

    `together(first argument, [keyword arguments and all])` does one call, or many that wait one behind the other and
    have that argument and scope in common: it returns the results of as many from the first as it could, which must be
    those of one call after the other, and leaves the rest to `function`. On PostgreSQL those of one process wait so for
    each other, and it takes what other processes must not change meanwhile."""
    if function is None:
        return functools.partial(writes, keep=keep, together=together)

    @functools.wraps(function)
    def call(*args, **kwargs):
        if _piece.get() is not None and database.in_transaction():
            return _nested(function, args, kwargs, keep)
        piece = Piece(function, args, kwargs, keep, together)
        if database.dialect == "sqlite":
            return writer.do(piece)
        return _on_postgres(piece) if piece.kind is piece else _in_crowd(piece)

    return call


def _nested(function, args, kwargs, keep):
    piece, result, refusal = present(), None, None
    held, piece.locks = piece.locks, piece.locks.copy()
    try:
        with database.atomic():
            try:
                result = function(*args, **kwargs)
            except keep as error:
                refusal = error
        held = piece.locks
    finally:
        piece.locks = held  # a savepoint that is rolled back lets go of what was locked in it
    if refusal is not None:
        raise refusal
    return result


def present():
    """The piece of work one is in; refused outside of a write."""
    piece = _piece.get()
    if piece is None:
        raise RuntimeError("A lock is held until the commit of a write, and there is none.")
    return piece


def _on_postgres(piece, tries=3):
    for last in range(tries):
        try:
            with database.atomic():
                piece.context.copy().run(piece.run)
        except peewee.PeeweeException as error:
            deadlock = "deadlock" in str(error) or "serialize" in str(error)
            if not deadlock or last == tries - 1:
                if unavailable := troubles.note(error):
                    raise unavailable from error
                raise
            piece.wakes.clear()
        else:
            wakes.rouse(piece.wakes)
            return piece.outcome()


class _Crowd:
    """On PostgreSQL, pieces of one kind: whose turn it is does what all who wait behind it ask for."""

    def __init__(self):
        self.turn, self.waiting, self.users = threading.Lock(), deque(), 0


_crowds: dict = {}
_crowds_lock = threading.Lock()


def _in_crowd(piece):
    kind = piece.kind
    with _crowds_lock:
        crowd = _crowds.setdefault(kind, _Crowd())
        crowd.users += 1
        crowd.waiting.append(piece)
    try:
        if not crowd.turn.acquire(timeout=PATIENCE):
            with _crowds_lock:
                if piece.state == "waiting":
                    piece.state = "given up"
                    raise GaveUp("The server is too busy to save this. Nothing was changed; try again.")
            crowd.turn.acquire()  # it has begun, so it ends
        try:
            while piece.state == "waiting":
                _work_off(_next_in(crowd))
        finally:
            crowd.turn.release()
    finally:
        with _crowds_lock:
            crowd.users -= 1
            if not crowd.users:
                del _crowds[kind]
    if piece.state != "done":  # whose turn it was died of it
        raise WriterDown("It isn't known whether the change was made. Look before you try again.")
    if piece.error is not None:
        raise piece.error
    return piece.outcome()


def _next_in(crowd):
    """The first of those who wait, taken up."""
    group = []
    with _crowds_lock:
        while crowd.waiting and len(group) < GROUP:
            if (piece := crowd.waiting.popleft()).state == "waiting":
                piece.state = "running"
                group.append(piece)
    return group


def _work_off(group):
    """As many together as can be, then the first of the others alone, and so on: in their order."""
    while group:
        done = _together_on_postgres(group)
        for piece in group[done : done + 1]:
            try:
                _on_postgres(piece)
            except Exception as error:
                if piece.refusal is None:
                    piece.error = error
        for piece in group[: done + 1]:
            piece.state = "done"
        del group[: done + 1]


def _together_on_postgres(group):
    first = group[0]
    try:
        with database.atomic():
            results = first.context.copy().run(first.run_all, group)
    except Exception:
        log.exception("pieces couldn't be done together, and are done one by one")
        first.wakes.clear()
        return 0
    wakes.rouse(first.wakes)
    for piece, result in zip(group, results, strict=False):
        piece.result = result
    return len(results)


class Writer:
    """The one thread that writes, and the queue before it."""

    def __init__(self):
        self.restart()

    def restart(self):
        """Begin anew: after `stop`, or in a forked process."""
        self._waiting = deque()
        self._bell = threading.Condition(threading.Lock())
        self._thread = None
        self._stopping = self._is_log_long = False
        self.commits = self.pieces = self.deaths = 0

    def do(self, piece):
        with self._bell:
            if self._stopping:
                raise WriterDown("The server is shutting down; the change was not made.")
            if self._thread is None or not self._thread.is_alive():
                self._start()
            self._waiting.append(piece)
            self._bell.notify()
        if not piece.done.acquire(timeout=PATIENCE):
            with self._bell:
                if piece.state == "waiting":
                    piece.state = "given up"
                    raise GaveUp("The server is too busy to save this. Nothing was changed; try again.")
            piece.done.acquire()  # it has begun, so it ends: a half-made change can't be
        if piece.error is not None:
            raise piece.error
        return piece.outcome()

    def stop(self, timeout=30):
        """Finish what is waiting, then end. Later calls are refused."""
        with self._bell:
            self._stopping, thread = True, self._thread
            self._bell.notify()
        if thread is not None:
            thread.join(timeout)

    @property
    def backlog(self):
        return len(self._waiting)

    def _start(self):
        self._thread = threading.Thread(target=self._live, name="writer", daemon=True)
        self._thread.start()

    def _live(self):
        group = []
        try:
            database.connect(reuse_if_open=True)
            database.may_write()
            while self._take(group):
                if group:
                    self._write(group)
                else:
                    self._cut_log()
                group.clear()
        except BaseException as death:
            trouble = troubles.note(death)
            self.deaths += 1
            log.critical("the writer died; the next write starts a new one", exc_info=True)
            with self._bell:
                lost, self._thread = group + list(self._waiting), None
                self._waiting.clear()
            for piece in lost:
                piece.error = trouble or WriterDown("The change was not made: the writer failed.")
                piece.error.__cause__ = death
                piece.done.release()
        finally:
            database.manual_close()

    def _take(self, group):
        """Fill `group` with what is waiting, or leave it empty after a while; False when nothing more will come."""
        with self._bell:
            while not self._waiting:
                if self._stopping:
                    return False
                if not self._bell.wait(IDLE if self._is_log_long else None) and not self._waiting:
                    return True
        self._fill(group)
        return True

    def _fill(self, group):
        with self._bell:
            while self._waiting and len(group) < GROUP:
                piece = self._waiting.popleft()
                if piece.state == "waiting":
                    piece.state = "running"
                    group.append(piece)

    def _cut_log(self):
        """Put SQLite's log into the file and cut it, unless somebody still reads from it: then later.
        By itself SQLite only begins it anew, and after one long reader it stays as long as it grew."""
        connection = database.connection()
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 0")
            is_read, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._is_log_long = bool(is_read)
        connection.execute(f"PRAGMA busy_timeout = {BUSY}")

    def _write(self, group):
        connection = database.connection()
        database.push_transaction(self)  # so that `atomic()` within is a savepoint
        try:
            connection.execute("BEGIN IMMEDIATE")
            if freezing.is_frozen():
                raise troubles.Unavailable(troubles.MOVING)
            done = 0
            while part := group[done:]:
                done = len(group)
                for _, alike in itertools.groupby(part, lambda piece: piece.kind):
                    self._run(connection, list(alike))
                self._fill(group)  # what came meanwhile shares the commit, which costs most: `holds_per_second`
            connection.execute("COMMIT")
        except Exception as error:  # the disk is full, the file is gone: nobody's change was made
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            # A full disk undoes the whole group: the others hear of it, not of what follows from it.
            known = [piece.error for piece in group if isinstance(piece.error, troubles.Unavailable)]
            trouble = known[0] if known else troubles.note(error)
            for piece in group:
                piece.error = trouble or piece.error or error
                piece.wakes.clear()
            if str(trouble) != troubles.MOVING:
                log.exception("a commit failed")
        finally:
            database.pop_transaction()
        self._is_log_long = True
        self.commits += 1
        self.pieces += len(group)
        wakes.rouse(set().union(*(piece.wakes for piece in group)))
        for piece in group:
            piece.done.release()

    def _run(self, connection, alike):
        """Each piece in its savepoint, or as many as can be in one; where none could, the others aren't tried."""
        while alike:
            done = self._run_together(connection, alike) if alike[0].kind is not alike[0] else 0
            for piece in alike[done : done + 1] if done else alike:
                self._run_alone(connection, piece)
            del alike[: done + 1 if done else len(alike)]

    def _run_alone(self, connection, piece):
        connection.execute("SAVEPOINT piece")
        try:
            piece.context.run(piece.run)
        except Exception as error:
            piece.error = troubles.note(error) or error
            piece.wakes.clear()
            connection.execute("ROLLBACK TO piece")
        connection.execute("RELEASE piece")

    def _run_together(self, connection, alike):
        results = []
        connection.execute("SAVEPOINT piece")
        try:
            results = alike[0].context.run(alike[0].run_all, alike)
        except Exception as error:
            log.exception("pieces couldn't be done together, and are done one by one")
            alike[0].wakes.clear()
            alike[0].error = troubles.note(error)  # a full disk undoes them all, and is said to all
            connection.execute("ROLLBACK TO piece")
            alike[0].error = None
        connection.execute("RELEASE piece")
        for piece, result in zip(alike, results, strict=False):
            piece.result = result
        return len(results)


writer = Writer()
