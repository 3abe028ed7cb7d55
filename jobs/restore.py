"""Bring an older copy back, while no server runs: `python -m jobs.restore latest`, a moment or a file.

`--check` only proves it; `--identity FILE` names the private key of age that opens it; `--end-sessions` signs everybody
out. docs/deploy.md says more.
"""

import argparse
import os
from pathlib import Path

from database import logs
from domain.base import configuration
from domain.files import stores
from domain.operations.copies import packing, restoring


def main():
    os.umask(0o077)
    reading = argparse.ArgumentParser(prog="python -m jobs.restore", description=__doc__)
    reading.add_argument("copy", help="a file, `latest`, or a moment such as 2026-11-27T14:00Z")
    reading.add_argument("--identity", type=_key_in, help="a file with the private key (AGE-SECRET-KEY-1…)")
    reading.add_argument("--check", action="store_true", help="prove it and change nothing")
    reading.add_argument("--end-sessions", action="store_true", help="sign everybody out")
    reading.add_argument("--older", action="store_true", help="take the newest there is, however far from that moment")
    asked = reading.parse_args()
    logs.set_up()
    configuration.use(configuration.load())
    try:
        restoring.restore(
            asked.copy, asked.identity, check_only=asked.check, end_sessions=asked.end_sessions, older=asked.older
        )
    except (packing.Unreadable, stores.StoreDown) as wrong:
        raise SystemExit(str(wrong)) from None


def _key_in(path):
    """The first line that isn't a comment, as `age-keygen` writes them."""
    try:
        lines = [line.strip() for line in Path(path).read_text("utf-8").splitlines()]
    except (OSError, ValueError):
        raise argparse.ArgumentTypeError(f"{path} can't be read as a key's file") from None
    return next((line for line in lines if line and not line.startswith("#")), "")


if __name__ == "__main__":
    main()
