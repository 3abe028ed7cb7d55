"""The ledger of an event's stocks as a list: each hold, sale and return, and of what. Rows are only ever added."""

from peewee import JOIN, Case, fn

from domain.events import events
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Listing
from models import EventSession, Stock, StockMove, TicketOrder, Tier, Voucher

KIND = Choice(
    (
        ("hold", "Held", "info"),
        ("sell", "Sold", "good"),
        ("release", "Let go", "quiet"),
        ("expire", "Lapsed", "off"),
        ("refund", "Given back", "warn"),
        ("retake", "Taken", "good"),
        ("resize", "Size changed", "quiet"),
        ("override", "Beyond the size", "warn"),
    )
)


def _joined(query):
    is_counted = Stock.kind != "budget"  # minor units are no places: what a code took off stands with the code
    query = query.join(Stock, on=(Stock.id == StockMove.stock) & is_counted)
    for table, kind in ((Tier, "tier"), (EventSession, "session"), (Voucher, "voucher")):
        mine = (Stock.kind == kind) & (Stock.thing == table.id)
        query = query.join_from(Stock, table, JOIN.LEFT_OUTER, on=mine)
    return query.join_from(StockMove, TicketOrder, JOIN.LEFT_OUTER, on=(TicketOrder.id == StockMove.order))


_OF = Case(
    None, ((Stock.kind == "event", "The whole event"),), fn.COALESCE(Tier.name, EventSession.title, Voucher.code)
)

listing = Listing(
    *("ledger", "move", "moves", StockMove),
    (
        Field("kind", "What", KIND),
        Field("of", "Of", Text(200)),
        Field("d_held", "Held", Number()),
        Field("d_sold", "Sold", Number()),
        Field("d_size", "Size", Number()),
        Field("d_over", "Beyond", Number(), listed=False),
        Field("who", "Order of", Text(120)),
        Field("why", "Why", Text(500)),
        Field("created_at", "When", Moment(past=True)),
    ),
    NEWEST,
    joins=_joined,
    elsewhere=(("of", Tier.name, _OF), ("who", TicketOrder.name, None)),
    parent=StockMove.event,
    stands_in=lambda id, by: events.one(id),
    exports=("d_over",),
    ranges=("created_at",),
    sums=("d_held", "d_sold"),
    reads="orders.read",
    icon="history",
    about="Every move of its tickets, places, seats and codes. The sums are what is held and sold.",
    empty=(("all", "Add tickets; each hold and sale shows here."),),
)
rules = rows.Rules(listing)
