"""Move a site from SQLite to PostgreSQL: `python -m jobs.move postgresql://role@host/database`.

It is called where the server runs and with its environment; DATABASE_URL still names the SQLite database. Once both
sides were looked at, that is frozen: pages are read, writes wait. Cut off, it is called again and goes on. It ends with
1 where anything differs. `--rehearse` tries it with a copy, while all goes on; `--let-go` gives the SQLite database its
writes back.
"""

import argparse
import os
import sys

from database import logs
from domain.base import configuration
from domain.operations.moving import moving


def main():
    os.umask(0o077)
    reading = argparse.ArgumentParser(prog="python -m jobs.move", description=__doc__)
    reading.add_argument("to", nargs="?", help="postgresql://role@host/database; a password may stand in ~/.pgpass")
    reading.add_argument("--rehearse", action="store_true", help="with a copy, while the server writes on")
    reading.add_argument("--let-go", action="store_true", help="end a move: the SQLite database is written again")
    asked = reading.parse_args()
    logs.set_up()
    configuration.use(configuration.load())
    if asked.let_go:
        print("It is written again." if moving.let_go() else "It wasn't frozen.")
        return
    if not asked.to:
        reading.error("name the database to move to")
    report = moving.move(asked.to, is_rehearsal=asked.rehearse, say=lambda line: print(line, flush=True))
    for finding in report.findings:
        print(f"NO  {finding}")
    if not report.is_well:
        print("The two aren't the same. Nothing may start on the new one; the old one is as it was.")
        if not asked.rehearse:
            print("It stays frozen: --let-go gives it its writes back.")
        sys.exit(1)
    if asked.rehearse:
        print("The rehearsal went well. What it made there is overwritten by the move.")
        return
    print("Moved. Stop the server and start it with DATABASE_URL naming the new database. The old one stays frozen.")


if __name__ == "__main__":
    main()
