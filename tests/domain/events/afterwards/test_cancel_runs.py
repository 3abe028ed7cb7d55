"""How far a cancelling is, is asked of the rows: a restart changes nothing of it."""

from domain.events import events, orders, passes, payments, refunds
from domain.events.afterwards import cancel_runs, pass_transfers
from models import TicketRefund
from tests.domain.events.test_payments import came, paid_night, promised
from tests.domain.events.test_stock import bought
from tests.fixtures.threads import write

__all__ = ["paid_night"]  # the fixture


def test_event_case_26_its_progress_survives_a_restart_and_nobody_is_paid_twice(paid_night, at, letters):
    event, tier = paid_night
    for name in ("ada", "bob", "cleo"):
        _, attempt = promised(event, tier, email=f"{name}@example.org")
        came(attempt, 2000, id=f"pi_{name}")
    by_hand, _ = promised(event, tier, email="dora@example.org")
    payments.note_transfer(by_hand.id, 2000, by=at("alice"))
    before = cancel_runs.progress(event)
    assert (before.done, before.to_do) == (0, 4)
    events.cancel(event.id, "It rains.", by=at("alice"))
    orders.call_off(limit=2)
    half = cancel_runs.progress(event)  # whatever process asks
    assert (half.done, half.to_do, half.is_done) == (2, 2, False)
    while orders.call_off(limit=2):
        pass
    whole = cancel_runs.progress(event)
    assert (whole.done, whole.to_do, whole.void) == (4, 0, 4)
    assert sum(cents for _, cents in whole.money.values()) == 8000
    assert [refund.order_id for refund in whole.by_hand] == [by_hand.id]
    one = TicketRefund.select().order_by(TicketRefund.id).first()
    write(refunds.move, one.id, "failed", error="The balance is empty.")
    assert [refund.error for refund in cancel_runs.progress(event).failed] == ["The balance is empty."]
    assert orders.call_off() == 0
    assert TicketRefund.select().count() == 4


def test_whoever_was_given_a_ticket_hears_of_it_too(night, at, letters):
    event, tier = night
    (one,) = passes.of(bought(event, tier))
    pass_transfers.accept(pass_transfers.offer(one, {"email": "grace@example.org"}), {"holder": "Grace Hopper"})
    events.cancel(event.id, "It rains.", by=at("alice"))
    orders.call_off()
    told = [to for to, subject, _ in letters() if subject == "Jazz Night is cancelled"]
    assert told == ["ada@example.org", "grace@example.org"]
