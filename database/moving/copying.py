"""Rows from a SQLite file into PostgreSQL, in pieces that are each committed with how far they came: what a kill cuts
off goes on from the last one.

The tables there are the migrations' own, and their owner copies: for as long as it takes, row security doesn't bind
it and `updated_at` isn't touched. Large ones have no indexes and no foreign keys until all rows are there; what they
are made by again lies in a table beside.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from database.moving import columns
from database.moving.columns import Column, Shape

PIECE = 50_000  # rows
LARGE = 1000  # rows of a table that gets its indexes and foreign keys after them
PROGRESS, LATER = "move_progress", "move_later"
WAY = 2  # in which progress is noted: what was begun in another is begun anew


@dataclass
class Carrying:
    """A copy that is under way: the file, the connection, the tables in the order in which they go."""

    source: sqlite3.Connection
    target: psycopg.Connection[Any]
    shapes: tuple[Shape, ...]

    def close(self):
        self.source.close()
        self.target.close()


def begin(file, url, tables: Iterable[str]):
    """The Carrying of a file that nobody writes to; `tables` come after those that they refer to."""
    source = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    target = psycopg.connect(url, autocommit=True)
    return Carrying(source, target, tuple(_shape(source, target, table) for table in tables))


def _shape(source, target, table):
    here = {name for (name,) in source.execute("SELECT name FROM pragma_table_info(?)", (table,))}
    there = target.execute(
        """SELECT column_name, data_type, character_maximum_length FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER'
        ORDER BY ordinal_position""",
        (table,),
    ).fetchall()
    made = tuple(Column(name, columns.KINDS[kind], most) for name, kind, most in there if name in here)
    key = target.execute(
        """SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE i.indisprimary AND i.indrelid = %s::regclass ORDER BY k.place""",
        (f'"{table}"',),
    ).fetchall()
    if not key or {column.name for column in made} != here:
        raise ValueError(f"The table {table} isn't the same on both sides.")
    return Shape(table, made, tuple(name for (name,) in key))


# --- before -------------------------------------------------------------------------------------------------------


def misfits(carrying):
    """What of the file PostgreSQL wouldn't take: a sentence for each column that has such values."""
    found = []
    for shape in carrying.shapes:
        counts = ", ".join(f"count(*) FILTER (WHERE {column.misfit})" for column in shape.columns)
        bad = carrying.source.execute(f'SELECT {counts} FROM "{shape.table}"').fetchone()
        for column, count in zip(shape.columns, bad, strict=True):
            if count:
                found.append(f"{shape.table}.{column.name}: {count} values that aren't {column.kind} to PostgreSQL.")
            elif column.kind == "json" and (count := _unfit_jsons(carrying.source, shape.table, column)):
                found.append(f"{shape.table}.{column.name}: {count} values with a character that jsonb refuses.")
    return found


def _unfit_jsons(source, table, column):
    suspects = (
        f'SELECT {column.quoted} FROM "{table}" WHERE instr({column.quoted}, ?) OR instr(lower({column.quoted}), ?)'
    )
    return sum(columns.is_unfit_json(text) for (text,) in source.execute(suspects, ("\\u0000", "\\ud")))


def orphans(carrying):
    """Rows of the file that point to none: a sentence for each table that has some."""
    counts: dict = {}
    for table, _, parent, _ in carrying.source.execute("PRAGMA foreign_key_check"):
        counts[table, parent] = counts.get((table, parent), 0) + 1
    return [
        f"{table}: {count} rows point to rows of {parent} that aren't there."
        for (table, parent), count in counts.items()
    ]


def newest(database):
    """The last migration that has run in a database of either kind."""
    return database.execute("SELECT max(name) FROM schema_migration").fetchone()[0]


def is_begun(target):
    """Whether a copy to this database was begun and didn't end well: no server may start on it."""
    return target.execute("SELECT to_regclass(%s)", (PROGRESS,)).fetchone()[0] is not None


def is_bare(target):
    """Whether one was cut off while tables had lost their indexes: no migration would find what it asks for."""
    there = target.execute("SELECT to_regclass(%s)", (LATER,)).fetchone()[0]
    return there is not None and target.execute(f"SELECT EXISTS (SELECT FROM {LATER})").fetchone()[0]


def taken(carrying):
    """The tables that have rows already."""
    return [
        shape.table
        for shape in carrying.shapes
        if carrying.target.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(shape.table))).fetchone()
    ]


# --- the copy -----------------------------------------------------------------------------------------------------


def prepare(carrying, mark):
    """Begin a copy of the file that has this `mark`, or go on with it; what was begun of another file is emptied.
    Returns table → rows that are there already."""
    target, mark = carrying.target, f"{WAY} {mark}"
    if is_begun(target) and target.execute(f"SELECT last FROM {PROGRESS} WHERE name = ''").fetchone() == (mark,):
        return dict(target.execute(f"SELECT name, rows FROM {PROGRESS} WHERE name <> ''").fetchall())
    with target.transaction():
        tables = sql.SQL(", ").join(sql.Identifier(shape.table) for shape in carrying.shapes)
        target.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
        target.execute(f"DROP TABLE IF EXISTS {PROGRESS}")
        target.execute(
            f"CREATE TABLE {PROGRESS} (name TEXT PRIMARY KEY, last TEXT, rows BIGINT NOT NULL, sum NUMERIC NOT NULL)"
        )
        target.execute(f"INSERT INTO {PROGRESS} VALUES ('', %s, 0, 0)", (mark,))
        target.execute(f"CREATE TABLE IF NOT EXISTS {LATER} (place BIGSERIAL PRIMARY KEY, statement TEXT NOT NULL)")
        _guard(target, is_on=False)
        for shape in carrying.shapes:
            if carrying.source.execute(f'SELECT 1 FROM "{shape.table}" LIMIT 1 OFFSET {LARGE}').fetchone():
                _bare(target, shape.table)
    return {}


def _bare(target, table):
    """Take its indexes and foreign keys from a table, and note by what they are made again."""
    for drop, make in target.execute(_KEYS, {"table": f'"{table}"'}).fetchall():
        target.execute(drop)
        target.execute(f"INSERT INTO {LATER} (statement) VALUES (%s)", (make,))


_KEYS = """SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = %(table)s::regclass
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    UNION ALL SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
        format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype = 'f'"""


def _guard(target, *, is_on):
    """Row security that binds the owner too, and `updated_at` that moves by itself."""
    force, switch = (_FORCED, _ENABLED) if is_on else (_UNFORCED, _DISABLED)
    for (table,) in target.execute(_SECURED).fetchall():
        target.execute(sql.SQL(force).format(sql.Identifier(table)))
    for table, trigger in target.execute(_STAMPED).fetchall():
        target.execute(sql.SQL(switch).format(sql.Identifier(table), sql.Identifier(trigger)))


_SECURED = "SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = current_schema()::regnamespace"
_STAMPED = """SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND tgname = relname || '_updated' AND relnamespace = current_schema()::regnamespace"""
_FORCED, _UNFORCED = "ALTER TABLE {} FORCE ROW LEVEL SECURITY", "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY"
_ENABLED, _DISABLED = "ALTER TABLE {} ENABLE TRIGGER {}", "ALTER TABLE {} DISABLE TRIGGER {}"


def carry(carrying, shape):
    """Copy what of a table isn't there yet; yields how many rows are, after each committed piece."""
    last, count, total = _noted(carrying.target, shape)
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(shape.table), sql.SQL(", ").join(sql.Identifier(column.name) for column in shape.columns)
    )
    while rows := _next(carrying.source, shape, last):
        last = [rows[-1][place] for place in shape.places]
        with carrying.target.transaction():
            with carrying.target.cursor() as cursor, cursor.copy(into) as copy:
                count, total = columns.sum_of(shape, _written(copy, rows), count, total)
            carrying.target.execute(
                f"INSERT INTO {PROGRESS} VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (name) DO UPDATE SET last = EXCLUDED.last, rows = EXCLUDED.rows, sum = EXCLUDED.sum",
                (shape.table, json.dumps(last), count, total),
            )
        yield count


def _noted(target, shape):
    """(the key of the last row that is there, how many are, their sum)"""
    noted = target.execute(f"SELECT last, rows, sum FROM {PROGRESS} WHERE name = %s", (shape.table,)).fetchone()
    return (json.loads(noted[0]), noted[1], int(noted[2])) if noted else (None, 0, 0)


def _written(copy, rows):
    for row in rows:
        copy.write_row(row)
        yield row


def _next(source, shape, last):
    after = f"WHERE ({shape.order}) > ({', '.join('?' * len(shape.key))})" if last else ""
    asked = f'SELECT {shape.names} FROM "{shape.table}" {after} ORDER BY {shape.order} LIMIT {PIECE}'
    return source.execute(asked, last or ()).fetchall()


# --- after --------------------------------------------------------------------------------------------------------


def settle(carrying):
    """Numbers go on above the highest that was ever given, also where that row is gone; indexes, foreign keys and the
    guards stand again, and PostgreSQL knows what it holds, as its manual asks after a restore ("SQL Dump"): until its
    own count comes by, it would plan for empty tables. What a kill cuts off goes on."""
    for place, statement in carrying.target.execute(f"SELECT * FROM {LATER} ORDER BY place").fetchall():
        _make_again(carrying.target, place, statement)
    given = dict(carrying.source.execute("SELECT name, seq FROM sqlite_sequence"))
    with carrying.target.transaction():
        for shape in carrying.shapes:
            if shape.key != ("id",):
                continue
            highest = carrying.source.execute(f'SELECT max(id) FROM "{shape.table}"').fetchone()[0] or 0
            top = max(highest, given.get(shape.table, 0))
            carrying.target.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s, %s)",
                (f'"{shape.table}"', max(top, 1), top > 0),
            )
        _guard(carrying.target, is_on=True)
    for shape in carrying.shapes:
        carrying.target.execute(f'ANALYZE "{shape.table}"')


def _make_again(target, place, statement):
    with target.transaction():
        target.execute(statement)
        target.execute(f"DELETE FROM {LATER} WHERE place = %s", (place,))


def compare(carrying, shape):
    """((rows, sum) of the file, (rows, sum) of PostgreSQL). A row of the file was summed up as it was sent; that none
    was left out, the file is asked."""
    held = carrying.source.execute(f'SELECT count(*) FROM "{shape.table}"').fetchone()[0]
    total = _noted(carrying.target, shape)[2]
    asked = ", ".join(column.on_postgres for column in shape.columns)
    there = 0, 0
    with carrying.target.transaction(), closing(carrying.target.cursor("compared")) as cursor:
        carrying.target.execute("SELECT set_config('guildhall.organization', 'everywhere', true)")
        cursor.execute(f'SELECT {asked} FROM "{shape.table}"')
        while rows := cursor.fetchmany(PIECE // 10):
            there = columns.sum_of(shape, rows, *there)
    return (held, total), there


def orphans_there(carrying):
    """Foreign keys by anti-joins, whatever the constraints say: a sentence for each that has rows without one."""
    keys = carrying.target.execute(
        """SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, b.attname
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
        WHERE c.contype = 'f' AND array_length(c.conkey, 1) = 1
          AND c.connamespace = current_schema()::regnamespace"""
    ).fetchall()
    found = []
    with carrying.target.transaction():
        carrying.target.execute("SELECT set_config('guildhall.organization', 'everywhere', true)")
        for table, column, parent, id in keys:
            asked = (
                f'SELECT count(*) FROM {table} c LEFT JOIN {parent} p ON p."{id}" = c."{column}" '
                f'WHERE c."{column}" IS NOT NULL AND p."{id}" IS NULL'
            )
            if count := carrying.target.execute(asked).fetchone()[0]:
                found.append(f"{table}: {count} rows point to rows of {parent} that aren't there.")
    return found


def release(carrying):
    """The copy is whole: a server may start on it."""
    carrying.target.execute(f"DROP TABLE {PROGRESS}, {LATER}")
