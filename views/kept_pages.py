"""An event's page as all strangers see it: drawn once a second however many ask for it, and given out of memory.

What it shows may be a second old; what is decided never reads it. Each copy has a form key of its own, or two strangers
who send the same one would get one order.
"""

import re
import threading
import time

from flask import Response

MOST = 200  # pages that are kept
KEY = re.compile(r'(?<=name="form_key" value=")[^"]*')


class KeptPages:
    """`answer(name, draw, key)` is what `draw()` answered at most `seconds` ago, drawn by one of those who ask at once;
    `key()` makes the key that its forms bear."""

    def __init__(self, seconds):
        self.seconds, self._kept = seconds, {}
        self._locks = [threading.Lock() for _ in range(32)]  # as many pages are drawn at once

    def answer(self, name, draw, key):
        if (kept := self._fresh(name)) is None:
            with self._locks[hash(name) % len(self._locks)]:
                if (kept := self._fresh(name)) is None:
                    drawn, began = draw(), time.monotonic()
                    if drawn.status_code != 200:
                        return drawn
                    if len(self._kept) >= MOST:
                        self._kept.clear()
                    kept = self._kept[name] = (KEY.split(drawn.get_data(as_text=True)), drawn.headers, began)
        around, headers, _ = kept
        return Response(key().join(around), headers=headers.copy())  # what is added to one answer stays its own

    def _fresh(self, name):
        kept = self._kept.get(name)
        return kept if kept and time.monotonic() - kept[2] < self.seconds else None


strangers = KeptPages(seconds=1)
