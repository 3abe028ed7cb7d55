from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain import Forbidden, NotFound
from domain.events import tiers
from domain.events.door import devices
from domain.events.programme import sessions
from domain.lists import rows
from domain.organizations import permissions
from models import Assignment, Checkpoint, Device, Event, EventSession, Organization, Tier, User, Workspace
from tests.fixtures.doors import an_event, at_the_door
from tests.fixtures.threads import write


def test_a_scanner_of_the_events_workspace_has_this_door_and_no_other(cast):
    with inside(cast.acme):
        hall = write(lambda: Workspace.create(name="Hall", slug="hall"))
        mine, other = an_event("Mine", workspace=hall), an_event("Other")
        write(lambda: Assignment.create(workspace=hall, user=cast.charlie, role="scanner"))
    assert devices.reach(cast.charlie, mine.public_id).event == mine
    assert devices.reach(cast.charlie, mine.public_id).role == "scanner"
    assert devices.reach(cast.charlie, other.public_id) is None
    assert [one.title for one in devices.open_to(cast.charlie)] == ["Mine"]


def test_viewers_and_strangers_have_no_door_and_a_draft_has_none(cast):
    with inside(cast.acme):
        event, draft = an_event(), an_event("Draft", state="draft")
    assert devices.reach(cast.vera, event.public_id) is None
    assert devices.reach(cast.charlie, event.public_id) is None
    assert devices.reach(cast.alice, draft.public_id) is None
    assert devices.reach(cast.alice, event.public_id) is not None


def test_a_phone_that_was_taken_off_has_nothing_more_to_say(cast, at):
    with inside(cast.acme):
        keeper, phone, token = at_the_door(cast.bob, an_event())
        assert devices.known(keeper, token) == phone
        devices.revoke(phone.id, by=at("alice"))
        with pytest.raises(devices.Revoked):
            devices.known(keeper, token)
        assert Device.get(Device.id == phone.id).token_hash != token


def test_whoever_was_taken_off_opens_no_other_phone_until_they_are_let_back(cast, at):
    with inside(cast.acme):
        event = an_event()
        keeper, phone, token = at_the_door(cast.bob, event)
        devices.revoke(phone.id, by=at("alice"))
        with pytest.raises(devices.Revoked):
            devices.open_door(keeper, "Again", phone.checkpoint_id)
        devices.let_back(phone.id, by=at("alice"))
        assert devices.known(keeper, token) == phone
        assert devices.open_door(keeper, "Another", phone.checkpoint_id)


def test_a_member_without_the_second_factor_that_is_asked_for_has_no_door(cast):
    with inside(cast.acme):
        event = an_event()
    write(Organization.update(second_factor_from=now()).where(Organization.id == cast.acme.id).execute)
    with pytest.raises(permissions.SecondFactorRequired):
        devices.reach(cast.bob, event.public_id)
    write(User.update(second_factor_at=now()).where(User.id == cast.bob.id).execute)
    assert devices.reach(User.get_by_id(cast.bob.id), event.public_id)


def test_what_a_gate_stands_for_is_not_removed_and_its_scans_stay(cast, at):
    with inside(cast.acme):
        event = an_event()
        part = write(lambda: EventSession.create(event=event, title="Talk", starts_at=now(), ends_at=now()))
        kind = write(lambda: Tier.create(event=event, name="VIP"))
        write(lambda: Checkpoint.create(event=event, name="Gate", session=part, tier=kind))
        for rules, row in ((sessions.rules, part), (tiers.rules_in("EUR"), kind)):
            with pytest.raises(Forbidden, match="gate"):
                rows.remove(rules, row.id, by=at("alice"), parent=event.id)


def test_a_phones_token_is_of_no_use_to_somebody_else_or_elsewhere(cast):
    with inside(cast.acme):
        event, other = an_event(), an_event("Other")
        _, _, token = at_the_door(cast.bob, event)
        with pytest.raises(Forbidden, match="opened by"):
            devices.known(devices.reach(cast.alice, event.public_id), token)
        with pytest.raises(NotFound):
            devices.known(devices.reach(cast.bob, other.public_id), token)


def test_a_suspended_organizations_door_stays_open_and_a_deleted_ones_is_shut(cast):
    with inside(cast.acme):
        event = an_event()
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert devices.reach(cast.bob, event.public_id)
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    assert devices.reach(cast.bob, event.public_id) is None


def test_a_door_is_there_for_a_day_after_its_event_was_put_away_but_not_for_a_draft_that_was(cast, at, clock):
    with inside(cast.acme):
        event = an_event()
        for published, is_there in ((now(), True), (None, False)):
            times = {"starts_at": now() - timedelta(hours=9), "ends_at": now() - timedelta(hours=1)}
            values = {"state": "archived", "published_at": published} | times
            write(Event.update(values).where(Event.id == event.id).execute)
            assert bool(devices.reach(cast.bob, event.public_id)) is is_there
        write(Event.update(published_at=now()).execute)
    clock.forward(days=1)
    assert devices.reach(cast.bob, event.public_id) is None
