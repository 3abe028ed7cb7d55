"""Everything the bench knows of Guildhall itself: its data, its sign-in, its addresses and its write seam.

What needs its modules runs as a process of its own: bench/within.py.
"""

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urljoin

import stripe

from bench import staff, stripe_objects
from bench.load import HOST, LoadError, cookies, fetch, request
from bench.servers import SERVER_CORE, VAR, Server, free_port, running
from bench.tasks import COMMON, MEDIUM

ROOT = Path(__file__).parent.parent
THREADS = 64
SETTINGS = (
    *("--worker-class", "gthread", "--workers", "1", "--threads", str(THREADS), "--keep-alive", "30"),
    *("--worker-tmp-dir", "/dev/shm", "--timeout", "60", "--no-control-socket"),
)
ENVIRONMENT = {
    "GUILDHALL_ENV": "development",
    "SECRET_KEY": "bench-only-" + "0" * 40,
    "PAGES_PER_MINUTE": "100000000",
    "BILLING_PROVIDER": "sandbox",
}
NAME, SLUG, EMAIL, PASSWORD = "Acme", "acme", "owner@example.test", "Bench-only-passw0rd"
CUSTOMER, SUBSCRIPTION = "cus_bench", "sub_bench"
PER_PAGE = 50
WEBHOOKS = "/webhooks/stripe"
CREATED = 303
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


# --- data ------------------------------------------------------------------------------------------


def database(count: int) -> Path:
    """The data folder of an organization with `count` tasks, made once by the app's own migrations."""
    return _made_once(str(count), "seed", count)


def subscribers(count: int) -> Path:
    """The data folder of `count` organizations that are customers of Stripe's and have bought nothing yet."""
    return _made_once(f"subscribers-{count}", "subscribers", count)


def ordered(count: int) -> Path:
    """The data folder of an organization with a table of `count` orders that people made."""
    return _made_once(f"orders-{count}", "records:seed", count)


def with_tables(count: int) -> Path:
    """The data folder of an organization with so many tables of ten fields."""
    return _made_once(f"tables-{count}", "records:tables", count)


def sold(count: int) -> Path:
    """The data folder of an organization with an event that has `count` good tickets, and plenty to sell."""
    return _made_once(f"event-{count}", "tickets:seed", count)


def with_flyers() -> Path:
    """The data folder of an organization with a campaign of flyers that runs."""
    return _made_once("flyers", "flyers:seed")


def staffed(count: int) -> Path:
    """The data folder of a site with `count` accounts and as many events in the audit log, and one admin."""
    return _made_once(f"staff-{count}", "staff", count)


def _made_once(name: str, *how: object) -> Path:
    schema = hashlib.sha256()
    for part in sorted((ROOT / "database" / "migrations").glob("0*")):
        schema.update(part.read_bytes())
    folder = VAR / f"guildhall-{name}-{schema.hexdigest()[:8]}"
    if not folder.exists():
        print(f"making {folder.name}", flush=True)
        for old in VAR.glob(f"guildhall-{name}-????????"):
            shutil.rmtree(old)
        draft = VAR / f"draft-{name}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        _in_app(str(how[0]), draft, *how[1:])
        draft.rename(folder)
    return folder


def scratch(made: Path, purpose: str) -> Path:
    """A copy to be spoiled."""
    folder = VAR / f"scratch-{purpose}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made, folder)
    return folder


def file(folder: Path) -> Path:
    return folder / "guildhall.db"


def stored_events(folder: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(file(folder))) as connection:
        return {event for (event,) in connection.execute("SELECT event_id FROM webhook_event")}


def await_worked(folder: Path) -> None:
    """Until the inbox is worked off, so that nothing of it goes on beside the next measure."""
    deadline = time.monotonic() + 120
    with contextlib.closing(sqlite3.connect(file(folder), timeout=30)) as connection:
        while connection.execute("SELECT 1 FROM webhook_event WHERE status = 'received' LIMIT 1").fetchone():
            if time.monotonic() > deadline:
                raise LoadError("the inbox isn't worked off")
            time.sleep(0.1)


def _in_app(what: str, *arguments: object) -> str:
    """What a module of the bench does within the app; `what` is «records:seed», or of bench/within.py «seed»."""
    module, _, verb = what.rpartition(":")
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module or 'within'}", verb, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


# --- the server and what is asked of it ------------------------------------------------------------


# As an install has it: Stripe's library would load httpx, and with it rich, where only the tests need them.
AS_INSTALLED = """
import runpy, sys
sys.modules["httpx"] = None
runpy.run_path("app.py", run_name="__main__")
"""


@contextlib.contextmanager
def server(
    name: str, folder: Path, passed: socket.socket | None = None, core: int | None = SERVER_CORE, **settings: str
) -> Iterator[Server]:
    """Guildhall over this folder, on a core, or on all that there are (None)."""
    port = passed.getsockname()[1] if passed else free_port()
    told = {**ENVIRONMENT, "GUILDHALL_DATA": str(folder), "HOST": HOST, "PORT": str(port), **settings}
    with running(name, [sys.executable, "-c", AS_INSTALLED], port, told, ROOT, core, passed) as started:
        yield started


def signed_in(port: int) -> dict[str, str]:
    """The head of requests of the owner, signed in through the form."""
    form = urlencode({"email": EMAIL, "password": PASSWORD}).encode()
    answer = fetch(port, request("POST", "/sign-in", FORM, form), status=None)
    if not (held := cookies(answer)):
        raise LoadError(f"the owner was not signed in: {answer[:1500]!r}")
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in held.items())}


class Owner:
    """The owner of the organization, signed in, and the requests the measures repeat."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.headers = signed_in(server.port)
        with contextlib.closing(sqlite3.connect(file(folder))) as connection:
            self.newest, self.count = connection.execute("SELECT max(id), count(*) FROM task").fetchone()

    def get(self, path: str, **query: str) -> bytes:
        return request("GET", f"/{SLUG}{path}" + ("?" + urlencode(query) if query else ""), self.headers)

    def list(self, **query: str) -> bytes:
        """Everybody's tasks, the newest first."""
        return request("GET", f"/{SLUG}/tasks?" + urlencode({"tab": "all"} | query), self.headers)

    def search(self, word: str) -> bytes:
        return self.list(q=word)

    def pages(self) -> dict[str, bytes]:
        """What must cost the same whatever the number of tasks; all show a full page."""
        seen = min(999 * PER_PAGE, self.count // 2)
        return {
            "list": self.list(),
            "filtered": self.list(status="pending"),
            "searched": self.search(MEDIUM),
            "searched, a common word": self.search(COMMON),
            "thousandth page": self.list(after=str(self.newest - seen)),
        }

    @staticmethod
    def check(answer: bytes) -> None:
        shown = len(set(re.findall(rf"/{SLUG}/tasks/(\d+)".encode(), answer)))
        if shown != PER_PAGE:
            raise LoadError(f"a page shows {shown} tasks: {answer[:1500]!r}")

    def creates(self) -> Iterator[bytes]:
        for number in itertools.count(1):
            form = {
                "title": f"Order the chairs {number}",
                "description": "Twelve of them for the room",
                "status": "pending",
                "priority": "medium",
                "category": "office",
                "due_at": "2199-03-01",
            }
            yield request("POST", f"/{SLUG}/tasks", self.headers | FORM, urlencode(form).encode())


class Table:
    """The table that the bench's orders lie in, and what is asked of it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.owner = Owner(server, folder)
        with contextlib.closing(sqlite3.connect(file(folder))) as connection:
            fields = connection.execute("SELECT label, id FROM record_field ORDER BY collection_id DESC, id DESC")
            self.fields = {label: f"f{id}" for label, id in fields}
            (self.pending,) = connection.execute("SELECT min(id) FROM record_option").fetchone()
            (count,) = connection.execute("SELECT count(*) FROM record").fetchone()
        self.after = str(count - min(999 * PER_PAGE, count // 2))

    def by_amount(self) -> bytes:
        """Those of one status, by their amounts."""
        return self._asked(**{self.fields["Status"]: str(self.pending), "sort": self.fields["Amount"]})

    def pages(self) -> dict[str, bytes]:
        """What must cost the same whatever the number of rows."""
        category = {self.fields["Category"]: str(self.pending + 5)}
        return {
            "list": self._asked(),
            "filter and other sort": self.by_amount(),
            "two filters": self._asked(**category, **{self.fields["Status"]: str(self.pending)}),
            "searched": self._asked(q=MEDIUM),
            "searched, a common word": self._asked(q=COMMON),
            "thousandth page": self._asked(after=self.after),
            "board": self._asked(view="board"),
            "calendar month": self._asked(view="calendar", cal_day="2026-02-01"),
        }

    def _asked(self, **query: str) -> bytes:
        return self.owner.get("/records/orders", **{"tab": "all"} | query)

    @staticmethod
    def check(answer: bytes) -> None:
        if len(set(re.findall(rf"/{SLUG}/records/orders/(\d+)".encode(), answer))) < PER_PAGE:
            raise LoadError(f"a page shows too few rows: {answer[:1500]!r}")


class Staff:
    """The admin, signed in, and what they look for."""

    def __init__(self, server: Server) -> None:
        self.headers = signed_in(server.port)

    def audit(self) -> bytes:
        return request("GET", "/admin/audit?" + urlencode(staff.ASKED | {"q": staff.WORD}), self.headers)

    def people(self, part: str) -> bytes:
        return request("GET", "/admin/users?" + urlencode({"q": part}), self.headers)


# --- the weight of a page --------------------------------------------------------------------------

KBIT, ROUND_TRIP = 400, 0.1  # a second; seconds
ROUNDS = 5  # the connection and its TLS, the page, its files, the fonts that the style sheets name


def weight(server: Server, owner: Owner) -> tuple[int, float]:
    """Bytes of the signed-in list with all that a browser fetches for it, heads too, and seconds on a slow line."""

    def got(message: bytes) -> tuple[int, str]:
        packs = b"Accept: text/html\r\nAccept-Encoding: gzip, deflate, br"
        answer = fetch(server.port, message.replace(b"Accept: text/html", packs, 1))
        plain = fetch(server.port, message).partition(b"\r\n\r\n")[2]
        return len(answer), plain.decode("utf-8", "replace")

    total, page = got(owner.list())
    files = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    for path in sorted(files):
        size, text = got(request("GET", path))
        total += size
        if ".css" in path:  # the fonts of other alphabets are fetched where a letter asks for them
            fonts = {urljoin(path, f) for f in re.findall(r"url\(([^)]+latin-(?!ext)[^)]+)\)", text)}
            total += sum(got(request("GET", font))[0] for font in fonts - files)
    return total, total * 8 / (KBIT * 1000) + ROUNDS * ROUND_TRIP


# --- webhooks --------------------------------------------------------------------------------------


class Stripe:
    """The other side of the webhooks: signs events as the sandbox would, and holds its subscription."""

    def __init__(self) -> None:
        told = json.loads(_in_app("stripe"))
        self.secret, self.prices = told["secret"], told["prices"]

    def webhooks(self) -> Iterator[tuple[str, bytes]]:
        """Events that are kept and then mean nothing to the billing, each with its id."""
        while True:
            id = f"ch_{uuid.uuid4().hex}"
            yield self._signed("charge.succeeded", {"id": id, "object": "charge", "description": "x" * 600})

    def updates(self, subscribers: int, path: str) -> Iterator[tuple[str, bytes]]:
        """Updates of the subscriptions in turn, for a server that takes them at `path`."""
        for number in itertools.count():
            subscription = stripe_objects.subscription(number % subscribers, self.prices["pro_monthly"])
            yield self._signed("customer.subscription.updated", subscription, path)

    def plan_changes(self, server: Server, folder: Path, count: int) -> Iterator[float]:
        """Seconds from each post of a subscription's event to the grants that say the other plan."""
        with contextlib.closing(sqlite3.connect(file(folder), timeout=30)) as connection:
            for number in range(count):
                plan = list(self.prices)[number % 2]
                subscription = self._subscription(connection, plan)
                _, message = self._signed("customer.subscription.updated", subscription)
                started = time.perf_counter()
                fetch(server.port, message)
                while _plan(connection) != plan:
                    if time.perf_counter() > started + 20:
                        raise LoadError(f"the plan did not become {plan}")
                    time.sleep(0.0005)
                yield time.perf_counter() - started

    def _subscription(self, connection: sqlite3.Connection, plan: str) -> dict[str, object]:
        """The subscription as the sandbox has it from now on: the app asks there when it hears of an event."""
        (body,) = connection.execute("SELECT body FROM sandbox_object WHERE object_id = ?", (SUBSCRIPTION,)).fetchone()
        changed = json.dumps(json.loads(body) | {"price": self.prices[plan]})
        connection.execute("UPDATE sandbox_object SET body = ? WHERE object_id = ?", (changed, SUBSCRIPTION))
        connection.commit()
        return {"id": SUBSCRIPTION, "object": "subscription", "customer": CUSTOMER}

    def _signed(self, kind: str, subject: stripe_objects.Thing, path: str = WEBHOOKS) -> tuple[str, bytes]:
        event = f"evt_{uuid.uuid4().hex}"
        body = json.dumps(stripe_objects.event(event, kind, subject, int(time.time()), stripe.api_version))
        signature = stripe.WebhookSignature.generate_signature_header(body, self.secret)
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
        return event, request("POST", path, headers, body.encode())


def _plan(connection: sqlite3.Connection) -> str | None:
    """What the next page will show: pages compute the plan from the grants at every request."""
    found = connection.execute("SELECT min(plan_key) FROM billing_grant WHERE revoked_at IS NULL").fetchone()
    return found[0]
