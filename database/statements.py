"""The text of plain statements, kept."""

import json
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

from peewee import (
    OP,
    SQL,
    Alias,
    CharField,
    Expression,
    Field,
    FieldAlias,
    ForeignKeyField,
    Function,
    IntegerField,
    Join,
    Model,
    ModelDelete,
    ModelInsert,
    ModelSelect,
    ModelUpdate,
    Node,
    Ordering,
    TextField,
)

from database.scope import EVERYWHERE, OutOfScope, scope


class CachedStatements:
    """Peewee builds a statement's text anew each time, which costs several times what SQLite then does.

    It is kept for what is plainly one row to insert, or rows to select, count, update or delete by comparing columns
    with values, of one table or of tables joined by their columns; all else goes Peewee's way. For
    `events_worked_asking`, `writes_vs_commits`, `webhook_vs_bare`, `create_vs_django_admin`, `order_vs_pretix`.
    """

    def execute(self: Any, query, **options):
        kind = type(query)
        if options:
            known = None
        elif kind is ModelInsert:
            known = self._remembered(query)
        else:
            known = _kept(self, query) if isinstance(query, KEPT) else None
        return self.execute_sql(*known) if known else super().execute(query, **options)  # type: ignore[misc]

    def _remembered(self: Any, query):
        conflict, keys = query._on_conflict, query.model._meta.get_primary_keys()
        if not isinstance(query._insert, dict) or query._columns or query._returning not in (None, keys):
            return None
        if conflict is not None and (conflict._update or conflict._where or conflict._conflict_where):
            return None
        row = dict(query._insert)
        for field, default in query.get_default_data().items():
            if field not in row:
                row[field] = default() if callable(default) else default
        names, params = [], []
        for field in sorted(row, key=lambda field: field._sort_key):
            value, kept = row[field], True
            if isinstance(value, Node) and not isinstance(value, Model):
                return None
            value = field.db_value(value)
            if isinstance(value, Node):
                value, kept = _within(value), False
                if value is None:
                    return None
            names.append((field.name, kept))
            params.append(value)
        how = conflict and (conflict._action, _names(conflict._preserve), _names(conflict._conflict_target))
        key = (self.dialect, query.model, tuple(names), how, query._returning is None)
        text = _inserts.get(key)
        if text is None:
            whole = query.clone()
            whole._insert = row
            text, built = self.get_sql_context().sql(whole).query()
            if len(built) != len(params):
                return None
            _inserts[key] = text
        return text, params


_inserts: dict[tuple, str] = {}


def _names(fields):
    return fields and tuple(field.name for field in fields)


def _within(node):
    """The text that a column hands to a function, as in json(?); None for any other node."""
    given = (isinstance(node, Function) and node.arguments) or ()
    return given[0] if len(given) == 1 and isinstance(given[0], str) else None


# --- selects and updates ----------------------------------------------------------------------------------

_texts: dict[tuple, str | None] = {}  # None: it isn't as plain as it looks
MOST_TEXTS, LONGEST = 4000, 20  # shapes, and values of an IN
NULL, PLAIN = (OP.IS, OP.IS_NOT), (OP.EQ, OP.NE, OP.LT, OP.LTE, OP.GT, OP.GTE, OP.IS, OP.IS_NOT)
SCALARS = (str, int, float, bytes, datetime, date, Model)


class NotPlain(Exception):
    """A query whose text isn't kept."""


def _kept(database, query):
    """(text, parameters) of a plain SELECT, UPDATE or DELETE; None for any other."""
    params: list = []
    look = _select if isinstance(query, ModelSelect) else _update if isinstance(query, ModelUpdate) else _delete
    try:
        shape = look(query, params)
    except NotPlain:
        return None
    key = (database.dialect, *shape)
    if key not in _texts:
        if len(_texts) >= MOST_TEXTS:
            _texts.clear()
        text, built = database.get_sql_context().sql(query).query()
        _texts[key] = text if list(built) == params else None
    text = _texts[key]
    return (text, params) if text is not None else None


def _select(query, params):
    if (
        *(query._having, query._windows, query._for_update, query._cte_list),
        *(query._distinct, query._alias),
    ) != (None,) * 6:
        raise NotPlain
    if query._simple_distinct or query._lateral or len(query._from_list) != 1:
        raise NotPlain
    models: list = []
    joined: list = []
    tables = _tables(query._from_list[0], models, joined)
    columns = query._is_default or _columns(query._returning, models, params)
    params += joined
    where = query._where is not None and _condition(query._where, models, params)
    groups = tuple(_column(one, models, params) for one in query._group_by or ())
    order = tuple(_ordering(one, models, params) for one in query._order_by or ())
    ends = tuple(number for number in (query._limit, query._offset) if number is not None)
    params += ends
    return query.model, tables, columns, where, groups, order, query._limit is not None, len(ends)


def _tables(source, models, params):
    """The shape of what is selected from: a table, or tables that are joined by columns and values."""
    if type(source) is Join:
        join: Any = source
        known = _tables(join.lhs, models, params), _tables(join.rhs, models, params)
        return *known, join.join_type, join._on is not None and _condition(join._on, models, params)
    if not isinstance(source, type) or not issubclass(source, Model) or source in models:
        raise NotPlain
    models.append(source)
    return source


def _update(query, params):
    model = query.table
    if query._returning or query._from or query._order_by or query._limit is not None or query._cte_list:
        raise NotPlain
    names = sorted((_field(field, (model,)) for field in query._update), key=lambda field: field._sort_key)
    values = tuple((field.name, _set(field, query._update[field], params)) for field in names)
    where = query._where is not None and _condition(query._where, (model,), params)
    return model, values, where


def _delete(query, params):
    if query._returning or query._order_by or query._limit is not None or query._cte_list:
        raise NotPlain
    return query.table, "delete", query._where is not None and _condition(query._where, (query.table,), params)


KEPT = (ModelSelect, ModelUpdate, ModelDelete)


def _set(field, value, params):
    """A column's new value: the parameter's; or a column's and a number more or less; or what the column makes of it,
    such as json(?). Returns the shape of it."""
    if type(value) is Expression and value.op in (OP.ADD, OP.SUB) and isinstance(value.rhs, int):
        of = _field(value.lhs, (field.model,))
        params.append(of.db_value(value.rhs))
        return of.name, value.op, value.flat
    if isinstance(value, list | dict):
        inner = _within(field.to_value(value))
        if inner is None:
            raise NotPlain
        params.append(inner)
        return "function"
    return _value(field, value, params)


def _condition(node, models, params):
    """The shape of what rows must meet."""
    if type(node) is SQL and not node.params:
        return node.sql
    if type(node) is not Expression:
        raise NotPlain
    op, lhs, rhs = node.op, node.lhs, node.rhs
    if op in (OP.AND, OP.OR):
        both = _condition(lhs, models, params), _condition(rhs, models, params)
        return op, *both, node.flat
    field = _field(lhs, models)
    if op in PLAIN and isinstance(rhs, Field):
        return op, _place_of(field), _place_of(_field(rhs, models)), node.flat
    if op in (OP.IN, OP.NOT_IN):
        if not isinstance(rhs, list | tuple) or not 0 < len(rhs) <= LONGEST:
            raise NotPlain
        for one in rhs:
            _value(field, one, params)
        return op, _place_of(field), len(rhs), node.flat
    if op not in PLAIN or (rhs is None) is not (op in NULL):
        raise NotPlain
    if rhs is not None:
        _value(field, rhs, params)
    return op, _place_of(field), node.flat


def _value(field, value, params):
    if value is not None and not isinstance(value, SCALARS):
        raise NotPlain
    value = field.db_value(value)
    if isinstance(value, Node | list | tuple | dict):
        raise NotPlain
    params.append(value)


def _field(node, models):
    is_column = isinstance(node, Field) and not isinstance(node, FieldAlias) and getattr(node, "_coerce", True)
    if not is_column or node.model not in models:
        raise NotPlain
    return node


def _place_of(field):
    return field.model, field.name


_known_columns: dict[tuple[int, ...], tuple] = {}


def plain_columns(returning):
    """((model, name) of each, the models) of what is selected where that is columns of tables as they are, else None.
    They live as long as their tables, and so are known by their ids: looked at one by one, those of a join cost more
    than its rows."""
    key = tuple(map(id, returning))
    known = _known_columns.get(key)
    if known is None:
        for node in returning:
            if not isinstance(node, Field) or node is not node.model._meta.fields.get(node.name):
                return None
        known = tuple(map(_place_of, returning)), {node.model for node in returning}
        if len(_known_columns) >= MOST_TEXTS:
            _known_columns.clear()
        _known_columns[key] = known
    return known


def _columns(returning, models, params):
    plain = plain_columns(returning)
    if plain and plain[1].issubset(models):
        return plain[0]
    return tuple(_column(column, models, params) for column in returning)


def _column(node, models, params):
    """The shape of what is selected: a column, or what functions make of columns and plain values."""
    if type(node) is Alias:
        return _column(node.node, models, params), node.name
    if type(node) is Function and node._filter is None and node._order_by is None:
        return node.name, tuple(_argument(one, models, params) for one in node.arguments)
    if type(node) is Expression and node.op in (OP.ADD, OP.SUB):
        return node.op, _column(node.lhs, models, params), _column(node.rhs, models, params), node.flat
    if type(node) is SQL and not node.params:
        return node.sql
    return _place_of(_field(node, models))


def _argument(value, models, params):
    if type(value) not in (int, str):
        return _column(value, models, params)
    params.append(value)
    return type(value)


def _ordering(node, models, params):
    if type(node) is Ordering and node.collation is None:
        return _column(node.node, models, params), node.direction, node.nulls
    return _column(node, models, params)


def first(model, conditions, build):
    """The first row that meets conditions, as the database gives it, or None; `build()` is the query for it. Refuses
    with NotPlain. Peewee's way there costs four times what the look-up does: `order_vs_pretix`."""
    params: list = []
    shape = tuple(_condition(one, (model,), params) for one in conditions)
    params.append(1)
    database = model._meta.database.obj
    key = (database.dialect, model, shape)
    if key not in _texts:
        if len(_texts) >= MOST_TEXTS:
            _texts.clear()
        text, built = database.get_sql_context().sql(build()).query()
        _texts[key] = text if list(built) == params else None
    if (known := _texts[key]) is None:
        raise NotPlain
    return database.execute_sql(known, params).fetchone()


# --- whole rows -------------------------------------------------------------------------------------------

_rows: dict[tuple, tuple] = {}


def insert_row(model, data):
    """Insert a row (field's name → value, all of them) and return its id; None where that is Peewee's to do.

    The query that Peewee would make costs as much as all else of an insert: `records_write_per_second`.
    """
    database, meta = model._meta.database.obj, model._meta
    key = (database.dialect, model, *data)
    columns, text = _rows.get(key) or (_written_as(meta, data), None)
    params = []
    for name, as_it_is, made in columns:
        value = data[name]
        if type(value) is not as_it_is:
            value = made(value) if value is not None else None
            if isinstance(value, Node) and (value := _within(value)) is None:
                return None
        params.append(value)
    if text is None:
        query = ModelInsert(model, {meta.fields[n]: data[n] for n, *_ in columns}, returning=(meta.primary_key,))
        text, built = database.get_sql_context().sql(query).query()
        if len(built) != len(params):
            return None
        _rows[key] = columns, text
    return database.execute_sql(text, params).fetchone()[0]


def _written_as(meta, names):
    """(name, what the database takes as it is, what makes such of others) of columns, in their order."""
    fields = sorted((meta.fields[name] for name in names), key=lambda field: field._sort_key)
    return [(f.name, _plainly(f), f.db_value) for f in fields]


@cache
def _plainly(field):
    if type(field).db_value not in (Field.db_value, ForeignKeyField.db_value):
        return None
    kinds = ((IntegerField, int), (ForeignKeyField, int), (TextField, str), (CharField, str))
    return next((plain for kind, plain in kinds if isinstance(field, kind)), None)


# --- many rows --------------------------------------------------------------------------------------------


def insert_rows(table, rows, *, or_leave=False):
    """Insert rows (name → value, all of the same names) of an owned table: each belongs to where one stands.

    With `or_leave` what is there already stays as it is.
    """
    if rows:
        columns = [_column_in(table._meta.fields[name], [row[name] for row in rows]) for name in rows[0]]
        insert_values(table, tuple(rows[0]), list(zip(*columns, strict=True)), or_leave=or_leave)


def _column_in(field, values):
    """The values as the field's column has them; one and the same is made into that once."""
    plain, last, told, found = _plainly(field), None, None, []
    for value in values:
        if value is not None and type(value) is not plain:
            if value is not last:
                last, told = value, field.db_value(value)
                if isinstance(told, Node) and (inner := _within(told)) is not None:  # as json(?) writes it
                    told = json.dumps(json.loads(inner), separators=(",", ":"))
            value = told
        found.append(value)
    return found


def insert_values(table, names, given, *, or_leave=False):
    """The same of tuples, as their columns have them."""
    if not given:
        return
    owner, database = _owner(table, names), table._meta.database
    database.execute_many(_inserted(database.obj, table, names, or_leave), [(*row, owner) for row in given])


@lru_cache(maxsize=200)
def _inserted(database, table, names, or_leave):
    columns = ", ".join(_quoted(table, (*names, "organization")))
    places = ", ".join([database.param] * (len(names) + 1))
    text = f'INSERT INTO "{table._meta.table_name}" ({columns}) VALUES ({places})'  # noqa: S608  names of our own columns
    return text + (" ON CONFLICT DO NOTHING" if or_leave else "")


def update_values(table, names, given, by=("id",)):
    """Write values (tuples of those of `names` and then of `by`) over the rows of an owned table with the same `by`."""
    if not given:
        return
    owner, param = _owner(table, names), table._meta.database.obj.param
    sets = ", ".join(f"{column} = {param}" for column in _quoted(table, names))
    text = f'UPDATE "{table._meta.table_name}" SET {sets} WHERE {_same(table, by)}'  # noqa: S608  names of our own columns
    table._meta.database.execute_many(text, [(*row, owner) for row in given])


def delete_values(table, names, given):
    """Remove the rows of an owned table that have these values (tuples, as their columns have them)."""
    if given:
        owner = _owner(table, names)
        text = f'DELETE FROM "{table._meta.table_name}" WHERE {_same(table, names)}'  # noqa: S608  names of our own columns
        table._meta.database.execute_many(text, [(*row, owner) for row in given])


def new_ids(table, count):
    """Ids that no row has or had, in their order, for rows to be inserted within this write."""
    database, name = table._meta.database, table._meta.table_name
    if database.dialect == "sqlite":
        found = database.execute_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).fetchone()
        first = (found[0] if found else 0) + 1
        return list(range(first, first + count))
    text = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    return [id for (id,) in database.execute_sql(text, (name, count)).fetchall()]


def _owner(table, names):
    owner = scope()
    if owner == EVERYWHERE or "organization" in names:
        raise OutOfScope(f"{table.__name__}: many rows are written inside one organization.")
    return owner


def _quoted(table, names):
    return [f'"{table._meta.fields[name].column_name}"' for name in names]


def _same(table, names):
    return " AND ".join(f"{one} = {table._meta.database.obj.param}" for one in _quoted(table, (*names, "organization")))
