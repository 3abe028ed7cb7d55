"""A row of a table that people made, as its table has it."""

import json

from domain.fields.records.leftover import LeftOver, stored_cell
from models import Record

SYSTEM = {  # what every row has besides its cells
    "created_by": Record.created_by,
    "created_at": Record.created_at,
    "changed_by": Record.changed_by,
    "changed_at": Record.changed_at,
}
_PLACES = {name: place for place, name in enumerate(SYSTEM)}


def results(shape, document):
    """What formulas give in a document, by name, as JSON."""
    return {cell.name: stored_cell(cell.kind, cell.value(document)) for cell in shape.computed}


class Row:
    """A row as its table has it, out of its document or the text of it."""

    __slots__ = ("cells", "document", "id", "others", "shape", "system", "version")

    def __init__(self, shape, id, text, version, *system):
        self.id, self.shape, self.version = id, shape, version
        self.document = json.loads(text) if isinstance(text, str) else text
        self.cells: dict = {}  # those that were asked for
        self.others: dict = {}  # name of a link → the rows it points to, as links.seen leaves them
        self.system = system

    def value(self, name):
        if name in self.cells:
            return self.cells[name]
        if name in SYSTEM:
            return SYSTEM[name].python_value(self.system[_PLACES[name]])
        found = self.cells[name] = self.shape.by_name[name].value(self.document)
        return found

    def listed(self, listing):
        """The row as a list has it."""
        held, document, ways, found = self.cells, self.document, self.shape.ways, []
        for name in listing.Row._fields:
            if name in held or (way := ways.get(name)) is None:
                found.append(self.id if name == "id" else self.value(name))
                continue
            stored, left_over, restored = way
            if (value := document.get(stored)) is not None:
                found.append(restored(value) if restored else value)
            else:
                words = document.get(left_over)
                found.append(None if words is None else LeftOver(words))
        return listing.Row._make(found)

    def asked(self, name):
        """What a condition is about: a field, or «link.field» of the rows that a link points to."""
        link, _, beyond = name.partition(".")
        return [other.value(beyond) for other in self.others.get(link, ())] if beyond else self.value(name)

    def results(self):
        """What formulas give, by name, as JSON."""
        return results(self.shape, self.document)

    def __getattr__(self, name):
        """What rules and lists ask a row by: a field, or created_by_id as of any row."""
        if name == "created_by_id":
            return self.system[_PLACES["created_by"]]
        try:
            return self.value(name)
        except KeyError:
            raise AttributeError(name) from None
