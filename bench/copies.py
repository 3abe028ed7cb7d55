"""What whoever runs a site waits for: its move to PostgreSQL."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from bench import verbs
from bench.guildhall import ENVIRONMENT, ROOT


def moved(folder: Path) -> float:
    """Rows a second of the command that moves the site in `folder`, with its look beforehand and its comparison."""
    env = {**os.environ, **ENVIRONMENT, "GUILDHALL_DATA": str(folder)}
    with verbs.postgres() as url:
        command = [sys.executable, "-m", "jobs.move", url, "--rehearse"]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
        spent = time.perf_counter() - began
    told = re.search(r"Compared: ([\d,]+) rows", done.stdout)
    if told is None:
        raise RuntimeError(done.stdout)
    return int(told[1].replace(",", "")) / spent
