"""One stock, one ledger, one check; nothing is ever sold twice."""

import pytest

from database.transactions import writes
from domain import Invalid
from domain.events import holds, orders, payments, stock, tiers
from domain.lists import rows
from models import Stock, StockMove, TicketOrder
from tests.fixtures.events import at_once, make_event, make_tier
from tests.fixtures.threads import refused, write

ADA = {"name": "Ada Lovelace", "email": "ada@example.org"}


def figures(event, kind="tier"):
    return [(one.held, one.sold) for one in Stock.select().where(Stock.event == event, Stock.kind == kind)]


def bought(event, tier, count=1, email="ada@example.org"):
    order = holds.hold(event.id, {tier.id: count})
    holds.say_who(order.id, ADA | {"email": email})
    return payments.take_free(order.id)


def test_held_then_sold_then_free_again_and_the_ledger_says_each(night, at):
    event, tier = night
    order = holds.hold(event.id, {tier.id: 2})
    assert figures(event) == [(2, 0)]
    holds.say_who(order.id, ADA)
    payments.take_free(order.id)
    assert figures(event) == [(0, 2)]
    assert figures(event, "event") == [(0, 2)]
    orders.cancel(order.id, by=at("alice"))
    assert figures(event) == [(0, 0)]
    moves = StockMove.select(StockMove.kind).where(StockMove.order == order).order_by(StockMove.id)
    assert [move.kind for move in moves] == ["hold", "hold", "sell", "sell", "refund", "refund"]
    assert stock.check(event.id) == []


def test_the_check_sees_a_figure_that_nobody_moved(night):
    event, tier = night
    holds.hold(event.id, {tier.id: 1})
    assert stock.check(event.id) == []
    write(Stock.update(held=2).where(Stock.kind == "tier").execute)
    assert len(stock.check(event.id)) == 2  # neither ledger nor orders know it


def test_a_size_below_what_is_taken_is_refused_beside_its_field(night, at):
    event, tier = night
    bought(event, tier, 3)
    with pytest.raises(Invalid) as refusal:
        rows.change(tiers.rules_in("EUR"), tier.id, {"size": "2"}, by=at("alice"), parent=event.id)
    assert "3 are sold" in refusal.value.fields["size"]
    rows.change(tiers.rules_in("EUR"), tier.id, {"size": "3"}, by=at("alice"), parent=event.id)
    with pytest.raises(stock.SoldOut):
        holds.hold(event.id, {tier.id: 1})
    assert stock.check(event.id) == []


def test_more_than_the_size_is_let_in_by_name_only(night, at):
    event, tier = night
    bought(event, tier, 5)
    tiers.let_over(tier.id, 1, by=at("alice"))
    bought(event, tier, 1, "bob@example.org")
    move = StockMove.get(StockMove.kind == "override")
    assert (move.d_over, move.by) == (1, at("alice").user)
    assert stock.check(event.id) == []


def test_event_case_07_everything_runs_through_one_take(clock, inside_acme, at):
    """Two kinds of tickets and one room: neither path gets past the event's own size."""
    event, (day, night) = make_event(at("alice"), tickets=({}, {"name": "Night ticket"}), capacity="3")
    bought(event, day, 2)
    with pytest.raises(stock.SoldOut, match="only 1 left of Jazz Night"):
        holds.hold(event.id, {night.id: 2})
    assert holds.hold(event.id, {night.id: 1})


def test_event_case_06_the_page_the_hold_and_the_organizer_name_the_one_that_binds(clock, inside_acme, at):
    event, (day, night) = make_event(at("alice"), tickets=({}, {"name": "Night ticket"}), capacity="2")
    bought(event, day, 2)
    stocks = stock.of(event.id)
    assert stock.binds(stocks, night).kind == "event"
    assert (
        stock.explain(stocks, night) == "All 2 places of the event are taken: 2 sold, Night ticket itself has 5 left."
    )


def test_why_it_is_sold_out_is_said_in_words(night):
    event, tier = night
    assert stock.explain(stock.of(event.id), tier) == ""
    bought(event, tier, 3)
    holds.hold(event.id, {tier.id: 2})
    said = stock.explain(stock.of(event.id), tier)
    assert said == "All 5 of Day ticket are taken: 3 sold, 2 held by people who are buying."


# --- many at once ---------------------------------------------------------------------------------------------------


def rush(event, tier, buyers=24):
    """So many buyers of two tickets each at the same moment; the refusals."""

    def buy():
        holds.hold(event.id, {tier.id: 2})

    return refused(at_once(event, *[buy] * buyers))


def test_buyers_who_press_at_once_get_no_more_than_there_is(night):
    event, tier = night
    refusals = rush(event, tier)
    assert {type(one) for one in refusals} == {stock.SoldOut}
    assert len(refusals) == 22
    assert figures(event) == [(4, 0)]
    assert stock.check(event.id) == []


def test_the_rush_sees_a_take_that_reads_and_then_writes(night, monkeypatch):
    """A mutant: as the sale is often written. The database's own CHECK is the net below it."""
    event, tier = night
    seen = {one.id: one for one in Stock.select()}  # read before the transaction, as a page would have

    @writes
    def take(order, wants, *, name=str, kind="hold"):
        for one, count in wants.items():
            if one.size is None or seen[one.id].left >= count:
                Stock.update(held=seen[one.id].held + count).where(Stock.id == one.id).execute()

    monkeypatch.setattr(stock, "take", take)
    assert rush(event, tier) == []
    held = sum(2 for _ in TicketOrder.select().where(TicketOrder.state == "held"))
    assert held > 5, "it oversold, and the check says so"
    assert stock.check(event.id) != []


def test_two_kinds_in_one_order_are_taken_both_or_not_at_all(clock, inside_acme, at):
    event, (day, late) = make_event(at("alice"), tickets=({}, {"name": "Late", "size": "1"}))
    with pytest.raises(stock.SoldOut):
        holds.hold(event.id, {day.id: 2, late.id: 2})
    assert figures(event) == [(0, 0), (0, 0)]
    assert not TicketOrder.select().exists()


def test_a_tier_without_a_size_has_no_end(clock, inside_acme, at):
    event, _ = make_event(at("alice"))
    endless = make_tier(event, at("alice"), name="Stream", size="", most="1000")
    assert holds.hold(event.id, {endless.id: 900})
    assert stock.binds(stock.of(event.id), endless) is None
