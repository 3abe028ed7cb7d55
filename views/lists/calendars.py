"""A list as a calendar: its days with their rows, and a row put on another day."""

from dataclasses import dataclass
from datetime import datetime

from htmx_flask import request

from database.clock import is_past, local, reader_day
from domain import Forbidden, Invalid, NotFound
from domain.fields.records.leftover import LeftOver, plain_cell
from domain.lists import calendars, rows
from domain.lists.calendars import DAY
from domain.people import feeds
from views import access, pages
from views.lists import drawing


def apart(listing):
    """(name, text) of what the address asks of the calendar."""
    return calendars.said(listing, calendars.understand(listing, request.args)).items() if listing.calendar else ()


@dataclass
class Entry:
    """A row on a day, or from one day to another of a week."""

    row: object
    id: str
    name: str
    href: str | None
    day: object  # the first of its days
    column: int
    width: int
    begins: bool
    ends: bool
    time: str
    tone: str
    is_done: bool
    is_late: bool
    may_move: bool


def context(place):
    """What the calendar's template needs."""
    listing = place.listing
    look = calendars.understand(listing, dict(place.apart))
    shown = calendars.read(listing, place.ask, place.by, look)
    first, end = look.days
    drawn = _Drawn(place, look)
    weeks = []
    while first < end:
        last = min(first + 7 * DAY, end)
        weeks.append(_week(drawn, shown, look, first, last))
        first = last
    return {
        "look": look,
        "weeks": weeks,
        "shown": shown,
        "title": _title(look),
        "turned": [(one and _at(place, one)) for one in (look.turned(-1), look.turned(1))],
        "today": _at(place, calendars.Look(look.on, reader_day(), look.until, look.scale)),
        "scales": [(key, label, place.address(cal=key)) for key, label in calendars.SCALES.items() if key != "day"],
    }


def _at(place, look):
    """The same list in another look."""
    nothing = dict.fromkeys(("cal", "cal_day", "cal_on", "cal_until"), "")
    return place.address(after="", **nothing | calendars.said(place.listing, look))


def _title(look):
    first, end = look.days
    last = end - DAY
    match look.scale or "month":
        case "month":
            return f"{look.day:%B %Y}"
        case "day":
            return f"{first:%A}, {first.day} {first:%B %Y}"
    if first.month == last.month:
        return f"{first.day} – {last.day} {last:%B %Y}"
    begins = f"{first.day} {first:%B}" + (f" {first.year}" if first.year != last.year else "")
    return f"{begins} – {last.day} {last:%B %Y}"


def _week(drawn, shown, look, first, end):
    """The days of a week (or fewer), each with the entries that begin there and how many more there are."""
    limit = calendars.SHOWN[look.scale or "month"]
    days = [first + n * DAY for n in range((end - first).days)]
    held, beyond = dict.fromkeys(days, 0), {day: shown.beyond.get(day, 0) for day in days}
    placed = {day: [] for day in days}
    for one in shown.entries:
        covers = [day for day in days if one.first <= day <= one.last]
        if not covers:
            continue
        if any(held[day] >= limit for day in covers):
            beyond |= {day: _more(beyond[day]) for day in covers}
            continue
        held |= {day: held[day] + 1 for day in covers}
        placed[covers[0]].append(drawn.entry(one, covers))
    today = reader_day()
    return [
        {
            "day": day,
            "column": day.weekday() + 1,
            "entries": placed[day],
            "beyond": beyond[day],
            "is_today": day == today,
            "is_past": day < today,
            "is_out": look.scale in ("", "month") and day.month != look.day.month,
            "at": _at(drawn.place, calendars.Look(look.on, day, look.until, "day")),
        }
        for day in days
    ]


def _more(count):
    return type(count)(count + 1)


class _Drawn:
    """Rows as entries; what may be done to a row depends on its people alone."""

    def __init__(self, place, look):
        self.place, self.look, self.rights = place, look, {}

    def entry(self, one, covers):
        listing, row, look = self.place.listing, one.row, self.look
        stands = getattr(row, look.on)
        begins, ends = one.first == covers[0], one.last == covers[-1]
        is_open = listing.is_open(row) if listing.is_open else True
        return Entry(
            row=row,
            id=f"entry_{row.id}" if begins else f"entry_{row.id}_{covers[0]}",
            name=plain_cell(listing.by_name[listing.first].kind, getattr(row, listing.first)) or "–",
            href=drawing.address(listing, self.place.url, row),
            day=one.first,
            column=covers[0].weekday() + 1,
            width=len(covers),
            begins=begins,
            ends=ends,
            time=f"{local(stands):%H:%M}" if begins and isinstance(stands, datetime) else "",
            tone=self._tone(row),
            is_done=not is_open,
            is_late=bool(look.on == listing.due and is_open and is_past(stands)),
            may_move=self._may_move(row),
        )

    def _tone(self, row):
        field = self.place.listing.by_name.get(self.place.listing.board_by)
        value = field and getattr(row, field.name, None)
        return "quiet" if value is None or isinstance(value, LeftOver) else field.kind.tone(value)

    def _may_move(self, row):
        place = self.place
        people = tuple(getattr(row, name) for name in place.listing.belongs)
        if people not in self.rights:
            owned = drawing.Owned(row, place.listing)
            self.rights[people] = place.may_write and place.rules.may_change(owned, self.look.on, place.by)
        return self.rights[people]


# --- a link for calendar programs ----------------------------------------------------------------------------------


def subscription(mounted, parts):
    """What a link is, before one is made."""
    return _subscription(mounted, _with_days(mounted, parts))


def subscribe(mounted, parts):
    """Make a link to what is asked of the list; it is shown this once."""
    place = _with_days(mounted, parts)
    path = place.url.removeprefix(f"/{place.by.organization.slug}")
    _, secret = feeds.make(place.listing, place.address().partition("?")[2], path, by=place.by)
    return _subscription(mounted, place, feeds.address(secret))


def _with_days(mounted, parts):
    place = mounted.place(parts, "calendar")
    if not place.listing.calendar:
        raise NotFound()
    return place


def _subscription(mounted, place, link=""):
    about = {"place": place, "listing": place.listing, "link": link}
    return pages.in_dialog("lists/_feed_dialog.html", "lists/feed.html", here=mounted.nav, **about)


# --- a row on another day ----------------------------------------------------------------------------------------


def day(mounted, parts):
    """The form that asks for the day."""
    access.refuse_who_only_looks()
    place = _with_days(mounted, parts)
    return _asking(mounted, place, parts["id"])


def _asking(mounted, place, id, errors=None, status=200):
    listing = place.listing
    look, row = calendars.understand(listing, dict(place.apart)), rows.get(place.rules, id, place.by, place.ask.parent)
    if not place.rules.may_change(row, look.on, place.by):
        raise Forbidden(rows.why_not(place.rules, row, place.by))
    name = plain_cell(listing.by_name[listing.first].kind, listing.column(listing.first).of(row))
    stands = calendars.day_of(listing.column(look.on).of(row))
    about = {"place": place, "listing": listing, "id": id, "name": name, "field": listing.by_name[look.on]}
    about |= {"stands": stands, "value": request.form.get("day") or stands or "", "errors": errors or {}}
    return pages.in_dialog("lists/_day_dialog.html", "lists/day.html", status, here=mounted.nav, **about)


def move(mounted, parts):
    """Put a row on another day, by being dragged or by the form."""
    place, id, form = _with_days(mounted, parts), parts["id"], request.form
    look = calendars.understand(place.listing, dict(place.apart))
    about = {"until": look.until, "was": form.get("was", ""), "parent": place.ask.parent}
    try:
        row, change = calendars.move(place.rules, id, look.on, form.get("day", ""), by=place.by, **about)
    except Invalid as refusal:
        if request.htmx and request.htmx.target != "dialog":
            raise
        return _asking(mounted, place, id, {"day": " ".join(refusal.fields.values())}, refusal.status)
    stands = calendars.day_of(place.listing.column(look.on).of(row))
    done = f"It is on {stands:%A}, {stands.day} {stands:%B %Y} now."
    undo = f"{place.url}/undo/{change.batch}" if change else None
    if request.htmx:
        note = pages.notice("good", done, undo) if change else ""
        return pages.answer(note, trigger={"listChanged": True, "closeDialog": True})
    return pages.go(place.address(), done, undo=undo)
