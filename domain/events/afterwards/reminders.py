"""A day before an event begins, who has tickets is told when and where it is, where its organizers want that; once for
each time that it begins at."""

from datetime import timedelta

from peewee import Value, fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain.events import passes, payments
from models import Event, Organization, Outgoing, TicketOrder

BEFORE = timedelta(hours=24)


def remind(limit=100):
    """Write to up to so many orders of events that begin within a day; returns how many. Who bought later than that has
    their tickets' letter still at hand. What is due is asked of what was left already, so a restart loses nothing."""
    with everywhere("reminders of events go out for all organizations"):
        soon = Event.starts_at > now(), Event.starts_at <= now() + BEFORE
        here = Event.organization.not_in(Organization.arriving())
        coming = list(
            Event.select()
            .where(Event.state == "published", Event.reminds, *soon, here)
            .order_by(Event.starts_at)
            .limit(200)
        )
    told = 0
    for event in coming:
        if told >= limit:
            break
        with inside(event.organization_id):
            told += _remind_of(event, limit - told)
    return told


@writes
def _remind_of(event, limit):
    begins = f"event_reminder:{event.id}:{event.starts_at:%Y%m%d%H%M}:"
    whole = Value(begins).concat(TicketOrder.id.cast("text"))  # so that an index finds it
    left = fn.EXISTS(Outgoing.select(Outgoing.id).where(Outgoing.key == whole))
    early = TicketOrder.paid_at <= event.starts_at - BEFORE
    paid = TicketOrder.select(TicketOrder.id).where(TicketOrder.event == event, TicketOrder.state == "paid", early)
    due = [id for (id,) in paid.where(~left).order_by(TicketOrder.id).limit(limit).tuples()]
    for id in due:
        order, key = TicketOrder.get_by_id(id), f"{begins}{id}"
        payments.write(order, "event_reminder", key)
        for one in passes.of(order):
            if one.is_passed_on and one.state == "active" and one.email:
                passes.write(one, "event_reminder", f"{key}:{one.id}")
    return len(due)
