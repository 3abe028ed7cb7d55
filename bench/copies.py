"""What whoever runs a site waits for: its move to PostgreSQL, and a copy that is proven while others write."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import guildhall, verbs
from bench.guildhall import ENVIRONMENT, ROOT
from bench.load import Load, drive


def moved(folder: Path) -> float:
    """Rows a second of the command that moves the site in `folder`, with its look beforehand and its comparison."""
    env = {**os.environ, **ENVIRONMENT, "GUILDHALL_DATA": str(folder)}
    with verbs.postgres() as url:
        command = [sys.executable, "-m", "jobs.move", url, "--rehearse"]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        spent = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    told = re.search(r"Compared: ([\d,]+) rows", done.stdout)
    if told is None:
        raise RuntimeError(done.stdout)
    return int(told[1].replace(",", "")) / spent


LIKE = 500 * 1000 * 1000  # bytes of a database for which the seconds are told
WRITERS = 2


def drilled(folder: Path) -> tuple[float, float]:
    """(seconds of the command that makes a copy and proves it, as for 500 MB; the 99th percentile in ms of what others
    write meanwhile, through the server)."""
    size = guildhall.file(folder).stat().st_size
    env = {**os.environ, **ENVIRONMENT, "GUILDHALL_DATA": str(folder)}
    with guildhall.server("guildhall-drill", folder) as server:
        owner = guildhall.Owner(server, folder)
        began = time.perf_counter()
        copying = subprocess.Popen(
            [sys.executable, "-m", "jobs", "--backup"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
        )
        writing = Load(_until(copying, owner.creates()), clients=WRITERS, status=guildhall.CREATED)
        result = drive(server.port, writing, seconds=3600)[0]
        said = copying.communicate()[0]
        spent = time.perf_counter() - began
    if copying.returncode:
        raise RuntimeError(said)
    return spent * LIKE / size, result.percentile_ms(0.99)


def _until(process: "subprocess.Popen[str]", messages: Iterator[bytes]) -> Iterator[bytes]:
    """Each of them as long as the process runs, a few hundred a second."""
    for message in messages:
        if process.poll() is not None:
            return
        time.sleep(0.004)
        yield message
