"""What changed in a table since a program last asked, in order, for whoever keeps a copy of it.

The log of changes is the order: its ids become visible in their order (domain/base/changes.py), so a place in it skips
nothing. Rows are told as they are now, once each. What isn't theirs to see is told of only where they saw it before.
"""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import fn

from database.clock import now
from domain import Invalid, Refused
from domain.base import keys, settings
from domain.fields.forms import fingerprint
from domain.fields.records.leftover import restored_cell
from domain.lists import lists
from domain.lists.programs import reading
from domain.records import questions
from domain.records.programs import pins
from domain.records.stored_rows import Row
from models import Change

LOOKED = 5000  # changes of the organization that are looked through for one page
MARGIN = timedelta(hours=1)  # between what is promised and what is removed


class Gone(Refused):
    """What happened since then isn't known any more."""

    code, status = "CHANGES_GONE", 410


class Page(NamedTuple):
    items: list
    since: str  # what is asked for next
    more: bool
    reread: bool  # whether rows changed that aren't named: the whole list is to be read again


class _Place(NamedTuple):
    change: int
    at: str
    sees: str


def start(rules):
    """What is asked for next by whoever reads the whole list from now on."""
    return _sealed(rules, _newest())


def since(rules, place, by, most):
    """The Page of rows that changed behind a place. Refuses with Invalid what is no place here, and with Gone."""
    stood, sees = _opened(rules, place), _sees(rules)
    until = _until(stood.change)
    here = (Change.table == rules.listing.table) & (Change.id > stood.change) & (Change.id <= until)
    noted, rows, last = Change.select().where(here).order_by(Change.id), {}, until
    reread = stood.sees != sees
    for change in noted.iterator():
        if change.row_id is None:  # another shape is told by what they see of it
            reread = reread or bool(change.fields)
        elif change.row_id not in rows and len(rows) == most:
            last = change.id - 1
            break
        else:
            rows[change.row_id] = change.id
    order = sorted(rows, key=lambda id: rows[id])
    items = _items(rules, order, stood.change, by)
    more = last < until or until < _newest()
    # Who is behind hasn't heard of all until now: only what was kept since they had is still told whole.
    return Page(items, _sealed(rules, last, stood.at if more else None), more, reread)


def _newest():
    return Change.select(fn.max(Change.id)).scalar() or 0


def _until(change):
    """The last of the next LOOKED changes of the organization."""
    some = Change.select(Change.id).where(Change.id > change).order_by(Change.id).limit(LOOKED)
    return max((id for (id,) in some.tuples()), default=change)


def _items(rules, ids, before, by):
    """Rows as JSON as they are now; of those that aren't seen any more, that they are gone."""
    as_told = rules.told or rules
    listing = as_told.listing.whole
    found = as_told.listing.source.get_many(ids)
    rows = {id: row.listed(listing) for id, row in found.items()}
    people = lists.people_of(listing, list(rows.values()))
    left = _seen_before(rules, [id for id in ids if id not in rows], before)
    shown = {id: {"row": reading.as_json(listing, row, people)} for id, row in rows.items()}
    return [{"id": id, "deleted": id not in rows} | shown.get(id, {}) for id in ids if id in rows or id in left]


def _seen_before(rules, ids, before):
    """Those of rows that aren't seen which were, as far as the log tells what stood in them."""
    source = rules.listing.source
    if source.rights.sees == "all" or not ids:
        return set(ids)
    rows = {values[0]: Row(source.shape, *values) for values in questions.ever(ids, source.shape.collection)}
    past = (Change.table == rules.listing.table) & Change.row_id.in_(ids) & (Change.id > before)
    made = set()
    for change in Change.select().where(past).order_by(Change.id.desc()):
        if row := rows.get(change.row_id):
            _take_back(row, change)
        if change.verb == "created":
            made.add(change.row_id)
        else:
            made.discard(change.row_id)
    stood = [row for id, row in rows.items() if id not in made]
    return {row.id for row in source.rights.shown(source.shape, stood)}


def _take_back(row, change):
    """What stood in a row before a change."""
    for name, pair in change.fields.items():
        cell = row.shape.by_name.get(name)
        if cell and isinstance(pair, list) and len(pair) == 2:
            row.cells[name] = restored_cell(cell.kind, pair[0]) if pair[0] is not None else None


# --- places -------------------------------------------------------------------------------------------------------


def _sees(rules):
    """What is another as soon as somebody sees other rows or fields, or the table has other ones."""
    source = rules.listing.source
    rights = source.rights
    return fingerprint([pins.number(rules), rights.sees, repr(rights.where), sorted(rules.listing.by_name)])


def _sealed(rules, change, at=None):
    """A place behind a change; `at` is when whoever has it had heard of everything, else now."""
    said = [rules.listing.table, change, at or now().isoformat(timespec="seconds"), _sees(rules)]
    return keys.seal(json.dumps(said)).rstrip("=")


def _opened(rules, text) -> Any:
    try:
        table, change, at, sees = json.loads(keys.unseal(text[:600] + "=" * (-len(text[2:600]) % 4)) or "[]")
    except ValueError:
        table = None
    if table != rules.listing.table:
        raise Invalid({"since": "This is no place in the changes of this list. Ask without it for one."})
    kept = timedelta(days=settings.get("change_retention_days")) - MARGIN
    if datetime.fromisoformat(at) < now() - kept:
        raise Gone("What changed since then isn't kept any more. Read the whole list, then go on from a new place.")
    return _Place(change, at, sees)
