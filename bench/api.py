"""The API beside PocketBase's: keys for a table of orders, and the same three requests to both.

`python -m bench.api FOLDER` makes the keys in a data folder.
"""

import json
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import urlencode

import models
from bench import pocketbase
from bench.guildhall import EMAIL, SLUG
from bench.load import LoadError, fetch, request
from bench.servers import Server
from bench.tasks import STATUSES, order, tasks
from bench.within import opened
from database.scope import inside
from database.transactions import writes
from domain.entitlements.plans import PAID
from domain.organizations import api_keys, organizations

KEYS = 200  # each may ask so often a minute; a measure asks more
AT = f"/api/v1/{SLUG}/orders"
LISTED = {
    "status": STATUSES[0].lower().replace(" ", "_"),
    "sort": "amount",
    "limit": pocketbase.PER_PAGE,
    "count": "true",
}


def _keys(folder: Path) -> list[str]:
    made = []

    @writes
    def make(by: organizations.Member) -> None:
        for capability in PAID:
            models.Grant.create(plan_key="pro_monthly", capability=capability, source="manual:b", source_type="manual")
        for _ in range(KEYS):
            prefix, secret = api_keys._made_up("", by)
            scopes = "records.read records.write"
            about = {"name": "Bench", "prefix": prefix, "secret_hash": api_keys.hashed(secret), "scopes": scopes}
            models.ApiKey.create(made_by=by.user, **about)
            made.append(secret)

    with opened(folder):
        by = organizations.reach(models.User.get(models.User.email_norm == EMAIL), SLUG)
        with inside(by.organization):
            make(by)
    return made


def _row(number: int) -> dict[str, object]:
    one = order(next(iter(tasks(1))))._asdict()
    status, category = (str(one[name]).lower().replace(" ", "_") for name in ("status", "category"))
    amount = {"amount": str(one["amount"]), "currency": "EUR"}
    mine = {"title": f"{one['title']} {number}", "amount": amount, "status": status, "category": category}
    return mine | {"due": one["due"], "stars": one["stars"]}


class Asked:
    """The three requests to us, each by the next of the keys."""

    def __init__(self, keys: list[str], count: int) -> None:
        self.keys, self.count = keys, count

    def _head(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def list(self) -> Iterator[bytes]:
        return cycle([request("GET", f"{AT}?{urlencode(LISTED)}", self._head(key)) for key in self.keys])

    def get(self) -> Iterator[bytes]:
        found = [(number * 7919 % self.count + 1, key) for number, key in enumerate(self.keys)]
        return cycle([request("GET", f"{AT}/{id}", self._head(key)) for id, key in found])

    def create(self) -> Iterator[bytes]:
        return cycle(
            request("POST", AT, self._head(key), json.dumps(_row(number)).encode())
            for number, key in enumerate(self.keys)
        )


def theirs(server: Server, count: int) -> tuple[bytes, Iterator[bytes], Iterator[bytes]]:
    """The same three to PocketBase."""
    listed, held = pocketbase.by_amount(server, count), {"Authorization": pocketbase.token(server)}
    at = "/api/collections/orders/records"
    ids = [one["id"] for one in pocketbase.read(fetch(server.port, listed))["items"]]
    gets = cycle([request("GET", f"{at}/{id}", held) for id in ids])
    body = json.dumps(order(next(iter(tasks(1))))._asdict() | {"amount": 12.5}, default=str).encode()
    return listed, gets, cycle([request("POST", at, held | {"Content-Type": "application/json"}, body)])


def check(server: Server, asked: Asked) -> None:
    """That each of ours does what it says."""
    for message, status, word in (
        (asked.list(), 200, b'"more"'),
        (asked.get(), 200, b'"title"'),
        (asked.create(), 201, b'"title"'),
    ):
        answer = fetch(server.port, next(message), status)
        if word not in answer:
            raise LoadError(f"the API answers {answer[:1500]!r}")


if __name__ == "__main__":
    print(json.dumps(_keys(Path(sys.argv[1]))))
