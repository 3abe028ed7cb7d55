"""A process beside ours, for work that needs much memory or must be bounded from outside: typesetting, pictures.

It is started when it is first asked and ends once nobody has asked for a while, so that what it loads is never
part of the server. Requests are lines of JSON at its input; answers are a line of JSON and as many bytes as it says.
"""

import atexit
import contextlib
import importlib
import json
import os
import resource
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from domain import Refused

TOP = Path(__file__).resolve().parent.parent.parent
IDLE, WITHIN = 60, 30  # seconds without a request until it ends; and in which an answer must be there
WAITING = 8  # how many may wait for it
MEMORY = 1 << 30  # bytes that it may have


class Overloaded(Refused):
    """Too much waits already, or it took too long. Nothing is lost by trying again."""

    code, status = "BUSY", 503


class WorkerProcess:
    """The process that runs the functions TASKS of a module, one request after the other."""

    def __init__(self, module, *, idle=IDLE, memory=MEMORY):
        self.module, self.idle, self.memory = module, idle, memory
        self._waiting, self._turn, self._process, self._asked_at = 0, threading.Lock(), None, 0.0
        self._count = threading.Lock()

    def ask(self, task, within=WITHIN, **given):
        """The bytes that a task answers. Refuses with Overloaded, and with ValueError as the task does."""
        with self._count:
            if self._waiting >= WAITING:
                raise Overloaded("Too much is being drawn just now. Try again in a moment.")
            self._waiting += 1
        try:
            with self._turn:
                return self._answer(json.dumps({"task": task, "given": given}).encode() + b"\n", within)
        finally:
            with self._count:
                self._waiting -= 1

    def _answer(self, line, within):
        self._asked_at, until = time.monotonic(), time.monotonic() + within
        for last in (False, True):  # one that died meanwhile is replaced once
            process = self._running()
            try:
                process.stdin.write(line)
                process.stdin.flush()
                head = json.loads(self._read(process, until))
                data = self._read(process, until, head["size"])
                break
            except (BrokenPipeError, EOFError):
                self.end()
                if last:
                    raise Overloaded("This took more memory than there is for it.") from None
            except TimeoutError:
                self.end()
                raise Overloaded("This took too long. Try again with less at once.") from None
        if head["refused"]:
            raise ValueError(data.decode())
        return data

    def _read(self, process, until, size=None):
        """So many bytes of its output, or a line."""
        read = bytearray()
        while size is None or len(read) < size:
            ready, _, _ = select.select([process.stdout], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            piece = os.read(process.stdout.fileno(), 1 if size is None else min(size - len(read), 1 << 20))
            if not piece:
                raise EOFError
            if piece == b"\n" and size is None:
                break
            read += piece
        return bytes(read)

    def _running(self):
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", "domain.files.worker_process", self.module, str(self.memory)]
            self._process = subprocess.Popen(  # noqa: S603  our own module
                command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
            atexit.register(self.end)
            threading.Thread(target=self._watch, args=(self._process,), name="idle worker", daemon=True).start()
        return self._process

    def _watch(self, process):
        while process.poll() is None:
            time.sleep(min(self.idle, 5))
            with self._turn:
                if self._process is process and time.monotonic() - self._asked_at >= self.idle:
                    self.end()
                    return

    def end(self):
        """Kill it; the next request starts another."""
        process, self._process = self._process, None
        atexit.unregister(self.end)
        if process is not None:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()
            process.wait()


def main(module, memory):
    """The child's side: answers until its input ends. The tasks of the module give bytes, or refuse with ValueError."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.nice(5)
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what is printed must not look like an answer
    tasks = importlib.import_module(module).TASKS
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        try:
            data, refused = tasks[asked["task"]](**asked["given"]), False
        except ValueError as error:
            data, refused = str(error).encode(), True
        except MemoryError:
            return
        answers.write(json.dumps({"size": len(data), "refused": refused}).encode() + b"\n" + data)
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
