"""Whose rows may be seen: the organization one stands in. And whether work is still one's own to write."""

from contextlib import contextmanager
from contextvars import ContextVar

EVERYWHERE = "everywhere"
_scope = ContextVar("scope", default=None)


class OutOfScope(Exception):
    """A row of an organization was touched without saying which organization one stands in."""


def scope():
    """The id of the organization one stands in, or EVERYWHERE. Refuses with OutOfScope."""
    place = _scope.get()
    if place is None:
        raise OutOfScope("Say `with inside(organization):` first.")
    return place


@contextmanager
def _standing(place):
    token = _scope.set(place)
    try:
        yield
    finally:
        _scope.reset(token)


def inside(organization):
    """Within this, tables that are Owned show and take only this organization's rows."""
    return _standing(organization if isinstance(organization, int) else organization.id)


def everywhere(reason):
    """Leave the scope aloud. `reason` is for the reader; test_house.py lists who may say it."""
    assert reason
    return _standing(EVERYWHERE)


_fence: ContextVar = ContextVar("fence", default=None)


@contextmanager
def fenced(check):
    """Within, each write transaction begins with `check()`, whose exception undoes it: for work that is somebody's only
    as long as they hold something, such as a job's lease."""
    before = _fence.set(check)
    try:
        yield
    finally:
        _fence.reset(before)


def ask_fence():
    """In a transaction that just began: raises what the check around it raises, if there is one."""
    if check := _fence.get():
        check()


def is_fenced(context):
    """Whether work with this context has a check of its own around it."""
    return context.get(_fence) is not None
