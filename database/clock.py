"""The one present moment."""

from datetime import UTC, datetime


def _system_clock():
    return datetime.now(UTC)


_clock = _system_clock


def now():
    """The one present moment, aware and in UTC."""
    return _clock()


def set_clock(clock=None):
    """Tests hold the clock; None lets it go again."""
    global _clock
    _clock = clock or _system_clock
