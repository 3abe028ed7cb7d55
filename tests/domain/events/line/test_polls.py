"""Where one stands is answered from memory, and looking is noted."""

import json

import pytest

from domain import NotFound
from domain.events import events
from domain.events.line import places, polls
from models import Place
from tests.domain.events.line.test_places import stand


def test_a_poll_tells_the_place_or_to_look(night):
    event, tier = night
    called = stand(event, tier, 5)
    first, second = stand(event, tier), stand(event, tier)
    there = polls.read(event.id)
    later = stand(event, tier)
    assert json.loads(there.answer(first.number)) == {"place": 1}
    assert json.loads(there.answer(second.number)) == {"place": 2}
    assert there.answer(called.number) == polls.LOOK
    assert there.answer(later.number) == polls.WAIT  # came after the reading
    places.leave(first.id)
    there = polls.read(event.id)
    assert (there.answer(first.number), json.loads(there.answer(second.number))) == (polls.LOOK, {"place": 1})


def test_where_nothing_is_sold_any_more_everybody_looks(night, at):
    event, tier = night
    stand(event, tier, 5)
    waits = stand(event, tier)
    events.cancel(event.id, "The mill burnt down.", by=at("alice"))
    assert polls.read(event.id).answer(waits.number) == polls.LOOK
    assert polls.read(999).answer(1) == polls.LOOK


def test_only_addresses_that_we_made_are_answered(night):
    event, tier = night
    place = stand(event, tier)
    word = polls.poll_address(place).removeprefix("/line/polls/")
    assert polls.parsed(word) == (event.id, place.number, place.id)
    assert polls.parsed(word.replace(f".{place.id}.", f".{place.id + 1}.")) is None
    assert polls.parsed("") is None
    public_id, key = polls.address(place).split("/")[2:]
    assert polls.find(public_id, key) == place
    with pytest.raises(NotFound):
        polls.find(public_id, key[:-1] + "x")


def test_who_is_seen_is_written_down_now_and_then(night, clock):
    event, tier = night
    stand(event, tier, 5)
    place = stand(event, tier)
    clock.forward(minutes=2)
    polls.note_seen(place.id, polls.now().timestamp())
    assert polls.keep_seen() == 1
    assert Place.get_by_id(place.id).seen_at == polls.now()
    assert polls.keep_seen() == 0  # not each time
