"""Everything the bench knows of Guildhall itself: its data, its sign-in, its addresses and its write seam.

What needs its modules runs as a process of its own:
`python -m bench.guildhall seed|subscribers|staff|stripe|writes|credits|events`.
"""

import contextlib
import hashlib
import importlib
import itertools
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import stripe

from bench import staff, stripe_objects
from bench.load import HOST, LoadError, cookies, fetch, request
from bench.servers import VAR, Server, free_port, running
from bench.tasks import COMMON, MEDIUM, PEOPLE, tasks
from domain.money.providers import provider

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
        _in_app(how[0], draft, *how[1:])
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


def _in_app(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bench.guildhall", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


# --- the server and what is asked of it ------------------------------------------------------------


@contextlib.contextmanager
def server(name: str, folder: Path, **settings: str) -> Iterator[Server]:
    port = free_port()
    told = {**ENVIRONMENT, "GUILDHALL_DATA": str(folder), "HOST": HOST, "PORT": str(port), **settings}
    with running(name, [sys.executable, "app.py"], port, told, ROOT) as started:
        yield started


class Owner:
    """The owner of the organization, signed in through the form, and the requests the measures repeat."""

    def __init__(self, server: Server, folder: Path) -> None:
        form = urlencode({"email": EMAIL, "password": PASSWORD}).encode()
        answer = fetch(server.port, request("POST", "/sign-in", FORM, form), status=None)
        held = cookies(answer)
        if not held:
            raise LoadError(f"the owner was not signed in: {answer[:1500]!r}")
        self.headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in held.items())}
        with contextlib.closing(sqlite3.connect(file(folder))) as connection:
            self.newest, self.count = connection.execute("SELECT max(id), count(*) FROM task").fetchone()

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


class Staff:
    """The admin, signed in, and what they look for."""

    def __init__(self, server: Server) -> None:
        form = urlencode({"email": EMAIL, "password": PASSWORD}).encode()
        held = cookies(fetch(server.port, request("POST", "/sign-in", FORM, form), status=None))
        self.headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in held.items())}

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


# --- within the app --------------------------------------------------------------------------------


def _seed(folder: Path, count: int) -> None:
    import models
    from database import clock, connections, migrations, scope
    from database.transactions import writer, writes
    from domain.organizations import organizations
    from domain.people import passwords

    opened = connections.open_database(f"sqlite:///{file(folder)}", synchronous="OFF")
    migrations.migrate(folder)

    password_hash = passwords.hashed(PASSWORD)

    @writes
    def people() -> tuple[int, list[int]]:
        users = []
        for number in range(1, PEOPLE + 1):
            email = EMAIL if number == 1 else f"person{number}@example.test"
            user = models.User.create(
                email=email, email_norm=email, password_hash=password_hash, email_verified_at=clock.now()
            )
            models.Profile.create(user=user, full_name=f"Person {number}")
            users.append(user)
        acme = organizations.create(NAME, by=users[0])
        for user in users[1:]:
            models.Membership.create(organization=acme, user=user, role="member")
        with scope.inside(acme):
            models.Customer.create(provider="stripe", provider_customer_id=CUSTOMER, email=EMAIL)
        subscription = _subscription(acme.public_id)
        models.SandboxObject.create(object_id=SUBSCRIPTION, kind="subscription", body=subscription)
        return acme.id, [user.id for user in users]

    @writes
    def work(organization: int, users: list[int]) -> None:
        connection = opened.connection()
        connection.execute("PRAGMA cache_size = -500000")
        connection.executemany(
            "INSERT INTO task (created_at, updated_at, organization_id, user_id, assigned_to_id, title,"
            " description, status, priority, category, due_at, reminded_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    made := task.created_at.replace(" ", "T") + ".000000Z",
                    made,
                    organization,
                    users[0],
                    users[task.assignee - 1],
                    task.title,
                    task.description,
                    task.status,
                    task.priority,
                    task.category,
                    task.due_date,
                    made,  # reminded already: the bench is not about the reminders of a million tasks
                )
                for task in tasks(count)
            ),
        )

    work(*people())
    writer.stop()
    opened.close_all()


def _subscription(organization: str) -> dict[str, object]:
    """As the sandbox keeps its subscriptions: domain/money/providers/sandbox says how."""
    began = int(time.time())
    ends = began + 86_400 * 3650
    nothing = (
        *("trial_start", "trial_end", "cancel_at", "canceled_at", "ended_at", "ended_because"),
        *("pause", "pending", "latest_invoice"),
    )
    return dict.fromkeys(nothing) | {
        "id": SUBSCRIPTION,
        "kind": "subscription",
        "created": began,
        "customer": CUSTOMER,
        "item": "si_bench",
        "price": "",
        "quantity": 1,
        "status": "active",
        "start": began,
        "anchor": began,
        "period_start": began,
        "period_end": ends,
        "cancel_at_period_end": False,
        "pending_lines": [],
        "currency": "usd",
        "warned": False,
        "without_card": "create_invoice",
        "metadata": {"organization": organization},
    }


def _subscribers(folder: Path, count: int) -> None:
    import models
    from database import clock, connections, migrations, scope
    from database.transactions import writer, writes
    from domain.organizations import organizations

    opened = connections.open_database(f"sqlite:///{file(folder)}", synchronous="OFF")
    migrations.migrate(folder)

    @writes
    def batch(numbers: range) -> None:
        for number in numbers:
            email = f"payer{number}@example.test"
            user = models.User.create(email=email, email_norm=email, email_verified_at=clock.now())
            models.Profile.create(user=user, full_name=f"Payer {number}")
            organization = organizations.create(f"Bench {number}", by=user)
            with scope.inside(organization):
                customer = stripe_objects.customer_id(number)
                models.Customer.create(provider="stripe", provider_customer_id=customer, email=email)

    for start in range(0, count, 250):
        batch(range(start, min(start + 250, count)))
    writer.stop()
    opened.close_all()


def _staff(folder: Path, count: int) -> None:
    import models
    from database import clock, connections, migrations
    from database.transactions import writer, writes
    from domain.people import accounts, passwords

    opened = connections.open_database(f"sqlite:///{file(folder)}", synchronous="OFF")
    migrations.migrate(folder)
    accounts.create(EMAIL, "The admin", passwords.hashed(PASSWORD))
    moment = f"{clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"

    @writes
    def fill() -> None:
        models.User.update(email_verified_at=clock.now()).execute()
        models.Admin.create(email=EMAIL, email_norm=EMAIL)
        connection = opened.connection()
        connection.execute("PRAGMA cache_size = -500000")
        # Filled row by row, the indexes of parts take ten times as long: the triggers wait until all is there.
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for trigger, _ in triggers:
            connection.execute(f'DROP TRIGGER "{trigger}"')
        numbers, stamps = range(1001, 1001 + count), (moment, moment)
        connection.executemany(
            'INSERT INTO "user" (id, created_at, updated_at, public_id, email, email_norm, status, timezone)'
            " VALUES (?, ?, ?, ?, ?, ?, 'active', 'UTC')",
            ((n, *stamps, f"u{n}", staff.email(n), staff.email(n)) for n in numbers),
        )
        connection.executemany(
            "INSERT INTO profile (created_at, updated_at, user_id, full_name) VALUES (?, ?, ?, ?)",
            ((*stamps, n, staff.name(n)) for n in numbers),
        )
        connection.executemany(
            "INSERT INTO audit_event (created_at, updated_at, chain, metadata, at, category, action, result,"
            " actor_email, target_type, target_id, summary) VALUES (?, ?, 0, '{}', ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*stamps, event.at.replace(" ", "T") + ".000000Z", *event[1:]) for event in staff.events(count)),
        )
        parts = importlib.import_module("database.migrations.0002_parts")
        person, said = parts.PERSON.format('"user".id'), parts.EVENT.format("audit_event")
        connection.execute("DELETE FROM user_parts")
        connection.execute(f'INSERT INTO user_parts (rowid, text) SELECT id, {person} FROM "user"')
        connection.execute(
            "INSERT INTO audit_event_parts (rowid, text)"
            f" SELECT id, {said} FROM audit_event WHERE id NOT IN (SELECT rowid FROM audit_event_parts)"
        )
        for _, text in triggers:
            connection.execute(text)

    fill()
    writer.stop()
    opened.close_all()


def _stripe() -> None:
    from domain.base import configuration
    from domain.money.providers import sandbox

    configuration.use(configuration.load())
    print(json.dumps({"secret": sandbox.secret(), "prices": sandbox.PRICES}))


def _credits(folder: Path, seconds: float) -> None:
    """Threads that spend one organization's credits, each as soon as its last spend is durable."""
    import models
    from database import connections
    from database.transactions import writer
    from domain.entitlements import credit_standings, credits

    opened = connections.open_database(f"sqlite:///{file(folder)}")
    organization = models.Organization.get(models.Organization.slug == SLUG)
    plenty, run = 100_000_000, uuid.uuid4().hex  # a key that was used would be answered, not spent
    credits.renew(organization, plenty, f"bench {run}")
    done: list[int] = []

    def work(number: int) -> None:
        turn = 0
        while time.perf_counter() < deadline:
            turn += 1
            credits.spend(organization, 1, key=f"{run} {number} {turn}", feature="bench")
        done.append(turn)
        opened.close()

    credits.spend(organization, 1, key=run, feature="bench")
    started = time.perf_counter()
    deadline = started + seconds
    workers = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - started
    left, _ = credit_standings.balance(organization)
    writer.stop()
    opened.close_all()
    if left != plenty - 1 - sum(done):
        raise LoadError(f"{sum(done)} spends were told as done, and {left} of {plenty} are left")
    print(json.dumps({"rate": sum(done) / elapsed}))


class _Memory(stripe.HTTPClient):
    """Stripe's API without its network: what is asked for is there already, as text."""

    name = "memory"

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__()
        self.answers, self.asked = answers, 0

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        self.asked += 1
        return self.answers[urlsplit(url).path], 200, {"Request-Id": "req_bench"}

    def close(self) -> None:
        pass


def _events(folder: Path, subscribers: int) -> None:
    """One worker, as in the app, works off an inbox full of purchases and renewals: each thing is fetched anew
    through Stripe's library."""
    import models
    from database import connections, scope
    from database.transactions import writer, writes
    from domain.base import configuration
    from domain.money import inbox, providers
    from domain.money.providers import stripe as adapter

    opened = connections.open_database(f"sqlite:///{file(folder)}")
    price = "price_bench"
    prices = {"pro_monthly": price}
    configuration.use(configuration.Configuration(billing_provider="stripe", payment_prices=prices))
    answers = {}
    for period in (0, 1):
        answers |= stripe_objects.addresses(subscribers, price, period)
    memory = _Memory({path: json.dumps(thing) for path, thing in answers.items()})
    account = provider.Account("sk_test_bench", (), prices, False, transport=memory)
    providers.account = lambda: account

    @writes
    def fill() -> int:
        events = list(stripe_objects.life(subscribers, price, stripe.api_version))
        for event in events:
            inbox.accept(adapter.CHANNEL, adapter.wire.event_of(event), json.dumps(event).encode())
        return len(events)

    waiting = fill()
    started, spent = time.perf_counter(), time.process_time()
    done = 0
    while worked := inbox.work_off():
        done += worked
    elapsed, spent = time.perf_counter() - started, time.process_time() - spent
    processed = models.WebhookEvent.select().where(models.WebhookEvent.status == "processed").count()
    with scope.everywhere("the bench counts what the events came to"):
        paid = models.Payment.select().where(models.Payment.status == "paid").count()
        granted = models.Grant.active().distinct().select(models.Grant.source).count()
    writer.stop()
    opened.close_all()
    if done != waiting or processed != waiting or paid != 2 * subscribers or granted != subscribers:
        raise LoadError(f"{done} of {waiting} worked, {processed} processed, {paid} paid, {granted} granted")
    asked = memory.asked
    print(json.dumps({"rate": done / elapsed, "events": done, "asked": asked, "cpu_ms": 1000 * spent / done}))


def _writes(folder: Path, seconds: float) -> None:
    """Threads that write single rows through the seam, each as soon as its last is durable."""
    from database import connections
    from database.transactions import writer, writes

    opened = connections.open_database(f"sqlite:///{file(folder)}")
    with contextlib.closing(sqlite3.connect(file(folder))) as connection:
        connection.execute("CREATE TABLE bench (id INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL)")

    @writes
    def put(title: str) -> int:
        statement = "INSERT INTO bench (title, status) VALUES (?, ?)"
        return opened.execute_sql(statement, (title, "pending")).lastrowid

    done: list[tuple[int, float, float]] = []

    def work(number: int) -> None:
        turn = 0
        while (began := time.perf_counter()) < deadline:
            turn += 1
            row = put(f"Order the chairs {number} {turn}")
            done.append((row, began, time.perf_counter()))

    put("Warm up")
    started = time.perf_counter()
    deadline = started + seconds
    workers = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - started
    writer.stop()
    opened.close_all()
    _check_order(done)
    with contextlib.closing(sqlite3.connect(file(folder))) as connection:
        (stored,) = connection.execute("SELECT count(*) - 1 FROM bench").fetchone()
        connection.execute("DROP TABLE bench")
    if stored != len(done):
        raise LoadError(f"{len(done)} writes were told as done, {stored} are stored")
    taken = sorted(ended - began for _, began, ended in done)
    told = {
        "rate": len(done) / elapsed,
        "p50_ms": statistics.median(taken) * 1000,
        "p99_ms": taken[int(len(taken) * 0.99)] * 1000,
        "worst_ms": taken[-1] * 1000,
    }
    print(json.dumps(told))


def _check_order(done: list[tuple[int, float, float]]) -> None:
    """A write that was done before another was asked for must lie before it."""
    earliest_end = float("inf")
    for row, began, ended in sorted(done, reverse=True):
        if began > earliest_end:
            raise LoadError(f"write {row} lies before one that was done before it was asked for")
        earliest_end = min(earliest_end, ended)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["seed", folder, count]:
            _seed(Path(folder), int(count))
        case ["subscribers", folder, count]:
            _subscribers(Path(folder), int(count))
        case ["staff", folder, count]:
            _staff(Path(folder), int(count))
        case ["stripe"]:
            _stripe()
        case ["credits", folder, seconds]:
            _credits(Path(folder), float(seconds))
        case ["events", folder, count]:
            _events(Path(folder), int(count))
        case ["writes", folder, seconds]:
            _writes(Path(folder), float(seconds))
        case _:
            sys.exit(__doc__)
