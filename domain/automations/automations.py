"""Automations: made, changed, turned on and off, copied and removed; each saving is a version that can be restored.

One acts as whoever saved it last, so that nobody can have somebody else's rights used for words of their own.
"""

from database.clock import now
from database.columns import public_id
from database.locks import lock
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, Refused, existing
from domain.automations import bodies, clocks, noting, sources
from domain.base import changes, history
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.person import Person
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing, Tab, both
from domain.lists.searches import Parts
from models import Automation, AutomationRun, AutomationVersion, Organization

MOST = 200
VERSIONS = 50


def one(id, by):
    """An automation that this member may see: their own, or as an owner or admin anybody's. Refuses with NotFound."""
    found = Automation.one(Automation.id == id, Automation.removed_at.is_null())
    if found is None or not (found.acts_as_id == by.user.id or by.may("automations.manage")):
        raise NotFound("This automation isn't here: it was removed, or it isn't yours to see.")
    return found


def version_of(automation, number=None):
    """One of its versions, the newest unless another is asked for. Refuses with NotFound."""
    wanted = AutomationVersion.number == (number or automation.number)
    return existing(
        AutomationVersion.one(AutomationVersion.automation == automation, wanted), "There is no such version."
    )


def versions(automation):
    """Its versions, the newest first."""
    mine = AutomationVersion.select().where(AutomationVersion.automation == automation)
    return list(mine.order_by(AutomationVersion.number.desc()).limit(VERSIONS))


def draft_of(automation, by, number=None):
    """What a version says, as this member may read it."""
    version = version_of(automation, number)
    try:
        source = sources.find(version.source, by) if version.source else None
    except Refused:
        source = None
    return bodies.draft_of(automation.name, version.source, version.body, source)


@writes
def make(draft, *, by, key="", on=False):
    """Make an automation of a draft; a form that is sent twice with one `key` makes one.
    Refuses with Invalid, Forbidden and beyond MOST."""
    by.require("automations.write")
    key = changes.form_key(key)
    if key and (made := changes.made(by, "automation", key)):
        return one(made.row_id, by)
    name, _, body = bodies.read(draft, by)
    lock("changes", by.organization.id)
    if Automation.select().where(Automation.removed_at.is_null()).count() >= MOST:
        raise Refused(f"There are {MOST} automations already. Remove one that isn't needed any more.")
    values = {"name": name, "source": body["source"], "trigger": body["trigger"]["kind"]}
    made = Automation.create(**values, acts_as=by.user)
    AutomationVersion.create(automation=made, number=1, body=body, by=by.user)
    _note(made, "made", f"The automation {name} was made", by, "created", key)
    return _switched(made, "on", body, by) if on else made


def _note(row, verb, summary, by, made="updated", key=None, **facts):
    about = {"by": by, "verb": made, "category": "organization", "batch": key or None, **facts}
    history.note(f"automation.{verb}", summary, row, **about)


@writes
def change(id, draft, number, *, by):
    """Save a new version, which acts as whoever saves it; `number` is the version that the form was filled with.
    Refuses with Invalid, NotFound, and where somebody saved another one meanwhile."""
    by.require("automations.write")
    row = one(id, by)
    name, _, body = bodies.read(draft, by)
    if number != row.number:
        raise Invalid({"form": "Somebody saved another version meanwhile. Look at it before you save yours."})
    return _saved(row, name, body, by)


def _saved(row, name, body, by):
    before = version_of(row).body
    if before == body and (row.name, row.acts_as_id) == (name, by.user.id):
        return row
    organization = Organization.get_by_id(row.organization_id)
    values = {"name": name, "source": body["source"], "trigger": body["trigger"]["kind"], "acts_as": by.user}
    due = clocks.next_due(body["trigger"], now(), organization.timezone) if row.state == "on" else None
    same_clock = (row.source, before["trigger"]) == (body["source"], body["trigger"])
    if due and same_clock and row.due_at and row.due_at <= now():
        due = row.due_at  # it has struck, and wasn't looked at yet
    stood = Automation.id == row.id, Automation.number == row.number
    if not Automation.update(**values, number=row.number + 1, due_at=due).where(*stood).execute():
        raise Refused("Somebody saved it at the same moment. Look again.")
    AutomationVersion.create(automation=row, number=row.number + 1, body=body, by=by.user)
    _note(row, "saved", f"The automation {name} was changed", by)
    return one(row.id, by)


@writes
def restore(id, number, *, by):
    """Save an earlier version anew, for the list that it was about; it acts as who restores it, and is refused where
    that isn't theirs to do."""
    by.require("automations.write")
    row = one(id, by)
    version = version_of(row, number)
    _check(row, version, by)
    return _saved(row, row.name, version.body | {"source": version.source}, by)


def _check(row, version, by):
    """Refuse a version that isn't theirs to save."""
    source = sources.find(version.source, by) if version.source else None
    bodies.read(bodies.draft_of(row.name, version.source, version.body, source), by)


@writes
def copy(id, *, by):
    """A copy of an automation that is turned off and acts as who copies it; returns what to say."""
    by.require("automations.write")
    row = one(id, by)
    draft = draft_of(row, by)
    made = make(draft | {"name": f"{row.name[:70]} (copy)"}, by=by, key=public_id())
    return f"“{made.name}” is there, and turned off."


@writes
def turn_on(id, *, by):
    """Have it run from now on. Only whose it is does that: others save it as theirs first. Refuses with Forbidden."""
    by.require("automations.write")
    row = one(id, by)
    if row.acts_as_id != by.user.id:
        raise Forbidden("It acts as somebody else, who can turn it on. Save it, and it acts as you.")
    if row.state == "on":
        raise Refused("It is on already.", "INVALID_TRANSITION")
    version = version_of(row)
    _check(row, version, by)
    _switched(row, "on", version.body, by)
    return f"“{row.name}” is on."


@writes
def turn_off(id, *, by):
    """Have it run no more; what waits stops. Refuses with NotFound, and where it is off already."""
    by.require("automations.write")
    row = one(id, by)
    if row.state == "off":
        raise Refused("It is off already.", "INVALID_TRANSITION")
    _switched(row, "off", None, by)
    _stop_waiting(row, "The automation was turned off.")
    return f"“{row.name}” is off."


def _switched(row, state, body, by):
    organization = Organization.get_by_id(row.organization_id)
    due = clocks.next_due(body["trigger"], now(), organization.timezone) if state == "on" else None
    Automation.update(state=state, paused_reason=None, due_at=due).where(Automation.id == row.id).execute()
    _note(row, f"turned_{state}", f"The automation {row.name} was turned {state}", by, field="state", after=state)
    return one(row.id, by)


@writes
def remove(id, *, by):
    """Remove it; its runs stay in the log until their time is over. Refuses with NotFound."""
    by.require("automations.write")
    row = one(id, by)
    Automation.update(removed_at=now(), state="off", due_at=None).where(Automation.id == row.id).execute()
    _stop_waiting(row, "The automation was removed.")
    _note(row, "removed", f"The automation {row.name} was removed", by)
    return f"“{row.name}” is removed."


def _stop_waiting(row, why):
    waiting = AutomationRun.automation == row, AutomationRun.state == "waiting"
    AutomationRun.update(state="stopped", error=why, finished_at=now()).where(*waiting).execute()


@writes
def press(id, row_id, *, by, key=""):
    """Set one off by hand for a row that the member who presses sees; it acts as ever. Once for each `key`.

    Refuses with NotFound, and one that is off. Whoever may not see an automation presses only buttons.
    """
    by.require("automations.write")
    row = Automation.one(Automation.id == id, Automation.removed_at.is_null())
    if row is None or row.trigger != "button":
        row = one(id, by)
    if row.state != "on":
        raise Refused("It is off: turn it on first.")
    if row.source:
        sources.find(row.source, by).row(row_id)
    cause = f"pressed:{by.user.id}:{changes.form_key(key) or public_id()}"
    noting.begin(row, version_of(row), cause, row_id=row_id if row.source else None, by=by.user)
    return f"“{row.name}” is set off."


def buttons(source_name):
    """The buttons that stand on rows of a list: automations that are on and wait for them."""
    wanted = Automation.source == source_name, Automation.trigger == "button", Automation.state == "on"
    return list(Automation.select().where(*wanted, Automation.removed_at.is_null()).order_by(Automation.name).limit(10))


STATE = Choice((("on", "On", "good"), ("off", "Off", "quiet"), ("paused", "Paused", "warn")))
TRIGGER = Choice(tuple((key, label, "quiet") for key, label in bodies.TRIGGERS.items()))
listing = Listing(
    *("automations", "automation", "automations", Automation),
    (
        Field("name", "Name", Text(80)),
        Field("trigger", "When", TRIGGER),
        Field("state", "State", STATE),
        Field("acts_as", "Acts as", Person(), filters=False),
        Field("created_at", "Made", Moment(past=True)),
    ),
    (*NEWEST, *both("name", "Name from A", "Name from Z")),
    only=Automation.removed_at.is_null(),
    tabs=(
        Tab("mine", "Mine", "acts_as", "automations.write"),
        Tab("all", "Everybody's", None, "automations.manage"),
    ),
    search=Parts((Automation.name,)),
    acts=(
        Act(
            *("start", "Turn on", turn_on, "automations.write"), when=lambda row: row.state != "on", icon="player-play"
        ),
        Act(*("stop", "Turn off", turn_off, "automations.write"), when=lambda row: row.state != "off", icon="x"),
        Act(*("copy", "Copy", copy, "automations.write"), icon="copy"),
        Act(
            *("removal", "Remove", remove, "automations.write"),
            confirm="Remove {name}? It runs no more, and what waits of it stops.",
            tone="danger",
            icon="trash",
        ),
    ),
    under=("paused_reason",),
    reads="automations.write",
    chips="state",
    hears="automation_run",
    link=True,
    icon="bolt",
    empty=(
        ("mine", "What you do over and over can be done by itself: begin with one of the examples, or an empty one."),
        ("all", "Nobody here has an automation yet."),
    ),
)
