"""Gunicorn's threaded worker, in which clients that send or read slowly hold no thread.

A request is gathered by the poller and gets a thread when it is whole; the thread's answer goes out as far as
the socket takes it, and the poller sends the rest. Every wait ends at a moment that no byte moves, and where there
are too many connections the idlest is closed: accepting goes on. See docs/decisions/one-web-process.md
"""

import contextlib
import resource
import selectors
import socket
import sys
import threading
import time
from collections import OrderedDict, deque
from functools import partial

from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

from views.safety.gathering import HEAD, READ, UPLOAD, Gathering

WHOLE_IN_ALL = 64 * 1024 * 1024
UPLOADS_IN_ALL = 1024 * 1024 * 1024
UNSENT = 16 * 1024 * 1024  # bytes of one answer that wait for its reader; more, and its thread waits too
UNSENT_IN_ALL = 256 * 1024 * 1024
PROGRESS = 64 * 1024  # bytes that a slow reader takes within SECONDS["sending"], or it is let go
CONNECTIONS = 1000
ACCEPTED_AT_ONCE = 64
ALIVE = 1  # seconds, after which the arbiter is told again that this worker lives
STOPPING = 5  # seconds in which a half-sent request may still become whole when the server is told to stop

# What a connection is waited for, and how long in all; in this order they are closed when there are too many.
# Leaving: everything is said, and what still comes is thrown away, or our last words might not arrive.
SECONDS = {"idle": 30, "leaving": 2, "head": 10, "body": 30, "upload": 600, "sending": 60}
TOO_SLOW, TOO_LONG = b"408 Request Timeout", b"431 Request Header Fields Too Large"
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class Log(Logger):
    """Gunicorn's own records go where all others go, so that no secret of a link leaves by another way."""

    def setup(self, cfg):
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


class Outlet:
    """In the place of a connection's socket, for a thread: what it writes waits for a slow reader here."""

    def __init__(self, connection, sock, worker):
        self.connection, self.socket, self.worker = connection, sock, worker
        self.room = threading.Condition()
        self.unsent, self.size, self.taken = deque(), 0, 0
        self.is_broken = False

    def sendall(self, data):
        data = memoryview(data)
        with self.room:
            if self.size > UNSENT and not self.is_broken:
                self._wait_for_room()
            if self.is_broken:
                raise BrokenPipeError("the reader is gone")
            if not self.unsent:
                data = self._push(data)
            if len(data):
                self.unsent.append(data)
                self.size += len(data)
                if len(self.unsent) == 1:
                    self.worker.method_queue.defer(self.worker.send_rest, self.connection)

    def _wait_for_room(self):
        """A thread is held; those few that may be, so that readers of long exports don't stop the site."""
        if not self.worker.slow_readers.acquire(blocking=False):
            raise BrokenPipeError("too many slow readers")
        try:
            if not self.room.wait_for(lambda: self.is_broken or self.size <= UNSENT, SECONDS["sending"]):
                raise BrokenPipeError("the reader is too slow")
        finally:
            self.worker.slow_readers.release()

    def _push(self, data):
        """What the socket doesn't take now."""
        with contextlib.suppress(BlockingIOError):
            while len(data):
                data = data[self.socket.send(data) :]
        return data

    def flush(self):
        """Send what waits; returns whether all of it is gone."""
        with self.room:
            while self.unsent:
                first = self.unsent.popleft()
                rest = self._push(first)
                self.size -= len(first) - len(rest)
                self.taken += len(first) - len(rest)
                if len(rest):
                    self.unsent.appendleft(rest)
                    break
            if self.size <= UNSENT:
                self.room.notify_all()
            return not self.unsent

    def give_up(self):
        """Nobody reads any more: whoever writes hears of it."""
        with self.room:
            self.is_broken, self.size = True, 0
            self.unsent.clear()
            self.room.notify_all()

    def send(self, data):
        return len(data)  # gunicorn's own "100 Continue": the poller has said it

    def recv(self, size):
        return b""

    def gettimeout(self):
        return 0.0

    def _nothing(self, *_):
        """Left to the poller."""

    settimeout = setblocking = shutdown = close = _nothing


class Rest:
    """What a gathered request is read from: there is no more of it, or what waits on the disk."""

    file = None

    def recv(self, size):
        return self.file.read(min(size, READ)) if self.file else b""  # gunicorn moves what it has for each piece


class Connection(TConn):
    def __init__(self, cfg, sock, client, server, worker):
        super().__init__(cfg, sock, client, server)
        self.socket, self.sock = sock, Outlet(self, sock, worker)
        self.rest = Rest()
        self.parser = RequestParser(cfg, self.rest, client)
        self.initialized = self.data_ready = True
        self.gathering = Gathering()
        self.state = None  # a key of SECONDS, or None while a thread has it
        self.is_polled = self.is_closed = False
        self.after = None  # what follows once everything is sent, where that is left to the poller


class Worker(ThreadWorker):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.waits = {state: OrderedDict() for state in SECONDS}  # connection → when that ends, the next first
        self.ends = {}  # state → no later than, once the server is told to stop
        self.gathered = 0  # bytes of requests that aren't whole
        self.filed = 0  # the same on the disk
        self.slow_readers = threading.Semaphore(max(1, self.cfg.threads // 8))
        self.told_again = 0.0

    def init_process(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < 4 * CONNECTIONS:
            most = 4 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(4 * CONNECTIONS, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        super().init_process()

    def notify(self):
        """Often enough; gunicorn does it at each event, several times a request."""
        if (present := time.monotonic()) >= self.told_again:
            self.told_again = present + ALIVE
            super().notify()

    def load_wsgi(self):
        """However long the database is brought up to date for, this worker isn't taken for one that hangs. A sentence
        with which the start is refused is said, and ends the server."""
        is_loaded = threading.Event()

        def live():
            while not is_loaded.wait(self.timeout / 4):
                self.notify()

        threading.Thread(target=live, daemon=True).start()
        try:
            super().load_wsgi()
        except SystemExit as refused:
            print(refused, file=sys.stderr, flush=True)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        finally:
            is_loaded.set()

    # --- in ------------------------------------------------------------------------------------------

    def accept(self, listener):
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                sock, client = listener.accept()
            except ConnectionAbortedError:
                continue
            except BlockingIOError:
                return
            except OSError as error:  # no more files may be open
                self.log.warning("A connection couldn't be taken: %s", error)
                self._make_room()
                return
            self.nr_conns += 1
            connection = Connection(self.cfg, sock, client, listener.getsockname(), self)
            self._wait(connection, "idle")
            self._read(connection)
            if self.nr_conns > CONNECTIONS:
                self._make_room()

    def _make_room(self):
        for waiting in self.waits.values():
            if waiting:
                return self._close(next(iter(waiting)))

    def _gather(self, connection):
        """Wait for the next request, of which there may be bytes."""
        connection.rest.file = None
        connection.gathering = Gathering()
        self._wait(connection, "idle")
        self._look(connection, connection.parser.unreader.take_buffered())

    def _read(self, connection, _=None):
        if connection.is_closed:
            return
        try:
            data = connection.socket.recv(READ)
        except BlockingIOError:
            return self._poll(connection, selectors.EVENT_READ, self._read)
        except OSError:
            data = b""
        return self._look(connection, data) if data else self._close(connection)

    def _look(self, connection, data):
        gathering = connection.gathering
        try:
            self.filed += len(data) if gathering.file else 0
            self.gathered += 0 if gathering.file else len(data)
            gathering.take(data)
            is_whole = gathering.is_whole()
        except OSError:  # a file can't be made, or grow
            return self._refuse(connection, b"503 Service Unavailable")
        if is_whole:
            return self._hand_over(connection)
        if not gathering.body_at and len(gathering.buffer) > HEAD:
            return self._refuse(connection, TOO_LONG)
        state = "upload" if gathering.file else "body" if gathering.body_at else "head"
        if gathering.buffer and connection.state != state:
            self._wait(connection, state)
            if gathering.expects:
                with contextlib.suppress(OSError):
                    connection.socket.send(GO_ON)
        self._poll(connection, selectors.EVENT_READ, self._read)
        while self.gathered > WHOLE_IN_ALL and self.waits["body"]:
            self._close(next(iter(self.waits["body"])))
        while self.filed > UPLOADS_IN_ALL and self.waits["upload"]:
            self._close(next(iter(self.waits["upload"])))

    def _hand_over(self, connection):
        self._forget(connection)
        connection.parser.unreader.unread(bytes(connection.gathering.buffer))
        connection.gathering.buffer.clear()
        connection.rest.file = connection.gathering.rest()
        self.enqueue_req(connection)

    def _refuse(self, connection, status):
        with contextlib.suppress(OSError):
            connection.socket.send(b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % status)
        self._leave(connection)

    def handle_request(self, req, conn):
        if conn.gathering.is_cut:  # its rest isn't waited for, and the answer says so
            req.force_close()
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn, keepalive):
        """Whatever the application left of a body is there, so the connection goes on as its answer said."""
        is_there = keepalive and not conn.gathering.is_cut
        return is_there and bool(conn.parser.finish_body(time.monotonic() + ALIVE, UPLOAD))

    # --- out -----------------------------------------------------------------------------------------

    def finish_request(self, conn, fs):
        """The thread has done its part."""
        keep = not fs.cancelled() and fs.exception() is None and fs.result() is True
        conn.after = self._gather if keep else self._leave
        if not conn.sock.unsent:
            self._go_on(conn)

    def _go_on(self, connection):
        if connection.sock.is_broken:
            return self._close(connection)
        after, connection.after = connection.after, None
        if after:
            after(connection)

    def send_rest(self, connection, _=None):
        """What its thread couldn't send at once."""
        outlet = connection.sock
        if connection.is_closed:
            return
        try:
            is_sent = outlet.flush()
        except OSError:
            return self._close(connection)
        if is_sent:
            self._forget(connection)
            return self._go_on(connection)
        if connection.state != "sending":
            outlet.taken = 0
            self._wait(connection, "sending")
        self._poll(connection, selectors.EVENT_WRITE, self.send_rest)
        while sum(other.sock.size for other in self.waits["sending"]) > UNSENT_IN_ALL:
            self._close(next(iter(self.waits["sending"])))

    def _leave(self, connection):
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return self._close(connection)
        self._wait(connection, "leaving")
        self._poll(connection, selectors.EVENT_READ, self._throw_away)

    def _throw_away(self, connection, _=None):
        try:
            if connection.is_closed or connection.socket.recv(READ):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(connection)

    # --- what a connection is waited for -------------------------------------------------------------

    def _wait(self, connection, state):
        if connection.state:
            del self.waits[connection.state][connection]
        connection.state = state
        until = time.monotonic() + SECONDS[state]
        self.waits[state][connection] = min(until, self.ends.get(state, until))

    def _poll(self, connection, event, callback):
        """Have the poller call, unless the connection isn't waited for any more."""
        if not connection.state or (connection.is_polled and connection.polled == (event, callback)):
            return
        change = self.poller.modify if connection.is_polled else self.poller.register
        change(connection.socket, event, partial(callback, connection))
        connection.is_polled, connection.polled = True, (event, callback)

    def _forget(self, connection):
        if connection.state:
            del self.waits[connection.state][connection]
            connection.state = None
        if connection.is_polled:
            self.poller.unregister(connection.socket)
            connection.is_polled = False
        self.gathered -= len(connection.gathering.buffer)
        self.filed, connection.gathering.filed = self.filed - connection.gathering.filed, 0

    def _close(self, connection):
        if connection.is_closed:
            return
        self._forget(connection)
        connection.is_closed = True
        connection.gathering.file = connection.rest.file = None
        connection.sock.give_up()
        connection.socket.close()
        self.nr_conns -= 1

    def murder_keepalived(self, force=False):
        """End every wait whose time has come."""
        now = time.monotonic()
        for state, waiting in self.waits.items():
            while waiting and (force or next(iter(waiting.values())) <= now):
                connection = next(iter(waiting))
                if state == "sending" and connection.sock.taken >= PROGRESS and not force:
                    connection.sock.taken = 0
                    self._wait(connection, state)
                elif state in ("head", "body", "upload") and not force:
                    self._refuse(connection, TOO_SLOW)
                else:
                    self._close(connection)

    def murder_pending(self):
        """There are none: murder_keepalived knows all."""

    def _cap_keepalive(self, deadline):
        """The server is told to stop."""
        soon = time.monotonic() + STOPPING
        self.ends = {"idle": deadline, "head": soon, "body": soon, "upload": soon}
        for state, end in self.ends.items():
            waiting = self.waits[state]
            waiting.update({connection: min(until, end) for connection, until in waiting.items()})
