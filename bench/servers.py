"""Environments of the peers, and servers as processes: started, measured and stopped by their id."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load import HOST, LoadError, fetch, request

BENCH = Path(__file__).parent
PEERS = BENCH / "peers"
VAR = BENCH.parent / "var" / "bench"
SERVER_CORE = 0
CLIENT_CORE = 1


def environment(name: str) -> Path:
    """The Python of the venv that holds exactly peers/<name>.txt, made on first use."""
    listed = PEERS / f"{name}.txt"
    folder = VAR / f"env-{name}"
    python = folder / "bin" / "python"
    stamp = folder / "made-from"
    wanted = hashlib.sha256(listed.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making {folder.name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", listed],
            check=True,
        )
        stamp.write_text(wanted)
    return python


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def stay_on(core: int | None) -> None:
    """Keep this process, and those it starts, on one core as far as the machine has that core; None: on any."""
    cores = range(os.cpu_count() or 1)
    if core is None or core in cores:
        os.sched_setaffinity(0, cores if core is None else {core})


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen
    log: Path

    def kill(self) -> None:
        """As a power cut would: no process of it gets to say goodbye."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()

    def memory_mb(self) -> float:
        """Memory of all processes of its session (PSS: a page shared by two is counted once)."""
        return sum(_resident_kb(pid) for pid in _session(self.process.pid)) / 1024


TURN = 0.005  # seconds


@contextlib.contextmanager
def in_turns(leaders: Sequence[int], slots: int = 3) -> Iterator[None]:
    """Each of these sessions of processes runs in a slot of its own of a round, and stands still in the others: as on a
    machine that has as many cores as there are slots, seen in slow motion. What else runs has the other core."""
    over = threading.Event()

    def turn() -> None:
        for leader in leaders:
            os.killpg(leader, signal.SIGSTOP)
        while not over.is_set():
            for slot in range(slots):
                if slot < len(leaders):
                    os.killpg(leaders[slot], signal.SIGCONT)
                time.sleep(TURN)
                if slot < len(leaders):
                    os.killpg(leaders[slot], signal.SIGSTOP)

    turning = threading.Thread(target=turn)
    turning.start()
    try:
        yield
    finally:
        over.set()
        turning.join()
        for leader in leaders:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGCONT)


def _session(leader: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader:
                    yield int(entry.name)


def _resident_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


PASSED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    port: int,
    extra: Mapping[str, str] | None = None,
    folder: Path | None = None,
    core: int | None = SERVER_CORE,
    passed: socket.socket | None = None,
) -> Iterator[Server]:
    """A server in a session of its own on one core (None: on all), from its first answer until the end. Where a
    listening socket is `passed`, the server gets it as systemd passes one."""
    kept = (passed.fileno(),) if passed else ()
    if passed:
        command = [sys.executable, "-c", PASSED, str(passed.fileno()), *command]
    logs = VAR / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            env={**os.environ, **(extra or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=kept,
            preexec_fn=lambda: stay_on(core),
        )
    server = Server(port, process, log)
    try:
        _await_answer(name, server)
        yield server
    finally:
        server.stop()


def _await_answer(name: str, server: Server) -> None:
    deadline = time.monotonic() + 60
    while True:
        if server.process.poll() is not None:
            raise LoadError(f"{name} ended at once:\n{server.log.read_text()[-3000:]}")
        try:
            fetch(server.port, request("GET", "/"), status=None)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise LoadError(f"{name} does not answer:\n{server.log.read_text()[-3000:]}") from None
            time.sleep(0.05)


@contextlib.contextmanager
def peer(
    name: str,
    environment_name: str,
    application: str,
    settings: Sequence[str],
    core: int = SERVER_CORE,
    /,
    **extra: str,
) -> Iterator[Server]:
    """A peer's WSGI application under gunicorn with `settings`."""
    python, port = environment(environment_name), free_port()
    command: list[str | Path] = [python, "-m", "gunicorn", *settings, "--bind", f"{HOST}:{port}", application]
    with running(name, command, port, extra, PEERS, core) as server:
        yield server
