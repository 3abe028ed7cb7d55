"""Tickets go back one by one: what each brings is shown before, and the money follows by its sums."""

import pytest

from domain import Forbidden, Invalid, NotFound, Refused
from domain.events import events, holds, orders, passes, payments, stock
from domain.events.afterwards import order_money, pass_transfers, returns
from models import Event, TicketOrder, TicketRefund
from tests.domain.events.test_payments import again, came, paid_night, promised
from tests.domain.events.test_stock import bought, figures
from tests.fixtures.events import make_event, make_tier
from tests.fixtures.threads import write

__all__ = ["paid_night"]  # the fixture
WHY = {"reason": "They are ill."}


@pytest.fixture
def three(paid_night):
    """A paid order of three tickets at 20."""
    order, attempt = promised(*paid_night, count=3)
    came(attempt, 6000)
    return again(order)


def allow(**values):
    write(lambda: Event.update(**values).execute())


def adds_up(order):
    """Whether its lines leave what is owed, and the price is their sum."""
    order = again(order)
    found = order_money.lines(order)
    price, sums = payments.price_of(order, holds.standing(order)), [line for line in found if line.is_sum]
    moved = sum(line.cents for line in found if line.words.startswith(("Paid", "Sent back")))
    before = [line for line in found if not line.is_sum and not line.words.startswith(("Paid", "Sent back"))]
    assert sum(line.cents for line in before) == price
    owed = next((line.cents for line in sums if line.words == "Owed to the buyer"), 0)
    assert moved - price == owed == payments.owed_back(order)
    return True


def test_what_is_to_pay_is_said_once_until_something_came_or_time_is_over(paid_night, clock):
    sums = lambda: [(one.words, one.cents) for one in order_money.lines(again(order)) if one.is_sum]  # noqa: E731
    order, attempt = promised(*paid_night, count=3)
    assert sums() == [("To pay", 6000)]
    clock.forward(days=9)
    assert sums() == [("Price", 6000)]
    clock.forward(days=-9)
    came(attempt, 6000)
    assert sums() == [("Price", 6000), ("Nothing is owed", 0)]


def test_what_goes_back_is_shown_line_by_line_before_it_is_done(three, at, cast):
    one, other, _ = passes.of(three)
    shown = returns.preview(three, [one.id, other.id], {})
    assert (shown.lines, shown.cents) == ((("2 × Day ticket", 4000),), 4000)
    said = returns.take_back(three.id, [one.id, other.id], {}, WHY, by=at("alice"))
    assert said == "2 tickets taken back. €40.00 go back the way they came."
    ((refund),) = TicketRefund.select()
    assert (refund.amount_cents, refund.reason, refund.state) == (4000, "They are ill.", "approved")
    assert refund.by == cast.alice
    assert [passes.again(each).state for each in (one, other)] == ["void", "void"]
    assert adds_up(three)


@pytest.mark.parametrize(("fee", "why"), [("20", "organizer"), ("5", "refunded")])
def test_a_ticket_says_whether_it_was_taken_back_with_its_money(three, at, fee, why):
    one, *_ = passes.of(three)
    returns.take_back(three.id, [one.id], {}, WHY | {"fee": fee}, by=at("alice"))
    assert passes.again(one).void_reason == why


def test_shares_of_a_price_that_does_not_divide_are_exact_in_the_end(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "33.33"},), transfer_about="IBAN", tax_bps="19")
    order, attempt = promised(event, tier, count=3)
    came(attempt, 9999)
    for one in passes.of(order):
        returns.take_back(order.id, [one.id], {}, WHY, by=at("alice"))
        assert adds_up(order)
    assert sum(refund.amount_cents for refund in TicketRefund.select()) == 9999


@pytest.mark.parametrize("tax", ["7", "19"])
def test_tax_on_top_goes_back_with_its_ticket(clock, inside_acme, at, tax):
    more = {"transfer_about": "IBAN", "tax_bps": tax, "prices_include_tax": "off"}
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "9.99"},), **more)
    order, attempt = promised(event, tier, count=3)
    came(attempt, order.total_cents)
    for one in passes.of(order):
        shown = returns.preview(again(order), [one.id], {})
        assert sum(cents for _, cents in shown.lines) == shown.cents > 999
        returns.take_back(order.id, [one.id], {}, WHY, by=at("alice"))
        assert adds_up(order)
    assert sum(refund.amount_cents for refund in TicketRefund.select()) == order.total_cents


def test_event_case_27_a_fee_that_is_kept_is_a_line_of_the_order(three, at):
    one, *_ = passes.of(three)
    returns.take_back(three.id, [one.id], {}, WHY | {"fee": "5"}, by=at("alice"))
    assert TicketRefund.get().amount_cents == 1500
    order = again(three)
    assert order.trouble is None
    assert ("Fee that was kept", 500) in [(line.words, line.cents) for line in order_money.lines(order)]
    assert adds_up(three)
    orders.cancel(three.id, by=at("alice"))  # all of it, the fee as well
    assert sum(refund.amount_cents for refund in TicketRefund.select()) == 6000


def test_what_is_wrong_changes_nothing(three, at):
    one, *_ = passes.of(three)
    for chosen, form in (([], WHY), ([one.id], {}), ([one.id], WHY | {"fee": "20.01"}), ([one.id], WHY | {"fee": "x"})):
        with pytest.raises(Invalid):
            returns.take_back(three.id, chosen, {}, form, by=at("alice"))
    with pytest.raises(NotFound):
        returns.take_back(three.id, [one.id, 999], {}, WHY, by=at("alice"))
    with pytest.raises(Forbidden):
        returns.take_back(three.id, [one.id], {}, WHY, by=at("vera"))
    assert not TicketRefund.select().exists()
    assert passes.again(one).state == "active"


def test_add_ons_go_back_by_number(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "20"},), transfer_about="IBAN")
    extra = make_tier(event, at("alice"), name="Parking", kind="addon", price_cents="5")
    order = holds.hold(event.id, {tier.id: 1, extra.id: 2})
    holds.say_who(order.id, {"name": "Ada", "email": "ada@example.org"})
    payments.promise_transfer(order.id)
    payments.note_transfer(order.id, 3000, by=at("alice"))
    item = next(one for one in holds.standing(order) if one.tier_id == extra.id)
    with pytest.raises(Invalid):
        returns.preview(again(order), [], {item.id: 3})
    returns.take_back(order.id, [], {item.id: 1}, WHY, by=at("alice"))
    assert TicketRefund.get().amount_cents == 500
    assert stock.check(event.id) == []
    assert adds_up(order)


def test_event_case_03_and_its_letter_says_what_goes_back(three, at, letters):
    one, *_ = passes.of(three)
    before = len(letters())
    returns.take_back(three.id, [one.id], {}, WHY, by=at("alice"))
    with pytest.raises(NotFound):
        returns.take_back(three.id, [one.id], {}, WHY, by=at("alice"))
    ((to, subject, text),) = letters()[before:]
    assert (to, subject) == ("ada@example.org", "A ticket for Jazz Night was taken back")
    assert "They are ill." in text
    assert "€20.00 go back to you" in text


# --- asked for by the buyer ------------------------------------------------------------------------------------------


def test_a_buyer_asks_and_the_organizer_gives_once(three, at, cast, letters):
    allow(refund_hours=24)
    one, other, _ = passes.of(three)
    assert returns.ask(three.id, [one.id], WHY) == 0
    assert passes.again(one).state == "active"  # nothing is decided
    assert payments.owed_back(again(three)) == 0
    asked = TicketRefund.get()
    assert (asked.state, asked.amount_cents, asked.reason) == ("requested", 2000, "They are ill.")
    assert asked.by is None
    assert set(returns.requested(three)) == {one.id}
    with pytest.raises(Invalid):
        returns.ask(three.id, [one.id], WHY)  # asked already
    with pytest.raises(Forbidden):
        returns.approve(asked.id, by=at("vera"))
    returns.approve(asked.id, by=at("alice"))
    (refund,) = TicketRefund.select()
    assert (refund.state, refund.amount_cents, refund.by) == ("approved", 2000, cast.alice)
    assert passes.again(one).state == "void"
    with pytest.raises(NotFound):
        returns.approve(asked.id, by=at("alice"))
    assert passes.again(other).state == "active"
    assert adds_up(three)


def test_declined_it_stays_good_and_the_buyer_reads_why(three, at, cast, letters):
    allow(refund_hours=24)
    one, *_ = passes.of(three)
    returns.ask(three.id, [one.id], WHY)
    before, asked = len(letters()), TicketRefund.get().id
    returns.decline(asked, "It is too late.", by=at("alice"))
    declined = TicketRefund.get()
    assert (declined.state, declined.by, passes.again(one).state) == ("declined", cast.alice, "active")
    assert "It is too late." in letters()[before][2]
    with pytest.raises(events.InvalidTransition):
        returns.approve(asked, by=at("alice"))
    returns.ask(three.id, [one.id], WHY)  # with a better reason
    assert adds_up(three)


def test_what_was_asked_is_answered_by_whatever_gives_all_back(three, at):
    allow(refund_hours=24)
    one, *_ = passes.of(three)
    returns.ask(three.id, [one.id], WHY)
    orders.cancel(three.id, by=at("alice"))
    assert [(refund.state, refund.amount_cents) for refund in TicketRefund.select()] == [("approved", 6000)]


def test_free_tickets_are_given_back_at_once(night):
    event, tier = night
    order = bought(event, tier, 2)
    with pytest.raises(Refused, match="too late"):
        returns.ask(order.id, [passes.of(order)[0].id], WHY)  # the event doesn't allow it
    allow(refund_hours=0)
    assert returns.ask(order.id, [passes.of(order)[0].id], WHY) == 1
    assert figures(event) == [(0, 1)]
    assert stock.check(event.id) == []


def test_asking_ends_with_its_hours_and_a_move_opens_it_again(three, clock):
    allow(refund_hours=24)
    event = Event.get()
    assert returns.may_ask(again(three))
    clock.moment = event.starts_at
    clock.forward(hours=-23)
    assert not returns.may_ask(again(three))
    allow(moved_at=clock.moment)
    assert returns.may_ask(again(three))
    write(lambda: TicketOrder.update(paid_at=clock.forward(minutes=1)).execute())  # bought after the move
    assert not returns.may_ask(again(three))
    allow(refund_hours=None, refund_when_moved=False)
    assert not returns.may_ask(again(three))


def test_nothing_of_an_order_that_is_not_paid_goes_back(night, at):
    event, tier = night
    extra = make_tier(event, at("alice"), name="Parking", kind="addon", quantity="2")
    order = holds.hold(event.id, {tier.id: 1, extra.id: 2})
    item = next(one for one in holds.standing(order) if one.tier_id == extra.id)
    with pytest.raises(events.InvalidTransition, match="isn't paid"):
        returns.take_back(order.id, [], {item.id: 1}, WHY, by=at("alice"))
    assert stock.check(event.id) == []


@pytest.mark.parametrize("is_passed_on", [False, True])
def test_what_was_asked_goes_along_with_a_new_code_and_ends_with_another_holder(three, at, is_passed_on):
    allow(refund_hours=24)
    one, *_ = passes.of(three)
    returns.ask(three.id, [one.id], WHY)
    if is_passed_on:
        offered = pass_transfers.offer(one, {"email": "grace@example.org"})
        new = pass_transfers.accept(offered, {"holder": "Grace Hopper"})
        assert (TicketRefund.get().state, returns.requested(three)) == ("declined", {})
    else:
        passes.new_code(one.id, by=at("alice"))
        new = passes.of_buyer(three)[-1]
        returns.approve(TicketRefund.get().id, by=at("alice"))
    assert passes.again(new).state == ("active" if is_passed_on else "void")
    assert adds_up(three)
