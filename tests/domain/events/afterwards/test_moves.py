"""An event that is moved keeps its tickets, asks what becomes of the clock's times, and tells whoever bought, once."""

from datetime import UTC, datetime

import pytest

from domain import Forbidden, Invalid
from domain.events import events, passes
from domain.events.afterwards import moves, pass_transfers
from domain.events.carriers import tickets
from domain.lists import rows
from models import Event, EventSession, TicketOrder
from tests.domain.events.afterwards.test_seats import part
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event


def moved(event, by, **form):
    moves.move(event.id, moves.texts(event) | form, by=by)
    return Event.get_by_id(event.id)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_a_changed_zone_keeps_the_clock_or_the_moment_as_is_asked(night, at):
    event, _ = night  # 20:00 in Berlin
    there = moved(event, at("alice"), timezone="Europe/London")
    assert (there.starts_at, there.ends_at) == (utc(2026, 7, 3, 19), utc(2026, 7, 4, 0))
    back = moved(there, at("alice"), timezone="Europe/Berlin", keep="moment")
    assert (back.starts_at, back.timezone) == (utc(2026, 7, 3, 19), "Europe/Berlin")
    assert moves.texts(back)["starts"] == "2026-07-03T21:00"


def test_typed_times_are_the_clocks_where_it_will_be(night, at):
    event, _ = night
    there = moved(event, at("alice"), timezone="America/New_York", keep="moment", starts="2026-07-03T10:00")
    assert there.starts_at == utc(2026, 7, 3, 14)
    assert there.ends_at == event.ends_at  # what wasn't typed anew keeps its moment


def test_the_programme_comes_along_across_the_end_of_summer_time(night, at):
    event, _ = night
    part(event, at("alice"), begins="18:00", ends="19:00")  # 20:00 in Berlin
    there = moved(event, at("alice"), starts="2026-11-06T20:00", ends="2026-11-07T01:00")
    assert there.starts_at == EventSession.get().starts_at == utc(2026, 11, 6, 19)
    assert moved(there, at("alice"), starts="2026-11-06T21:00", programme="off").starts_at == utc(2026, 11, 6, 20)
    assert EventSession.get().starts_at == utc(2026, 11, 6, 19)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "form"),
        ({"starts": "2026-07-05T20:00"}, "ends"),
        ({"starts": "soon"}, "starts"),
        ({"starts": "2027-03-28T02:30", "ends": "2027-03-28T05:00"}, "starts"),  # clocks skip it
        ({"starts": "0001-01-01T02:00", "timezone": "Asia/Tokyo"}, "starts"),  # before all time
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"venue": ""}, "venue"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_nothing_moves(night, at, form, field):
    event, _ = night
    with pytest.raises(Invalid) as refusal:
        moved(event, at("alice"), **form)
    assert field in refusal.value.fields
    assert Event.get().moved_at is None
    with pytest.raises(Forbidden):
        moved(event, at("vera"), venue="New Mill")


def test_whoever_had_tickets_is_told_once_and_whoever_bought_later_is_not(night, at, letters, clock):
    event, tier = night
    first, second = bought(event, tier, 2), bought(event, tier, email="bob@example.org")
    given = passes.of(first)[0]
    pass_transfers.accept(pass_transfers.offer(given, {"email": "grace@example.org"}), {"holder": "Grace Hopper"})
    before, code = len(letters()), passes.code(passes.of(first)[1])
    clock.forward(minutes=1)
    moved(event, at("alice"), venue="New Mill", why="The old one burnt down.")
    clock.forward(minutes=1)
    bought(events.one(event.id), tier, email="late@example.org")
    assert [moves.tell(limit=1), moves.tell(), moves.tell()] == [1, 1, 0]  # a restart goes on where it stopped
    told = [(to, text) for to, subject, text in letters()[before:] if subject == "Jazz Night is moved"]
    assert {to for to, _ in told} == {"ada@example.org", "bob@example.org", "grace@example.org"}
    assert len(told) == 3
    for said in (
        "It was: Friday, 3 July 2026, 20:00",
        "Old Mill",
        "New Mill",
        "The old one burnt down.",
        "ask for your",
    ):
        assert said in told[0][1]
    assert passes.code(passes.again(passes.of(first)[1])) == code  # printed tickets stay good
    assert TicketOrder.get_by_id(second.id).told_at == Event.get().moved_at
    assert tickets.in_wallet(passes.again(passes.of(second)[0])).place == "New Mill"


def test_a_draft_moves_without_a_word_and_others_can_not_by_its_form(clock, inside_acme, at, letters):
    draft, _ = make_event(at("alice"), publish=False)
    moved(draft, at("alice"), starts="2026-07-03T19:00")
    assert Event.get().moved_at is None
    with pytest.raises(Forbidden):
        rows.change(events.rules, draft.id, {"timezone": "Europe/London"}, by=at("alice"))
    rows.change(events.rules, draft.id, {"venue": "Here"}, by=at("alice"))
    events.publish(draft.id, by=at("alice"))
    with pytest.raises(Forbidden):
        rows.change(events.rules, draft.id, {"venue": "There"}, by=at("alice"))
    events.cancel(draft.id, "It rains.", by=at("alice"))
    with pytest.raises(events.InvalidTransition):
        moved(Event.get(), at("alice"), venue="There")
