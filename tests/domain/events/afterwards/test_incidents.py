"""Incidents are noted by whoever may change the event, with their name."""

import pytest

from domain import Forbidden
from domain.events.afterwards import incidents
from domain.lists import rows
from models import Incident


def test_it_is_noted_with_who_did_and_settled_later(night, at, cast):
    event, _ = night
    made = rows.create(incidents.rules, {"title": "A lost child", "severity": "grave"}, by=at("bob"), parent=event.id)
    rows.change(incidents.rules, made.id, {"state": "settled"}, by=at("alice"), parent=event.id)
    found = Incident.get()
    assert (found.by_id, found.state, found.severity) == (cast.bob.id, "settled", "grave")
    with pytest.raises(Forbidden):
        rows.create(incidents.rules, {"title": "x"}, by=at("vera"), parent=event.id)
