"""Links between rows: what the other row is called for whoever looks, how it is found, and who points to a row.

A cell holds the numbers of rows; beside the document `record_link` has them from the other side, as keys do. A row
that lies in the trash or isn't the reader's to see is nowhere: the cell is as if it didn't point there.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from domain import Invalid
from domain.fields import kinds
from domain.fields.beside import linked
from domain.fields.beside.files import Kept
from domain.fields.records.leftover import LeftOver, plain_cell
from domain.fields.text import Text
from domain.records import documents, rights, shapes
from domain.records.shapes import EMPTY
from domain.records.stored_rows import Row
from models import Collection, Record, RecordField, RecordKey

_TITLE = Text(1000)
TWINS = 2000  # rows of one name that are looked at


@dataclass(frozen=True)
class Reader:
    """The rows of a table as somebody may see them from elsewhere: see Linked."""

    slug: str
    shape: Any
    rights: Any

    @property
    def called(self):
        return self.shape.name

    @property
    def adds(self):
        is_written = not (self._title.field.acted or self._title.kind.pointing)
        return self.rights.adds and is_written and self._title.name not in self.rights.fixed

    @cached_property
    def fields(self):
        return tuple(cell.field for cell in self._cells)

    @cached_property
    def _cells(self):
        return tuple(cell for cell in self.shape.cells if self.rights.sees_field(cell.name))

    @property
    def _title(self):
        return self._cells[0]

    def rows(self, ids):
        """id → row, of those that are there and seen."""
        return {row.id: row for row in self._seen(_rows(self.shape).where(Record.id.in_(ids)))} if ids else {}

    def _seen(self, query):
        rows = (Row(self.shape, *values, None, None, None) for values in query.tuples())
        return self.rights.shown(self.shape, list(rows))

    def refs(self, ids, rows=None):
        """id → Ref of those that are seen; two of one name have their numbers behind it."""
        rows = self.rows(ids) if rows is None else rows
        titles = {id: self._called(row) for id, row in rows.items()}
        keys = {id: self._title_key(row) for id, row in rows.items()}
        twins = self._twins({key for id, key in keys.items() if titles[id]})
        return {id: linked.Ref(id, _numbered(title, id, keys[id] in twins)) for id, title in titles.items()}

    def _called(self, row):
        return " ".join(plain_cell(self._title.kind, row.value(self._title.name)).split())

    def _title_key(self, row):
        return self._title.key(row.value(self._title.name)) if self._title.is_keyed else None

    def _twins(self, keys):
        """The keys of names that more than one row has, of those that are seen."""
        if None in keys:
            return keys
        seen: set = set()
        many: set = set()
        for row in self._with_keys(keys):
            key = self._title_key(row)
            (many if key in seen else seen).add(key)
        return many

    def _with_keys(self, keys):
        if not keys:
            return []
        query = _rows(self.shape).join(RecordKey, on=(RecordKey.record == Record.id))
        return self._seen(query.where(RecordKey.slot == self._title.slot, RecordKey.key.in_(keys)).limit(TWINS))

    def named(self, text):
        """The ids of rows that are called exactly so, without case."""
        cell = self._title
        if not cell.is_keyed:
            return []
        try:
            value = cell.kind.read(text)
        except ValueError:
            return []
        if value is None:
            return []
        return [row.id for row in self._with_keys({cell.key(value)})]


def _numbered(title, id, is_twin):
    return f"{title} #{id}".strip() if is_twin or not title else title


def _rows(shape):
    columns = Record.id, Record.cells, Record.version, Record.created_by
    return Record.select(*columns).where(Record.collection == shape.collection, Record.archived_at.is_null())


def _everything(table):
    collection = Collection.one(Collection.id == table)
    return collection and Reader(collection.slug, shapes.read(collection), rights.ALL)


linked.offer(_everything)


def reader(allowed, cell, shape):
    """The reader of a link's other table for whoever has these rights over the link's own; None shows nothing."""
    if cell.kind.holds_files:
        return Kept(f"record:{shape.collection}", cell.id)
    found = next((one for one in allowed.linked if one[0] == cell.name), None)
    return Reader(*found[1:]) if found else None


def kind_for(allowed, cell, shape):
    """The kind of a cell for whoever has these rights: of a link, with who reads the other table; of files likewise."""
    if not (cell.kind.pointing or cell.kind.holds_files):
        return cell.kind
    return replace(cell.kind, reader=reader(allowed, cell, shape))


def seen(readers, rows):
    """Leave in the cells of rows what is seen of the rows they point to; each gets these as `others` besides."""
    for name, one in readers:
        ids = {id for row in rows for id in documents.numbers(row.value(name))}
        found = one.rows(ids) if one else {}
        refs = one.refs(ids, found) if found else {}
        for row in rows:
            if value := documents.numbers(row.value(name)):
                row.cells[name] = tuple(refs[id] for id in value if id in refs) or None
                row.others[name] = [found[id] for id in value if id in found]
    return rows


def by_title(readers, rows, cell, most):
    """(what orders it, row) of rows by the first name that is seen of what they point to.

    Refuses with Invalid more rows than `most`: names of other rows are in no order that could be walked.
    """
    if len(rows) > most:
        raise Invalid({"sort": f"At most {most:,} rows are ordered by what they link to. Narrow the list first."})
    seen([pair for pair in readers if pair[0] == cell.name], rows)
    first = [(documents.numbers(row.value(cell.name)) or (None,))[0] for row in rows]
    return [(EMPTY if one is None else "1" + _TITLE.key(one.title), row) for one, row in zip(first, rows, strict=True)]


def spans(allowed, shape, asked):
    """[(slot of a link, slot of the other table, from, to)] of what is asked of a linked row, where keys tell it."""
    name, _, beyond = asked.field.name.partition(".")
    found = next((there for link, _, there, _ in allowed.linked if link == name), None)
    cell = found and found.by_name.get(beyond)
    if cell is None or not cell.is_keyed or (span := cell.kind.span(asked.operator, asked.operand)) is None:
        return []
    return [(shape.by_name[name].slot, cell.slot, "1" + span[0], "1" + span[1])]


def whole(shape, readers, document, values):
    """Values to write with what the writer doesn't see of the links among them."""
    by_name = shape.by_name
    return values | {name: _kept(by_name[name], document, values[name], one) for name, one in readers if name in values}


def _kept(cell, document, value, reader):
    """What a link becomes when somebody writes `value`: what they don't see of it stays, where there is room."""
    stands = cell.value(document)
    if not isinstance(stands, tuple) or isinstance(value, LeftOver):
        return value
    shown = reader.rows(stands) if reader else {}
    hidden = [id for id in stands if id not in shown]
    if not cell.kind.takes_many:
        return value or tuple(hidden) or None
    return (*(value or ()), *(id for id in hidden if id not in (value or ()))) or None


def pointing(table):
    """The fields by which rows of any table point to those of the table with this number."""
    fields = RecordField.select().where(RecordField.kind.in_(("link", "links")), RecordField.archived_at.is_null())
    return [row for row in fields.order_by(RecordField.id) if kinds.whole(row.options.get("table")) == table]
