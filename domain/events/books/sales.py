"""What an event has sold and not taken back, line by line: so many of one kind of ticket in an order, and what they
cost. Its charts tell how the event sells: by day, by kind of ticket, in number and in money.
"""

from peewee import IntegerField

from domain.charts import charts, figures
from domain.events import events, tiers
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import Money
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Listing, both, demand
from domain.lists.searches import Parts
from models import OrderItem, StockMove, TicketOrder, Tier

TICKETS = "kind=admission&chart_of=standing"
BY_DAY = f"{TICKETS}&chart_by=paid_at&chart_per=day"


def by_day(event, by):
    """(what is asked, its Figures) of the tickets that an event sold, day by day. Refuses with Forbidden who may not
    see orders."""
    demand(by, listing.reads)
    asked = charts.read(listing, BY_DAY, event.id)
    return asked, figures.figures(asked, BY_DAY, by)


def _joined(query):
    query = query.join(TicketOrder, on=(TicketOrder.id == OrderItem.order))
    return query.join_from(OrderItem, Tier, on=(Tier.id == OrderItem.tier))


listing = Listing(
    *("sales", "sale", "sales", OrderItem),
    (
        Field("ticket", "Ticket", Text(80, filters=True)),
        Field("standing", "Tickets", Number()),
        Field("cents", "Price", Money()),
        Field("buyer", "Buyer", Text(120)),
        Field("paid_at", "Sold on", Moment(past=True)),
        Field("kind", "Kind", tiers.KIND, listed=False),
    ),
    both("order_id", "Oldest first", "Newest first", "down"),
    joins=_joined,
    elsewhere=(
        ("ticket", Tier.name, None),
        ("kind", Tier.kind, None),
        ("cents", IntegerField(), OrderItem.total_cents * OrderItem.standing / OrderItem.quantity),
        ("currency", TicketOrder.currency, None),
        ("buyer", TicketOrder.name, None),
        ("paid_at", TicketOrder.paid_at, None),
        ("order_id", TicketOrder.id, None),
    ),
    search=Parts((TicketOrder.name, TicketOrder.email, TicketOrder.public_id)),
    only=(TicketOrder.state == "paid") & (OrderItem.standing > 0),
    parent=TicketOrder.event,
    stands_in=lambda id, by: events.one(id),
    also=("currency", "order_id"),
    link=lambda row: f"orders/{row.order_id}",  # beside the list
    ranges=("paid_at",),
    sums=("standing", "cents"),
    reads="orders.read",
    charts=True,
    grows=(StockMove.id,),  # nothing is sold or taken back without a move
    hears="ticket_order tier",
    icon="ticket",
    title="Sold",
    about="What was sold and not taken back, with add-ons. Prices are without what a fee or a tax adds to an order.",
    empty=(("all", "Whatever is sold shows here, by the kind of ticket."),),
)
rules = rows.Rules(listing)
