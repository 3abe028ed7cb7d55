"""A file of many rows brought into a table that people made, while others write: `python -m bench.imports FOLDER ROWS`.

Prints as JSON the seconds of its rehearsal and of doing it, the 99th percentile of what the others waited for, and the
most memory that the process held.
"""

import csv
import json
import random
import resource
import sys
import threading
import time
from pathlib import Path

from bench.guildhall import file
from database.clock import now
from database.connections import open_database
from database.migrations import migrate
from database.scope import inside
from database.transactions import writer, writes
from domain.base import configuration
from domain.imports import doing, imports
from domain.organizations import organizations
from domain.records import collections, listings
from models import ImportFile, Profile, User
from views import factory  # noqa: F401  the whole of it, as a server holds it

FIELDS = (
    *(("Name", "text"), ("Code", "text"), ("About", "text"), ("Count", "number"), ("Price", "money"), ("Day", "day")),
    *(("When", "moment"), ("State", "choice", ("New", "Open", "Done")), ("Mail", "email"), ("Phone", "phone")),
    *(("Active", "yes_no"), ("Share", "percent")),
)
WRITERS, PAUSE = 4, 0.02  # of others, and seconds between their writes


def _file(path: Path, count: int) -> None:
    """Short cells: a million lines shall fit into the 100 MB that an import may have."""
    chance = random.Random(7)
    with path.open("w", newline="") as out:
        write = csv.writer(out, lineterminator="\n")
        write.writerow([field[0] for field in FIELDS])
        for number in range(count):
            day = f"2026-{chance.randrange(1, 13):02}-{chance.randrange(13, 29):02}"
            write.writerow(
                (
                    *(f"{number} {chance.choice('abcdef')}", f"{number:x}", f"w{chance.randrange(9000)}"),
                    *(chance.randrange(1000), f"{chance.randrange(1000) / 100:.2f} EUR", day),
                    *(f"{day}T{chance.randrange(24):02}:{chance.randrange(60):02}Z", chance.choice(FIELDS[7][2])),
                    *(f"{number}@a.io", f"+4930{chance.randrange(10**6, 10**7)}"),
                    *(chance.choice(("yes", "no")), f"{chance.randrange(100)}%"),
                )
            )


@writes
def _person() -> User:
    user = User.create(email="ada@example.test", email_norm="ada@example.test", email_verified_at=now())
    Profile.create(user=user, full_name="Ada")
    return user


def _others(stop: threading.Event, waited: list[float]) -> list[threading.Thread]:
    """Threads that write a little again and again, as requests do."""

    @writes
    def touch(number: int) -> None:
        Profile.update(full_name=f"Ada {number}").execute()

    def work() -> None:
        while not stop.wait(PAUSE):
            began = time.perf_counter()
            touch(len(waited))
            waited.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    return threads


def main(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{file(folder)}"
    configuration.use(
        configuration.Configuration(
            env="test",
            data=folder,
            database_url=url,
            secret_key="k" * 40,
            site_url="http://localhost",
            mail_from="hall@example.org",
        )
    )
    opened = open_database(url)
    migrate(folder)
    _file(folder / "rows.csv", count)
    user = _person()
    organization = organizations.create("Acme", by=user)
    by = organizations.reach(User.get_by_id(user.id), organization.slug)
    stop, waited, taken = threading.Event(), [], 0.0
    with inside(organization):
        rules = listings.of(collections.make("Things", by=by, fields=FIELDS), by)
        with (folder / "rows.csv").open("rb") as stream:
            held = imports.take(rules, stream, "rows.csv", by=by)
        others = _others(stop, waited)
        for step in ("rehearse", "run"):
            began = time.perf_counter()
            asked = (held.mapping,) if step == "rehearse" else ()
            getattr(imports, step)(rules, held, *asked, by=by)
            doing.work()
            taken += time.perf_counter() - began
            held = ImportFile.get_by_id(held.id)
        stop.set()
        for thread in others:
            thread.join()
        if held.new != count or held.state != "done":
            raise SystemExit(f"{held.new:,} of {count:,} rows came in: {held.state} {held.error or ''}")
    writer.stop()
    opened.close_all()
    p99 = sorted(waited)[int(len(waited) * 0.99)] * 1000
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": taken, "p99_ms": p99, "memory_mb": memory}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
