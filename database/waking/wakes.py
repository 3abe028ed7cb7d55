"""Who is woken after a commit: a hint, and never the truth, which is the rows."""

import logging

log = logging.getLogger("guildhall.wakes")

OPENED = "another database is open"  # the topic of what must be forgotten then, and only then

_listeners: dict = {}
_worked_here: set = set()
_tell = None


def on_wake(topic, listener, *, is_worked=False):
    """Have `listener()` called after each commit that said `wake(topic)`; it must return at once. Where all that waits
    `is_worked` off by it, no other process needs to hear of the topic."""
    _listeners.setdefault(topic, []).append(listener)
    if is_worked:
        _worked_here.add(topic)


def let_sleep(topic, listener):
    """Undo `on_wake`."""
    _listeners[topic].remove(listener)
    _worked_here.discard(topic)


def tell_others(tell):
    """Have `tell(topics)` called after commits, for listeners in other processes; None undoes it."""
    global _tell
    _tell = tell


def wake_everybody():
    """What listeners know is of another database, or of none."""
    wake_here(tuple(_listeners))


def wake_for_missed():
    """What other processes committed may have gone unheard."""
    wake_here(_listeners.keys() - {OPENED})


def rouse(topics):
    """It has committed here: wake who waits for these, in this process and in others."""
    wake_here(topics)
    if _tell and (elsewhere := set(topics) - _worked_here):
        _tell(elsewhere)


def wake_here(topics):
    """Wake whoever waits for these in this process, whoever has committed."""
    for topic in topics:
        for listener in tuple(_listeners.get(topic, ())):
            try:
                listener()
            except Exception:
                log.exception("a listener of %s failed", topic)
