"""Who waits is called in the order of the line, in the transaction in which something comes back."""

import hashlib

import pytest

from database.clock import written
from database.connections import database
from domain.events import events, holds, orders, passes, payments, stock, tiers
from domain.events.line import calls, places, polls
from domain.lists import rows
from models import Event, Outgoing, Place
from tests.domain.events.line.test_places import stand, states, token
from tests.domain.events.test_stock import ADA, figures
from tests.fixtures.events import at_once, make_event
from tests.fixtures.threads import write


@pytest.fixture
def full(night):
    """All five are held by one; two wait, of whom the first wants two: (event, tier, holder, waiting)."""
    event, tier = night
    holder = stand(event, tier, 5)
    return event, tier, holder, [stand(event, tier, 2), stand(event, tier)]


def again(place):
    return Place.get_by_id(place.id)


def look(*waiting):
    for one in waiting:
        polls.note_seen(one.id, calls.now().timestamp())


def test_event_case_01_lapsed_holds_go_to_who_waits_before_a_newcomer(full, clock):
    event, tier, holder, waiting = full
    clock.forward(minutes=15)
    look(*waiting)
    late = stand(event, tier, 3)
    assert [again(one).state for one in (holder, *waiting, late)] == ["lapsed", "called", "called", "waiting"]
    assert again(waiting[0]).order.hold_until_at == calls.now() + calls.TURN
    assert stock.check(event.id) == []


def test_many_who_wait_for_what_is_gone_keep_nobody_from_what_there_is(at, inside_acme, clock, monkeypatch):
    monkeypatch.setattr(calls, "LOOKS", 3)
    tickets = (
        {"name": "Gala", "size": "1"},
        {"name": "Day", "size": "5"},
        {"name": "Shirt", "kind": "addon", "size": "9"},
    )
    event, (gala, day, shirt) = make_event(at("alice"), tickets=tickets)
    stand(event, gala)
    waiting = [places.join(event.id, {gala.id: 1, shirt.id: 1}) for _ in range(3)]
    tiers.let_over(day.id, 1, by=at("alice"))  # something comes back, and is nothing for them
    calls.work()
    assert {again(one).state for one in waiting} == {"waiting"}
    assert again(stand(event, day)).state == "called"


def test_many_who_have_gone_let_nobody_past_those_behind_them(night, clock, monkeypatch):
    monkeypatch.setattr(calls, "LOOKS", 3)
    event, tier = night
    holder = stand(event, tier, 5)
    gone = [stand(event, tier) for _ in range(4)]
    clock.forward(minutes=5)
    there = stand(event, tier, 5)
    holds.give_up(holder.order_id)
    late = stand(event, tier)
    assert [again(one).state for one in (*gone, there, late)] == [*["lapsed"] * 4, "called", "waiting"]


def test_what_comes_back_asks_hardly_more_where_many_wait(clock, inside_acme, at, monkeypatch):
    asked, execute = [], database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest))
    needed = []
    for many in (2, 60):
        event, (tier,) = make_event(at("alice"), tickets=({"size": "1"},), title=f"Night of {many}")
        holder, *waiting = [stand(event, tier) for _ in range(1 + many)]
        asked.clear()
        holds.give_up(holder.order_id)
        needed.append(len(asked))
        assert [again(one).state for one in waiting] == ["called", *["waiting"] * (many - 1)]
    assert needed[1] < needed[0] + 10


def test_who_hides_the_page_for_a_moment_keeps_their_turn(full, clock):
    *_, holder, waiting = full
    clock.forward(minutes=3)
    holds.give_up(holder.order_id)
    assert [(again(one).state, again(one).order.hold_until_at) for one in waiting] == [
        ("called", calls.now() + calls.TURN)
    ] * 2


def test_given_up_cancelled_given_back_or_made_larger_it_is_the_next_ones(full, at):
    event, tier, holder, waiting = full
    holds.give_up(holder.order_id)
    assert [again(one).state for one in (holder, *waiting)] == ["left", "called", "called"]
    rest = stand(event, tier, 2)
    third, fourth, fifth = stand(event, tier), stand(event, tier), stand(event, tier)
    holds.say_who(rest.order_id, ADA)
    order = payments.take_free(rest.order_id)
    assert again(rest).state == "taken"
    orders.take_back(passes.of(order)[0].id, by=at("alice"))
    assert again(third).state == "called"
    rows.change(tiers.rules_in("EUR"), tier.id, {"size": "6"}, by=at("alice"), parent=event.id)
    assert again(fourth).state == "called"
    tiers.let_over(tier.id, 1, by=at("alice"))
    assert again(fifth).state == "called"
    assert stock.check(event.id) == []


def test_changing_a_hold_gives_only_what_is_left_of_it_to_others(full):
    event, tier, holder, waiting = full
    holds.change(holder.order_id, {tier.id: 4})
    assert [again(one).state for one in waiting] == ["waiting", "called"]
    holds.change(holder.order_id, {tier.id: 2})
    assert again(waiting[0]).state == "called"
    assert figures(event) == [(5, 0)]


def test_who_does_not_look_is_called_by_letter_and_longer(full, clock):
    _event, _tier, holder, (pair, single) = full
    places.keep(pair.id, {"email": "ada@example.org"})
    clock.forward(minutes=5)
    holds.give_up(holder.order_id)
    assert again(pair).order.hold_until_at == calls.now() + calls.OFFER
    letter = Outgoing.get(Outgoing.key == f"line:{pair.id}:called")
    assert polls.address(pair) in str(letter.payload)
    assert letter.payload["values"]["until"] == written(again(pair).order.hold_until_at, "Europe/Berlin")
    assert again(single).state == "lapsed"  # nobody was there, and no address is known


def test_event_case_33_no_offer_outlives_the_sale(full, clock, at):
    event, tier, holder, (pair, single) = full
    places.keep(pair.id, {"email": "ada@example.org"})
    until = calls.now() + calls.timedelta(hours=2)
    write(tiers.Tier.update(sale_until_at=until).where(tiers.Tier.id == tier.id).execute)
    clock.forward(minutes=5)
    look(single)
    holds.give_up(holder.order_id)
    assert again(pair).order.hold_until_at == until
    clock.forward(minutes=112)
    last = stand(event, tier, 5)
    assert last.state == "waiting"
    look(last)
    calls.work()
    assert again(last).state == "waiting"  # three minutes are no offer


def test_event_case_32_an_offer_ends_when_used_and_a_freed_place_is_the_next_numbers(full, at):
    event, tier, holder, (pair, _single) = full
    holds.give_up(holder.order_id)
    holds.say_who(again(pair).order_id, ADA)
    order = payments.take_free(again(pair).order_id)
    rest = stand(event, tier, 2)
    next_one = stand(event, tier)
    orders.cancel(order.id, by=at("alice"))
    assert [again(one).state for one in (pair, rest, next_one)] == ["taken", "called", "called"]


def test_event_case_34_a_place_lists_its_tickets_and_order_is_arrival_only(clock, inside_acme, at):
    event, (early, normal) = make_event(at("alice"), tickets=({"size": "1"}, {"name": "Normal", "size": "1"}))
    holder = places.join(event.id, {early.id: 1, normal.id: 1})
    first, second = stand(event, normal), stand(event, early)
    third = stand(event, normal)
    holds.give_up(holder.order_id)
    assert [again(one).state for one in (first, second, third)] == ["called", "called", "waiting"]


@pytest.mark.parametrize(("passing", "ends"), [("on", "called"), ("off", "waiting")])
def test_event_case_35_a_group_is_offered_whole_and_smaller_ones_may_pass(clock, inside_acme, at, passing, ends):
    event, (tier,) = make_event(at("alice"), small_pass=passing)
    holder = stand(event, tier, 5)
    group, single = stand(event, tier, 3), stand(event, tier)
    holds.change(holder.order_id, {tier.id: 3})
    assert [again(one).state for one in (group, single)] == ["waiting", ends]
    newcomer = stand(event, tier)
    assert newcomer.state == ends
    holds.give_up(holder.order_id)
    assert again(group).state == "called"


def test_event_case_35_a_group_may_say_that_less_is_fine(full):
    event, tier, holder, _ = full
    group = stand(event, tier, 4, is_less_fine=True)
    holds.give_up(holder.order_id)
    (item,) = holds.standing(again(group).order)
    assert (again(group).state, item.quantity) == ("called", 2)


def test_what_one_transaction_leaves_is_done_by_the_job_and_newcomers_wait_for_it(full, at, monkeypatch):
    event, tier, holder, waiting = full
    monkeypatch.setattr(calls.call_next, "__defaults__", (1,))
    third = stand(event, tier)
    holds.give_up(holder.order_id)
    assert [again(one).state for one in (*waiting, third)] == ["called", "waiting", "waiting"]
    late = stand(event, tier, 2)
    assert [again(one).state for one in (*waiting, third, late)] == ["called", "called", "waiting", "waiting"]
    assert calls.work() == 1
    assert [again(one).state for one in (third, late)] == ["called", "waiting"]
    assert not Event.get_by_id(event.id).line_behind


def test_a_cancelled_event_calls_nobody(full, at):
    event, _tier, holder, _waiting = full
    events.cancel(event.id, "The mill burnt down.", by=at("alice"))
    holds.give_up(holder.order_id)
    assert states(event) == ["left", "waiting", "waiting"]


def test_many_who_free_and_many_who_come_miss_nobody(full):
    event, tier, holder, _waiting = full
    at_once(event, lambda: holds.give_up(holder.order_id), *[lambda: stand(event, tier)] * 8)
    found = states(event)
    assert found.count("called") == 4  # a pair and three singles
    assert sorted(found[1:], key=lambda state: state == "waiting") == found[1:]
    assert figures(event) == [(5, 0)]
    assert stock.check(event.id) == []


# --- the draw ---------------------------------------------------------------------------------------------------------


def test_a_draw_shuffles_whoever_came_before_the_opening_and_can_be_checked(clock, inside_acme, at, monkeypatch):
    event, (tier,) = make_event(at("alice"), opens_at="2026-06-15T12:10:00Z", opening="draw")
    came = [stand(event, tier, key=token(monkeypatch)) for _ in range(9)]
    event = Event.get_by_id(event.id)
    assert {(one.state, one.number) for one in came} == {("drawn", None)}
    assert calls.seed_hash(event) == hashlib.sha256(event.draw_seed.encode()).hexdigest()
    clock.forward(minutes=11)
    look(*came)
    late = stand(event, tier, key=token(monkeypatch))
    calls.work()
    order = sorted(came, key=lambda one: calls.rank(event.draw_seed, one.public_id))
    assert [again(one).number for one in order] == sorted(again(one).number for one in came)
    assert [again(one).state for one in order] == ["called"] * 5 + ["waiting"] * 4
    assert again(late).number > max(again(one).number for one in came)
    assert calls.draw(event) == 0
    assert stock.check(event.id) == []


def test_in_a_draw_nobody_comes_hours_before(clock, inside_acme, at, monkeypatch):
    event, (tier,) = make_event(at("alice"), opens_at="2026-06-15T15:00:00Z", opening="draw")
    with pytest.raises(places.NotYet):
        stand(event, tier, key=token(monkeypatch))


def test_event_case_10_who_wants_more_kinds_chooses_before_and_is_served_as_whole(clock, inside_acme, at, monkeypatch):
    event, (day, gold) = make_event(
        at("alice"),
        opens_at="2026-06-15T12:10:00Z",
        opening="draw",
        tickets=({"size": "3"}, {"name": "Gold", "size": "3", "price_cents": "20"}),
    )
    both = {day.id: 2, gold.id: 1}
    came = [places.join(event.id, both, key=token(monkeypatch)) for _ in range(2)]
    assert figures(event) == [(0, 0), (0, 0)]  # chosen, and nothing is taken yet
    clock.forward(minutes=11)
    look(*came)
    calls.work()
    first, second = sorted(map(again, came), key=lambda one: one.number)
    assert {item.tier_id: item.quantity for item in holds.standing(first.order)} == both
    assert (second.state, second.order_id) == ("waiting", None)  # all of it or nothing
    assert sorted(figures(event)) == [(1, 0), (2, 0)]
