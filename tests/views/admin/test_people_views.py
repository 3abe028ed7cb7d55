import re

import pytest

import models
from database.clock import now
from database.scope import inside
from domain.operations import alerts
from models import Admin, AuditEvent, Session, TicketOrder, User
from tests.conftest import PASSWORD, write
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event

WHY = "She asked why a task is gone."
JSON = {"Accept": "application/json"}


@pytest.fixture
def stella(browse):
    return browse("stella")


def post(client, path, **form):
    """A plain form of a sensitive act, and the password where it is asked for."""
    response = client.post(path, data=form, headers=JSON)
    if response.status_code == 403 and response.json["code"] == "SENSITIVE_VERIFICATION_REQUIRED":
        asked = {f"proof_{part}": response.json[part] for part in ("action", "target", "level")}
        proof = asked | {"proof_method": "password", "proof_answer": PASSWORD}
        response = client.post(path, data=form | proof, headers=JSON)
    return response


def look_on(client, user):
    response = post(client, f"/admin/users/{user.id}/impersonation", reason=WHY)
    assert response.status_code == 303, response.data
    return client


def events(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


def test_use_r12_people_are_found_by_parts_of_name_and_address(stella, cast, said):
    page = said(stella.get("/admin/users"))
    for name in ("Alice", "Bob", "Charlie"):
        assert name in page
    found = said(stella.get("/admin/users?q=OB@example.org"))
    assert "bob@example.org" in found
    assert "alice@example.org" not in found
    assert "Nothing fits" in said(stella.get("/admin/users?q=bobby"))
    assert "Nothing fits" in said(stella.get("/admin/users?status=suspended"))


def test_a_page_has_fifty_and_goes_on(stella, cast, hx, outline):
    def fill():
        for n in range(51):
            user = User.create(email=f"u{n}@example.org", email_norm=f"u{n}@example.org")
            models.Profile.create(user=user, full_name=f"Person {n}")

    write(fill)
    page = stella.get("/admin/users").get_data(True)
    assert page.count("data-open>") == 50
    (address,) = set(re.findall(r'href="(/admin/users\?after=\d+)"', page))
    more = stella.get(address, headers=hx("list_more")).get_data(True)
    assert more.count("data-open>") == 7
    top, _ = outline(stella.get("/admin/users?status=active", headers=hx("list_area")))
    assert top == ["list_area"]
    assert len(stella.get("/admin/users/export.csv").get_data(True).splitlines()) == 58


def test_a_persons_page_shows_what_support_needs_and_no_secret(stella, cast, said):
    write(User.update(totp_secret="s3cret-totp").where(User.id == cast.bob.id).execute)
    response = stella.get(f"/admin/users/{cast.bob.id}")
    page = said(response)
    for shown in ("Bob's space", "Acme", "Member", "Password", "No second factor", "Bob made an account"):
        assert shown in page.replace("&#39;", "'"), shown
    assert "s3cret-totp" not in response.get_data(True)
    assert str(User.get_by_id(cast.bob.id).password_hash) not in response.get_data(True)
    assert stella.get("/admin/users/999999").status_code == 404


@pytest.mark.parametrize("name", [None, "alice", "charlie"])
def test_to_others_there_is_nothing(browse, cast, name):
    client = browse(name)
    for path in ("/admin/users", f"/admin/users/{cast.bob.id}"):
        assert client.get(path).status_code == 404
    assert client.post(f"/admin/users/{cast.bob.id}/impersonation", data={"reason": WHY}).status_code in (303, 404)
    assert User.get_by_id(cast.bob.id).status == "active"
    assert Session.select().where(Session.staff_id.is_null(False)).count() == 0


def test_support_may_suspend_and_not_look_on_nor_see_other_places(stella, cast, said):
    write(models.StaffRole.create, user=cast.stella, role="support")
    page = said(stella.get(f"/admin/users/{cast.bob.id}"))
    assert "Suspend Bob" in page
    assert "See what they see" not in page
    assert "Site settings" not in page
    assert "Organizations" in page
    assert stella.post(f"/admin/users/{cast.bob.id}/impersonation", data={"reason": WHY}).status_code in (303, 404)
    assert Session.select().where(Session.staff_id.is_null(False)).count() == 0
    assert stella.get("/admin/settings").status_code == stella.get("/admin/audit").status_code == 404
    assert events("admin.access_denied")


def test_suspending_asks_who_one_is_and_signs_them_out(stella, browse, cast, hx):
    bob = browse("bob")
    assert bob.get("/acme/tasks").status_code == 200
    empty = stella.post(f"/admin/users/{cast.bob.id}/suspension", data={"reason": ""}, headers=hx("suspend_form"))
    assert empty.status_code == 422
    assert "Say why" in empty.get_data(True)
    assert "<html" not in empty.get_data(True)
    assert post(stella, f"/admin/users/{cast.bob.id}/suspension", reason=WHY).status_code == 303
    assert User.get_by_id(cast.bob.id).status == "suspended"
    assert bob.get("/acme/tasks").status_code == 303
    assert post(stella, f"/admin/users/{cast.bob.id}/suspension", reason=WHY).json["code"] == "INVALID_TRANSITION"
    assert post(stella, f"/admin/users/{cast.bob.id}/reactivation").status_code == 303
    assert User.get_by_id(cast.bob.id).status == "active"


# --- looking on ---------------------------------------------------------------------------------------------


def test_one_sees_what_they_see_with_a_banner_on_every_page(stella, cast, said):
    look_on(stella, cast.bob)
    for path in ("/acme", "/acme/tasks", "/notifications"):
        page = said(stella.get(path))
        assert "You see the site as Bob does, for 30 more minutes." in page, path
        assert WHY in page
    assert "Site settings" not in said(stella.get("/acme"))
    assert stella.get("/admin").status_code == 404
    assert "You see the site as" not in said(stella.get("/notifications/bell"))


def test_who_looks_on_gets_no_link_to_what_was_bought(stella, cast, at, clock):
    with inside(cast.acme):
        event, (tier,) = make_event(at("alice"))
        bought(event, tier)
        write(TicketOrder.update(user=cast.bob).execute)
    look_on(stella, cast.bob)
    assert "/orders/" not in stella.get("/account").text


def test_nothing_is_changed_while_looking(stella, cast, counted):
    look_on(stella, cast.bob)
    write(alerts.broadcast, "Tea is ready.", by=cast.stella)
    before = counted()
    for path in (
        "/acme/tasks",
        "/account",
        "/sign-out",
        "/notifications/reading",
        "/settings/security/sessions/end",
        "/account/deletion",
        "/step-up",
        "/organizations",
    ):
        response = stella.post(path, data={"title": "x", "name": "x"}, headers=JSON)
        assert response.status_code in (403, 404, 405), path
        assert response.status_code != 403 or "looking on" in response.json["message"], path
    for path in ("/acme", "/notifications", "/palette?q=a", "/acme/members"):
        assert stella.get(path).status_code == 200, path
    assert counted() == before
    assert User.get_by_id(cast.bob.id).last_seen_alert_at is None


@pytest.mark.parametrize("path", ["/account", "/account/address", "/settings/security", "/settings/security/password"])
def test_what_is_theirs_alone_stays_shut(stella, browse, cast, path):
    assert browse("bob").get(path).status_code == 200
    look_on(stella, cast.bob)
    response = stella.get(path, headers=JSON)
    assert (response.status_code, "theirs alone" in response.json["message"]) == (403, True)
    assert User.get_by_id(cast.bob.id).last_seen_alert_at is None


def test_stopping_brings_ones_own_session_back(stella, cast, said):
    look_on(stella, cast.bob)
    response = stella.post("/impersonation/end")
    assert response.headers["Location"] == f"/admin/users/{cast.bob.id}"
    page = said(stella.get(f"/admin/users/{cast.bob.id}"))
    assert "You see the site as" not in page
    assert stella.get("/admin/settings").status_code == 200
    assert stella.post("/impersonation/end", headers=JSON).status_code == 409
    assert [event.actor for event in events("admin.impersonation_ended")] == [cast.stella]
    assert Session.get(Session.staff_id == cast.stella.id).ended_at


def test_when_the_time_is_over_one_is_oneself_again(stella, cast, clock):
    write(Session.update(expires_at=now().replace(year=2099)).execute)
    look_on(stella, cast.bob)
    assert stella.get("/acme/tasks").status_code == 200
    clock.forward(minutes=30, seconds=1)
    write(Session.update(last_seen_at=clock()).execute)
    assert stella.get("/acme/tasks").status_code == 404
    assert stella.get("/admin").status_code == 200


def test_ones_own_session_must_still_be_good_on_the_way_back(stella, cast):
    look_on(stella, cast.bob)
    write(Session.update(ended_at=now()).where(Session.user == cast.stella).execute)
    response = stella.post("/impersonation/end")
    assert response.headers["Location"] == "/sign-in"
    assert stella.get("/acme/tasks").status_code == 303


def test_whoever_loses_the_right_is_thrown_out_at_the_next_page(stella, cast):
    look_on(stella, cast.bob)
    write(Admin.delete().execute)
    assert stella.get("/acme/tasks").status_code == 404  # stella herself, who is no member
    assert stella.get("/admin").status_code == 404
    (event,) = events("admin.impersonation_ended")
    assert event.metadata["why"] == "no longer allowed"


def test_a_suspended_person_is_looked_at_no_longer(stella, cast):
    look_on(stella, cast.bob)
    write(User.update(status="suspended").where(User.id == cast.bob.id).execute)
    assert stella.get("/acme/tasks").status_code == 404


def test_without_a_reason_the_form_comes_back(stella, cast, hx):
    response = stella.post(f"/admin/users/{cast.bob.id}/impersonation", data={"reason": "x"}, headers=hx("look_form"))
    assert response.status_code == 422
    assert "10 characters or more" in response.get_data(True)
    assert "<html" not in response.get_data(True)
    whole = stella.post(f"/admin/users/{cast.bob.id}/impersonation", data={"reason": "x"}).get_data(True)
    assert whole.count("10 characters or more") == 1


def test_check_5_a_denied_admin_write_leaves_a_committed_row(browse, cast, counted):
    """Whoever isn't admin gets 404, nothing is changed, and the try is in the log."""
    before = counted()
    response = browse("alice").post(f"/admin/users/{cast.bob.id}/suspension", data={"reason": WHY}, headers=JSON)
    assert (response.status_code, response.json["code"]) == (404, "NOT_FOUND")
    (event,) = events("admin.access_denied")
    assert (event.actor, event.result) == (cast.alice, "denied")
    assert "/admin/users/<id:id>/suspension" in event.summary
    assert {k: v for k, v in counted().items() if k != "AuditEvent"} == {
        k: v for k, v in before.items() if k != "AuditEvent"
    }


def test_check_5_a_wrong_answer_is_counted_and_the_sixth_is_blocked(stella, cast):
    path = f"/admin/users/{cast.bob.id}/suspension"
    asked = {"proof_action": "admin.suspend_user", "proof_target": cast.bob.id, "proof_level": 3, "reason": WHY}
    codes = []
    for answer in ["wrong"] * 5 + [PASSWORD]:
        form = asked | {"proof_method": "password", "proof_answer": answer}
        codes.append(stella.post(path, data=form, headers=JSON).json["code"])
    assert codes[-1] == "RATE_LIMITED"
    assert "RATE_LIMITED" not in codes[:4]
    assert len(events("security.stepup_failed")) == 5
    assert User.get_by_id(cast.bob.id).status == "active"


def test_check_13_the_gate_fails_as_404_and_the_link_is_hidden(browse, cast, web):
    """Unverified and listed → 404; nobody listed, neither by row nor by environment → no one."""
    stella = browse("stella")
    assert 'href="/admin"' in stella.get("/notifications").get_data(True)
    write(User.update(email_verified_at=None).where(User.id == cast.stella.id).execute)
    assert stella.get("/admin").status_code == 404
    assert 'href="/admin"' not in stella.get("/notifications").get_data(True)
    write(User.update(email_verified_at=now()).where(User.id == cast.stella.id).execute)
    assert stella.get("/admin").status_code == 200
    write(Admin.delete().execute)
    for name in (None, "alice", "bob", "charlie", "stella"):
        client = browse(name)
        assert client.get("/admin").status_code == 404, name
        assert 'href="/admin' not in client.get("/").get_data(True)


def test_check_13_the_second_factor_comes_last_and_only_the_listed_are_told(browse, cast, monkeypatch):
    import dataclasses

    from domain.base import configuration

    configuration.use(dataclasses.replace(configuration.active, super_admin_require_2fa=True))
    stella = browse("stella")
    assert stella.get("/admin").status_code == 404
    assert "Turn on a second factor" in stella.get("/account").get_data(True)
    assert "Turn on a second factor" not in browse("alice").get("/account").get_data(True)
    write(User.update(second_factor_at=now()).where(User.id == cast.stella.id).execute)
    assert stella.get("/admin").status_code == 200
    assert "Turn on a second factor" not in stella.get("/account").get_data(True)
