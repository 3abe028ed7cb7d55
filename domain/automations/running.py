"""The lane that does what automations do: step by step, each with its mark in one transaction.

Whoever it acts as is asked for anew before each step; where they may not any more, it pauses and says why.
"""

import contextvars
import logging
from datetime import timedelta

from peewee import fn

from database.clock import now, read_in
from database.compiled import Compiled
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import wake, writes
from domain import Forbidden, NotFound, Refused
from domain.automations import noting, sources, steps
from domain.base import outgoing, settings
from domain.base.allowances import TooOften
from domain.fields.kinds import Unfit
from domain.organizations import members
from models import Automation, AutomationRun, Membership, Organization

log = logging.getLogger("guildhall.automations")

BATCH = 50
TRIES = 5
BACKOFF = (1, 5, 30, 120)  # minutes, after what nobody expected
RESTS = timedelta(hours=1)  # while the organization is suspended
HOUR = timedelta(hours=1)


def is_due():
    """Whether any run is to go on."""
    return bool(_any_due(moment=AutomationRun.next_at.db_value(now())))


_any_due = Compiled(
    lambda: (
        AutomationRun.select(AutomationRun.id)
        .where(AutomationRun.state == "waiting", AutomationRun.next_at <= parameter("moment"))
        .limit(1)
    )
)


def work():
    """One batch of runs that are due, each as far as it goes now; returns how many. Each organization has its share, so
    that no other waits for one that has many."""
    with everywhere("automations of all organizations run"):
        due = (AutomationRun.state == "waiting") & (AutomationRun.next_at <= now())
        whose = AutomationRun.select(AutomationRun.organization).where(due).group_by(AutomationRun.organization)
        organizations = [id for (id,) in whose.order_by(fn.MIN(AutomationRun.next_at)).limit(BATCH).tuples()]
        found = []
        for organization in organizations:
            mine = AutomationRun.select(AutomationRun.id, AutomationRun.organization)
            mine = mine.where(due, AutomationRun.organization == organization)
            share = mine.order_by(AutomationRun.next_at, AutomationRun.id).limit(BATCH // len(organizations))
            found.extend(share.tuples())
    for id, organization in found:
        contextvars.copy_context().run(_go_on, id, organization)
    return len(found)


def _go_on(id, organization):
    with inside(organization):
        try:
            while _step(id):
                pass
        except Exception as error:  # one bad run is put off, and the others go on
            log.exception("a run of an automation failed", extra={"run": id})
            _put_off(id, error)


@writes
def _put_off(id, error):
    run = AutomationRun.get_by_id(id)
    tries, said = run.attempts + 1, "Something went wrong here, not with what it was told to do."
    if tries >= TRIES:
        _close(run, "failed", f"{said} It was tried {TRIES} times.")
    else:
        later = now() + timedelta(minutes=BACKOFF[min(tries, len(BACKOFF)) - 1])
        said = f"{said} It is tried again. ({type(error).__name__})"
        AutomationRun.update(attempts=tries, next_at=later, error=said).where(_waits(run)).execute()


def _waits(run):
    return (AutomationRun.id == run.id) & (AutomationRun.state == "waiting") & (AutomationRun.step == run.step)


@writes
def _step(id):
    """Do the next step of a run; whether another one can follow at once."""
    run = AutomationRun.one(AutomationRun.id == id, AutomationRun.state == "waiting", AutomationRun.next_at <= now())
    if run is None:
        return False
    automation, organization = run.automation, Organization.get_by_id(run.organization_id)
    read_in(organization.timezone)
    if organization.status != "active":
        AutomationRun.update(next_at=now() + RESTS).where(_waits(run)).execute()
        return False
    if automation.removed_at or automation.state != "on":
        return _close(run, "stopped", f"The automation was {'removed' if automation.removed_at else 'turned off'}.")
    try:
        source, by = acting(run.version, run.version.by)
        if run.step == 0 and not run.results and not _begins(run, automation, source):
            return False
        return _do(run, source, by)
    except Forbidden as refusal:
        if run.version.number == automation.number:
            pause(automation, refusal.sentence)
        return _close(run, "stopped", refusal.sentence)


def acting(version, user):
    """(the list, the Member) as a version that this user saved sees and does things now: whoever saved another one
    since lends its words no hands, and its list isn't this one's. Refuses with Forbidden, for it to pause."""
    by = members.reader(user.id, version.organization_id) if user and user.status == "active" else None
    if by is None:
        raise Forbidden(f"It acted as {user.name if user else 'somebody'}, who isn't here any more.")
    if not by.may("automations.write"):
        raise Forbidden(f"It acts as {user.name}, who may not have automations any more.")
    try:
        return (sources.find(version.source, by) if version.source else None), by
    except Refused:
        raise Forbidden(f"It acts as {user.name}, who doesn't see this list any more, or it was removed.") from None


def _begins(run, automation, source):
    """Whether a run has something to do: how often it ran lately, its row, and its conditions."""
    most = settings.get("automation_runs")
    lately = AutomationRun.select(AutomationRun.id).where(
        AutomationRun.automation == automation, AutomationRun.created_at > now() - HOUR
    )
    if lately.limit(most + 1).count() > most:
        chain = f" (the chain {run.chain}, {run.depth} deep)" if run.depth else ""
        raise Forbidden(f"It ran more than {most} times within an hour{chain}. Look what sets it off, then turn it on.")
    if source is None:
        return True
    body = run.version.body
    if not _is_seen(run, body["trigger"], source):
        run.delete_instance()
        return False
    try:
        row, where = source.row(run.row_id), source.understood(body["where"])
    except NotFound as refusal:
        if refusal.sentence.startswith("A condition"):
            raise Forbidden(refusal.sentence) from None
        run.delete_instance()  # removed since, or not theirs to see: nothing was to be done
        return False
    meets = source.meets(row, where)
    if meets and body["trigger"]["kind"] == "entered":
        meets = not _was_in(run, source, row, where)
    if not meets:
        run.delete_instance()
    return meets


def _is_seen(run, trigger, source):
    """Whether what changed is anything that it sees. Refuses with Forbidden where it waits for what it sees no more."""
    if trigger["kind"] != "changed":
        return True
    if any(source.field(name) is None for name in trigger.get("fields") or ()):
        raise Forbidden("A field that it waits for isn't there any more, or isn't to be seen.")
    return any(source.field(name) for name in run.fields)


def _was_in(run, source, row, where):
    """Whether the row met the conditions before the change that this run is of."""
    if run.cause.startswith("made:"):
        return False

    def before(row, name):
        return source.restored(name, run.fields[name][0]) if name in run.fields else source.value(row, name)

    return source.meets(row, where, before)


def _do(run, source, by):
    todo = run.version.body["steps"]
    if run.step >= len(todo):
        return _close(run, "done")
    step = todo[run.step]
    if not AutomationRun.update(step=run.step + 1).where(_waits(run)).execute():
        return False  # another process did it
    run.step += 1
    try:
        words, seconds = _effect(run, step, source, by)
    except (TooOften, steps.NotYet) as refusal:
        later = now() + timedelta(seconds=refusal.details["retry_after"])
        AutomationRun.update(step=run.step - 1, next_at=later, error=refusal.sentence).where(_waits(run)).execute()
        return False
    except (Refused, Unfit) as refusal:
        sentence = str(getattr(refusal, "sentence", refusal))
        AutomationRun.update(step=run.step - 1).where(_waits(run)).execute()  # so that it can be tried again
        run.step -= 1
        _note(run, step, "failed", sentence)
        _close(run, "failed", sentence)
        return False
    _note(run, step, "done", words)
    if run.step == len(todo) and not seconds:
        return _close(run, "done")
    values = {"error": None, "attempts": 0} | ({"next_at": now() + timedelta(seconds=seconds)} if seconds else {})
    AutomationRun.update(**values).where(_waits(run)).execute()
    return not seconds


@writes
def _effect(run, step, source, by):
    """What a step does, under its run's chain; a refusal leaves nothing of it."""
    row = source.row(run.row_id) if source else None
    before = run.version.body["steps"][run.step - 2] if run.step > 1 else None
    token = noting.chain.set((run.chain, run.depth))
    try:
        at = steps.At(source, row, by, run, f"auto-run-{run.id:010}-step-{run.step}")
        if before:
            steps.KINDS[before["kind"]].hold(before, at)
        return steps.KINDS[step["kind"]].do(step, at)
    finally:
        noting.chain.reset(token)


def _note(run, step, state, words):
    run.results = [*run.results, {"kind": step["kind"], "state": state, "words": words, "at": now().isoformat()}]
    AutomationRun.update(results=run.results).where(AutomationRun.id == run.id).execute()


def _close(run, state, error=None):
    over = {"state": state, "error": error, "finished_at": now()}
    AutomationRun.update(**over).where(AutomationRun.id == run.id, AutomationRun.state == "waiting").execute()
    wake("live")
    return False


@writes
def pause(automation, reason):
    """Let an automation do nothing more until somebody turns it on again, and tell whose it is. Once."""
    on = Automation.id == automation.id, Automation.state == "on"
    if not Automation.update(state="paused", paused_reason=reason).where(*on).execute():
        return
    waiting = AutomationRun.automation == automation, AutomationRun.state == "waiting"
    AutomationRun.update(state="stopped", error=reason, finished_at=now()).where(*waiting).execute()
    organization = Organization.get_by_id(automation.organization_id)
    whose = automation.acts_as
    there = whose and whose.status == "active" and outgoing.belongs(whose.id, organization.id)
    link, key = f"/{organization.slug}/automations/{automation.id}", f"automation.paused:{automation.id}:{now():%s%f}"
    for user in {whose} if there else set(Membership.keepers(organization)):
        title = f"The automation “{automation.name}” paused"
        outgoing.notify(user, "automation.paused", key, title, body=reason, link=link, organization=organization)
    wake("live")
