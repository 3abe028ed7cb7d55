"""Money decides by its sums, in its currency, however often and in whatever order it is told of."""

import pytest

from domain import Invalid, Refused
from domain.events import holds, orders, payments, stock
from domain.events.providers import refunding
from domain.events.providers.facts import Ended, Money
from models import Event, Letter, Outgoing, Pass, PaymentAttempt, TicketOrder, TicketPayment, TicketRefund
from tests.domain.events.test_stock import ADA, bought, figures
from tests.fixtures.events import make_event
from tests.fixtures.threads import write


@pytest.fixture
def paid_night(clock, inside_acme, at):
    """An event whose five tickets cost 20.00 each, and that takes transfers."""
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "20.00"},))
    write(Event.update(transfer_about="IBAN DE02 1203 0000 0000 2020 51").where(Event.id == event.id).execute)
    return Event.get_by_id(event.id), tier


def promised(event, tier, count=1, email="ada@example.org"):
    """An order that waits for money, and its attempt."""
    order = holds.hold(event.id, {tier.id: count})
    holds.say_who(order.id, ADA | {"email": email})
    payments.promise_transfer(order.id)
    return TicketOrder.get_by_id(order.id), PaymentAttempt.get(PaymentAttempt.order == order)


def came(attempt, cents, currency="EUR", id="pi_1", **more):
    """What a provider tells of money for an attempt."""
    fact = Money("stripe", id, attempt.public_id, "paid", cents, currency, **more)
    return write(payments.adopt, fact)


def again(order):
    return TicketOrder.get_by_id(order.id)


def passes_of(order):
    return Pass.select().where(Pass.event == order.event, Pass.state == "active").count()


def test_a_free_order_gives_its_passes_once(night, letters):
    event, tier = night
    order = bought(event, tier, 2)
    payments.take_free(order.id)
    assert (order.state, passes_of(order)) == ("paid", 2)
    sent = [(to, subject) for to, subject, _ in letters()]
    assert sent == [("ada@example.org", "Your tickets for Jazz Night")]


def test_nobody_gets_tickets_without_saying_who_they_are_or_for_nothing(night, paid_night):
    event, tier = night
    order = holds.hold(event.id, {tier.id: 1})
    with pytest.raises(Invalid):
        payments.take_free(order.id)
    event, tier = paid_night
    order = holds.hold(event.id, {tier.id: 1})
    holds.say_who(order.id, ADA)
    with pytest.raises(Refused):
        payments.take_free(order.id)
    assert not Pass.select().exists()


def test_money_that_is_enough_sells_once_however_often_it_is_told_of(paid_night):
    order, attempt = promised(*paid_night, count=2)
    for _ in range(3):
        came(attempt, 4000)
    order = again(order)
    assert (order.state, order.paid_cents, passes_of(order)) == ("paid", 4000, 2)
    assert figures(order.event) == [(0, 2)]
    assert Outgoing.select().where(Outgoing.kind == "mail", Outgoing.key.startswith("tickets:")).count() == 1
    assert not TicketRefund.select().exists()
    assert stock.check(order.event_id) == []


def test_event_case_14_late_money_takes_the_tickets_again_where_they_are_free(paid_night, clock):
    order, attempt = promised(*paid_night)
    clock.forward(days=6)
    payments.look_after()
    assert again(order).state == "expired"
    came(attempt, 2000)
    assert (again(order).state, passes_of(order)) == ("paid", 1)
    assert stock.check(order.event_id) == []


def test_event_case_18_late_money_without_a_place_goes_back_once(paid_night, clock):
    event, tier = paid_night
    order, attempt = promised(event, tier)
    clock.forward(days=6)
    payments.look_after()
    for number in range(5):
        other, its = promised(event, tier, email=f"b{number}@example.org")
        came(its, 2000, id=f"pi_b{number}")
    for _ in range(2):
        came(attempt, 2000, id="pi_late")
    assert again(order).state == "expired"
    refund = TicketRefund.get()
    assert (refund.amount_cents, refund.reason, refund.state) == (2000, "late", "approved")
    assert payments.owed_back(again(order)) == 0
    assert Letter.select().where(Letter.template == "order_failed").count() == 1
    assert again(other).state == "paid"
    assert stock.check(event.id) == []


def test_event_case_19_less_than_the_price_gives_nothing_and_is_flagged(paid_night, clock):
    order, attempt = promised(*paid_night)
    came(attempt, 1500)
    order = again(order)
    assert (order.state, passes_of(order)) == ("paying", 0)
    assert order.trouble == "Only €15.00 of €20.00 came."
    came(attempt, 500, id="pi_2")
    assert (again(order).state, again(order).trouble) == ("paid", None)


def test_part_paid_money_goes_back_when_the_time_is_over(paid_night, clock):
    _, attempt = promised(*paid_night)
    came(attempt, 1500)
    clock.forward(days=6)
    payments.look_after()
    assert TicketRefund.get().amount_cents == 1500
    payments.look_after()
    assert TicketRefund.select().count() == 1


def test_event_case_20_failed_tries_add_up_to_nothing(paid_night):
    order, attempt = promised(*paid_night)
    for number, state in enumerate(("failed", "failed", "pending")):
        fact = Money("stripe", f"pi_no{number}", attempt.public_id, state, 2000, "EUR")
        write(payments.adopt, fact)
    assert (again(order).state, again(order).paid_cents, passes_of(order)) == ("paying", 0, 0)
    came(attempt, 2000)
    assert (again(order).state, again(order).paid_cents) == ("paid", 2000)
    assert not TicketRefund.select().exists()


def test_event_case_21_the_second_real_payment_goes_back(paid_night):
    order, attempt = promised(*paid_night)
    came(attempt, 2000)
    came(attempt, 2000, id="pi_2")
    order = again(order)
    assert (order.paid_cents, passes_of(order)) == (4000, 1)
    refund = TicketRefund.get()
    assert (refund.amount_cents, refund.payment.provider_payment_id) == (2000, "pi_2")


def test_event_case_23_other_money_gives_nothing_and_more_gives_the_rest_back(paid_night):
    event, tier = paid_night
    order, attempt = promised(event, tier)
    came(attempt, 2000, "JPY")
    assert (again(order).state, passes_of(order)) == ("paying", 0)
    assert "¥2,000 came, but the order is in EUR" in again(order).trouble
    other, its = promised(event, tier, email="bob@example.org")
    came(its, 2500, id="pi_more")
    assert again(other).state == "paid"
    assert TicketRefund.get().amount_cents == 500


def test_event_case_22_money_of_no_order_is_kept_and_given_to_nobody(paid_night):
    fact = Money("stripe", "pi_9", "no-such-attempt", "paid", 2000, "EUR")
    assert write(payments.adopt, fact).order_id is None
    assert TicketPayment.select().count() == 1


def test_event_case_16_a_failed_try_leaves_the_hold_as_it_was(paid_night):
    order, attempt = promised(*paid_night)
    for _ in range(2):
        write(payments.attempt_ended, Ended(attempt.public_id, "failed"))
    assert again(order).state == "held"
    came(attempt, 2000)  # it was paid after all
    assert again(order).state == "paid"


def test_event_case_12_one_try_is_open_at_a_time(paid_night):
    order, _ = promised(*paid_night)
    payments.promise_transfer(order.id)
    assert PaymentAttempt.select().where(PaymentAttempt.state == "open").count() == 1


def test_event_case_13_paid_for_nothing_is_a_question_to_the_database(paid_night):
    order, attempt = promised(*paid_night)
    came(attempt, 2000)
    assert payments.paid_for_nothing() == []
    for mine in payments.for_nothing():
        assert not TicketOrder.select().where(*mine).exists()
    write(Pass.delete().execute)
    assert payments.paid_for_nothing() == [order]
    assert [TicketOrder.select().where(*mine).count() for mine in payments.for_nothing()] == [1, 0]
    write(TicketOrder.update(state="cancelled").execute)
    assert [TicketOrder.select().where(*mine).count() for mine in payments.for_nothing()] == [0, 1]
    payments.look_after()
    assert [TicketOrder.select().where(*mine).count() for mine in payments.for_nothing()] == [0, 0]


def test_a_transfer_is_noted_by_hand(paid_night, at):
    order, _ = promised(*paid_night)
    payments.note_transfer(order.id, 1000, by=at("alice"))
    assert again(order).trouble
    payments.note_transfer(order.id, 1000, by=at("alice"))
    assert (again(order).state, again(order).trouble) == ("paid", None)
    with pytest.raises(Refused):
        payments.note_transfer(order.id, 1000, by=at("bob"))


def test_event_case_28_sums_follow_the_money_and_not_the_states(paid_night, at):
    order, attempt = promised(*paid_night)
    came(attempt, 2000)
    orders.cancel(order.id, by=at("alice"))
    assert again(order).paid_cents == 2000
    came(attempt, 2000, refunded_cents=2000)
    assert (again(order).paid_cents, again(order).refunded_cents) == (2000, 2000)


def test_a_transfer_that_is_promised_again_holds_the_tickets_not_a_moment_longer(paid_night, clock):
    order, _ = promised(*paid_night)
    clock.forward(hours=20)
    assert payments.promise_transfer(order.id).hold_until_at == order.hold_until_at
    assert PaymentAttempt.select().count() == 1


def test_a_payment_that_gave_back_once_gives_back_again_while_as_many_tickets_stand(paid_night):
    order, attempt = promised(*paid_night)
    for cents in (2700, 3000, 3000):
        came(attempt, cents)
    assert [refund.amount_cents for refund in TicketRefund.select().order_by(TicketRefund.id)] == [700, 300]
    assert payments.owed_back(again(order)) == 0


def test_what_a_bank_disputes_is_sent_back_by_nobody_else(paid_night):
    order, attempt = promised(*paid_night)
    came(attempt, 2000)
    came(attempt, 500, id="pi_2", dispute="open")
    assert payments.owed_back(again(order)) == 0
    assert not TicketRefund.select().exists()
    came(attempt, 500, id="pi_2", dispute="won")
    assert [(one.payment.provider_payment_id, one.amount_cents) for one in TicketRefund.select()] == [("pi_2", 500)]


def test_a_lost_dispute_of_a_payment_too_many_leaves_the_tickets_that_the_other_one_paid(paid_night):
    order, attempt = promised(*paid_night)
    came(attempt, 2000, dispute="open")
    came(attempt, 2000, id="pi_2")
    came(attempt, 2000, dispute="lost")
    assert (again(order).state, passes_of(order)) == ("paid", 1)
    came(attempt, 2000, id="pi_2", dispute="lost")
    assert passes_of(order) == 0


def test_tickets_are_good_again_where_the_bank_gives_back_what_it_took(paid_night):
    order, attempt = promised(*paid_night)
    for dispute, good in (("open", 1), ("lost", 0), ("won", 1), ("lost", 0)):
        came(attempt, 2000, dispute=dispute)
        assert passes_of(order) == good


@pytest.fixture
def foreign(paid_night, clock):
    """An order that lapsed, and the refund of what came for it in another currency."""
    order, attempt = promised(*paid_night)
    came(attempt, 2000, "JPY")
    clock.forward(days=6)
    payments.look_after()
    return order, attempt, TicketRefund.get()


def test_what_is_left_of_a_payment_goes_back_where_a_part_went_at_the_provider_first(foreign):
    _, attempt, refund = foreign
    came(attempt, 2000, "JPY", refunded_cents=600)
    refunding._take_in_hand(refund.id)
    (refund,) = TicketRefund.select()
    assert (refund.state, refund.amount_cents) == ("approved", 1400)
    assert Outgoing.select().where(Outgoing.kind == "ticket_refund").count() == 2


def test_money_goes_back_once_more_where_what_went_at_the_provider_failed(foreign):
    _, attempt, refund = foreign
    came(attempt, 2000, "JPY", refunded_cents=2000)
    refunding._take_in_hand(refund.id)
    assert TicketRefund.get().state == "declined"
    came(attempt, 2000, "JPY")
    (refund,) = TicketRefund.select()
    assert (refund.state, refund.amount_cents) == ("approved", 2000)
