"""What the bench does within Guildhall, as a process of its own.

`python -m bench.within seed|subscribers|staff|stripe|writes|credits|events`.
"""

import contextlib
import importlib
import json
import sqlite3
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import stripe

import models
from bench import staff, stripe_objects
from bench.guildhall import CUSTOMER, EMAIL, ENVIRONMENT, NAME, PASSWORD, SLUG, SUBSCRIPTION, THREADS, file
from bench.load import LoadError
from bench.tasks import PEOPLE, tasks
from database.clock import now
from database.connections import open_database
from database.migrations import migrate
from database.scope import everywhere, inside
from database.transactions import writer, writes
from domain.base import configuration
from domain.entitlements import credit_standings, credits
from domain.money import inbox, providers
from domain.money.providers import provider, sandbox
from domain.money.providers.stripe import wire
from domain.organizations import organizations
from domain.people import accounts, passwords
from views.safety import memory


@contextlib.contextmanager
def opened(folder: Path, fills: bool = False) -> Iterator:
    """The house of this folder, in memory as its server is; to be filled it is migrated, and isn't durable."""
    memory.stay_small()
    house = open_database(f"sqlite:///{file(folder)}", **({"synchronous": "OFF"} if fills else {}))
    if fills:  # under the key that its server has, or its audit log isn't whole
        configuration.use(replace(configuration.active, secret_key=ENVIRONMENT["SECRET_KEY"]))
        migrate(folder)
    yield house
    writer.stop()
    house.close_all()


def at_once(work: Callable[[int], None]) -> float:
    """`work(number)` by all threads; the seconds until all are through."""
    started = time.perf_counter()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - started


TASK = (
    "INSERT INTO task (created_at, updated_at, organization_id, user_id, assigned_to_id, title, description, status,"
    " priority, category, due_at, reminded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@writes
def people() -> tuple[int, list[int]]:
    """The organization, its owner and its members: (its id, their ids)."""
    password_hash, users = passwords.hashed(PASSWORD), []
    for number in range(1, PEOPLE + 1):
        email = EMAIL if number == 1 else f"person{number}@example.test"
        user = models.User.create(email=email, email_norm=email, password_hash=password_hash, email_verified_at=now())
        models.Profile.create(user=user, full_name=f"Person {number}")
        users.append(user)
    acme = organizations.create(NAME, by=users[0])
    for user in users[1:]:
        models.Membership.create(organization=acme, user=user, role="member")
    with inside(acme):
        models.Customer.create(provider="stripe", provider_customer_id=CUSTOMER, email=EMAIL)
    subscription = _subscription(acme.public_id)
    models.SandboxObject.create(object_id=SUBSCRIPTION, kind="subscription", body=subscription)
    return acme.id, [user.id for user in users]


def _seed(folder: Path, count: int) -> None:
    def rows(organization: int, users: list[int]) -> Iterator[tuple]:
        for task in tasks(count):
            made = task.created_at.replace(" ", "T") + ".000000Z"
            whose = (organization, users[0], users[task.assignee - 1])
            said = (task.title, task.description, task.status, task.priority, task.category, task.due_date)
            yield made, made, *whose, *said, made  # reminded already: a million reminders are another bench

    @writes
    def work(organization: int, users: list[int]) -> None:
        connection = house.connection()
        connection.execute("PRAGMA cache_size = -500000")
        connection.executemany(TASK, rows(organization, users))

    with opened(folder, fills=True) as house:
        work(*people())


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
    @writes
    def batch(numbers: range) -> None:
        for number in numbers:
            email = f"payer{number}@example.test"
            user = models.User.create(email=email, email_norm=email, email_verified_at=now())
            models.Profile.create(user=user, full_name=f"Payer {number}")
            organization = organizations.create(f"Bench {number}", by=user)
            with inside(organization):
                customer = stripe_objects.customer_id(number)
                models.Customer.create(provider="stripe", provider_customer_id=customer, email=email)

    with opened(folder, fills=True):
        for start in range(0, count, 250):
            batch(range(start, min(start + 250, count)))


def _staff(folder: Path, count: int) -> None:
    moment = f"{now():%Y-%m-%dT%H:%M:%S.%fZ}"

    @writes
    def fill() -> None:
        models.User.update(email_verified_at=now()).execute()
        models.Admin.create(email=EMAIL, email_norm=EMAIL)
        connection = house.connection()
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

    with opened(folder, fills=True) as house:
        accounts.create(EMAIL, "The admin", passwords.hashed(PASSWORD))
        fill()


def _stripe() -> None:
    configuration.use(configuration.load())
    print(json.dumps({"secret": sandbox.secret(), "prices": sandbox.PRICES}))


def _credits(folder: Path, seconds: float) -> None:
    """Threads that spend one organization's credits, each as soon as its last spend is durable."""
    plenty, run = 100_000_000, uuid.uuid4().hex  # a key that was used would be answered, not spent
    done: list[int] = []

    def work(number: int) -> None:
        turn = 0
        while time.perf_counter() < deadline:
            turn += 1
            credits.spend(organization, 1, key=f"{run} {number} {turn}", feature="bench")
        done.append(turn)
        house.close()

    with opened(folder) as house:
        organization = models.Organization.get(models.Organization.slug == SLUG)
        credits.renew(organization, plenty, f"bench {run}")
        credits.spend(organization, 1, key=run, feature="bench")
        deadline = time.perf_counter() + seconds
        elapsed = at_once(work)
        left, _ = credit_standings.balance(organization)
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
            inbox.accept(wire.CHANNEL, wire.event_of(event), json.dumps(event).encode())
        return len(events)

    with opened(folder):
        waiting = fill()
        started, spent = time.perf_counter(), time.process_time()
        done = 0
        while worked := inbox.work_off():
            done += worked
        elapsed, spent = time.perf_counter() - started, time.process_time() - spent
        processed = models.WebhookEvent.select().where(models.WebhookEvent.status == "processed").count()
        with everywhere("the bench counts what the events came to"):
            paid = models.Payment.select().where(models.Payment.status == "paid").count()
            granted = models.Grant.active().distinct().select(models.Grant.source).count()
    if done != waiting or processed != waiting or paid != 2 * subscribers or granted != subscribers:
        raise LoadError(f"{done} of {waiting} worked, {processed} processed, {paid} paid, {granted} granted")
    asked = memory.asked
    print(json.dumps({"rate": done / elapsed, "events": done, "asked": asked, "cpu_ms": 1000 * spent / done}))


def _writes(folder: Path, seconds: float) -> None:
    """Threads that write single rows through the seam, each as soon as its last is durable."""
    done: list[tuple[int, float, float]] = []

    @writes
    def put(title: str) -> int:
        statement = "INSERT INTO bench (title, status) VALUES (?, ?)"
        return house.execute_sql(statement, (title, "pending")).lastrowid

    def work(number: int) -> None:
        turn = 0
        while (began := time.perf_counter()) < deadline:
            turn += 1
            row = put(f"Order the chairs {number} {turn}")
            done.append((row, began, time.perf_counter()))

    with contextlib.closing(sqlite3.connect(file(folder))) as connection:
        connection.execute("CREATE TABLE bench (id INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL)")
        with opened(folder) as house:
            put("Warm up")
            deadline = time.perf_counter() + seconds
            elapsed = at_once(work)
        _check_order(done)
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
