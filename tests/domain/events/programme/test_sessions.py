import pytest

from domain import Invalid, NotFound
from domain.events.programme import sessions, speakers
from domain.lists import rows
from tests.fixtures.events import make_event


def part(event, by, title, start, end, room="Hall"):
    form = {"title": title, "starts_at": f"2026-07-03T{start}:00Z", "ends_at": f"2026-07-03T{end}:00Z", "room": room}
    return rows.create(sessions.rules, form, by=by, parent=event.id)


def test_two_at_once_in_a_room_or_with_a_speaker_are_warned_of(night, at):
    event, _ = night
    by = at("alice")
    first = part(event, by, "Opening", "18:00", "19:00")
    second = part(event, by, "Duo", "18:30", "19:30", room=" hall ")
    third = part(event, by, "Solo", "18:45", "19:15", room="Bar")
    after = part(event, by, "After", "19:30", "20:00")
    ada = rows.create(speakers.rules, {"name": "Ada"}, by=by, parent=event.id)
    for one in (second, third, after):
        sessions.put_on(one.id, str(ada.id), by=by)
    assert sessions.overlaps(event.id) == {
        first.id: ["Hall has “Duo” at the same time"],
        second.id: ["Hall has “Opening” at the same time", "Ada has “Solo” at the same time"],
        third.id: ["Ada has “Duo” at the same time"],
    }


def test_a_speaker_of_another_event_is_not_put_on(night, at):
    event, _ = night
    other, _ = make_event(at("alice"), title="Other")
    mine = part(event, at("alice"), "Opening", "18:00", "19:00")
    stranger = rows.create(speakers.rules, {"name": "Bob"}, by=at("alice"), parent=other.id)
    with pytest.raises(NotFound):
        sessions.put_on(mine.id, str(stranger.id), by=at("alice"))


def test_put_on_again_takes_off(night, at):
    event, _ = night
    mine = part(event, at("alice"), "Opening", "18:00", "19:00")
    ada = rows.create(speakers.rules, {"name": "Ada"}, by=at("alice"), parent=event.id)
    for expected in (["Ada"], []):
        sessions.put_on(mine.id, str(ada.id), by=at("alice"))
        assert [who.name for who in sessions.of(event.id)[0][1]] == expected


def test_a_part_ends_after_it_begins(night, at):
    event, _ = night
    with pytest.raises(Invalid):
        part(event, at("alice"), "Backwards", "19:00", "18:00")
