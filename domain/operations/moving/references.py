"""What in a row speaks of other rows by their numbers, so that it speaks of them where they have other ones.

Foreign keys say it themselves. The rest is here: numbers in documents, in texts, in the names of tables.
"""

import json
import re
from urllib.parse import parse_qsl, urlencode

from domain.events.books import charted
from domain.fields.kinds import whole
from domain.lists import rows
from domain.records import documents
from domain.records.archives import worked_out
from models import (
    OWNED,
    Change,
    Comment,
    Label,
    Place,
    Record,
    RecordField,
    RecordOption,
    RecordRule,
    RecordSlot,
    SavedChart,
    SavedView,
    Stock,
    StoredFile,
    Task,
)

TABLES = {table._meta.table_name: table for table in OWNED}  # type: ignore[attr-defined]
PARTS = {"files": "stored_file", "comments": "row_comment"}  # of what stands on a row
THINGS = {"event": "event", "tier": "tier", "session": "event_session", "voucher": "voucher", "budget": "voucher"}
_TOPIC = re.compile(r"record:(\d+)((?::\w+)?)")
_MENTION = re.compile(r"@\{(\d+)\}")
_FIELD = re.compile(r"(-?)f(\d+)")


class Numbers:
    """(table, number there) → number here; None for what isn't here. `names` are those of people, `kinds` those of
    slots and fields as they were numbered there."""

    def __init__(self, rows, people, names, kinds):
        self.rows, self.people, self.names, self.kinds = rows, people, names, kinds

    def row(self, table, id):
        return None if id is None else self.rows.get((table, int(id)))

    def several(self, table, ids):
        """Those of several that are here."""
        return [new for id in ids if (new := self.row(table, id)) is not None]

    def person(self, id):
        return None if id is None else self.people.get(int(id))

    def topic(self, text):
        """The name of a table of people's, or of anything else, which stays."""
        if not (found := _TOPIC.fullmatch(text)):
            return text
        return f"record:{self.row('collection', found[1]) or 0}{found[2]}"

    def of_topic(self, text, id):
        """A number in a table of this name."""
        table = PARTS.get(text.rpartition(":")[2]) or ("record" if text.startswith("record:") else text)
        return self.row(table, id) if table in TABLES else None

    def cell(self, kind, value):
        """What stands in a cell of this kind; a person who isn't here is None."""
        table = {"choice": "record_option", "choices": "record_option", "files": "stored_file"}.get(kind)
        table = table or ("record" if kind in ("link", "links") else None)
        if kind in ("person", "people"):
            return [new for id in value if (new := self.person(id))] if isinstance(value, list) else self.person(value)
        if table is None or value is None:
            return value
        return self.several(table, value) if isinstance(value, list) else self.row(table, value)


def _change(numbers, row):
    fields = row["fields"]
    if _TOPIC.fullmatch(row["table"]):
        fields = {}
        for name, told in row["fields"].items():
            if name == rows.VIA:  # who it was, in words
                fields[name] = told
            old = int(name[1:]) if _FIELD.fullmatch(name) else 0
            new = numbers.row("record_field", old)
            if new and isinstance(told, list):
                kind = numbers.kinds.get(("record_field", old))
                fields[f"f{new}"] = [numbers.cell(kind, value) for value in told]
    elif row["table"] == "task":
        people = {"assigned_to", "user", "assigned_to_id"}
        fields = {
            name: [numbers.person(value) if name in people and isinstance(value, int) else value for value in told]
            if isinstance(told, list)
            else told
            for name, told in fields.items()
        }
        if isinstance(fields.get("labels"), list):
            fields["labels"] = [_labels(numbers, value) for value in fields["labels"]]
    elif row["table"] == "event":
        named = {name: told for name in ("event_type", "workspace") if isinstance(told := fields.get(name), list)}
        fields = fields | {name: [numbers.row(name, value) for value in told] for name, told in named.items()}
    return {
        "table": numbers.topic(row["table"]),
        "row_id": numbers.of_topic(row["table"], row["row_id"]),
        "fields": fields,
    }


def _labels(numbers, value):
    if isinstance(value, list | tuple):
        return numbers.several("label", value)
    return value


def _comment(numbers, row):
    mentions = {str(id): new for id in row["mentions"] if (new := numbers.person(id))}
    text = _MENTION.sub(lambda found: f"@{{{mentions.get(found[1], found[1])}}}", row["text"])
    return {
        "table": numbers.topic(row["table"]),
        "row_id": numbers.of_topic(row["table"], row["row_id"]) or 0,
        "text": text,
        "mentions": list(mentions.values()),
    }


def _file(numbers, row):
    return {
        "table": numbers.topic(row["table"]),
        "row_id": numbers.of_topic(row["table"], row["row_id"]) or 0,
        "slot": numbers.row("record_field", row["slot"]),
    }


def _query(numbers, text):
    """An address's query of a table of people's: its fields have other numbers here, and the words of choices."""
    told = []
    for name, value in parse_qsl(text, keep_blank_values=True):
        if found := _FIELD.fullmatch(name):
            kind = numbers.kinds.get(("record_field", int(found[2])))
            name = f"{found[1]}f{numbers.row('record_field', found[2]) or 0}"
            if value.isdigit() and kind in ("choice", "choices", "person", "people"):
                value = str(numbers.cell(kind, int(value)) or value)
        if found := _FIELD.fullmatch(value):
            value = f"{found[1]}f{numbers.row('record_field', found[2]) or 0}"
        told.append((name, value))
    return urlencode(told)


def _view(numbers, row, topic="table"):
    if not _TOPIC.fullmatch(row[topic]):
        return {}
    return {topic: numbers.topic(row[topic]), "query": _query(numbers, row["query"])}


def _chart(numbers, row):
    """A chart of a list within an event names it by the event's number."""
    name, _, id = row["listing"].partition(":")
    if name in charted.LISTS:
        return {"listing": f"{name}:{numbers.row('event', whole(id)) or 0}"}
    return _view(numbers, row, "listing")


def _options(numbers, options):
    if "tree" in options:
        tree = worked_out.renumbered(options["tree"], lambda id: numbers.row("record_field", id) or 0)
        return options | {"tree": tree}
    if "table" in options:
        return options | {"table": numbers.row("collection", options["table"])}
    return options


def _field(numbers, row):
    return {
        "slot_id": numbers.row("record_slot", row["slot_id"]),
        "options": _options(numbers, row["options"]),
        "begins": numbers.cell(row["kind"], row["begins"]),
    }


def _rule(numbers, row):
    """What a condition asks is told by numbers of all kinds: until it is looked at anew, such a rule shows nothing."""
    who, fields = row["who"], {}
    if row["who"].startswith("user:"):
        who = f"user:{numbers.person(row['who'].partition(':')[2]) or 0}"
    for id, level in row["fields"].items():
        if new := numbers.row("record_field", id):
            fields[str(new)] = level
    return {"who": who, "fields": fields} | ({"sees": "none", "where": []} if row["sees"] == "some" else {})


def document(numbers, cells):
    """A row's cells by the slots that they have here."""
    found = {}
    for key, value in cells.items():
        is_words, slot = key.startswith("~"), int(key.lstrip("~s"))
        new = numbers.row("record_slot", slot)
        if new is None:
            continue
        kind = numbers.kinds.get(("record_slot", slot))
        meant = value if is_words else numbers.cell(kind, value)
        if not is_words and kind in ("person", "people") and meant in (None, []):
            gone = value if isinstance(value, list) else [value]
            found[f"~s{new}"] = "; ".join(numbers.names.get(int(id), f"#{id}") for id in gone)
        elif meant is not None:
            found[f"{'~' if is_words else ''}s{new}"] = meant
    return found


# Each tells the fields of a row that change, once all rows have their numbers.
SOFT = {
    Change: _change,
    Comment: _comment,
    SavedView: _view,
    SavedChart: _chart,
    StoredFile: _file,
    Label: lambda numbers, row: {"merged_into_id": numbers.row("label", row["merged_into_id"])},
    Task: lambda numbers, row: {"labels": tuple(numbers.several("label", row["labels"] or ())) or None},
    RecordField: _field,
    RecordSlot: lambda numbers, row: {"options": _options(numbers, row["options"])},
    RecordOption: lambda numbers, row: {"merged_into_id": numbers.row("record_option", row["merged_into_id"])},
    RecordRule: _rule,
    Record: lambda numbers, row: {"cells": documents.as_text(document(numbers, json.loads(row["cells"])))},
    Stock: lambda numbers, row: {"thing": numbers.row(THINGS[row["kind"]], row["thing"]) or 0},
    Place: lambda numbers, row: {
        "wishes": {str(new): count for id, count in row["wishes"].items() if (new := numbers.row("tier", id))},
        "tiers": tuple(numbers.several("tier", row["tiers"] or ())),
    },
}
