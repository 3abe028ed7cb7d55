"""Remove what the demo made, and nothing else: `python -m jobs.clear_demo`; `--check` only says what stands in its way.

Its organizations go with all that is in them, whoever made it, and its accounts. Cut off, it goes on when it is called
again, or by the server's jobs.
"""

import argparse
import os
import sys

import jobs
from database import logs, opening, transactions
from domain import Refused
from domain.base import configuration
from domain.operations import demo_removals


def main():
    os.umask(0o077)
    reading = argparse.ArgumentParser(prog="python -m jobs.clear_demo", description=__doc__)
    reading.add_argument("--check", action="store_true", help="say what stands in its way, and change nothing")
    asked = reading.parse_args()
    logs.set_up()
    chosen = configuration.use(configuration.load())
    opening.open_house(chosen.database_url, chosen.data, not chosen.production)
    sentences, is_well = _done(asked.check)
    print("\n".join(sentences))
    transactions.writer.stop()
    sys.exit(0 if is_well else 1)


def _done(only_checks):
    """(what to say, whether it went well)."""
    if only_checks:
        found = demo_removals.in_the_way()
        return found or [
            "Nothing stands in its way." if demo_removals.made() else "The demo made nothing here."
        ], not found
    job = demo_removals.newest()
    try:
        if job is None or not job.is_open:
            demo_removals.ask()
    except Refused as refusal:
        return [refusal.sentence], False
    jobs.run("demo_removal")
    job = demo_removals.newest()
    if job.status != "done":
        return [job.error or "It isn't through: another process goes on with it."], False
    return ["What the demo made is removed."], True


if __name__ == "__main__":
    main()
