import pytest

import models
from database.scope import everywhere, inside
from domain.base import settings
from domain.entitlements.plans import PAID
from domain.organizations import invitations, workspaces
from domain.people import accounts
from models import Grant, Invitation, Membership, Organization, User
from tests.fixtures.threads import write

JSON = {"Accept": "application/json"}


@pytest.fixture
def nina(cast, password_hash):
    cast.nina = accounts.create("nina@example.org", "Nina", password_hash)
    return cast.nina


@pytest.fixture
def invited(cast, at):
    def grant():
        for capability in PAID:
            Grant.create(plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")

    with inside(cast.acme):
        write(grant)
        return invitations.invite("nina@example.org", "viewer", by=at("alice"))


def look(client, invitation):
    return client.get(f"/accept-invitation?invitationId={invitation.public_id}").get_data(True)


def set_status(invitation, status):
    with everywhere("the test changes one invitation"):
        write(Invitation.update(status=status).where(Invitation.id == invitation.id).execute)


def test_a_stranger_sees_who_invites_into_what_and_comes_back_after_signing_in(browse, invited, nina, said):
    stranger = browse(None)
    page = look(stranger, invited)
    back = f"%2Faccept-invitation%3FinvitationId%3D{invited.public_id}"
    assert "Alice invites you to Acme" in page
    assert f"/sign-in?next={back.replace('%2F', '/')}" in page or f"/sign-in?next={back}" in page
    assert "/sign-up?email=nina%40example.org" in page
    form = {"email": "nina@example.org", "password": "Correct horse 1!"}
    address = f"/sign-in?next=/accept-invitation?invitationId={invited.public_id}"
    response = stranger.post(address, data=form)
    assert response.headers["Location"] == f"/accept-invitation?invitationId={invited.public_id}"
    assert "Accept invitation" in stranger.get(response.headers["Location"]).get_data(True)


def test_the_sign_up_form_begins_with_the_address_that_was_invited(browse, invited):
    page = browse(None).get("/sign-up?email=nina%40example.org&next=/app").get_data(True)
    assert 'value="nina@example.org"' in page


def test_accepting_needs_a_session(browse, invited):
    response = browse(None).post("/accept-invitation", data={"invitationId": invited.public_id})
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/sign-in")


def test_the_invited_accepts_and_stands_in_the_organization(browse, invited, nina, followed, cast):
    client = browse("nina")
    response = client.post("/accept-invitation", data={"invitationId": invited.public_id})
    assert response.headers["Location"] == "/acme"
    assert "Welcome to Acme." in followed(client, response)
    assert User.get_by_id(nina.id).active_organization_id == cast.acme.id
    assert client.get("/app").headers["Location"] == "/acme"
    again = client.post("/accept-invitation", data={"invitationId": invited.public_id}, headers=JSON)
    assert (again.status_code, again.json["code"]) == (409, "INVALID_TRANSITION")
    page = look(client, invited)
    assert "You accepted it" in page
    assert "Open Acme" in page


def test_another_account_is_told_which_address_it_was_masked_and_can_change_over(browse, invited, cast, said):
    client = browse("charlie")
    page = look(client, invited)
    assert "n•••@example.org" in page
    assert "nina@example.org" not in page
    assert "Accept invitation" not in page
    refused = client.post("/accept-invitation", data={"invitationId": invited.public_id}, headers=JSON)
    assert (refused.status_code, refused.json["code"]) == (403, "FORBIDDEN")
    back = f"/accept-invitation?invitationId={invited.public_id}"
    response = client.post("/sign-out", data={"next": back})
    assert response.headers["Location"] == back
    assert "Create an account" in client.get(back).get_data(True)


def test_signing_out_leads_nowhere_else(browse):
    response = browse("charlie").post("/sign-out", data={"next": "https://evil.example/"})
    assert response.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("status", "words"), [("expired", "too old"), ("cancelled", "taken back"), ("accepted", "accepted already")]
)
def test_each_end_of_an_invitation_has_its_own_sentence(browse, invited, nina, status, words):
    set_status(invited, status)
    for client in (browse(None), browse("nina")):
        page = look(client, invited)
        assert words in page
        assert "Accept invitation" not in page
    refused = browse("nina").post("/accept-invitation", data={"invitationId": invited.public_id}, headers=JSON)
    assert refused.status_code == 409
    assert words in refused.json["message"]


def test_without_a_seat_the_page_says_whom_to_tell(browse, invited, nina, cast):
    def fill():
        for n in range(6):
            user = User.create(email=f"m{n}@example.org", email_norm=f"m{n}@example.org")
            models.Profile.create(user=user)
            Membership.create(organization=cast.acme, user=user, role="member")

    write(fill)
    assert "Tell Alice: as soon as there is a seat" in look(browse("nina"), invited)
    refused = browse("nina").post("/accept-invitation", data={"invitationId": invited.public_id}, headers=JSON)
    assert (refused.status_code, refused.json["code"]) == (409, "MEMBER_LIMIT_EXCEEDED")


def test_an_address_that_is_not_proven_is_sent_to_prove_it(browse, invited, nina):
    client = browse("nina")
    write(User.update(email_verified_at=None).where(User.id == nina.id).execute)
    assert "Prove your e-mail address first" in look(client, invited)
    refused = client.post("/accept-invitation", data={"invitationId": invited.public_id}, headers=JSON)
    assert (refused.status_code, refused.json["code"]) == (403, "EMAIL_NOT_VERIFIED")


def test_declined_it_is_over(browse, invited, nina, followed):
    client = browse("nina")
    response = client.post("/accept-invitation/refusal", data={"invitationId": invited.public_id})
    assert response.headers["Location"] == "/app"
    assert "taken back" in look(client, invited)
    assert client.get("/acme").status_code == 404


def test_into_a_workspace_the_page_is_the_confirmation(browse, cast, at, nina, followed):
    with inside(cast.acme):
        stage = workspaces.create("Main stage", by=at("alice"))
        made = invitations.invite("nina@example.org", "scanner", by=at("alice"), workspace=stage.id)
    client = browse("nina")
    assert "Alice invites you to Main stage of Acme" in look(client, made)
    page = followed(client, client.post("/accept-invitation", data={"invitationId": made.public_id}))
    assert "You are scanner in Main stage now." in page
    assert "are scanner in Main stage" in look(client, made)
    assert client.get("/acme").status_code == 404
    assert client.get("/acme/workspaces/main-stage").status_code == 404


def test_a_link_that_leads_nowhere_is_a_plain_404(browse, invited):
    for query in ("", "?invitationId=", "?invitationId=nothing", "?invitationId=" + "x" * 300):
        assert browse(None).get(f"/accept-invitation{query}").status_code == 404


@pytest.mark.parametrize("switch", ["organization", "site"])
def test_while_it_is_shut_nobody_accepts(browse, invited, nina, cast, switch):
    if switch == "site":
        settings.change("organization_mode", "personal", by=cast.stella)
        settings.forget()
    else:
        write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert "Accept invitation" not in look(browse("nina"), invited)
    refused = browse("nina").post("/accept-invitation", data={"invitationId": invited.public_id}, headers=JSON)
    assert refused.status_code == 403
