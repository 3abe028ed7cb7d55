"""Scanners of one event on its page: added by their address, invited, and taken off."""

import pytest

from domain.organizations import invitations
from models import Assignment, Invitation
from tests.fixtures.events import make_event


@pytest.fixture
def event(clock, inside_acme, at):
    return make_event(at("alice"))[0]


def test_one_is_added_waits_as_invited_and_comes_to_the_door(event, cast, browse, followed, said):
    alice, here = browse("alice"), f"/acme/events/{event.id}/scanners"
    page = said(alice.get(here))
    assert "Add a scanner" in page
    page = followed(alice, alice.post(f"{here}/people", data={"email": "charlie@example.org"}))
    assert "charlie@example.org is invited" in page
    invitation = Invitation.get()
    assert "charlie@example.org" in said(alice.get("/acme/invitations"))
    assert event.title in said(alice.get("/acme/invitations"))
    charlie = browse("charlie")
    assert f"invites you to the door of “{event.title}”, Acme" in said(
        charlie.get(f"/accept-invitation?invitationId={invitation.public_id}")
    )
    answer = charlie.post("/accept-invitation", data={"invitationId": invitation.public_id})
    assert answer.headers["Location"] == "/door"
    assert charlie.get(f"/door/{event.public_id}").status_code == 200
    assert charlie.get("/acme").status_code == 404
    assert "From outside" in said(alice.get(here))
    assert alice.post(f"{here}/{Assignment.get().id}/removal").status_code == 303
    assert charlie.get(f"/door/{event.public_id}").status_code == 404
    assert "Scanner" not in said(alice.get("/acme/members"))


def test_a_refusal_stands_beside_the_address(event, browse, said):
    answer = browse("alice").post(f"/acme/events/{event.id}/scanners/people", data={"email": "bob@example.org"})
    assert answer.status_code == 422
    assert "every door already" in said(answer)


def test_only_who_chooses_people_sees_them(event, cast, browse):
    assert "/scanners" in browse("alice").get(f"/acme/events/{event.id}/checkpoints").text
    bob = browse("bob")
    assert "/scanners" not in bob.get(f"/acme/events/{event.id}/checkpoints").text
    assert bob.get(f"/acme/events/{event.id}/scanners").status_code == 403
    assert invitations.of(None, event) == []
