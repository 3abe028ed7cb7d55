"""What an event sold, told to its organizers: a day at a time, by each reader's own calendar. As with any news they
choose whether it comes at once or with others in a digest."""

from datetime import datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from peewee import fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain.base import outgoing
from domain.fields.money import written
from domain.fields.number import counted
from domain.organizations import members, organizations
from models import Event, Membership, OrderItem, Organization, Outgoing, TicketOrder, Tier, User

BACK = 3  # days that are told of later, where no job ran
TYPE = "order.received"


def tell(limit=100):
    """Leave the news of up to so many events; returns of how many. What is due is asked of what was left already, so
    a restart loses nothing and tells nothing twice."""
    since = now() - timedelta(days=BACK + 1)
    with everywhere("sales of events are told of for all organizations"):
        here = Event.organization.not_in(Organization.arriving())
        sold = TicketOrder.select().where(
            TicketOrder.event == Event.id, TicketOrder.state == "paid", TicketOrder.paid_at >= since
        )
        found = list(Event.select().where(here, Event.ends_at >= since, fn.EXISTS(sold)).order_by(Event.id))
    told = 0
    for event in found:
        if told == limit:
            break
        with inside(event.organization_id):
            told += _tell_of(event)
    return told


def _tell_of(event):
    """Whether there was news of it."""
    sold, about = cache(lambda *bounds: _sold(event, *bounds)), f"sales:{event.id}"
    days = [(by, f"{about}:{day}", day, bounds) for by in _organizers(event) for day, *bounds in _days(by.user)]
    # By their whole keys, which an index finds: there are many events, and of what was sent many more.
    ours = {f"{key}:{by.user.id}{end}" for by, key, *_ in days for end in ("", ":letter")}
    left = {one for (one,) in Outgoing.select(Outgoing.key).where(Outgoing.key << ours).tuples()}
    due = [
        (by, key, f"{event.title}: {words} on {day:%-d %B}")
        for by, key, day, bounds in days
        if left.isdisjoint((f"{key}:{by.user.id}", f"{key}:{by.user.id}:letter")) and (words := sold(*bounds))
    ]
    return bool(due) and _leave(event, due)


@writes
def _leave(event, due):
    """Whether anybody wants it."""
    is_wanted = False
    for by, key, title in due:
        about = {"link": f"/{by.organization.slug}/events/{event.id}/orders", "organization": by.organization}
        is_wanted |= outgoing.notify(by.user, TYPE, key, title, **about)
    return is_wanted


def _organizers(event):
    """Who made it, and who keeps the organization, as far as they may see its orders."""
    organization = Organization.get_by_id(event.organization_id)
    people = {user.id: user for user in Membership.keepers(organization)}
    if event.made_by_id and (maker := User.one(User.id == event.made_by_id, User.status == "active")):
        people[maker.id] = maker
    found = (organizations.reach(user, organization.slug) for user in people.values())
    return [by for by in found if by and by.may("orders.read")]


def _days(user):
    """The last days that are over on somebody's calendar, the oldest first: (day, its begin, its end)."""
    zone = ZoneInfo(user.timezone or "UTC")
    today = now().astimezone(zone).date()
    for back in range(BACK, 0, -1):
        day = today - timedelta(days=back)
        yield day, *(datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))


def _sold(event, begin, end):
    """In words, or nothing where nothing was."""
    mine = (
        TicketOrder.event == event,
        TicketOrder.state == "paid",
        TicketOrder.paid_at >= begin,
        TicketOrder.paid_at < end,
    )
    kept = fn.SUM(TicketOrder.paid_cents - TicketOrder.refunded_cents)  # what came twice went back
    orders, paid = TicketOrder.select(fn.COUNT(TicketOrder.id), kept).where(*mine).scalar(as_tuple=True)
    tickets = OrderItem.select(fn.SUM(OrderItem.quantity)).join(TicketOrder).switch(OrderItem).join(Tier)
    count = tickets.where(*mine, Tier.kind == "admission").scalar() or 0
    words = [counted(orders, "order"), counted(count, "ticket"), written(paid, event.currency) if paid else ""]
    return ", ".join(filter(None, words)) if orders else ""


@outgoing.asks(r"/[^/?#]+/events/(?P<event>[1-9]\d{0,9})/orders(?=$|[/?#])")
def _read_by(user, organization, asked):
    """News of orders are read by who may see orders."""
    by = members.reader(user, organization)
    return asked if by and by.may("orders.read") else []
