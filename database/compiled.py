"""Queries built once, and rows made into instances: Peewee finds out anew for each answer which column is whose."""

from functools import cache
from typing import Any

from peewee import (
    JOIN,
    AutoField,
    BigIntegerField,
    CharField,
    CursorWrapper,
    Field,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from database.connections import database
from database.parameters import IN_SCOPE, Parameter
from database.scope import EVERYWHERE, _scope, _standing
from database.statements import plain_columns


class Compiled:
    """A query whose SQL text is built once: building costs Peewee 0.1 ms, running it a tenth of that.

    Only for what every page, webhook, spend or list asks; each says the figure of the bench that needs it.

    `build()` returns a query whose changing values are `parameter(name)`; a call gives them and gets tuples.
    The scope is such a parameter too: it is asked anew at each call.
    """

    def __init__(self, build):
        self.build, self._texts = build, {}

    def __call__(self, **values):
        place = _scope.get()
        kind = place if place in (None, EVERYWHERE) else IN_SCOPE
        key = (database.dialect, kind)
        held = self._texts.get(key)
        if held is None:
            with _standing(kind):
                held = self._texts[key] = self.build().bind(database.obj).sql()
        text, params = held
        values["scope"] = place
        given = [values[p.name] if isinstance(p, Parameter) else p for p in params]
        return database.execute_sql(text, given).fetchall()


class CompiledRows(Compiled):
    """The same for whole rows: `build()` selects all columns of one table, and a call gets its rows."""

    def __init__(self, model, build):
        super().__init__(build)
        self.model = model

    def __call__(self, **values):
        return [whole_row(self.model, row) for row in super().__call__(**values)]

    def first(self, **values):
        """The first row, or None; the query has a limit of its own."""
        return next(iter(self(**values)), None)


class CompiledPairs(Compiled):
    """The same for whole rows of a table, each with the row that one of its references meets: `build()` selects all
    columns of both tables."""

    def __init__(self, reference, build):
        super().__init__(build)
        self.model, self.name, self.other = reference.model, reference.name, reference.rel_model
        self.width = len(self.model._meta.sorted_fields)

    def __call__(self, **values):
        found = []
        for row in super().__call__(**values):
            found.append(whole_row(self.model, row[: self.width]))
            found[-1].__rel__[self.name] = whole_row(self.other, row[self.width :])
        return found


# --- rows of answers ---------------------------------------------------------------------------------------


class WholeRows(CursorWrapper):
    """Rows of one table with all its columns, which needn't be found out from each answer."""

    def __init__(self, cursor, model):
        super().__init__(cursor)
        self.model = model

    def process_row(self, row):
        return whole_row(self.model, row)


def whole_row(model, row):
    """An instance of all columns of its table, as the database gives them."""
    names, readers = _read_as(model)
    values = dict(zip(names, row, strict=True))
    for name, read in readers:
        if values[name] is not None:
            values[name] = read(values[name])
    return model.of(**values)


@cache
def _read_as(model):
    """(names of the columns in their order, (name, reader) of those that aren't as the database says them)"""
    fields = model._meta.sorted_fields
    return tuple(f.name for f in fields), _readers(fields)


def _readers(fields):
    """(name, reader) of those columns that aren't as the database says them."""
    as_told = (IntegerField, BigIntegerField, AutoField, TextField, CharField, ForeignKeyField)
    other = [f for f in fields if not isinstance(f, as_told) or type(f).python_value not in _USUAL]
    return tuple((f.name, f.python_value) for f in other)


_USUAL = (Field.python_value, ForeignKeyField.python_value)


class JoinedRows(CursorWrapper):
    """Rows of tables that are joined by their references, with what was selected of each. For `order_vs_pretix`."""

    def __init__(self, cursor, model, plan):
        super().__init__(cursor)
        self.model, (self.parts, self.links) = model, plan

    def process_row(self, row):
        made = {}
        for model, columns, readers in self.parts:
            values = {name: row[at] for name, at in columns}
            for name, read in readers:
                if values[name] is not None:
                    values[name] = read(values[name])
            made[model] = model.of(**values)
        for source, name, target, key in self.links:
            held = made[source]
            held.__rel__[name], held.__data__[name] = made[target], made[target].__data__[key]
        return made[self.model]


_plans: dict[tuple, tuple | None] = {}
MOST_PLANS = 1000


def joined_plan(query):
    """How JoinedRows reads a select; None where it isn't plainly columns of tables, each with its primary key, whose
    references meet."""
    if (plain := plain_columns(query._returning)) is None:
        return None
    joins = tuple((source, tuple(its)) for source, its in query._joins.items())
    key = query.model, plain[0], joins
    if key not in _plans:
        if len(_plans) >= MOST_PLANS:
            _plans.clear()
        _plans[key] = _planned(query, joins)
    return _plans[key]


def _planned(query, joins):
    found: dict[Any, list] = {}
    for at, field in enumerate(query._returning):
        found.setdefault(field.model, []).append((field, at))
    links = []
    for source, its in joins:
        for target, name, constructor, how in its:
            reference = getattr(source, "_meta", None) and source._meta.fields.get(name)
            if not isinstance(reference, ForeignKeyField) or constructor is not target or how != JOIN.INNER:
                return None
            key = reference.rel_field.name
            if source not in found or all(field.name != key for field, _ in found.get(target, ())):
                return None
            links.append((source, name, target, key))
    if set(found) != {query.model, *(target for _, _, target, _ in links)}:
        return None
    parts = [(model, [(f.name, at) for f, at in its], _readers(f for f, _ in its)) for model, its in found.items()]
    return parts, links
