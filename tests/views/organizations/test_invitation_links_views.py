import re

import pytest

from database.scope import inside
from domain.entitlements.plans import PAID
from models import Grant, InvitationLink, Membership
from tests.fixtures.threads import write

FORM = {"role": "member", "most": "2", "days": "7"}


@pytest.fixture
def paid(cast):
    def grant():
        with inside(cast.acme):
            for capability in PAID:
                Grant.create(plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")

    write(grant)


def test_a_link_is_made_shown_once_and_joined_by(cast, paid, browse, followed):
    alice = browse("alice")
    page = alice.post("/acme/invitation-links", data=FORM)
    assert page.headers["Cache-Control"] == "no-store"
    path = re.search(r'value="https?://[^/"]+(/accept-invitation/[^"]+)"', page.get_data(True))[1]
    listed = alice.get("/acme/invitation-links").get_data(True)
    assert "As member, 0 of 2 joined" in listed
    assert path not in listed
    stranger = browse(None).get(path).get_data(True)
    assert "Join Acme" in stranger
    assert "/sign-in?next=%2Faccept-invitation%2F" in stranger or "/sign-in?next=/accept-invitation/" in stranger
    charlie = browse("charlie")
    assert "You join as member, with charlie@example.org" in charlie.get(path).get_data(True)
    assert "Welcome to Acme" in followed(charlie, charlie.post(path))
    assert Membership.get(organization=cast.acme, user=cast.charlie).role == "member"
    assert "You are in Acme" in charlie.get(path).get_data(True)
    with inside(cast.acme):
        id = InvitationLink.get().id
    assert "The link is ended." in followed(alice, alice.post(f"/acme/invitation-links/{id}/end"))
    assert "This link is over" in browse(None).get(path).get_data(True)
    assert browse("stella").post(path, headers={"Accept": "application/json"}).status_code == 409


def test_a_wrong_form_comes_back_with_what_was_typed(paid, browse, hx):
    page = browse("alice").post("/acme/invitation-links", data=FORM | {"most": "999"}, headers=hx("link_form"))
    assert page.status_code == 422
    assert 'value="999"' in page.get_data(True)
    assert "Choose a number from 1 to 200." in page.get_data(True)
