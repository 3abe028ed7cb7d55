"""What an event has sold, line by line, and how many tickets a day."""

from decimal import Decimal

import pytest

from database.clock import read_in
from domain import Forbidden
from domain.charts import charts, figures, tallies
from domain.events import orders, passes, payments
from domain.events.books import sales
from domain.lists import asks, lists, totals
from tests.domain.events.test_payments import paid_night, promised
from tests.domain.events.test_stock import bought
from tests.domain.events.test_stock import figures as stocks
from tests.fixtures.events import make_event, make_tier

__all__ = ["paid_night"]  # the fixture


def by_day(event, by):
    """Day → how many tickets."""
    found = sales.by_day(event, by)[1]
    return {key: int(total) for (key, _), total in found.tally.totals.items()}


@pytest.fixture
def counted(monkeypatch):
    """How often something was counted."""
    calls, real = [], tallies.count
    monkeypatch.setattr(tallies, "count", lambda *given, **more: calls.append(1) or real(*given, **more))
    return calls


def test_each_line_of_a_paid_order_is_there_with_what_stands_of_it(paid_night, at):
    event, tier = paid_night
    order, _ = promised(event, tier, 3)
    promised(event, tier, 1, "grace@example.org")  # isn't paid
    payments.note_transfer(order.id, 6000, by=at("alice"))
    other, (free,) = make_event(at("alice"), title="Other")
    bought(other, free)
    ask = asks.understand(sales.listing, {}, event.id)
    (row,) = lists.read(sales.listing, ask, at("alice")).rows
    assert (row.ticket, row.standing, row.cents, row.currency, row.buyer) == (
        *("Day ticket", 3, 6000, "EUR"),
        "Ada Lovelace",
    )
    orders.take_back(passes.of(order)[0].id, by=at("alice"))
    (row,) = lists.read(sales.listing, ask, at("alice")).rows
    assert (row.standing, row.cents) == (2, 4000)
    sums = totals.sums(sales.listing, ask, at("alice")).totals
    assert sums == {("standing", None): 2, ("cents", "EUR"): 4000}  # a number is of no currency
    orders.cancel(order.id, by=at("alice"))
    assert lists.read(sales.listing, ask, at("alice")).rows == []


def test_money_by_the_kind_of_ticket(paid_night, at):
    event, tier = paid_night
    dear = make_tier(event, at("alice"), name="Gold", price_cents="50.00")
    for kind, count in ((tier, 2), (dear, 1)):
        order, _ = promised(event, kind, count, f"{kind.name[0]}@example.org")
        payments.note_transfer(order.id, order.total_cents, by=at("alice"))
    asked = charts.read(sales.listing, "chart_by=ticket&chart_of=cents", event.id)
    assert tallies.count(asked, at("alice")).totals == {
        ("Day ticket", "EUR"): Decimal(4000),
        ("Gold", "EUR"): Decimal(5000),
    }


def test_tickets_by_the_readers_day_are_those_that_are_sold(night, at, clock):
    event, tier = night
    alice = at("alice")
    assert by_day(event, alice) == {}
    addon = make_tier(event, alice, name="Breakfast", kind="addon", size="9")
    first = bought(event, tier, 2)
    clock.forward(days=2)
    bought(event, tier, 1, "grace@example.org")
    made = orders.one(first.id).paid_at
    assert by_day(event, alice) == {f"{made:%Y-%m-%d}": 2, f"{clock.moment:%Y-%m-%d}": 1}
    assert sum(by_day(event, alice).values()) == next(sold for _, sold in stocks(event) if sold)
    assert addon.kind == "addon"
    read_in("Pacific/Kiritimati")  # 14 hours ahead
    try:
        assert f"{made:%Y-%m-%d}" not in by_day(event, alice)
    finally:
        read_in("UTC")


def test_it_is_counted_when_something_was_sold_or_taken_back_and_not_at_each_view(night, at, clock, counted):
    event, tier = night
    alice = at("alice")
    order = bought(event, tier, 2)
    clock.forward(minutes=1)
    for _ in range(3):
        assert sum(by_day(event, alice).values()) == 2
    assert len(counted) == 1
    bought(event, tier, 1, "grace@example.org")
    assert sum(by_day(event, alice).values()) == 3
    orders.take_back(passes.of(order)[0].id, by=alice)
    assert sum(by_day(event, alice).values()) == 2
    assert len(counted) == 3


def test_what_was_counted_while_somebody_wrote_is_counted_once_more(night, at, clock, counted):
    event, tier = night
    bought(event, tier)
    for _ in range(2):
        by_day(event, at("alice"))
    assert len(counted) == 1
    clock.forward(seconds=11)  # who wrote beside it is done
    for _ in range(2):
        by_day(event, at("alice"))
    assert len(counted) == 2


def test_of_many_sales_it_is_counted_twice_a_minute_at_most(night, at, clock, counted, monkeypatch):
    monkeypatch.setattr(figures, "FEW", 1)
    event, tier = night
    alice = at("alice")
    for name in ("ada", "grace"):
        bought(event, tier, 1, f"{name}@example.org")
    clock.forward(minutes=1)
    assert not sales.by_day(event, alice)[1].is_old
    bought(event, tier, 1, "hedy@example.org")
    old = sales.by_day(event, alice)[1]
    assert (old.is_old, sum(old.tally.totals.values()), len(counted)) == (True, 2, 1)
    clock.forward(seconds=31)
    new = sales.by_day(event, alice)[1]
    assert (new.is_old, sum(new.tally.totals.values()), len(counted)) == (False, 3, 2)


def test_who_may_not_see_orders_sees_no_sales_also_where_they_are_counted(night, at):
    event, tier = night
    bought(event, tier)
    sales.by_day(event, at("bob"))
    with pytest.raises(Forbidden):
        sales.by_day(event, at("vera"))
