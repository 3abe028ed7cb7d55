"""The ledger lists every move by the name of what moved, and its sums are what is held and sold."""

from domain.events import holds, ledger, passes
from domain.events.afterwards import seats
from domain.lists import asks, lists, totals
from models import StockMove
from tests.domain.events.afterwards.test_seats import part
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event


def test_each_move_has_the_name_of_what_moved_and_they_add_up(night, at):
    event, tier = night
    made = part(event, at("alice"))
    seats.choose(passes.of(bought(event, tier, 2))[0], {made.id})
    holds.hold(event.id, {tier.id: 1})
    make_event(at("alice"), title="Other")  # whose moves are its own
    ask = asks.understand(ledger.listing, {}, event.id)
    found = lists.read(ledger.listing, ask, at("alice")).rows
    assert {row.of for row in found} == {"The whole event", "Day ticket", "Workshop"}
    assert len(found) == StockMove.select().where(StockMove.event == event).count()
    sums = totals.sums(ledger.listing, ask, at("alice"))
    assert "Ada Lovelace" in {row.who for row in found}
    assert sums
