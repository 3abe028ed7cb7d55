"""A pass that is passed on has a new code and the old one is void; nothing of the stock moves."""

from datetime import timedelta

import pytest

from database.clock import written
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import allowances
from domain.events import events, orders, passes, stock
from domain.events.afterwards import pass_transfers
from domain.events.door import scans
from models import Event, Pass, PassTransfer
from tests.domain.events.test_stock import bought, figures
from tests.fixtures.doors import at_the_door, code_of
from tests.fixtures.threads import write

GRACE = {"email": "grace@example.org"}
NAME = {"holder": "Grace Hopper"}


@pytest.fixture
def mine(night):
    """A pass of a sold-out event."""
    event, tier = night
    return passes.of(bought(event, tier, 5))[0]


def test_event_case_39_who_accepts_has_a_new_code_and_the_old_one_is_void(mine, night, letters):
    before = len(letters())
    offer = pass_transfers.offer(mine, GRACE)
    (sent,) = letters()[before:]
    assert sent[:2] == ("grace@example.org", "Ada Lovelace gives you a ticket for Jazz Night")
    assert f"until {written(offer.until_at, 'Europe/Berlin')}." in sent[2]
    assert passes.again(mine).state == "active"  # until it is accepted
    made = pass_transfers.accept(offer, NAME)
    assert (made.holder, made.email, made.generation, made.seq) == ("Grace Hopper", "grace@example.org", 2, mine.seq)
    assert made.serial != mine.serial
    old = passes.again(mine)
    assert (old.state, old.void_reason) == ("void", "transferred")
    with pytest.raises(NotFound):
        passes.code(old)
    assert "passed on" in passes.words_of(old)
    assert "Grace" not in passes.words_of(old)
    told = {(to, subject) for to, subject, _ in letters()[before + 1 :]}
    assert told == {
        ("grace@example.org", "Your ticket for Jazz Night"),
        ("ada@example.org", "Your ticket for Jazz Night was passed on"),
    }
    assert pass_transfers.accept(offer, {"holder": "Somebody else"}).id == made.id  # pressed twice
    assert Pass.select().count() == 6


def test_event_case_05_passing_on_takes_no_ticket_of_a_sold_out_event(mine, night):
    event, _ = night
    pass_transfers.accept(pass_transfers.offer(mine, GRACE), NAME)
    assert figures(event) == [(0, 5)]
    assert stock.check(event.id) == []


def test_the_buyer_sees_no_more_of_what_they_passed_on(mine, night):
    made = pass_transfers.accept(pass_transfers.offer(mine, GRACE), NAME)
    order = mine.item.order
    assert {one.id for one in passes.of(order)} >= {mine.id, made.id}
    assert not {mine.id, made.id} & {one.id for one in passes.of_buyer(order)}
    assert len(passes.of_buyer(order)) == 4


def test_one_is_open_at_a_time_and_can_be_taken_back(mine):
    first = pass_transfers.offer(mine, GRACE)
    second = pass_transfers.offer(mine, {"email": "bob@example.org"})
    assert [one.state for one in PassTransfer.select().order_by(PassTransfer.id)] == ["withdrawn", "open"]
    assert pass_transfers.offered(passes.of(mine.item.order)) == {mine.id}
    with pytest.raises(Refused, match="isn't offered to you any more"):
        pass_transfers.accept(first, NAME)
    pass_transfers.withdraw(mine)
    with pytest.raises(Refused):
        pass_transfers.accept(second, NAME)
    assert passes.again(mine).state == "active"


def test_it_lapses_with_its_time_whether_swept_or_not(mine, clock):
    offer = pass_transfers.offer(mine, GRACE)
    clock.forward(days=7)
    assert pass_transfers.state(PassTransfer.get()) == "lapsed"
    assert pass_transfers.offered([mine]) == set()
    with pytest.raises(Refused):
        pass_transfers.accept(offer, NAME)
    assert (pass_transfers.lapse(), pass_transfers.lapse()) == (1, 0)
    assert PassTransfer.get().state == "lapsed"


@pytest.mark.parametrize(("hours", "says"), [(None, "can't be passed on"), (24 * 200, "too late")])
def test_the_event_says_until_when(mine, hours, says):
    write(lambda: Event.update(pass_on_hours=hours).execute())
    with pytest.raises(Refused, match=says):
        pass_transfers.offer(passes.again(mine), GRACE)


def test_who_came_in_passes_nothing_on_not_even_what_was_offered_before(mine, night, cast, clock, at):
    event, _ = night
    offer = pass_transfers.offer(mine, GRACE)
    clock.moment = event.starts_at - timedelta(minutes=30)
    offer = pass_transfers.offer(mine, GRACE)
    keeper, phone, _ = at_the_door(cast.alice, event)
    assert scans.take(keeper, phone, [scans.Asked("n1", code=code_of(mine))])[0]["result"] == "ok"
    with pytest.raises(Refused):
        pass_transfers.accept(offer, NAME)
    with pytest.raises(Refused, match="came in"):
        pass_transfers.offer(mine, GRACE)
    assert passes.again(mine).state == "active"


def test_the_old_code_is_refused_at_the_door_with_words_and_on_a_phone_that_synced_since(mine, night, cast, clock):
    event, _ = night
    clock.moment = event.starts_at - timedelta(minutes=50)
    keeper, phone, _ = at_the_door(cast.alice, event)
    old = code_of(mine)
    made = pass_transfers.accept(pass_transfers.offer(mine, GRACE), NAME)
    results = [scans.take(keeper, phone, [scans.Asked(f"n{code[-9:]}", code=code)])[0] for code in (old, code_of(made))]
    assert [one["result"] for one in results] == ["passed_on", "ok"]
    states = {one[0]: one[3] for one in scans.snapshot(keeper, phone)["passes"]}
    assert (states[mine.serial], states[made.serial]) == ("passed_on", "active")


def test_wrong_keys_open_nothing_and_wrong_words_change_nothing(mine):
    offer = pass_transfers.offer(mine, GRACE)
    id, key = pass_transfers.address(offer).split("/")[3:]
    assert pass_transfers.find(id, key).id == offer.id
    for wrong in ("", "é", key[:-1]):
        with pytest.raises(NotFound):
            pass_transfers.find(id, wrong)
    for form in ({"email": "nonsense"}, {}, {"email": "ADA@example.org"}):
        with pytest.raises(Invalid):
            pass_transfers.offer(mine, form)
    with pytest.raises(Invalid):
        pass_transfers.accept(offer, {"holder": ""})
    assert PassTransfer.get().state == "open"


def test_letters_to_one_address_are_bounded(mine, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    for _ in range(3):
        pass_transfers.offer(mine, GRACE)
    with pytest.raises(allowances.TooOften):
        pass_transfers.offer(mine, GRACE)


def test_event_case_40_a_code_that_was_posted_online_is_replaced_for_one_pass(mine, at, letters):
    before = len(letters())
    with pytest.raises(Forbidden):
        passes.new_code(mine.id, by=at("vera"))
    passes.new_code(mine.id, by=at("alice"))
    ((to, subject, text),) = letters()[before:]
    assert (to, subject) == ("ada@example.org", "A new code for Jazz Night")
    assert passes.again(mine).state == "void"
    new = [one for one in passes.of_buyer(mine.item.order) if one.generation == 2]
    assert [one.holder for one in new] == ["Ada Lovelace"]
    assert passes.address(new[0]) in text
    with pytest.raises(Refused):
        passes.new_code(mine.id, by=at("alice"))


def test_a_pass_that_was_passed_on_twice_and_taken_back_frees_its_place_once(mine, night, at):
    event, _ = night
    second = pass_transfers.accept(pass_transfers.offer(mine, GRACE), NAME)
    third = pass_transfers.accept(pass_transfers.offer(second, {"email": "bob@example.org"}), {"holder": "Bob"})
    assert third.generation == 3
    orders.take_back(third.id, by=at("alice"))
    for one in (mine, second, third):
        with pytest.raises(Refused):
            orders.take_back(one.id, by=at("alice"))
    assert figures(event) == [(0, 4)]
    assert stock.check(event.id) == []


def test_a_cancelled_event_passes_nothing_on(mine, night, at):
    events.cancel(night[0].id, "It rains.", by=at("alice"))
    with pytest.raises(Refused, match="cancelled"):
        pass_transfers.offer(passes.again(mine), GRACE)


def test_an_organizer_does_it_for_a_holder(mine, at, letters):
    before = len(letters())
    with pytest.raises(Forbidden):
        pass_transfers.offer_by_id(mine.id, "grace@example.org", by=at("vera"))
    pass_transfers.offer_by_id(mine.id, "grace@example.org", by=at("alice"))
    assert letters()[before][0] == "grace@example.org"
    assert PassTransfer.get().by.name
