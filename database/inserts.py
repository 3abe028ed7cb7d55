"""The text of an INSERT of one row, kept."""

from typing import Any

from peewee import Model, ModelInsert, Node

from database.scope import EVERYWHERE, OutOfScope, scope


class CachedInserts:
    """Inserting one row: Peewee builds the text anew each time, which costs several times what SQLite then does.

    It is kept for each table and set of columns. What isn't plainly one row of values goes Peewee's way. For
    `writes_vs_commits`, `webhook_vs_bare` and `create_vs_django_admin`, each of which is mostly one insert.
    """

    def execute(self: Any, query, **options):
        known = self._remembered(query) if type(query) is ModelInsert else None
        return self.execute_sql(*known) if known else super().execute(query, **options)  # type: ignore[misc]

    def _remembered(self: Any, query):
        conflict, keys = query._on_conflict, query.model._meta.get_primary_keys()
        if not isinstance(query._insert, dict) or query._columns or query._returning not in (None, keys):
            return None
        if conflict is not None and conflict._action != "IGNORE":
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
            if isinstance(value, Node):  # such as json(?)
                inner = self.get_sql_context().sql(value).query()[1]
                if len(inner) != 1:
                    return None
                value, kept = inner[0], False
            names.append((field.name, kept))
            params.append(value)
        key = (self, query.model, tuple(names), conflict is None, query._returning is None)
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


def insert_rows(table, rows):
    """Insert rows (name → value, all of the same names) of an owned table: each belongs to where one stands."""
    if not rows:
        return
    owner, fields = scope(), [table._meta.fields[name] for name in rows[0]]
    if owner == EVERYWHERE or "organization" in rows[0]:
        raise OutOfScope(f"{table.__name__}: many rows are inserted inside one organization.")
    columns = [*fields, table._meta.fields["organization"]]
    names = ", ".join(f'"{field.column_name}"' for field in columns)
    database = table._meta.database
    places = ", ".join([database.obj.param] * len(columns))
    text = f'INSERT INTO "{table._meta.table_name}" ({names}) VALUES ({places})'  # noqa: S608  names of our own columns
    given = [(*(field.db_value(row[field.name]) for field in fields), owner) for row in rows]
    database.execute_many(text, given)
