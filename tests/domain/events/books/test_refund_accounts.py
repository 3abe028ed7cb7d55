"""Where a refund goes that a provider can't send to what was paid with."""

import pytest

from database.connections import database
from domain import Invalid, Refused
from domain.base import outgoing
from domain.base.stepup import VerificationRequired
from domain.events import orders
from domain.events.books import refund_accounts
from domain.events.providers import attempts, paystack
from domain.money.providers.provider import ProviderFailed
from models import TicketRefund
from tests.domain.events.providers.test_paystack import night, order, paid_night, reference, shop, take
from tests.fixtures.entrance import just_signed_in

__all__ = ["night", "order", "paid_night", "shop"]


@pytest.fixture
def needy(shop, order, at, clock):
    """A refund that Paystack can't send to what was paid with."""
    take(shop.pay(reference()))
    with just_signed_in():
        orders.cancel(order.id, by=at("alice"))
    outgoing.send_due()
    shop.refunds[0]["status"] = "needs-attention"
    clock.forward(minutes=1)
    attempts.look(order.id)
    return TicketRefund.get()


@pytest.fixture
def sure(needy, proven):
    """alice has proven that it is she."""
    proven("alice", "refunds.give_account", needy.id)


def test_a_refund_that_needs_attention_is_given_an_account_which_nobody_keeps(shop, needy, sure, at, caplog):
    assert (needy.state, refund_accounts.needs(needy)) == ("sent", True)
    assert refund_accounts.asked(needy.id).banks == (("9", "First Bank"),)
    refund_accounts.give(needy.id, {"bank": "9", "number": "0123 456 789"}, by=at("alice"))
    assert shop.accounts == [{"currency": "NGN", "account_number": "0123456789", "bank_id": "9"}]
    assert (TicketRefund.get().state, TicketRefund.get().error) == ("sent", None)
    dump = "".join(database.connection().iterdump()) if database.dialect == "sqlite" else ""
    assert "0123456789" not in dump
    assert "0123456789" not in caplog.text
    with pytest.raises(Refused):
        refund_accounts.give(needy.id, {"bank": "9", "number": "0123456789"}, by=at("alice"))


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"bank": "8", "number": "0123456789"}, "bank"),
        ({"bank": "9", "number": "12"}, "number"),
        ({"bank": "9", "number": "٣٣٣٣٣٣٣"}, "number"),
        ({"bank": "9", "number": "0000000000"}, "number"),  # Paystack finds no such account
    ],
)
def test_an_account_that_cannot_be_is_said_beside_its_field(shop, needy, sure, at, form, field):
    with pytest.raises(Invalid) as refused:
        refund_accounts.give(needy.id, form, by=at("alice"))
    assert list(refused.value.beside()) == [field]
    assert (shop.accounts, refund_accounts.needs(TicketRefund.get())) == ([], True)


def test_an_account_is_given_by_who_sees_to_orders(shop, needy, at):
    with pytest.raises(Refused):
        refund_accounts.give(needy.id, {"bank": "9", "number": "0123456789"}, by=at("bob"))
    assert shop.accounts == []


def test_attack_where_money_goes_is_told_by_who_proves_that_it_is_they(shop, needy, at, signed_in_as):
    signed_in_as("alice")  # somebody at her open browser
    with pytest.raises(VerificationRequired):
        refund_accounts.give(needy.id, {"bank": "9", "number": "0123456789"}, by=at("alice"))
    assert shop.accounts == []


def test_what_is_not_known_is_said_so_and_asked_for_again(shop, needy, sure, at, clock, monkeypatch):
    monkeypatch.setattr(paystack, "give_account", _cut_off)
    with pytest.raises(attempts.Unreachable, match="isn’t known"):
        refund_accounts.give(needy.id, {"bank": "9", "number": "0123456789"}, by=at("alice"))
    assert not refund_accounts.needs(TicketRefund.get())  # nobody tells another one meanwhile
    with pytest.raises(Refused, match="needs no bank account"):
        refund_accounts.give(needy.id, {"bank": "9", "number": "0123456789"}, by=at("alice"))
    clock.forward(hours=2)
    attempts.ask_open()
    assert refund_accounts.needs(TicketRefund.get())  # as its provider says, it didn't arrive


def _cut_off(*_):
    raise ProviderFailed(asked=True)
