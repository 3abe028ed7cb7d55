"""Polls of a line, answered before Flask: from memory, which is read again after each change of a line.

Thousands ask every few seconds where they stand, and nothing of a request's usual way is needed to tell them. See
docs/decisions/tickets.md
"""

import logging
import threading
import time

from database.connections import database
from database.waking import wakes
from domain.events.line import calls, polls

log = logging.getLogger("guildhall.polls")

PATH = "/line/polls/"
SOONEST = 0.5  # seconds between two readings of one line
LOOK_EVERY = {"sqlite": 5, "postgres": 0.5}  # seconds: another process may have written, or a sale ended
KEEP_EVERY = 5  # seconds
ASKED = 120  # seconds without a poll, after which a line isn't read any more


class Polls:
    """A WSGI layer: answers the polls itself and hands all else on."""

    def __init__(self, app):
        self.app = app
        self.standings, self.asked = {}, {}
        self.bell, self.lock, self.thread = threading.Event(), threading.Lock(), None

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if not path.startswith(PATH) or environ["REQUEST_METHOD"] != "GET":
            return self.app(environ, start_response)
        word = path[len(PATH) :]
        found = polls.parsed(word) if len(word) < 80 else None
        if found is None:
            return self.app(environ, start_response)  # which says that there is no such page
        event, number, place = found
        moment = time.time()
        polls.note_seen(place, moment)
        self.asked[event] = moment
        standing = self.standings.get(event)
        if standing is None:
            self._watch()
        body = polls.WAIT if standing is None else standing.answer(number)
        start_response("200 OK", [*HEADERS, ("Content-Length", str(len(body)))])
        return (body,)

    def _watch(self):
        with self.lock:
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._read, name="polls", daemon=True)
                self.thread.start()
        self.bell.set()

    def _read(self):
        """Read the lines that are polled after each change, until nobody polls any more."""
        kept = time.monotonic()
        wakes.on_wake("polls", self.bell.set)
        try:
            while self._forget_silent():
                self.bell.wait(LOOK_EVERY[database.dialect])
                self.bell.clear()
                try:
                    for event in list(self.asked):
                        _catch_up(event)
                        self.standings[event] = polls.read(event)
                    if time.monotonic() - kept > KEEP_EVERY:
                        kept = time.monotonic()
                        polls.keep_seen()
                except Exception:
                    log.exception("a line wasn't read")
                finally:
                    database.close()
                time.sleep(SOONEST)
        finally:
            wakes.let_sleep("polls", self.bell.set)

    def _forget_silent(self):
        """Whether any line is still polled; the others are let go of."""
        for event, moment in list(self.asked.items()):
            if time.time() - moment > ASKED:
                self.asked.pop(event, None)
                self.standings.pop(event, None)
        return bool(self.asked)


HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


def _catch_up(event):
    """One line that can't go on keeps neither the others from being read, nor its own."""
    try:
        calls.catch_up(event)
    except Exception:
        log.exception("a line didn't go on")


def init_app(app):
    app.wsgi_app = Polls(app.wsgi_app)
