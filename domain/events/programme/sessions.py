"""An event's programme: its parts, who speaks in them, and where two of them are at once."""

from database.transactions import writes
from domain import Invalid, NotFound, existing
from domain.events import events, stock
from domain.events.programme import speakers
from domain.fields.choice import Choice
from domain.fields.kinds import Field, comparable
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Act, Listing, Sort, both
from models import Checkpoint, EventSession, SessionSpeaker, Speaker


def one(id):
    """The part of a programme with this id. Refuses with NotFound."""
    return existing(EventSession.one(EventSession.id == id), "There is no such part of the programme.")


def of(event_id):
    """(part, names of who speaks) in the order of their beginning."""
    spoken = {}
    query = SessionSpeaker.select(SessionSpeaker, Speaker).join(Speaker).where(Speaker.event == event_id)
    for link in query.order_by(SessionSpeaker.id):
        spoken.setdefault(link.session_id, []).append(link.speaker)
    parts = EventSession.select().where(EventSession.event == event_id)
    return [(part, spoken.get(part.id, [])) for part in parts.order_by(EventSession.starts_at, EventSession.id)]


def overlaps(event_id):
    """Part's id → sentences about parts in its room, or with one of its speakers, at the same time: warnings."""
    found, programme = {}, of(event_id)
    for place, (part, who) in enumerate(programme):
        for other, others in programme[place + 1 :]:
            if other.starts_at >= part.ends_at:
                break  # they come in order, so none after it overlaps either
            shared = []
            if part.room and other.room and comparable(part.room) == comparable(other.room):
                shared.append(f"{part.room} has")
            busy = {one.id for one in others}
            shared += [f"{one.name} has" for one in who if one.id in busy]
            for start in shared:
                found.setdefault(part.id, []).append(f"{start} “{other.title}” at the same time")
                found.setdefault(other.id, []).append(f"{start} “{part.title}” at the same time")
    return found


@writes
def put_on(id, speaker_id, *, by):
    """Have somebody speak in it, or no more when they did already."""
    by.require("events.write")
    part, who = one(id), speakers.one(int(speaker_id))
    if who.event_id != part.event_id:
        raise NotFound()
    pair = SessionSpeaker.session == part, SessionSpeaker.speaker == who
    if SessionSpeaker.one(*pair):
        SessionSpeaker.delete().where(*pair).execute()
        return f"{who.name} doesn't speak in “{part.title}” any more."
    SessionSpeaker.create(session=part, speaker=who)
    return f"{who.name} speaks in “{part.title}”."


def _derive(part, values):
    start = values.get("starts_at", part and part.starts_at)
    end = values.get("ends_at", part and part.ends_at)
    if start and end and start >= end:
        raise Invalid({"ends_at": "It must end after it begins."})
    return {}


def _after(part, before, change, by):
    if before is None or "seats" in change.fields:
        stock.resize(part.event_id, "session", part.id, part.seats, field="seats", by=by.user)


def _notes(found, by):
    if not found:
        return {}
    warned = overlaps(one(found[0].id).event_id)
    names = {part.id: who for part, who in of(one(found[0].id).event_id)}
    return {
        row.id: tuple(("quiet", who.name) for who in names.get(row.id, ()))
        + tuple(("warn", words) for words in warned.get(row.id, ()))
        for row in found
    }


def _speaker_choice(row, by):
    options = tuple((str(who.id), who.name, "quiet") for who in speakers.of(row.event))
    return Field("speaker", "Who", Choice(options), True, missing="Choose somebody from the list of speakers.")


listing = Listing(
    *("sessions", "session", "sessions", EventSession),
    (
        Field("title", "Title", Text(200), required=True),
        Field("starts_at", "Begins", Moment(clock=True), required=True),
        Field("ends_at", "Ends", Moment(clock=True), required=True),
        Field("room", "Room", Text(120, filters=True, typed=True)),
        Field("seats", "Seats", Number(1, 1_000_000), help="Empty for no limit."),
        Field("about", "Description", Text(5000, long=True), listed=False),
    ),
    (
        Sort("begins", "First to begin", "starts_at"),
        *both("newest", "Oldest first", "Newest first", first="down", column="id"),
    ),
    acts=(Act(*("speaker", "Who speaks", put_on, "events.write"), asks=_speaker_choice),),
    notes=("Who speaks", _notes),
    hears="speaker session_speaker",
    parent=EventSession.event,
    board_by="room",
    stands_in=lambda id, by: events.one(id),
    also=("event",),
    has_pages=True,
    link=True,
    reads="events.read",
    writes="events.write",
    icon="calendar",
    title="Programme",
    empty=(("all", "Add what happens when: talks, concerts, doors.", "No programme yet."),),
)


def _may_remove(part, by):
    """Not while a gate is its door: the gate's scans would go with it."""
    return by.may("events.write") and not Checkpoint.one(Checkpoint.session == part)


def _why(part, by, verb, members):
    return f"A gate is the door of “{part.title}”. Choose another session for that gate first."


rules = rows.Rules(
    listing,
    may_change=lambda row, field, by: by.may("events.write"),
    may_remove=_may_remove,
    why=_why,
    derive=_derive,
    after=_after,
)
