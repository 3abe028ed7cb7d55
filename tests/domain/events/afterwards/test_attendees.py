"""The organizer's list of passes: found by what is on them, and by a code that somebody pasted."""

import pytest

from domain import Forbidden
from domain.events import passes
from domain.events.afterwards import attendees
from domain.lists import asks, lists, rows
from tests.domain.events.test_stock import bought


def found(event, by, **asked):
    return [row.serial for row in lists.read(attendees.listing.wide, _ask(event, **asked), by).rows]


def _ask(event, **asked):
    return asks.understand(attendees.listing, asked, event.id)


@pytest.fixture
def two(night, at):
    event, tier = night
    one, other = passes.of(bought(event, tier, 2))
    passes.rename(other.id, "Grace Hopper", by=at("alice"))
    return event, one, other


def test_event_case_40_a_pasted_code_finds_its_pass_alone(two, at):
    event, one, other = two
    assert found(event, at("alice"), q=passes.code(one)) == [one.serial]
    assert found(event, at("alice"), q=passes.code(other).lower()) == [other.serial]
    assert found(event, at("alice"), q="GH1:AAAA") == []
    assert found(event, at("alice"), q="hopper") == [other.serial]


def test_many_are_sent_again_or_get_new_codes_at_once(two, at, letters):
    event, one, other = two
    before = len(letters())
    done, refused, _ = rows.act(attendees.rules, "letter", [one.id, other.id], by=at("alice"), parent=event.id)
    assert (done, refused, len(letters()) - before) == (2, [], 2)
    rows.act(attendees.rules, "code", [one.id, other.id], by=at("alice"), parent=event.id)
    assert {passes.again(each).state for each in (one, other)} == {"void"}
    with pytest.raises(Forbidden):
        rows.act(attendees.rules, "code", [one.id], by=at("vera"), parent=event.id)
