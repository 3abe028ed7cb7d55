"""Events: what one is, where its page is, and when it may be seen and sold.

draft → published → cancelled, and whatever doesn't run any more → archived; that it runs or is over is told by the
clock. Why: docs/decisions/tickets.md
"""

import secrets
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from peewee import fn

from database.clock import now
from database.columns import public_id
from database.locks import lock
from database.scope import everywhere
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import history, stepup
from domain.events import copies, stock
from domain.events.providers import accounts
from domain.fields.choice import ZONES, Choice
from domain.fields.kinds import Field, clean
from domain.fields.moment import Moment
from domain.fields.money import CURRENCIES, digits
from domain.fields.number import Number
from domain.fields.records.option import Options
from domain.fields.records.url import Url
from domain.fields.share import Share
from domain.fields.switch import Switch
from domain.fields.text import Name, Text
from domain.lists import rows
from domain.lists.listing import Act, Listing, Sort, both
from domain.lists.searches import Parts
from domain.moderation import reports
from domain.organizations import organizations
from models import Event, EventSlug, Organization, TicketOrder, Tier, Voucher

STATE = Choice(
    (
        ("draft", "Draft", "quiet"),
        ("published", "Published", "good"),
        ("cancelled", "Cancelled", "bad"),
        ("archived", "Archived", "off"),
    )
)
VISIBILITY = Choice(
    (("public", "Public", "good"), ("unlisted", "Unlisted", "info"), ("private", "Private", "quiet")),
    about=(
        ("public", "Everybody finds it"),
        ("unlisted", "Whoever has the address sees it"),
        ("private", "Only members see it, and get tickets"),
    ),
)
OPENING = Choice(
    (("first", "First come, first served", "quiet"), ("draw", "By lot", "info")),
    about=(
        ("first", "Numbers are given from the second it opens"),
        ("draw", "Who comes in the last quarter of an hour before is shuffled"),
    ),
)
HOURS = Number(0, 8760, "hours before it begins")
CURRENCY = Choice(tuple((code, code, "") for code in sorted(CURRENCIES)))


TIMES = ("starts_at", "ends_at", "opens_at")


class InvalidTransition(Refused):
    code = "INVALID_TRANSITION"


# --- its parts -----------------------------------------------------------------------------------------------------

FOUND = "search_title", "search_about"
# The tabs of its form: key → (label, names of its fields).
PARTS = {
    "about": ("About", ("title", "event_type", "about", "cover_alt", "visibility", "workspace", *FOUND)),
    "when": (
        "When and where",
        ("starts_at", "ends_at", "timezone", "door_minutes", "reminds", "venue", "address", "online_url"),
    ),
    "money": (
        "Selling",
        (
            *("capacity", "most_each", "hold_minutes", "currency", "tax_bps", "prices_include_tax"),
            *("proves_free", "transfer_about", "transfer_days"),
        ),
    ),
    "line": ("The line", ("opens_at", "opening", "waits", "small_pass", "most_block")),
    "policies": (
        "Policies",
        (
            *("refund_policy", "refund_hours", "refund_when_moved", "pass_on_hours"),
            *("age_policy", "entry_policy"),
        ),
    ),
}


def one(id):
    """The event with this id. Refuses with NotFound."""
    return existing(Event.one(Event.id == (id or 0)), "There is no such event here.")


def is_over(event):
    """Whether its end has passed."""
    return event.ends_at <= now()


def is_selling(event):
    """Whether anything can be bought at all now: nothing of a suspended organization, nor where the page is hidden."""
    runs = event.state == "published" and not is_over(event)
    return runs and event.organization.status == "active" and not reports.is_hidden("event", event.id)


def local(event, moment):
    """A moment where the event is, aware."""
    return moment.astimezone(ZoneInfo(event.timezone))


# --- its address ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """An event as its address finds it, for whoever asks; `moved` where the address is an old one."""

    event: Event
    moved: bool


def find(slug, user=None):
    """The event at this address (or by its public id), whoever's it is; None for none that strangers may see, or this
    user. Refuses with NotFound while its organization is suspended."""
    id = clean(slug)[:80] if len(slug) <= 80 else ""
    with everywhere("an event's page names no organization"):
        kept = EventSlug.one(EventSlug.slug == id.lower())
        event = kept.event if kept else Event.one(Event.public_id == id)
        if event is None or not event.is_known or event.organization.status == "deleted":
            return None
        by = user and event.visibility == "private" and organizations.reach(user, event.organization.slug)
        if event.visibility == "private" and not (by and by.may("events.read")):
            return None
        if event.organization.status == "suspended":
            raise NotFound("This page is unavailable for now. Tickets that were bought stay good.")
    return Found(event, event.slug != id.lower())


def _free_slug(title, but=None):
    base = organizations.slugged(title, "event")
    with everywhere("an event's address is one of the whole site"):
        alike = (EventSlug.slug == base) | EventSlug.slug.startswith(base + "-")
        kept = EventSlug.select(EventSlug.slug, EventSlug.event).where(alike)
        taken = {one.slug for one in kept if one.event_id != but}
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug


@writes
def move(id, wish, *, by):
    """Give an event another address; its old ones lead there. Refuses with Invalid where somebody else has it."""
    by.require("events.publish")
    event, slug = one(id), organizations.slugged(wish, "event")
    lock("event slugs")
    if slug != _free_slug(wish, but=event.id):
        raise Invalid({"slug": f"“{slug}” is the address of another event."})
    EventSlug.insert(event=event, slug=slug).on_conflict_ignore().execute()
    Event.update(slug=slug).where(Event.id == event.id).execute()
    summary, moved = f"{event.title}: /e/{event.slug} → /e/{slug}", {"before": event.slug, "after": slug}
    history.note("event.moved", summary, event, by=by, field="slug", **moved)
    return f"Its page is /e/{slug} now. The old address leads there."


# --- its states ----------------------------------------------------------------------------------------------------


def missing(event):
    """(part of the form, sentence) of whatever stands in the way of publishing it; none when it can be."""
    found = []
    if not clean(event.title):
        found.append(("about", "Give it a title."))
    if event.starts_at >= event.ends_at:
        found.append(("when", "It ends before it begins."))
    if is_over(event):
        found.append(("when", "Its end lies in the past."))
    if not (event.venue or event.online_url):
        found.append(("when", "Say where it is: a place, or an address online."))
    if not _tiers(event).where(Tier.state == "on", Tier.kind == "admission").exists():
        found.append(("tickets", "Offer at least one kind of ticket."))
    dearest = _tiers(event).select(fn.MAX(Tier.price_cents)).where(Tier.state == "on").scalar()
    if dearest and not (event.transfer_about or accounts.usable(event.currency, dearest)):
        found.append(("money", "Say where money is transferred to, or connect an account: nobody could pay."))
    if event.organization.status != "active":
        found.append(("about", "The organization is suspended."))
    return found


def _tiers(event):
    return Tier.select().where(Tier.event == event)


def _step(event, old, new, by, **values):
    """Move its state, once. Refuses with InvalidTransition."""
    moved = Event.update(state=new, **values).where(Event.id == event.id, Event.state << old).execute()
    if not moved:
        now_there = STATE.plain(one(event.id).state).lower()
        raise InvalidTransition(f"{event.title} is {now_there}, so this isn't possible any more.")
    history.note(f"event.{new}", f"{event.title} is {new}", event, by=by, field="state", before=event.state, after=new)


@writes
def publish(id, *, by):
    """Show it and let its tickets be sold. Refuses with Invalid while something is missing (see `missing`)."""
    by.require("events.publish")
    event = one(id)
    if gaps := missing(event):
        raise Invalid({"publish": " ".join(sentence for _, sentence in gaps)})
    _step(event, ("draft",), "published", by, published_at=now())
    return f"{event.title} is published at /e/{event.slug}."


@writes
def cancel(id, reason, *, by):
    """End the sale for good, by step-up L2: its page says why. orders.call_off voids the tickets and pays back."""
    by.require("events.publish")
    event = one(id)
    stepup.demand("events.cancel", event.id)
    _step(event, ("published",), "cancelled", by, cancelled_at=now(), cancel_reason=reason)
    return f"{event.title} is cancelled. Its page says so; who has tickets hears of it, and money goes back."


@writes
def archive(id, *, by):
    """Put it away. Refuses while it is published and not over."""
    by.require("events.publish")
    event = one(id)
    if event.state == "published" and not is_over(event):
        raise InvalidTransition(f"{event.title} isn't over yet. Cancel it, or wait for its end.")
    _step(event, ("draft", "published", "cancelled"), "archived", by)


@writes
def delete(id, *, by):
    """Remove a draft with all that is in it. Refuses anything else, which can be cancelled or archived."""
    by.require("events.write")
    event = one(id)
    if event.state != "draft" or TicketOrder.one(TicketOrder.event == event):
        raise InvalidTransition("Only a draft without orders can be deleted.")
    history.note("event.deleted", f"{event.title} was deleted", event, by=by, verb="updated")
    event.delete_instance()


@writes
def copy(id, starts_at, *, by):
    """Make a draft like it that begins at another time, with its tickets, programme and gates, and without whatever was
    sold; every time in it moves by the same distance on the wall clock. Returns what was moved."""
    by.require("events.write")
    like = one(id)
    shift = copies.wall_clock(like.starts_at, starts_at, like.timezone)
    copied = {name: getattr(like, name) for part in PARTS.values() for name in part[1]}
    times = copies.shifted({name: getattr(like, name) for name in TIMES}, shift)
    times["draw_seed"] = secrets.token_hex(16)
    lock("event slugs")
    slug = _free_slug(like.title)
    made = Event.create(**copied | times, slug=slug, public_id=public_id(), made_by=by.user)
    EventSlug.create(event=made, slug=slug)
    stock.resize(made.id, "event", made.id, made.capacity, by=by.user)
    moved = copies.fill(made, like, shift, by)
    history.note("event.copied", f"{like.title} was copied", made, by=by)
    begins = f"A draft that begins on {local(made, made.starts_at):%-d %B %Y at %H:%M} is made."
    return f"{begins} Moved with it: {'; '.join(moved)}." if moved else begins


# --- as a list -----------------------------------------------------------------------------------------------------


def _derive(event, values):
    start = values.get("starts_at", event and event.starts_at)
    end = values.get("ends_at", event and event.ends_at)
    if start and end and start >= end:
        raise Invalid({"ends_at": "It must end after it begins."})
    if event is not None and "currency" in values and TicketOrder.one(TicketOrder.event == event):
        raise Invalid({"currency": "There are orders already, and they are in the old currency."})
    if event is None:
        lock("event slugs")
        return {
            "slug": _free_slug(values["title"]),
            "public_id": public_id(),
            "draw_seed": secrets.token_hex(16),
        }
    return {}


def _after(event, before, change, by):
    if before is None:
        EventSlug.create(event=event, slug=event.slug)
        Event.update(made_by=by.user).where(Event.id == event.id).execute()
    elif "currency" in change.fields:  # a code's percent has as many places as the currency
        old, new = (10 ** digits(currency) for currency in (before["currency"], event.currency))
        percents = Voucher.update(value=Voucher.value * new / old)  # of whole numbers
        percents.where(Voucher.event == event.id, Voucher.discount == "percent").execute()
    if before is None or "capacity" in change.fields:
        stock.resize(event.id, "event", event.id, event.capacity, field="capacity", by=by.user)


MOVED = ("starts_at", "ends_at", "timezone", "venue", "address", "online_url")


def _may_change(event, field, by):
    """When and where it is moves by afterwards.moves, once others can know it; a time zone always, as what becomes of
    the clock's times has to be asked."""
    stands = event is not None and (field == "timezone" or (field in MOVED and event.state != "draft"))
    return by.may("events.publish" if field == "workspace" else "events.write") and not stands


listing = Listing(
    *("events", "event", "events", Event),
    (
        Field("title", "Title", Name(200), required=True),
        Field("state", "State", STATE, acted=True),
        Field("event_type", "Type", Options(), help="The organization’s own: see “Types” above the list of events."),
        Field("starts_at", "Begins", Moment(), required=True, icon="calendar"),
        Field("ends_at", "Ends", Moment(), required=True, listed=False),
        Field(
            *("timezone", "Time zone", ZONES),
            default="UTC",
            listed=False,
            filters=False,
            help="Its page tells the time there.",
        ),
        Field("venue", "Place", Text(200)),
        Field("address", "Address", Text(400), listed=False),
        Field("online_url", "Address online", Url(), listed=False),
        Field("about", "Description", Text(20_000, long=True), listed=False),
        Field("cover_alt", "What its picture shows", Text(400), listed=False, help="Read to who doesn't see it."),
        Field("search_title", "Title for search engines", Text(70), listed=False, help="Empty: its title."),
        Field("search_about", "Words for search engines", Text(200), listed=False, help="Empty: when, where, price."),
        Field("visibility", "Who sees it", VISIBILITY, default="public", listed=False, filters=False),
        Field("workspace", "Workspace", Options(), listed=False, help="Its people work at the door."),
        Field("capacity", "Places", Number(1, 1_000_000), help="Over all kinds of tickets; empty for no limit."),
        Field("most_each", "Tickets for each buyer", Number(1, 1000), listed=False, help="Empty for no limit."),
        Field("hold_minutes", "Minutes to buy", Number(5, 60), default=15, listed=False),
        Field(
            *("proves_free", "Free tickets need a code by letter", Switch()),
            default=False,
            listed=False,
            help="So that nobody takes them with invented addresses. Where a buyer gets only so many, they always do.",
        ),
        Field("currency", "Currency", CURRENCY, default="EUR", listed=False, filters=False),
        Field("tax_bps", "Tax, %", Share(most=5000), default=0, listed=False, help="19 is 19 %; 0 for none."),
        Field("prices_include_tax", "Prices include the tax", Switch(), default=True, listed=False),
        Field("door_minutes", "Door opens before", Number(0, 1440, "minutes"), default=60, listed=False),
        Field(
            "transfer_about", "Where to transfer money", Text(2000, long=True), listed=False, help="Empty: nobody can."
        ),
        Field("transfer_days", "Days for a transfer", Number(1, 30), default=5, listed=False),
        Field("opens_at", "The sale opens", Moment(), listed=False, help="For a rush. Empty: as its tickets say."),
        Field("opening", "Who is first", OPENING, default="first", listed=False),
        Field("waits", "Who finds nothing free may wait", Switch(), default=True, listed=False),
        Field(
            *("small_pass", "Smaller groups may pass larger ones", Switch()),
            default=True,
            listed=False,
            help="Else few free places wait for the group whose turn it is.",
        ),
        Field(
            *("most_block", "Places in line of one network", Number(1, 100_000)),
            default=20,
            listed=False,
            help="Offices and halls of residence come from one. Empty for no limit.",
        ),
        Field(
            "reminds", "Remind who has tickets a day before", Switch(), default=True, listed=False, help="By letter."
        ),
        Field("refund_policy", "Refunds", Text(4000, long=True), listed=False),
        Field("refund_hours", "Asking for money back ends", HOURS, listed=False, help="Empty: buyers can't ask."),
        Field("refund_when_moved", "Once it is moved, who has tickets may ask", Switch(), default=True, listed=False),
        Field("pass_on_hours", "Passing tickets on ends", HOURS, default=0, listed=False, help="Empty: nobody can."),
        Field("age_policy", "Age", Text(4000, long=True), listed=False),
        Field("entry_policy", "Entry", Text(4000, long=True), listed=False),
        Field("slug", "Address of its page", Text(80), listed=False, acted=True),
    ),
    (
        Sort("begins", "First to begin", "starts_at"),
        Sort("begins-down", "Last to begin", "starts_at", descending=True),
        *both("title", "By title", "By title, backwards"),
        Sort("newest", "Newest first", descending=True),
    ),
    search=Parts((Event.title, Event.venue)),
    acts=(
        Act(
            *("publication", "Publish", publish, "events.publish"),
            when=lambda row: row.state == "draft",
        ),
        Act(
            *("address", "Change address", move, "events.publish"),
            asks=lambda row, by: Field("slug", "Address of its page", Text(60, 2), True, default=row.slug),
        ),
        Act(
            *("copies", "Copy", copy, "events.write"),
            once=True,
            asks=lambda row, by: Field("starts_at", "When the copy begins", Moment(), True),
        ),
        Act(
            *("cancellation", "Cancel event", cancel, "events.publish"),
            asks=lambda row, by: Field(
                "reason",
                "What visitors of its page read",
                Text(500, 3, long=True),
                True,
                help="Its tickets are void then, money goes back, and whoever bought gets a letter.",
            ),
            when=lambda row: row.state == "published",
            tone="danger",
        ),
        Act(
            *("archival", "Archive", archive, "events.publish", "It is archived."),
            when=lambda row: row.state != "archived",
        ),
        Act(
            *("deletion", "Delete draft", delete, "events.write", "The draft is deleted."),
            when=lambda row: row.state == "draft",
            confirm="Delete {name} with all its tickets? This can't be undone.",
            tone="danger",
        ),
    ),
    has_pages=True,
    beside=False,
    link=True,
    begins=("title", "starts_at", "ends_at", "timezone", "venue", "currency"),
    chips="state",
    ranges=("starts_at",),
    also=("slug", "ends_at"),
    followed=True,
    reads="events.read",
    writes="events.write",
    icon="ticket",
    empty=(("all", "Make your first event: a title and a time are enough to begin.", "No events yet."),),
)


def _begins(by):
    team = Organization.get_by_id(by.organization.id)  # whole: who reaches it brings no currency
    return {"timezone": team.timezone, "currency": team.default_currency}


rules = rows.Rules(listing, may_change=_may_change, derive=_derive, after=_after, proposes=_begins, lock="event slugs")
