"""Types of events: an organization's own words, each once, kept while an event has it."""

from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain import Forbidden, Invalid
from domain.events import events
from domain.events.door import devices
from domain.events.programme import event_types
from domain.lists import asks, lists, rows
from domain.organizations import organizations, workspaces
from models import Assignment, Event, EventType
from tests.fixtures.events import make_event
from tests.fixtures.threads import write


@pytest.fixture
def concert(clock, inside_acme, at):
    return rows.create(event_types.rules, {"name": "Concert", "tone": "info"}, by=at("bob"))


def test_a_type_is_chosen_by_its_name_and_the_list_is_filtered_by_it(concert, at):
    bob = at("bob")
    event, _ = make_event(at("alice"))
    make_event(at("alice"), title="A talk")
    rows.change(event_types.typed(), event.id, {"event_type": "concert"}, by=bob)
    listing = event_types.typed().listing
    ask = asks.understand(listing, {"event_type": str(concert.id)})
    assert [row.id for row in lists.read(listing, ask, bob).rows] == [event.id]
    rows.change(event_types.rules, concert.id, {"name": "Gig"}, by=bob)
    assert event_types.typed().listing.by_name["event_type"].kind.plain(concert.id) == "Gig"


def test_a_name_stands_once(concert, at):
    for work in (
        lambda: rows.create(event_types.rules, {"name": "CONCERT"}, by=at("bob")),
        lambda: rows.change(event_types.rules, _talk(at).id, {"name": "concert"}, by=at("bob")),
    ):
        with pytest.raises(Invalid) as refusal:
            work()
        assert list(refusal.value.fields) == ["name"]
    rows.change(event_types.rules, concert.id, {"name": "concert"}, by=at("bob"))


def _talk(at):
    return rows.create(event_types.rules, {"name": "Talk"}, by=at("bob"))


def test_one_that_an_event_has_stays_and_who_only_looks_makes_none(concert, at):
    event, _ = make_event(at("alice"))
    rows.change(event_types.typed(), event.id, {"event_type": str(concert.id)}, by=at("bob"))
    with pytest.raises(Forbidden, match="Choose another type"):
        rows.remove(event_types.rules, concert.id, by=at("alice"))
    with pytest.raises(Forbidden):
        rows.create(event_types.rules, {"name": "Market"}, by=at("vera"))
    rows.change(event_types.typed(), event.id, {"event_type": ""}, by=at("bob"))
    rows.remove(event_types.rules, concert.id, by=at("alice"))
    assert EventType.select().count() == 0


def test_types_are_offered_in_their_order_and_one_that_isnt_any_more_stays_where_it_is(concert, at):
    bob, talk = at("bob"), _talk(at)
    rows.change(event_types.rules, concert.id, {"place": "2"}, by=bob)
    assert [one.label for one in event_types.options()] == ["Talk", "Concert"]
    event, _ = make_event(at("alice"))
    rows.change(event_types.typed(), event.id, {"event_type": str(talk.id)}, by=bob)
    rows.change(event_types.rules, talk.id, {"is_offered": "0"}, by=bob)
    kind = event_types.typed().listing.by_name["event_type"].kind
    assert ([one.label for one in kind.present], kind.plain(talk.id)) == (["Concert"], "Talk")
    rows.change(event_types.typed(), event.id, {"title": "Late talk", "event_type": str(talk.id)}, by=bob)
    assert Event.get_by_id(event.id).event_type == talk
    other, _ = make_event(at("alice"))
    with pytest.raises(Invalid):
        rows.change(event_types.typed(), other.id, {"event_type": str(talk.id)}, by=bob)


def test_another_organizations_type_is_none_of_ours(concert, at, cast):
    charlie = organizations.reach(cast.charlie, cast.globex.slug)
    with inside(cast.globex):
        event, _ = make_event(charlie)
        with pytest.raises(Invalid):
            rows.change(event_types.typed(), event.id, {"event_type": str(concert.id)}, by=charlie)


def test_an_events_workspace_is_chosen_by_admins_and_its_people_work_the_door(concert, at, cast, clock):
    event, _ = make_event(at("alice"), starts_at=now() + timedelta(days=2), ends_at=now() + timedelta(days=3))
    assert event_types.typed().listing.by_name["workspace"].acted  # pages speak of none yet
    hall = workspaces.create("Hall", by=at("alice"))
    write(lambda: Assignment.create(workspace=hall, user=cast.charlie, role="scanner"))
    assert devices.reach(cast.charlie, event.public_id) is None
    with pytest.raises(Forbidden):
        rows.change(event_types.typed(), event.id, {"workspace": str(hall.id)}, by=at("bob"))
    rows.change(event_types.typed(), event.id, {"workspace": "hall"}, by=at("alice"))
    assert devices.reach(cast.charlie, event.public_id).role == "scanner"
    events.copy(event.id, event.starts_at + timedelta(days=30), by=at("alice"))
    assert Event.select().where(Event.workspace == hall).count() == 2
