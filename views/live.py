"""Open pages hear of changes: a stream while there is room for it, else a question every second.

A page says how far it has read (its mark); what came after is named, and the page draws it again. One
that was asleep asks with its old mark and so catches up. See docs/decisions/live.md
"""

import json
import logging
import threading
import time

from flask import Blueprint, Response, g, request

from database.connections import database
from database.scope import inside
from database.waking import listening, wakes
from domain.base import changes, configuration
from domain.base.flags import flags
from domain.organizations.organizations import reach
from domain.people import sessions
from views import access
from views.machines.operations import Described, declared
from views.machines.schemas import STRING, obj
from views.safety.marks import unlimited

blueprint = Blueprint("live", __name__)
log = logging.getLogger("guildhall.live")

HEARTBEAT = 10  # seconds: finds out that a browser is gone
LONGEST = 300  # seconds: then the browser comes back by itself, through the doors again
LOOK_EVERY = 5  # seconds, on PostgreSQL: the net under what other processes tell (database/listening.py)
UNHEARD = 0.25  # the same while nothing is heard of them

NEWS = obj({"mark": STRING, "stale": {"type": "array", "items": STRING}})

_changed = threading.Condition()
_open = _roused = 0
_looking = False
_closing = False


def _rouse():
    global _roused
    with _changed:
        _roused += 1
        _changed.notify_all()


def streams():
    """How many are open in this process."""
    return _open


def close():
    """Let go of every stream: the server is stopping, and browsers come back by themselves."""
    global _closing
    _closing = True
    threading.Thread(target=_rouse, daemon=True).start()  # called from a signal handler: never wait here


wakes.on_wake("live", _rouse)


@blueprint.get("/<organization>/news")
@unlimited
@declared(Described("What changed since a mark, for open pages", NEWS))
@access.member("organization.read")
def news():
    """The same as one word of the stream, for pages that must ask."""
    mark, stale = changes.since(request.args.get("since", "")[:60], g.by.user)
    return Response(json.dumps({"mark": mark, "stale": stale}), content_type="application/json")


@blueprint.get("/<organization>/live")
@unlimited
@access.member("organization.read")
def stream():
    global _open, _looking
    if not flags.is_on("live_streams", g.by.organization):
        return Response("", 204)
    with _changed:
        if _open >= configuration.active.stream_limit:
            return Response("", 204)  # tells EventSource to stop; the page asks instead
        _open += 1
        if not _looking and database.dialect == "postgres":
            _looking = True
            threading.Thread(target=_look, name="live-look", daemon=True).start()
    by = g.by
    since = request.headers.get("Last-Event-ID") or request.args.get("since", "")
    answer = Response(_events(by, since[:60], access.current_user.token), content_type="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(_closed)
    return answer


def _closed():
    global _open
    with _changed:
        _open -= 1


def _look():
    """One look for all streams of this process; it ends with the last of them."""
    global _looking
    seen = None
    while True:
        with _changed:
            if not _open or _closing:
                _looking = False
                return
        try:
            now = changes.newest()
        except Exception:
            log.exception("the look for changes failed")
            now = seen
        finally:
            database.close()
        if now != seen:
            seen = now
            _rouse()
        time.sleep(LOOK_EVERY if listening.is_heard() else UNHEARD)


def _events(by, mark, token):
    ends = time.monotonic() + LONGEST
    quiet_since = time.monotonic()
    yield "retry: 1000\n\n"
    while time.monotonic() < ends and not _closing:
        heard = _roused  # before the look: what commits during it must not be slept over
        found = _news(by, mark, token)
        if found is None:  # signed out, no member any more, or without the second factor that is asked for
            yield "event: over\ndata: {}\n\n"
            return
        present, stale = found
        if stale:
            mark, quiet_since = present, time.monotonic()
            yield f"id: {mark}\ndata: {json.dumps({'mark': mark, 'stale': stale})}\n\n"
        elif time.monotonic() - quiet_since > HEARTBEAT:
            quiet_since = time.monotonic()
            yield ": still here\n\n"
        with _changed:
            if _roused == heard and not _closing:
                _changed.wait(HEARTBEAT)


def _news(by, mark, token):
    """What came after `mark`; the doors are asked again each time, and the connection is given back."""
    try:
        who = sessions.find(token)
        member = who and reach(who.user, by.organization.slug)
        if not member or not member.may("organization.read"):
            return None
        with inside(member.organization):
            return changes.since(mark, member.user)
    finally:
        database.close()
