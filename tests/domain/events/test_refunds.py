import pytest

from domain import NotFound, Refused
from domain.events import orders, payments, refunds
from models import AuditEvent, Letter, Outgoing, TicketOrder, TicketPayment, TicketRefund
from tests.domain.events.test_payments import again, came, paid_night, promised
from tests.fixtures.threads import write

__all__ = ["paid_night"]


def test_one_key_sends_one_and_no_more_than_is_left(paid_night):
    order, attempt = promised(*paid_night)
    payment = came(attempt, 2000)
    write(refunds.send, order, payment, 1500, "goodwill", "k1")
    assert write(refunds.send, order, payment, 1500, "goodwill", "k1") is None
    with pytest.raises(Refused):
        write(refunds.send, order, payment, 501, "goodwill", "k2")
    assert TicketRefund.select().count() == 1
    assert Outgoing.select().where(Outgoing.kind == "ticket_refund").count() == 1


def test_a_refund_names_whoever_ended_the_order_and_nobody_where_a_rule_sends_it(paid_night, at, cast):
    order, attempt = promised(*paid_night)
    came(attempt, 2000)
    came(attempt, 500, id="pi_twice")
    other, dollars = promised(*paid_night, email="other@example.org")
    came(dollars, 3000, currency="USD", id="pi_foreign")
    for one in (order, other):
        orders.cancel(one.id, by=at("alice"))
    by = {(refund.reason, refund.amount_cents): refund.by for refund in TicketRefund.select()}
    assert by == {("double", 500): None, ("ended", 2000): cast.alice, ("foreign", 3000): cast.alice}


def test_left_anew_a_refund_names_whoever_has_it_sent_now(paid_night, cast):
    order, attempt = promised(*paid_night)
    payment = came(attempt, 2000)
    first = write(refunds.send, order, payment, 500, "goodwill", "k1", by=cast.bob)
    for by, named in ((None, cast.bob), (cast.alice, cast.alice)):
        write(TicketRefund.update(state="declined").where(TicketRefund.id == first.id).execute)
        assert write(refunds.send, order, payment, 500, "goodwill", "k1", by=by).by == named


def test_a_transfer_is_sent_back_by_hand_and_noted_once(paid_night, at):
    order, _ = promised(*paid_night)
    payments.note_transfer(order.id, 2000, by=at("alice"))
    orders.cancel(order.id, by=at("alice"))
    (refund,) = TicketRefund.select()
    assert not Outgoing.select().where(Outgoing.kind == "ticket_refund").exists()
    for _ in range(2):
        payments.note_sent_back(refund.id, by=at("alice"))
    assert again(order).refunded_cents == TicketPayment.get().refunded_cents == 2000
    said = AuditEvent.select(AuditEvent.summary).where(AuditEvent.action << ("payment.noted", "refund.noted"))
    came, went = [one.summary for one in said.order_by(AuditEvent.id)]
    assert (came, went) == (
        f"€20.00 by transfer were noted for order {order.number}",
        "€20.00 were noted as sent back by hand",
    )
    assert TicketOrder.get().state == "cancelled"
    told = Outgoing.select().join(Letter, on=Letter.queued_as == Outgoing.id)
    (letter,) = told.where(Letter.template == "refund_confirmed")
    assert letter.payload["values"]["sum"] == "€20.00"
    with pytest.raises(NotFound):
        payments.note_sent_back(999, by=at("alice"))


def test_what_another_refund_sent_back_is_not_noted_by_hand(paid_night, at):
    order, attempt = promised(*paid_night)
    payment = came(attempt, 2000)
    first = write(refunds.send, order, payment, 2000, "goodwill", "k1")
    write(refunds.move, first.id, "failed")
    second = write(refunds.send, order, payment, 2000, "goodwill", "k2")
    with pytest.raises(Refused):
        payments.note_sent_back(first.id, by=at("alice"))
    write(refunds.move, second.id, "failed")
    payments.note_sent_back(second.id, by=at("alice"))
    with pytest.raises(Refused):
        payments.note_sent_back(first.id, by=at("alice"))
    assert TicketPayment.get().refunded_cents == 2000


def test_what_is_left_of_stranded_money_goes_back_whatever_went_before_and_whoever_fails(paid_night, monkeypatch):
    both = [promised(*paid_night, email=f"b{n}@example.org") for n in range(2)]
    for n, (order, attempt) in enumerate(both):
        write(refunds.send, order, came(attempt, 2000, id=f"pi_{n}"), 500, "goodwill", f"k{n}")
    write(TicketOrder.update(state="cancelled").execute)
    settle = payments.settle

    def failing(id):
        if id == both[1][0].id:
            raise RuntimeError("a bad row")
        return settle(id)

    with monkeypatch.context() as patched:
        patched.setattr(payments, "settle", failing)
        payments.look_after()
    late = TicketRefund.select().where(TicketRefund.reason == "ended")
    assert [(one.order_id, one.amount_cents) for one in late] == [(both[0][0].id, 1500)]
    payments.look_after()
    assert late.count() == 2


def test_foreign_money_that_was_sent_back_by_hand_counts_for_no_other_and_its_flag_goes(paid_night, at):
    order, attempt = promised(*paid_night)
    came(attempt, 3000, currency="USD", id="pi_other")
    came(attempt, 2000)
    assert "in EUR" in again(order).trouble
    orders.cancel(order.id, by=at("alice"))
    foreign = TicketRefund.get(TicketRefund.reason == "foreign")
    write(refunds.move, foreign.id, "failed")
    payments.note_sent_back(foreign.id, by=at("alice"))
    assert (again(order).refunded_cents, again(order).trouble) == (0, None)
    assert TicketPayment.get(TicketPayment.currency == "USD").refunded_cents == 3000
    assert payments.owed_back(again(order)) == 0  # its own are under way
