"""What a table's columns are on both databases: what PostgreSQL wouldn't take of SQLite's values, and one way to
write a row, so that it has the same sum on both sides."""

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

KINDS = {
    "integer": "integer",
    "bigint": "bigint",
    "boolean": "boolean",
    "jsonb": "json",
    "bytea": "bytes",
    "timestamp with time zone": "moment",
    "text": "text",
    "character varying": "text",
}
INTEGER, BIGINT = 2**31 - 1, 2**63 - 1
_DAY, _DIGITS = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]", "[0-9]" * 6
MOMENT = f"{_DAY}T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].{_DIGITS}Z"


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    most: int | None = None  # characters of a text

    @property
    def quoted(self):
        return f'"{self.name}"'

    @property
    def misfit(self):
        """The condition, on SQLite, that PostgreSQL wouldn't take the value."""
        name, type = self.quoted, f"typeof({self.quoted})"
        wrong = {
            "integer": f"{type} <> 'integer' OR abs({name}) > {INTEGER}",
            "bigint": f"{type} <> 'integer'",
            "boolean": f"{name} NOT IN (0, 1)",
            "json": f"{type} <> 'text' OR NOT json_valid({name}) OR instr({name}, char(0))",
            "bytes": f"{type} <> 'blob'",
            "moment": f"{type} <> 'text' OR {name} NOT GLOB '{MOMENT}'",
            "text": f"{type} <> 'text' OR instr({name}, char(0))"
            + (f" OR length({name}) > {self.most}" if self.most else ""),
        }[self.kind]
        return f"({name} IS NOT NULL AND ({wrong}))"

    @property
    def on_postgres(self):
        """What is read of it there, to be written as SQLite has it."""
        if self.kind == "moment":
            return f"to_char({self.quoted} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        if self.kind == "boolean":
            return f"{self.quoted}::integer"
        return f"{self.quoted}::text" if self.kind == "json" else self.quoted


@dataclass(frozen=True)
class Shape:
    """A table that is in both: its columns in PostgreSQL's order, and those by which its rows are told apart."""

    table: str
    columns: tuple
    key: tuple

    @property
    def names(self):
        return ", ".join(column.quoted for column in self.columns)

    @property
    def order(self):
        return ", ".join(f'"{name}"' for name in self.key)

    @property
    def places(self):
        """Where in a row its key is."""
        named = [column.name for column in self.columns]
        return [named.index(name) for name in self.key]

    @property
    def jsons(self):
        return [place for place, column in enumerate(self.columns) if column.kind == "json"]


def sum_of(shape, rows, count=0, total=0):
    """(how many, a sum over them that no order changes: of each row's blake2b, 64 bits) of rows as SQLite has them, and
    of those before them, which came to `count` and `total`."""
    blake2b, number, jsons = hashlib.blake2b, int.from_bytes, shape.jsons
    for row in rows:
        if jsons:
            row = list(row)
            for place in jsons:
                row[place] = row[place] and canonical(row[place])
            row = tuple(row)
        count += 1
        total += number(blake2b(repr(row).encode(), digest_size=8).digest(), "big")
    return count, total % 2**64


@lru_cache(maxsize=4096)
def canonical(text):
    """A JSON text as both databases mean it: keys in order, numbers by what they are worth."""
    return json.dumps(json.loads(text, parse_float=_number), sort_keys=True, default=str)


def _number(text):
    """jsonb keeps numbers as decimals: 1e2 is 100 there, and 1.50 stays apart from 1.5 only as a text."""
    worth = Decimal(text)
    return int(worth) if worth == worth.to_integral_value() else worth.normalize()


def is_unfit_json(text):
    """Whether jsonb refuses it: for a zero character, or half of a pair of UTF-16."""
    return any("\0" in part or any("\ud800" <= sign <= "\udfff" for sign in part) for part in _texts(json.loads(text)))


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
