"""What the bench does with tables that people make, as a process of its own: filled, written to, made many.

`python -m bench.records seed|writes|kind|tables`.
"""

import datetime as dt
import json
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import models
from bench.guildhall import EMAIL, SLUG
from bench.load import LoadError
from bench.tasks import CATEGORIES, STATUSES, Task, order, tasks
from bench.within import at_once, opened, people
from database.clock import now
from database.scope import inside
from database.transactions import writes
from domain.fields.records.amount import Amount
from domain.lists import rows
from domain.organizations import organizations
from domain.records import collections, documents, kind_changes, listings, shapes
from domain.records.rows import rehearsals

TABLE = "Orders"
FIELDS = (  # six with keys, and six of which a list shows words
    ("Title", "text"),
    ("Amount", "money"),
    ("Status", "choice", STATUSES),
    ("Category", "choice", CATEGORIES),
    ("Due", "day"),
    ("Stars", "rating"),
    ("Company", "text"),
    ("Town", "text"),
    ("Street", "text"),
    ("Number", "text"),
    ("Contact", "text"),
    ("Notes", "long_text"),
)


def _owner() -> organizations.Member:
    return organizations.reach(models.User.get(models.User.email_norm == EMAIL), SLUG)


def _made(by: organizations.Member, name: str = TABLE) -> models.Collection:
    return collections.make(name, by=by, fields=FIELDS)


def _values(shape: shapes.Shape) -> Any:
    """(task) → name → value of each cell."""
    names = [cell.name for cell in shape.cells]
    options = {cell.field.label: {o.label: o.id for o in cell.kind.made} for cell in shape.of_kind("choice")}

    def values(task: Task) -> dict[str, object]:
        one = order(task)
        cells = (
            *(one.title, Amount(Decimal(one.amount), "EUR"), options["Status"][one.status]),
            *(options["Category"][one.category], dt.date.fromisoformat(one.due), *one[5:]),
        )
        return dict(zip(names, cells, strict=False))  # of a table of fewer fields, the first

    return values


def _seed(folder: Path, count: int) -> None:
    """A table of `count` rows. Its keys are sorted before they are stored: one by one would take ten times as long."""
    stamp = f"{now():%Y-%m-%dT%H:%M:%S.%fZ}"

    @writes
    def fill(by: organizations.Member, users: list[int]) -> None:
        shape = shapes.read(_made(by))
        values = _values(shape)
        connection = house.connection()
        connection.execute("PRAGMA cache_size = -500000")
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute("CREATE TEMP TABLE bench_key (slot INTEGER, key TEXT, record INTEGER)")
        organization = by.organization.id

        def records() -> Iterator[tuple]:
            for id, task in enumerate(tasks(count), 1):
                document = documents.put(shape, {}, values(task))
                said = documents.words(shape, document)
                keys.extend((slot, key, id) for slot, key in documents.keys(shape, document))
                if len(keys) > 100_000:
                    keep()
                maker = users[task.assignee - 1]
                yield (
                    *(id, stamp, stamp, organization, shape.collection, documents.dumped(shape, document)),
                    *(said["words"], said["words_more"], maker, stamp, maker),
                )

        def keep() -> None:
            connection.executemany("INSERT INTO bench_key VALUES (?, ?, ?)", keys)
            keys.clear()

        keys: list[tuple[int, str, int]] = []
        connection.executemany(
            "INSERT INTO record (id, created_at, updated_at, organization_id, collection_id, cells, words, words_more,"
            " created_by_id, changed_at, changed_by_id, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            records(),
        )
        keep()
        connection.execute(
            "INSERT INTO record_key (slot_id, key, record_id, organization_id)"
            " SELECT slot, key, record, ? FROM bench_key ORDER BY slot, key, record",
            (organization,),
        )

    with opened(folder, fills=True) as house:
        organization, users = people()
        with inside(organization):
            fill(_owner(), users)


def _writes(folder: Path, seconds: float) -> None:
    """Threads that make rows of six keyed fields through the domain, each as soon as its last is durable."""
    done: list[int] = []
    with opened(folder) as house:
        by = _owner()
        with inside(by.organization):
            slug = f"{TABLE} {time.time_ns()}"
            table = collections.make(slug, by=by, fields=FIELDS[:6])
            shape = shapes.read(table)
            form = {cell.name: text for cell, text in zip(shape.cells, ("", "12.50 EUR", "", "", "", "3"), strict=True)}
            form[shape.cells[2].name] = str(shape.cells[2].kind.made[0].id)
            form[shape.cells[3].name] = str(shape.cells[3].kind.made[1].id)
            form[shape.cells[4].name] = "2026-03-01"

        def work(number: int) -> None:
            turn = 0
            with inside(by.organization):
                while time.perf_counter() < deadline:
                    turn += 1
                    given = form | {shape.cells[0].name: f"Order the chairs {number} {turn}"}
                    rows.create(listings.find(table.slug, by), given, by=by)
            done.append(turn)
            house.close()

        deadline = time.perf_counter() + seconds
        spent, elapsed = time.process_time(), at_once(work)
        spent = time.process_time() - spent
        with inside(by.organization):
            stored = models.Record.select().where(models.Record.collection == table).count()
    if stored != sum(done):
        raise LoadError(f"{sum(done)} rows were told as made, {stored} are stored")
    print(json.dumps({"rate": stored / elapsed, "cpu_ms": 1000 * spent / stored}))


def _kind(folder: Path) -> None:
    """A text of every row becomes a number, all of it rehearsed before, while another thread writes rows."""
    taken: list[float] = []
    with opened(folder) as house:
        by = _owner()
        with inside(by.organization):
            table = models.Collection.get(models.Collection.name == TABLE)
            field = next(f for f in collections.fields(table) if f.label == "Number")
            other = collections.make(f"{TABLE} {time.time_ns()}", by=by, fields=FIELDS[:6])
            first = shapes.read(other).cells[0].name
            started = time.perf_counter()
            while not (seen := rehearsals.of(table.slug, field.id, "number", by=by)).rehearsal.is_whole:
                rehearsals.work()
            rehearsed = time.perf_counter() - started
            kind_changes.begin(table.slug, field.id, "number", by=by, rehearsed=seen.rehearsal)
        over = threading.Event()

        def write() -> None:
            with inside(by.organization):
                rules = listings.of(models.Collection.get_by_id(other.id), by)
                while not over.wait(0.01):
                    began = time.perf_counter()
                    rows.create(rules, {first: "Order the chairs"}, by=by)
                    taken.append(time.perf_counter() - began)
            house.close()

        writer = threading.Thread(target=write)
        writer.start()
        started, spent = time.perf_counter(), time.process_time()
        looked = 0
        while some := kind_changes.work():
            looked += some
        elapsed, spent = time.perf_counter() - started, time.process_time() - spent
        over.set()
        writer.join()
        with inside(by.organization):
            now_there = shapes.read(models.Collection.get_by_id(table.id)).by_name[f"f{field.id}"]
            keys = models.RecordKey.select().where(models.RecordKey.slot == now_there.slot).count()
            live = models.Record.select().where(models.Record.collection == table).count()
    if now_there.kind_name != "number" or keys != live:
        raise LoadError(f"the field is a {now_there.kind_name}, with {keys} keys of {live} rows")
    taken.sort()
    p99 = taken[int(len(taken) * 0.99)] * 1000
    told = {"seconds": elapsed, "cpu": spent, "rows": live, "p99_ms": p99, "rehearsed": rehearsed}
    print(json.dumps(told))


def _tables(folder: Path, count: int) -> None:
    """`count` tables of ten fields with some rows each."""

    @writes
    def some(numbers: range) -> None:
        by = _owner()
        for number in numbers:
            table = collections.make(f"Table {number}", by=by, fields=FIELDS[:10])
            shape, rules = shapes.read(table), listings.of(table, by)
            for task in tasks(3):
                rows.add(rules, _values(shape)(task), by=by)

    with opened(folder, fills=True):
        organization, _ = people()
        with inside(organization):
            for start in range(1, count + 1, 50):
                some(range(start, min(start + 50, count + 1)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["seed", folder, count]:
            _seed(Path(folder), int(count))
        case ["writes", folder, seconds]:
            _writes(Path(folder), float(seconds))
        case ["kind", folder]:
            _kind(Path(folder))
        case ["tables", folder, count]:
            _tables(Path(folder), int(count))
        case _:
            sys.exit(__doc__)
