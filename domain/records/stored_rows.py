"""A row of a table that people made, as its table has it."""

import json

from domain.records import documents
from models import Record

SYSTEM = {  # what every row has besides its cells
    "created_by": Record.created_by,
    "created_at": Record.created_at,
    "changed_by": Record.changed_by,
    "changed_at": Record.changed_at,
}


class Row:
    """A row as its table has it."""

    __slots__ = ("cells", "document", "id", "system", "version")

    def __init__(self, shape, id, text, version, *system):
        self.id, self.version = id, version
        self.document = json.loads(text)
        self.cells = documents.values(shape, self.document)
        self.system = dict(zip(SYSTEM, system, strict=True))

    def value(self, name):
        if name in SYSTEM:
            return SYSTEM[name].python_value(self.system[name])
        return self.cells[name]

    def __getattr__(self, name):
        """What rules and lists ask a row by: a field, or created_by_id as of any row."""
        if name == "created_by_id":
            return self.system["created_by"]
        try:
            return self.value(name)
        except KeyError:
            raise AttributeError(name) from None
