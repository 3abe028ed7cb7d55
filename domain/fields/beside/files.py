"""Files in a cell, as a tuple of their numbers in the order in which they came."""

from dataclasses import dataclass, replace
from typing import Any

from domain.fields.beside.linked import Ref
from domain.fields.kinds import Kind
from domain.fields.records import operators
from domain.fields.text import folded
from models import StoredFile


@dataclass(frozen=True)
class Kept:
    """The reader of the files in cells of one field, or of any: those that weren't removed."""

    table: str = ""
    field: int = 0

    def rows(self, ids):
        if not ids:
            return {}
        found = StoredFile.select().where(StoredFile.id.in_(ids), StoredFile.archived_at.is_null())
        if self.table:
            found = found.where(StoredFile.table == self.table, StoredFile.slot == self.field)
        return {file.id: file for file in found}

    def refs(self, ids, rows=None):
        rows = self.rows(ids) if rows is None else rows
        return {id: Ref(id, file.name, file.thumbnail == "made", file) for id, file in rows.items()}


@dataclass(frozen=True)
class Files(Kind):
    """Files that are put into a cell by domain/lists/attachments.py, and seen by who sees the field."""

    name = "files"
    keyed = False
    holds_files = True
    takes_many = True
    operators = operators.LONG_TEXT
    reader: Any = None

    def plain(self, value):
        return "; ".join(one.title for one in self._shown(value))

    def _shown(self, value):
        if all(isinstance(one, Ref) for one in value or ()):
            return value or ()
        found = self.reader.refs(tuple(value)) if self.reader and value else {}
        return [found[id] for id in value if id in found]

    text = plain

    def compared(self, value):
        return "", folded(self.plain(value))

    def asked(self, text):
        return "", folded(text)

    def searched(self, value):
        return ""  # a removed one would be found on

    def stored(self, value):
        return [int(id) for id in value] if value else None

    def restored(self, stored):
        return tuple(stored) if stored else None

    def to_json(self, value):
        return [
            {"id": int(one), "name": one.title, "type": one.file.type, "size": one.file.size}
            for one in self._shown(value)
        ]

    def schema(self, writes=False):
        whole, text = {"type": "integer"}, {"type": "string"}
        parts = {"id": whole, "name": text, "type": text, "size": whole}
        one = {"type": "object", "properties": parts, "required": list(parts)}
        return {"type": "array", "items": one}

    def for_all(self):
        return replace(self, reader=Kept())
