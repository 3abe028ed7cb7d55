"""Money whose order isn't known: it is assigned by a person, or goes back."""

import pytest

from domain import Invalid, Refused
from domain.base import outgoing
from domain.events import holds, payments
from domain.events.books import unassigned
from domain.events.providers import accounts, refunding
from domain.events.providers.facts import Refund
from domain.lists import rows
from models import Outgoing, TicketPayment
from tests.domain.events.test_payments import again, came, paid_night, passes_of, promised
from tests.fixtures.threads import write

__all__ = ["paid_night"]
FORM = {"amount_cents": "20", "note": "ADA LOVELACE, JAZZ", "paid_at": "2026-06-01T12:00"}


@pytest.fixture
def noted(paid_night, at):
    """A transfer that says no order: its id."""
    return rows.create(unassigned.rules, FORM, by=at("alice")).id


def test_event_case_22_money_without_an_order_is_assigned_by_a_person_and_its_tickets_follow(paid_night, noted, at):
    order, _ = promised(*paid_night)
    for number in ("", "A", order.number[:4], "NOSUCHNR"):
        with pytest.raises(Invalid):
            unassigned.assign(noted, number, by=at("alice"))
    unassigned.assign(noted, f" #{order.number} ", by=at("alice"))
    assert (again(order).state, again(order).paid_cents, passes_of(order)) == ("paid", 2000, 1)
    for again_ in (lambda: unassigned.assign(noted, order.number, by=at("alice")), lambda: back(noted, at)):
        with pytest.raises(Refused):
            again_()
    assert again(order).paid_cents == 2000


def back(id, at):
    return unassigned.send_back(id, by=at("alice"))


def test_a_transfer_that_went_back_is_noted_once_and_assigned_to_nobody(paid_night, noted, at):
    order, _ = promised(*paid_night)
    back(noted, at)
    payment = TicketPayment.get_by_id(noted)
    assert (unassigned.left(payment), Outgoing.select().where(Outgoing.kind == unassigned.KIND).count()) == (0, 0)
    for ended in (lambda: back(noted, at), lambda: unassigned.assign(noted, order.number, by=at("alice"))):
        with pytest.raises(Refused):
            ended()


def test_it_is_not_for_who_may_not_see_to_orders(noted, at):
    for act in (lambda: unassigned.send_back(noted, by=at("bob")), lambda: unassigned.assign(noted, "x", by=at("bob"))):
        with pytest.raises(Refused):
            act()


@pytest.fixture
def online(paid_night):
    """Money that came by a provider and whose order is gone."""
    _, attempt = promised(*paid_night)
    payment = came(attempt, 2000)
    write(TicketPayment.update(order=None, attempt=None).execute)
    return payment.id


def test_money_by_a_provider_goes_back_by_it_once_and_may_be_sent_again_where_it_refuses(
    online, at, monkeypatch, clock
):
    asked = []

    class Adapter:
        REPEATS = True

        @staticmethod
        def made(account, payment, key):
            return None

        @staticmethod
        def refund(account, payment, refund, key):
            asked.append((refund.amount_cents, key))
            if len(asked) == 1:
                raise refunding.Declined("Not enough balance.")
            state = "failed" if len(asked) == 2 else "sent"
            return Refund(
                "re_1", "pi", state, refund.amount_cents, error="The account is closed." if state == "failed" else ""
            )

    monkeypatch.setattr(refunding.providers, "module", lambda name: Adapter)
    monkeypatch.setattr(accounts, "find", lambda *which: object())
    for why in ("Not enough balance.", "The account is closed.", None):
        back(online, at)
        outgoing.send_due(outgoing.MONEY)
        write(Outgoing.delete().execute)
        assert TicketPayment.get_by_id(online).trouble == why
        clock.forward(seconds=1)
    assert [amount for amount, _ in asked] == [2000] * 3
    assert len({key for _, key in asked}) == 3  # each is another try
    payment = TicketPayment.get_by_id(online)
    assert (unassigned.left(payment), payment.trouble) == (0, None)
    with pytest.raises(Refused):
        back(online, at)


def test_what_two_orders_begin_with_is_asked_for_in_full(paid_night, noted, at):
    first, _ = promised(*paid_night)
    second = holds.hold(paid_night[0].id, {paid_night[1].id: 1})
    write(type(second).update(public_id=first.public_id[:8] + "zzzz").where(type(second).id == second.id).execute)
    with pytest.raises(Invalid) as more:
        unassigned.assign(noted, first.number, by=at("alice"))
    assert "More than one" in more.value.beside()["number"]
    unassigned.assign(noted, first.public_id, by=at("alice"))
    assert payments.owed_back(again(first)) == 0
    assert again(first).state == "paid"
