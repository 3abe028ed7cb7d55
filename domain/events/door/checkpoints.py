"""Gates of an event, and the rules by which a pass comes in: one table, which phones without a network read too."""

import json
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from database.compiled import CompiledRows
from database.parameters import parameter
from database.transactions import writes
from domain import existing
from domain.events import events, tiers
from domain.events.programme import sessions
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.switch import Switch
from domain.fields.text import Name
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from models import Checkpoint, Scan

TABLE = json.loads((Path(__file__).resolve().parents[3] / "static" / "js" / "door-rules.json").read_text("utf-8"))
RESULTS = TABLE["results"]
DAY_BEGINS = timedelta(hours=5)  # whoever dances till four comes in on the day before
BEFORE_A_SESSION = timedelta(minutes=15)

RULE = Choice(
    (
        ("once", "Once", "quiet"),
        ("daily", "Once a day", "quiet"),
        ("in_out", "In and out", "info"),
        ("free", "As often as they like", "info"),
    ),
    about=(
        ("once", "A second scan says when the first was"),
        ("daily", "A day begins at five in the morning"),
        ("in_out", "Who goes out is scanned, and may come back"),
        ("free", "Scans are only counted"),
    ),
)


def decide(facts):
    """The key of RESULTS for what is known of a scan: the first row of the table whose every word agrees."""
    return next(result for said, result in TABLE["rules"] if all(facts.get(key) == said[key] for key in said))


def one(id, event_id):
    """The gate with this id at this event. Refuses with NotFound."""
    return existing(
        Checkpoint.one(Checkpoint.id == (id or 0), Checkpoint.event == event_id), "There is no such gate here."
    )


def of(event):
    """Its gates, the oldest first."""
    return _of(event=event.id)


# At each scan: `check_in_vs_pretix`.
_of = CompiledRows(
    Checkpoint,
    lambda: Checkpoint.select().where(Checkpoint.event == parameter("event")).order_by(Checkpoint.id),
)


def chosen(event, id):
    """The gate with this id; of an event that has none yet its first is made, in the present transaction.
    Refuses with NotFound."""
    if not id and not of(event):
        return Checkpoint.create(event=event, name="Entrance")
    return one(id, event.id)


def open_between(event, checkpoint):
    """(from, until) in UTC when it lets people in: the event's door, or a session's with a quarter of an hour."""
    if checkpoint.session_id:
        part = checkpoint.session
        return part.starts_at - BEFORE_A_SESSION, part.ends_at
    return event.starts_at - timedelta(minutes=event.door_minutes), event.ends_at


def window(event, checkpoint, moment):
    """ "early", "open" or "late"."""
    start, end = open_between(event, checkpoint)
    return "early" if moment < start else "late" if moment >= end else "open"


def day_of(event, checkpoint, moment):
    """The day by which presence counts there, in the event's zone; empty where it doesn't count by days."""
    if checkpoint.rule != "daily":
        return ""
    return f"{(moment - DAY_BEGINS).astimezone(ZoneInfo(event.timezone)):%F}"


@writes
def narrow(id, tier, *, by):
    """Let in one kind of ticket alone; none: all kinds."""
    by.require("events.write")
    gate = _gate(id)
    chosen = tiers.one(int(tier)) if tier else None
    Checkpoint.update(tier=chosen).where(Checkpoint.id == gate.id).execute()
    return f"{gate.name} is for {chosen.name} alone." if chosen else f"{gate.name} is for every ticket."


@writes
def join_session(id, session, *, by):
    """Make it the door of one session, open while that runs; none: the event's."""
    by.require("events.write")
    gate = _gate(id)
    chosen = sessions.one(int(session)) if session else None
    Checkpoint.update(session=chosen).where(Checkpoint.id == gate.id).execute()
    return f"{gate.name} is the door of “{chosen.title}”." if chosen else f"{gate.name} is a door of the event."


def _gate(id):
    return existing(Checkpoint.one(Checkpoint.id == id), "There is no such gate here.")


# --- as a list -----------------------------------------------------------------------------------------------------


def _tiers(row, by):
    options = tuple((str(one.id), one.name, "quiet") for one in tiers.of(_gate(row.id).event_id))
    return Field("tier", "Ticket", Choice(options), help="None: all kinds.")


def _sessions(row, by):
    options = tuple((str(part.id), part.title, "quiet") for part, _ in sessions.of(_gate(row.id).event_id))
    return Field("session", "Session", Choice(options), help="None: the whole event.")


def _notes(found, by):
    gates = Checkpoint.select().where(Checkpoint.id << [row.id for row in found]) if found else ()
    only = {gate.id: (gate.tier and gate.tier.name, gate.session and gate.session.title) for gate in gates}
    return {id: tuple(("quiet", word) for word in words if word) for id, words in only.items()}


def _why(row, by, verb, members):
    return "People were scanned there, so it stays. You can close it."


listing = Listing(
    *("checkpoints", "gate", "gates", Checkpoint),
    (
        Field("name", "Name", Name(60), required=True),
        Field("rule", "How often", RULE, default="once"),
        Field("is_closed", "Closed", Switch(), default=False),
    ),
    NEWEST,
    acts=(
        Act(*("tier", "Choose its ticket", narrow, "events.write"), asks=_tiers),
        Act(*("session", "Choose its session", join_session, "events.write"), asks=_sessions),
    ),
    notes=("Only for", _notes),
    parent=Checkpoint.event,
    stands_in=lambda id, by: events.one(id),
    reads="events.read",
    writes="events.write",
    icon="door",
    empty=(("all", "A first gate is made when somebody opens the door.", "No gates yet."),),
)
rules = rows.Rules(
    listing,
    may_change=lambda row, field, by: by.may("events.write"),
    may_remove=lambda row, by: by.may("events.write") and not Scan.one(Scan.checkpoint == row),
    why=_why,
)
