"""Seats in the programme: as many as there are, for passes that are good, and never two at the same time."""

import pytest

from domain import NotFound, Refused
from domain.events import orders, passes, stock
from domain.events.afterwards import pass_transfers, seats
from domain.events.door import checkpoints, scans
from domain.events.programme import sessions
from domain.lists import rows
from models import Checkpoint, EventSession, SessionSeat
from tests.domain.events.test_stock import bought, figures
from tests.fixtures.doors import at_the_door, code_of
from tests.fixtures.events import at_once
from tests.fixtures.threads import write


def part(event, by, title="Workshop", begins="18:00", ends="19:00", places="1"):
    times = {"starts_at": f"2026-07-03T{begins}:00Z", "ends_at": f"2026-07-03T{ends}:00Z"}
    made = rows.create(sessions.rules, {"title": title, "seats": places, **times}, by=by, parent=event.id)
    return EventSession.get_by_id(made.id)


@pytest.fixture
def shop(night, at):
    """(event, a part with one seat, two passes)."""
    event, tier = night
    made = part(event, at("alice"))
    return event, made, passes.of(bought(event, tier, 2))


def test_a_seat_is_taken_once_and_is_free_again_with_its_pass(shop, at):
    event, made, (one, other) = shop
    seats.choose(one, {made.id})
    seats.choose(one, {made.id})  # pressed twice
    with pytest.raises(stock.SoldOut, match="Workshop"):
        seats.choose(other, {made.id})
    assert figures(event, "session") == [(0, 1)]
    assert stock.check(event.id) == []
    orders.take_back(one.id, by=at("alice"))
    assert figures(event, "session") == [(0, 0)]
    seats.choose(other, {made.id})
    seats.choose(other, set())
    assert figures(event, "session") == [(0, 0)]
    assert stock.check(event.id) == []


def test_it_goes_with_the_pass_that_is_passed_on_or_gets_a_new_code(shop, at):
    event, made, (one, _) = shop
    seats.choose(one, {made.id})
    passes.new_code(one.id, by=at("alice"))
    new = passes.of_buyer(one.item.order)[-1]
    assert seats.of(new) == {made.id}
    taken = pass_transfers.accept(pass_transfers.offer(new, {"email": "grace@example.org"}), {"holder": "Grace Hopper"})
    assert seats.of(taken) == {made.id}
    assert figures(event, "session") == [(0, 1)]
    assert stock.check(event.id) == []


def test_two_at_the_same_time_and_parts_of_other_events_are_refused(shop, at):
    event, made, (one, _) = shop
    late = part(event, at("alice"), "Talk", "18:30", "20:00")
    with pytest.raises(Refused, match="“Workshop” and “Talk” are at the same time"):
        seats.choose(one, {made.id, late.id})
    with pytest.raises(NotFound):
        seats.choose(one, {made.id, 999})
    seats.choose(one, {late.id})
    seats.choose(one, {made.id})  # instead
    assert seats.of(one) == {made.id}


def test_a_pass_that_is_void_takes_none(shop, at):
    _, made, (one, _) = shop
    orders.take_back(one.id, by=at("alice"))
    with pytest.raises(Refused):
        seats.choose(one, {made.id})


def test_the_last_seat_goes_to_one_of_two_at_the_same_moment(shop):
    event, made, (one, other) = shop
    got = at_once(event, *(lambda each=each: seats.choose(each, {made.id}) for each in (one, other)))
    assert sorted(type(answer).__name__ for answer in got) == ["NoneType", "SoldOut"]
    assert SessionSeat.select().count() == 1
    assert stock.check(event.id) == []


def test_a_sessions_door_lets_in_whoever_has_a_seat_there_and_phones_know(shop, cast, clock, at):
    event, made, (one, other) = shop
    gate = rows.create(checkpoints.rules, {"name": "Workshop door", "rule": "once"}, by=at("alice"), parent=event.id)
    checkpoints.join_session(gate.id, made.id, by=at("alice"))
    clock.moment = made.starts_at
    keeper, phone, _ = at_the_door(cast.alice, event, gate=Checkpoint.get_by_id(gate.id))
    before = clock.moment
    clock.forward(minutes=1)
    seats.choose(one, {made.id})
    asked = [scans.Asked(f"n{each.id}", code=code_of(each), gate=gate.id) for each in (one, other)]
    assert [said["result"] for said in scans.take(keeper, phone, asked)] == ["ok", "other_gate"]
    kept = scans.snapshot(keeper, phone, since=before)
    assert {row[0]: row[5] for row in kept["passes"]}[one.serial] == [made.id]
    assert [row["seated"] for row in kept["gates"] if row["id"] == gate.id] == [made.id]


def test_a_part_that_has_no_end_of_seats_any_more_stands_in_nobodys_way(shop, at):
    event, made, (one, _) = shop
    other = part(event, at("alice"), "Talk", "19:00", "20:00")
    seats.choose(one, {made.id})
    write(lambda: EventSession.update(seats=None).where(EventSession.id == made.id).execute())
    seats.choose(one, {other.id})
    assert other.id in seats.of(one)
