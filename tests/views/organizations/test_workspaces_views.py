import pytest

from database.scope import inside
from domain.organizations import invitations, workspaces
from models import Assignment, Invitation, Workspace

JSON = {"Accept": "application/json"}


@pytest.fixture
def stage(cast, at):
    with inside(cast.acme):
        return workspaces.create("Main stage", by=at("alice"))


def test_with_one_workspace_only_those_who_make_the_second_see_the_tab(browse, said):
    assert 'href="/acme/workspaces"' in browse("alice").get("/acme/settings").get_data(True)
    assert 'href="/acme/workspaces"' not in browse("bob").get("/acme/settings").get_data(True)
    assert "Everything is in the first workspace today." in said(browse("alice").get("/acme/workspaces"))


def test_a_second_one_is_made_and_everybody_sees_the_tab(browse, followed):
    alice = browse("alice")
    response = alice.post("/acme/workspaces", data={"name": "Main stage"})
    assert response.headers["Location"] == "/acme/workspaces/main-stage"
    assert "Choose who works in it." in followed(alice, response)
    assert 'href="/acme/workspaces"' in browse("bob").get("/acme/settings").get_data(True)


def test_a_name_that_is_taken_is_refused_beside_its_field(browse, hx, outline):
    response = browse("alice").post("/acme/workspaces", data={"name": "general"}, headers=hx("new_workspace"))
    assert response.status_code == 422
    assert outline(response)[0] == ["new_workspace"]
    assert "There is a workspace called General already." in response.get_data(True)


def test_a_member_is_added_gets_another_role_and_is_taken_out(browse, cast, stage, followed):
    alice = browse("alice")
    address = f"/acme/workspaces/{stage.id}/people"
    page = followed(alice, alice.post(address, data={"user": cast.bob.id, "role": "staff"}))
    assert "Bob is staff here now." in page
    assert "Bob is manager here now." in followed(
        alice, alice.post(address, data={"user": cast.bob.id, "role": "manager"})
    )
    assert "Manager in Main stage" in alice.get("/acme/members").get_data(True)
    with inside(cast.acme):
        part = Assignment.get().id
    assert "no longer in this workspace" in followed(alice, alice.post(f"{address}/{part}/removal"))
    assert alice.post(f"{address}/{part}/removal", headers=JSON).status_code == 404


def test_who_is_no_member_is_refused_beside_the_field(browse, cast, stage):
    response = browse("alice").post(
        f"/acme/workspaces/{stage.id}/people", data={"user": cast.charlie.id, "role": "staff"}
    )
    assert response.status_code == 422
    assert "Others are invited by e-mail." in response.get_data(True)


def test_somebody_from_outside_is_invited_without_a_plan(browse, cast, stage, followed, letters):
    alice = browse("alice")
    form = {"email": "nina@example.org", "workspace_role": "scanner"}
    page = followed(alice, alice.post(f"/acme/workspaces/{stage.id}/invitations", data=form))
    assert "nina@example.org is invited." in page
    assert "invites you to Main stage of Acme" in letters()[-1][1]
    refused = alice.post(f"/acme/workspaces/{stage.id}/invitations", data=form)
    assert refused.status_code == 409
    with inside(cast.acme):
        id = Invitation.get().id
    back = alice.post(f"/acme/invitations/{id}/cancellation")
    assert back.headers["Location"] == "/acme/invitations"


def test_it_is_renamed_archived_and_restored(browse, cast, stage, followed):
    alice = browse("alice")
    assert "Saved." in followed(alice, alice.post(f"/acme/workspaces/{stage.id}/name", data={"name": "Big stage"}))
    assert alice.post(f"/acme/workspaces/{stage.id}/name", data={"name": "x"}).status_code == 422
    assert "Big stage is archived." in followed(alice, alice.post(f"/acme/workspaces/{stage.id}/archival"))
    assert "This workspace is archived." in alice.get("/acme/workspaces/main-stage").get_data(True)
    assert "Big stage is back." in followed(alice, alice.post(f"/acme/workspaces/{stage.id}/restoration"))
    with inside(cast.acme):
        first = Workspace.get(Workspace.is_default).id
    assert alice.post(f"/acme/workspaces/{first}/archival", headers=JSON).status_code == 409


def test_members_look_and_change_nothing(browse, stage, said):
    page = browse("vera").get("/acme/workspaces/main-stage").get_data(True)
    assert "Main stage" in page
    for hidden in ("Add a member", "Invite somebody", "/archival", "/name"):
        assert hidden not in page
    assert browse("vera").post(f"/acme/workspaces/{stage.id}/archival").status_code == 403


def test_strangers_find_nothing(browse, stage):
    assert browse("charlie").get("/globex/workspaces/main-stage").status_code == 404


def test_an_open_page_is_drawn_anew_by_its_block(browse, stage, hx, outline, cast, at):
    with inside(cast.acme):
        invitations.invite("nina@example.org", "staff", by=at("alice"), workspace=stage.id)
    response = browse("alice").get("/acme/workspaces/main-stage", headers=hx("workspace_invited"))
    assert outline(response)[0] == ["workspace_invited"]
    assert "nina@example.org" in response.get_data(True)
    people = browse("alice").get("/acme/workspaces/main-stage", headers=hx("list_area"))
    assert outline(people)[0] == ["list_area"]
    assert outline(browse("bob").get("/acme/workspaces", headers=hx("list_area")))[0] == ["list_area"]
