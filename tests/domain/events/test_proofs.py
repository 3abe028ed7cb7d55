"""Free tickets go to addresses that are proven, where their event asks for it."""

import pytest

from domain.base import tokens
from domain.events import holds, proofs
from models import Event, Pass, TicketOrder
from tests.domain.events.test_payments import again
from tests.domain.events.test_stock import ADA
from tests.fixtures.threads import write


@pytest.fixture
def order(night):
    event, tier = night
    write(Event.update(proves_free=True).where(Event.id == event.id).execute)
    return wanted(event, tier)


def wanted(event, tier, **who):
    made = holds.hold(event.id, {tier.id: 1})
    return holds.say_who(made.id, ADA | who)


def code_in(letters):
    (_, _, text) = letters()[-1]
    return next(word for word in text.split() if word.isdigit() and len(word) == 6)


def test_a_stranger_gets_free_tickets_once_the_code_that_was_mailed_is_typed(order, letters):
    assert proofs.take_free(order.id) is False
    assert (again(order).state, Pass.select().count()) == ("held", 0)
    code = code_in(letters)
    with pytest.raises(tokens.WrongCode):
        proofs.prove(order.id, f"{(int(code) + 1) % 1_000_000:06}")
    proofs.prove(order.id, f" {code[:3]} {code[3:]} ")
    assert (again(order).state, Pass.select().count()) == ("paid", 1)
    assert proofs.take_free(order.id) is True  # pressed again


def test_a_code_has_five_tries_and_ten_minutes_and_is_of_one_address(order, letters, clock):
    proofs.take_free(order.id)
    code = code_in(letters)
    other = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        with pytest.raises(tokens.NotTheCode):
            proofs.prove(order.id, other)
    with pytest.raises(tokens.CodeExpired):
        proofs.prove(order.id, code)
    clock.forward(minutes=1)
    proofs.take_free(order.id)
    code = code_in(letters)
    holds.say_who(order.id, ADA | {"email": "mallory@example.org"})
    with pytest.raises(tokens.WrongCode):
        proofs.prove(order.id, code)
    holds.say_who(order.id, ADA)
    clock.forward(minutes=11)
    write(TicketOrder.update(hold_until_at=clock() + holds.timedelta(hours=1)).execute)
    with pytest.raises(tokens.CodeExpired):
        proofs.prove(order.id, code)
    assert Pass.select().count() == 0


def test_asking_again_and_again_holds_tickets_ten_minutes_longer_at_most(order, clock):
    end = order.hold_until_at
    for n in range(8):
        holds.say_who(order.id, ADA | {"email": f"b{n}@example.org"})
        proofs.take_free(order.id)
        assert end <= again(order).hold_until_at <= end + proofs.LIFE
        clock.forward(minutes=3)


def test_who_signed_in_with_that_address_has_proven_it_and_another_has_not(order, at, night):
    user = at("alice").user
    assert proofs.is_needed(order, user)
    event, tier = night
    own = wanted(event, tier, email=user.email.upper())
    assert proofs.take_free(own.id, user) is True
    assert again(own).state == "paid"


def test_what_costs_or_where_nobody_asks_needs_no_code_and_a_limit_for_each_buyer_does(night):
    event, tier = night
    order = wanted(event, tier)
    assert not proofs.is_needed(order)
    write(Event.update(most_each=2).where(Event.id == event.id).execute)
    assert proofs.is_needed(TicketOrder.get_by_id(order.id))
    assert not proofs.is_needed(TicketOrder(event=event.id, total_cents=5))
