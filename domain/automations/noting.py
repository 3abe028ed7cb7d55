"""What happens to rows sets automations off: a run is left in the transaction of the change, so each happens once.

What one act leads to is a chain: everything a run does is noted under its chain, one step deeper. An automation runs
once for a row in a chain, and a chain is so deep at most; so no two of them can set each other off for ever.
"""

from contextvars import ContextVar

from database.clock import now
from database.columns import public_id
from database.compiled import Compiled
from database.parameters import parameter
from database.scope import inside
from database.transactions import wake
from domain.base import changes
from models import Automation, AutomationRun, AutomationVersion

DEEPEST = 5
ROWS = 500  # that are asked about at once
LANE = "automations"
TOO_DEEP = f"It was set off {DEEPEST} times one behind the other by what automations did, and no further."
AT_ONCE = ("made", "changed", "entered", "form")  # what a change sets off, not a clock or a person

chain: ContextVar = ContextVar("chain", default=None)  # (its name, how deep) of the run that acts

# At each change of a row: `records_write_per_second`.
_listening = Compiled(
    lambda: Automation.select(Automation.id).where(Automation.source == parameter("source"), Automation.state == "on")
)


@changes.follow
def note(organization, table, moved, verb, by):
    """Leave a run of each automation that this sets off, in the present transaction."""
    with inside(organization):
        ids = [id for (id,) in _listening(source=table)]
        if ids and verb != "created":
            _look_again(ids, moved)
        for automation, version in versions(ids) if ids else ():
            trigger = version.body["trigger"]
            for row_id, fields in moved:
                if sets_off(trigger, verb, fields, by):
                    cause = f"made:{row_id}" if verb == "created" else f"change:{public_id()}"
                    begin(automation, version, cause, row_id=row_id, fields=fields, by=by)


def _look_again(ids, moved):
    """Have runs that wait for a date of their row look at it anew, where it was moved; each goes by the version that it
    began with."""
    changed = {row_id: fields for row_id, fields in moved if fields}
    for start in range(0, len(changed), ROWS):
        rows = list(changed)[start : start + ROWS]
        waits = AutomationRun.automation << ids, AutomationRun.state == "waiting", AutomationRun.step > 0
        runs = AutomationRun.select(AutomationRun, AutomationVersion).join(AutomationVersion)
        for run in runs.where(*waits, AutomationRun.row_id << rows):
            step = run.version.body["steps"][run.step - 1]
            if step["kind"] == "wait" and step.get("field") in changed[run.row_id]:
                AutomationRun.update(next_at=now()).where(AutomationRun.id == run.id, *waits).execute()
                wake(LANE)


def versions(ids):
    """(Automation, its newest AutomationVersion) of each."""
    newest = (AutomationVersion.automation == Automation.id) & (AutomationVersion.number == Automation.number)
    query = AutomationVersion.select(AutomationVersion, Automation).join(Automation, on=newest)
    return [(version.automation, version) for version in query.where(Automation.id.in_(ids)).order_by(Automation.id)]


def sets_off(trigger, verb, fields, by):
    """Whether a change is what an automation waits for, as far as the change itself tells."""
    kind = trigger["kind"]
    if kind == "made":
        return verb == "created"
    if kind == "form":
        return verb == "created" and by is None
    if kind == "entered":
        return verb in ("created", "updated")
    return kind == "changed" and verb == "updated" and _moved(trigger, fields)


def _moved(trigger, fields):
    watched = trigger.get("fields") or fields
    moved = [name for name in watched if name in fields and fields[name][0] != fields[name][1]]
    if len(watched) != 1 or not trigger.get("fields"):
        return bool(moved)
    if not moved:
        return False
    before, after = fields[moved[0]]
    return trigger.get("from") in (None, before) and trigger.get("to") in (None, after)


def begin(automation, version, cause, *, row_id=None, fields=None, by=None, at=None):
    """Leave a run, in the present transaction; False where this cause, or this row in the present chain, did before."""
    name, depth = chain.get() or (public_id(), -1)
    values = {"state": "waiting"} if depth < DEEPEST else {"state": "stopped", "error": TOO_DEEP, "finished_at": now()}
    made = AutomationRun.insert(
        automation=automation.id,
        version=version.id,
        cause=cause,
        chain=name,
        depth=depth + 1,
        row_id=row_id,
        fields=fields or {},
        by=getattr(by, "id", by),
        next_at=at or now(),
        **values,
    )
    if not made.on_conflict_ignore().as_rowcount().execute():
        return False
    wake(LANE)
    return True
