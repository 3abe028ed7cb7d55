"""The log of runs: each time an automation was set off, what each of its steps did, and what went wrong."""

from datetime import timedelta

from database.clock import now
from database.scope import everywhere
from database.transactions import wake, writes
from domain import NotFound, Refused
from domain.automations import noting, sources
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing, Tab
from models import Automation, AutomationRun, AutomationVersion

KEPT = timedelta(days=90)


def one(id, by):
    """A run of an automation that this member may see. Refuses with NotFound."""
    run = AutomationRun.one(AutomationRun.id == id)
    mine = run is not None and (run.automation.acts_as_id == by.user.id or by.may("automations.manage"))
    if not mine:
        raise NotFound("This run isn't kept any more, or isn't yours to see.")
    return run


def row_of(run, by):
    """(what its row is called, where it is) as this member sees it; None where it has none, or isn't theirs to see."""
    if not run.version.source or run.row_id is None:
        return None
    try:
        source = sources.find(run.version.source, by)
        return source.title(source.row(run.row_id)), source.link(run.row_id)
    except Refused:
        return None


def _abouts(shown, by):
    """run → the row that set it off, by its name, as far as this member sees it."""
    of = AutomationRun.select(AutomationRun, AutomationVersion).join(AutomationVersion)
    by_source = {}
    for run in of.where(AutomationRun.id << [row.id for row in shown], AutomationRun.row_id.is_null(False)):
        by_source.setdefault(run.version.source, {})[run.id] = run.row_id
    found = {}
    for name, rows in by_source.items():
        try:
            source = sources.find(name, by)
        except Refused:
            continue
        titles = source.titles(set(rows.values()))
        found |= {id: (("quiet", titles[row], source.link(row)),) for id, row in rows.items() if row in titles}
    return found


@writes
def try_again(id, *, by):
    """Go on with a run that failed or was stopped, from the step at which it did. Refuses with NotFound, and while its
    automation is off."""
    by.require("automations.write")
    run = one(id, by)
    if run.automation.removed_at or run.automation.state != "on":
        raise Refused("Its automation is off: turn it on first.")
    over = AutomationRun.id == run.id, AutomationRun.state.in_(("failed", "stopped"))
    again = {"state": "waiting", "attempts": 0, "next_at": now(), "error": None, "finished_at": None}
    if not AutomationRun.update(**again).where(*over).execute():
        raise Refused("It isn't over, or there is nothing to try again.", "INVALID_TRANSITION")
    wake(noting.LANE)
    return "It is tried again."


@writes
def prune(limit):
    """Remove runs that were over long ago, some at a time."""
    with everywhere("old runs of all organizations go alike"):
        old = AutomationRun.created_at < now() - KEPT, AutomationRun.state != "waiting"
        ids = AutomationRun.select(AutomationRun.id).where(*old).limit(limit)
        return AutomationRun.delete().where(AutomationRun.id.in_(ids)).execute()


STATE = Choice(
    (
        ("waiting", "Goes on", "info"),
        ("done", "Done", "good"),
        ("failed", "Failed", "bad"),
        ("stopped", "Stopped", "warn"),
    )
)
listing = Listing(
    *("automation_runs", "run", "runs", AutomationRun),
    (
        Field("name", "Automation", Text(80)),
        Field("state", "State", STATE),
        Field("created_at", "Set off", Moment(past=True)),
        Field("step", "Steps done", Number()),
        Field("row_id", "Row", Number(), listed=False),
        Field("finished_at", "Over", Moment(past=True), listed=False),
    ),
    NEWEST,
    joins=lambda query: query.join(Automation, on=(Automation.id == AutomationRun.automation)),
    elsewhere=(("name", Automation.name, None), ("acts_as", Automation.acts_as, None)),
    tabs=(
        Tab("mine", "Of mine", "acts_as", "automations.write"),
        Tab("all", "Of everybody's", None, "automations.manage"),
    ),
    acts=(
        Act(
            *("retrial", "Try again", try_again, "automations.write"),
            when=lambda row: row.state in ("failed", "stopped"),
            bulk=True,
        ),
    ),
    under=("error",),
    notes=("About", _abouts),
    reads="automations.write",
    chips="state",
    link=True,
    icon="history",
    title="Runs",
    about="Each time an automation was set off, for ninety days.",
    empty=(("mine", "Once one of your automations is set off, it shows here what it did."), ("all", "None ran yet.")),
)
