"""A real Guildhall in a process of its own, for the browser stories and the screenshots."""

import html
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
# Only these: what else a developer has set must not change the stories.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# As systemd passes a socket that it holds: descriptor 3, and whom it is for.
PASSED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Server:
    """`with Server(folder, "demo") as server:`; it is told to stop by its own number. Where it is `passed` a listening
    socket, it takes requests from that one."""

    def __init__(self, folder, env, passed=None, **more):
        self.folder, self.passed = Path(folder), passed
        port = passed.getsockname()[1] if passed else free_port()
        self.url = f"http://localhost:{port}"
        self.environment = {k: v for k, v in os.environ.items() if k in KEPT} | {
            "GUILDHALL_ENV": env,
            "GUILDHALL_DATA": str(self.folder / "data"),
            "PORT": str(port),
            "PAGES_PER_MINUTE": "100000",
            **more,
        }

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "said").open("wb") as said, (self.folder / "log").open("wb") as log:
            command, kept = [sys.executable, "app.py"], ()
            if self.passed:
                kept = (self.passed.fileno(),)
                command = [sys.executable, "-c", PASSED, str(kept[0]), *command]
            self.process = subprocess.Popen(
                command, cwd=TOP, env=self.environment, stdout=said, stderr=log, pass_fds=kept
            )
        until = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise RuntimeError(f"The server did not start:\n{self.said}{self.log}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=30) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    @property
    def said(self):
        return (self.folder / "said").read_text("utf-8")

    @property
    def log(self):
        return (self.folder / "log").read_text("utf-8")

    def letter(self, address, pattern):
        """What the newest letter to the address has that fits the pattern. A job puts letters down a moment later."""
        until = time.monotonic() + 60  # behind all that the demo has to say
        while time.monotonic() < until:
            with urllib.request.urlopen(f"{self.url}/dev/mail", timeout=30) as answer:
                letters = html.unescape(answer.read().decode()).split("<article")[1:]
            for letter in letters:
                if address in letter and (found := re.search(pattern, letter)):
                    return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no letter to {address} came")

    @property
    def setup_link(self):
        return re.search(r"http\S+/setup/\S+", self.said)[0]


class LocalServer(Server):
    """Known as localhost, to browsers and to itself."""

    def __init__(self, folder, env, **more):
        super().__init__(folder, env, **more)
        self.url = self.url.replace("127.0.0.1", "localhost")
        self.environment["SITE_URL"] = self.url
