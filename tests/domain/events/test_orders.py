"""What an organizer takes back is free once, and its money goes back once."""

import pytest

import jobs
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import notices, stepup
from domain.events import events, holds, orders, passes, stock
from domain.events.afterwards import pass_transfers, returns
from domain.lists import rows
from models import Buyer, Pass, TicketOrder, TicketRefund, User
from tests.domain.events.test_payments import again, came, paid_night, promised
from tests.domain.events.test_stock import bought, figures
from tests.fixtures.events import make_event, make_voucher
from tests.fixtures.threads import write

__all__ = ["paid_night"]  # the fixture


def test_event_case_02_a_cancelled_order_frees_the_ticket_and_the_event(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), capacity="10")
    order = bought(event, tier, 2)
    orders.cancel(order.id, by=at("alice"))
    assert figures(event) == figures(event, "event") == [(0, 0)]
    assert {one.state for one in passes.of(order)} == {"void"}
    assert Buyer.get().taken == 0
    with pytest.raises(events.InvalidTransition):
        orders.cancel(order.id, by=at("alice"))
    assert stock.check(event.id) == []


def test_event_case_03_one_pass_then_its_order_give_back_once(night, at):
    event, tier = night
    order = bought(event, tier, 3)
    first = passes.of(order)[0]
    orders.take_back(first.id, by=at("alice"))
    with pytest.raises(Refused):
        orders.take_back(first.id, by=at("alice"))
    assert figures(event) == [(0, 2)]
    orders.cancel(order.id, by=at("alice"))
    assert figures(event) == [(0, 0)]
    assert stock.check(event.id) == []


def test_what_was_bought_without_an_account_is_its_addresss_once_that_is_proven(
    clock, cast, inside_acme, at, monkeypatch
):
    monkeypatch.setattr(orders, "SHOWN", 1)
    event, (tier,) = make_event(at("alice"), capacity="10")
    bought(event, tier, email="bob+tag@example.org")  # one mailbox perhaps, and proven by nobody
    order = bought(event, tier, email="Bob@example.org")
    bob = User.get_by_id(cast.bob.id)
    assert [one.id for one in orders.of_person(bob)] == [order.id]
    bob.email_verified_at = None
    assert orders.of_person(bob) == []
    orders.correct(order.id, "vera@example.org", by=at("alice"))
    assert orders.of_person(User.get_by_id(cast.bob.id)) == []
    assert [one.id for one in orders.of_person(User.get_by_id(cast.vera.id))] == [order.id]
    assert sorted(buyer.taken for buyer in Buyer.select()) == [1, 1]
    clock.forward(days=400)
    assert orders.of_person(User.get_by_id(cast.vera.id)) == []


def test_a_pass_that_is_taken_back_sends_its_share_of_the_money(paid_night, at):
    order, attempt = promised(*paid_night, count=3)
    came(attempt, 6000)
    for one in passes.of(order)[:2]:
        orders.take_back(one.id, by=at("alice"))
    assert [refund.amount_cents for refund in TicketRefund.select()] == [2000, 2000]
    orders.cancel(order.id, by=at("alice"))
    assert sum(refund.amount_cents for refund in TicketRefund.select()) == 6000
    assert again(order).state == "cancelled"


def test_whoever_gives_back_money_or_cancels_an_event_proves_it_when_the_sign_in_is_old(
    paid_night, at, signed_in_as, proven
):
    (first, attempt), (second, later) = promised(*paid_night), promised(*paid_night)
    came(attempt, 2000)
    came(later, 2000, id="pi_2")
    free, event = holds.hold(first.event_id, {paid_night[1].id: 1}), first.event_id
    signed_in_as("alice", minutes_old=31)
    for act, of in (
        (lambda: orders.cancel(first.id, by=at("alice")), "orders.refund"),
        (lambda: orders.take_back(passes.of(first)[0].id, by=at("alice")), "orders.refund"),
        (lambda: returns.take_back(first.id, [passes.of(first)[0].id], {}, {}, by=at("alice")), "orders.refund"),
        (lambda: events.cancel(event, "It rains.", by=at("alice")), "events.cancel"),
    ):
        with pytest.raises(stepup.VerificationRequired) as asked:
            act()
        assert [asked.value.details[part] for part in ("action", "target", "level")] == [of, str(event), 2]
    orders.cancel(free.id, by=at("alice"))  # no money, no question
    proven("alice", "orders.refund", event)
    orders.cancel(first.id, by=at("alice"))
    orders.cancel(second.id, by=at("alice"))
    assert TicketRefund.select().count() == 2
    with pytest.raises(stepup.VerificationRequired):
        events.cancel(event, "It rains.", by=at("alice"))


def test_a_code_that_counts_orders_is_free_again_with_the_last_ticket(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"))
    make_voucher(event, at("alice"), uses="1", counts="orders")
    order = holds.hold(event.id, {tier.id: 2}, code="SUMMER")
    holds.say_who(order.id, {"name": "Ada", "email": "ada@example.org"})
    from domain.events import payments

    payments.take_free(order.id)
    one, other = passes.of(order)
    orders.take_back(one.id, by=at("alice"))
    assert figures(event, "voucher") == [(0, 1)]
    orders.take_back(other.id, by=at("alice"))
    assert figures(event, "voucher") == [(0, 0)]
    assert stock.check(event.id) == []


def test_who_may_not_write_orders_changes_none(night, at):
    event, tier = night
    order = bought(event, tier)
    for act in (lambda: orders.cancel(order.id, by=at("bob")), lambda: orders.take_back(1, by=at("vera"))):
        with pytest.raises(Forbidden):
            act()
    assert again(order).state == "paid"


def test_event_case_37_a_corrected_address_gets_the_tickets(night, at, cast, letters):
    event, tier = night
    order = bought(event, tier, 2)
    letters()
    write(TicketOrder.update(user=cast.bob).execute)
    orders.correct(order.id, "right@example.org", by=at("alice"))
    assert TicketOrder.get().user is None  # who typed the wrong one doesn't see it on their account either
    assert ("right@example.org", "Your tickets for Jazz Night") in [sent[:2] for sent in letters()]
    assert len([one for one in passes.of(order) if one.state == "active"]) == 2
    assert TicketOrder.get().email == "right@example.org"


def test_after_a_correction_the_wrong_address_has_neither_the_order_nor_a_code(night, at, letters):
    event, tier = night
    order = bought(event, tier, 2)
    first, second = passes.of(order)
    pass_transfers.accept(pass_transfers.offer(second, {"email": "eve@example.org"}), {"holder": "Eve"})
    link, before = holds.address(order), len(letters())
    orders.correct(order.id, "right@example.org", by=at("alice"))
    assert {sent[0] for sent in letters()[before:]} == {"right@example.org"}
    with pytest.raises(NotFound):
        holds.find(*link.split("/")[2:])
    assert holds.find(*holds.address(again(order)).split("/")[2:]) == order
    assert passes.again(first).state == "void"
    good = Pass.select().where(Pass.state == "active")
    assert sorted(one.email for one in good) == ["eve@example.org", "right@example.org"]
    assert stock.check(event.id) == []
    with pytest.raises(Invalid):
        orders.correct(order.id, "Right@example.org", by=at("alice"))


def test_a_form_that_is_sent_twice_notes_a_transfer_once(paid_night, at):
    event, tier = paid_night
    order, _ = promised(event, tier)
    by, about = at("alice"), {"value": 500, "parent": event.id}
    note = lambda key: rows.act(orders.rules, "transfer", [order.id], by=by, form_key=key, **about)  # noqa: E731
    said = [note("k" * 22)[2] for _ in range(2)]
    assert said[1] == "This was done already."
    assert again(order).paid_cents == 500
    note("l" * 22)
    assert again(order).paid_cents == 1000


def test_event_case_26_a_cancelled_event_voids_pays_back_and_tells_each_once(paid_night, at, letters):
    event, tier = paid_night
    paid, attempt = promised(event, tier, count=2)
    came(attempt, 4000)
    waits, _ = promised(event, tier, email="bob@example.org")
    holds.hold(event.id, {tier.id: 1})
    letters()
    events.cancel(event.id, "The mill burnt down.", by=at("alice"))
    assert orders.call_off(limit=1) == 1  # a restart goes on where it stopped
    assert orders.call_off() == 2
    assert orders.call_off() == 0
    assert {again(one).state for one in (paid, waits)} == {"cancelled"}
    assert {one.state for one in passes.of(paid)} == {"void"}
    assert [refund.amount_cents for refund in TicketRefund.select()] == [4000]
    assert figures(event) == [(0, 0)]
    told = [(to, text) for to, subject, text in letters() if subject == "Jazz Night is cancelled"]
    assert [to for to, _ in told] == ["ada@example.org", "bob@example.org"]
    assert "€40.00 go back to you" in told[0][1]
    assert "go back" not in told[1][1]
    assert stock.check(event.id) == []


def test_who_bought_with_an_account_hears_of_a_cancelled_event_in_the_bell_too(night, at, cast):
    event, tier = night
    order = bought(event, tier)
    write(TicketOrder.update(user=cast.charlie).where(TicketOrder.id == order.id).execute)
    events.cancel(event.id, "The mill burnt down.", by=at("alice"))
    assert orders.call_off() == 1
    jobs.work_off()
    (news,) = notices.newest(cast.charlie)
    assert (news.title, news.body, news.link) == (
        "Jazz Night is cancelled",
        "The mill burnt down.",
        holds.address(order),
    )


def test_a_cancelled_event_that_is_put_away_is_worked_off_all_the_same(night, at):
    event, tier = night
    order = bought(event, tier, 2)
    events.cancel(event.id, "It rains.", by=at("alice"))
    events.archive(event.id, by=at("alice"))
    assert orders.call_off() == 1
    assert TicketOrder.get_by_id(order.id).state == "cancelled"
    assert {one.state for one in passes.of(order)} == {"void"}
