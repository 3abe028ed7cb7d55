"""Attendees: the passes of an event as its organizer lists them, and what is done about one or many of them."""

from contextlib import suppress
from urllib.parse import urlencode

from domain.events import codes, events, orders, passes
from domain.events.afterwards import pass_transfers
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.email import Email, Usable
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.switch import Switch
from domain.fields.text import Name, Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from domain.lists.searches import Parts
from models import OrderItem, Pass, TicketOrder, Tier

STATE = Choice((("active", "Good", "good"), ("suspended", "Being refunded", "warn"), ("void", "Void", "off")))


class OrCode(Parts):
    """Parts of columns, or the whole text of a code: it finds the one pass that it is of."""

    def values(self, listing, words, by, tab):
        return super().values(listing, _serials(words), by, tab)


def _serials(words):
    """The words of a search; instead of those of a code, the serial that it says."""
    if len(words) == 2 and f"{words[0]}:".upper() == codes.PREFIX:
        with suppress(codes.Unreadable):
            return (codes.read(":".join(words)).serial,) * 2
    return words


def _joined(query):
    query = query.join(Tier, on=(Tier.id == Pass.tier)).join_from(Pass, OrderItem, on=(OrderItem.id == Pass.item))
    return query.join_from(OrderItem, TicketOrder, on=(TicketOrder.id == OrderItem.order))


def _is_good(row):
    return row.state == "active"


listing = Listing(
    *("passes", "pass", "passes", Pass),
    (
        Field("holder", "Name", Name(120)),
        Field("ticket", "Ticket", Text(80, filters=True)),
        Field("state", "State", STATE),
        Field("email", "E-mail", Email()),
        Field("is_passed_on", "Passed on", Switch(), listed=False),
        Field("serial", "Serial", Code(40), listed=False),
        Field("created_at", "Since", Moment(past=True)),
    ),
    NEWEST,
    joins=_joined,
    elsewhere=(("ticket", Tier.name, None),),
    search=OrCode((Pass.holder, Pass.email, Pass.serial)),
    acts=(
        Act(
            *("name", "Change name", passes.rename, "events.write"),
            asks=lambda row, by: Field("holder", "Name", Name(120, 2), True, default=row.holder),
            when=lambda row: row.state != "void",
        ),
        Act(*("letter", "Send again", passes.send_again, "orders.read"), when=_is_good, bulk=True),
        Act(
            *("transfer", "Pass on", pass_transfers.offer_by_id, "orders.write"),
            asks=lambda row, by: Field(
                "email", "To whom", Usable(), True, help="They get a letter. Once they accept, the old code is void."
            ),
            when=_is_good,
        ),
        Act(
            *("code", "New code", passes.new_code, "orders.write"),
            confirm="Give {name} a new code? The old one is void, and the new one goes out by letter.",
            when=_is_good,
            bulk=True,
        ),
        Act(
            *("badges", "Print badges", None, "orders.read"),
            leads=lambda ids: "/badges?" + urlencode([("pass", id) for id in ids]),
            when=_is_good,
            bulk=True,
        ),
        Act(
            *("return", "Take back", orders.take_back, "orders.write"),
            confirm="Take back the ticket of {name}? It is void, its place is free, and what it cost goes back.",
            when=lambda row: row.state != "void",
            bulk=True,
            tone="danger",
        ),
    ),
    parent=Pass.event,
    stands_in=lambda id, by: events.one(id),
    exports=("serial", "is_passed_on"),
    reads="orders.read",
    charts=True,
    grows=(Pass.updated_at, Pass.id),
    hears="tier",
    icon="ticket",
    chips="state",
    empty=(("all", "Whoever has paid gets a pass for each ticket."),),
)
rules = rows.Rules(listing)
