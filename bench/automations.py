"""From a change of a row to what an automation does of it: `python -m bench.automations FOLDER COUNT`.

The jobs run in this process, as they do in the server. Prints as JSON the milliseconds from the beginning of each write
until what it set off has committed.
"""

import json
import statistics
import sys
import threading
import time
from pathlib import Path

import jobs
from bench.guildhall import SLUG
from bench.load import LoadError
from bench.within import opened
from database.scope import inside
from database.waking.wakes import on_wake
from domain.automations import automations
from domain.lists import rows
from domain.organizations import organizations
from domain.tasks import tasks
from models import AutomationRun, User

PATIENCE = 10  # seconds


def main(folder: Path, count: int) -> None:
    with opened(folder):
        user = User.select().order_by(User.id).first()
        by = organizations.reach(user, SLUG)
        step = {"kind": "change", "f0": "category", "v0": "{Priority}"}
        trigger = {"kind": "changed", "fields": ["priority"]}
        draft = {"name": "Sort", "source": "task", "trigger": trigger, "where": [], "steps": [step]}
        bell, taken = threading.Event(), []
        with inside(by.organization):
            task = rows.create(tasks.rules, {"title": "A task", "priority": "low"}, by=by)
            automations.make(draft, by=by, on=True)
            jobs.begin()
            on_wake("live", bell.set)
            for number in range(count):
                started = time.perf_counter()
                rows.change(tasks.rules, task.id, {"priority": ("high", "low")[number % 2]}, by=by)
                while AutomationRun.select().where(AutomationRun.state == "done").count() <= number:
                    bell.wait(0.01)
                    bell.clear()
                    if time.perf_counter() - started > PATIENCE:
                        raise LoadError(f"after {number} changes an automation didn't run")
                taken.append((time.perf_counter() - started) * 1000)
        jobs.end()
    print(json.dumps({"p50_ms": statistics.median(taken), "worst_ms": max(taken)}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]))
