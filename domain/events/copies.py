"""A copy of an event for another day: as a draft, its times shifted by the same distance on the wall clock."""

from datetime import UTC
from zoneinfo import ZoneInfo

from domain.events import stock
from models import Checkpoint, Event, EventSession, PricePhase, SessionSpeaker, Speaker, StoredFile, Tier

# Tables within an event that a copy has too, in the order in which they refer to each other; what was sold, scanned or
# given out isn't copied, nor are codes that take something off: they were given to somebody for the first one.
WITHIN = (Tier, PricePhase, Speaker, EventSession, SessionSpeaker, Checkpoint)
SIZES = {Tier: ("tier", "size"), EventSession: ("session", "seats")}
NOT_COPIED = {"id", "created_at", "updated_at", "organization"}


def wall_clock(old, new, timezone):
    """A function that moves a moment by the distance between two: 18:00 stays 18:00, whatever summer time does."""
    zone = ZoneInfo(timezone)
    naive = lambda moment: moment.astimezone(zone).replace(tzinfo=None)  # noqa: E731
    distance = naive(new) - naive(old)
    moved = lambda moment: (naive(moment) + distance).replace(tzinfo=zone).astimezone(UTC)  # noqa: E731
    return lambda moment: new if moment == old else moved(moment)


SPANS = (("starts_at", "ends_at"), ("sale_from_at", "sale_until_at"))


def shifted(times, shift):
    """Times by their names, moved. What would end before it begins, as clocks are set meanwhile, lasts as it did."""
    found = {name: shift(moment) for name, moment in times.items() if moment is not None}
    for start, end in SPANS:
        if start in found and end in found and found[start] >= found[end]:
            found[end] = found[start] + (times[end] - times[start])
    return found


def fill(event, like, shift, by):
    """Give an event all that another has within it, in the present transaction; returns sentences about the windows
    that moved."""
    made, moved = {}, []
    for table in WITHIN:
        for row in _rows(table, like):
            values = _values(row, table) | shifted(dict(_moments(row, table)), shift)
            for name, field in table._meta.fields.items():
                if (target := getattr(field, "rel_model", None)) in made:
                    old = getattr(row, f"{name}_id")
                    values[name] = made[target].get(old) if old else None
                elif target is Event:
                    values[name] = event
            made.setdefault(table, {})[row.id] = copy = table.create(**values)
            if table in SIZES:
                kind, size = SIZES[table]
                stock.resize(event.id, kind, copy.id, getattr(copy, size), by=by.user)
            moved += _windows(row, copy, table, event)
    for file in StoredFile.select().where(StoredFile.table == "event", StoredFile.row_id == like.id):
        if file.archived_at is None:  # its picture: the same bytes
            StoredFile.create(**_values(file, StoredFile) | {"row_id": event.id, "by": by.user})
    return moved


def _rows(table, like):
    whose = SessionSpeaker.session << EventSession.select(EventSession.id).where(EventSession.event == like)
    if "event" in table._meta.fields:
        whose = table.event == like
    return list(table.select().where(whose).order_by(table.id))


def _values(row, table):
    return {name: row.__data__[name] for name in table._meta.fields if name not in NOT_COPIED}


def _moments(row, table):
    return [
        (name, getattr(row, name)) for name in table._meta.fields if name.endswith("_at") and name not in NOT_COPIED
    ]


def _windows(row, copy, table, event):
    if table not in (Tier, PricePhase):
        return []
    zone, words = ZoneInfo(event.timezone), {"sale_from_at": "on sale from", "sale_until_at": "on sale until"}
    times = [
        f"{copy.name} {words.get(name, 'until')} {value.astimezone(zone):%-d %B %Y, %H:%M}"
        for name, value in _moments(copy, table)
        if value is not None
    ]
    return times
