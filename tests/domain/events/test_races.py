"""Two requests for one order at the same moment: each decides by what the other has left, never by what it was."""

import threading
from datetime import timedelta

import pytest

from domain.events import holds, payments, stock
from models import Buyer, Event, OrderItem, Pass, PaymentAttempt, TicketOrder, TicketRefund, Tier
from tests.domain.events.test_stock import ADA
from tests.fixtures.events import at_once, make_event, make_voucher
from tests.fixtures.threads import refused, write

WAIT = 0.7  # seconds that the first waits for the second, who is to wait for the first


@pytest.fixture
def sale(clock, inside_acme, at):
    """An event with free tickets and golden ones, and a free order of somebody who is known: (order, free, gold)."""
    event, (free, gold) = make_event(
        at("alice"), tickets=({"size": "50"}, {"name": "Gold", "price_cents": "20", "size": "50"})
    )
    write(Event.update(transfer_about="IBAN").where(Event.id == event.id).execute)
    make_voucher(event, at("alice"), value="100", uses="9")
    order = holds.hold(event.id, {free.id: 1})
    return holds.say_who(order.id, ADA), free, gold


@pytest.fixture
def between(monkeypatch):
    """Run `first`, and while it is at `place` (module and name of a function within it) run `second`; refusals."""

    def run(event, place, first, second):
        module, name = place
        usual, is_there, is_done = getattr(module, name), threading.Event(), threading.Event()

        def slow(*args, **more):
            if not is_there.is_set():
                is_there.set()
                is_done.wait(WAIT)
            return usual(*args, **more)

        def follow():
            is_there.wait(10)
            try:
                return second()
            finally:
                is_done.set()

        monkeypatch.setattr(module, name, slow)
        return refused(at_once(event, first, follow))

    return run


def is_true(order):
    """Nothing was given for less than it costs, and all figures are the orders'."""
    order = TicketOrder.get_by_id(order.id)
    assert stock.check(order.event_id) == []
    whole = sum(item.total_cents for item in OrderItem.select().where(OrderItem.order == order))
    assert order.total_cents == whole
    if order.state == "paid":
        assert order.paid_cents >= whole
    return order


@pytest.mark.parametrize("is_change_first", [False, True])
def test_paid_tickets_arent_had_free_by_two_requests_at_once(sale, between, is_change_first):
    order, _, gold = sale
    take = lambda: payments.take_free(order.id)  # noqa: E731
    change = lambda: holds.change(order.id, {gold.id: 3})  # noqa: E731
    if is_change_first:
        refusals = between(order.event, (holds, "lines_of"), change, take)
    else:
        refusals = between(order.event, (payments, "check_known"), take, change)
    assert len(refusals) == 1
    order = is_true(order)
    golden = Pass.select().join(Tier).where(Tier.id == gold.id).count()
    assert (order.state, golden) == (("held", 0) if is_change_first else ("paid", 0))


def test_a_transfer_is_promised_for_what_is_held(sale, between):
    order, _, gold = sale
    holds.change(order.id, {gold.id: 3})
    change = lambda: holds.change(order.id, {gold.id: 1})  # noqa: E731
    between(order.event, (payments, "check_known"), lambda: payments.promise_transfer(order.id), change)
    assert PaymentAttempt.get().amount_cents == is_true(order).total_cents


def test_an_order_that_ends_frees_what_it_has_now(sale, between):
    order, _, gold = sale
    change = lambda: holds.change(order.id, {gold.id: 2}, code="SUMMER")  # noqa: E731
    between(order.event, (holds, "end"), lambda: holds.give_up(order.id), change)
    assert is_true(order).state == "cancelled"


def test_what_a_buyer_has_is_what_they_hold_now(sale, between):
    order, free, _ = sale
    other = lambda: holds.say_who(order.id, ADA | {"email": "bob@example.org"})  # noqa: E731
    between(order.event, (holds, "_people"), other, lambda: holds.change(order.id, {free.id: 3}))
    assert sorted(one.taken for one in Buyer.select()) == [0, 3]


def test_two_parts_of_the_price_that_come_at_once_are_enough(sale, between, at):
    order, _, gold = sale
    holds.change(order.id, {gold.id: 1})
    payments.promise_transfer(order.id)
    note = lambda: payments.note_transfer(order.id, 1000, by=at("alice"))  # noqa: E731
    assert between(order.event, (payments, "_trouble"), note, note) == []
    assert (is_true(order).state, Pass.select().count(), TicketRefund.select().count()) == ("paid", 1, 0)


def test_a_hold_that_was_prolonged_isnt_swept(sale, clock, monkeypatch):
    order, _, _ = sale
    usual, prolong = holds.locked, TicketOrder.update(hold_until_at=order.hold_until_at + timedelta(days=1))
    clock.forward(minutes=16)

    def prolonged(order_id):
        prolong.where(TicketOrder.id == order_id).execute()
        return usual(order_id)

    monkeypatch.setattr(holds, "locked", prolonged)
    assert write(holds.sweep, order.event_id) == 0
    assert is_true(order).is_live
