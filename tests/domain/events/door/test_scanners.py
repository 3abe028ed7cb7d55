"""Who scans at one event's door: that door opens to them, and nothing else does."""

import pytest

from domain import Forbidden, Invalid
from domain.events.door import devices, scanners
from domain.lists import asks, lists
from domain.organizations import assignments, invitations, organizations, workspaces
from models import Assignment, AuditEvent, Invitation
from tests.fixtures.events import make_event
from tests.fixtures.threads import write


@pytest.fixture
def event(clock, inside_acme, at):
    return make_event(at("alice"))[0]


@pytest.fixture
def other(event, at):
    return make_event(at("alice"), title="Another")[0]


def listed(at, event):
    ask = asks.understand(scanners.listing, {}, event.id)
    return [(row.name, row.email) for row in lists.read(scanners.listing, ask, at("alice")).rows]


def test_somebody_from_outside_takes_the_invitation_and_has_this_door_alone(clock, event, other, cast, at, letters):
    assert devices.reach(cast.charlie, event.public_id) is None
    assert "is invited" in scanners.add(event.id, " Charlie@example.org", by=at("alice"))
    (letter,) = [text for to, _, text in letters() if to == "Charlie@example.org"]
    assert f"the door of “{event.title}”, Acme" in " ".join(letter.split())
    offer = invitations.accept(Invitation.get().public_id, cast.charlie)
    assert offer.where == f"the door of “{event.title}”, Acme"
    keeper = devices.reach(cast.charlie, event.public_id)
    assert (keeper.role, keeper.member) == ("scanner", None)
    assert devices.reach(cast.charlie, other.public_id) is None
    clock.moment = event.starts_at
    assert devices.open_to(cast.charlie) == [event]
    assert organizations.reach(cast.charlie, "acme") is None
    assert listed(at, event) == [("Charlie", "charlie@example.org")]
    assert listed(at, other) == []


def test_it_is_no_part_in_the_workspace_and_one_in_the_workspace_stands_beside_it(event, other, cast, at):
    general = workspaces.one("general")
    scanners.add(event.id, "charlie@example.org", by=at("alice"))
    assert invitations.of(general) == []
    assert [one.email for one in invitations.of(None, event)] == ["charlie@example.org"]
    invitations.accept(Invitation.get().public_id, cast.charlie)
    assert assignments.assigned(general) == set()
    ask = asks.understand(assignments.listing, {}, general.id)
    assert lists.read(assignments.listing, ask, at("alice")).rows == []
    write(assignments.place, general, cast.charlie, "staff", by=cast.alice, organization=at("alice").organization)
    assert Assignment.select().count() == 2
    event.workspace = other.workspace = general
    for one in (event, other):
        write(one.save)
    assert devices.reach(cast.charlie, event.public_id).role == "staff"
    assert devices.reach(cast.charlie, other.public_id).role == "staff"


def test_a_viewer_scans_at_once_and_once(event, other, cast, at):
    assert devices.reach(cast.vera, event.public_id) is None
    for _ in range(2):
        assert "scans at this door" in scanners.add(event.id, "vera@example.org", by=at("alice"))
    scanners.add(other.id, "vera@example.org", by=at("alice"))
    assert [one.event_id for one in Assignment.select().order_by(Assignment.id)] == [event.id, other.id]
    assert Invitation.select().count() == 0
    assert devices.reach(cast.vera, event.public_id).role == "scanner"
    facts = [e.summary for e in AuditEvent.select().where(AuditEvent.action == "member.assigned")]
    assert facts == [f"Vera is scanner at the door of “{one.title}”" for one in (event, other)]
    assignments.release(Assignment.get(Assignment.event == event).id, by=at("alice"))
    assert devices.reach(cast.vera, event.public_id) is None
    assert devices.reach(cast.vera, other.public_id)


def test_who_works_at_every_door_and_who_may_not_choose_is_told(event, at, cast):
    with pytest.raises(Invalid, match="every door already"):
        scanners.add(event.id, "bob@example.org", by=at("alice"))
    with pytest.raises(Invalid):
        scanners.add(event.id, "nobody", by=at("alice"))
    with pytest.raises(Forbidden):
        scanners.add(event.id, "charlie@example.org", by=at("bob"))
    scanners.add(event.id, "charlie@example.org", by=at("alice"))
    invitations.accept(Invitation.get().public_id, cast.charlie)
    with pytest.raises(Invalid, match="already"):
        scanners.add(event.id, "charlie@example.org", by=at("alice"))
    assert Assignment.select().count() == 1


def test_a_second_part_at_the_same_door_is_refused_by_the_table_itself(event, cast):
    rows = [{"workspace": workspaces.one("general"), "user": cast.vera, "role": "scanner", "event": event}] * 2
    assert [write(Assignment.insert(row).on_conflict_ignore().as_rowcount().execute) for row in rows] == [1, 0]
    bare = {**rows[0], "event": None}
    assert [write(Assignment.insert(bare).on_conflict_ignore().as_rowcount().execute) for _ in range(2)] == [1, 0]
