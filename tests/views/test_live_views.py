"""Open pages hear of changes: over real sockets, with real threads."""

import contextlib
import dataclasses
import http.client
import json
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from werkzeug.serving import make_server

import models
from database import transactions
from database.scope import inside
from database.waking import listening
from domain.base import changes, configuration
from domain.lists import lists, rows
from domain.operations import alerts
from domain.people import sessions
from domain.tasks import tasks
from models import Membership
from tests.fixtures.serving import Silent
from tests.fixtures.threads import write
from views import live

TOP = Path(__file__).resolve().parents[2]
# What another process does: it commits, and tells.
ELSEWHERE = """
import sys
from database import opening
from database.scope import inside
from database.waking import listening
from domain.base import changes
from models import Organization
from tests.fixtures.threads import write

opening.open_again(sys.argv[1])
listening.begin(sys.argv[1])
acme = Organization.get(slug="acme")
with inside(acme):
    write(changes.record, acme, "task", 7, "updated")
listening.end()
"""


@pytest.fixture
def server(web):
    made = make_server("127.0.0.1", 0, web, threaded=True, request_handler=Silent)
    made.daemon_threads = True
    made.block_on_close = False
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made.server_port
    deadline = time.monotonic() + 30
    while live._open and time.monotonic() < deadline:  # every stream has been closed by its reader
        _nudge()
        time.sleep(0.02)
    assert live._open == 0
    made.shutdown()
    thread.join()
    made.server_close()


def _nudge():
    """Make every stream say something: only so does the server find out that a reader is gone."""
    # Each of its own words: an alert that is repeated within a minute is the same alert, and rouses nobody.
    alerts.broadcast(f"Anybody there at {time.monotonic()}?", by=models.User.select().first())


class Stream:
    """An EventSource: what came is in `events`, with the moment it came."""

    def __init__(self, port, cookie, path="/acme/live", headers=()):
        self.events, self.connection = queue.Queue(), http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.request("GET", path, headers={"Cookie": cookie} | dict(headers))
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event = {}
        try:
            for line in self.response:
                text = line.decode().rstrip("\r\n")
                if text:
                    name, _, value = text.partition(": ")
                    event[name] = value
                elif event:
                    self.events.put((time.monotonic(), event))
                    event = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.events.put((time.monotonic(), None))

    def next(self, timeout=30):
        at, event = self.events.get(timeout=timeout)
        return at, event

    def said(self, timeout=30):
        """The next event that says something: (moment, id, what it holds)."""
        while True:
            at, event = self.next(timeout)
            if event is None or "data" in event:
                return at, event and event.get("id"), event and json.loads(event["data"])

    def close(self):
        with contextlib.suppress(OSError):  # closing alone would wait for the reading thread
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(30)
        self.response.close()
        self.connection.close()


@pytest.fixture
def listen(server, browse):
    opened = []

    def start(name="bob", path="/acme/live", **headers):
        cookie = f"guildhall={browse(name).get_cookie('guildhall').value}"
        stream = Stream(server, cookie, path, {k.replace("_", "-"): v for k, v in headers.items()})
        opened.append(stream)
        return stream

    yield start
    for stream in opened:
        stream.close()


def mark(cast, name="bob", organization="acme"):
    with inside(getattr(cast, organization)):
        return changes.mark(getattr(cast, name))


def make(at, name="alice", slug="acme", title="News"):
    by = at(name, slug)
    with inside(by.organization):
        return rows.create(tasks.rules, {"title": title}, by=by)


# --- asking -----------------------------------------------------------------------------------------------


def test_a_page_that_asks_hears_what_to_draw_again_once(browse, cast, at):
    alice, before = browse("alice"), mark(cast, "alice")
    assert alice.get(f"/acme/news?since={before}").json == {"mark": before, "stale": []}
    make(at)
    answer = alice.get(f"/acme/news?since={before}").json
    assert answer["stale"] == ["task"]
    assert alice.get(f"/acme/news?since={answer['mark']}").json == {"mark": answer["mark"], "stale": []}
    alerts.broadcast("Tea", by=cast.stella)
    assert alice.get(f"/acme/news?since={answer['mark']}").json["stale"] == ["bell"]


def test_nothing_of_another_organization_is_news(browse, cast, at):
    before = mark(cast, "alice")
    make(at, "charlie", "globex")
    assert browse("alice").get(f"/acme/news?since={before}").json == {"mark": before, "stale": []}
    assert browse("charlie").get("/acme/news").status_code == 404


def test_the_page_itself_says_how_far_it_has_read(browse, cast, at):
    make(at)
    page = browse("alice").get("/acme/tasks").get_data(True)
    assert f'data-mark="{mark(cast, "alice")}"' in page


def test_what_changes_while_a_page_is_drawn_comes_after_its_mark(browse, cast, monkeypatch):
    """Its rows are read before it is drawn: what is written between the two would never be told as stale."""
    read = lists.read

    def and_then_somebody_writes(*args):
        found = read(*args)
        with inside(cast.acme):
            write(changes.record, cast.acme, "task", 7, "updated")
        return found

    monkeypatch.setattr(lists, "read", and_then_somebody_writes)
    alice = browse("alice")
    seen = re.search('data-mark="([^"]+)"', alice.get("/acme/tasks?tab=all").get_data(True))[1]
    assert alice.get(f"/acme/news?since={seen}").json["stale"] == ["task"]


def test_a_mark_that_is_none_begins_anew(browse, at):
    for since in ["", "x", "1", "1-2", "1-2-3", "1-2-3-4-5", "-1-0-0-0", "²-0-0-0", "9" * 60, "0-0-%00", "1e9-0-0-0"]:
        make(at)
        response = browse("alice").get("/acme/news", query_string={"since": since.replace("%00", "")})
        assert response.status_code == 200, since
        assert "task" in response.json["stale"], since


# --- hearing ------------------------------------------------------------------------------------------------


def test_a_change_is_heard_within_a_second_of_its_commit(listen, browse, cast, at):
    stream = listen("bob", f"/acme/live?since={mark(cast)}")
    assert stream.response.status == 200
    assert stream.response.headers["Content-Type"].startswith("text/event-stream")
    assert stream.response.headers["Cache-Control"] == "no-store"
    assert stream.next()[1] == {"retry": "1000"}
    time.sleep(0.1)
    assert browse("alice").post("/acme/tasks", data={"title": "News"}).status_code == 303
    committed = time.monotonic()
    at, id, said = stream.said()
    assert said == {"mark": id, "stale": ["task"]}
    assert at - committed < 5  # a stream looks by itself after longer
    assert id == mark(cast)


def test_an_open_page_hears_of_a_change_by_another_process(postgres, listen, cast, monkeypatch):
    for net in ("LOOK_EVERY", "UNHEARD", "HEARTBEAT"):  # nothing but its word wakes the page
        monkeypatch.setattr(live, net, 3600)
    url = configuration.active.database_url
    listening.begin(url)
    try:
        while not listening.is_heard():
            time.sleep(0.01)
        stream = listen("bob", f"/acme/live?since={mark(cast)}")
        assert stream.next()[1] == {"retry": "1000"}
        subprocess.run([sys.executable, "-c", ELSEWHERE, url], cwd=TOP, check=True, timeout=60)
        assert stream.said()[2]["stale"] == ["task"]
    finally:
        listening.end()


def test_a_commit_between_looking_and_waiting_is_heard_at_once_too(listen, cast, at, monkeypatch):
    looked, plain = [], live._news

    def look(*args):
        found = plain(*args)
        if not looked:
            looked.append(found)
            maker = threading.Thread(target=make, args=(at,))  # commits and rouses before this one waits
            maker.start()
            maker.join()
        return found

    monkeypatch.setattr(live, "_news", look)
    stream = listen("bob", f"/acme/live?since={mark(cast)}")
    assert stream.said(timeout=30)[2]["stale"] == ["task"]


def test_everyone_hears_and_only_of_their_own(listen, cast, at):
    bob, charlie = (
        listen("bob", f"/acme/live?since={mark(cast)}"),
        listen("charlie", f"/globex/live?since={mark(cast, 'charlie', 'globex')}"),
    )
    bob.next(), charlie.next()
    make(at)
    assert bob.said()[2]["stale"] == ["task"]
    with pytest.raises(queue.Empty):
        charlie.next(timeout=1)


def test_what_was_missed_is_caught_up_by_the_last_id(listen, cast, at):
    slept = mark(cast)
    make(at)
    again = listen("bob", "/acme/live?since=999-999-999-999", Last_Event_ID=slept)
    assert again.said()[2]["stale"] == ["task"]


def test_a_stream_ends_when_the_session_does(listen, browse, cast):
    stream = listen("bob", f"/acme/live?since={mark(cast)}")
    stream.next()
    sessions.end_all(cast.bob, by=cast.bob)
    live._rouse()
    assert stream.next()[1] == {"event": "over", "data": "{}"}
    assert stream.next()[1] is None


def test_a_stream_ends_for_a_member_who_was_removed(listen, cast, at):
    stream = listen("bob", f"/acme/live?since={mark(cast)}")
    stream.next()
    transactions.writes(lambda: Membership.delete().where(Membership.user == cast.bob).execute())()
    make(at)
    assert stream.next()[1] == {"event": "over", "data": "{}"}


def test_beyond_the_limit_a_page_is_told_to_ask_instead(listen, cast):
    configuration.use(dataclasses.replace(configuration.active, threads=4))
    assert configuration.active.stream_limit == 2
    first, second, third = (listen("bob", f"/acme/live?since={mark(cast)}") for _ in range(3))
    assert [s.response.status for s in (first, second, third)] == [200, 200, 204]
    first.close()
    deadline = time.monotonic() + 30
    while live._open > 1 and time.monotonic() < deadline:
        alerts.broadcast("Anybody there?", by=cast.stella)  # the server finds out at its next word
        time.sleep(0.05)
    assert live._open == 1
    assert listen("bob", f"/acme/live?since={mark(cast)}").response.status == 200


def test_a_stranger_and_an_outsider_hear_nothing(server, listen, browse):
    assert listen("charlie").response.status == 404
    stream = Stream(server, "")
    assert stream.response.status == 303
    stream.close()
    assert live._open == 0


def test_a_head_request_keeps_no_place(browse, cast):
    for _ in range(3):
        browse("bob").head("/acme/live").close()
    assert live._open == 0
