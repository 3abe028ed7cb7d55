import pytest

from domain import Forbidden
from domain.events.programme import speakers
from domain.lists import rows


def test_speakers_belong_to_their_event(night, at):
    event, _ = night
    made = rows.create(speakers.rules, {"name": "Ada", "role": "Piano"}, by=at("bob"), parent=event.id)
    assert speakers.of(event.id) == [made]
    with pytest.raises(Forbidden):
        rows.create(speakers.rules, {"name": "Vera"}, by=at("vera"), parent=event.id)
