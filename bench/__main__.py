"""Measures Guildhall against its floors and peers, in one run on one machine. `make bench [QUICK=1]`.

With SMOKE=1 every measure of Guildhall runs over little data and without its peers, and no figure is judged: it
shows within a minute that none has broken. `python -m bench records growth` takes these measures alone, called as
the methods of Bench are, with the servers that they need, and keeps no figures.
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import cycle, repeat
from pathlib import Path

from bench import (
    api,
    copies,
    flyers,
    guildhall,
    peer_data,
    pocketbase,
    pretix,
    restarts,
    staff,
    stripe_objects,
    tickets,
    verbs,
)
from bench.load import Load, LoadError, Result, dripped, drive, fetch, request
from bench.servers import CLIENT_CORE, SERVER_CORE, VAR, Server, environment, peer, stay_on
from bench.tasks import COMMON, MEDIUM, RARE
from bench.webhooks import KNOWN, Taker

SMOKE, QUICK = (os.environ.get(name, "") not in ("", "0") for name in ("SMOKE", "QUICK"))
MANY, FEW = (8_000, 4_000) if SMOKE else (1_000_000, 10_000)
TABLES = (20, 10) if SMOKE else (2_000, 10)
RUNS = 1 if SMOKE else 3
SECONDS = 0.2 if SMOKE else 0.5 if QUICK else 4
CLIENTS = 8
PLAN_CHANGES = 4 if SMOKE else 20 if QUICK else 100
SUBSCRIBERS = 20 if SMOKE else 200 if QUICK else 2500  # whose events are worked off

Pages = tuple[Server, dict[str, bytes]]  # what each is called, and what is sent
AT_LEAST, AT_MOST = "≥", "≤"
GOALS = {
    "list_1m_vs_django_admin": (AT_LEAST, 12),
    "list_1m_vs_flask_admin": (AT_LEAST, 10),
    "list_1m_vs_jinja_page": (AT_LEAST, 0.4),
    "search_1m_vs_django_admin": (AT_LEAST, 30),
    "audit_1m_vs_django_admin": (AT_LEAST, 12),
    "people_1m_search_ms": (AT_MOST, 10),
    "list_growth": (AT_MOST, 1.1),
    "writes_vs_commits": (AT_LEAST, 2),
    "writes_p99_ms": (AT_MOST, 20),
    "writes_worst_ms": (AT_MOST, 200),
    "credit_spends_per_second": (AT_LEAST, 2000),
    "create_vs_django_admin": (AT_LEAST, 2.5),
    "webhook_vs_bare": (AT_LEAST, 1.0),
    "webhook_lost": (AT_MOST, 0),
    "webhook_vs_djstripe": (AT_LEAST, 10),
    "webhook_vs_djstripe_queueing": (AT_LEAST, 3),
    "events_worked_asking": (AT_LEAST, 500),
    "list_p99_under_writes": (AT_MOST, 3),
    "webhook_to_plan_ms": (AT_MOST, 50),
    "verbs_two_processes": (AT_LEAST, 1.6),
    "two_processes_pages": (AT_LEAST, 1.7),
    "restart_lost_requests": (AT_MOST, 0),
    "backup_drill_seconds": (AT_MOST, 60),
    "backup_drill_writers_p99": (AT_MOST, 100),
    "chart_1m": (AT_MOST, 5),
    "chart_1m_kept_ms": (AT_MOST, 20),
    "page_cold_seconds": (AT_MOST, 4),
    "health_p99_under_slow_clients": (AT_MOST, 100),
    "memory_mb": (AT_MOST, 140),
    "records_list_1m_vs_django_admin": (AT_LEAST, 10),
    "records_vs_pocketbase": (AT_LEAST, 8),
    "api_list_vs_pocketbase": (AT_LEAST, 10),
    "api_get_vs_pocketbase": (AT_LEAST, 0.3),
    "api_create_vs_pocketbase": (AT_LEAST, 0.4),
    "records_growth": (AT_MOST, 1.3),
    "records_write_per_second": (AT_LEAST, 1500),
    "kind_change_1m": (AT_MOST, 60),
    "kind_change_others_p99": (AT_MOST, 100),
    "many_tables_start": (AT_MOST, 1.1),
    "many_tables_page": (AT_MOST, 1.1),
    "check_in_vs_pretix": (AT_LEAST, 20),
    "order_vs_pretix": (AT_LEAST, 40),
    "event_page_vs_bare": (AT_LEAST, 0.6),
    "line_polls_per_second": (AT_LEAST, 3000),
    "holds_per_second": (AT_LEAST, 5000),
    "holds_p99_ms": (AT_MOST, 100),
    "tickets_100_pdf_ms": (AT_MOST, 300),
    "campaign_letters_per_second": (AT_LEAST, 100),
    "flyers_composed_per_second": (AT_LEAST, 30),
    "flyer_cached_ms": (AT_MOST, 5),
    "flyer_pages_p99_ms": (AT_MOST, 100),
    "flyer_memory_mb": (AT_MOST, 260),
    "import_1m": (AT_MOST, 360),
    "import_1m_others_p99": (AT_MOST, 100),
    "import_1m_memory": (AT_MOST, 200),
    "move_rows_per_second": (AT_LEAST, 10_000),
    "formula_rows_per_second": (AT_LEAST, 20_000),
    "automation_to_effect_ms": (AT_MOST, 50),
}


@dataclass
class Row:
    """One measure. `ratio` is value to floor, so more is better for rates and less is better for times."""

    name: str
    value: float
    unit: str
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def goal(self) -> str:
        return "{} {:g}".format(*GOALS[self.name]) if self.name in GOALS and not SMOKE else ""

    @property
    def reached(self) -> bool:
        if self.name not in GOALS:
            return True
        direction, limit = GOALS[self.name]
        measured = self.value if self.ratio is None else self.ratio
        return measured >= limit if direction == AT_LEAST else measured <= limit

    def cells(self) -> list[str]:
        numbers = ["" if number is None else f"{number:,.2f}" for number in (self.value, self.floor, self.ratio)]
        met = "" if not self.goal else "reached" if self.reached else "MISSED"
        return [self.name, numbers[0], self.unit, numbers[1], numbers[2], self.goal, met]

    def saved(self) -> dict[str, str | float | None]:
        kept = {
            number: round(value, 4) if value is not None else None
            for number, value in (("value", self.value), ("floor", self.floor), ("ratio", self.ratio))
        }
        return {"name": self.name, "value": kept["value"], "unit": self.unit} | kept


def medians(*measures: Callable[[], float], runs: int = RUNS) -> list[float]:
    """The median of each measure over the runs; the measures take turns, so that a slow moment hits all."""
    taken = [[measure() for measure in measures] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def rate(server: Server | None, load: Load, seconds: float = SECONDS) -> Callable[[], float]:
    return lambda: drive(server.port, load, seconds=seconds)[0].rate if server else 0


def grown(name: str, many: Pages, few: Pages, counts: tuple[int, int] = (MANY, FEW)) -> Row:
    """The page that costs most more at many rows than at few: medians of their milliseconds."""

    def middle(server: Server, message: bytes) -> Callable[[], float]:
        load = page(message, clients=1)
        return lambda: drive(server.port, load, seconds=SECONDS / 5)[0].percentile_ms(0.5)

    rows = []
    for said in many[1]:
        value, floor = medians(middle(many[0], many[1][said]), middle(few[0], few[1][said]), runs=7)
        print(f"  {said}: {value:.2f} ms at {counts[0]:,}, {floor:.2f} ms at {counts[1]:,}", flush=True)
        rows.append(Row(name, value, f"ms ({said})", floor))
    return max(rows, key=lambda row: row.ratio or 0)


def page(message: bytes, clients: int = CLIENTS) -> Load:
    return Load(repeat(message), clients=clients, contains=b"</html>")


class Absent:
    """In the place of a peer's pages where there are no peers."""

    def __getattr__(self, name: str) -> Callable[..., bytes]:
        return lambda *_: b""


class Bench:
    """All measures; each server is started once the first of them asks for it, and then stays."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._start = stack.enter_context

    def _peer(self, name: str, environment_name: str, application: str, **extra: str) -> Server | None:
        print(f"starting {name}", flush=True)
        return self._start(peer(name, environment_name, application, guildhall.SETTINGS, **extra))

    @cached_property
    def hello(self) -> Server | None:
        return None if SMOKE else self._peer("hello", "bare", "hello:app")

    @cached_property
    def jinja(self) -> Server | None:
        return None if SMOKE else self._peer("page", "bare", "page:app", TASKS_FILE=str(peer_data.page_file()))

    @cached_property
    def inbox(self) -> Server | None:
        if SMOKE:
            return None
        file = VAR / "bare-webhook.sqlite3"
        for old in VAR.glob(file.name + "*"):
            old.unlink()
        return self._peer("webhook", "bare", "webhook:app", DATABASE_FILE=str(file))

    @cached_property
    def flask_admin(self) -> Server | None:
        if SMOKE:
            return None
        file = str(peer_data.flask_admin_database(MANY))
        return self._peer("flask-admin", "flask_admin", "flask_admin_site:app", DATABASE_FILE=file)

    @cached_property
    def django(self) -> Server | None:
        if SMOKE:
            return None
        told = peer_data.django_settings(peer_data.django_database(MANY))
        return self._peer("django", "django", "django_site.urls:app", **told)

    @cached_property
    def django_admin(self) -> peer_data.DjangoAdmin | Absent:
        return peer_data.DjangoAdmin(self.django.port) if self.django else Absent()

    @cached_property
    def many(self) -> Server:
        return self._start(guildhall.server("guildhall-many", guildhall.database(MANY)))

    @cached_property
    def few(self) -> Server:
        return self._start(guildhall.server("guildhall-few", guildhall.database(FEW)))

    @cached_property
    def at_many(self) -> guildhall.Owner:
        return self._owner(self.many, guildhall.database(MANY))

    @cached_property
    def at_few(self) -> guildhall.Owner:
        return self._owner(self.few, guildhall.database(FEW))

    @staticmethod
    def _owner(server: Server, folder: Path) -> guildhall.Owner:
        owner = guildhall.Owner(server, folder)
        for message in owner.pages().values():
            owner.check(fetch(server.port, message))
        return owner

    @cached_property
    def creates(self) -> Iterator[bytes]:
        return self.at_many.creates()

    @cached_property
    def stripe(self) -> guildhall.Stripe:
        return guildhall.Stripe()

    @cached_property
    def webhooks(self) -> Iterator[tuple[str, bytes]]:
        return self.stripe.webhooks()

    def rows(self, only: Sequence[str] = ()) -> Iterator[Row]:
        measures = (
            self.lists,
            self.search,
            self.staff,
            self.growth,
            self.writes,
            self.credits,
            self.create,
            self.webhook,
            self.lost,
            self.webhook_vs_djstripe,
            self.events,
            self.under_writes,
            self.plan,
            self.verbs,
            self.records,
            self.api,
            self.records_written,
            self.many_tables,
            self.imports,
            self.formulas,
            self.automations,
            self.charts,
            self.tickets,
            self.flyers,
            self.newsletter,
            self.moves,
            self.drills,
            self.processes,
            self.restarts,
            self.weight,
            self.slow_clients,
            self.memory,
        )
        if unknown := {*only} - {measure.__name__ for measure in measures}:
            raise SystemExit(f"There is no {', '.join(sorted(unknown))}: {', '.join(m.__name__ for m in measures)}")
        for measure in (m for m in measures if not only or m.__name__ in only):
            started = time.perf_counter()
            yield from measure()
            print(f"{measure.__name__}: {time.perf_counter() - started:.1f} s", flush=True)

    def lists(self) -> Iterator[Row]:
        drive(self.many.port, page(self.at_many.list()), seconds=0.3)
        ours, django, flask_admin, jinja, hello = medians(
            rate(self.many, page(self.at_many.list())),
            rate(self.django, page(self.django_admin.page())),
            rate(self.flask_admin, page(request("GET", "/admin/task/"))),
            rate(self.jinja, page(request("GET", "/tasks"))),
            rate(self.hello, Load(repeat(request("GET", "/")))),
        )
        yield Row("list_1m_vs_django_admin", ours, "req/s", django)
        yield Row("list_1m_vs_flask_admin", ours, "req/s", flask_admin)
        yield Row("list_1m_vs_jinja_page", ours, "req/s", jinja)
        yield Row("list_1m_vs_hello", ours, "req/s", hello)

    def search(self) -> Iterator[Row]:
        words = (COMMON, MEDIUM, RARE)
        theirs = Load([self.django_admin.search(word) for word in words], clients=1, contains=b"</html>")
        ours = Load(cycle([self.at_many.search(word) for word in words]), clients=1, contains=b"</html>")
        value, floor = medians(rate(self.many, ours), rate(self.django, theirs, seconds=60))
        yield Row("search_1m_vs_django_admin", value, "req/s", floor)

    def staff(self) -> Iterator[Row]:
        """What the staff looks through: the audit log by two filters and a word, and accounts by parts of names."""
        with guildhall.server("guildhall-staff", guildhall.staffed(MANY)) as server:
            admin = guildhall.Staff(server)
            for message in (admin.audit(), *map(admin.people, staff.PARTS)):
                if b"/admin/" not in (answer := fetch(server.port, message)).partition(b"<tbody")[2]:
                    raise LoadError(f"the staff sees no list: {answer[:1500]!r}")
            ours = Load(repeat(admin.audit()), clients=1, contains=staff.WORD.encode())
            theirs = Load([self.django_admin.audit()] * 3, clients=1, contains=staff.WORD.encode())
            value, floor = medians(rate(server, ours), rate(self.django, theirs, seconds=60))
            yield Row("audit_1m_vs_django_admin", value, "req/s", floor)
            people = Load(cycle([admin.people(part) for part in staff.PARTS]), clients=1, contains=b"</html>")
            yield Row("people_1m_search_ms", drive(server.port, people, seconds=SECONDS)[0].percentile_ms(0.5), "ms")

    def growth(self) -> Iterator[Row]:
        yield grown("list_growth", (self.many, self.at_many.pages()), (self.few, self.at_few.pages()))

    def records(self) -> Iterator[Row]:
        """A table that people made, at many rows and at few."""
        folders = guildhall.ordered(MANY), guildhall.ordered(FEW)
        with contextlib.ExitStack() as stack:
            # Where there is no copy yet one is due as the server starts, and would take the core that is measured.
            many, few = (stack.enter_context(guildhall.server(f"guildhall-{f.name}", f, JOBS="0")) for f in folders)
            at_many, at_few = guildhall.Table(many, folders[0]), guildhall.Table(few, folders[1])
            for server, table in ((many, at_many), (few, at_few)):
                for message in table.pages().values():
                    table.check(fetch(server.port, message))
            ours, django = medians(
                rate(many, page(at_many.by_amount())), rate(self.django, page(self.django_admin.orders()))
            )
            yield Row("records_list_1m_vs_django_admin", ours, "req/s", django)
            yield from self._beside_pocketbase(many, page(at_many.by_amount()))
            yield grown("records_growth", (many, at_many.pages()), (few, at_few.pages()))

    def _beside_pocketbase(self, ours: Server, asked: Load) -> Iterator[Row]:
        """The same list as a page for people, and as JSON with its total."""
        if SMOKE:
            return
        with pocketbase.server(pocketbase.folder(MANY)) as theirs:
            told = Load(repeat(pocketbase.by_amount(theirs, MANY)), clients=CLIENTS, contains=b'"totalItems"')
            value, floor = medians(rate(ours, asked), rate(theirs, told))
        yield Row("records_vs_pocketbase", value, "req/s", floor)

    def api(self) -> Iterator[Row]:
        """Rows of a table that people made by its API: listed, got and made, beside PocketBase."""
        folder = guildhall.scratch(guildhall.ordered(MANY), "api")
        asked = api.Asked(json.loads(on_server_core("bench.api", folder)), MANY)
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(guildhall.server("guildhall-api", folder, JOBS="0"))  # as with its pages above
            api.check(ours, asked)
            theirs = None if SMOKE else stack.enter_context(pocketbase.server(pocketbase.folder(MANY)))
            listed, got, made = api.theirs(theirs, MANY) if theirs else (b"", iter(()), iter(()))
            for name, mine, other, status in (
                ("api_list_vs_pocketbase", asked.list(), repeat(listed), 200),
                ("api_get_vs_pocketbase", asked.get(), got, 200),
                ("api_create_vs_pocketbase", asked.create(), made, 201),
            ):
                load = Load(mine, clients=CLIENTS, status=status)
                value, floor = medians(rate(ours, load), rate(theirs, Load(other, clients=CLIENTS)))
                yield Row(name, value, "req/s", floor)
        shutil.rmtree(folder)

    def records_written(self) -> Iterator[Row]:
        """Rows made by many threads; and a text of all rows that becomes a number, while another writes."""
        folder = guildhall.scratch(guildhall.ordered(FEW), "orders")

        def made() -> float:
            return float(json.loads(on_server_core("bench.records", "writes", folder, SECONDS))["rate"])

        (value,) = medians(made)
        yield Row("records_write_per_second", value, "rows/s")
        folder = guildhall.scratch(guildhall.ordered(FEW if QUICK else MANY), "orders")
        told = json.loads(on_server_core("bench.records", "kind", folder))
        shutil.rmtree(folder)
        print("  rehearsed in {rehearsed:.1f} s, changed with {cpu:.1f} s of CPU".format(**told), flush=True)
        yield Row("kind_change_1m", told["seconds"] * 1_000_000 / told["rows"], "s")
        yield Row("kind_change_others_p99", told["p99_ms"], "ms")

    def many_tables(self) -> Iterator[Row]:
        """Seconds to the first answer, and the page of one table, among many tables and among few."""
        folders = [guildhall.with_tables(count) for count in TABLES]

        def start(folder: Path) -> float:
            began = time.perf_counter()
            with guildhall.server("guildhall-tables", folder):
                return time.perf_counter() - began

        value, floor = medians(*(partial(start, folder) for folder in folders))
        yield Row("many_tables_start", value, "s", floor)
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(guildhall.server(f"guildhall-{f.name}", f)) for f in folders]
            owners = [guildhall.Owner(*pair) for pair in zip(servers, folders, strict=True)]
            many, few = ((s, {"page": o.get("/records/table-1")}) for s, o in zip(servers, owners, strict=True))
            yield grown("many_tables_page", many, few, TABLES)

    def writes(self) -> Iterator[Row]:
        folder = guildhall.scratch(guildhall.database(FEW), "writes")
        told = []

        def ours() -> float:
            told.append(json.loads(on_server_core("bench.within", "writes", folder, SECONDS)))
            return told[-1]["rate"]

        def commits() -> float:
            return float(on_server_core("bench.commits", folder / "commits.sqlite3", SECONDS))

        value, floor = medians(ours, commits)
        yield Row("writes_vs_commits", value, "writes/s", floor)
        yield Row("writes_p99_ms", statistics.median(run["p99_ms"] for run in told), "ms")
        yield Row("writes_worst_ms", max(run["worst_ms"] for run in told), "ms")

    def credits(self) -> Iterator[Row]:
        folder = guildhall.scratch(guildhall.database(FEW), "credits")

        def spends() -> float:
            return float(json.loads(on_server_core("bench.within", "credits", folder, SECONDS))["rate"])

        (value,) = medians(spends)
        yield Row("credit_spends_per_second", value, "spends/s")

    def tickets(self) -> Iterator[Row]:
        """An event's page, check-ins and orders, against a bare page and against pretix on PostgreSQL."""
        many = 300 if SMOKE else 20_000
        folder = guildhall.scratch(guildhall.sold(many), "event")
        on_server_core("bench.tickets", "wait", folder)
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(guildhall.server("guildhall-event", folder, TRUSTED_PROXIES="1"))
            sale = tickets.Sale(server, folder)
            loads = page(sale.page()), page(request("GET", "/event"))
            value, floor = medians(rate(server, loads[0]), rate(self.jinja, loads[1]))
            yield Row("event_page_vs_bare", value, "req/s", floor)
            scans = sale.check_ins(guildhall.Owner(server, folder))
            theirs = stack.enter_context(pretix.running(int(300 * RUNS * SECONDS))) if self._has("pretix") else None
            check_in = Load(scans, clients=CLIENTS, contains=b'"ok"')
            secrets = Load(theirs.check_ins(), clients=CLIENTS, status=pretix.CREATED) if theirs else check_in
            orders = Load(theirs.orders(), clients=CLIENTS, status=pretix.CREATED) if theirs else check_in
            peer_server = theirs.server if theirs else None
            value, floor = medians(rate(server, check_in), rate(peer_server, secrets))
            yield Row("check_in_vs_pretix", value, "scans/s", floor)
            bought = [partial(tickets.orders_per_second, shop, SECONDS, CLIENTS) for shop in (sale, theirs)]
            value, floor, by_api = medians(*bought, rate(peer_server, orders))
            yield Row("order_vs_pretix", value, "orders/s", floor)
            yield Row("order_vs_pretix_api", value, "orders/s", by_api)
            yield Row("line_polls_per_second", medians(rate(server, sale.poll()))[0], "polls/s")
        held = json.loads(on_server_core("bench.tickets", "holds", folder, SECONDS))
        yield Row("holds_per_second", held["rate"], "holds/s")
        yield Row("holds_p99_ms", held["p99_ms"], "ms")
        yield Row("tickets_100_pdf_ms", json.loads(on_server_core("bench.tickets", "pdf"))["ms"], "ms")

    def flyers(self) -> Iterator[Row]:
        """Pictures of 1080 × 1350 out of photos of three million pixels, sent by strangers and drawn by the lane of a
        server on all cores; and pages of it meanwhile."""
        folder, made = guildhall.scratch(guildhall.with_flyers(), "flyers"), 8 if SMOKE else 120
        with guildhall.server("guildhall-flyers", folder, core=None, TRUSTED_PROXIES="1") as server:
            makers = flyers.Makers(server, folder)
            yield Row("flyers_composed_per_second", medians(partial(makers.drawn_per_second, made))[0], "images/s")
            yield Row("flyer_cached_ms", makers.cached_ms(made), "ms")
            busy = makers.looked_at(max(SECONDS, 1) * 3)
            yield Row("flyer_pages_p99_ms", busy.p99_ms, "ms")
            yield Row("flyer_memory_mb", busy.memory_mb, "MB")

    def newsletter(self) -> Iterator[Row]:
        """An issue of the newsletter handed to a mail server of this machine, each letter with its durable marks."""
        folder = guildhall.scratch(guildhall.database(FEW), "newsletter")
        told = json.loads(on_server_core("bench.news", folder, 50 if SMOKE else 1000, alone=False))
        yield Row("campaign_letters_per_second", told["rate"], "letters/s")

    def create(self) -> Iterator[Row]:
        ours = Load(self.creates, clients=CLIENTS, status=guildhall.CREATED)
        theirs = Load(map(self.django_admin.create, range(10**9)), clients=CLIENTS, status=302)
        value, floor = medians(rate(self.many, ours), rate(self.django, theirs))
        yield Row("create_vs_django_admin", value, "tasks/s", floor)

    def webhook(self) -> Iterator[Row]:
        """Events that want work, taken in while the same process works them off, against a route that only stores."""

        def posts(server: Server | None) -> Callable[[], float]:
            def post() -> float:
                if server is None:
                    return 0
                # Signed before the clock starts: signing is the sender's work, not the server's.
                signed = [next(updates)[1] for _ in range(int(8000 * SECONDS))]
                result = drive(server.port, Load(signed, clients=CLIENTS), seconds=SECONDS)[0]
                if len(result.answered) == len(signed):
                    raise LoadError("too few webhooks were prepared")
                return result.rate

            return post

        updates = self.stripe.updates(KNOWN, guildhall.WEBHOOKS)
        folder = guildhall.scratch(guildhall.subscribers(KNOWN), "webhook")
        with guildhall.server("guildhall-webhook", folder) as server:
            value, floor = medians(posts(server), posts(self.inbox))
            guildhall.await_worked(folder)
        yield Row("webhook_vs_bare", value, "req/s", floor)

    def lost(self) -> Iterator[Row]:
        """Kill the server amid a load of webhooks; after a restart each answered one must be there."""
        lost = answered = 0
        for run in range(RUNS):
            folder = guildhall.scratch(guildhall.database(FEW), "kill")
            prepared = [next(self.webhooks) for _ in range(10_000)]
            with guildhall.server("guildhall-kill", folder) as server:
                killer = threading.Timer(0.3 + 0.2 * run, server.kill)
                killer.start()
                load = Load([message for _, message in prepared], clients=CLIENTS)
                result: Result = drive(server.port, load, seconds=10, until_broken=True)[0]
                killer.join()
            if not result.answered or len(result.answered) == len(prepared):
                raise LoadError("the server was not killed amid the load")
            with guildhall.server("guildhall-again", folder):
                kept = guildhall.stored_events(folder)
            accepted = {prepared[index][0] for index in result.answered}
            answered += len(accepted)
            lost += len(accepted - kept)
        yield Row("webhook_lost", lost, f"of {answered}")

    def webhook_vs_djstripe(self) -> Iterator[Row]:
        """The same events, posted to Guildhall that leaves the work to `python -m jobs`, and to dj-stripe: as it
        comes, working each before it answers, and leaving that to a queue. Last, Guildhall as it comes: in the same
        process it works while it takes more in, and in the end has done what dj-stripe has."""
        with contextlib.ExitStack() as stack:
            takers = [self._guildhall(stack, "working", True), self._guildhall(stack, "accepting", False)]
            if not self._has("djstripe"):
                working, accepting = medians(*(partial(taker.rate, max(SECONDS, 1)) for taker in takers))
                yield Row("webhook_accepted", accepting, "req/s (without dj-stripe)")
                yield Row("webhook_worked", working, "req/s, worked besides (without dj-stripe)")
                return
            objects = VAR / "stripe-objects.json"
            known = stripe_objects.addresses(KNOWN, self.stripe.prices["pro_monthly"])
            objects.write_text(json.dumps(known))
            # On our core, where there is more room: dj-stripe shall not wait for it.
            api = peer(
                "stripe-api", "bare", "stripe_api:app", guildhall.SETTINGS, CLIENT_CORE, OBJECTS_FILE=str(objects)
            )
            port = stack.enter_context(api).port
            takers += [self._djstripe(stack, "full", port, False), self._djstripe(stack, "queueing", port, True)]
            working, accepting, full, queueing = medians(*(partial(taker.rate, max(SECONDS, 1)) for taker in takers))
            for taker in takers:
                taker.check()
        yield Row("webhook_vs_djstripe", accepting, "req/s", full)
        yield Row("webhook_vs_djstripe_queueing", accepting, "req/s", queueing)
        yield Row("webhook_worked_vs_djstripe", working, "req/s, worked besides", full)

    def _has(self, peer_name: str) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return not SMOKE and bool(environment(peer_name))
        return False

    def _guildhall(self, stack: contextlib.ExitStack, name: str, jobs: bool) -> Taker:
        folder = guildhall.scratch(guildhall.subscribers(KNOWN), name)
        server = stack.enter_context(guildhall.server(f"guildhall-{name}", folder, JOBS=str(jobs).lower()))
        updates = self.stripe.updates(KNOWN, guildhall.WEBHOOKS)
        settle = partial(guildhall.await_worked, folder) if jobs else lambda: None
        kept = partial(guildhall.stored_events, folder)
        return Taker(f"guildhall-{name}", server, updates, 6000, lambda: len(kept()), settle)

    def _djstripe(self, stack: contextlib.ExitStack, name: str, api: int, queueing: bool) -> Taker:
        file = peer_data.djstripe_database(name, self.stripe.secret)
        told = peer_data.djstripe_settings(file, api, queueing)
        server = stack.enter_context(
            peer(f"djstripe-{name}", "djstripe", "djstripe_site.urls:app", guildhall.SETTINGS, **told)
        )
        count = peer_data.djstripe_queued if queueing else peer_data.djstripe_worked
        updates = self.stripe.updates(KNOWN, peer_data.ENDPOINT_PATH)
        return Taker(f"djstripe-{name}", server, updates, 2000, partial(count, file))

    def events(self) -> Iterator[Row]:
        """Purchases and renewals of many organizations, from the inbox to grants and credits by one worker."""
        folder = guildhall.scratch(guildhall.subscribers(SUBSCRIBERS), "events")
        told = json.loads(on_server_core("bench.within", "events", folder, SUBSCRIBERS))
        print("  {events:,} events, {asked:,} API calls, {cpu_ms:.2f} ms of CPU each".format(**told), flush=True)
        yield Row("events_worked_asking", told["rate"], "events/s")

    def under_writes(self) -> Iterator[Row]:
        reading = page(self.at_many.list())
        writing = Load(self.creates, clients=CLIENTS, status=guildhall.CREATED)
        seconds = max(SECONDS, 1)

        def alone() -> float:
            return drive(self.many.port, reading, seconds=seconds)[0].percentile_ms(0.99)

        def amid() -> float:
            return drive(self.many.port, reading, writing, seconds=seconds)[0].percentile_ms(0.99)

        value, floor = medians(amid, alone)
        yield Row("list_p99_under_writes", value, "ms", floor)

    def plan(self) -> Iterator[Row]:
        folder = guildhall.scratch(guildhall.database(FEW), "plan")
        with guildhall.server("guildhall-plan", folder) as server:
            taken = list(self.stripe.plan_changes(server, folder, PLAN_CHANGES))
        yield Row("webhook_to_plan_ms", statistics.median(taken) * 1000, "ms")

    def verbs(self) -> Iterator[Row]:
        """Audited acts on a durable PostgreSQL, by two processes and by one."""
        two, one, two_in_turns, one_in_turn = verbs.measure(SECONDS, RUNS)
        yield Row("verbs_two_processes", two, "acts/s", one)
        yield Row("verbs_two_processes_in_turns", two_in_turns, "acts/s", one_in_turn)

    def imports(self) -> Iterator[Row]:
        """A file of a million rows of twelve fields, rehearsed and done, while four others write."""
        folder, count = VAR / "imports", 300 if SMOKE else 30_000 if QUICK else 1_000_000
        shutil.rmtree(folder, ignore_errors=True)
        told = json.loads(on_server_core("bench.imports", folder, count))
        shutil.rmtree(folder)
        yield Row("import_1m", told["seconds"] * 1_000_000 / count, "s")
        yield Row("import_1m_others_p99", told["p99_ms"], "ms")
        yield Row("import_1m_memory", told["memory_mb"], "MB")

    def charts(self) -> Iterator[Row]:
        """A count and a sum over a million rows of a table that people made: by a job first, then as they are kept."""
        folder, count = VAR / "charts", 300 if SMOKE else 30_000 if QUICK else 1_000_000
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        on_server_core("bench.records", "seed", folder, count)
        told = json.loads(on_server_core("bench.charts", folder))
        shutil.rmtree(folder)
        yield Row("chart_1m", told["seconds"] * 1_000_000 / count, "s")
        yield Row("chart_1m_kept_ms", told["kept_ms"], "ms")

    def formulas(self) -> Iterator[Row]:
        """Three formulas of a table of a million rows, worked out anew by the job."""
        folder, count = VAR / "formulas", 300 if SMOKE else 30_000 if QUICK else 1_000_000
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        on_server_core("bench.records", "seed", folder, count)
        told = json.loads(on_server_core("bench.formulas", folder))
        shutil.rmtree(folder)
        yield Row("formula_rows_per_second", told["rows_per_second"], "rows/s")

    def automations(self) -> Iterator[Row]:
        """From a change of a task until what an automation does of it has committed."""
        folder = guildhall.scratch(guildhall.database(FEW), "automations")
        told = json.loads(on_server_core("bench.automations", folder, 5 if SMOKE else 200))
        yield Row("automation_to_effect_ms", told["p50_ms"], "ms")

    def moves(self) -> Iterator[Row]:
        """A site of many tasks from SQLite to PostgreSQL by its command: looked at, copied, compared."""
        yield Row("move_rows_per_second", copies.moved(guildhall.database(100_000 if QUICK else MANY)), "rows/s")

    def drills(self) -> Iterator[Row]:
        """A copy of many tasks, made and proven by the command beside a server through which others write."""
        folder = guildhall.scratch(guildhall.database(100_000 if QUICK else MANY), "drill")
        seconds, p99 = copies.drilled(folder)
        shutil.rmtree(folder)
        yield Row("backup_drill_seconds", seconds, "s for 500 MB")
        yield Row("backup_drill_writers_p99", p99, "ms")

    def processes(self) -> Iterator[Row]:
        """Pages of two processes on one PostgreSQL, and of one."""
        two, one, two_in_turns, one_in_turn = restarts.pages(SECONDS, RUNS)
        yield Row("two_processes_pages", two, "req/s", one)
        yield Row("two_processes_pages_in_turns", two_in_turns, "req/s", one_in_turn)

    def restarts(self) -> Iterator[Row]:
        """Requests of four who go on asking while the server is replaced twice, and how long the slowest waited."""
        folder = guildhall.scratch(guildhall.database(FEW), "restarts")
        lost, asked, longest = restarts.lost(folder, 1 if SMOKE else 2, SECONDS)
        print(f"restarts: {asked} requests were asked", flush=True)
        yield Row("restart_lost_requests", lost, "requests")
        yield Row("restart_longest_wait", longest, "s")

    def weight(self) -> Iterator[Row]:
        total, seconds = guildhall.weight(self.few, self.at_few)
        yield Row("page_weight_kb", total / 1000, "kB")
        yield Row("page_cold_seconds", seconds, f"s at {guildhall.KBIT} kbit/s")

    def slow_clients(self) -> Iterator[Row]:
        """A minute in which 200 connections drip a byte a second, half of them heads and half of them bodies."""
        result = dripped(self.few.port, request("GET", "/health"), seconds=1 if SMOKE else 6 if QUICK else 60)
        yield Row("health_p99_under_slow_clients", result.percentile_ms(0.99), "ms")

    def memory(self) -> Iterator[Row]:
        """Of a server that was used: by this run's other measures, at least by its lists and a search each."""
        self.at_many.check(fetch(self.many.port, self.at_many.list()))
        yield Row("memory_mb", self.many.memory_mb(), "MB")


def on_server_core(module: str, *arguments: object, alone: bool = True) -> str:
    """What a module prints that runs on the servers' core, or on all of them."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        preexec_fn=lambda: stay_on(SERVER_CORE if alone else None),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def table(rows: Iterable[Row]) -> str:
    lines = [["measure", "value", "unit", "floor", "ratio", "goal", ""], *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    numeric = (1, 3, 4)
    return "\n".join(
        "  ".join(
            cell.rjust(widths[at]) if at in numeric else cell.ljust(widths[at]) for at, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def main() -> None:
    stay_on(CLIENT_CORE)
    with contextlib.ExitStack() as stack:
        rows = list(Bench(stack).rows(sys.argv[1:]))
    if not SMOKE and not sys.argv[1:]:
        (VAR.parent / "bench.json").write_text(json.dumps([row.saved() for row in rows], indent=1) + "\n")
    print("\n" + table(rows))


if __name__ == "__main__":
    main()
