"""The calendar alone, for installs whose web processes run with JOBS=0: `python -m jobs [--once]`.

`python -m jobs --backup` makes a copy while the database is used, brings it away and proves it; it ends with 1 when it
isn't proven. `python -m jobs.restore` brings one back.
`python -m jobs --rekey` encrypts what is encrypted at rest under the newest SECRET_KEY and says what still needs an
older one; it ends with 1 when something opens with none of the keys.
`python -m jobs --audit` checks the audit log and ends with 1 when it isn't as it was written.
"""

import os
import signal
import sys
import threading
import time

import jobs
from database import logs, opening, transactions
from database.waking import listening
from domain import Refused
from domain.base import configuration
from domain.money import pricing
from domain.operations.copies import copies
from jobs import verifications


def back_up():
    """Make and prove a copy, here or where a server that runs beside has begun it: (sentence, whether it is proven)."""
    try:
        row = copies.begin()
    except Refused as no:
        return str(no), False
    while (told := copies.outcome(row)) is None:
        if not jobs.run("backup", "admin"):  # one of them at a time: both would write the same file
            time.sleep(1)
    return told


def main():
    os.umask(0o077)
    logs.set_up()
    chosen = configuration.use(configuration.load())
    opening.open_house(chosen.database_url, chosen.data, not chosen.production)
    pricing.remember_prices()
    for word, report in (("--audit", verifications.report), ("--rekey", verifications.rekey)):
        if word not in sys.argv[1:]:
            continue
        sentences, whole = report()
        print("\n".join(sentences))
        transactions.writer.stop()
        sys.exit(0 if whole else 1)
    if "--backup" in sys.argv[1:]:
        sentence, is_proven = back_up()
        print(sentence)
        transactions.writer.stop()
        sys.exit(0 if is_proven else 1)
    if "--once" in sys.argv[1:]:
        jobs.work_off()
        transactions.writer.stop()
        return
    over = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: over.set())
    listening.begin(chosen.database_url)
    jobs.begin()
    over.wait()
    listening.end()
    jobs.end()
    transactions.writer.stop()


if __name__ == "__main__":
    main()
