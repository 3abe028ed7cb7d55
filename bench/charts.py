"""Charts over a table that people made, of which bench.records made the rows: `python -m bench.charts FOLDER`.

Prints as JSON the seconds until the slower of two charts is counted by its job, and the milliseconds that either takes
to be shown from then on, until a row changes.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from bench.load import LoadError
from bench.records import TABLE
from bench.within import opened
from database.scope import inside
from database.transactions import writes
from domain.base import long_jobs
from domain.charts import charts, figures
from domain.organizations import organizations
from domain.records import listings
from models import Collection, LongJob, Organization, Record, User

SHOWN = 30


def _figures(listing: object, query: str, by: organizations.Member) -> figures.Figures:
    return figures.figures(charts.read(listing, query), query, by)


def _measured(listing: object, query: str, by: organizations.Member, rows: int) -> tuple[float, float]:
    """(seconds of the first time, median milliseconds of the next ones)."""
    figures.AT_ONCE = min(figures.AT_ONCE, rows // 2)
    started = time.perf_counter()
    begun = _figures(listing, query, by)
    told: list[int] = []
    heard = long_jobs.progress

    def hear(job: Any, done: int, **facts: Any) -> None:
        told.append(done)
        heard(job, done, **facts)

    with mock.patch.object(long_jobs, "progress", hear):
        figures.work()
    first = time.perf_counter() - started
    taken = []
    for _ in range(SHOWN):
        started = time.perf_counter()
        found = _figures(listing, query, by)
        taken.append(time.perf_counter() - started)
    if begun.job is None or found.job is not None or found.tally.looked != rows:
        raise LoadError(f"of {rows} rows {found.tally.looked} were counted")
    print(f"{query}: {first:.2f} s, progress told {len(told)} times", file=sys.stderr)
    return first, statistics.median(taken) * 1000


@writes
def _forget() -> None:
    LongJob.delete().where(LongJob.kind == figures.JOB).execute()


def main(folder: Path) -> None:
    with opened(folder) as house:
        user = User.select().order_by(User.id).first()
        by = organizations.reach(user, Organization.select().order_by(Organization.id).first().slug)
        with inside(by.organization):
            table = Collection.get(Collection.name == TABLE)
            rows = Record.select().where(Record.collection == table).count()
            listing = listings.of(table, by).listing
            named = {field.label: field.name for field in listing.fields}
            queries = (
                f"chart_by={named['Status']}",
                f"chart_by={named['Due']}&chart_of={named['Amount']}",
            )
            _forget()
            measured = [_measured(listing, query, by, rows) for query in queries]
        house.close()
    print(json.dumps({"seconds": max(first for first, _ in measured), "kept_ms": max(then for _, then in measured)}))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
