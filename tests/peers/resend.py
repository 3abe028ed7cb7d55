"""Resend over a real socket, in the shapes of its documentation: https://resend.com/docs/api-reference

It remembers what was asked under a key for a day, counts what it was asked, and tells of letters by Svix-signed events.
"""

import json
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

KEY = "re_peer_key"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of Svix's documentation


class Peer:
    """`letters` are (id, body) it took; `answers` are played before it answers by itself: a status with its name, or
    `lost` for one that takes the letter and hangs up. An address of `unfit` it doesn't take."""

    def __init__(self):
        self.letters, self.requests, self.answers = [], [], []
        self.keys, self.blocked, self.events, self.unfit = {}, set(), {}, set()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                peer._answer(self)

            do_GET = do_DELETE = do_POST

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def _answer(self, asked):
        body = json.loads(asked.rfile.read(int(asked.headers.get("content-length") or 0)) or b"{}")
        key = asked.headers.get("Idempotency-Key", "")
        self.requests.append((asked.command, asked.path, key, body))
        played = self.answers.pop(0) if self.answers else None
        if played and played != "lost":
            status, name, *headers = played
            return _send(asked, status, {"statusCode": status, "name": name, "message": "…"}, dict(headers))
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            return _send(asked, 403, {"statusCode": 403, "name": "invalid_api_key", "message": "API key is invalid"})
        answer = self._done(asked, key, body)
        if played == "lost":
            asked.close_connection = True
            return asked.connection.close()
        return _send(asked, *answer)

    def _done(self, asked, key, body):
        path = asked.path.strip("/").split("/")
        if asked.command == "POST" and path == ["emails"]:
            return self._take(key, body)
        if asked.command == "POST" and path == ["emails", "batch"]:
            return self._take_together(key, body)
        if asked.command == "GET" and path[0] == "emails" and path[1] in dict(self.letters):
            return 200, {"object": "email", "id": path[1], "last_event": self.events.get(path[1], "sent")}
        if asked.command == "DELETE" and path[0] == "suppressions" and path[1] in self.blocked:
            self.blocked.discard(path[1])
            return 200, {"object": "suppression", "id": str(uuid.uuid4()), "deleted": True}
        return 404, {"statusCode": 404, "name": "not_found", "message": "Not found"}

    def _take(self, key, body):
        if key in self.keys:
            id, held = self.keys[key]
            if held != body:
                return 409, {"statusCode": 409, "name": "invalid_idempotent_request", "message": "Same key, other body"}
            return 200, {"id": id}
        id = str(uuid.uuid4())
        self.keys[key] = (id, body)
        self.letters.append((id, body))
        return 200, {"id": id}

    def _take_together(self, key, bodies):
        """All or none of up to a hundred, which have no attachments and no hour of their own."""
        wrong = [one for one in bodies if {"attachments", "scheduled_at"} & set(one) or not one["to"]]
        if not 1 <= len(bodies) <= 100 or wrong:
            return 422, {"statusCode": 422, "name": "validation_error", "message": "…"}
        if bad := [one for one in bodies if set(one["to"]) & self.unfit]:
            return 422, {"statusCode": 422, "name": "validation_error", "message": f"Invalid `to`: {bad[0]['to']}"}
        if key in self.keys:
            ids, held = self.keys[key]
            if held != bodies:
                return 409, {"statusCode": 409, "name": "invalid_idempotent_request", "message": "Same key, other body"}
            return 200, {"data": [{"id": id} for id in ids]}
        ids = [str(uuid.uuid4()) for _ in bodies]
        self.keys[key] = (ids, bodies)
        self.letters += zip(ids, bodies, strict=True)
        return 200, {"data": [{"id": id} for id in ids]}

    # --- what it tells -------------------------------------------------------------------------------------------

    def event(self, kind, /, letter=0, at=None, tags="object", **about):
        """The body of an event about the letter of this place among those that it took."""
        id, body = self.letters[letter] if isinstance(letter, int) else letter
        pairs = body.get("tags", [])
        told = {"object": {one["name"]: one["value"] for one in pairs}, "list": pairs}.get(tags)
        data = {
            "email_id": id,
            "message_id": f"<{id}@eu-west-1.amazonses.com>",
            "created_at": "2026-06-15T12:00:00.894719+00:00",
            "from": body.get("from", ""),
            "to": body.get("to", []),
            "subject": body.get("subject", ""),
        } | ({"tags": told} if told is not None else {})
        name = kind.partition(".")[2]
        return {
            "type": kind,
            "created_at": at or "2026-06-15T12:00:01.126Z",
            "data": data | ({name: about} if about else {}),
        }


def _send(asked, status, body, headers=None):
    written = json.dumps(body).encode()
    asked.send_response(status)
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": str(len(written)),
        **(headers or {}),
    }.items():
        asked.send_header(name, value)
    asked.end_headers()
    asked.wfile.write(written)


def signed(event, id=None, at=None, secret=SECRET):
    """(body, headers) of an event as Svix posts it."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    id, at = id or f"msg_{uuid.uuid4().hex}", at or datetime.now(UTC)
    signature = Webhook(secret).sign(id, at, body.decode())
    return body, {"svix-id": id, "svix-timestamp": str(int(at.timestamp())), "svix-signature": signature}
