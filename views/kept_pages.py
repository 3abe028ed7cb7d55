"""The page of an event or of a campaign of flyers as all strangers see it: drawn once a second however many ask for
it, and given out of memory, before Flask.

What it shows may be a second old; what is decided never reads it. Each copy has a form key of its own, or two strangers
who send the same one would get one order. Nothing that was made for one of them is kept: their cookies, the name of
their request.
"""

import re
import secrets
import threading
import time
import zlib
from dataclasses import dataclass

from domain.events.line import forms
from views import packing
from views.safety import requests

SECONDS = 1
MOST = 200  # pages that are kept
PATH = re.compile(r"/(?:e|flyers)/[a-z0-9-]{1,80}")
KEY = re.compile(rb'(?<=name="form_key" value=")[^"]*')
OWN = ("set-cookie", "x-request-id", "content-length", "content-encoding")  # of one answer alone


@dataclass(frozen=True)
class Kept:
    """A page without its form keys: the parts around them, plain and packed, and when it was drawn."""

    parts: list
    packed: list
    headers: list
    at: float

    def plain(self, key):
        """The page with this key, and its headers."""
        body = key.join(self.parts)
        return body, [*self.headers, ("Content-Length", str(len(body)))]

    def gzip(self, key):
        """The same packed: each part was packed once, and the key stands between them as it is."""
        plain, size = key.join(self.parts), len(key).to_bytes(2, "little")
        stored = b"\0" + size + bytes(255 - one for one in size) + key
        end = zlib.crc32(plain).to_bytes(4, "little") + len(plain).to_bytes(4, "little")
        body = HEAD + stored.join(self.packed) + end
        return body, [*self.headers, ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))]


pages: dict[tuple, Kept] = {}

HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # of gzip (RFC 1952)


def _packed(parts):
    """Parts of one DEFLATE stream (RFC 1951) that each end at a byte, so that something may stand between them."""
    found = []
    for part in parts:
        packing_ = zlib.compressobj(packing.LEVEL, zlib.DEFLATED, -15)
        is_last = len(found) == len(parts) - 1
        found.append(packing_.compress(part) + packing_.flush(zlib.Z_FINISH if is_last else zlib.Z_FULL_FLUSH))
    return found


class KeptPages:
    """A WSGI layer: answers strangers who ask for such a page, and hands all else on. What it keeps was drawn by
    one of those who asked, at most SECONDS ago."""

    def __init__(self, app):
        self.app = app
        self._locks = [threading.Lock() for _ in range(32)]  # as many pages are drawn at once

    def __call__(self, environ, start_response):
        if not self._is_strangers(environ):
            return self.app(environ, start_response)
        began, name = time.perf_counter(), (environ["wsgi.url_scheme"], environ.get("HTTP_HOST"), environ["PATH_INFO"])
        if (kept := self._fresh(name)) is None:
            with self._locks[hash(name) % len(self._locks)]:
                if (kept := self._fresh(name)) is None:
                    kept = self._draw(name, environ)
        if not isinstance(kept, Kept):
            start_response(*kept[0])
            return kept[1]
        return self._give(kept, environ, start_response, began)

    def _is_strangers(self, environ):
        return (
            environ["REQUEST_METHOD"] == "GET"
            and SECONDS
            and not environ.get("QUERY_STRING")
            and "HTTP_HX_REQUEST" not in environ
            and f"{SESSION}=" not in environ.get("HTTP_COOKIE", "")
            and PATH.fullmatch(environ["PATH_INFO"]) is not None
        )

    def _fresh(self, name):
        kept = pages.get(name)
        return kept if kept and time.monotonic() - kept.at < SECONDS else None

    def _draw(self, name, environ):
        """The page drawn anew, for nobody: without a cookie and unpacked. Or the whole answer, where it is no page."""
        head, began = [], time.monotonic()
        asked = {name: value for name, value in environ.items() if name not in ("HTTP_COOKIE", "HTTP_ACCEPT_ENCODING")}
        answer = self.app(asked, lambda *said: head.append(said[:2]))
        try:
            body = b"".join(answer)
        finally:
            getattr(answer, "close", lambda: None)()
        (status, its) = head[0]
        if not status.startswith("200 "):
            return head[0], (body,)
        if len(pages) >= MOST:
            pages.clear()
        parts = KEY.split(body)
        shared = [(key, value) for key, value in its if key.lower() not in OWN]
        kept = pages[name] = Kept(parts, _packed(parts), shared, began)
        return kept

    def _give(self, kept, environ, start_response, began):
        request_id, key = secrets.token_hex(8), forms.fresh_token().encode()
        takes_gzip = GZIP.search(environ.get("HTTP_ACCEPT_ENCODING", "")) is not None
        body, head = kept.gzip(key) if takes_gzip else kept.plain(key)
        start_response("200 OK", [*head, ("X-Request-Id", request_id)])
        requests.note("GET", environ["PATH_INFO"], 200, began, request_id)
        return (body,)


SESSION = "guildhall"  # as its cookie's name ends: views/safety/headers.py
GZIP = re.compile(r"(?:^|[\s,])(?:gzip|\*)\s*(?:$|,|;\s*q=(?:1|0\.0*[1-9]))")


def init_app(app):
    app.wsgi_app = KeptPages(app.wsgi_app)
