"""An event is moved to another time, zone or place: what moves is shown, who has tickets is told, and where the event
says so, they may ask for their money back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid
from domain.base import history
from domain.events import copies, events, holds, passes, payments, shop
from domain.events.afterwards import returns
from domain.fields.choice import TIME_ZONE, Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, figures
from domain.fields.records.url import Url
from domain.fields.switch import Switch
from domain.fields.text import Text
from models import Event, EventSession, Organization, TicketOrder

KEEP = Choice(
    (("clock", "Keep the clock times", ""), ("moment", "Keep the moment", "")),
    about=(("clock", "10:00 stays 10:00, in the new zone"), ("moment", "10:00 becomes whatever it is there then")),
)
WALL = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True)
class Plan:
    """What a move makes of an event: its new values, and when and where it was and is, in words."""

    values: dict
    before: str
    after: str


def fields():
    """What its form asks; times are typed as clocks show them where the event is."""
    return (
        Field("starts", "Begins", Text(16), True, missing="Say when it begins."),
        Field("ends", "Ends", Text(16), True, missing="Say when it ends."),
        TIME_ZONE,
        Field("keep", "If the time zone changes", KEEP, default="clock"),
        Field("venue", "Place", Text(200)),
        Field("address", "Address", Text(400)),
        Field("online_url", "Address online", Url()),
        Field("programme", "Move the programme by the same distance", Switch(), default=True),
        Field("why", "What the letter says about it", Text(500, long=True)),
    )


def texts(event):
    """The form as it is filled at first."""
    there = ZoneInfo(event.timezone)
    return {
        "starts": f"{event.starts_at.astimezone(there):{WALL}}",
        "ends": f"{event.ends_at.astimezone(there):{WALL}}",
        "timezone": event.timezone,
        "keep": "clock",
        "venue": event.venue or "",
        "address": event.address or "",
        "online_url": event.online_url or "",
        "programme": "on",
        "why": "",
    }


def planned(event, form):
    """(the Plan, the form's values). Refuses with Invalid, also where nothing would move."""
    given = read_whole(fields(), form)
    kept = given["timezone"] != event.timezone and given["keep"] == "moment"
    times = {}
    for name, stands in (("starts", event.starts_at), ("ends", event.ends_at)):
        typed = _wall(name, given[name])
        is_same = f"{typed:{WALL}}" == texts(event)[name]
        times[f"{name}_at"] = (
            stands if is_same and (kept or given["timezone"] == event.timezone) else _moment(name, typed, given)
        )
    if times["starts_at"] >= times["ends_at"]:
        raise Invalid({"ends": "It must end after it begins."})
    values = times | {name: given[name] or None for name in ("venue", "address", "online_url")}
    values["timezone"] = given["timezone"]
    if not (values["venue"] or values["online_url"]):
        raise Invalid({"venue": "Say where it is: a place, or an address online."})
    values = {name: value for name, value in values.items() if value != getattr(event, name)}
    if not values:
        raise Invalid({"form": "Nothing would move."})
    return Plan(values, words(event), words(Event(**event.__data__ | values))), given


def _wall(name, text):
    try:
        return datetime.strptime(figures(text)[:16].replace(" ", "T"), WALL)  # noqa: DTZ007  a clock's time, of no zone yet
    except ValueError:
        raise Invalid({name: "Write a day and a time, as 2026-12-31 20:00."}) from None


def _moment(name, typed, given):
    """A clock's time where the event will be; one that clocks skip there is refused."""
    if not 1970 <= typed.year <= 2200:
        raise Invalid({name: "Choose a year between 1970 and 2200."})
    there = ZoneInfo(given["timezone"])
    moment = typed.replace(tzinfo=there).astimezone(UTC)
    if moment.astimezone(there).replace(tzinfo=None) != typed:
        raise Invalid({name: "Clocks skip this time there: summer time begins."})
    return moment


def words(event):
    """When and where it is, in a line."""
    place = ", ".join(text for text in (event.venue, event.address) if text) or "online"
    return f"{shop.when(event)}, {place}"


@writes
def move(id, form, *, by):
    """Move it. Who has tickets hears of it by letter (see `tell`). Returns what to say; refuses as `planned` does."""
    by.require("events.publish")
    event = events.one(id)
    plan, given = planned(event, form)
    if event.state in ("cancelled", "archived"):
        raise events.InvalidTransition(f"{event.title} is {event.state}, so it isn't moved any more.")
    told = {} if event.state == "draft" else {"moved_at": now(), "moved_from": plan.before, "moved_why": given["why"]}
    Event.update(plan.values | told).where(Event.id == event.id).execute()
    if given["programme"] and "starts_at" in plan.values:
        _move_programme(event, plan.values)
    history.note(
        "event.rescheduled",
        f"{event.title} was moved",
        event,
        by=by,
        field="when and where",
        before=plan.before,
        after=plan.after,
    )
    count = _with_tickets(event).count() if told else 0
    letters = f" {count} {'letter goes' if count == 1 else 'letters go'} out." if count else ""
    return f"{event.title} is moved: {plan.after}.{letters}"


def _move_programme(event, values):
    """Its parts by the same distance on the wall clock."""
    shift = copies.wall_clock(event.starts_at, values["starts_at"], values.get("timezone", event.timezone))
    for part in EventSession.select().where(EventSession.event == event):
        times = copies.shifted({"starts_at": part.starts_at, "ends_at": part.ends_at}, shift)
        EventSession.update(times).where(EventSession.id == part.id).execute()


def _with_tickets(event):
    return TicketOrder.select().where(TicketOrder.event == event, TicketOrder.state == "paid")


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(limit=50):
    """Write to whoever had tickets when their event was moved; returns how many orders. Each in a transaction of its
    own, so that a restart goes on where it stopped."""
    with everywhere("moved events are told of for all organizations"):
        told = TicketOrder.told_at.is_null() | (TicketOrder.told_at < Event.moved_at)
        due = TicketOrder.select(TicketOrder.id, TicketOrder.organization).join(Event)
        due = due.where(Event.moved_at.is_null(False), TicketOrder.state == "paid", told)
        due = due.where(TicketOrder.organization.not_in(Organization.arriving()))
        due = list(due.where(TicketOrder.paid_at <= Event.moved_at).order_by(TicketOrder.id).limit(limit).tuples())
    for id, organization in due:
        with inside(organization):
            _tell_of(id)
    return len(due)


@writes
def _tell_of(id):
    order = holds.locked(id)
    event = events.one(order.event_id)
    if order.state != "paid" or (order.told_at and order.told_at >= event.moved_at):
        return
    TicketOrder.update(told_at=event.moved_at).where(TicketOrder.id == order.id).execute()
    if event.state != "published":
        return
    said = {"before": event.moved_from, "after": words(event), "reason": event.moved_why or ""}
    key = f"event_moved:{order.id}:{event.moved_at:%Y%m%d%H%M%S%f}"
    payments.write(order, "event_moved", key, refund=returns.may_ask(order), **said)
    for one in passes.of(order):
        if one.is_passed_on and one.state == "active" and one.email:
            passes.write(passes.again(one), "event_moved", f"{key}:{one.id}", refund=False, **said)
