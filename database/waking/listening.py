"""Wakes that cross processes, on PostgreSQL: one connection a process tells what was committed here and hears what was
elsewhere. A hint, as every wake is: the rows are the truth, and who waits looks by itself now and then.

Told after the commit and once for many: `NOTIFY` within a transaction has all commits of the database wait for each
other (a third to a half fewer of them a second, measured). See docs/decisions/live.md
"""

import contextlib
import logging
import os
import secrets
import selectors
import threading
import time
from typing import Any

import psycopg

from database.waking import wakes

log = logging.getLogger("guildhall.listening")

CHANNEL = "guildhall"
SILENCE = 30  # seconds without a word, after which it is asked whether the connection still is one
AGAIN = (0.2, 1, 5)  # seconds until it is tried again to connect
# A peer that is gone without a word is found within a minute.
LIVELY: dict[str, Any] = {"connect_timeout": 5, "keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}
LIVELY["tcp_user_timeout"] = 30_000  # milliseconds: also where what was said last is never acknowledged


class Listener:
    """A thread with the connection; `is_connected` while what others commit is heard at once."""

    def __init__(self, url):
        self.url, self.is_connected, self._is_over = url, False, False
        self._name = secrets.token_hex(4)  # by which it knows its own words
        self._topics, self._lock = set(), threading.Lock()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._thread = threading.Thread(target=self._live, name="listener", daemon=True)
        self._thread.start()

    def tell(self, topics):
        """Have other processes woken for these, soon; never waits."""
        with self._lock:
            is_news = not self._topics >= topics
            self._topics |= topics
        if is_news:
            self._ring()

    def _ring(self):
        with contextlib.suppress(BlockingIOError, OSError):  # it is ringing already, or over
            os.write(self._write, b"x")

    def end(self):
        """Hear nothing more."""
        self._is_over = True
        self._ring()
        self._thread.join(10)
        os.close(self._write)
        os.close(self._read)

    def _live(self):
        tries = 0
        while not self._is_over:
            try:
                with psycopg.connect(self.url, autocommit=True, **LIVELY) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    tries = 0
                    wakes.wake_for_missed()  # what was said meanwhile wasn't heard
                    self._converse(connection)
            except (
                Exception
            ) as error:  # whatever it was, it is told and tried again: a thread that ended never would be
                log.warning(
                    "The connection that listens is lost (%s); pages look by themselves meanwhile.",
                    error,
                    exc_info=not isinstance(error, psycopg.Error),
                )
            finally:
                self.is_connected = False
            if not self._is_over:
                time.sleep(AGAIN[min(tries, len(AGAIN) - 1)])
                tries += 1

    def _converse(self, connection):
        """Until it is over. What is told last is told; it is connected once it hears itself, as behind a pool of
        connections that lends them for one transaction it never does."""
        self._say(connection, "")
        while True:
            # First: what came along with an answer is here already, and no socket tells of it.
            heard = [one.payload.partition(" ") for one in connection.notifies(timeout=0)]
            self.is_connected = self.is_connected or any(name == self._name for name, *_ in heard)
            wakes.wake_here({topic for name, _, topic in heard if name != self._name})
            if self._is_over and not self._topics:
                return
            rings = self._rings(connection)
            if self._read in rings:
                os.read(self._read, 4096)
                with self._lock:
                    topics, self._topics = self._topics, set()
                for topic in sorted(topics):
                    self._say(connection, topic)
            elif not rings:
                connection.execute("SELECT 1")

    def _rings(self, connection):
        """Which of the two has something, after a while at most."""
        with selectors.DefaultSelector() as both:  # select() takes no number of a file above 1023
            for one in (self._read, connection.fileno()):
                both.register(one, selectors.EVENT_READ)
            return [key.fd for key, _ in both.select(SILENCE)]

    def _say(self, connection, topic):
        connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{self._name} {topic}"))


_listener = None


def begin(url):
    """Tell and hear from here on, where the database is PostgreSQL; once a process, after any fork."""
    global _listener
    if not url.startswith("sqlite:") and _listener is None:
        _listener = Listener(url)
        wakes.tell_others(_listener.tell)


def end():
    """Undo `begin`."""
    global _listener
    if _listener is not None:
        wakes.tell_others(None)
        _listener.end()
        _listener = None


def is_heard():
    """Whether a write by another process wakes this one at once."""
    return _listener is not None and _listener.is_connected
