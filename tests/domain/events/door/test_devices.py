import pytest

from database.scope import inside
from domain import Forbidden, NotFound
from domain.events.door import devices
from models import Assignment, Device, Organization, Workspace
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
