"""Salts that are destroyed when their time is over: whoever was hashed with one can't be told again after it.

One of the day, for who came by, and one of thirty days, for who reported something.
"""

import hmac
import secrets
import threading

from database.clock import now
from database.transactions import writes
from database.waking import wakes
from models import FlyerSalt

MONTH = 30  # days
_kept: dict = {}
_lock = threading.Lock()


def day():
    """Today by UTC, as its salt is called."""
    return f"{now():%Y-%m-%d}"


def month():
    """The thirty days that today is in, counted from the year 1."""
    return f"m{now().toordinal() // MONTH}"


def hashed(name, text):
    """32 bytes that stand for the text, as long as the salt called `name` (`day()` or `month()`) lives. They are the
    same in every process (HMAC-SHA256)."""
    return hmac.digest(_salt(name), text.encode(), "sha256")


def _salt(name):
    with _lock:
        found = _kept.get(name)
    if found is None:
        found = _made(name)
        with _lock:
            for old in [one for one in _kept if one not in (day(), month())]:
                del _kept[old]
            _kept[name] = found
    return found


@writes
def _made(name):
    FlyerSalt.insert(day=name, salt=secrets.token_bytes(32)).on_conflict_ignore().execute()
    return bytes(FlyerSalt.get(FlyerSalt.day == name).salt)


@writes
def destroy(limit=200):
    """Destroy the salts whose time is over, here and in the table; returns how many."""
    living = [day(), month()]
    old = FlyerSalt.select(FlyerSalt.id).where(FlyerSalt.day.not_in(living)).limit(limit)
    return FlyerSalt.delete().where(FlyerSalt.id << old).execute()


def forget():
    """Let go of what is kept in memory: another database is open."""
    with _lock:
        _kept.clear()


wakes.on_wake(wakes.OPENED, forget)
