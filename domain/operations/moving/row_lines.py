"""Rows of an organization as lines of JSON, by their fields in models.py: nothing is listed by hand but what must not
travel."""

import base64
import json
from datetime import UTC, datetime

from peewee import BlobField, ForeignKeyField, JSONField

from database.columns import DayOrMoment, Ids, Moment
from models import OWNED, ModerationItem, ModerationReport, User

BATCH = 500
# What opens something, or is sealed under the key of its site: it stays where it was made.
SECRETS = {
    ("invitation_link", "secret_hash"),
    ("organization_key", "sealed"),
    ("payment_account", "key"),
    ("payment_account", "secret"),
    ("device", "token_hash"),
    ("api_key", "secret_hash"),
    ("flyer", "secret_hash"),
    ("webhook_endpoint", "secret"),
    ("webhook_endpoint", "old_secret"),
    *(("public_link", "token_hash"), ("public_link", "password_hash"), ("public_answer", "secret_hash")),
}

# Who reported something, and who of the site decided, is told to nobody whom it was about.
UNTOLD = (ModerationItem, ModerationReport)


def name_of(table):
    """What a table is called in the database."""
    return table._meta.table_name


def parents_last():
    """The organization's tables whose rows travel, those that refer before those that are referred to: what is written
    while they are read one after the other is then missed by a table that refers, and not by what it refers to."""
    return [table for table in OWNED[::-1] if table not in UNTOLD]


def batches(table):
    """The rows of the organization that one stands in, some at a time."""
    meta = table._meta
    if "id" in meta.fields:
        after = 0
        while rows := list(table.select().where(table.id > after).order_by(table.id).limit(BATCH)):
            after = rows[-1].id
            yield rows
        return
    first = meta.fields[meta.primary_key.field_names[0]]  # a table that stands beside another one
    for parents in batches(first.rel_model):
        for parent in parents:
            if rows := list(table.select().where(first == parent.id)):
                yield rows


def written(row):
    """A row as a line."""
    hidden = {field for table, field in SECRETS if table == name_of(type(row))}
    return json.dumps(
        {name: None if name in hidden else _plain(value) for name, value in row.__data__.items()}, ensure_ascii=False
    )


def _plain(value):
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def read(table, line):
    """A line as the values of a row, by field. Refuses with ValueError or KeyError what is none of this table."""
    told, fields = json.loads(line), table._meta.fields
    if not isinstance(told, dict) or set(told) != set(fields):
        raise ValueError(f"a row of {name_of(table)} has other fields")
    return {name: _meant(fields[name], value) for name, value in told.items()}


def _meant(field, value):
    if value is None or isinstance(field, JSONField):
        return value
    if isinstance(value, dict) or (isinstance(value, list) and not isinstance(field, Ids)):
        raise ValueError(f"{field.name} can't be {value!r:.40}")
    if isinstance(field, Moment):
        return datetime.fromisoformat(value)
    if isinstance(field, DayOrMoment):
        return field.python_value(value)
    if isinstance(field, Ids):
        return tuple(map(int, value))
    return base64.b64decode(value) if isinstance(field, BlobField) else value


def stored(field, value):
    """A value as its column has it."""
    if isinstance(field, JSONField):
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return field.db_value(value)


def people_in(table):
    """The fields of a table that say who."""
    return [
        field.name
        for field in table._meta.sorted_fields
        if isinstance(field, ForeignKeyField) and field.rel_model is User
    ]
