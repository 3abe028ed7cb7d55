"""What people lose while a server is replaced, and several processes on one PostgreSQL."""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path

from bench import guildhall, verbs
from bench.load import HOST, Load, drive, fetch, request
from bench.servers import CLIENT_CORE, SERVER_CORE, VAR, in_turns, stay_on

ASKING = 4  # threads that ask without a pause, each time on a new connection


def lost(folder: Path, replaced: int, seconds: float) -> tuple[int, int, float]:
    """(requests without their answer, requests in all, seconds that the slowest waited), while a server whose socket
    somebody else holds is replaced so many times."""
    over, waits, failed = threading.Event(), [], []

    def ask() -> None:
        message = request("GET", "/sign-in", {"Connection": "close"})
        while not over.is_set():
            began = time.perf_counter()
            try:
                fetch(port, message)
                waits.append(time.perf_counter() - began)
            except (OSError, AssertionError) as error:
                failed.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(ASKING)]
    with socket.create_server((HOST, 0), backlog=2048) as held:
        port = held.getsockname()[1]
        try:
            for number in range(replaced + 1):
                with guildhall.server(f"guildhall-replaced-{number}", folder, held):
                    if not number:
                        for thread in threads:
                            thread.start()
                    time.sleep(seconds)
                    if number == replaced:
                        over.set()
                        for thread in threads:
                            thread.join()
        finally:
            over.set()
    return len(failed), len(waits) + len(failed), max(waits)


def pages(seconds: float, runs: int = 3) -> list[float]:
    """Signed-in lists a second of two processes on one PostgreSQL, and of one alone, and of both once more where each
    runs a third of the time; the median counts. Each process has a core, as far as PostgreSQL and who asks leave it:
    those are on any."""
    stay_on(None)
    with verbs.postgres() as url, contextlib.ExitStack() as stack:
        env = {**os.environ, **guildhall.ENVIRONMENT}
        subprocess.run([sys.executable, "-m", "bench.restarts", url], cwd=guildhall.ROOT, env=env, check=True)
        ports, leaders = [], []
        for core in (SERVER_CORE, CLIENT_CORE):
            folder = VAR / f"scratch-process-{core}"
            folder.mkdir(parents=True, exist_ok=True)
            made = guildhall.server(f"guildhall-process-{core}", folder, core=core, DATABASE_URL=url, JOBS="0")
            started = stack.enter_context(made)
            ports.append(started.port)
            leaders.append(started.process.pid)
        loads = [(port, guildhall.signed_in(port)) for port in ports]
        taken = []
        for _ in range(runs):
            rates = [_rate(loads[:many], seconds) for many in (2, 1)]
            for many in (2, 1):
                with in_turns(leaders[:many]):
                    rates.append(_rate(loads[:many], seconds))
            taken.append(rates)
    stay_on(CLIENT_CORE)
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def _rate(loads: list[tuple[int, dict[str, str]]], seconds: float) -> float:
    """Of all, asked side by side."""
    with ThreadPoolExecutor(len(loads)) as pool:
        return sum(pool.map(partial(_asked, seconds), loads))


def _asked(seconds: float, load: tuple[int, dict[str, str]]) -> float:
    port, headers = load
    message = request("GET", f"/{guildhall.SLUG}/tasks?tab=all", headers)
    return drive(port, Load(repeat(message), clients=4, contains=b"</html>"), seconds=seconds)[0].rate


def _seed(url: str) -> None:
    """An organization with a page of tasks, on an empty PostgreSQL."""
    organizations = verbs.opened(url)
    from database import migrations
    from database.scope import inside
    from domain.lists import rows
    from domain.people import accounts, passwords
    from domain.tasks import tasks

    migrations.migrate(VAR)
    owner = accounts.create(guildhall.EMAIL, "Owner", passwords.hashed(guildhall.PASSWORD))
    organizations.create(guildhall.NAME, by=owner)
    by = organizations.reach(owner, guildhall.SLUG)
    with inside(by.organization):
        for number in range(guildhall.PER_PAGE):
            rows.create(tasks.rules, {"title": f"Order the chairs {number}"}, by=by)


if __name__ == "__main__":
    _seed(sys.argv[1])
