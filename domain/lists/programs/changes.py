"""What changed in a list since a program last asked, in order, for whoever keeps a copy of it.

The log of changes is the order: its ids become visible in their order (domain/base/changes.py), so a place in it skips
nothing. Rows are told as they are now, once each. What isn't theirs to see is told of only where they saw it before.
Of a list that isn't `followed` the log tells what was made and removed by hand; the rest is moments.py's.

`told` is a Table, or for tables that people made what domain/records/programs/changes.py has of the same names.
"""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import fn

from database.clock import now
from domain import Invalid, Refused
from domain.base import keys, settings
from domain.fields.forms import fingerprint
from domain.lists import lists
from domain.lists.listing import granted
from domain.lists.programs import moments, reading
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
    reached: Any  # of a list that isn't followed: moments.Reached


class Table(NamedTuple):
    """What is told of rows of a table of the house."""

    rules: Any
    by: Any
    parent: Any = None

    @property
    def sees(self):
        """What is another as soon as somebody sees other rows or fields."""
        whose = "all" if self._sees_all else self.by.user.id
        bound = self.rules.bound and (self.rules.bound.texts, self.rules.bound.day and f"{self.rules.bound.day}")
        return fingerprint([whose, self.parent, sorted(self.rules.listing.by_name), *filter(None, [bound])])

    @property
    def _sees_all(self):
        return any(tab.column is None and granted(self.by, tab.capability) for tab in self.rules.listing.readings)

    def tells(self, _change):
        """Whether a change of a row is theirs to hear of, where they see the row."""
        return True

    def listed(self, ids):
        """id → row as the list has it, of those that are there and seen."""
        listing, mine = _whole(self), self.rules.reachable(self.by)
        narrow = lambda query: query.where(listing.model.id << ids, mine)  # noqa: E731
        found = lists.find_many(listing, self.by, self.parent, narrow) if ids else ()
        return {row.id: row for row, _ in found}

    def moved(self, reached, most):
        """(id → row of the next `most` that were written behind a place, how far that is)"""
        mine = self.rules.reachable(self.by)
        rows, reached = moments.behind(_whole(self), reached, most, mine, self.by, self.parent)
        return {row.id: row for row in rows}, reached

    def seen_before(self, ids, before):
        """Those of rows that aren't seen which were behind a place, as far as the log tells whose they were."""
        listing = self.rules.listing
        stood, theirs = (() if listing.parent is None else (listing.parent.name,)), set(ids)
        if not self._sees_all:
            stood += listing.belongs
        stood += self.rules.bound.names if self.rules.bound else ()
        if not stood or not ids:
            return theirs
        was = {id: self._people(listing.rows.now_there(listing, id), stood) for id in ids}
        made = taken_back(listing, ids, before, lambda id, pairs: was[id].update(_firsts(pairs, stood)))
        return {id for id in theirs - made if self._is_theirs(was[id])}

    def _people(self, row, names):
        return {name: row.__data__.get(name) for name in names} if row is not None else {}

    def _is_theirs(self, was):
        listing = self.rules.listing
        is_here = listing.parent is None or was.get(listing.parent.name) == self.parent
        is_here = is_here and (self.rules.bound is None or self.rules.bound.met(was))
        return is_here and (self._sees_all or self.by.user.id in [was.get(name) for name in listing.belongs])


def _firsts(pairs, names):
    """What stood in some fields before a change."""
    return {name: pairs[name][0] for name in names if isinstance(pairs.get(name), list) and len(pairs[name]) == 2}


def taken_back(listing, ids, before, take_back):
    """The ids of rows that weren't there at a place, once `take_back` (id, name → [before, after]) has had, the last
    first, all that became of the others since."""
    past = (Change.table == listing.table) & Change.row_id.in_(list(ids)) & (Change.id > before)
    made = set()
    for change in Change.select().where(past).order_by(Change.id.desc()):
        take_back(change.row_id, change.fields)
        (made.add if change.verb == "created" else made.discard)(change.row_id)
    return made


def start(told):
    """What is asked for next by whoever reads the whole list from now on."""
    return _sealed(told, _newest(), None if told.rules.listing.followed else moments.here())


def since(told, place, most):
    """The Page of rows that changed behind a place. Refuses with Invalid what is no place here, and with Gone."""
    rules, stood = told.rules, _opened(told.rules, place)
    until = _until(stood.change)
    here = (Change.table == rules.listing.table) & (Change.id > stood.change) & (Change.id <= until)
    noted, heard, last = Change.select().where(here).order_by(Change.id), {}, until
    reread = stood.sees != told.sees
    for change in noted.iterator():
        if change.row_id is None:  # another shape is told by what they see of it
            reread = reread or bool(change.fields)
        elif not told.tells(change):
            continue
        elif change.row_id not in heard and len(heard) == most:
            last = change.id - 1
            break
        else:
            heard[change.row_id] = change.id
    rows, reached = told.listed(list(heard)), stood.reached
    gone = told.seen_before([id for id in heard if id not in rows], stood.change)
    ids = [id for id in sorted(heard, key=lambda id: heard[id]) if id in rows or id in gone]
    if reached:
        moved, reached = told.moved(reached, most - len(ids))
        ids, rows = list(dict.fromkeys([*ids, *moved])), rows | moved
    more = last < until or until < _newest() or bool(reached and reached.began)
    # Who is behind hasn't heard of all until now: only what was kept since they had is still told whole.
    return Page(_items(told, ids, rows), _sealed(told, last, reached, stood.at if more else None), more, reread)


def _newest():
    return Change.select(fn.max(Change.id)).scalar() or 0


def _until(change):
    """The last of the next LOOKED changes of the organization."""
    some = Change.select(Change.id).where(Change.id > change).order_by(Change.id).limit(LOOKED)
    return max((id for (id,) in some.tuples()), default=change)


def _whole(told):
    return (told.rules.told or told.rules).listing.whole


def _items(told, ids, rows):
    """Rows as JSON as they are now; of those that aren't seen any more, that they are gone."""
    listing = _whole(told)
    people = lists.people_of(listing, list(rows.values()))
    shown = {id: {"row": reading.as_json(listing, row, people)} for id, row in rows.items()}
    return [{"id": id, "deleted": id not in rows} | shown.get(id, {}) for id in ids]


# --- places -------------------------------------------------------------------------------------------------------


def _sealed(told, change, reached, at=None):
    """A place behind a change; `at` is when whoever has it had heard of everything, else now."""
    said = [told.rules.listing.table, change, at or now().isoformat(timespec="seconds"), told.sees, reached]
    return keys.seal(json.dumps(said)).rstrip("=")


def _opened(rules, text) -> Any:
    try:
        opened = json.loads(keys.unseal(text[:900] + "=" * (-len(text[2:900]) % 4)) or "[]")
        table, change, at, sees, reached = opened
    except ValueError:
        table = None
    if table != rules.listing.table:
        raise Invalid({"since": "This is no place in the changes of this list. Ask without it for one."})
    kept = timedelta(days=settings.get("change_retention_days")) - MARGIN
    if datetime.fromisoformat(at) < now() - kept:
        raise Gone("What changed since then isn't kept any more. Read the whole list, then go on from a new place.")
    return _Place(change, at, sees, reached and moments.Reached(*reached))
