import json
from datetime import timedelta

import pytest

import models
from database.clock import now
from database.connections import database
from database.scope import inside
from domain.base import settings
from domain.entitlements.plans import PAID
from models import AuditEvent, Change, Grant, Invitation, Membership, Session
from tests.conftest import PASSWORD
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("bare_free")

JSON = {"Accept": "application/json"}


@pytest.fixture
def paid(cast):
    def grant():
        with inside(cast.acme):
            for capability in PAID:
                Grant.create(plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")

    write(grant)


@pytest.fixture
def of(cast):
    return lambda name: Membership.get(organization=cast.acme, user=getattr(cast, name))


def answer(client, address, asked, form=None, password=PASSWORD, **headers):
    """The dialog's own request: the original one with the answer beside it."""
    proof = {f"proof_{part}": asked[part] for part in ("action", "target", "level")}
    form = (form or {}) | proof | {"proof_method": "password", "proof_answer": password}
    return client.post(address, data=form, headers=headers)


def test_everybody_sees_who_works_there_and_as_what(browse, said):
    for name in ("alice", "bob", "vera"):
        text = said(browse(name).get("/acme/members"))
        for words in ("Alice", "alice@example.org", "Owner", "Bob", "Member", "Vera", "Viewer", "Longest here first"):
            assert words in text
    assert browse("charlie").get("/acme/members").status_code == 404


def test_the_only_owner_is_offered_no_lesser_role_for_herself(cast, browse, of):
    mine = f"/members/{of('alice').id}/role"
    assert mine not in browse("alice").get("/acme/members").get_data(True)
    write(Membership.update(role="owner").where(Membership.id == of("bob").id).execute)
    assert mine in browse("alice").get("/acme/members").get_data(True)


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_members_and_viewers_are_offered_nothing_to_change(browse, name, of):
    page = browse(name).get("/acme/members").get_data(True)
    assert "/role" not in page
    assert "/removal" not in page
    assert "Invite people" not in page


def test_an_admin_is_offered_no_change_of_an_owner(cast, browse, of):
    write(Membership.update(role="admin").where(Membership.id == of("bob").id).execute)
    page = browse("bob").get("/acme/members").get_data(True)
    assert f"/members/{of('vera').id}/role" in page
    assert f"/members/{of('alice').id}/role" not in page
    assert f"/members/{of('alice').id}/removal" not in page
    choices = browse("bob").get(f"/acme/members/{of('vera').id}/role").get_data(True)
    assert 'value="admin"' in choices
    assert 'value="owner"' not in choices
    assert browse("bob").get(f"/acme/members/{of('alice').id}/role").status_code == 403


def test_the_free_plan_leads_an_owner_to_the_plans_and_an_admin_to_an_owner(cast, browse, of, said):
    page = browse("alice").get("/acme/members").get_data(True)
    assert "See the plans" in page
    assert "/acme/invitations/new" not in page
    write(Membership.update(role="admin").where(Membership.id == of("bob").id).execute)
    text = said(browse("bob").get("/acme/members"))
    assert "Ask an owner of Acme to choose a plan." in text


def test_an_address_is_invited_and_waits_in_the_list(cast, paid, browse, followed, letters):
    alice = browse("alice")
    assert "6 of 10 seats are left" in alice.get("/acme/members").get_data(True)
    page = followed(alice, alice.post("/acme/invitations", data={"email": "nina@example.org", "role": "viewer"}))
    assert "nina@example.org is invited." in page
    assert "5 of 10 seats are left" in page
    assert [to for to, *_ in letters()] == ["nina@example.org"]
    assert "nina@example.org" not in browse("bob").get("/acme/members").get_data(True)


def test_a_refused_invitation_says_so_beside_the_field_and_keeps_what_was_typed(paid, browse, hx, outline):
    response = browse("alice").post(
        "/acme/invitations", data={"email": "bob@example.org", "role": "viewer"}, headers=hx("invite_form")
    )
    assert response.status_code == 422
    assert outline(response)[0] == ["invite_form"]
    page = response.get_data(True)
    assert "Bob is a member of Acme already." in page
    assert "bob@example.org</textarea>" in page
    assert '<option value="viewer" selected>' in page


def test_an_address_that_is_invited_already_can_be_sent_again(paid, browse, at, cast, followed, letters):
    alice = browse("alice")
    form = {"email": "nina@example.org", "role": "viewer"}
    alice.post("/acme/invitations", data=form)
    refused = alice.post("/acme/invitations", data=form)
    assert refused.status_code == 409
    assert "it can be sent again in the list" in refused.get_data(True)
    with inside(cast.acme):
        id = Invitation.get().id
        write(Invitation.update(expires_at=now()).where(Invitation.id == id).execute)
    page = followed(alice, alice.post(f"/acme/invitations/{id}/renewal"))
    assert "gets the letter again" in page
    assert len(letters()) == 2
    assert "cancelled" in followed(alice, alice.post(f"/acme/invitations/{id}/cancellation"))
    again = alice.post(f"/acme/invitations/{id}/renewal", headers=JSON)
    assert (again.status_code, again.json["code"]) == (409, "CONFLICT")


def test_twenty_invitations_an_hour_for_an_organization_whoever_sends_them(cast, paid, browse, of):
    from domain.base.allowances import limiter

    write(Membership.update(role="admin").where(Membership.id == of("bob").id).execute)
    alice, bob = browse("alice"), browse("bob")
    limiter.enabled = True
    for n in range(10):
        for who, client in (("a", alice), ("b", bob)):
            form = {"email": f"{who}{n}@example.org", "role": "member"}
            assert client.post("/acme/invitations", data=form).status_code in (303, 409)
            with inside(cast.acme):  # so that a seat is free for the next
                write(Invitation.update(status="cancelled").execute)
    refused = alice.post("/acme/invitations", data={"email": "x@example.org", "role": "member"}, headers=JSON)
    assert (refused.status_code, refused.json["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) > 0
    assert f"{refused.json['retry_after']} seconds" in refused.json["message"]


def test_a_role_is_changed_in_the_dialog_after_the_password(cast, browse, of, hx):
    alice, id = browse("alice"), of("bob").id
    dialog = alice.get(f"/acme/members/{id}/role", headers=hx("dialog")).get_data(True)
    assert 'value="member" checked' in dialog
    asked = alice.post(f"/acme/members/{id}/role", data={"role": "admin"}, headers=JSON).json
    assert (asked["code"], asked["level"], asked["target"]) == ("SENSITIVE_VERIFICATION_REQUIRED", 3, str(id))
    done = answer(alice, f"/acme/members/{id}/role", asked, {"role": "admin"}, **hx("dialog"))
    assert "Bob is now admin." in done.get_data(True)
    assert {"listChanged", "closeDialog"} <= json.loads(done.headers["HX-Trigger"]).keys()
    assert of("bob").role == "admin"
    bad = alice.post(f"/acme/members/{id}/role", data={"role": "emperor"}, headers=hx("dialog"))
    assert bad.status_code == 422
    assert "Choose one of: Owner, Admin, Member, Viewer." in bad.get_data(True)


def test_without_scripts_the_same_is_a_page(cast, browse, of):
    page = browse("alice").get(f"/acme/members/{of('bob').id}/role").get_data(True)
    assert "<h1>Change role</h1>" in page
    assert browse("alice").get("/acme/members/999999/role").status_code == 404


def test_a_member_is_removed_and_their_open_page_is_refused_at_its_next_request(cast, browse, of, hx, followed):
    alice, bob = browse("alice"), browse("bob")
    assert bob.get("/acme/members", headers=hx("list_area")).status_code == 200
    page = followed(alice, alice.post(f"/acme/members/{of('bob').id}/removal"))
    assert "Bob is removed." in page
    refused = bob.get("/acme/members", headers=hx("list_area"))
    assert (refused.status_code, refused.headers["HX-Retarget"]) == (404, "#notice")
    assert bob.post("/acme/tasks", data={"title": "Still here"}, headers=hx()).status_code == 404
    assert bob.get("/acme/news?since=").status_code == 404
    assert bob.get("/app").headers["Location"] == "/bob"


def test_the_others_open_pages_are_told_to_draw_the_members_anew(cast, browse, of, outline, hx):
    alice, vera = browse("alice"), browse("vera")
    mark = vera.get("/acme/news?since=").json["mark"]
    alice.post(f"/acme/members/{of('bob').id}/removal")
    assert "organization_member" in vera.get(f"/acme/news?since={mark}").json["stale"]
    drawn = vera.get("/acme/members", headers=hx("list_area"))
    assert outline(drawn)[0] == ["list_area"]
    assert "Bob" not in drawn.get_data(True)


def test_check_12_step_up_over_a_removed_member_runs_the_original_request_once_with_its_input(cast, browse, of, hx):
    alice, bob = browse("alice"), of("bob")
    write(Membership.update(role="admin").where(Membership.id == bob.id).execute)
    address = f"/acme/members/{bob.id}/removal"
    dialog = alice.post(address, headers=hx())
    assert (dialog.status_code, dialog.headers["HX-Retarget"]) == (403, "#dialog")
    asked = {"action": "member.remove", "target": str(bob.id), "level": 3}
    wrong = answer(alice, address, asked, password="Wrong horse 1!", **hx("dialog"))
    assert wrong.status_code == 422
    assert "That isn&#39;t your password." in wrong.get_data(True)
    assert of("bob")
    done = answer(alice, address, asked, **hx("dialog"))
    assert "Bob is removed." in done.get_data(True)
    assert AuditEvent.select().where(AuditEvent.action == "member.removed").count() == 1
    assert answer(alice, address, asked, **hx("dialog")).status_code == 404


def test_an_old_session_proves_it_before_it_removes_anybody(cast, browse, of):
    alice = browse("alice")
    long_ago = now() - timedelta(minutes=31)
    write(Session.update(created_at=long_ago).where(Session.user == cast.alice).execute)
    asked = alice.post(f"/acme/members/{of('bob').id}/removal", headers=JSON)
    assert (asked.status_code, asked.json["level"]) == (403, 2)
    assert of("bob")


def test_somebody_leaves_and_stands_in_their_own_space(cast, browse, at, followed):
    bob = browse("bob")
    response = bob.post("/acme/departure")
    assert response.headers["Location"] == "/bob"
    assert "You left the organization." in followed(bob, response)
    assert at("bob") is None
    last = browse("alice").post("/acme/departure", headers=JSON)
    assert (last.status_code, last.json["code"]) == (409, "LAST_OWNER")


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [("allow_invitations", "off", "/acme/invitations/new"), ("allow_member_management", "off", "/removal")],
)
def test_what_is_switched_off_is_neither_shown_nor_done(cast, paid, browse, of, name, value, hidden):
    alice = browse("alice")
    assert hidden in alice.get("/acme/members").get_data(True)
    settings.change(name, value, by=cast.stella)
    settings.forget()
    assert hidden not in alice.get("/acme/members").get_data(True)
    address = "/acme/invitations" if "invit" in name else f"/acme/members/{of('bob').id}/removal"
    refused = alice.post(address, data={"email": "nina@example.org", "role": "member"}, headers=JSON)
    assert (refused.status_code, refused.json["code"]) == (403, "PERSONAL_MODE_DISABLED")
    with inside(cast.acme):
        assert Invitation.select().count() == 0
        assert Change.select().where(Change.table == "organization_member").count() == 0


def test_the_members_page_of_a_personal_space_says_what_to_do(browse, said):
    assert "This is your own space" in said(browse("alice").get("/alice/members"))


def test_a_page_with_many_members_asks_few_questions(cast, browse, paid, monkeypatch, at):
    def fill():
        for n in range(40):
            user = models.User.create(email=f"m{n}@example.org", email_norm=f"m{n}@example.org")
            models.Profile.create(user=user, full_name=f"Member {n}")
            Membership.create(organization=cast.acme, user=user, role="member")

    write(fill)
    alice, asked = browse("alice"), []
    alice.get("/acme/members")
    execute = database.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda *a, **k: asked.append(a[0]) or execute(*a, **k))
    assert "Member 39" in alice.get("/acme/members").get_data(True)
    assert len(asked) < 30, "\n".join(asked)
