"""What a list asks of one value of a row: to be read, ordered by, compared, and gone on from.

Lists and rows know values only through this. A column of the table and a column of a joined one are the same
to them, and so can be a value within a document.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from peewee import BooleanField, CharField, DateField, ForeignKeyField, IntegerField, JSONField, TextField, fn

from database.columns import DayOrMoment, Ids, Moment
from database.connections import database

BIGGEST = 2**63
_SMALL = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True, eq=False)
class Column:
    """A value that has a column of its own; `place` is where a joined table has it, under an alias say."""

    name: str
    field: Any
    place: Any = None

    @property
    def node(self):
        """What stands in a query."""
        return self.field if self.place is None else self.place

    @property
    def order(self):
        """What rows are ordered by: of a text its letters, A like a, in both databases the same.
        Both fold A to Z alone and go by code points from there: an É comes after z."""
        if not self.is_text:
            return self.node
        return fn.LOWER(self.node.collate('"C"') if database.dialect == "postgres" else self.node)

    @property
    def is_text(self):
        return isinstance(self.field, CharField | TextField) and not isinstance(self.field, JSONField)

    @property
    def may_be_empty(self):
        return self.field.null or self.place is not None

    @property
    def needs_reading(self):
        """Whether the value must be made of what the database gives."""
        return isinstance(self.field, Moment | DayOrMoment | Ids | JSONField)

    def read(self, raw):
        return self.field.python_value(raw)

    def stored(self, value):
        """A value as a parameter."""
        return self.field.db_value(value)

    def of(self, row):
        """The value in a row of the table; of a person or another row, the id."""
        return getattr(row, getattr(self.field, "object_id_name", None) or self.name)

    def cursor(self, value):
        """A value as the text that a page goes on from."""
        if isinstance(value, str):
            # Never nothing: that is the mark of what has no value.
            return f".{value.translate(_SMALL) if self.is_text else value}"
        return value.isoformat() if isinstance(value, date) else str(int(value))

    def after(self, text):
        """The parameter that `cursor` was made of. Raises ValueError for what it can't have made."""
        if isinstance(self.field, Moment):
            return self.stored(datetime.fromisoformat(text))
        if isinstance(self.field, DayOrMoment):
            return self.stored(self.read(text))
        if isinstance(self.field, IntegerField | ForeignKeyField | BooleanField):
            number = int(text)
            if abs(number) >= BIGGEST:
                raise ValueError(text)
            return bool(number) if isinstance(self.field, BooleanField) else number
        if isinstance(self.field, DateField):
            return self.stored(date.fromisoformat(text))
        if not text.startswith(".") or "\x00" in text:
            raise ValueError(text)
        return text[1:]
