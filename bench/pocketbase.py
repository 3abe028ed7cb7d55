"""PocketBase beside our tables: the same orders in a collection of its own, and its list as JSON with the total."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.load import HOST, LoadError, fetch, request
from bench.peer_data import made_once
from bench.servers import VAR, Server, environment, free_port, running
from bench.tasks import STATUSES, Order, order, tasks

EMAIL, PASSWORD = "owner@example.test", "bench-only-password"
NUMBERS = ("amount", "stars")
FIELDS = [{"name": name, "type": "number" if name in NUMBERS else "text"} for name in Order._fields]
INDEX = "CREATE INDEX orders_status_amount ON orders (status, amount)"
PER_PAGE = 50


def _program() -> Path:
    return environment("pocketbase").with_name("pocketbase")


def folder(count: int) -> Path:
    """Its data folder with so many orders, made once: the collection by its API, the rows into its database."""
    made = VAR / f"pocketbase-{count}"
    with made_once(made / "filled") as draft:
        if draft:
            for old in made.iterdir():  # of a making that broke off
                shutil.rmtree(old) if old.is_dir() else old.unlink()
            command: list[str | Path] = [_program(), "superuser", "upsert", EMAIL, PASSWORD, "--dir", made]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            with server(made) as running_one:
                table: dict[str, object] = {"name": "orders", "type": "base", "fields": FIELDS, "indexes": [INDEX]}
                _asked(running_one, "/api/collections", table, token(running_one))
            _fill(made / "data.db", count)
            draft.touch()
    return made


def _fill(file: Path, count: int) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA synchronous = OFF")
        columns, marks = ", ".join(Order._fields), ", ".join("?" * len(Order._fields))
        place = Order._fields.index("amount")
        rows = ((*one[:place], float(one.amount), *one[place + 1 :]) for one in map(order, tasks(count)))
        database.executemany(f"INSERT INTO orders ({columns}) VALUES ({marks})", rows)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def server(data: Path) -> Iterator[Server]:
    """It, serving from a data folder."""
    port = free_port()
    asked = ("serve", "--automigrate=false", "--http", f"{HOST}:{port}")
    with running("pocketbase", [_program(), *asked, "--dir", data], port) as started:
        yield started


def _asked(started: Server, path: str, body: dict[str, object], held: str = "") -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Authorization": held}
    return read(fetch(started.port, request("POST", path, headers, json.dumps(body).encode())))


def read(answer: bytes) -> Any:
    """The JSON of an answer, whole or in chunks."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return json.loads(rest)
    body = b""
    while size := int(rest.partition(b"\r\n")[0], 16):
        rest = rest.partition(b"\r\n")[2]
        body, rest = body + rest[:size], rest[size + 2 :]
    return json.loads(body)


def token(started: Server) -> str:
    """Signed in as its superuser."""
    path = "/api/collections/_superusers/auth-with-password"
    return _asked(started, path, {"identity": EMAIL, "password": PASSWORD})["token"]


def by_amount(started: Server, count: int) -> bytes:
    """The request for those of one status, by their amounts; its answer has fifty of them and the total."""
    asked = {"perPage": str(PER_PAGE), "filter": f"status='{STATUSES[0]}'", "sort": "amount"}
    path = f"/api/collections/orders/records?{urlencode(asked)}"
    message = request("GET", path, {"Authorization": token(started)})
    answer = read(fetch(started.port, message))
    if len(answer["items"]) != PER_PAGE or not 0.2 * count < answer["totalItems"] < 0.3 * count:
        raise LoadError(f"PocketBase lists {len(answer['items'])} of {answer['totalItems']}")
    return message
