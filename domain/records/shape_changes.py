"""Changes of a table's shape as differences: of which field, option, slot or table what was, and what it became.

Undoing one writes back what was, if nothing of it was changed since; it is a change itself, with a number of its own.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from database.clock import now
from database.transactions import writes
from domain import NotFound, Refused
from domain.fields.person import members
from domain.records import collections, rules
from domain.records.hanging import doubles
from models import (
    CalendarFeed,
    Collection,
    Organization,
    RecordField,
    RecordOption,
    RecordSlot,
    SavedChart,
    SavedView,
    ShapeChange,
    User,
)

TABLES: dict = {"fields": RecordField, "options": RecordOption, "slots": RecordSlot, "collections": Collection}
HANGING = {"views": SavedView, "charts": SavedChart, "feeds": CalendarFeed}  # what people saved that goes by fields
TABLES |= HANGING


class Asker(NamedTuple):
    """Who asked for what a job does."""

    user: User
    organization: Organization


def make(collection, diff, summary, by, shape=None, filled=None):
    """Write `diff`, {table: {id: {column: value}}}, and note what it was, in the present transaction.

    Returns the ShapeChange, with `doubles`: the rows whose value another has where that is ruled out now. `filled` is
    a field whose cells are as they should be already.
    Refuses with Stale when the table has another `shape` by now.
    """
    what: dict = {}
    for table, rows in diff.items():
        for id, values in rows.items():
            row = TABLES[table].get_by_id(int(id))
            pairs = {name: [_json(getattr(row, name)), _json(value)] for name, value in values.items()}
            what.setdefault(table, {})[str(id)] = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
            TABLES[table].update(**values).where(TABLES[table].id == row.id).execute()
    made = collections.changed(collection, what, summary, by, shape, filled)
    made.doubles = [
        record
        for id, pairs in what.get("fields", {}).items()
        if {"is_unique", "slot_id"} & pairs.keys()
        for record in doubles.find_anew(int(id))
    ]
    if any(SEARCHED[table] & pairs.keys() for table in what.keys() & SEARCHED.keys() for pairs in what[table].values()):
        rules.find_words_anew(Collection.get_by_id(collection.id), by)
    return made


# What the words that are searched hang on.
SEARCHED = {"fields": {"slot_id", "archived_at"}, "options": {"label", "merged_into_id"}}


def _json(value):
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def _value(json):
    return datetime.fromisoformat(json["at"]) if isinstance(json, dict) and json.keys() == {"at"} else json


FEWEST, MOST_SHOWN, SHOWN_FOR = 20, 300, timedelta(30)


def recent(collection):
    """Changes of a table, the newest first: all of a month, in which each can be taken back, and twenty at least.
    Each has `said` in words, and whether it is `undoable`."""
    rows = ShapeChange.select().where(ShapeChange.collection == collection).order_by(ShapeChange.number.desc())
    found, since = list(rows.limit(MOST_SHOWN)), now() - SHOWN_FOR
    found = [change for place, change in enumerate(found) if place < FEWEST or change.created_at >= since]
    for change in found:
        change.said = _in_words(change.what)
        tables = change.what.keys() & {*TABLES, "rules"} - {"slots"}
        change.undoable = not change.undone_by_id and bool(tables)
    return found


NAMES = {
    "label": "name",
    "kind": "kind",
    "place": "order",
    "archived_at": "put away or brought back",
    "is_required": "may be empty or not",
    "is_unique": "doubles",
    "help": "help",
    "begins": "what new rows begin with",
    "is_keyed": "order",
    "options": "settings",
    "merged_into_id": "merged",
    "name": "name",
}


def _in_words(what):
    """A change as people read it: of what, and what about it."""
    parts = [f"Who may what: {rules.called(who, members())}" for who in what.get("rules", ())]
    for table, rows in what.items():
        for id, pairs in rows.items() if table in ("fields", "options", "collections") else ():
            row = TABLES[table].get_or_none(TABLES[table].id == int(id))
            about = [NAMES[name] for name in pairs if name in NAMES]
            if row is not None and about:
                renamed = next((pair for name, pair in pairs.items() if name in ("label", "name")), None)
                parts.append(
                    f"{renamed[0]} → {renamed[1]}" if renamed else f"{_called(table, row)}: {', '.join(about)}"
                )
    return "; ".join(parts[:3]) + (" …" if len(parts) > 3 else "") if parts else "Something was added"


@writes
def undo(slug, id, *, by, shape=None):
    """Take a change back. Refuses with NotFound, Stale, or when what it made was changed since or is gone."""
    collection = collections.to_build(slug, by)
    change = ShapeChange.one(ShapeChange.collection == collection, ShapeChange.id == id)
    if change is None:
        raise NotFound("This change isn't here any more.")
    if change.undone_by_id:
        raise Refused("This was taken back already.")
    if "rules" in change.what:
        by.require("records.build")  # who builds one table makes no rules of it
        made = rules.put_back(collection, change.what["rules"], by)
        ShapeChange.update(undone_by_id=made.id).where(ShapeChange.id == change.id).execute()
        return made
    if _shows_to_all(change.what):
        by.require("records.build")
    diff: dict = {}
    for table, rows in change.what.items():
        for key, pairs in rows.items() if table in TABLES else ():
            row = TABLES[table].get_or_none(TABLES[table].id == int(key))
            if table in HANGING and (row is None or any(getattr(row, name) != pairs[name][1] for name in pairs)):
                continue  # somebody saved it anew since, or removed it
            for name, (before, after) in pairs.items():
                if _json(getattr(row, name)) != after or (before is None and table == "slots"):
                    raise Refused(f"{_called(table, row)} was changed since. Take that back first.")
                diff.setdefault(table, {}).setdefault(key, {})[name] = _value(before)
    if not diff:
        raise Refused("This can't be taken back.")
    for values in diff.get("fields", {}).values():
        if "kind" in values:  # what new rows begin with was said of the kind that it no longer is
            values.setdefault("begins", None)
    made = make(collection, diff, f"{collection.name}: a change was taken back", by, shape)
    for values in diff.get("fields", {}).values():
        if values.get("kind") == "autonumber":
            collections.number_rows(values["slot_id"], by)
    ShapeChange.update(undone_by_id=made.id).where(ShapeChange.id == change.id).execute()
    return made


def _shows_to_all(what):
    """Whether taking a change back shows what is worked out to who doesn't see all that it goes by."""
    pairs = [
        pairs["options"] for pairs in what.get("fields", {}).values() if isinstance(pairs, dict) and "options" in pairs
    ]
    return any((before or {}).get("open") and not (after or {}).get("open") for before, after in pairs)


def _called(table, row):
    if table == "slots":
        return RecordField.get_by_id(row.field_id).label
    return getattr(row, "label", None) or getattr(row, "name", "It")
