import pytest

from database.scope import inside
from models import AuditEvent, Grant, Organization, StaffRole
from tests.conftest import write
from tests.fixtures.keys import a_key
from tests.views.admin.test_people_views import post

WHY = "Unpaid since May."


@pytest.fixture
def stella(browse):
    return browse("stella")


def test_organizations_are_found_by_address_and_status(stella, cast, said, hx, outline):
    assert "Globex" in said(stella.get("/admin/organizations"))
    page = said(stella.get("/admin/organizations?q=acme"))
    assert "alice@example.org" in page
    assert "Globex" not in page
    assert "Nothing fits" in said(stella.get("/admin/organizations?status=deleted"))
    top, _ = outline(stella.get("/admin/organizations?status=active", headers=hx("list_area")))
    assert top == ["list_area"]


def test_keys_of_all_are_listed_and_revoked(stella, browse, at, said):
    key, secret = a_key(at("alice"), name="Door app")
    page = said(stella.get("/admin/keys"))
    for shown in ("Door app", f"ghk_{key.prefix}", "Acme", "Alice"):
        assert shown in page, shown
    assert secret not in page
    assert "Nothing fits" in said(stella.get("/admin/keys?q=globex"))
    assert browse("alice").post(f"/admin/keys/{key.id}/revocation").status_code == 404
    assert post(stella, f"/admin/keys/{key.id}/revocation").status_code in (200, 303)
    assert "Door app" in said(stella.get("/admin/keys?status=revoked"))


def test_one_shows_owner_type_plan_grants_and_members(stella, cast, said):
    page = said(stella.get(f"/admin/organizations/{cast.acme.id}"))
    for shown in ("Alice", "Team", "Free", "0 active", "4 members", "Vera"):
        assert shown in page, shown
    assert stella.get("/admin/organizations/999999").status_code == 404


def test_suspending_one_closes_it_at_once_and_reactivating_opens_it(stella, browse, cast, said, hx):
    alice = browse("alice")
    assert alice.get("/acme/tasks").status_code == 200
    address = f"/admin/organizations/{cast.acme.id}"
    empty = stella.post(f"{address}/suspension", data={"reason": "no"}, headers=hx("suspend_form"))
    assert (empty.status_code, "Say why" in empty.get_data(True)) == (422, True)
    asked = stella.post(f"{address}/suspension", data={"reason": WHY}, headers={"Accept": "application/json"}).json
    assert (asked["code"], asked["level"], asked["target"]) == ("SENSITIVE_VERIFICATION_REQUIRED", 4, str(cast.acme.id))
    assert post(stella, f"{address}/suspension", reason=WHY).status_code == 303
    assert alice.get("/acme/tasks").status_code == 403
    assert WHY in said(alice.get("/acme"))
    assert WHY in said(stella.get(address))
    assert post(stella, f"{address}/suspension", reason=WHY).json["code"] == "INVALID_TRANSITION"
    assert post(stella, f"{address}/reactivation").status_code == 303
    assert alice.get("/acme/tasks").status_code == 200


def test_a_deleted_one_offers_nothing(stella, cast, said):
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    page = said(stella.get(f"/admin/organizations/{cast.acme.id}"))
    assert "That is for good." in page
    assert "Suspend Acme" not in page
    assert post(stella, f"/admin/organizations/{cast.acme.id}/reactivation").status_code == 409


def test_support_reads_and_doesnt_suspend(stella, cast, said):
    write(StaffRole.create, user=cast.stella, role="support")
    assert "Suspend Acme" not in said(stella.get(f"/admin/organizations/{cast.acme.id}"))
    assert post(stella, f"/admin/organizations/{cast.acme.id}/suspension", reason=WHY).status_code == 404
    assert Organization.get_by_id(cast.acme.id).status == "active"
    assert AuditEvent.select().where(AuditEvent.action == "admin.access_denied").count() == 1


@pytest.mark.parametrize("name", [None, "alice", "charlie"])
def test_to_others_there_is_nothing(browse, cast, name):
    assert browse(name).get("/admin/organizations").status_code == 404
    assert browse(name).get(f"/admin/organizations/{cast.acme.id}").status_code == 404


def test_a_plan_is_given_by_hand_and_ended(browse, cast, said, hx, followed):
    stella, base = browse("stella"), f"/admin/organizations/{cast.acme.id}"
    assert "Given by hand" in said(stella.get(base))
    form = {"what": "pro_monthly", "until": "2026-12-31", "reason": "too short"}
    refused = stella.post(f"{base}/gifts", data=form, headers=hx("gift_form"))
    page = refused.get_data(True)
    assert (refused.status_code, "10 to 500 characters" in page, "<html" in page) == (422, True, False)
    assert 'value="2026-12-31"' in page
    assert post(stella, f"{base}/gifts", **form | {"reason": "A partner of the festival."}).status_code == 303
    text = said(stella.get(base))
    assert "Pro, monthly until" in text
    assert "A partner of the festival." in text
    with inside(cast.acme):
        source = Grant.get().source
    assert post(stella, f"{base}/gifts/end", source=source).status_code == 303
    assert "A partner of the festival." not in said(stella.get(base))


def test_who_may_only_read_organizations_gives_nothing(browse, cast, said):
    stella, base = browse("stella"), f"/admin/organizations/{cast.acme.id}"
    write(StaffRole.create, user=cast.stella, role="support")
    assert "Given by hand" not in said(stella.get(base))
    assert stella.post(f"{base}/gifts", data={"what": "pro_monthly"}).status_code in (303, 404)
    with inside(cast.acme):
        assert Grant.select().count() == 0
