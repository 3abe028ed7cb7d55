"""Kinds of columns."""

import secrets
from datetime import UTC, date, datetime

from peewee import OP, SQL, BigIntegerField, CharField, Check, Expression, Field, ForeignKeyField, Node, Value
from peewee import AutoField as PlainAutoField

from database.connections import database


class AutoField(PlainAutoField):
    """Ids are never used twice: a page left open must not come to speak of another row."""

    def ddl(self, ctx):
        node = super().ddl(ctx)
        if database.dialect == "sqlite":
            node.nodes.append(SQL("AUTOINCREMENT"))
        return node


class Moment(Field):
    """An aware UTC time: TIMESTAMPTZ, or on SQLite text of fixed width, so that text order is time order."""

    field_type = "UTC"

    def db_value(self, value):
        if value is None or isinstance(value, Node):
            return value
        if value.tzinfo is None:
            raise ValueError("A time without a zone was to be stored.")
        value = value if value.tzinfo is UTC else value.astimezone(UTC)
        return value.isoformat(timespec="microseconds")[:-6] + "Z" if database.dialect == "sqlite" else value

    def python_value(self, value):
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value and value.astimezone(UTC)


class DayOrMoment(Field):
    """A day («2026-12-31»), or a moment as Moment has it on SQLite: texts whose order is the order of time.
    A day is nobody's in particular: it begins and ends where its reader is, and comes before its moments."""

    field_type = "DAY_OR_MOMENT"

    def db_value(self, value):
        if value is None or isinstance(value, Node):
            return value
        if not isinstance(value, datetime):
            return value.isoformat()
        if value.tzinfo is None:
            raise ValueError("A time without a zone was to be stored.")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def python_value(self, value):
        if not isinstance(value, str):
            return value
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)


class Ids(Field):
    """A few ids in one text, each between spaces, « 3 17 », so that one is found in it; None for none."""

    field_type = "TEXT"

    def __eq__(self, other):
        """Ids are one value, where a list would be several."""
        return super().__eq__(self.db_value(other) if isinstance(other, tuple) else other)

    __hash__ = Field.__hash__

    def db_value(self, value):
        if value is None or isinstance(value, Node | str):
            return value
        return f" {' '.join(map(str, value))} " if value else None

    def python_value(self, value):
        ids = value.split() if isinstance(value, str) else value
        return tuple(map(int, ids)) if ids else None

    def contains_id(self, id):
        """The condition that an id is among them."""
        return Expression(self, OP.ILIKE, Value(f"% {id} %", converter=False))


class State(CharField):
    """One of a few words, kept by a CHECK."""

    def __init__(self, *states, **options):
        self.states = states
        super().__init__(max_length=30, **options)

    def bind(self, model, name, set_attribute=True):
        super().bind(model, name, set_attribute)
        listed = ", ".join("'" + state + "'" for state in self.states)
        self.constraints = [Check(f'"{self.column_name}" IN ({listed})')]


def short(**options):
    return CharField(max_length=320, **options)


def money(**options):
    return BigIntegerField(**options)


def to(model, on_delete="CASCADE", **options):
    return ForeignKeyField(model, on_delete=on_delete, **options)


def partial(model, name, *fields, where, unique=False):
    """An index over only the rows that meet `where`."""
    model.add_index(model.index(*fields, name=name, where=SQL(where), unique=unique))


def spelled(where):
    """A condition or a term as an index has it: with parameters, SQLite finds no such index."""
    return SQL(where)


def public_id():
    return secrets.token_urlsafe(18)


def spoken_id():
    """One whose beginning people can read out and write beside a transfer."""
    return secrets.token_hex(12)
