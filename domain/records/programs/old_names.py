"""Names that a field had: who still uses them, until when, and taking one back before its time."""

import threading
import time
from collections import Counter
from datetime import datetime

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import NotFound
from domain.records import collections, shape_changes
from models import ApiKey, ApiNameUse, RecordField

EVERY = 60  # seconds between two notes of one use

_waiting: Counter = Counter()  # (key, field, name) → calls that aren't noted yet
_noted: dict = {}  # the same → when it was noted last
_lock = threading.Lock()


def used(listing, words):
    """[(id of the field, the name)] of `words()` that are no field's name any more."""
    cells = (getattr(listing.source, "shape", None) and listing.source.shape.cells) or ()
    had = {name: cell.id for cell in cells if cell.name in listing.by_name for name in cell.aliases}
    present = {cell.api_name for cell in cells}
    return sorted({(had[word], word) for word in words() if word in had and word not in present}) if had else []


def note(key, pairs):
    """Count that a key used old names: the first time at once, then once in EVERY seconds."""
    due = {}
    with _lock:
        for field, name in pairs:
            use = key.id, field, name
            _waiting[use] += 1
            if time.monotonic() - _noted.get(use, -EVERY) >= EVERY:
                _noted[use] = time.monotonic()
                due[use] = _waiting.pop(use)
        if len(_noted) > 10_000:
            _noted.clear()
    if due:
        _write(due)


@writes
def _write(due):
    for (key, field, name), calls in sorted(due.items()):
        lock("api names", field)
        here = ApiNameUse.key == key, ApiNameUse.field == field, ApiNameUse.name == name
        if not ApiNameUse.update(calls=ApiNameUse.calls + calls, used_at=now()).where(*here).execute():
            ApiNameUse.create(key=key, field=field, name=name, calls=calls, used_at=now())


def until(pairs):
    """(when the first of these names was given up, when the first of them ends) as moments; None where none ends."""
    rows = {row.id: row for row in RecordField.select().where(RecordField.id.in_({field for field, _ in pairs}))}
    ends = [
        datetime.fromisoformat(end)
        for field, name in pairs
        if field in rows
        for had, end in rows[field].aliases
        if had == name
    ]
    return (min(ends) - collections.ALIASED, min(ends)) if ends else None


def of(field):
    """[(name, until when, its ApiNameUses with their keys, the last first)] of a field's old names that still hold."""
    uses = ApiNameUse.select(ApiNameUse, ApiKey).join(ApiKey).where(ApiNameUse.field == field)
    found = list(uses.order_by(ApiNameUse.used_at.desc()))
    held = [(name, datetime.fromisoformat(end)) for name, end in field.aliases if end > now().isoformat()]
    return [(name, end, [use for use in found if use.name == name]) for name, end in held]


@writes
def let_go(slug, id, name, *, by, shape=None):
    """Let a field answer to an old name no more. Refuses with NotFound or Stale."""
    collection = collections.to_build(slug, by)
    field = collections.field_of(collection, id)
    left = [pair for pair in field.aliases if pair[0] != name]
    if left == field.aliases:
        raise NotFound("The field has no such old name.")
    ended = [[had, now().isoformat() if had == name else end] for had, end in field.aliases]  # nobody else gets it
    summary = f"{collection.name}: {field.label} isn't {name} to programs any more"
    shape_changes.make(collection, {"fields": {field.id: {"aliases": ended}}}, summary, by, shape)
