"""A hot sale over HTTP: many more buyers than seats, some of whom vanish, pay late or press twice, and a server that is
killed twice. SALE says how many buyers; `make sale` runs it in full.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from database.clock import now
from database.connections import database
from database.troubles import Unavailable
from domain.base import configuration
from domain.events import stock
from models import OrderItem, Pass, Place, StockMove, TicketOrder
from tests.browser.server import TOP, Server
from tests.domain.events.test_stock import figures
from tests.fixtures.events import make_event
from tests.fixtures.threads import write

BUYERS = int(os.environ.get("SALE", "160"))
SLOWER = float(os.environ.get("SALE_SLOWER", "1"))  # on a machine that has other work: everybody comes so much later
SEATS = BUYERS // 4

# Reads how many are left, and then takes without looking again: what every seller does who oversells.
MUTANT = """
import app
from domain.events import stock
from models import Stock
def taking(column):
    return lambda stock, count: Stock.update({column: column + count}).where(Stock.id == stock).execute()
stock._set_aside.update(held=taking(Stock.held), sold=taking(Stock.sold))
stock.fits = lambda one, count: True
from domain.events.line import calls
calls.fitting = lambda event, wishes, less: wishes
app.serve()
"""


class Killable(Server):
    """A server that can be killed with all its processes, and comes back on the same port."""

    script = ("app.py",)

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *self.script],
            cwd=TOP,
            env=self.environment | {"PYTHONPATH": str(TOP)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        until = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None, self.log[-3000:]
            assert time.monotonic() < until
            threading.Event().wait(0.1)
        return self

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def a_sale(tmp_path, at, kills, script=("app.py",)):
    """(event, the buyers' diaries, their share of a core): the sale as it went, with the server killed so often."""
    event, (tier,) = make_event(at("alice"), tickets=({"size": str(SEATS)},), title="Rush", **TIMES)
    seconds = max(4, BUYERS / 165) * SLOWER
    # On PostgreSQL in two processes, each with its own port: counting tries together would need a store of its own.
    servers = [
        Killable(
            tmp_path / f"server{n}",
            "development",
            DATABASE_URL=configuration.active.database_url,
            TRUSTED_PROXIES="1",
            THREADS="64" if database.dialect == "sqlite" else "20",  # each has a connection
            PAGES_PER_MINUTE="100000000",
            SECRET_KEY="of-the-sale-" + "0" * 40,
        )
        for n in range(1 if database.dialect == "sqlite" else 2)
    ]
    with ExitStack() as stack:
        for server in servers:
            server.script = script
            stack.enter_context(server)
        hosts = [one.url.removeprefix("http://").replace("localhost", "127.0.0.1") for one in servers]
        about = {"hosts": hosts, "slug": event.slug, "tier": tier.id, "buyers": BUYERS, "seconds": seconds, "seed": 7}
        pace = 0.25 if BUYERS < 1000 else 1
        crowd = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.fixtures.sale",
                json.dumps(about | {"pace": pace, "ends": 240 * pace * SLOWER}),
            ],
            cwd=TOP,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.enter_context(crowd)  # which closes its pipes
        stack.callback(crowd.kill)
        began, due = time.monotonic(), sorted(random.Random(7).uniform(0.1, 0.9) * seconds for _ in range(kills))
        until, lapsed = began + seconds + 240 * SLOWER, set()
        for line in crowd.stdout:
            said = json.loads(line)
            if "diaries" in said:
                return event, said["diaries"], said["cpu"]
            if due and time.monotonic() - began > due[0]:
                due.pop(0)
                servers[len(due) % len(servers)].kill()
                servers[len(due) % len(servers)].__enter__()
            is_over = figures(event)[0][1] >= SEATS or time.monotonic() > until
            # Only once somebody waits, so that who is called in their stead came by the line.
            if _somebody_waits(event) or time.monotonic() > began + seconds:
                lapsed |= _let_lapse([one for one in said["gone"] if one not in lapsed][:900])
            print("over" if is_over and not due else "on", file=crowd.stdin, flush=True)
    return None


# Whose clock doesn't stand still: the server's.
TIMES = {"starts_at": "2031-07-03T18:00:00Z", "ends_at": "2031-07-03T23:00:00Z"}


def _somebody_waits(event):
    with suppress(Unavailable):
        return Place.select().where(Place.event == event.id, Place.state == "waiting").exists()
    return False


def _let_lapse(orders):
    """The time of those who went away passes at once, instead of in a quarter of an hour; returns those whose has."""
    mine = TicketOrder.public_id << orders, TicketOrder.state << TicketOrder.LIVE
    with suppress(Unavailable):  # the server is writing all the time: at the next look, then
        write(TicketOrder.update(hold_until_at=PAST).where(*mine).execute)
        return set(orders)
    return set()


PAST = now().replace(year=2020)


def faults(event, diaries):
    """Everything that must not have happened, out of the database and out of the diaries; none where all is well."""
    found = [f"{one['number']}: {odd}" for one in diaries for odd in one["odd"]]
    found += stock.check(event.id)
    (held, sold), *_ = figures(event)
    if held + sold > SEATS:
        found.append(f"{held + sold} of {SEATS} are sold")
    orders = {one.public_id: one for one in TicketOrder.select().where(TicketOrder.event == event)}
    passes, tickets = {}, {}
    for one, order in Pass.select(Pass.id, OrderItem.order).join(OrderItem).where(Pass.event == event).tuples():
        passes.setdefault(order, []).append(one)
    for item in OrderItem.select().join(TicketOrder).where(TicketOrder.event == event):
        tickets[item.order_id] = tickets.get(item.order_id, 0) + item.quantity
    found += [
        f"order {one.id} is {one.state} with {len(passes.get(one.id, ()))} passes"
        for one in orders.values()
        if len(passes.get(one.id, ())) != (tickets[one.id] if one.state == "paid" else 0)
    ]
    for one in diaries:
        if one["end"] == "paid" and orders[one["order"]].state != "paid":
            found.append(f"{one['number']} was told of passes and has none")
        if one["end"].startswith("refused") or one["end"] == "nothing":
            found.append(f"{one['number']} got no place: {one['end']}")
    return found + _inversions(event, diaries)


def _inversions(event, diaries):
    """Those who had their answer before another asked, and stand behind them; and those who wait behind somebody who
    was called later."""
    numbers = dict(Place.select(Place.form_key, Place.number).where(Place.event == event).tuples())
    came = [one for one in diaries if one.get("form") in numbers and "answered" in one]
    ended, highest, at = sorted(came, key=lambda one: one["answered"]), 0, 0
    found = []
    for one in sorted(came, key=lambda one: one["asked"]):
        while at < len(ended) and ended[at]["answered"] < one["asked"]:
            highest, at = max(highest, numbers[ended[at]["form"]]), at + 1
        if numbers[one["form"]] < highest:
            found.append(f"{one['number']} asked after {highest} was answered and stands before them")
    waiting = [n for (n,) in Place.select(Place.number).where(Place.event == event, Place.state == "waiting").tuples()]
    called = Place.select(Place.number).where(Place.event == event, Place.called_at.is_null(False))
    last = max((n for (n,) in called.tuples()), default=0)
    return found + [f"{n} waits, and {last} was called" for n in waiting if n < last]


@pytest.mark.filterwarnings("ignore")
def test_a_hot_sale_is_fair_and_sells_each_seat_once_though_the_server_is_killed_twice(
    inside_acme, at, tmp_path, capsys
):
    event, diaries, cpu = a_sale(tmp_path, at, kills=2)
    assert faults(event, diaries) == []
    ends = [one["end"] for one in diaries]
    assert figures(event)[0] == (0, SEATS), {end: ends.count(end) for end in ends}
    assert ends.count("paid") + sum(end.startswith("late") for end in ends) >= SEATS * 0.8
    stood = [one for one in diaries if "place_at" in one]
    assert any(one["end"] == "paid" for one in stood), stood  # somebody came from the line
    took = sorted(one["took"] for one in diaries if "took" in one)
    if BUYERS >= 1000:
        with capsys.disabled():
            moves = StockMove.select().where(StockMove.event == event).count()
            print(
                f"\n{BUYERS} buyers, {SEATS} seats sold, {moves} moves; getting in line: median {took[len(took) // 2]:.2f} s,"
            )
            print(
                f"p99 {took[int(len(took) * 0.99)]:.2f} s, worst {took[-1]:.2f} s; the buyers took {cpu:.0%} of a core"
            )


@pytest.mark.filterwarnings("ignore")
def test_the_sale_sees_a_seller_that_reads_and_then_writes(inside_acme, at, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "BUYERS", 60)
    monkeypatch.setattr(sys.modules[__name__], "SEATS", 15)
    event, diaries, _ = a_sale(tmp_path, at, kills=0, script=("-c", MUTANT))
    assert faults(event, diaries)
