"""The lists within an event that have charts: counted within their event, and saved for whoever may see them."""

from itertools import count

import pytest

from database.scope import inside
from domain import Forbidden, NotFound
from domain.charts import charts, figures, saved_charts
from domain.events import orders
from domain.events.books import charted
from domain.events.door import scans
from domain.imports import targets
from models import LongJob, TicketOrder
from tests.domain.events.test_stock import bought
from tests.fixtures.doors import an_event, at_the_door, code_of, passes_of
from tests.fixtures.events import make_event, make_tier

nonces = count(1)


@pytest.fixture
def two(night, at):
    """Two events of Acme, of which the first sold three tickets and the second one."""
    event, tier = night
    other, (free,) = make_event(at("alice"), title="Other")
    bought(event, tier, 2)
    bought(event, make_tier(event, at("alice"), name="Gold"), 1, "grace@example.org")
    bought(other, free)
    return event, other


def totals(name, event, query, by):
    listing = charted.LISTS[name].listing
    found = figures.figures(charts.read(listing, query, event.id), query, by)
    return {key: int(total) for (key, _), total in found.tally.totals.items()}


def test_each_is_counted_within_its_event(two, at):
    event, other = two
    alice = at("alice")
    assert totals("orders", event, "chart_by=state", alice) == {"paid": 2}
    assert totals("orders", other, "chart_by=state", alice) == {"paid": 1}
    assert totals("passes", event, "chart_by=ticket", alice) == {"Day ticket": 2, "Gold": 1}
    assert totals("passes", event, "chart_by=ticket&ticket=Gold", alice) == {"Gold": 1}
    assert totals("sales", event, "chart_by=ticket&chart_of=standing", alice) == {"Day ticket": 2, "Gold": 1}
    assert totals("sales", other, "chart_as=number&chart_of=standing", alice) == {"": 1}


def test_what_a_kind_of_ticket_is_called_by_now_is_what_is_counted(two, at):
    event, _ = two
    alice = at("alice")
    assert "Gold" in totals("passes", event, "chart_by=ticket", alice)
    made = make_tier(event, alice, name="Silver")  # of kinds of tickets the log tells
    assert made.name not in totals("passes", event, "chart_by=ticket", alice)
    order = TicketOrder.get(TicketOrder.email == "grace@example.org")
    orders.cancel(order.id, by=alice)
    assert totals("passes", event, "chart_by=state", alice) == {"active": 2, "void": 1}
    assert totals("orders", event, "chart_by=state", alice) == {"paid": 1, "cancelled": 1}


def test_who_came_by_the_hour_and_the_gate(cast, at, clock):
    with inside(cast.acme):
        event = an_event()
        ada, bob = passes_of(event, ["Ada", "Bob"])
        keeper, phone, _ = at_the_door(cast.bob, event)
        begun = f"{clock.moment:%Y-%m-%dT%H}:00:00"
        for one in (ada, bob, bob):
            scans.take(keeper, phone, [scans.Asked(nonce=f"c{next(nonces)}", code=code_of(one))])
            clock.forward(minutes=61)
        by_hour = totals("scans", event, "chart_by=scanned_at&chart_per=hour", at("alice"))
        assert (len(by_hour), set(by_hour.values()), min(by_hour)) == (3, {1}, begun)
        assert totals("scans", event, "chart_by=result", at("alice")) == {"ok": 2, "used": 1}
        assert totals("scans", event, "chart_by=gate&result=ok", at("alice")) == {"Entrance": 2}


def test_many_rows_are_counted_by_a_job_within_their_event(two, at, clock, monkeypatch):
    monkeypatch.setattr(figures, "AT_ONCE", 1)
    event, _ = two
    query, alice = "chart_by=state", at("alice")
    clock.forward(minutes=1)
    asked = charts.read(orders.listing, query, event.id)
    assert figures.figures(asked, query, alice).job.is_open
    assert figures.work() == 1
    found = figures.figures(asked, query, alice)
    assert (sum(found.tally.totals.values()), found.job, found.is_old) == (2, None, False)
    bought(event, make_tier(event, alice, name="Silver"), 1, "hedy@example.org")
    assert figures.figures(asked, query, alice).is_old
    assert LongJob.select().where(LongJob.kind == figures.JOB).count() == 1


def test_a_saved_chart_is_of_its_event_and_for_who_may_see_orders(two, at):
    event, other = two
    alice = at("alice")
    saved = [
        saved_charts.save(orders.listing, "Sales", "chart_by=state", by=alice, shared=True, parent=one.id)
        for one in two
    ]
    assert [one.listing for one in saved] == [f"orders:{event.id}", f"orders:{other.id}"]
    assert targets.address(saved[0].listing, alice) == f"/acme/events/{event.id}/orders"
    assert targets.parent_called(saved[1].listing) == "Other"
    assert saved_charts.opened(saved[0], at("bob")).ask.parent == event.id
    assert saved_charts.opened(saved[0], at("vera")) is None
    with pytest.raises(Forbidden):
        saved_charts.save(orders.listing, "Mine", "", by=at("vera"), parent=event.id)
    saved[0].listing = "orders:999999"
    assert saved_charts.opened(saved[0], alice) is None
    for name in ("orders", "orders:", "orders:x", "orders:999999", "ledger:1"):
        with pytest.raises(NotFound):
            targets.found(name, alice, "charts")


def test_an_event_of_others_is_nobodys_to_count(two, at):
    charlie = at("charlie", "globex")
    with inside(charlie.organization), pytest.raises(NotFound):
        targets.found(f"orders:{two[0].id}", charlie, "charts")
