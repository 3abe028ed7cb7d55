"""Calendar feeds: a secret link by which a calendar program reads a list, as whoever made it may see it at that moment.

The link is shown once and kept as a hash. It ends with the membership, waits while its person or the organization is
suspended, and is ended in the account's settings. Dates and escapes are RFC 5545's, by the library `icalendar`.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from peewee import CharField

from database.clock import now, read_in, reader_day
from database.scope import inside
from database.transactions import writes
from domain import NotFound, Refused
from domain.base import configuration
from domain.fields.kinds import Field, clean
from domain.fields.moment import Moment, midnight
from domain.fields.person import members
from domain.fields.records.leftover import plain_cell
from domain.fields.text import Text
from domain.imports import targets
from domain.lists import asks, calendars, saved_views
from domain.lists.calendars import DAY, day_of
from domain.lists.listing import Act, Listing, both, demand, demand_outside
from domain.organizations import organizations
from models import CalendarFeed, Membership, Organization

MOST = 30  # of one person
ROWS = 2000
BEHIND, AHEAD = 31 * DAY, 366 * DAY  # of what lies further behind, only what there is room for
SEEN_EVERY = timedelta(minutes=5)
GONE = "There is no such calendar any more."


def _hash(secret):
    return hashlib.sha256(clean(secret)[:200].encode()).hexdigest()


@writes
def make(listing, query, path, *, by):
    """Make a feed of what is asked of a list (the query of its address); returns (the feed, its secret).

    `path` is where the list stands below the organization, as «/tasks».

    Refuses with Forbidden who doesn't see the list, with NotFound a list without days, and beyond MOST of a person.
    """
    demand(by, listing.reads)
    demand_outside(by, listing)
    if not listing.calendar:
        raise NotFound()
    if CalendarFeed.select().where(CalendarFeed.user == by.user).count() >= MOST:
        raise Refused(f"You have {MOST} calendar links already: end one first, in your account under Calendars.")
    secret = secrets.token_urlsafe(32)
    membership = Membership.one(Membership.organization == by.organization, Membership.user == by.user)
    about = {
        "table": listing.name,
        "query": saved_views.cleaned(query),
        "path": path[:200],
    }
    return CalendarFeed.create(
        user=by.user, membership=membership, title=listing.heading[:120], secret_hash=_hash(secret), **about
    ), secret


def address(secret):
    """The whole address that a calendar program is given."""
    return f"{configuration.active.site_url}/calendars/{secret}.ics"


def behind(secret):
    """(the feed, its person as a Member as things stand now). Refuses with NotFound."""
    feed = CalendarFeed.one(CalendarFeed.secret_hash == _hash(secret))
    by = organizations.reach(feed.user, feed.membership.organization.slug) if feed else None
    if by is None or feed.user.status != "active" or by.organization.status != "active":
        raise NotFound(GONE)
    return feed, by


@writes
def note_use(feed):
    """Remember that it was read, every few minutes."""
    old = CalendarFeed.used_at.is_null() | (CalendarFeed.used_at < now() - SEEN_EVERY)
    CalendarFeed.update(used_at=now()).where(CalendarFeed.id == feed.id, old).execute()


def text(feed, by):
    """The calendar as RFC 5545 has it, the same bytes while nothing changes. Refuses with NotFound.

    At most ROWS: of a year ahead first, then of what lies behind.
    """
    from icalendar import Calendar, Event

    read_in(by.user.timezone)
    with inside(by.organization):
        listing = targets.found(feed.table, by, "calendar").listing
        demand(by, listing.reads)
        demand_outside(by, listing)
        said = parse_qs(feed.query)
        given = {name: texts[0] for name, texts in said.items()} | {"where": said.get("where", [])}
        ask, look = asks.understand(listing, given), calendars.understand(listing, given)
        made = Calendar()
        made.add("prodid", "-//Guildhall//EN")
        made.add("version", "2.0")
        # What it goes by is gone or hidden: nothing is shown until its person makes another.
        waits = asks.left_out(ask, given, calendars.OWN)
        made.add(
            "x-wr-calname", f"{feed.title} · {by.organization.name}{' (waits: its filter is gone)' if waits else ''}"
        )
        names = members()
        for row in _rows(listing, ask, by, look) if not waits else ():
            made.add_component(_filled(Event(), feed, by, listing, look, row, names))
    return made.to_ical()


def _rows(listing, ask, by, look):
    today = reader_day()
    ahead = calendars.within(listing, ask, by, look, today - BEHIND, today + AHEAD, ROWS)
    room = ROWS - len(ahead)
    past = calendars.within(listing, ask, by, look, today - AHEAD, today - BEHIND, room, newest=True) if room else []
    return [*past[::-1], *ahead]


def _filled(made, feed, by, listing, look, row, names):
    """An event of a row: all day as dates, moments in UTC, and one UID for as long as the row is there."""
    starts, ends = getattr(row, look.on), getattr(row, look.until) if look.until else None
    first = day_of(starts)
    last = calendars.last_day(ends, first)
    site = configuration.active.site_url.partition("://")[2]
    made.add("uid", f"{feed.table.replace(':', '-')}-{row.id}.{by.organization.public_id}@{site}")
    made.add("dtstamp", _utc(feed.created_at))
    made.add("summary", plain_cell(listing.by_name[listing.first].kind, getattr(row, listing.first)) or "–")
    if isinstance(starts, datetime):
        made.add("dtstart", _utc(starts))
        if isinstance(ends, datetime) and ends > starts:
            made.add("dtend", _utc(ends))
        elif last > first:
            made.add("dtend", _utc(midnight(last + DAY)))
    else:
        made.add("dtstart", first)
        made.add("dtend", last + DAY)
    if said := _lines(listing, look, row, names):
        made.add("description", said)
    if listing.has_pages:
        made.add("url", f"{configuration.active.site_url}/{by.organization.slug}{feed.path}/{row.id}")
    return made


def _utc(moment):
    return moment.astimezone(UTC).replace(microsecond=0)


def _lines(listing, look, row, names):
    """What else the list shows of a row, in lines."""
    lines = []
    for field in listing.listed:
        if field.name in (listing.first, look.on, look.until) or field.kind.long:
            continue
        value = getattr(row, field.name)
        said = names.get(value, "") if field.name in listing.people else plain_cell(field.kind, value)
        lines += [f"{field.label}: {said}"] if said else []
    return "\n".join(lines)


listing = Listing(
    *("calendar feeds", "link", "links", CalendarFeed),
    (
        Field("title", "List", Text(120)),
        Field("organization", "Organization", Text(120)),
        Field("used_at", "Last read", Moment(past=True)),
        Field("created_at", "Made", Moment(past=True)),
    ),
    (
        *both("created_at", "Oldest first", "Newest first", first="down"),
        *both("used_at", "Longest unread first", "Last read first"),
    ),
    joins=lambda query: query.join(Membership).join(Organization),
    elsewhere=(("organization", CharField(), Organization.name),),
    acts=(
        Act(
            *("end", "End", lambda id, by: end(id, by=by), "own", "The link is ended."),
            confirm="End the link to {name}? Calendars that read it show nothing new from then on.",
            bulk=True,
        ),
    ),
    parent=CalendarFeed.user,
    reads="own",
    icon="calendar",
    title="Calendar links",
    about="Links by which calendar programs read your lists, as you may see them at that moment.",
    empty=(("all", "Make one with “Subscribe” above the calendar of a list."),),
)


@writes
def end(id, *, by):
    """End one's own feed: its link leads nowhere from here on. Refuses with NotFound."""
    if not CalendarFeed.delete().where(CalendarFeed.id == id, CalendarFeed.user == by).execute():
        raise NotFound(GONE)
    return "The link is ended."
