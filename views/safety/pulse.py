"""How this process answers, counted as it goes and written down once a minute, also when nobody asked: a minute that
nobody wrote was not measured."""

import contextlib
import logging
import os
import socket
import threading
import time
from datetime import timedelta

from database.clock import now
from database.connections import database
from database.moving import freezing
from database.troubles import Unavailable
from domain.base import configuration
from domain.operations.releases import pulses
from views.safety import memory

log = logging.getLogger("guildhall.pulse")

_lock = threading.Lock()
_counts = pulses.Counts()
since_start = pulses.Counts()
_over = threading.Event()
_thread = None


def count(status, began):
    """A request was answered."""
    took = (time.perf_counter() - began) * 1000
    with _lock:
        _counts.add(status, took)
        since_start.add(status, took)


def process():
    """What this process is called."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def flush():
    """Write down the minute that is over; what couldn't be written is counted with the next."""
    global _counts
    if freezing.is_frozen():
        return
    with _lock:
        counted, _counts = _counts, pulses.Counts()
    minute = now().replace(second=0, microsecond=0) - timedelta(minutes=1)
    try:
        pulses.write(configuration.active.release_id, process(), minute, counted)
    except Unavailable:
        with _lock:
            _counts.join(counted)
    finally:
        database.close()


def begin():
    """Write each minute down from here on."""
    global _thread
    if _thread is None:
        _over.clear()
        _thread = threading.Thread(target=_live, name="pulse", daemon=True)
        _thread.start()


def end():
    """No more; the minute that isn't over is written too."""
    global _thread
    if _thread is not None:
        _over.set()
        _thread.join(5)
        _thread = None


def _live():
    while not _over.wait(60 - time.time() % 60 + 0.5):
        with contextlib.suppress(Unavailable):
            flush()
        memory.give_back()
