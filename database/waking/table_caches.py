"""A small table kept in the process: read anew after a commit that woke it, and after a second in any case."""

import threading
import time

from database.waking import wakes

FRESH = 1.0  # seconds that another process's change may stay unseen
OLD = float("-inf")


class TableCache:
    """What `read()` returned, at most FRESH seconds ago. `wake(name)` in the writing transaction makes it old."""

    def __init__(self, name, read):
        self._read, self._rows, self._read_at, self._lock = read, None, OLD, threading.Lock()
        wakes.on_wake(name, self.forget)

    def rows(self):
        if time.monotonic() - self._read_at > FRESH:
            with self._lock:
                began = time.monotonic()
                self._rows = self._read()
                self._read_at = began
        return self._rows

    def forget(self):
        """Read anew at the next look."""
        self._read_at = OLD
